/* catalog.c - the live jobs as the shell knows them. */
#include "broker/catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
	struct catalog_job job;
	UT_hash_handle hh, hh_key;
};

struct catalog {
	struct entry *by_job, *by_key;
};

struct catalog *catalog_new(void)
{
	struct catalog *catalog = calloc(1, sizeof *catalog);
	if (catalog == NULL)
		abort();
	return catalog;
}

static struct entry *entry_find(const struct catalog *catalog, uint64_t job)
{
	struct entry *entry;
	HASH_FIND(hh, catalog->by_job, &job, sizeof job, entry);
	return entry;
}

static void entry_free(struct catalog *catalog, struct entry *entry)
{
	HASH_DELETE(hh, catalog->by_job, entry);
	HASH_DELETE(hh_key, catalog->by_key, entry);
	free(entry);
}

void catalog_free(struct catalog *catalog)
{
	if (catalog == NULL)
		return;
	struct entry *entry, *next;
	HASH_ITER(hh, catalog->by_job, entry, next)
	entry_free(catalog, entry);
	free(catalog);
}

void catalog_add(struct catalog *catalog, const struct catalog_job *job)
{
	assert(entry_find(catalog, job->job) == NULL);
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		abort();
	entry->job = *job;
	HASH_ADD(hh, catalog->by_job, job.job, sizeof entry->job.job, entry);
	HASH_ADD(hh_key, catalog->by_key, job.key, sizeof entry->job.key, entry);
}

const struct catalog_job *catalog_find(const struct catalog *catalog, uint64_t job)
{
	const struct entry *entry = entry_find(catalog, job);
	return entry != NULL ? &entry->job : NULL;
}

const struct catalog_job *catalog_find_key(const struct catalog *catalog,
					   const uint8_t key[SCHED_KEY_BYTES])
{
	struct entry *entry;
	HASH_FIND(hh_key, catalog->by_key, key, SCHED_KEY_BYTES, entry);
	return entry != NULL ? &entry->job : NULL;
}

void catalog_remove(struct catalog *catalog, uint64_t job)
{
	struct entry *entry = entry_find(catalog, job);
	if (entry != NULL)
		entry_free(catalog, entry);
}

uint32_t catalog_count_of(const struct catalog *catalog, const char *owner)
{
	uint32_t count = 0;
	for (const struct entry *entry = catalog->by_job; entry != NULL; entry = entry->hh.next)
		count += strcmp(entry->job.owner, owner) == 0;
	return count;
}

uint32_t catalog_count(const struct catalog *catalog)
{
	return HASH_COUNT(catalog->by_job);
}
