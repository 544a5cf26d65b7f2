/* service.c - which broker? */
#include "client/service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/secret.h"
#include "proto/sys/keys.h"
#include "proto/sys/sock.h"

#define SYSTEM_SOCKET "/run/brot/clients"
#define SYSTEM_URL    "ipc://" SYSTEM_SOCKET

/* A sentence about a URL names the option that gave it. */
static enum brot_err check_url(const char *url, bool *ret_is_local, struct brot_error *err)
{
	struct brot_error inner;
	enum brot_err code = sock_url_check(url, ret_is_local, &inner);
	if (code == BROT_OK)
		return BROT_OK;
	size_t field = strncmp(inner.text, "URL: ", 5) == 0 ? 5 : 0;
	return error_set(err, code, "--broker: %.240s", inner.text + field);
}

static enum brot_err open_named(const struct service_config *config, struct service *service,
				struct brot_error *err)
{
	bool is_local = false;
	if (config->workers != 0)
		return error_set(
			err, BROT_E_USAGE,
			"--workers: counts those of an embedded service, and the broker to "
			"use is named: %.120s",
			config->broker);
	enum brot_err code = check_url(config->broker, &is_local, err);
	if (code != BROT_OK)
		return code;
	struct sock_keys keys;
	bool has_keys = false;
	code = keys_for_url(config->broker, config->key, config->server_key, &keys, &has_keys, err);
	if (code != BROT_OK)
		return code;
	if (!is_local && !has_keys && !config->is_insecure)
		return error_set(err, BROT_E_USAGE,
				 "--broker: %.120s is beyond this host and nothing protects the "
				 "connection: give --key and --server-key, or --insecure must "
				 "allow it",
				 config->broker);
	service->url = config->broker;
	if (has_keys) {
		service->keys = malloc(sizeof *service->keys);
		if (service->keys != NULL)
			*service->keys = keys;
		secret_forget(&keys, sizeof keys);
		if (service->keys == NULL)
			return error_set(err, BROT_E_SYSTEM, "no memory for a key");
	}
	return connection_open(config->context, service->url, service->keys, config->server_key,
			       config->interrupt, &service->connection, err);
}

static bool may_embed(const struct service_config *config)
{
	return config->may_embed && !config->must_outlive;
}

/* BROT_OK with a connection, or without one where the system has no broker that answers. */
static enum brot_err open_system(const struct service_config *config, struct service *service,
				 struct brot_error *err)
{
	struct stat status;
	if (stat(SYSTEM_SOCKET, &status) != 0 || !S_ISSOCK(status.st_mode) ||
	    sock_url_is_denied(SYSTEM_URL, NULL))
		return BROT_OK;
	const int64_t wait_ms = may_embed(config) ? SERVICE_SYSTEM_WAIT_MS : config->timeout_ms;
	struct connection *connection = NULL;
	json_t *report = NULL;
	enum brot_err code = connection_open(config->context, SYSTEM_URL, NULL, NULL,
					     config->interrupt, &connection, err);
	if (code != BROT_OK)
		return code;
	code = connection_ask(connection, MSG_STATUS, "{}", "status", wait_ms, &report, err);
	json_decref(report);
	if (code == BROT_OK) {
		service->connection = connection;
		service->url = SYSTEM_URL;
		return BROT_OK;
	}
	connection_close(connection);
	return code == BROT_E_CANCELLED ? code : BROT_OK;
}

static enum brot_err open_embedded(const struct service_config *config, struct service *service,
				   struct brot_error *err)
{
	enum brot_err code = embedded_start(config->workers, config->interrupt, config->timeout_ms,
					    &service->embedded, err);
	if (code != BROT_OK)
		return code;
	service->url = embedded_url(service->embedded);
	return connection_open(config->context, service->url, NULL, NULL, config->interrupt,
			       &service->connection, err);
}

enum brot_err service_open(const struct service_config *config, struct service *ret_service,
			   struct brot_error *err)
{
	struct service service = SERVICE_NONE;
	enum brot_err code = BROT_OK;
	if (config->broker != NULL)
		code = open_named(config, &service, err);
	else if (config->is_insecure)
		code = error_set(err, BROT_E_USAGE,
				 "--insecure: has a meaning only where --broker names a tcp URL");
	else if (config->workers == 0)
		code = open_system(config, &service, err);
	if (code == BROT_OK && service.connection == NULL) {
		if (!may_embed(config) && sock_url_is_denied(SYSTEM_URL, err))
			code = BROT_E_DENIED;
		else if (config->must_outlive)
			code = error_set(err, BROT_E_UNAVAILABLE,
					 "--keep: needs a broker that outlives this call: none "
					 "answers at " SYSTEM_URL
					 ", and neither --broker nor BROT_BROKER names another");
		else if (config->may_embed)
			code = open_embedded(config, &service, err);
		else
			code = error_set(err, BROT_E_UNAVAILABLE,
					 "no broker answers at " SYSTEM_URL
					 ", and neither --broker nor BROT_BROKER names another");
	}
	if (code != BROT_OK) {
		service_close(&service);
		return code;
	}
	*ret_service = service;
	return BROT_OK;
}

void service_close(struct service *service)
{
	connection_close(service->connection);
	embedded_stop(service->embedded);
	secret_forget(service->keys, sizeof *service->keys);
	free(service->keys);
	*service = SERVICE_NONE;
}
