/*
 * fuzz_request.c - a request's document: what is accepted prints, and parses to the same again; and
 * whatever is planned for it lies within the limits.
 */
#include "broker/plan.h"
#include "proto/mirror.h"
#include "proto/point.h"
#include "proto/request.h"
#include "tests/fuzz/fuzz.h"

static bool is_same_view(const struct view *a, const struct view *b)
{
	return strcmp(a->re.text, b->re.text) == 0 && strcmp(a->im.text, b->im.text) == 0 &&
	       strcmp(a->width.text, b->width.text) == 0 &&
	       strcmp(a->height.text, b->height.text) == 0 &&
	       memcmp(&a->rotate_deg, &b->rotate_deg, sizeof a->rotate_deg) == 0;
}

static bool is_same_palette(const struct colour_palette *a, const struct colour_palette *b)
{
	bool is_same = strcmp(a->name, b->name) == 0 && a->is_cyclic == b->is_cyclic &&
		       a->is_linear == b->is_linear && a->stop_count == b->stop_count;
	for (uint32_t i = 0; is_same && i < a->stop_count; i++)
		is_same = a->stops[i].position == b->stops[i].position &&
			  memcmp(a->stops[i].rgb, b->stops[i].rgb, sizeof a->stops[i].rgb) == 0;
	return is_same;
}

static bool is_same_colour(const struct colour *a, const struct colour *b)
{
	return is_same_palette(&a->palette, &b->palette) && a->mode == b->mode &&
	       memcmp(a->interior, b->interior, sizeof a->interior) == 0 &&
	       a->inside == b->inside && a->period == b->period && a->density == b->density &&
	       a->offset == b->offset && a->rotation == b->rotation &&
	       a->is_dithered == b->is_dithered && a->azimuth_deg == b->azimuth_deg &&
	       a->elevation_deg == b->elevation_deg && a->height == b->height &&
	       a->power == b->power && a->blend == b->blend;
}

static bool is_same_counts(const struct request *a, const struct request *b)
{
	const struct buddha *x = &a->buddha, *y = &b->buddha;
	bool is_same = x->points == y->points && x->first == y->first && x->seed == y->seed &&
		       x->sampling == y->sampling && x->is_inside == y->is_inside &&
		       x->channels == y->channels && a->tone.curve == b->tone.curve &&
		       a->tone.gamma == b->tone.gamma && a->tone.white == b->tone.white;
	for (uint32_t i = 0; i < x->channels && is_same; i++)
		is_same = x->bands[i].min == y->bands[i].min && x->bands[i].max == y->bands[i].max;
	return is_same;
}

static bool is_same(const struct request *a, const struct request *b)
{
	return a->kind == b->kind && a->formula == b->formula &&
	       strcmp(a->c_re.text, b->c_re.text) == 0 && strcmp(a->c_im.text, b->c_im.text) == 0 &&
	       a->power == b->power && a->precision == b->precision &&
	       a->has_shortcuts == b->has_shortcuts && is_same_view(&a->view, &b->view) &&
	       a->width_px == b->width_px && a->height_px == b->height_px &&
	       a->iterations == b->iterations && a->samples == b->samples &&
	       a->adaptive == b->adaptive && a->format == b->format &&
	       is_same_colour(&a->colour, &b->colour) && is_same_counts(a, b);
}

static void check_again(const struct request *request)
{
	struct brot_error err;
	json_t *json = request_to_json(request);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	FUZZ_CHECK(text != NULL, "does not print");
	struct request *again = malloc(sizeof *again);
	FUZZ_CHECK(request_parse(text, strlen(text), again, &err) == BROT_OK, "refused: %s", text);
	FUZZ_CHECK(is_same(request, again), "parses to another: %s", text);
	json_t *second = request_to_json(again);
	FUZZ_CHECK(json_equal(json, second), "prints otherwise: %s", text);
	json_decref(second);
	json_decref(json);
	free(again);
	free(text);
}

static void check_layout(const struct image_layout *layout)
{
	uint64_t end = layout->bits_offset + layout->bits_bytes;
	FUZZ_CHECK(layout->bits_offset >= sizeof(struct image_header), "bits in the header");
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		FUZZ_CHECK(layout->planes[p].offset >= end, "plane %u overlaps", p);
		end = layout->planes[p].offset + layout->planes[p].bytes;
	}
	FUZZ_CHECK(end <= layout->total_bytes && layout->total_bytes <= INT64_MAX, "%llu bytes",
		   (unsigned long long)layout->total_bytes);
}

static void check_plan(const struct request *request, uint64_t image_bytes)
{
	const struct plan_budget budget = {.image_bytes = image_bytes};
	struct plan plan;
	struct brot_error err;
	if (plan_make(request, &budget, &plan, &err) != BROT_OK)
		return;
	FUZZ_CHECK(plan.band_rows > 0 && plan.band_count > 0, "no band");
	FUZZ_CHECK((uint64_t)plan.band_rows * plan.band_count >= plan.height_px &&
			   (uint64_t)plan.band_rows * (plan.band_count - 1) < plan.height_px,
		   "%u bands of %u rows", plan.band_count, plan.band_rows);
	for (uint32_t band = 0; band < plan.band_count; band += (plan.band_count + 6) / 7) {
		struct image_layout layout = plan_band_layout(&plan, band);
		check_layout(&layout);
		for (uint32_t p = 0; p < plan.phase_count; p++) {
			struct segment_grid grid = plan_band_grid(&plan, p, band);
			uint32_t count = segment_count(&grid);
			FUZZ_CHECK(count > 0 && count <= LIMIT_SEGMENTS, "%u segments", count);
			struct rect last = segment_run_rect(&grid, count - 1, 1);
			/* Those of samples have nothing to do with pixels. */
			if (plan.phases[p].kind == PHASE_SAMPLE)
				FUZZ_CHECK(count <= LIMIT_SAMPLE_SEGMENTS &&
						   rect_inside(&last, 1, count),
					   "%u segments of samples", count);
			else
				FUZZ_CHECK(rect_inside(&last, request->width_px, plan.height_px),
					   "a segment outside");
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)fuzz_copy(data, size);
	struct request *request = malloc(sizeof *request);
	struct brot_error err = {.code = BROT_OK};
	enum brot_err code = request_parse(text, size, request, &err);
	free(text);
	if (code == BROT_OK) {
		struct point_frame frame;
		check_again(request);
		(void)mirror_applies(request);
		if (point_frame_make(request, &frame, &err) == BROT_OK)
			FUZZ_CHECK(frame.step_re > 0 && frame.step_im > 0, "a step of 0");
		check_plan(request, 1 << 20);
		check_plan(request, 1ull << 40);
	} else {
		FUZZ_CHECK(err.code == code && err.text[0] != '\0', "no sentence");
	}
	free(request);
	return 0;
}
