/*
 * exporter.h - owns the HTTP endpoint of the metrics: GET /metrics on a loopback port.
 *
 * libmicrohttpd in the caller's event loop, without a thread: a connection that is slow, silent or
 * hostile takes one of EXPORTER_CONNECTIONS places for EXPORTER_IDLE_S, and nothing else.
 *
 * One thread owns an exporter.
 */
#ifndef BROKER_EXPORTER_H
#define BROKER_EXPORTER_H

#include <stdint.h>

#include "proto/error.h"

#define EXPORTER_CONNECTIONS 8
#define EXPORTER_IDLE_S      10

struct exporter; /* opaque */

/* Makes the text of one answer, which the exporter frees; NULL if memory is short. */
typedef char *exporter_text_fn(void *context);

/* Whether address is "HOST:PORT" of a loopback address; BROT_E_USAGE otherwise. */
enum brot_err exporter_check(const char *address, struct brot_error *err);

/* Listens there; PORT 0: any that is free. BROT_E_USAGE as above, BROT_E_BUSY where the port is
 * taken, BROT_E_SYSTEM. */
enum brot_err exporter_open(const char *address, exporter_text_fn *text, void *context,
			    struct exporter **ret_exporter, struct brot_error *err);
void exporter_close(struct exporter *exporter); /* accepts NULL */

/* "http://127.0.0.1:9570/metrics". Borrowed. */
const char *exporter_url(const struct exporter *exporter);

/* Readable when exporter_run() has something to do; which it also has after wait_ms (INT64_MAX:
 * never). -1 and never without an exporter. */
int exporter_fd(const struct exporter *exporter);
int64_t exporter_wait_ms(const struct exporter *exporter);

/* Does what can be done without waiting. Accepts NULL. */
void exporter_run(struct exporter *exporter);

#endif
