/* sock_fixture.c - a ROUTER in a folder of its own, and the DEALERs that a test has open. */
#include "tests/unit/sock_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

const struct sock_limits limits = {
	.frame_bytes = FRAME_BYTES, .send_queue = QUEUE, .receive_queue = QUEUE};

int sock_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	if (f == NULL)
		return -1;
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/test_sock.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	(void)snprintf(f->ipc_path, sizeof f->ipc_path, "%s/s", f->folder);
	(void)snprintf(f->ipc_url, sizeof f->ipc_url, "ipc://%s", f->ipc_path);
	f->context = sock_context_new();
	return sock_router_new(f->context, &limits, &f->router, NULL) == BROT_OK ? 0 : -1;
}

int sock_teardown(void **state)
{
	struct fixture *f = *state;
	sock_free(f->router, 0);
	for (size_t i = 0; i < DEALERS_MAX; i++)
		sock_free(f->dealers[i], 0);
	sock_context_free(f->context);
	int status = rmdir(f->folder);
	free(f);
	return status;
}

void bind_ipc(struct fixture *f)
{
	struct brot_error err = {0};
	if (sock_bind(f->router, f->ipc_url, &err) != BROT_OK)
		fail_msg("%s", err.text);
}

struct sock *dealer_new(struct fixture *f, const char *url, const struct sock_keys *keys)
{
	struct brot_error err = {0};
	for (size_t i = 0; i < DEALERS_MAX; i++) {
		if (f->dealers[i] != NULL)
			continue;
		if (sock_dealer_new(f->context, url, keys, &limits, &f->dealers[i], &err) !=
		    BROT_OK)
			fail_msg("%s", err.text);
		return f->dealers[i];
	}
	fail_msg("too many dealers");
	return NULL;
}

void dealer_free(struct fixture *f, struct sock *dealer)
{
	for (size_t i = 0; i < DEALERS_MAX; i++)
		if (f->dealers[i] == dealer)
			f->dealers[i] = NULL;
	sock_free(dealer, 0);
}
