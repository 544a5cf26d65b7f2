/* test_catalog.c - live jobs by id and by key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "broker/catalog.h"

static struct catalog_job numbered(uint64_t job)
{
	struct catalog_job made = {.job = job, .request_digest = 10 * job};
	memset(made.key, (int)job, sizeof made.key);
	strcpy(made.owner, job % 4 == 1 ? "key:a" : "key:b");
	return made;
}

static void jobs_come_and_go(void **state)
{
	(void)state;
	struct catalog *catalog = catalog_new();
	struct catalog_job jobs[20];
	assert_null(catalog_find(catalog, 1));
	assert_null(catalog_find_key(catalog, (const uint8_t[SCHED_KEY_BYTES]){0}));
	for (uint64_t i = 0; i < 20; i++) {
		jobs[i] = numbered(i + 1);
		catalog_add(catalog, &jobs[i]);
	}
	assert_int_equal(catalog_count(catalog), 20);
	for (uint64_t i = 1; i < 20; i += 2)
		catalog_remove(catalog, i + 1);
	catalog_remove(catalog, 2);
	catalog_remove(catalog, 999);
	assert_int_equal(catalog_count(catalog), 10);
	assert_int_equal(catalog_count_of(catalog, "key:a"), 5);
	assert_int_equal(catalog_count_of(catalog, "key:b"), 5);
	assert_int_equal(catalog_count_of(catalog, "key:"), 0);
	for (uint64_t i = 0; i < 20; i++) {
		const struct catalog_job *by_id = catalog_find(catalog, i + 1);
		assert_ptr_equal(by_id, catalog_find_key(catalog, jobs[i].key));
		if (i % 2 == 1)
			assert_null(by_id);
		else
			assert_true(by_id->job == i + 1 && by_id->request_digest == 10 * (i + 1));
	}
	catalog_free(catalog);
	catalog_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(jobs_come_and_go)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
