/*
 * sched_text.h - what sched_str.c and sched_parse.c share: names, and the fields of the limits.
 *
 * Pure and thread-safe.
 */
#ifndef BROKER_SCHED_TEXT_H
#define BROKER_SCHED_TEXT_H

#include "broker/sched.h"

extern const char *const sched_event_names[EVENT_TYPE_COUNT];

enum field_type { FIELD_U64, FIELD_I64, FIELD_U32, FIELD_BOOL };

/* A member of struct sched_limits. */
struct limit_field {
	const char *name;
	enum field_type type;
	size_t offset;
};
#define LIMIT_FIELD_COUNT 15
extern const struct limit_field sched_limit_fields[LIMIT_FIELD_COUNT];

/* Of the bits of the open bands in an EVENT_RESTORE. */
#define RESTORE_BITS_NAMES         \
	{                          \
		"bits_0", "bits_1" \
	}
_Static_assert(LIMIT_OPEN_BANDS == 2, "a name for each");

/* The bytes of sched_restore.bits[i] that the scheduler reads. */
size_t sched_restore_bytes(const struct plan *plan, uint32_t bands_released, uint32_t i);

/* Those of each of sched_restore.grids, which are fields "grid0", "grid1"... */
size_t sched_grid_bytes(const struct plan *plan);

#endif
