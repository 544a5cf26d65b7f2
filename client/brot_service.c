/* brot_service.c - include/brot/service.h: which broker, and whether it is there. */
#include "client/brot_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/brot_internal.h"
#include "client/service.h"
#include "proto/brot_request.h"
#include "proto/secret.h"
#include "proto/sys/process.h"
#include "proto/thread_mode.h"

#define TIMEOUT_MS     10000
#define TIMEOUT_MAX_MS (INT64_MAX / 4) /* for ever; times of the clock are added to it */
#define WORKERS_MAX    1024

static struct interrupt nothing = {.signal_fd = -1}; /* interrupts a connect; never written to */

/* An environment variable; NULL where it is not set, or empty. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && value[0] != '\0' ? value : NULL;
}

static enum brot_err no_memory(struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "no memory for a service");
}

static enum brot_err check(const char *url, const struct brot_connect_options *options,
			   struct brot_error *err)
{
	const bool is_embedded = url == NULL && options->workers != 0;
	if (options->timeout_ms < 0)
		return error_set(err, BROT_E_USAGE, "timeout_ms: must not be negative, got %lld",
				 (long long)options->timeout_ms);
	if (options->workers > WORKERS_MAX)
		return error_set(err, BROT_E_USAGE, "workers: must be at most %d, got %u",
				 WORKERS_MAX, (unsigned)options->workers);
	if (is_embedded && (options->key != NULL || options->server_key != NULL))
		return error_set(err, BROT_E_USAGE,
				 "%s: is for a tcp broker, and workers asks for an embedded one",
				 options->key != NULL ? "key" : "server_key");
	if (is_embedded && options->is_insecure)
		return error_set(err, BROT_E_USAGE,
				 "is_insecure: is for a tcp broker, and workers asks for an "
				 "embedded one");
	return brot_reserved_check(options->reserved, err);
}

/* Whether anybody answers there, and lets us in. */
static enum brot_err greet(const struct brot_service *service, struct connection *connection,
			   struct brot_error *err)
{
	json_t *report = NULL;
	const enum brot_err code = connection_ask(connection, MSG_STATUS, "{}", "status",
						  service->timeout_ms, &report, err);
	json_decref(report);
	return code;
}

/* Takes over what service_open() has found, if it answers. */
static enum brot_err take_over(struct brot_service *service, struct service *found,
			       struct brot_error *err)
{
	const enum brot_err code = greet(service, found->connection, err);
	if (code != BROT_OK)
		return code;
	service->url = strdup(found->url);
	if (service->url == NULL)
		return no_memory(err);
	service->keys = found->keys;
	found->keys = NULL;
	/* The connection that shows them is gone before. */
	connection_close(found->connection);
	found->connection = NULL;
	return BROT_OK;
}

static enum brot_err embed(struct brot_service *service, uint32_t workers, struct brot_error *err)
{
	enum brot_err code = landlord_new(workers, service->timeout_ms, &service->landlord, err);
	if (code != BROT_OK)
		return code;
	service->url = strdup(landlord_url(service->landlord));
	return service->url != NULL ? BROT_OK : no_memory(err);
}

static enum brot_err find(struct brot_service *service, const char *url,
			  const struct brot_connect_options *options, struct brot_error *err)
{
	struct service found = SERVICE_NONE;
	if (url == NULL && options->workers == 0)
		url = variable("BROT_BROKER");
	if (url == NULL && options->workers != 0)
		return embed(service, options->workers, err);
	const struct service_config config = {
		.broker = url,
		.key = options->key != NULL ? options->key : variable("BROT_KEY"),
		.server_key = service->server_key,
		.is_insecure = options->is_insecure,
		.workers = options->workers,
		.timeout_ms = url == NULL && options->may_embed ? SERVICE_SYSTEM_WAIT_MS
								: service->timeout_ms,
		.interrupt = &nothing,
		.context = service->context,
	};
	enum brot_err code = service_open(&config, &found, err);
	if (code == BROT_OK)
		code = take_over(service, &found, err);
	service_close(&found);
	if (url == NULL && options->may_embed &&
	    (code == BROT_E_UNAVAILABLE || code == BROT_E_DENIED))
		code = embed(service, 0, err);
	return code;
}

/* The sentences are the command line's: they name options where callers have members. */
static void name_members(struct brot_error *err)
{
	static const struct {
		const char *option, *member;
	} names[] = {
		{"--broker", "url"}, {"--insecure", "is_insecure"}, {"--server-key", "server_key"}};
	char rest[sizeof err->text];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *at;
		while ((at = strstr(err->text, names[i].option)) != NULL) {
			(void)snprintf(rest, sizeof rest, "%s", at + strlen(names[i].option));
			(void)snprintf(at, sizeof err->text - (size_t)(at - err->text), "%s%s",
				       names[i].member, rest);
		}
	}
	brot_error_plain(err);
}

static enum brot_err set_up(struct brot_service *service,
			    const struct brot_connect_options *options, struct brot_error *err)
{
	const char *server_key = options->server_key != NULL ? options->server_key
							     : variable("BROT_SERVER_KEY");
	const int64_t timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_MS;
	atomic_init(&service->users, 1);
	service->timeout_ms = timeout_ms < TIMEOUT_MAX_MS ? timeout_ms : TIMEOUT_MAX_MS;
	service->is_patient = options->timeout_ms == 0;
	service->server_key = server_key != NULL ? strdup(server_key) : NULL;
	if (server_key != NULL && service->server_key == NULL)
		return no_memory(err);
	const enum brot_err code = sock_context_new_guest(&service->context, err);
	return code == BROT_OK ? sock_room_check(err) : code;
}

enum brot_err brot_connect(const char *url, const struct brot_connect_options *options,
			   struct brot_service **ret_service, struct brot_error *err)
{
	static const struct brot_connect_options usual;
	struct brot_error error = {.code = BROT_OK};
	if (options == NULL)
		options = &usual;
	enum brot_err code = check(url, options, err);
	if (code != BROT_OK)
		return code;
	process_be_guest();
	struct brot_service *service = calloc(1, sizeof *service);
	if (service == NULL)
		return no_memory(err);
	struct thread_mode callers;
	thread_mode_enter(&callers);
	code = set_up(service, options, &error);
	if (code == BROT_OK)
		code = find(service, url, options, &error);
	thread_mode_leave(&callers);
	if (code == BROT_OK) {
		*ret_service = service;
		return BROT_OK;
	}
	brot_disconnect(service);
	name_members(&error);
	if (err != NULL)
		*err = error;
	return code;
}

void brot_service_use(struct brot_service *service)
{
	(void)atomic_fetch_add(&service->users, 1);
}

void brot_service_leave(struct brot_service *service)
{
	if (atomic_fetch_sub(&service->users, 1) != 1)
		return;
	sock_context_free(service->context);
	landlord_free(service->landlord);
	if (service->keys != NULL)
		secret_forget(service->keys, sizeof *service->keys);
	free(service->keys);
	free(service->server_key);
	free(service->url);
	free(service);
}

void brot_disconnect(struct brot_service *service)
{
	if (service != NULL)
		brot_service_leave(service);
}

const char *brot_service_url(const struct brot_service *service)
{
	return service->url;
}
