/*
 * embedded.h - owns a private service: a broker and workers that live as long as the call.
 *
 * Both listen in a folder of their own (0700), which is gone afterwards. They also end, and the
 * broker removes the folder, when this process is killed: they tie themselves to it.
 *
 * One thread, the one that lives as long as the process, owns an embedded service.
 */
#ifndef CLIENT_EMBEDDED_H
#define CLIENT_EMBEDDED_H

#include <stdint.h>

#include "client/interrupt.h"
#include "proto/error.h"

struct embedded; /* opaque */

/* Starts both programs at once and returns when the broker listens. workers: processes, 0 for one a
 * core. interrupt is borrowed until embedded_stop(). Fails, with nothing
 * left behind, where a program is missing, ends, or is not ready within timeout_ms, and with
 * BROT_E_CANCELLED on a signal. */
enum brot_err embedded_start(uint32_t workers, struct interrupt *interrupt, int64_t timeout_ms,
			     struct embedded **ret_embedded, struct brot_error *err);

/* Where clients connect to. Borrowed until embedded_stop(). */
const char *embedded_url(const struct embedded *embedded);

/* How many worker processes were asked for. */
uint32_t embedded_workers(const struct embedded *embedded);

/* Call when a child has ended: BROT_E_SYSTEM, and one sentence, if it was one of these. */
enum brot_err embedded_check(struct embedded *embedded, struct brot_error *err);

/* Ends both, waits for each (2 s at most, then kills), removes the folder. Accepts NULL. */
void embedded_stop(struct embedded *embedded);

#endif
