/*
 * bench_kernel.c - the kernels beside their limits: a row for each promise about one core.
 *
 * Every ratio is of times taken in turn within this run, the least of a few each, so that a slow
 * spell of the machine strikes both sides. Speed never makes it fail; counts that ought to be
 * equal and are not do.
 *
 * usage: bench_kernel [--quick] [--markdown] [--row NAME] [--kernel NAME]
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
#include "tests/bench/bench_measure.h"
#include "tests/bench/bench_plain.h"
#include "worker/render.h"

#define RUNS             5
#define RUNS_QUICK       2
#define PLAIN_WORK       4e8 /* iterations of a turn of the plain loop, beyond which it skips rows */
#define PLAIN_WORK_QUICK 1e8
#define GAME_SIZE        16000
#define GAME_BAND        16 /* rows */

struct bench {
	bool is_markdown, is_quick;
	bool is_wrong;               /* counts that ought to be equal are not */
	const char *row;             /* the only one wanted, or NULL for all */
	const char *kernel;          /* likewise */
	const struct kernel *widest; /* the first variant wanted */
};

static int bench_runs(const struct bench *b)
{
	return b->is_quick ? RUNS_QUICK : RUNS;
}

static bool bench_wants(const struct bench *b, const struct kernel *kernel)
{
	return kernel->supported() && (b->kernel == NULL || strcmp(b->kernel, kernel->name) == 0);
}

static void run_kernel(escape_fn *escape, const struct escape_task *task, struct score *score)
{
	uint64_t iterations = 0;
	const double start_s = time_s();
	const bool is_done = escape(task, &iterations);
	score_add(score, time_s() - start_s, iterations);
	assert(is_done);
}

/* Brute force beside the bare loop */

static void brute_force(struct bench *b, const struct kernel *kernel, enum precision precision,
			const struct area *area, const char *what, int must_percent)
{
	const struct point_frame frame = area_frame(area);
	const size_t count = (size_t)area->columns * area->rows;
	uint32_t *counts = allocate(count * sizeof *counts);
	const struct escape_task task = {.frame = &frame,
					 .w = area->columns,
					 .h = area->rows,
					 .limit = area->limit,
					 .iterations = counts,
					 .iterations_stride = area->columns};
	struct limit limit = limit_find(kernel, precision);
	struct score score = {0};
	for (int run = 0; run < bench_runs(b); run++) {
		limit_run(&limit);
		run_kernel(kernel->escape[precision][STEP_SQUARE], &task, &score);
	}
	/* Whatever the variant says it has done, these are the useful ones. */
	score.iterations = 0;
	for (size_t i = 0; i < count; i++)
		score.iterations += counts[i] == 0 ? area->limit : counts[i];
	struct table_row row;
	char rate[TABLE_CELL_CHARS];
	table_cell(row.what, "%s, %s %s", what, kernel->name, precision_name(precision));
	table_cell(row.figure, "%.0f %%", 100 * score_rate(&score) / score_rate(&limit.score));
	table_cell(row.must, "%d %%", must_percent);
	limit_cell(&limit, score_rate(&score), rate);
	table_cell(row.beside, "%s; mean count %.0f", rate,
		   (double)score.iterations / (double)count);
	table_print(b->is_markdown, &row);
	free(counts);
}

/* The row of a variant that this CPU lacks. */
static void brute_force_lacks(const struct bench *b, const struct kernel *kernel,
			      enum precision precision, const char *what, int must_percent)
{
	struct table_row row;
	table_cell(row.what, "%s, %s %s", what, kernel->name, precision_name(precision));
	table_cell(row.figure, "-");
	table_cell(row.must, "%d %%", must_percent);
	table_cell(row.beside, "not measured: this CPU lacks %s", kernel->needs);
	table_print(b->is_markdown, &row);
}

/* A row for each variant that has a bare loop. */
static void brute_force_all(struct bench *b, enum precision precision, const struct area *area,
			    const char *what, int must_percent)
{
	const struct kernel *kernel;
	for (size_t i = 0; (kernel = kernel_at(i)) != NULL; i++)
		if (bench_wants(b, kernel) && bare_loop_of(kernel->name, precision) != NULL)
			brute_force(b, kernel, precision, area, what, must_percent);
		else if (b->kernel == NULL && !kernel->supported())
			brute_force_lacks(b, kernel, precision, what, must_percent);
}

static void row_inside(struct bench *b)
{
	const struct area area = {
		-0.105, -0.095, 0.095, 0.105, 256, 256, b->is_quick ? 2000 : 10000};
	brute_force_all(b, PRECISION_F64, &area, "all inside, brute force", 85);
	brute_force_all(b, PRECISION_F32, &area, "all inside, brute force", 85);
}

static void row_mixed558(struct bench *b)
{
	const struct area area = {-0.74366, -0.74364, 0.13181, 0.13183, 1024, 1024, 20000};
	brute_force_all(b, PRECISION_F64, &area, "1024x1024 N 20000, brute force", 65);
}

static void row_mixed85(struct bench *b)
{
	const struct area area = {-0.7445, -0.7430, 0.1310, 0.1325, 1024, 1024, 5000};
	brute_force_all(b, PRECISION_F64, &area, "1024x1024 N 5000, brute force", 40);
}

/* Pictures beside the plain loop */

/* A plain loop that computes every stride-th row, from row stride / 2 on. */
struct plain {
	const struct point_frame *frame;
	uint32_t limit;
	uint32_t stride, rows; /* how many rows it computes */
	uint32_t *counts;
	struct score score;
};

static struct plain plain_make(const struct bench *b, const struct point_frame *frame,
			       uint32_t limit)
{
	struct plain plain = {.frame = frame, .limit = limit, .stride = 1};
	uint32_t *row = allocate(frame->columns * sizeof *row);
	uint64_t work = 0;
	for (uint32_t r = frame->rows / 32; r < frame->rows; r += frame->rows / 16)
		work += plain_row(frame, r, limit, row) * (frame->rows / 16);
	free(row);
	while ((double)work / plain.stride > (b->is_quick ? PLAIN_WORK_QUICK : PLAIN_WORK))
		plain.stride++;
	plain.rows = (frame->rows - plain.stride / 2 + plain.stride - 1) / plain.stride;
	plain.counts = allocate((size_t)plain.rows * frame->columns * sizeof *plain.counts);
	return plain;
}

static void plain_run(struct plain *plain)
{
	uint64_t work = 0;
	const double start_s = time_s();
	for (uint32_t i = 0; i < plain->rows; i++)
		work += plain_row(plain->frame, plain->stride / 2 + i * plain->stride, plain->limit,
				  plain->counts + (size_t)i * plain->frame->columns);
	score_add(&plain->score, time_s() - start_s, work);
}

/* The time of the whole picture. */
static double plain_s(const struct plain *plain)
{
	return plain->score.least_s * plain->frame->rows / plain->rows;
}

/* In how many of its counts the plain loop differs; it rounds differently. */
static uint64_t plain_differ(const struct plain *plain, const uint32_t *counts)
{
	const uint32_t columns = plain->frame->columns;
	uint64_t differ = 0;
	for (uint32_t i = 0; i < plain->rows; i++)
		for (uint32_t c = 0; c < columns; c++)
			differ += plain->counts[(size_t)i * columns + c] !=
				  counts[(plain->stride / 2 + (size_t)i * plain->stride) * columns +
					 c];
	return differ;
}

/* Prints a row: a picture that took as long as *score says beside the plain loop. */
static void plain_print(const struct bench *b, const char *what, int must,
			const struct score *score, const struct plain *plain,
			const struct limit *limit, uint64_t differ)
{
	struct table_row row;
	char rate[TABLE_CELL_CHARS], part[TABLE_CELL_CHARS] = "";
	table_cell(row.what, "%s, %s", what, b->widest->name);
	table_cell(row.figure, "%.1f x", plain_s(plain) / score->least_s);
	if (must > 0)
		table_cell(row.must, "%d x", must);
	else
		table_cell(row.must, "-");
	limit_cell(limit, score_rate(score), rate);
	if (plain->stride > 1)
		table_cell(part, " (from every %u. row)", plain->stride);
	table_cell(row.beside,
		   "%.1f ms, %s; plain %.0f ms%s, %.2f G it/s; %llu of %llu counts differ",
		   score->least_s * 1e3, rate, plain_s(plain) * 1e3, part,
		   score_rate(&plain->score) * 1e-9, (unsigned long long)differ,
		   (unsigned long long)plain->rows * plain->frame->columns);
	table_print(b->is_markdown, &row);
}

/* A request made ready for the widest variant. */
struct work {
	struct render_job job;
	bool is_mirrored; /* as the service does it: the upper rows are computed, the others copied
			   */
};

static struct work work_make(const struct bench *b, const char *document)
{
	struct request request;
	struct work work;
	struct brot_error err;
	if (request_parse(document, strlen(document), &request, &err) != BROT_OK ||
	    render_job_make(&request, b->widest, &work.job, &err) != BROT_OK) {
		fprintf(stderr, "bench_kernel: %s\n", err.text);
		exit(EXIT_FAILURE);
	}
	work.is_mirrored = mirror_applies(&request);
	return work;
}

/* Renders an image of one plane as a single tile. */
static void run_render(const struct work *work, uint8_t *pixels, size_t pixel_bytes,
		       struct score *score)
{
	const struct render_job *job = &work->job;
	const uint32_t height = job->height_px,
		       rows = work->is_mirrored ? mirror_rows(height) : height;
	const struct rect rect = {0, 0, job->width_px, rows};
	const size_t row_bytes = job->width_px * pixel_bytes;
	void *const planes[PLANES_MAX] = {pixels};
	const size_t strides_bytes[PLANES_MAX] = {row_bytes};
	uint64_t iterations = 0;
	const double start_s = time_s();
	const enum brot_err code = render_rect(job, &rect, planes, strides_bytes, NULL,
					       &iterations);
	for (uint32_t y = rows; y < height; y++)
		memcpy(pixels + y * row_bytes, pixels + (height - 1 - y) * row_bytes, row_bytes);
	score_add(score, time_s() - start_s, iterations);
	assert(code == BROT_OK);
}

static void row_counts960(struct bench *b)
{
	const struct work work = work_make(
		b, "{\"brot\":1,\"view\":{\"re\":\"-0.7\",\"im\":\"0\",\"width\":\"2.6\","
		   "\"height\":\"3\"},\"size\":[960,960],\"iterations\":200,"
		   "\"format\":\"iterations\"}");
	struct limit limit = limit_find(b->widest, PRECISION_F64);
	struct plain plain = plain_make(b, &work.job.frame, 200);
	struct score score = {0};
	uint32_t *counts = allocate((size_t)960 * 960 * sizeof *counts);
	for (int run = 0; run < bench_runs(b); run++) {
		limit_run(&limit);
		run_render(&work, (uint8_t *)counts, sizeof *counts, &score);
		plain_run(&plain);
	}
	plain_print(b, "960x960 N 200, counts", 50, &score, &plain, &limit,
		    plain_differ(&plain, counts));
	free(plain.counts);
	free(counts);
}

static void row_samples16(struct bench *b)
{
	const struct work work = work_make(
		b, "{\"brot\":1,\"view\":{\"re\":\"-0.525\",\"im\":\"0.555\",\"width\":\"0.15\"},"
		   "\"size\":[1024,1024],\"iterations\":2048,\"samples\":4,\"format\":\"rgb8\","
		   "\"colour\":{\"palette\":\"classic\",\"mode\":\"banded\"}}");
	const uint32_t side = work.job.frame.columns;
	struct limit limit = limit_find(b->widest, PRECISION_F64);
	struct plain plain = plain_make(b, &work.job.frame, 2048);
	struct score score = {0}, counts_score = {0};
	uint32_t *counts = allocate((size_t)side * side * sizeof *counts);
	uint8_t *pixels = allocate((size_t)1024 * 1024 * 3);
	const struct escape_task task = {.frame = &work.job.frame,
					 .w = side,
					 .h = side,
					 .limit = 2048,
					 .has_shortcuts = true,
					 .iterations = counts,
					 .iterations_stride = side};
	for (int run = 0; run < bench_runs(b); run++) {
		limit_run(&limit);
		run_kernel(b->widest->escape[PRECISION_F64][STEP_SQUARE], &task, &counts_score);
		run_render(&work, pixels, 3, &score);
		plain_run(&plain);
	}
	const uint64_t differ = plain_differ(&plain, counts);
	plain_print(b, "1024x1024 4x4 N 2048, picture", 60, &score, &plain, &limit, differ);
	plain_print(b, "1024x1024 4x4 N 2048, counts alone", 60, &counts_score, &plain, &limit,
		    differ);
	free(plain.counts);
	free(pixels);
	free(counts);
}

/* The Benchmarks Game's square, -1.5..0.5 and -1..1, by the centres of its pixels. */
static struct point_frame game_frame(void)
{
	return (struct point_frame){.re = -0.5,
				    .im = 0.0,
				    .step_re = 1.0 / GAME_SIZE,
				    .step_im = 1.0 / GAME_SIZE,
				    .cos = 1.0,
				    .columns = GAME_SIZE,
				    .rows = GAME_SIZE};
}

/* A byte of the bitmap: no shift waits for another. */
static uint8_t pack_inside(const uint32_t counts[8])
{
	const int high = (counts[0] == 0) << 7 | (counts[1] == 0) << 6 | (counts[2] == 0) << 5 |
			 (counts[3] == 0) << 4;
	const int low = (counts[4] == 0) << 3 | (counts[5] == 0) << 2 | (counts[6] == 0) << 1 |
			(counts[7] == 0);
	return (uint8_t)(high | low);
}

/* The bitmap of all rows, the upper half in bands whose counts stay in the cache, the other its
 * mirror image. */
static void game_run(escape_fn *escape, const struct point_frame *frame, uint32_t *counts,
		     uint8_t *bits, struct score *score)
{
	uint64_t work = 0;
	const double start_s = time_s();
	for (uint32_t y = 0; y < GAME_SIZE / 2; y += GAME_BAND) {
		const struct escape_task task = {.frame = frame,
						 .y = y,
						 .w = GAME_SIZE,
						 .h = GAME_BAND,
						 .limit = 50,
						 .has_shortcuts = true,
						 .iterations = counts,
						 .iterations_stride = GAME_SIZE};
		uint64_t iterations = 0;
		(void)escape(&task, &iterations);
		work += iterations;
		uint8_t *band = bits + (size_t)y * GAME_SIZE / 8;
		for (size_t i = 0; i < (size_t)GAME_BAND * GAME_SIZE / 8; i++) {
			band[i] = pack_inside(counts + 8 * i);
		}
	}
	const size_t row_bytes = GAME_SIZE / 8;
	for (uint32_t y = GAME_SIZE / 2; y < GAME_SIZE; y++)
		memcpy(bits + y * row_bytes, bits + (GAME_SIZE - 1 - y) * row_bytes, row_bytes);
	score_add(score, time_s() - start_s, work);
}

static void row_bitmap16000(struct bench *b)
{
	const struct point_frame frame = game_frame();
	const size_t row_bytes = GAME_SIZE / 8;
	const uint32_t stride = b->is_quick ? 160 : 32;
	struct limit limit = limit_find(b->widest, PRECISION_F64);
	struct plain plain = {.frame = &frame, .stride = stride, .rows = GAME_SIZE / stride};
	struct score score = {0};
	uint32_t *counts = allocate((size_t)GAME_BAND * GAME_SIZE * sizeof *counts);
	uint8_t *bits = allocate(row_bytes * GAME_SIZE);
	uint8_t *plain_bits = allocate(row_bytes * plain.rows);
	for (int run = 0; run < (b->is_quick ? 1 : 3); run++) {
		limit_run(&limit);
		game_run(b->widest->escape[PRECISION_F64][STEP_SQUARE], &frame, counts, bits,
			 &score);
		uint64_t work = 0;
		const double start_s = time_s();
		for (uint32_t i = 0; i < plain.rows; i++)
			work += plain_bitmap_row(&frame, stride / 2 + i * stride, 50,
						 plain_bits + i * row_bytes);
		score_add(&plain.score, time_s() - start_s, work);
	}
	uint64_t differ = 0;
	for (uint32_t i = 0; i < plain.rows; i++)
		for (size_t k = 0; k < row_bytes; k++)
			differ += (uint64_t)__builtin_popcount(
				(unsigned)bits[(stride / 2 + i * stride) * row_bytes + k] ^
				plain_bits[i * row_bytes + k]);
	plain_print(b, "16000x16000 N 50, bitmap", 25, &score, &plain, &limit, differ);
	free(plain_bits);
	free(bits);
	free(counts);
}

/* Shortcuts beside brute force */

static void row_minibrot3(struct bench *b)
{
	/* All but the corners lies in the cardioid of the period-3 minibrot on the real axis. */
	const struct area area = {-1.7665, -1.7525, -0.007, 0.007, 256, 256, 1000000};
	const uint32_t stride = b->is_quick ? 64 : 32;
	const struct point_frame frame = area_frame(&area);
	escape_fn *escape = b->widest->escape[PRECISION_F64][STEP_SQUARE];
	uint32_t *counts = allocate((size_t)area.columns * area.rows * sizeof *counts);
	uint32_t *brute_counts = allocate(area.columns * sizeof *brute_counts);
	struct escape_task task = {.frame = &frame,
				   .w = area.columns,
				   .h = area.rows,
				   .limit = area.limit,
				   .has_shortcuts = true,
				   .iterations = counts,
				   .iterations_stride = area.columns};
	struct limit limit = limit_find(b->widest, PRECISION_F64);
	struct score score = {0};
	for (int run = 0; run < bench_runs(b); run++) {
		limit_run(&limit);
		run_kernel(escape, &task, &score);
	}
	double brute_s = 0.0;
	uint64_t differ = 0, inside = 0;
	task.has_shortcuts = false;
	task.iterations = brute_counts;
	task.h = 1;
	for (task.y = stride / 2; task.y < area.rows; task.y += stride) {
		struct score row_score = {0};
		run_kernel(escape, &task, &row_score);
		brute_s += row_score.least_s * stride;
		for (uint32_t i = 0; i < area.columns; i++)
			differ += brute_counts[i] != counts[(size_t)task.y * area.columns + i];
	}
	for (size_t i = 0; i < (size_t)area.columns * area.rows; i++)
		inside += counts[i] == 0;
	struct table_row row;
	char rate[TABLE_CELL_CHARS];
	limit_cell(&limit, score_rate(&score), rate);
	table_cell(row.what, "256x256 N 10^6, minibrot of period 3, %s", b->widest->name);
	table_cell(row.figure, "%.0f x", brute_s / score.least_s);
	table_cell(row.must, "100 x");
	table_cell(row.beside,
		   "%.1f ms, %s; brute force %.1f s (from every %u. row); %.1f %% inside; %llu "
		   "counts differ",
		   score.least_s * 1e3, rate, brute_s, stride,
		   100.0 * (double)inside / area.columns / area.rows, (unsigned long long)differ);
	table_print(b->is_markdown, &row);
	if (differ > 0)
		b->is_wrong = true;
	free(brute_counts);
	free(counts);
}

static const struct bench_row {
	const char *name;
	void (*run)(struct bench *b);
} bench_rows[] = {
	{"inside", row_inside},       {"mixed558", row_mixed558},
	{"mixed85", row_mixed85},     {"counts960", row_counts960},
	{"samples16", row_samples16}, {"bitmap16000", row_bitmap16000},
	{"minibrot3", row_minibrot3},
};
#define BENCH_ROWS (sizeof bench_rows / sizeof bench_rows[0])

static int usage(void)
{
	fputs("usage: bench_kernel [--quick] [--markdown] [--row NAME] [--kernel NAME]\nrows:",
	      stderr);
	for (size_t i = 0; i < BENCH_ROWS; i++)
		fprintf(stderr, " %s", bench_rows[i].name);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

static bool bench_parse(struct bench *b, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			b->is_quick = true;
		else if (strcmp(argv[i], "--markdown") == 0)
			b->is_markdown = true;
		else if (strcmp(argv[i], "--row") == 0 && i + 1 < argc)
			b->row = argv[++i];
		else if (strcmp(argv[i], "--kernel") == 0 && i + 1 < argc)
			b->kernel = argv[++i];
		else
			return false;
	}
	const struct kernel *kernel;
	for (size_t i = 0; b->widest == NULL && (kernel = kernel_at(i)) != NULL; i++)
		if (bench_wants(b, kernel))
			b->widest = kernel;
	bool is_known = b->row == NULL;
	for (size_t i = 0; i < BENCH_ROWS; i++)
		is_known = is_known || strcmp(b->row, bench_rows[i].name) == 0;
	return is_known && b->widest != NULL;
}

int main(int argc, char **argv)
{
	struct bench bench = {0};
	if (!bench_parse(&bench, argc, argv))
		return usage();
	table_head(bench.is_markdown);
	for (size_t i = 0; i < BENCH_ROWS; i++)
		if (bench.row == NULL || strcmp(bench.row, bench_rows[i].name) == 0)
			bench_rows[i].run(&bench);
	if (bench.is_wrong)
		fputs("bench_kernel: shortcuts changed a count\n", stderr);
	return bench.is_wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
