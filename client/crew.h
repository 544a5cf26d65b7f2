/*
 * crew.h - shares pieces of work out over threads.
 */
#ifndef CLIENT_CREW_H
#define CLIENT_CREW_H

#include <stdint.h>

#include "proto/error.h"

#define CREW_MAX 64 /* threads */

struct crew_work {
	uint32_t count;   /* of pieces */
	unsigned threads; /* 1..CREW_MAX, the caller's among them */
	void (*task)(uint32_t piece, void *context);
	/* NULL, or called by the caller's thread before each piece that it takes; where it fails,
	 * no further piece is begun. */
	enum brot_err (*between)(void *context, struct brot_error *err);
	void *context; /* of both */
};

/* A thread for each core that this process may run on, at most CREW_MAX. */
unsigned crew_size(void);

/* So many as were asked for; 0: crew_size(). */
unsigned crew_threads(unsigned asked);

/* Does each piece once, in any order, and returns when none is being done. Where threads cannot be
 * had, fewer do it. Fails as `between` does. */
enum brot_err crew_run(const struct crew_work *work, struct brot_error *err);

#endif
