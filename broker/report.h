/*
 * report.h - converts the broker's state to the JSON that peers are told.
 *
 * Every function returns the text of one JSON object, which the caller frees with free().
 * Pure and thread-safe.
 */
#ifndef BROKER_REPORT_H
#define BROKER_REPORT_H

#include <jansson.h>

#include "broker/sched.h"
#include "broker/store.h"
#include "proto/request.h"

/* What the announcements of a job, or of one of its bands, say. */
struct job_card {
	uint64_t work;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	const char *image_name; /* and bytes: any for an ACCEPTED job in bands; NULL of a grid that
				 * its worker keeps itself */
	uint64_t image_bytes;
	const struct request *request;
	const struct plan *plan;
};

struct status {
	int64_t pid, uptime_ms;
	struct sched_totals totals;
	uint64_t image_budget_bytes;
	uint64_t worker_bytes_sent, worker_bytes_received;
	uint64_t client_bytes_sent, client_bytes_received;
};

char *report_welcome(int64_t beat_ms, int64_t lost_ms);
char *report_job(const struct job_card *card);
char *report_accepted(const struct job_card *card, const uint8_t *key); /* key may be NULL */
char *report_band(const struct job_card *card);
char *report_progress(const struct job_report *report);
char *report_finished(const struct job_report *report);
char *report_failed(uint64_t job, enum brot_err code, const char *text);
char *report_cancelled(uint64_t job);
char *report_changed(const struct job_report *report);
char *report_draining(uint32_t count);
char *report_status(const struct status *status);

/* REFUSED. message is the name of the refused type or NULL; key or job may be NULL or 0. */
char *report_refused(enum brot_err code, const char *text, const char *message, const uint8_t *key,
		     uint64_t job);

/* JOBS: request_of gives the request of a job, or NULL, and the owner that is to be told, if any.
 */
typedef const struct request *report_request_fn(uint64_t job, const char **ret_owner,
						void *context);
char *report_jobs(const struct sched *s, int64_t now_ms, report_request_fn *request_of,
		  void *context);
char *report_workers(const struct sched *s, int64_t now_ms);

/* HISTORY: takes the list of what report_history_row() made. */
char *report_history(json_t *rows);
json_t *report_history_row(const struct store_job *job, bool tells_owner);

#endif
