/*
 * bench_planes.c - what derivatives cost beside smooth counts, and what adaptive samples save.
 *
 * Every ratio is of times taken in turn within this run, the least of a few each. Speed never makes
 * it fail; a pixel that differs by more than was asked for does.
 *
 * usage: bench_planes [--quick] [--markdown]
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/preset.h"
#include "tests/bench/bench_measure.h"
#include "worker/render.h"

#define WIDTH    960
#define HEIGHT   640
#define SAMPLES  4
#define ERROR    8
#define CHANNELS ((size_t)WIDTH * HEIGHT * 3)

struct bench {
	bool is_markdown, is_wrong;
	int runs;
	const struct kernel *kernel; /* the widest */
	uint8_t *planes[PLANES_MAX], *other;
};

static const char *const places[] = {"home",     "seahorse",     "seahorse-tail",
				     "dendrite", "julia-rabbit", "multibrot-3"};

static void job_make(const struct bench *b, const struct request *request, struct render_job *job)
{
	struct brot_error err;
	if (render_job_make(request, b->kernel, job, &err) != BROT_OK) {
		fprintf(stderr, "bench_planes: %s\n", err.text);
		exit(EXIT_FAILURE);
	}
}

static void job_run(const struct bench *b, const struct render_job *job, struct score *score)
{
	const struct rect all = {0, 0, WIDTH, HEIGHT};
	const struct format_info *format = format_info(job->format);
	void *planes[PLANES_MAX] = {NULL};
	size_t strides[PLANES_MAX] = {0};
	uint64_t iterations = 0;
	for (uint32_t p = 0; p < format->plane_count; p++) {
		planes[p] = b->planes[p];
		strides[p] = (size_t)WIDTH * plane_info(format->planes[p])->pixel_bytes;
	}
	const double start_s = time_s();
	const enum brot_err code = render_rect(job, &all, planes, strides, NULL, &iterations);
	score_add(score, time_s() - start_s, iterations);
	assert(code == BROT_OK);
}

static void request_of(const char *name, struct request *ret_request)
{
	const struct preset *preset = preset_by_name(name);
	request_init(ret_request);
	if (preset == NULL || request_set_formula(preset->formula, ret_request, NULL) != BROT_OK)
		abort();
	preset_view(preset, &ret_request->view);
	ret_request->iterations = preset->iterations;
	ret_request->width_px = WIDTH;
	ret_request->height_px = HEIGHT;
}

static void row_planes(struct bench *b, const char *name)
{
	static const enum format_id formats[] = {FORMAT_SMOOTH, FORMAT_DISTANCE, FORMAT_RAW};
	static struct render_job jobs[3];
	struct score scores[3] = {{0}};
	struct request request;
	struct table_row row;
	request_of(name, &request);
	for (int f = 0; f < 3; f++) {
		request.format = formats[f];
		job_make(b, &request, &jobs[f]);
	}
	for (int run = 0; run < b->runs; run++)
		for (int f = 0; f < 3; f++)
			job_run(b, &jobs[f], &scores[f]);
	table_cell(row.what, "%s, raw, %s", name, b->kernel->name);
	table_cell(row.figure, "%.2f x", scores[2].least_s / scores[0].least_s);
	table_cell(row.must, "-");
	table_cell(row.beside, "%.1f ms; smooth %.1f ms, distance %.1f ms", scores[2].least_s * 1e3,
		   scores[0].least_s * 1e3, scores[1].least_s * 1e3);
	table_print(b->is_markdown, &row);
}

/* Channels of all samples and of fewer; notes where they are too far apart. */
static size_t differing(struct bench *b)
{
	size_t count = 0;
	for (size_t i = 0; i < CHANNELS; i++) {
		const int by = abs(b->planes[0][i] - b->other[i]);
		count += by > 0;
		b->is_wrong = b->is_wrong || by > ERROR;
	}
	return count;
}

static void row_adaptive(struct bench *b, const char *name)
{
	static struct render_job full, fewer;
	struct score full_score = {0}, fewer_score = {0};
	struct request request;
	struct table_row row;
	request_of(name, &request);
	request.samples = SAMPLES;
	job_make(b, &request, &full);
	request.adaptive = ERROR;
	job_make(b, &request, &fewer);
	for (int run = 0; run < b->runs; run++) {
		job_run(b, &full, &full_score);
		memcpy(b->other, b->planes[0], CHANNELS);
		job_run(b, &fewer, &fewer_score);
	}
	const double channels = (double)differing(b) * 100.0 / (double)CHANNELS;
	table_cell(row.what, "%s, %dx%d samples, adaptive %d, %s", name, SAMPLES, SAMPLES, ERROR,
		   b->kernel->name);
	table_cell(row.figure, "%.2f x", full_score.least_s / fewer_score.least_s);
	table_cell(row.must, "-");
	table_cell(
		row.beside,
		"%.0f ms; all samples %.0f ms; iterations %.1f %% of theirs; %.2f %% of channels "
		"differ",
		fewer_score.least_s * 1e3, full_score.least_s * 1e3,
		100.0 * (double)fewer_score.iterations / (double)full_score.iterations, channels);
	table_print(b->is_markdown, &row);
}

int main(int argc, char **argv)
{
	struct bench b = {.runs = 3};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--markdown") == 0) {
			b.is_markdown = true;
		} else if (strcmp(argv[i], "--quick") == 0) {
			b.runs = 1;
		} else {
			fprintf(stderr, "usage: bench_planes [--quick] [--markdown]\n");
			return EXIT_FAILURE;
		}
	}
	for (size_t i = 0; b.kernel == NULL; i++)
		b.kernel = kernel_at(i)->supported() ? kernel_at(i) : NULL;
	for (int p = 0; p < PLANES_MAX; p++)
		b.planes[p] = allocate((size_t)WIDTH * HEIGHT * 8);
	b.other = allocate(CHANNELS);
	table_head(b.is_markdown);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		row_planes(&b, places[i]);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		row_adaptive(&b, places[i]);
	if (b.is_wrong)
		fprintf(stderr, "bench_planes: a pixel differs by more than %d\n", ERROR);
	return b.is_wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
