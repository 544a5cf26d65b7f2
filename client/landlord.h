/*
 * landlord.h - an embedded service in a process that is not ours: its children live and die with a
 * thread of its own, whatever becomes of the one that wanted them, and no signal tells of them.
 *
 * Any thread may use one.
 */
#ifndef CLIENT_LANDLORD_H
#define CLIENT_LANDLORD_H

#include <stdint.h>

#include "proto/error.h"

struct landlord; /* opaque */

/* As embedded_start(). */
enum brot_err landlord_new(uint32_t workers, int64_t timeout_ms, struct landlord **ret_landlord,
			   struct brot_error *err);

/* Where clients connect to. Borrowed until landlord_free(). */
const char *landlord_url(const struct landlord *landlord);

/* BROT_E_SYSTEM, with a sentence, where a child has ended; from then on always. */
enum brot_err landlord_check(struct landlord *landlord, struct brot_error *err);

/* As embedded_stop(). Accepts NULL. */
void landlord_free(struct landlord *landlord);

#endif
