/* test_plan_counts.c - what Buddhabrots take, and how their samples are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "broker/plan.h"

static struct request request_of(uint32_t width, uint32_t height, enum format_id format)
{
	struct request request;
	request_init(&request);
	request.kind = KIND_BUDDHABROT;
	request.format = format;
	request.width_px = width;
	request.height_px = height;
	request.iterations = 1000;
	request.buddha = (struct buddha){.points = 10000000,
					 .channels = format_info(format)->plane_count};
	return request;
}

static struct plan plan_of(const struct request *request, uint64_t budget_bytes)
{
	const struct plan_budget budget = {.image_bytes = budget_bytes};
	struct plan plan;
	struct brot_error err = {0};
	memset(&plan, 0x5a, sizeof plan);
	if (plan_make(request, &budget, &plan, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return plan;
}

static void samples_are_cut_by_their_work(void **state)
{
	(void)state;
	static const struct {
		uint64_t points;
		uint32_t iterations;
		uint64_t segment_points;
		uint32_t segments;
	} cases[] = {
		{1, 1000, 65536, 1},
		{65536, 1000, 65536, 1},
		{65537, 1000, 65536, 2},
		{1000000, 1000000, 4294, 233},
		{10, 1000000000, 4, 3},
		{1ull << 40, 1000, 1ull << 18, 1u << 22},
		{(1ull << 40) + 1, 1000, (1ull << 18) + 1, 4194289},
		{(1ull << 62) - 1, 1, 1ull << 40, 1u << 22},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct buddha_segments cut = buddha_segments(cases[i].points,
								   cases[i].iterations);
		assert_true(cut.points == cases[i].segment_points);
		assert_int_equal(cut.count, cases[i].segments);
		assert_true(cut.count <= LIMIT_SAMPLE_SEGMENTS);
	}
}

static void samples_then_sums(void **state)
{
	(void)state;
	struct request request = request_of(100, 50, FORMAT_NEBULA);
	struct plan plan = plan_of(&request, 1ull << 60);
	assert_int_equal(plan.phase_count, 2);
	assert_int_equal(plan.band_count, 1);
	assert_int_equal(plan.phases[0].kind, PHASE_SAMPLE);
	assert_int_equal(plan.phases[1].kind, PHASE_SUM);
	assert_string_equal(phase_name(PHASE_SAMPLE), "sample");
	assert_string_equal(phase_name(PHASE_SUM), "sum");
	assert_int_equal(plan.phases[0].grid.width_px, 1);
	assert_int_equal(plan.phases[0].grid.height_px, 153);
	assert_int_equal(plan.counts.segments, 153);
	assert_int_equal(plan.counts.channels, 3);
	assert_true(plan.counts.wrap == GRID_WRAP);
	assert_int_equal(plan.grids, LIMIT_GRIDS);
	/* So small that the carries take more than the counts. */
	assert_true(plan.sums.total_bytes < plan.counts.total_bytes);
	assert_true(plan.image_bytes == plan.layout.total_bytes +
						(LIMIT_GRIDS - 1) * plan.counts.total_bytes +
						plan.sums.total_bytes);
	assert_true(plan.sums.wrap == GRID_WIDE);
	assert_false(plan_is_mirrored(&plan)); /* its image: its grids keep half */
	assert_true(plan.counts.is_mirrored);
	/* What is done with a tile: samples, then pixels. */
	const struct rect all = {0, 0, 1, 153}, last = {0, 152, 1, 1}, one = {0, 3, 1, 1};
	assert_true(plan_rect_pixels(&plan, 0, &all) == request.buddha.points);
	assert_true(plan_rect_pixels(&plan, 0, &one) == 65536);
	assert_true(plan_rect_pixels(&plan, 0, &last) == 10000000 - 152 * 65536);
	const struct rect rows = {0, 0, 100, 7};
	assert_true(plan_rect_pixels(&plan, 1, &rows) == 700);
}

static void half_the_budget_is_for_grids(void **state)
{
	(void)state;
	struct request request = request_of(1000, 1000, FORMAT_DENSITY32);
	struct plan plan = plan_of(&request, 1ull << 60);
	const uint64_t image = plan.layout.total_bytes, grid = plan.counts.total_bytes;
	const uint64_t sums = 2 * plan.sums.total_bytes;
	assert_true(sums >= 2 * 8 * 500 * 1000);
	plan = plan_of(&request, 2 * (image + 5 * grid + sums) + 100);
	assert_int_equal(plan.grids, 7);
	assert_true(plan.image_bytes == image + 5 * grid + sums);
	plan = plan_of(&request, image + 2 * grid + sums);
	assert_int_equal(plan.grids, 4);

	struct plan_budget budget = {.image_bytes = image + 2 * grid + sums - 1};
	struct brot_error err = {0};
	assert_int_equal(plan_make(&request, &budget, &plan, &err), BROT_E_NO_SPACE);
	assert_non_null(strstr(err.text, "the image and 4 grids of its counts need "));
	/* One that was accepted before goes on with the least. */
	budget.band_rows = request.height_px;
	assert_int_equal(plan_make(&request, &budget, &plan, &err), BROT_OK);
	assert_int_equal(plan.grids, 4);
	assert_int_equal(plan.band_count, 1);
}

/* One hit of them may be worth a carry. */
static void weighted_hits_are_counted_in_u64(void **state)
{
	(void)state;
	struct request request = request_of(100, 50, FORMAT_DENSITY);
	assert_true(plan_of(&request, 1ull << 60).counts.wrap == GRID_WRAP);
	request.buddha.is_inside = true;
	assert_true(plan_of(&request, 1ull << 60).counts.wrap == GRID_WIDE);
	request.buddha.is_inside = false;
	request.buddha.sampling = SAMPLING_ZOOM;
	assert_true(plan_of(&request, 1ull << 60).counts.wrap == GRID_WIDE);
}

static void refused(const struct request *request, const char *part)
{
	const struct plan_budget budget = {.image_bytes = 1ull << 60};
	struct plan plan;
	struct brot_error err = {0};
	assert_int_equal(plan_make(request, &budget, &plan, &err), BROT_E_REQUEST);
	if (strstr(err.text, part) == NULL)
		fail_msg("%s", err.text);
}

static void what_cannot_be_counted_is_refused(void **state)
{
	(void)state;
	struct request request = request_of(200000, 10, FORMAT_NEBULA);
	refused(&request, "at most 174762 px wide");
	request = request_of(10, 10, FORMAT_NEBULA);
	request.buddha.channels = 1;
	refused(&request, "\"nebula\" has 3 planes for 1 bands");
	request = request_of(10, 10, FORMAT_DENSITY);
	request.kind = KIND_ESCAPE;
	refused(&request, "the kind escape has no \"density\"");
	request.kind = KIND_BUDDHABROT;
	request.format = FORMAT_RGB8;
	refused(&request, "needs the whole image");
	request.format = FORMAT_ITERATIONS;
	refused(&request, "the kind buddhabrot has no \"iterations\"");
	request = request_of(LIMIT_SIZE_PX / 2, LIMIT_SIZE_PX, FORMAT_DENSITY);
	const struct plan_budget budget = {.image_bytes = 1ull << 40};
	struct plan plan;
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_E_NO_SPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_cut_by_their_work),
		cmocka_unit_test(samples_then_sums),
		cmocka_unit_test(half_the_budget_is_for_grids),
		cmocka_unit_test(weighted_hits_are_counted_in_u64),
		cmocka_unit_test(what_cannot_be_counted_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
