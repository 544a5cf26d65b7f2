/* store_fixture.h - a folder for a store, jobs to put into it, and what it then says of them. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/store.h"

#define REQUEST "{\"view\":\"seahorse\",\"size\":[64,48]}"

struct fixture {
	char folder[64], file[96];
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/brot-store-XXXXXX");
	if (f == NULL || mkdtemp(f->folder) == NULL)
		return -1;
	(void)snprintf(f->file, sizeof f->file, "%s/brot.db", f->folder);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];
	static const char *const rests[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", f->file, rests[i]);
		(void)unlink(path);
	}
	int result = rmdir(f->folder);
	free(f);
	return result;
}

static inline struct store *open_at(const char *folder)
{
	struct store *store = NULL;
	struct brot_error err = {0};
	if (store_open(folder, STORE_SYNC_NORMAL, &store, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return store;
}

static inline struct store_job job_make(uint64_t job)
{
	struct store_job made = {
		.job = job,
		.client = "ada@host",
		.owner = "key:JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
		.request = REQUEST,
		.request_bytes = sizeof REQUEST - 1,
		.priority = -7,
		.is_kept = true,
		.band_rows = 48,
		.pixels = 64ull * 48,
		.accepted_ms = 1000 + (int64_t)job,
	};
	memset(made.key, (int)job, sizeof made.key);
	return made;
}

static inline struct store_image image_make(uint64_t work)
{
	struct store_image image = {.work = work};
	(void)snprintf(image.name, sizeof image.name, "/brot-%032llx", (unsigned long long)work);
	memset(image.nonce, (int)(work % 251), sizeof image.nonce);
	return image;
}

static inline void add(struct store *store, uint64_t job)
{
	struct store_job made = job_make(job);
	struct store_image image = image_make(job);
	struct brot_error err = {0};
	if (store_add(store, &made, &image, &err) != BROT_OK)
		fail_msg("%s", err.text);
}

static inline void commit(struct store *store)
{
	struct brot_error err = {0};
	if (store_commit(store, &err) != BROT_OK)
		fail_msg("%s", err.text);
}

static inline void end(struct store *store, uint64_t job, enum job_end how, int64_t now_ms)
{
	struct job_report report = {.job = job, .state = JOB_FINISHED, .tiles_done = 9};
	assert_int_equal(store_end(store, &report, how, BROT_OK, NULL, now_ms, NULL), BROT_OK);
}

/* What the store iterates over, remembered. */
struct seen {
	uint32_t count;
	struct store_job jobs[16];
	char request[256];
	struct store_image images[16];
};

static inline void see_job(const struct store_job *job, void *context)
{
	struct seen *seen = context;
	assert_in_range(seen->count, 0, 15);
	assert_int_equal(strlen(job->request), job->request_bytes);
	(void)snprintf(seen->request, sizeof seen->request, "%s", job->request);
	seen->jobs[seen->count++] = *job;
}

static inline void see_image(const struct store_image *image, void *context)
{
	struct seen *seen = context;
	assert_in_range(seen->count, 0, 15);
	seen->images[seen->count++] = *image;
}

static inline struct seen live_jobs(struct store *store)
{
	struct seen seen = {0};
	uint32_t skipped = 99;
	assert_int_equal(store_each_job(store, see_job, &seen, &skipped, NULL), BROT_OK);
	assert_int_equal(skipped, 0);
	return seen;
}

static inline struct seen images(struct store *store)
{
	struct seen seen = {0};
	uint32_t skipped = 99;
	assert_int_equal(store_each_image(store, see_image, &seen, &skipped, NULL), BROT_OK);
	assert_int_equal(skipped, 0);
	return seen;
}

static inline struct seen ended_jobs(struct store *store, uint32_t limit, uint64_t before)
{
	struct seen seen = {0};
	assert_int_equal(store_each_ended(store, limit, before, see_job, &seen, NULL), BROT_OK);
	return seen;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
