/*
 * parse.h - converts the JSON that peers say into the broker's structs.
 *
 * Everything here is hostile until it is parsed. Outputs are untouched on failure, and the sentence
 * names the message and the field. Pure and thread-safe.
 */
#ifndef BROKER_PARSE_H
#define BROKER_PARSE_H

#include "broker/sched.h"
#include "proto/message.h"
#include "proto/request.h"

enum brot_err parse_hello(const struct message *m, struct worker_info *ret_info,
			  struct brot_error *err);

/* ret_key is set, and *ret_has_key true, as soon as the key itself is right, so that a refusal can
 * name it. */
enum brot_err parse_submit(const struct message *m, uint8_t ret_key[SCHED_KEY_BYTES],
			   bool *ret_has_key, struct request *ret_request, struct brot_error *err);

/* The one job id of CANCEL_JOB and RELEASE. */
enum brot_err parse_job(const struct message *m, uint64_t *ret_job, struct brot_error *err);

/* The ids of WATCH, at most LIMIT_JOBS_PER_CLIENT. */
enum brot_err parse_watch(const struct message *m, uint64_t ret_jobs[LIMIT_JOBS_PER_CLIENT],
			  size_t *ret_count, struct brot_error *err);

struct fetch {
	uint64_t job;
	uint32_t plane;
	struct rect rect; /* unchecked against any image */
};
enum brot_err parse_fetch(const struct message *m, struct fetch *ret_fetch, struct brot_error *err);

/* The empty object of JOBS, WORKERS and STATUS. */
enum brot_err parse_nothing(const struct message *m, struct brot_error *err);

#endif
