/* test_sock_guest.c - contexts of a program that is not ours, where there is room for some only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/sys/sock.h"

#define THREADS     8
#define ROUNDS      40
#define DESCRIPTORS 8 /* that one context takes, or less */

static pthread_barrier_t barrier;

struct attempt {
	enum brot_err code;
	struct brot_error err;
	struct sock_context *context;
};

static void *try_run(void *context)
{
	struct attempt *attempt = context;
	(void)pthread_barrier_wait(&barrier);
	attempt->code = sock_context_new_guest(&attempt->context, &attempt->err);
	return NULL;
}

/* In a process of its own, which libzmq ends by abort() where it has no descriptor. */
static int crowd(unsigned room)
{
	pthread_t threads[THREADS];
	struct attempt tries[THREADS] = {0};
	unsigned made = 0, refused = 0;
	const int next = dup(0);
	const struct rlimit few = {(rlim_t)next + room, (rlim_t)next + room};
	if (next < 0 || close(next) != 0 || setrlimit(RLIMIT_NOFILE, &few) != 0 ||
	    pthread_barrier_init(&barrier, NULL, THREADS) != 0)
		return 2;
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, try_run, &tries[i]) != 0)
			return 3;
	for (size_t i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
		made += tries[i].code == BROT_OK;
		refused += tries[i].code == BROT_E_SYSTEM && tries[i].context == NULL &&
			   strncmp(tries[i].err.text, "descriptors: ", 13) == 0;
	}
	for (size_t i = 0; i < THREADS; i++)
		sock_context_free(tries[i].context);
	return made > 0 && refused > 0 && made + refused == THREADS ? 0 : 4;
}

static void there_is_room_or_not(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		const pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			_exit(crowd(2 * DESCRIPTORS + round % (2 * DESCRIPTORS)));
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
