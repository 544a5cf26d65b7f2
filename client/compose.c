/*
 * compose.c - options are laid over the canonical document of what the view gave, and the result
 * goes through the one parser of requests, so that no rule exists twice.
 */
#include "client/compose.h"

#include <stdio.h>
#include <string.h>

#include "client/infile.h"
#include "client/location.h"
#include "client/palette_file.h"
#include "proto/preset.h"
#include "proto/quote.h"

#define RANGE_WIDTH_PX 1920

/* Edges fix the proportions of the picture, unless --size does. */
static enum brot_err fit_height(struct request *request, struct brot_error *err)
{
	double height = decimal_to_double(&request->view.height);
	double width = decimal_to_double(&request->view.width);
	double height_px = RANGE_WIDTH_PX * (height / width);
	if (!(height_px >= 0.5 && height_px < LIMIT_SIZE_PX))
		return error_set(
			err, BROT_E_REQUEST,
			"--size: must be given with a view that is %.3g times as wide as high",
			width / height);
	request->width_px = RANGE_WIDTH_PX;
	request->height_px = (uint32_t)(height_px + 0.5);
	return BROT_OK;
}

/* A view in words, which is a formula's too if it is a preset. */
static enum brot_err read_view(const struct compose_words *words, struct request *request,
			       struct brot_error *err)
{
	uint32_t iterations = 0;
	enum brot_err code = view_parse(words->view, &request->view, &iterations, err);
	if (code != BROT_OK)
		return code;
	request->iterations = iterations != 0 ? iterations
					      : request_default_iterations(&request->view);
	if (request->view.height.text[0] != '\0' && words->size.width == 0)
		return fit_height(request, err);
	const struct preset *preset = preset_by_name(words->view);
	return preset != NULL ? request_set_formula(preset->formula, request, err) : BROT_OK;
}

enum brot_err compose_base(const struct compose_words *words, struct request *ret_request,
			   struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	char ignored[LOCATION_IGNORED_BYTES] = "";
	request_init(ret_request);
	if (words->view != NULL && words->view[0] == '@' && location_is_file(words->view + 1))
		code = location_read(words->view + 1, &words->size, ret_request, ignored, err);
	else if (words->view != NULL && words->view[0] == '@')
		code = infile_read_request(words->view + 1, ret_request, err);
	else if (words->view != NULL)
		code = read_view(words, ret_request, err);
	if (code == BROT_OK && words->formula != NULL)
		code = request_set_formula(words->formula, ret_request, err);
	if (code == BROT_OK)
		buddha_words_kind(words->kind, ret_request);
	/* A Buddhabrot is shown whole whatever the picture's proportions. */
	if (code == BROT_OK && words->size.width != 0) {
		ret_request->width_px = words->size.width;
		ret_request->height_px = words->size.height;
	}
	if (code == BROT_OK && words->view == NULL)
		request_set_home(ret_request);
	if (code == BROT_OK && words->ignored != NULL)
		memcpy(words->ignored, ignored, sizeof ignored);
	return code;
}

static int set_text(json_t *json, const char *key, const char *text)
{
	return text == NULL ? 0 : json_object_set_new(json, key, json_string(text));
}

static int set_number(json_t *json, const char *key, uint32_t number)
{
	return number == 0 ? 0 : json_object_set_new(json, key, json_integer(number));
}

/* A value as JSON has it, or a string: json_loads() knows numbers, true and false. */
static json_t *value_of(const char *text, size_t chars)
{
	json_t *value = json_loadb(text, chars, JSON_DECODE_ANY, NULL);
	if (value != NULL && !json_is_number(value) && !json_is_boolean(value)) {
		json_decref(value);
		value = NULL;
	}
	return value != NULL ? value : json_stringn(text, chars);
}

/* "KEY=VALUE,KEY=VALUE"; what the keys and values may be is for the request's parser to say. */
static enum brot_err set_pairs(json_t *object, const char *pairs, struct brot_error *err)
{
	for (const char *pair = pairs; pair != NULL && *pair != '\0';) {
		size_t chars = strcspn(pair, ","), key_chars = strcspn(pair, "=");
		char key[LIMIT_NAME_CHARS + 1], quoted[QUOTE_BYTES];
		json_t *value = NULL;
		if (key_chars > 0 && key_chars < chars && key_chars < sizeof key)
			value = value_of(pair + key_chars + 1, chars - key_chars - 1);
		(void)snprintf(key, sizeof key, "%.*s", (int)key_chars, pair);
		if (value == NULL || json_object_set_new(object, key, value) != 0)
			return error_set(err, BROT_E_USAGE,
					 "--colour: must be KEY=VALUE,KEY=VALUE..., got \"%s\"",
					 quote_text(pair, chars, quoted, sizeof quoted));
		pair += chars + (pair[chars] == ',' ? 1 : 0);
	}
	return BROT_OK;
}

/* json_string() refuses what is not UTF-8, and that alone can fail here but for memory. */
static enum brot_err lay_over(json_t *json, const struct compose_words *words, const char *format,
			      uint32_t samples, json_t *palette, struct brot_error *err)
{
	int failed = set_text(json, "kind", words->kind);
	failed |= set_text(json, "precision", words->precision);
	if (words->has_no_shortcuts)
		failed |= json_object_set_new(json, "shortcuts", json_false());
	failed |= set_text(json, "format", format);
	failed |= set_number(json, "iterations", words->iterations);
	failed |= set_number(json, "samples", samples);
	if (words->size.width != 0)
		failed |= json_object_set_new(json, "size",
					      json_pack("[I,I]", (json_int_t)words->size.width,
							(json_int_t)words->size.height));
	failed |= set_number(json, "adaptive", words->adaptive);
	json_t *colour = json_object_get(json, "colour");
	if (palette != NULL)
		failed |= json_object_set(colour, "palette", palette);
	else
		failed |= set_text(colour, "palette", words->palette);
	failed |= set_text(colour, "mode", words->mode);
	if (failed != 0)
		return error_set(
			err, BROT_E_USAGE,
			"--kind, --precision, --format, --palette and --mode: must be UTF-8");
	return set_pairs(colour, words->colour, err);
}

/* Where the format that a kind of file has without --format does not go with the rest of the
 * document, others may: the sentence names the file and these. */
static enum brot_err blame_usual(const struct filetype *filetype, enum format_id usual,
				 json_t *json, const struct brot_error *refusal,
				 struct brot_error *err)
{
	struct request tried;
	char formats[96] = "";
	for (unsigned f = 0; f < FORMAT_COUNT; f++) {
		const char *name = format_info((enum format_id)f)->name;
		const size_t used = strlen(formats);
		if ((filetype->formats & 1u << f) == 0 || set_text(json, "format", name) != 0 ||
		    request_from_json(json, &tried, NULL) != BROT_OK)
			continue;
		(void)snprintf(formats + used, sizeof formats - used, "%s%s",
			       used == 0 ? "" : " or ", name);
	}
	if (formats[0] == '\0')
		return error_set(err, refusal->code, "%s", refusal->text);
	return error_set(err, refusal->code,
			 "%.120s; a .%s file holds %s without --format: %s would do", refusal->text,
			 filetype->suffix, format_info(usual)->name, formats);
}

static enum brot_err check(const struct compose_words *words, const struct filetype *filetype,
			   const struct request *request, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	if (filetype != NULL)
		code = filetype_check_format(filetype, request->format, err);
	const struct format_info *format = format_info(request->format);
	if (code == BROT_OK && words->palette != NULL && format->is_data && filetype != NULL &&
	    !filetype->has_request)
		code = error_set(
			err, BROT_E_USAGE,
			"--palette: has no meaning in a .%s file of format %s, which holds "
			"numbers alone",
			filetype->suffix, format->name);
	if (code == BROT_OK && words->palette != NULL && request->kind == KIND_BUDDHABROT &&
	    request->buddha.channels > 1)
		code = error_set(err, BROT_E_USAGE,
				 "--palette: has no meaning with three bands, which are red, green "
				 "and blue themselves");
	return code;
}

static enum brot_err no_memory(struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "no memory for a request");
}

enum brot_err compose_request(const struct compose_words *words, const struct filetype *filetype,
			      struct request *ret_request, json_t **ret_json,
			      struct brot_error *err)
{
	struct request base;
	const enum brot_err code = compose_base(words, &base, err);
	return code == BROT_OK ? compose_over(words, filetype, &base, ret_request, ret_json, err)
			       : code;
}

enum brot_err compose_over(const struct compose_words *words, const struct filetype *filetype,
			   const struct request *base, struct request *ret_request,
			   json_t **ret_json, struct brot_error *err)
{
	struct request request = *base;
	enum brot_err code = buddha_words_apply(&words->buddha, words->iterations, &request, err);
	if (code != BROT_OK)
		return code;
	/* Without --format the kind of file decides, but a file's own format stays if it fits. */
	const char *format = words->format;
	if (format == NULL && filetype != NULL && (filetype->formats & (1u << request.format)) == 0)
		format = format_info(filetype_usual(filetype, &request))->name;
	/* Numbers have one sample: a picture's own are no mistake of who wants its numbers. */
	const struct format_info *info = format != NULL ? format_by_name(format)
							: format_info(request.format);
	uint32_t samples = words->samples;
	if (samples == 0 && info != NULL && info->is_data)
		samples = 1;
	json_t *palette = NULL;
	if (words->palette != NULL && words->palette[0] == '@')
		code = palette_file_read(words->palette + 1, &palette, err);
	if (code != BROT_OK)
		return code;
	json_t *json = request_to_json(&request);
	if (json == NULL)
		code = no_memory(err);
	else
		code = lay_over(json, words, format, samples, palette, err);
	if (code == BROT_OK) {
		struct brot_error refusal;
		code = request_from_json(json, &request, &refusal);
		if (code != BROT_OK && format != NULL && words->format == NULL)
			code = blame_usual(filetype, format_by_name(format)->id, json, &refusal,
					   err);
		else if (code != BROT_OK)
			code = error_set(err, code, "%s", refusal.text);
	}
	json_decref(json);
	json_decref(palette);
	if (code == BROT_OK)
		code = check(words, filetype, &request, err);
	if (code != BROT_OK)
		return code;
	json = request_to_json(&request);
	if (json == NULL)
		return no_memory(err);
	*ret_request = request;
	*ret_json = json;
	return BROT_OK;
}
