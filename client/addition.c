/* addition.c - two sets of counts of one request, of points that follow on each other. */
#include "client/addition.h"

#include <inttypes.h>
#include <string.h>

#include "client/textfile.h"
#include "proto/quote.h"

#define PIECE_PIXELS 4096

/* ---- the words ---- */

/* What the base settles. */
static const char *settled_word(const struct compose_words *words)
{
	const struct buddha_words *buddha = &words->buddha;
	const struct {
		const char *option;
		bool is_given;
	} options[] = {
		{"--view", words->view != NULL},
		{"--size", words->size.width != 0},
		{"--kind", words->kind != NULL &&
				   strcmp(words->kind, request_kind_name(KIND_BUDDHABROT)) != 0},
		{"--formula", words->formula != NULL},
		{"--precision", words->precision != NULL},
		{"--iterations", words->iterations != 0},
		{"--samples", words->samples != 0},
		{"--adaptive", words->adaptive != 0},
		{"--points", buddha->points != NULL},
		{"--samples-per-pixel", buddha->samples_per_pixel != NULL},
		{"--bands", buddha->bands != NULL},
		{"--min-iterations", buddha->min_iterations != NULL},
		{"--sampling", buddha->sampling != NULL},
		{"--seed", buddha->seed != NULL},
		{"--inside", buddha->is_inside},
	};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (options[i].is_given)
			return options[i].option;
	return NULL;
}

enum brot_err addition_check(const char *points, const char *base,
			     const struct compose_words *words, struct addition *addition,
			     struct brot_error *err)
{
	if (points == NULL && base == NULL)
		return BROT_OK;
	if (points == NULL || base == NULL)
		return error_set(err, BROT_E_USAGE, "%s: goes with %s alone",
				 points == NULL ? "--base" : "--add-points",
				 points == NULL ? "--add-points" : "--base");
	const char *settled = settled_word(words);
	if (settled != NULL)
		return error_set(err, BROT_E_USAGE,
				 "%s: cannot stand beside --base, which says what is counted",
				 settled);
	size_t chars;
	const bool is_job = base[0] != '\0' && strspn(base, "0123456789") == strlen(base);
	char quoted[QUOTE_BYTES];
	if (!is_job && !textfile_is(base, "exr", false, &chars))
		return error_set(
			err, BROT_E_USAGE,
			"--base: must be an .exr file of a Buddhabrot's counts, or a job's "
			"number, got \"%s\"",
			quote_text(base, strlen(base), quoted, sizeof quoted));
	enum brot_err code = buddha_words_number("--add-points", points, &addition->points, err);
	if (code == BROT_OK && addition->points == 0)
		code = error_set(err, BROT_E_USAGE, "--add-points: must be at least 1, got 0");
	addition->base = base;
	return code;
}

/* ---- the base ---- */

static enum brot_err no_memory(const struct addition *addition, struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "no memory for the counts of \"%.80s\"",
			 addition->base);
}

/* Counts of u64 in place of those of u32. */
static bool widen(struct numbers *counts)
{
	const size_t pixels = (size_t)counts->width_px * counts->height_px;
	struct numbers narrow = *counts;
	bool is_good = true;
	const uint32_t channels = numbers_channels(counts);
	if (counts->planes[PLANE_DENSITY32] == NULL)
		return true;
	counts->planes[PLANE_DENSITY32] = NULL;
	memset(counts->more, 0, sizeof counts->more);
	for (uint32_t c = 0; c < channels && is_good; c++) {
		is_good = numbers_reserve_channel(counts, PLANE_DENSITY, c);
		uint64_t *to = numbers_plane(counts, PLANE_DENSITY, c);
		const uint32_t *from = numbers_plane(&narrow, PLANE_DENSITY32, c);
		for (size_t i = 0; is_good && i < pixels; i++)
			to[i] = from[i];
	}
	narrow.request = NULL;
	memset(narrow.planes, 0, sizeof(void *) * PLANE_DENSITY32);
	numbers_free(&narrow);
	return is_good;
}

/* Copies the counts of a picture, whose rows are all there. */
static enum brot_err take_picture(struct addition *addition, const struct picture *picture,
				  struct brot_error *err)
{
	const struct request *request = picture->request;
	const struct format_info *format = format_info(request->format);
	struct numbers *counts = &addition->counts;
	counts->width_px = request->width_px;
	counts->height_px = request->height_px;
	for (uint32_t p = 0; p < format->plane_count; p++) {
		if (!numbers_reserve_channel(counts, format->planes[p], p))
			return no_memory(addition, err);
		memcpy(numbers_plane(counts, format->planes[p], p), picture->planes[p],
		       picture_rows_bytes(request, p, request->height_px));
	}
	return BROT_OK;
}

static enum brot_err not_counts(const struct addition *addition, struct brot_error *err)
{
	return error_set(err, BROT_E_REQUEST,
			 "--base: \"%.80s\" must hold the counts of a Buddhabrot, density or "
			 "nebula, and say of which",
			 addition->base);
}

static enum brot_err load_job(struct addition *addition, const struct delivery_config *model,
			      struct brot_error *err)
{
	struct delivery_config config = *model;
	struct delivery *delivery = NULL;
	config.attach = addition->job;
	config.request = NULL;
	config.json = NULL;
	config.is_kept = true;
	config.is_urgent = true;
	config.on_action = NULL;
	config.on_rows = NULL;
	enum brot_err code = delivery_new(&config, &delivery, err);
	if (code == BROT_OK)
		code = delivery_accept(delivery, err);
	if (code == BROT_OK && delivery_request(delivery)->kind != KIND_BUDDHABROT)
		code = not_counts(addition, err);
	if (code == BROT_OK)
		code = delivery_wait(delivery, err);
	struct picture picture;
	if (code == BROT_OK) {
		addition->request = *delivery_request(delivery);
		delivery_picture(delivery, &picture);
		code = picture_reach(&picture, 0, err);
	}
	if (code == BROT_OK)
		code = take_picture(addition, &picture, err);
	if (code == BROT_OK)
		delivery_finish(delivery, false);
	delivery_free(delivery);
	return code;
}

static enum brot_err load_file(struct addition *addition, struct brot_error *err)
{
	struct numbers *counts = &addition->counts;
	struct brot_error inner;
	enum brot_err code = numbers_read(addition->base, counts, &inner);
	if (code != BROT_OK) {
		static const char operand[] = "DATA: ";
		const size_t skipped = strncmp(inner.text, operand, sizeof operand - 1) == 0
					       ? sizeof operand - 1
					       : 0;
		return error_set(err, code, "--base: %.220s", inner.text + skipped);
	}
	if (counts->request == NULL || numbers_channels(counts) == 0)
		return not_counts(addition, err);
	if (request_parse(counts->request, strlen(counts->request), &addition->request, &inner) !=
	    BROT_OK)
		return error_set(err, BROT_E_REQUEST,
				 "--base: \"%.80s\": the request that it carries is none: %.120s",
				 addition->base, inner.text);
	const struct request *request = &addition->request;
	if (request->kind != KIND_BUDDHABROT || !format_info(request->format)->is_data ||
	    request->buddha.channels != numbers_channels(counts) ||
	    request->width_px != counts->width_px || request->height_px != counts->height_px)
		return not_counts(addition, err);
	return BROT_OK;
}

enum brot_err addition_load(struct addition *addition, const struct delivery_config *config,
			    struct brot_error *err)
{
	const struct buddha *buddha = &addition->request.buddha;
	enum brot_err code = addition->job != 0 ? load_job(addition, config, err)
						: load_file(addition, err);
	if (code == BROT_OK && !widen(&addition->counts))
		code = no_memory(addition, err);
	if (code == BROT_OK && buddha->sampling == SAMPLING_GRID)
		code = error_set(err, BROT_E_REQUEST,
				 "--base: \"%.80s\" has all %" PRIu64 " points of its grid, and "
				 "none can be added",
				 addition->base, buddha->points);
	if (code == BROT_OK && (addition->points >= LIMIT_POINTS ||
				buddha->first + buddha->points >= LIMIT_POINTS - addition->points))
		code = error_set(err, BROT_E_REQUEST,
				 "--add-points: must leave the points of \"%.80s\" below 2^62",
				 addition->base);
	return code;
}

/* ---- requests ---- */

enum brot_err addition_compose(const struct addition *addition, const struct compose_words *words,
			       const struct filetype *filetype, struct request *ret_request,
			       json_t **ret_json, struct brot_error *err)
{
	struct request whole = addition->request;
	whole.buddha.points += addition->points;
	whole.has_shortcuts = true;
	return compose_over(words, filetype, &whole, ret_request, ret_json, err);
}

enum brot_err addition_data(const struct addition *addition, const struct request *whole,
			    struct request *ret_data, struct brot_error *err)
{
	const struct buddha *base = &addition->request.buddha;
	const enum brot_err code = request_to_data(whole, ret_data, err);
	if (code != BROT_OK)
		return code;
	ret_data->buddha.first = base->first + base->points;
	ret_data->buddha.points = addition->points;
	return BROT_OK;
}

/* ---- the sum ---- */

static enum brot_err refuse_count(const struct request *data, size_t pixel, uint64_t count,
				  struct brot_error *err)
{
	const bool is_nebula = format_info(data->format)->plane_count > 1;
	return error_set(err, BROT_E_REQUEST,
			 "format: the count at column %zu of row %zu is %" PRIu64
			 ", over what %s holds: %s has room for it",
			 pixel % data->width_px, pixel / data->width_px, count,
			 format_info(data->format)->name, is_nebula ? "nebula" : "density");
}

/* u32 where the request wants them, at the front of the same memory. */
static enum brot_err narrow(uint64_t *counts, const struct request *data, struct brot_error *err)
{
	const size_t pixels = (size_t)data->width_px * data->height_px;
	for (size_t first = 0, count; first < pixels; first += count) {
		uint32_t small[PIECE_PIXELS];
		count = pixels - first < PIECE_PIXELS ? pixels - first : PIECE_PIXELS;
		for (size_t i = 0; i < count; i++) {
			if (counts[first + i] > UINT32_MAX)
				return refuse_count(data, first + i, counts[first + i], err);
			small[i] = (uint32_t)counts[first + i];
		}
		memcpy((uint8_t *)counts + first * sizeof small[0], small, count * sizeof small[0]);
	}
	return BROT_OK;
}

enum brot_err addition_add(struct addition *addition, const struct picture *added,
			   const struct request *data, struct picture *ret_sum,
			   struct brot_error *err)
{
	const size_t pixels = (size_t)data->width_px * data->height_px;
	const struct format_info *format = format_info(data->format);
	*ret_sum = (struct picture){
		.request = data, .rows = data->height_px, .compress = PICTURE_COMPRESS};
	enum brot_err code = BROT_OK;
	for (uint32_t p = 0; p < format->plane_count && code == BROT_OK; p++) {
		uint64_t *counts = numbers_plane(&addition->counts, PLANE_DENSITY, p);
		for (size_t i = 0; i < pixels; i++) {
			uint64_t more;
			memcpy(&more, added->planes[p] + i * sizeof more, sizeof more);
			if (counts[i] > UINT64_MAX - more)
				return error_set(err, BROT_E_REQUEST,
						 "--add-points: a count would be over 2^64 - 1");
			counts[i] += more;
		}
		if (format->planes[p] == PLANE_DENSITY32)
			code = narrow(counts, data, err);
		ret_sum->planes[p] = (const uint8_t *)counts;
	}
	return code;
}

void addition_free(struct addition *addition)
{
	numbers_free(&addition->counts);
}
