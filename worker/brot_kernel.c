/* brot_kernel.c - the kernel of a process, chosen once. */
#include <pthread.h>
#include <stdlib.h>

#include "proto/sys/clock.h"
#include "worker/brot_internal.h"
#include "worker/choice.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct choice choice;
static struct brot_error failure;

static void choose(void)
{
	const char *name = getenv("BROT_KERNEL");
	enum brot_err code = choice_offer(name != NULL && name[0] != '\0' ? name : NULL, &choice,
					  &failure);
	if (code == BROT_OK)
		code = choice_check(&choice, &failure);
	if (code == BROT_OK)
		choice_measure(&choice, clock_us);
}

enum brot_err local_kernel(const struct kernel **ret_kernel, struct brot_error *err)
{
	(void)pthread_once(&once, choose);
	if (choice.kernel == NULL)
		return error_set(err, failure.code, "%s", failure.text);
	*ret_kernel = choice.kernel;
	return BROT_OK;
}

const char *brot_kernel(void)
{
	const struct kernel *kernel = NULL;
	return local_kernel(&kernel, NULL) == BROT_OK ? kernel->name : NULL;
}
