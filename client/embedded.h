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

/* For who is no program of ours, whose interrupt is none: what the children say is not printed, but
 * the last line of one that has ended is part of that sentence. embedded_hear() takes what they
 * have said, and must be called whenever there is something at one of these (or -1), lest they
 * wait. */
#define EMBEDDED_CHILDREN 2
void embedded_words(const struct embedded *embedded, int ret_fds[EMBEDDED_CHILDREN]);
void embedded_hear(struct embedded *embedded);

/* Ends both, waits for each (2 s at most, then kills), removes the folder. Accepts NULL. */
void embedded_stop(struct embedded *embedded);

#endif
