/* test_job.c - what a JOB message may say of an image, and of the rows that it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/work.h"
#include "worker/fault.h"
#include "worker/job.h"

#define WIDTH  64
#define HEIGHT 48
#define JOB    (7ull | 3ull << 40) /* band 3 of job 7 */

/* A JOB's body: those rows ("" for none), phase and image. */
static void body_write(char *body, size_t bytes, const char *rows, const char *phase,
		       const struct shm *shm)
{
	(void)snprintf(body, bytes,
		       "{\"request\": {\"brot\": 1, \"view\": {\"re\": \"-0.5\", \"im\": \"0\","
		       " \"width\": \"3\"}, \"size\": [%d, %d], \"iterations\": 100,"
		       " \"format\": \"iterations\"}, \"phases\": [\"%s\"], \"slice\": %d%s%s,"
		       " \"image\": {\"name\": \"%s\", \"bytes\": %zu}}",
		       WIDTH, HEIGHT, phase, WIDTH, rows[0] != '\0' ? ", \"rows\": " : "", rows,
		       shm != NULL ? shm->name : "/brot-none", shm != NULL ? shm->bytes : 0);
}

static struct job *open_body(const char *rows, const char *phase, const struct shm *shm,
			     struct session_opened *ret_opened)
{
	char body[1024];
	body_write(body, sizeof body, rows, phase, shm);
	const struct message m = {
		.type = MSG_JOB, .session = 1, .job = JOB, .body = {body, strlen(body)}};
	const struct job_setup setup = {
		.handle = 9, .kernel = kernel_at(0), .use_shm = shm != NULL};
	return job_open(&m, &setup, ret_opened);
}

static struct image_layout layout_of(uint32_t rows)
{
	const struct segment_grid grid = {WIDTH, rows, WIDTH, 1};
	struct image_layout layout;
	assert_true(image_layout_make(&grid, FORMAT_ITERATIONS, &layout));
	return layout;
}

/* An image of so many rows. */
static struct shm image_make(uint32_t rows)
{
	const uint8_t nonce[MESSAGE_NONCE_BYTES] = "fifteen letters";
	const struct image_layout layout = layout_of(rows);
	struct shm shm;
	assert_int_equal(shm_make((size_t)layout.total_bytes, &shm, NULL), BROT_OK);
	image_header_write(shm.memory, &layout, JOB, nonce, 1, 1, IMAGE_DURABLE);
	return shm;
}

static void image_drop(struct shm *shm)
{
	shm_remove(shm->name);
	shm_unmap(shm);
}

static void without_rows_the_image_is_the_picture(void **state)
{
	struct session_opened opened;
	(void)state;
	struct job *job = open_body("", "render", NULL, &opened);
	assert_non_null(job);
	assert_int_equal(opened.handle, 9);
	assert_int_equal(job->top_px, 0);
	assert_int_equal(job->layout.grid.height_px, HEIGHT);
	const struct rect whole = {0, 0, WIDTH, HEIGHT};
	assert_memory_equal(&opened.area, &whole, sizeof whole);
	job_free(job);
	job = open_body("[0, 48]", "mirror", NULL, &opened);
	assert_non_null(job);
	const struct rect half = {0, 0, WIDTH, HEIGHT / 2};
	assert_memory_equal(&opened.area, &half, sizeof half);
	job_free(job);
}

static void an_image_of_some_rows_is_as_high_as_they_are(void **state)
{
	(void)state;
	static const struct {
		const char *rows;
		uint32_t first, count;
	} cases[] = {
		{"[0, 1]", 0, 1}, {"[16, 20]", 16, 20}, {"[47, 1]", 47, 1}, {"[1, 47]", 1, 47}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct session_opened opened;
		struct shm shm = image_make(cases[i].count);
		struct job *job = open_body(cases[i].rows, "render", &shm, &opened);
		assert_non_null(job);
		assert_string_equal(opened.error.text, "");
		assert_true(opened.is_mapped);
		assert_memory_equal(opened.nonce, "fifteen letters", MESSAGE_NONCE_BYTES);
		const struct rect area = {0, cases[i].first, WIDTH, cases[i].count};
		assert_memory_equal(&opened.area, &area, sizeof area);
		assert_int_equal(job->top_px, cases[i].first);
		assert_int_equal(job->layout.grid.height_px, cases[i].count);
		assert_int_equal(job->render.height_px, HEIGHT);
		job_free(job);
		image_drop(&shm);
	}
}

static void an_image_of_another_height_is_not_mapped(void **state)
{
	struct session_opened opened;
	(void)state;
	/* The first differs in size, the second fills the same pages: in its header alone. */
	static const uint32_t heights[] = {HEIGHT, 21};
	for (size_t i = 0; i < sizeof heights / sizeof heights[0]; i++) {
		struct shm shm = image_make(heights[i]);
		struct job *job = open_body("[16, 20]", "render", &shm, &opened);
		assert_non_null(job);
		assert_false(opened.is_mapped);
		assert_null(job->shm.memory);
		assert_non_null(strstr(opened.error.text, "image: "));
		assert_int_equal(opened.error.code, BROT_OK);
		job_free(job);
		image_drop(&shm);
	}
}

static void rows_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"null",
		"7",
		"{}",
		"\"0, 48\"",
		"[]",
		"[0]",
		"[0, 48, 0]",
		"[0, 1.0]",
		"[\"0\", 48]",
		"[null, 48]",
		"[0, 0]",
		"[0, -1]",
		"[-1, 2]",
		"[48, 1]",
		"[0, 49]",
		"[47, 2]",
		"[1, 9223372036854775807]",
		"[9223372036854775807, 1]",
		"[-9223372036854775808, 9223372036854775807]",
		"[4294967296, 1]",
		"[0, 4294967297]",
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session_opened opened;
		assert_null(open_body(rows[i], "render", NULL, &opened));
		assert_int_equal(opened.error.code, BROT_E_PROTOCOL);
		assert_ptr_equal(strstr(opened.error.text, "rows: "), opened.error.text);
		assert_int_equal(opened.handle, 9);
	}
}

static void some_rows_are_not_mirrored(void **state)
{
	(void)state;
	static const char *const rows[] = {"[0, 24]", "[0, 47]", "[24, 24]", "[1, 47]"};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session_opened opened;
		assert_null(open_body(rows[i], "mirror", NULL, &opened));
		assert_int_equal(opened.error.code, BROT_E_PROTOCOL);
		assert_non_null(strstr(opened.error.text, "rows: must be all 48"));
	}
}

static struct job *open_counts(const struct job *others, uint64_t memory_bytes,
			       struct session_opened *ret_opened)
{
	char body[] = "{\"request\": {\"brot\": 1, \"kind\": \"buddhabrot\","
		      " \"format\": \"density\", \"size\": [1000, 500],"
		      " \"view\": {\"re\": \"-0.5\", \"im\": \"0\", \"width\": \"3\"},"
		      " \"iterations\": 100, \"buddha\": {\"points\": 1000}},"
		      " \"phases\": [\"sample\", \"collect\"]}";
	const struct message m = {.type = MSG_JOB,
				  .session = 1,
				  .job = work_grid_id(7, others != NULL ? 2 : 1),
				  .body = {body, strlen(body)}};
	const struct job_setup setup = {.handle = 9,
					.kernel = kernel_at(0),
					.others = others,
					.memory_bytes = memory_bytes};
	return job_open(&m, &setup, ret_opened);
}

static void own_counts_are_bounded_by_memory(void **state)
{
	(void)state;
	struct session_opened opened;
	struct job *job = open_counts(NULL, 0, &opened);
	if (job == NULL)
		fail_msg("%s", opened.error.text);
	const uint64_t bytes = counts_layout(job->counts)->total_bytes;
	assert_null(open_counts(NULL, bytes - 1, &opened));
	assert_int_equal(opened.error.code, BROT_E_SYSTEM);
	assert_non_null(strstr(opened.error.text, "counts of this worker's own may take"));
	/* Those of other jobs are there as well. */
	assert_null(open_counts(job, 2 * bytes - 1, &opened));
	struct job *other = open_counts(job, 2 * bytes, &opened);
	assert_non_null(other);
	job_free(other);
	job_free(job);
}

static int init(void **state)
{
	(void)state;
	return fault_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_rows_the_image_is_the_picture),
		cmocka_unit_test(an_image_of_some_rows_is_as_high_as_they_are),
		cmocka_unit_test(an_image_of_another_height_is_not_mapped),
		cmocka_unit_test(rows_that_are_none_are_refused),
		cmocka_unit_test(some_rows_are_not_mirrored),
		cmocka_unit_test(own_counts_are_bounded_by_memory),
	};
	return cmocka_run_group_tests(tests, init, NULL);
}
