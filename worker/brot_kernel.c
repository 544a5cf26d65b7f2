/* brot_kernel.c - the kernel of a process, chosen once. */
#include <pthread.h>
#include <stdlib.h>

#include "proto/sys/clock.h"
#include "worker/brot_internal.h"
#include "worker/choice.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static bool is_chosen;
static struct choice choice;
static struct brot_error failure;

static enum brot_err choose(void)
{
	const char *name = getenv("BROT_KERNEL");
	enum brot_err code = choice_offer(name != NULL && name[0] != '\0' ? name : NULL, &choice,
					  &failure);
	if (code == BROT_OK)
		code = choice_check(&choice, &failure);
	if (code == BROT_OK)
		choice_measure(&choice, clock_us);
	return code;
}

enum brot_err local_kernel(const struct kernel **ret_kernel, struct brot_error *err)
{
	(void)pthread_mutex_lock(&lock);
	/* What memory is short for now may be there the next time. */
	if (!is_chosen)
		is_chosen = choose() != BROT_E_SYSTEM;
	const struct kernel *kernel = choice.kernel;
	const struct brot_error error = failure;
	(void)pthread_mutex_unlock(&lock);
	if (kernel == NULL)
		return error_set(err, error.code, "%s", error.text);
	*ret_kernel = kernel;
	return BROT_OK;
}

const char *brot_kernel(void)
{
	struct thread_mode callers;
	const struct kernel *kernel = NULL;
	thread_mode_enter(&callers);
	const enum brot_err code = local_kernel(&kernel, NULL);
	thread_mode_leave(&callers);
	return code == BROT_OK ? kernel->name : NULL;
}
