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

struct submit {
	uint8_t key[SCHED_KEY_BYTES];
	bool has_key; /* set, with key, as soon as that is right, so that a refusal can name it */
	bool is_kept;
	int32_t priority;
	char client[LIMIT_NAME_CHARS + 1]; /* "": not told */
	struct request request;
};
enum brot_err parse_submit(const struct message *m, struct submit *ret_submit,
			   struct brot_error *err);

/* The one job id of ATTACH, CANCEL_JOB, PAUSE, RESUME and RETRY. */
enum brot_err parse_job(const struct message *m, uint64_t *ret_job, struct brot_error *err);

/* *ret_band is SCHED_ALL_BANDS where none is said. */
enum brot_err parse_release(const struct message *m, uint64_t *ret_job, uint32_t *ret_band,
			    struct brot_error *err);

enum brot_err parse_priority(const struct message *m, uint64_t *ret_job, int32_t *ret_priority,
			     struct brot_error *err);

/* *ret_before is 0 where it is not said. */
enum brot_err parse_history(const struct message *m, uint32_t *ret_limit, uint64_t *ret_before,
			    struct brot_error *err);

enum brot_err parse_drain_worker(const struct message *m, char ret_worker[LIMIT_NAME_CHARS + 1],
				 struct brot_error *err);

/* The ids of WATCH, at most LIMIT_JOBS_PER_CLIENT. */
enum brot_err parse_watch(const struct message *m, uint64_t ret_jobs[LIMIT_JOBS_PER_CLIENT],
			  size_t *ret_count, struct brot_error *err);

struct fetch {
	uint64_t job;
	uint32_t plane;
	struct rect rect; /* unchecked against any image */
	uint64_t seen;    /* ROWS that the client has received */
	bool is_preview;  /* of a Buddhabrot that is not finished */
};
enum brot_err parse_fetch(const struct message *m, struct fetch *ret_fetch, struct brot_error *err);

/* The empty object of JOBS, WORKERS and STATUS. */
enum brot_err parse_nothing(const struct message *m, struct brot_error *err);

#endif
