/* crew.c - whoever is free takes the next piece. */
#include "client/crew.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "proto/sys/cores.h"
#include "proto/sys/thread.h"

struct crew {
	const struct crew_work *work;
	atomic_uint next;
};

unsigned crew_size(void)
{
	const unsigned cores = cores_count();
	return cores > CREW_MAX ? CREW_MAX : cores;
}

unsigned crew_threads(unsigned asked)
{
	return asked != 0 ? asked : crew_size();
}

/* At most `count` steps beyond the end are ever taken, one a thread: nothing overflows. */
static bool take(struct crew *crew, uint32_t *ret_piece)
{
	*ret_piece = atomic_fetch_add(&crew->next, 1);
	return *ret_piece < crew->work->count;
}

static void *member(void *context)
{
	struct crew *crew = context;
	uint32_t piece;
	while (take(crew, &piece))
		crew->work->task(piece, crew->work->context);
	return NULL;
}

enum brot_err crew_run(const struct crew_work *work, struct brot_error *err)
{
	struct crew crew = {.work = work};
	pthread_t threads[CREW_MAX];
	unsigned started = 0;
	uint32_t piece;
	enum brot_err code = BROT_OK;
	while (started + 1 < work->threads && started + 1 < work->count &&
	       thread_start(&threads[started], member, &crew))
		started++;
	while (code == BROT_OK) {
		if (work->between != NULL)
			code = work->between(work->context, err);
		if (code != BROT_OK)
			atomic_store(&crew.next, work->count);
		else if (take(&crew, &piece))
			work->task(piece, work->context);
		else
			break;
	}
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return code;
}
