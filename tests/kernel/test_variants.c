/*
 * test_variants.c - every variant against the reference, byte for byte.
 *
 * Outputs end at a guard page and have canaries before, between rows and after. With arguments
 * (as a mismatch prints them) it runs that one case.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/kernel/escape_point.h"
#include "worker/kernel/kernel.h"

#define ROW_GAP     3 /* elements between rows that nobody may touch */
#define CANARY      0xa5
#define AREA_BYTES  ((size_t)256 * 1024)
#define TWO_BLOCKS  65 /* samples: two groups of the widest variant, and one */
#define OUTPUTS     3
#define FRAME_CELLS 1024

/* Memory that ends at a page which must not be touched. */
struct area {
	uint8_t *end;
};

/* The outputs of one variant: iterations, whole, fraction. */
struct outputs {
	struct area area[OUTPUTS];
};

static struct outputs wanted, got;
static unsigned long cases_run;

static struct area area_new(void)
{
	const long page = sysconf(_SC_PAGESIZE);
	const int zero = open("/dev/zero", O_RDWR);
	assert_true(page > 0 && zero >= 0);
	uint8_t *memory = mmap(NULL, AREA_BYTES + (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			       zero, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + AREA_BYTES, (size_t)page, PROT_NONE), 0);
	(void)close(zero);
	return (struct area){.end = memory + AREA_BYTES};
}

static const struct kernel *reference(void)
{
	const struct kernel *kernel = NULL;
	struct brot_error err;
	assert_int_equal(kernel_select("scalar", &kernel, &err), BROT_OK);
	return kernel;
}

/* Runs a task whose outputs are `mask` (bit 0 iterations, bit 1 whole and fraction). */
static uint64_t run(const struct kernel *kernel, const struct escape_task *given, unsigned mask,
		    const struct outputs *out)
{
	struct escape_task task = *given;
	const size_t stride = task.w + ROW_GAP;
	const size_t bytes = (stride * (task.h - 1) + task.w) * sizeof(uint32_t);
	assert_true(bytes < AREA_BYTES);
	for (int i = 0; i < OUTPUTS; i++)
		memset(out->area[i].end - AREA_BYTES, CANARY, AREA_BYTES);
	if ((mask & 1) != 0) {
		task.iterations = (void *)(out->area[0].end - bytes);
		task.iterations_stride = stride;
	}
	if ((mask & 2) != 0) {
		task.whole = (void *)(out->area[1].end - bytes);
		task.fraction = (void *)(out->area[2].end - bytes);
		task.whole_stride = task.fraction_stride = stride;
	}
	return kernel->escape[FORMULA_MANDELBROT](&task);
}

static void fail_with_case(const char *kernel, const struct escape_task *t, unsigned mask)
{
	const struct point_frame *f = t->frame;
	fail_msg("%s differs from scalar; repeat with:\n"
		 "  test_variants %a %a %a %a %a %a %u %u %u %u %u %u %u %u",
		 kernel, f->re, f->im, f->step_re, f->step_im, f->cos, f->sin, f->columns, f->rows,
		 t->x, t->y, t->w, t->h, t->limit, mask);
}

/* One task on all variants that this CPU has. */
static void check(const struct escape_task *task, unsigned mask)
{
	const uint64_t total = run(reference(), task, mask, &wanted);
	const struct kernel *kernel;
	for (size_t k = 0; (kernel = kernel_at(k)) != NULL; k++) {
		if (kernel == reference() || !kernel->supported())
			continue;
		bool is_equal = run(kernel, task, mask, &got) == total;
		for (int i = 0; i < OUTPUTS; i++)
			is_equal = is_equal &&
				   memcmp(wanted.area[i].end - AREA_BYTES,
					  got.area[i].end - AREA_BYTES, AREA_BYTES) == 0;
		if (!is_equal)
			fail_with_case(kernel->name, task, mask);
		cases_run++;
	}
}

static struct point_frame frame_at(double re, double im, double step, double degrees)
{
	struct point_frame frame = {
		.re = re,
		.im = im,
		.step_re = step,
		.step_im = step,
		.columns = FRAME_CELLS,
		.rows = FRAME_CELLS,
	};
	point_rotation(degrees, &frame.cos, &frame.sin);
	return frame;
}

/* A rectangle around the middle of a frame. */
static struct escape_task task_in(const struct point_frame *frame, uint32_t w, uint32_t h,
				  uint32_t limit)
{
	return (struct escape_task){
		.frame = frame,
		.x = (frame->columns - w) / 2,
		.y = (frame->rows - h) / 2,
		.w = w,
		.h = h,
		.limit = limit,
	};
}

/* A small generator of our own, so that a case is the same on every system. */
static uint64_t random_state;

static double random_unit(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (double)(random_state >> 11) * 0x1p-53;
}

/* A point on the boundary: bisects between a point inside and one outside. */
static void seek_boundary(uint32_t limit, double *ret_re, double *ret_im)
{
	double inside_re = 0.6 * random_unit() - 0.5, inside_im = 0.0;
	double outside_re = 4.0 * random_unit() - 2.0, outside_im = 2.0 + random_unit();
	const int halvings = 3 + (int)(50.0 * random_unit());
	for (int i = 0; i < halvings; i++) {
		const double re = 0.5 * (inside_re + outside_re);
		const double im = 0.5 * (inside_im + outside_im);
		if (escape_point(re, im, limit, false).iterations == 0) {
			inside_re = re;
			inside_im = im;
		} else {
			outside_re = re;
			outside_im = im;
		}
	}
	*ret_re = outside_re;
	*ret_im = outside_im;
}

static void test_table(void **state)
{
	(void)state;
#if defined(__x86_64__)
	static const char *const names[] = {"avx512", "avx2", "scalar"};
#elif defined(__aarch64__)
	static const char *const names[] = {"neon", "scalar"};
#else
	static const char *const names[] = {"scalar"};
#endif
	const size_t count = sizeof names / sizeof names[0];
	for (size_t i = 0; i < count; i++) {
		assert_non_null(kernel_at(i));
		assert_string_equal(kernel_at(i)->name, names[i]);
		assert_true(kernel_at(i)->lanes >= 1 && 2 * kernel_at(i)->lanes < TWO_BLOCKS);
	}
	assert_null(kernel_at(count));
}

static void test_select(void **state)
{
	(void)state;
	const struct kernel *kernel = NULL;
	struct brot_error err = {0};
	assert_int_equal(kernel_select("sse9", &kernel, &err), BROT_E_USAGE);
	assert_null(kernel);
	assert_non_null(strstr(err.text, "sse9"));
	for (size_t i = 0; kernel_at(i) != NULL; i++) {
		const struct kernel *forced = NULL;
		assert_non_null(strstr(err.text, kernel_at(i)->name));
		struct brot_error lacking = {0};
		if (kernel_at(i)->supported()) {
			assert_int_equal(kernel_select(kernel_at(i)->name, &forced, NULL), BROT_OK);
			assert_ptr_equal(forced, kernel_at(i));
		} else {
			assert_int_equal(kernel_select(kernel_at(i)->name, &forced, &lacking),
					 BROT_E_USAGE);
			assert_non_null(strstr(lacking.text, kernel_at(i)->needs));
		}
	}
	assert_int_equal(kernel_select(NULL, &kernel, &err), BROT_OK);
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		assert_true(strcmp(kernel->name, "avx2") == 0 ||
			    strcmp(kernel->name, "avx512") == 0);
#elif defined(__aarch64__)
	assert_string_equal(kernel->name, "neon");
#endif
}

static void test_known_counts(void **state)
{
	(void)state;
	static const struct {
		double re, im;
		uint32_t count;
	} known[] = {
		{0, 0, 0},    {-1, 0, 0},      {0.25, 0, 0}, {-2, 0, 0},         {0, 1, 0},
		{2, 0, 2},    {2.5, 0, 1},     {1, 0, 3},    {0.5, 0, 5},        {0, 2, 2},
		{-2.5, 0, 1}, {1024, 1024, 1}, {-1, 1, 3},   {-0.75, 0.01, 315},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		assert_int_equal(escape_point(known[i].re, known[i].im, 1000, false).iterations,
				 known[i].count);
}

static void test_shapes(void **state)
{
	(void)state;
	static const uint32_t heights[] = {1, 2, 5};
	static const uint32_t limits[] = {1, 2, 7, 8, 9, 15, 16, 17, 18, 23, 24, 25, 26, 33, 100};
	const struct point_frame frame = frame_at(-0.75, 0.1, 0.004, 0.0);
	for (uint32_t w = 1; w <= TWO_BLOCKS; w++)
		for (size_t h = 0; h < sizeof heights / sizeof heights[0]; h++)
			for (size_t n = 0; n < sizeof limits / sizeof limits[0]; n++) {
				const struct escape_task task = task_in(&frame, w, heights[h],
									limits[n]);
				check(&task, 1 + (unsigned)(w + n) % 3);
			}
}

static void test_boundary(void **state)
{
	(void)state;
	random_state = 20;
	for (int i = 0; i < 600; i++) {
		const uint32_t limit = 1 + (uint32_t)(600.0 * random_unit());
		double re, im, step = 0.01;
		seek_boundary(limit, &re, &im);
		for (int k = (int)(15.0 * random_unit()); k > 0; k--)
			step *= 0.1;
		const double degrees = i % 2 == 0 ? 0.0 : 720.0 * random_unit() - 360.0;
		const struct point_frame frame = frame_at(re, im, step, degrees);
		const uint32_t w = 1 + (uint32_t)(40.0 * random_unit());
		const struct escape_task task = task_in(&frame, w,
							1 + (uint32_t)(9.0 * random_unit()), limit);
		check(&task, 1 + (unsigned)i % 3);
	}
}

/* Points within a few roundings of |c| = 2, where a block's test alone would not do. */
static void test_edge(void **state)
{
	(void)state;
	random_state = 4;
	for (int i = 0; i < 300; i++) {
		double c, s;
		point_rotation(i < 50 ? 180.0 : 720.0 * random_unit() - 360.0, &c, &s);
		const double step = 0x1p-54 * (double)(1 << (i % 30));
		const struct point_frame frame = frame_at(2.0 * c, 2.0 * s, step, 0.0);
		const struct escape_task task = task_in(&frame, 33, 3, i % 7 == 0 ? 17 : 300);
		check(&task, 1 + (unsigned)i % 3);
	}
}

/* Far outside, on the axes, and so small that squares vanish. */
static void test_extremes(void **state)
{
	(void)state;
	static const double centres[] = {0.0, 1024.0, -1024.0, 0.25, -1.25, 1e-300};
	static const double steps[] = {1.0, 0x1p-10, 1e-17, 1e-160, 1e-310};
	for (size_t i = 0; i < sizeof centres / sizeof centres[0]; i++)
		for (size_t j = 0; j < sizeof centres / sizeof centres[0]; j++)
			for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
				const struct point_frame frame = frame_at(centres[i], centres[j],
									  steps[k], 0.0);
				const struct escape_task task = task_in(&frame, 37, 2, 100);
				check(&task, 3);
			}
}

/* Long orbits beside short ones: lanes are refilled over and over, and some outlast the rest. */
static void test_refill(void **state)
{
	(void)state;
	const struct point_frame whole = frame_at(-0.7, 0.0, 0.013, 30.0);
	const struct point_frame spiral = frame_at(-0.743643887037151, 0.131825904205330, 1.5e-5,
						   0.0);
	const struct escape_task tasks[] = {
		task_in(&whole, 100, 80, 260),
		task_in(&spiral, 64, 32, 5000),
	};
	for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
		for (unsigned mask = 1; mask <= 3; mask++)
			check(&tasks[i], mask);
}

static void test_cases_were_run(void **state)
{
	(void)state;
	size_t others = 0;
	for (size_t i = 0; kernel_at(i) != NULL; i++)
		others += kernel_at(i) != reference() && kernel_at(i)->supported();
	assert_true(cases_run > 3000 * others || others == 0);
	print_message("%lu cases on %zu variants\n", cases_run, others);
}

/* The arguments that fail_with_case() prints. */
static char **case_arguments;

static void test_one_case(void **state)
{
	(void)state;
	char **a = case_arguments;
	double d[6];
	uint32_t u[8];
	for (int i = 0; i < 6; i++)
		d[i] = strtod(a[i], NULL);
	for (int i = 0; i < 8; i++)
		u[i] = (uint32_t)strtoul(a[6 + i], NULL, 10);
	const struct point_frame frame = {d[0], d[1], d[2], d[3], d[4], d[5], u[0], u[1]};
	const struct escape_task task = {
		.frame = &frame, .x = u[2], .y = u[3], .w = u[4], .h = u[5], .limit = u[6]};
	check(&task, u[7]);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),          cmocka_unit_test(test_select),
		cmocka_unit_test(test_known_counts),   cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_boundary),       cmocka_unit_test(test_edge),
		cmocka_unit_test(test_extremes),       cmocka_unit_test(test_refill),
		cmocka_unit_test(test_cases_were_run),
	};
	static const struct CMUnitTest one[] = {cmocka_unit_test(test_one_case)};
	for (int i = 0; i < OUTPUTS; i++) {
		wanted.area[i] = area_new();
		got.area[i] = area_new();
	}
	case_arguments = argv + 1;
	if (argc == 15)
		return cmocka_run_group_tests(one, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
