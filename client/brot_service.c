/* brot_service.c - include/brot/service.h: which broker, and whether it is there. */
#include "client/brot_service.h"

#include <stdlib.h>
#include <string.h>

#include "client/brot_internal.h"
#include "client/service.h"
#include "proto/secret.h"
#include "proto/sys/process.h"

#define TIMEOUT_MS  10000
#define WORKERS_MAX 1024

static struct interrupt nothing = {.signal_fd = -1}; /* interrupts a connect; never written to */

/* An environment variable; NULL where it is not set, or empty. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && value[0] != '\0' ? value : NULL;
}

static enum brot_err check(const struct brot_connect *options, struct brot_error *err)
{
	if (options->timeout_ms < 0)
		return error_set(err, BROT_E_USAGE, "timeout_ms: must not be negative, got %lld",
				 (long long)options->timeout_ms);
	if (options->workers > WORKERS_MAX)
		return error_set(err, BROT_E_USAGE, "workers: must be at most %d, got %u",
				 WORKERS_MAX, (unsigned)options->workers);
	return BROT_OK;
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

/* Takes over what service_open() has found. */
static enum brot_err take_over(struct brot_service *service, struct service *found,
			       struct brot_error *err)
{
	service->url = strdup(found->url);
	service->keys = found->keys;
	found->keys = NULL;
	if (service->url == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a service");
	return greet(service, found->connection, err);
}

static enum brot_err embed(struct brot_service *service, uint32_t workers, struct brot_error *err)
{
	enum brot_err code = landlord_new(workers, service->timeout_ms, &service->landlord, err);
	if (code != BROT_OK)
		return code;
	service->url = strdup(landlord_url(service->landlord));
	return service->url != NULL ? BROT_OK
				    : error_set(err, BROT_E_SYSTEM, "no memory for a service");
}

static enum brot_err find(struct brot_service *service, const char *url,
			  const struct brot_connect *options, struct brot_error *err)
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

enum brot_err brot_connect(const char *url, const struct brot_connect *options,
			   struct brot_service **ret_service, struct brot_error *err)
{
	static const struct brot_connect usual;
	if (options == NULL)
		options = &usual;
	enum brot_err code = check(options, err);
	if (code != BROT_OK)
		return code;
	process_be_guest();
	struct brot_service *service = calloc(1, sizeof *service);
	if (service == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a service");
	service->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_MS;
	service->is_patient = options->timeout_ms == 0;
	const char *server_key = options->server_key != NULL ? options->server_key
							     : variable("BROT_SERVER_KEY");
	service->server_key = server_key != NULL ? strdup(server_key) : NULL;
	if (server_key != NULL && service->server_key == NULL)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a service");
	if (code == BROT_OK)
		code = find(service, url, options, err);
	if (code == BROT_OK) {
		*ret_service = service;
		return BROT_OK;
	}
	brot_disconnect(service);
	brot_error_plain(err);
	return code;
}

void brot_disconnect(struct brot_service *service)
{
	if (service == NULL)
		return;
	landlord_free(service->landlord);
	if (service->keys != NULL)
		secret_forget(service->keys, sizeof *service->keys);
	free(service->keys);
	free(service->server_key);
	free(service->url);
	free(service);
}

const char *brot_service_url(const struct brot_service *service)
{
	return service->url;
}
