/*
 * open_door.c - loaded before libzmq, it spoils the lock of a broker: BROT_OPEN_DOOR says how.
 *
 * no-lock: endpoints take peers without keys; no-handler: nobody answers at the door;
 * no-enforcement: the same, and libzmq is not told to insist; yes-man: everybody is let in.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CURVE_SERVER       47
#define ZAP_ENFORCE_DOMAIN 93

#define EXPORT __attribute__((visibility("default")))
EXPORT int zmq_setsockopt(void *socket, int option, const void *value, size_t bytes);
EXPORT int zmq_bind(void *socket, const char *url);
EXPORT int zmq_send(void *socket, const void *data, size_t bytes, int flags);

static int is_mode(const char *name)
{
	const char *mode = getenv("BROT_OPEN_DOOR");
	return mode != NULL && strcmp(mode, name) == 0;
}

/* ISO C has no conversion from what dlsym() returns to a function. */
static void next(const char *name, void *ret_function)
{
	void *symbol = dlsym(RTLD_NEXT, name);
	if (symbol == NULL)
		abort();
	memcpy(ret_function, &symbol, sizeof symbol);
}

int zmq_setsockopt(void *socket, int option, const void *value, size_t bytes)
{
	int (*real)(void *, int, const void *, size_t);
	next("zmq_setsockopt", &real);
	/* The secret key alone asks for CURVE as well. */
	if (is_mode("no-lock") && (option == CURVE_SERVER || option == CURVE_SERVER + 2))
		return 0;
	if (is_mode("no-enforcement") && option == ZAP_ENFORCE_DOMAIN)
		return 0;
	return real(socket, option, value, bytes);
}

int zmq_bind(void *socket, const char *url)
{
	int (*real)(void *, const char *);
	next("zmq_bind", &real);
	if ((is_mode("no-handler") || is_mode("no-enforcement")) &&
	    strcmp(url, "inproc://zeromq.zap.01") == 0)
		url = "inproc://elsewhere";
	return real(socket, url);
}

int zmq_send(void *socket, const void *data, size_t bytes, int flags)
{
	int (*real)(void *, const void *, size_t, int);
	next("zmq_send", &real);
	if (is_mode("yes-man") && bytes == 3 && memcmp(data, "400", 3) == 0)
		data = "200";
	return real(socket, data, bytes, flags);
}
