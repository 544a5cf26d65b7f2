/* thread.c - pthread_create() with a mask and a stack. */
#include "proto/sys/thread.h"

#include <signal.h>

#include "proto/thread_mode.h"

bool thread_start(pthread_t *ret_thread, void *(*run)(void *context), void *context)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	(void)sigfillset(&all);
	int error = pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	if (error == 0)
		error = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (error == 0) {
		struct thread_mode callers;
		thread_mode_enter(&callers); /* it is inherited */
		error = pthread_create(&thread, &attributes, run, context);
		thread_mode_leave(&callers);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	(void)pthread_attr_destroy(&attributes);
	if (error == 0)
		*ret_thread = thread;
	return error == 0;
}
