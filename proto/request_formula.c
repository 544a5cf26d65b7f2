/* request_formula.c - the words for a formula and its parameters. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/quote.h"
#include "proto/request.h"

#define CHOICES_BYTES 128

/* "mandelbrot, julia:RE,IM, multibrot:POWER or tricorn" */
static const char *choices(char text[CHOICES_BYTES])
{
	text[0] = '\0';
	for (unsigned i = 0; i < FORMULA_COUNT; i++) {
		const struct formula_info *info = formula_info((enum formula_id)i);
		size_t used = strlen(text);
		(void)snprintf(text + used, CHOICES_BYTES - used, "%s%s%s",
			       i == 0                   ? ""
			       : i == FORMULA_COUNT - 1 ? " or "
							: ", ",
			       info->name,
			       info->has_c       ? ":RE,IM"
			       : info->has_power ? ":POWER"
						 : "");
	}
	return text;
}

static enum brot_err refuse(const char *text, struct brot_error *err)
{
	char words[CHOICES_BYTES], quoted[QUOTE_BYTES];
	return error_set(err, BROT_E_REQUEST, "formula: must be %s, got \"%s\"", choices(words),
			 quote_text(text, strlen(text), quoted, sizeof quoted));
}

/* Without the blanks around it. */
static const char *trim(const char *text, size_t *chars)
{
	while (*chars > 0 && text[0] == ' ')
		text++, --*chars;
	while (*chars > 0 && text[*chars - 1] == ' ')
		--*chars;
	return text;
}

static enum brot_err read_c(const char *text, const char *comma, struct request *request,
			    struct brot_error *err)
{
	size_t re_chars = (size_t)(comma - text), im_chars = strlen(comma + 1);
	const char *re = trim(text, &re_chars), *im = trim(comma + 1, &im_chars);
	enum brot_err code = view_read_centre("formula: RE", re, re_chars, &request->c_re, err);
	if (code == BROT_OK)
		code = view_read_centre("formula: IM", im, im_chars, &request->c_im, err);
	return code;
}

static enum brot_err read_power(const char *text, struct request *request, struct brot_error *err)
{
	size_t chars = strlen(text);
	const char *digit = trim(text, &chars);
	unsigned power = chars == 1 && *digit >= '0' ? (unsigned)(*digit - '0') : 0;
	if (power < FORMULA_POWER_MIN || power > FORMULA_POWER_MAX) {
		char quoted[QUOTE_BYTES];
		return error_set(err, BROT_E_REQUEST, "formula: POWER: must be %d..%d, got \"%s\"",
				 FORMULA_POWER_MIN, FORMULA_POWER_MAX,
				 quote_text(digit, chars, quoted, sizeof quoted));
	}
	request->power = power;
	return BROT_OK;
}

enum brot_err request_set_formula(const char *text, struct request *request, struct brot_error *err)
{
	char name[LIMIT_NAME_CHARS + 1];
	const size_t name_chars = strcspn(text, ":");
	enum formula_id id;
	(void)snprintf(name, sizeof name, "%.*s", (int)(name_chars < sizeof name ? name_chars : 0),
		       text);
	if (!formula_by_name(name, &id))
		return refuse(text, err);
	const struct formula_info *info = formula_info(id);
	const char *parameters = text[name_chars] == ':' ? text + name_chars + 1 : NULL;
	if (parameters == NULL && id == request->formula)
		return BROT_OK;
	if ((parameters != NULL) != (info->has_c || info->has_power))
		return refuse(text, err);

	struct request changed = *request;
	changed.formula = id;
	changed.c_re = changed.c_im = (struct decimal_text){"0"};
	changed.power = 2;
	enum brot_err code = BROT_OK;
	const char *comma = parameters != NULL ? strchr(parameters, ',') : NULL;
	if (info->has_c && (comma == NULL || strchr(comma + 1, ',') != NULL))
		code = refuse(text, err);
	else if (info->has_c)
		code = read_c(parameters, comma, &changed, err);
	else if (info->has_power)
		code = read_power(parameters, &changed, err);
	if (code == BROT_OK)
		*request = changed;
	return code;
}

/* Upright, that is with the negative reals on top, it is some 3 high and 2.6 wide. */
static void set_buddhabrot_home(struct request *request)
{
	const double high = 3.2 * request->width_px / request->height_px;
	const double width = high < 2.8 ? 2.8 : high < LIMIT_COORDINATE ? high : LIMIT_COORDINATE;
	struct view view = {.re = {"-0.4"}, .im = {"0"}, .rotate_deg = 90.0};
	/* Three places behind the point are enough. */
	const int digits = width < 10.0 ? 4 : width < 100.0 ? 5 : width < 1000.0 ? 6 : 7;
	const enum decimal_status status = decimal_from_scaled(width, digits, 0, &view.width);
	assert(status == DECIMAL_OK);
	(void)status;
	request->view = view;
	request->iterations = request_default_iterations(&view);
}

void request_set_home(struct request *request)
{
	if (request->kind == KIND_BUDDHABROT) {
		set_buddhabrot_home(request);
		return;
	}
	const struct formula_info *info = formula_info(request->formula);
	struct view view = {.rotate_deg = 0.0};
	(void)decimal_parse(info->home_re, strlen(info->home_re), &view.re);
	(void)decimal_parse(info->home_im, strlen(info->home_im), &view.im);
	(void)decimal_parse(info->home_width, strlen(info->home_width), &view.width);
	request->view = view;
	request->iterations = request_default_iterations(&view);
}
