/*
 * catalog.h - owns what the shell must know of each live job besides its images: key, owner,
 * request, plan.
 *
 * Pure; one thread owns a catalogue.
 */
#ifndef BROKER_CATALOG_H
#define BROKER_CATALOG_H

#include "broker/doors.h"
#include "broker/plan.h"
#include "broker/sched.h"
#include "proto/request.h"

struct catalog_job {
	uint64_t job;
	uint8_t key[SCHED_KEY_BYTES];
	char owner[PRINCIPAL_BYTES]; /* who submitted it */
	uint64_t request_digest;     /* of its stored text; 0 without a store */
	struct request request;
	struct plan plan;
};

struct catalog; /* opaque */

struct catalog *catalog_new(void);
void catalog_free(struct catalog *catalog); /* accepts NULL */

/* Copies *job; its id must be new. */
void catalog_add(struct catalog *catalog, const struct catalog_job *job);

/* Borrowed until catalog_remove(), or NULL. */
const struct catalog_job *catalog_find(const struct catalog *catalog, uint64_t job);

/* A live job with that key, or NULL. */
const struct catalog_job *catalog_find_key(const struct catalog *catalog,
					   const uint8_t key[SCHED_KEY_BYTES]);

/* One that is not there is no error. */
void catalog_remove(struct catalog *catalog, uint64_t job);

uint32_t catalog_count(const struct catalog *catalog);

/* Those of that owner. */
uint32_t catalog_count_of(const struct catalog *catalog, const char *owner);

#endif
