/* view.c - the words for a view. */
#include "proto/view.h"

#include <stdbool.h>
#include <string.h>

#include "proto/nearest.h"
#include "proto/preset.h"
#include "proto/quote.h"

/* A piece of the text. */
struct part {
	const char *text;
	size_t chars;
};

static enum brot_err refuse(struct brot_error *err, const char *field, const char *rule,
			    const char *value, size_t chars)
{
	char quoted[QUOTE_BYTES];
	return error_set(err, BROT_E_REQUEST, "%s: %s, got \"%s\"", field, rule,
			 quote_text(value, chars, quoted, sizeof quoted));
}

static enum brot_err read_decimal(const char *field, const char *text, size_t chars,
				  struct decimal_text *ret, struct brot_error *err)
{
	enum decimal_status status = decimal_parse(text, chars, ret);
	if (status == DECIMAL_LENGTH)
		return error_set(err, BROT_E_REQUEST, "%s: %s, got %zu", field,
				 decimal_rule(status), chars);
	if (status != DECIMAL_OK)
		return refuse(err, field, decimal_rule(status), text, chars);
	return BROT_OK;
}

static enum brot_err check_centre(const char *field, const struct decimal_text *value,
				  struct brot_error *err)
{
	char quoted[QUOTE_BYTES];
	if (decimal_compare_magnitude(value, LIMIT_COORDINATE) > 0)
		return error_set(
			err, BROT_E_REQUEST, "%s: must be %d..%d, got %s", field, -LIMIT_COORDINATE,
			LIMIT_COORDINATE,
			quote_text(value->text, strlen(value->text), quoted, sizeof quoted));
	return BROT_OK;
}

static enum brot_err check_extent(const char *field, const struct decimal_text *value,
				  struct brot_error *err)
{
	char quoted[QUOTE_BYTES];
	quote_text(value->text, strlen(value->text), quoted, sizeof quoted);
	if (decimal_sign(value) <= 0)
		return error_set(err, BROT_E_REQUEST, "%s: must be over 0, got %s", field, quoted);
	if (decimal_compare_magnitude(value, LIMIT_COORDINATE) > 0)
		return error_set(err, BROT_E_REQUEST, "%s: must be at most %d, got %s", field,
				 LIMIT_COORDINATE, quoted);
	return BROT_OK;
}

enum brot_err view_read_centre(const char *field, const char *text, size_t chars,
			       struct decimal_text *ret, struct brot_error *err)
{
	struct decimal_text value;
	enum brot_err code = read_decimal(field, text, chars, &value, err);
	if (code == BROT_OK)
		code = check_centre(field, &value, err);
	if (code == BROT_OK)
		*ret = value;
	return code;
}

enum brot_err view_read_extent(const char *field, const char *text, size_t chars,
			       struct decimal_text *ret, struct brot_error *err)
{
	struct decimal_text value;
	enum brot_err code = read_decimal(field, text, chars, &value, err);
	if (code == BROT_OK)
		code = check_extent(field, &value, err);
	if (code == BROT_OK)
		*ret = value;
	return code;
}

/* Cuts text at each separator into at most `max` parts, blanks around each removed.
 * Returns how many there are, max + 1 where there are more. */
static size_t split(struct part text, char separator, struct part *parts, size_t max)
{
	const char *p = text.text, *end = text.text + text.chars;
	for (size_t count = 0; count < max; count++) {
		const char *stop = memchr(p, separator, (size_t)(end - p));
		const char *last = stop != NULL ? stop : end;
		const char *next = last;
		while (p < last && *p == ' ')
			p++;
		while (last > p && last[-1] == ' ')
			last--;
		parts[count] = (struct part){p, (size_t)(last - p)};
		if (stop == NULL)
			return count + 1;
		p = next + 1;
	}
	return max + 1;
}

/* Reads "MIN:MAX" into the middle and the distance. */
static enum brot_err read_range(struct part text, const char *const fields[4],
				struct decimal_text *ret_centre, struct decimal_text *ret_extent,
				struct brot_error *err)
{
	struct part ends[2];
	if (split(text, ':', ends, 2) != 2)
		return refuse(err, "view", "must be XMIN:XMAX,YMIN:YMAX", text.text, text.chars);
	struct decimal_text min, max;
	enum brot_err code = view_read_centre(fields[0], ends[0].text, ends[0].chars, &min, err);
	if (code == BROT_OK)
		code = view_read_centre(fields[1], ends[1].text, ends[1].chars, &max, err);
	if (code != BROT_OK)
		return code;
	if (decimal_compare(&min, &max) >= 0) {
		char quoted[QUOTE_BYTES];
		return error_set(err, BROT_E_REQUEST, "%s: must be over %s, got \"%s\"", fields[1],
				 fields[0] + strlen("view: "),
				 quote_text(text.text, text.chars, quoted, sizeof quoted));
	}
	enum decimal_status status = decimal_add(&min, &max, ret_centre);
	if (status == DECIMAL_OK)
		status = decimal_halve(ret_centre, ret_centre);
	if (status == DECIMAL_OK)
		status = decimal_subtract(&max, &min, ret_extent);
	if (status != DECIMAL_OK)
		return refuse(err, fields[2], decimal_rule(status), text.text, text.chars);
	return check_extent(fields[3], ret_extent, err);
}

static enum brot_err read_edges(const struct part axes[2], struct view *view,
				struct brot_error *err)
{
	static const char *const x_fields[4] = {"view: XMIN", "view: XMAX", "view: the x range",
						"view: XMAX - XMIN"};
	static const char *const y_fields[4] = {"view: YMIN", "view: YMAX", "view: the y range",
						"view: YMAX - YMIN"};
	enum brot_err code = read_range(axes[0], x_fields, &view->re, &view->width, err);
	if (code == BROT_OK)
		code = read_range(axes[1], y_fields, &view->im, &view->height, err);
	return code;
}

static enum brot_err read_centre_width(const struct part parts[3], struct view *view,
				       struct brot_error *err)
{
	enum brot_err code = view_read_centre("view: RE", parts[0].text, parts[0].chars, &view->re,
					      err);
	if (code == BROT_OK)
		code = view_read_centre("view: IM", parts[1].text, parts[1].chars, &view->im, err);
	if (code == BROT_OK)
		code = view_read_extent("view: WIDTH", parts[2].text, parts[2].chars, &view->width,
					err);
	return code;
}

static enum brot_err read_preset(const char *text, struct view *ret_view, uint32_t *ret_iterations,
				 struct brot_error *err)
{
	const struct preset *preset = preset_by_name(text);
	if (preset == NULL) {
		struct nearest nearest = nearest_start(text);
		for (size_t i = 0; preset_at(i) != NULL; i++)
			nearest_offer(&nearest, preset_at(i)->name);
		char quoted[QUOTE_BYTES], hint[NEAREST_HINT_BYTES];
		return error_set(err, BROT_E_NOT_FOUND, "view: no preset is named \"%s\"%s",
				 quote_text(text, strlen(text), quoted, sizeof quoted),
				 nearest_hint(&nearest, hint));
	}
	preset_view(preset, ret_view);
	*ret_iterations = preset->iterations;
	return BROT_OK;
}

enum brot_err view_parse(const char *text, struct view *ret_view, uint32_t *ret_iterations,
			 struct brot_error *err)
{
	bool is_range = strchr(text, ':') != NULL;
	if (!is_range && strchr(text, ',') == NULL)
		return read_preset(text, ret_view, ret_iterations, err);
	size_t chars = strlen(text);
	struct part parts[3];
	size_t wanted = is_range ? 2 : 3;
	if (split((struct part){text, chars}, ',', parts, wanted) != wanted)
		return refuse(err, "view",
			      is_range ? "must be XMIN:XMAX,YMIN:YMAX" : "must be RE,IM,WIDTH",
			      text, chars);
	struct view view = {.rotate_deg = 0.0};
	enum brot_err code = is_range ? read_edges(parts, &view, err)
				      : read_centre_width(parts, &view, err);
	if (code != BROT_OK)
		return code;
	*ret_view = view;
	*ret_iterations = 0;
	return BROT_OK;
}

bool view_is_mirrored(const struct view *view)
{
	return decimal_sign(&view->im) == 0 && view->rotate_deg == 0.0;
}
