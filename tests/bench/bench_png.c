/*
 * bench_png.c - PNGs by client/png_stream.h beside libpng's own writer at the same zlib level.
 *
 * bench_png [ROUNDS [LEVEL...]]: a row for each picture and level (1, 4, 6 and 9); without ROUNDS
 * three. Both sides write into memory that is thrown away, through libpng's container, and libpng
 * by png_write_row() with all that it chooses by itself for RGB. Each round has every writer once,
 * libpng before and after ours; figures are medians over the rounds of ratios within one. Of wall
 * clock, which is what two threads are for: it is fair on an idle machine alone; and of processor
 * time, for one thread of ours. A size is that of the whole file.
 */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/png_stream.h"
#include "proto/request.h"
#include "worker/kernel/kernel.h"
#include "worker/render.h"

#define WIDTH      1536
#define HEIGHT     1024
#define ROUNDS_MAX 64
#define LEVELS_MAX 10

struct sample {
	double wall_s, cpu_s;
	size_t bytes; /* of the file */
};

/* A writer's target, for libpng and for a stream alike. */
struct file {
	png_structp png;
	png_infop info;
	size_t bytes;
};

struct picture_case {
	const char *name;
	bool is_16;
	const char *request; /* what it shows; NULL: made by numbers */
	bool is_flat;        /* of those */
	uint8_t *rows;       /* as the file has them */
};

#define REQUEST(view, iterations, colour, format)                                   \
	"{\"brot\":1,\"kind\":\"escape\",\"view\":" view                            \
	",\"size\":[1536,1024],\"iterations\":" #iterations ",\"format\":\"" format \
	"\",\"colour\":{" colour "}}"
#define SPIRALS "{\"re\":\"-0.743643887037151\",\"im\":\"0.131825904205330\",\"width\":\"3e-5\"}"
#define HOME    "{\"re\":\"-0.75\",\"im\":\"0\",\"width\":\"4.5\"}"
#define CLASSIC "\"palette\":\"classic\",\"mode\":\"smooth\""

static struct picture_case pictures[] = {
	{"home, smooth", false, REQUEST(HOME, 300, CLASSIC, "rgb8"), false, NULL},
	{"home, smooth, 16 bits", true, REQUEST(HOME, 300, CLASSIC, "rgb16"), false, NULL},
	{"spirals, smooth", false, REQUEST(SPIRALS, 3000, CLASSIC, "rgb8"), false, NULL},
	{"spirals, smooth, 16 bits", true, REQUEST(SPIRALS, 3000, CLASSIC, "rgb16"), false, NULL},
	{"spirals, banded", false,
	 REQUEST(SPIRALS, 3000, "\"palette\":\"classic\",\"mode\":\"banded\"", "rgb8"), false,
	 NULL},
	{"noise", false, NULL, false, NULL},
	{"noise, 16 bits", true, NULL, false, NULL},
	{"flat", false, NULL, true, NULL},
	{"flat, 16 bits", true, NULL, true, NULL},
};
#define PICTURES (sizeof pictures / sizeof pictures[0])

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "bench_png: %s\n", what);
	exit(EXIT_FAILURE);
}

static double clock_s(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t row_bytes(const struct picture_case *picture)
{
	return (size_t)WIDTH * (picture->is_16 ? 6 : 3);
}

/* ---- pictures ---- */

static void picture_render(struct picture_case *picture)
{
	struct request *request = malloc(sizeof *request);
	struct render_job *job = malloc(sizeof *job);
	struct brot_error err;
	size_t k = 0;
	if (request == NULL || job == NULL)
		fail("no memory");
	while (!kernel_at(k)->supported())
		k++;
	if (request_parse(picture->request, strlen(picture->request), request, &err) != BROT_OK ||
	    render_job_make(request, kernel_at(k), job, &err) != BROT_OK)
		fail(err.text);
	const struct rect all = {0, 0, WIDTH, HEIGHT};
	void *planes[PLANES_MAX] = {picture->rows};
	const size_t strides[PLANES_MAX] = {row_bytes(picture)};
	uint64_t iterations;
	if (render_rect(job, &all, planes, strides, NULL, &iterations) != BROT_OK)
		fail("could not render");
	free(job);
	free(request);
}

static void picture_make(struct picture_case *picture)
{
	const size_t bytes = row_bytes(picture) * HEIGHT;
	picture->rows = malloc(bytes);
	if (picture->rows == NULL)
		fail("no memory");
	if (picture->request != NULL) {
		picture_render(picture);
		for (size_t i = 0; picture->is_16 && i < bytes; i += 2) {
			const uint8_t low = picture->rows[i];
			picture->rows[i] = picture->rows[i + 1];
			picture->rows[i + 1] = low;
		}
		return;
	}
	uint64_t state = 1;
	for (size_t i = 0; i < bytes; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		picture->rows[i] = picture->is_flat ? 0x40 : (uint8_t)(state >> 56);
	}
}

/* ---- writers ---- */

static void on_error(png_structp png, png_const_charp text)
{
	(void)png;
	fail(text);
}

static void on_write(png_structp png, png_bytep data, size_t bytes)
{
	struct file *file = png_get_io_ptr(png);
	(void)data;
	file->bytes += bytes;
}

static void on_flush(png_structp png)
{
	(void)png;
}

static void file_open(struct file *file, const struct picture_case *picture, int level)
{
	*file = (struct file){.bytes = 0};
	file->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, NULL);
	file->info = png_create_info_struct(file->png);
	if (file->info == NULL)
		fail("no memory");
	png_set_write_fn(file->png, file, on_write, on_flush);
	png_set_compression_level(file->png, level);
	png_set_IHDR(file->png, file->info, WIDTH, HEIGHT, picture->is_16 ? 16 : 8,
		     PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_write_info(file->png, file->info);
}

static enum brot_err on_part(const uint8_t *data, size_t bytes, void *context,
			     struct brot_error *err)
{
	static const png_byte idat[5] = "IDAT";
	struct file *file = context;
	(void)err;
	png_write_chunk(file->png, idat, data, bytes);
	return BROT_OK;
}

static void write_ours(struct file *file, const struct picture_case *picture, int level,
		       unsigned threads)
{
	static const png_byte iend[5] = "IEND";
	const struct png_stream_config config = {
		.row_bytes = row_bytes(picture),
		.pixel_bytes = picture->is_16 ? 6 : 3,
		.rows = HEIGHT,
		.level = level,
		.threads = threads,
		.write = on_part,
		.context = file,
	};
	struct png_stream *stream = NULL;
	struct brot_error err;
	if (png_stream_new(&config, &stream, &err) != BROT_OK)
		fail(err.text);
	for (size_t y = 0; y < HEIGHT; y++)
		if (png_stream_row(stream, picture->rows + y * config.row_bytes, &err) != BROT_OK)
			fail(err.text);
	png_stream_free(stream);
	png_write_chunk(file->png, iend, NULL, 0);
}

static void write_libpng(struct file *file, const struct picture_case *picture)
{
	for (size_t y = 0; y < HEIGHT; y++)
		png_write_row(file->png, picture->rows + y * row_bytes(picture));
	png_write_end(file->png, NULL);
}

/* By so many threads of ours; 0: libpng's writer. */
static struct sample sample_take(const struct picture_case *picture, int level, unsigned threads)
{
	struct file file;
	const double wall_s = clock_s(CLOCK_MONOTONIC);
	const double cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	file_open(&file, picture, level);
	if (threads == 0)
		write_libpng(&file, picture);
	else
		write_ours(&file, picture, level, threads);
	png_destroy_write_struct(&file.png, &file.info);
	return (struct sample){
		.wall_s = clock_s(CLOCK_MONOTONIC) - wall_s,
		.cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s,
		.bytes = file.bytes,
	};
}

/* ---- the table ---- */

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, compare);
	return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void row_print(const struct picture_case *picture, int level, int rounds)
{
	double one[ROUNDS_MAX], two[ROUNDS_MAX], cpu[ROUNDS_MAX], rate[ROUNDS_MAX];
	double size = 0.0, file_mb = 0.0;
	for (int i = 0; i < rounds; i++) {
		const struct sample before = sample_take(picture, level, 0);
		const struct sample by_two = sample_take(picture, level, 2);
		const struct sample by_one = sample_take(picture, level, 1);
		const struct sample after = sample_take(picture, level, 0);
		const double theirs_s = (before.wall_s + after.wall_s) / 2;
		one[i] = theirs_s / by_one.wall_s;
		two[i] = theirs_s / by_two.wall_s;
		cpu[i] = (before.cpu_s + after.cpu_s) / 2 / by_one.cpu_s;
		rate[i] = 1e-6 * (double)(row_bytes(picture) * HEIGHT) / by_two.wall_s;
		size = (double)by_two.bytes / (double)before.bytes;
		file_mb = 1e-6 * (double)by_two.bytes;
	}
	printf("%-26s %5d %10.2f %11.2f %9.2f %9.4f %9.3f %10.0f\n", picture->name, level,
	       median(two, rounds), median(one, rounds), median(cpu, rounds), size, file_mb,
	       median(rate, rounds));
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	const int asked = argc > 1 ? atoi(argv[1]) : 3;
	const int rounds = asked < 1 ? 1 : asked > ROUNDS_MAX ? ROUNDS_MAX : asked;
	int levels[LEVELS_MAX] = {1, 4, 6, 9}, level_count = 4;
	if (argc > 2)
		level_count = 0;
	for (int i = 2; i < argc && level_count < LEVELS_MAX; i++)
		levels[level_count++] = atoi(argv[i]);
	printf("libpng's time by ours, %dx%d, medians of %d; must reach 1.8 on two cores, sizes "
	       "1.02 at most\n",
	       WIDTH, HEIGHT, rounds);
	printf("%-26s %5s %10s %11s %9s %9s %9s %10s\n", "picture", "level", "2 threads",
	       "1 thread", "1, cpu", "size", "MB", "MB/s in, 2");
	for (size_t i = 0; i < PICTURES; i++) {
		picture_make(&pictures[i]);
		for (int level = 0; level < level_count; level++)
			row_print(&pictures[i], levels[level], rounds);
		free(pictures[i].rows);
	}
	return EXIT_SUCCESS;
}
