/* exporter.c - libmicrohttpd, driven by its epoll descriptor. */
#include "broker/exporter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/metrics.h"
#include "proto/limits.h"
#include "proto/sys/sock.h"

#define PATH             "/metrics"
#define CONNECTION_BYTES 8192 /* of one request's line and headers */
#define BACKLOG          16

struct exporter {
	struct MHD_Daemon *daemon;
	struct MHD_Response *not_found, *not_allowed;
	exporter_text_fn *text;
	void *context;
	int fd;
	char url[LIMIT_URL_CHARS + 16];
};

/* Loopback has no names but one, so that nothing needs to be looked up. */
static enum brot_err read_address(const char *address, struct sockaddr_storage *ret_address,
				  socklen_t *ret_bytes, struct brot_error *err)
{
	static const char rule[] = "--metrics: must be HOST:PORT of a loopback address, such as "
				   "127.0.0.1:9570, got \"%.100s\"";
	char url[LIMIT_URL_CHARS + 1], host[LIMIT_URL_CHARS + 1];
	const char *colon = strrchr(address, ':');
	bool is_local = false, is_any = colon != NULL && strcmp(colon, ":0") == 0;
	int chars = snprintf(url, sizeof url, "tcp://%.*s%s",
			     is_any ? (int)(colon - address) : (int)strlen(address), address,
			     is_any ? ":*" : "");
	if (colon == NULL || chars < 0 || (size_t)chars >= sizeof url || strchr(colon, '*') ||
	    sock_url_check(url, &is_local, NULL) != BROT_OK || !is_local)
		return error_set(err, BROT_E_USAGE, rule, address);
	const size_t host_chars = (size_t)(colon - address);
	const bool is_bracketed = address[0] == '[';
	(void)snprintf(host, sizeof host, "%.*s", (int)(host_chars - (is_bracketed ? 2 : 0)),
		       address + is_bracketed);
	const uint16_t port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port};
	memset(ret_address, 0, sizeof *ret_address);
	if (strcmp(host, "localhost") == 0)
		(void)snprintf(host, sizeof host, "127.0.0.1");
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(ret_address, &v4, sizeof v4);
		*ret_bytes = sizeof v4;
		return BROT_OK;
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
		return error_set(err, BROT_E_USAGE, rule, address);
	memcpy(ret_address, &v6, sizeof v6);
	*ret_bytes = sizeof v6;
	return BROT_OK;
}

enum brot_err exporter_check(const char *address, struct brot_error *err)
{
	struct sockaddr_storage unused;
	socklen_t bytes;
	return read_address(address, &unused, &bytes, err);
}

static enum brot_err listen_at(const char *address, int *ret_fd, uint16_t *ret_port,
			       struct brot_error *err)
{
	struct sockaddr_storage at;
	socklen_t bytes = 0;
	enum brot_err code = read_address(address, &at, &bytes, err);
	if (code != BROT_OK)
		return code;
	const int on = 1;
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_open = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		       bind(fd, (const struct sockaddr *)&at, bytes) == 0 &&
		       listen(fd, BACKLOG) == 0 &&
		       getsockname(fd, (struct sockaddr *)&at, &bytes) == 0;
	if (!is_open) {
		code = error_set(err, errno == EADDRINUSE ? BROT_E_BUSY : BROT_E_SYSTEM,
				 "--metrics: cannot listen at %.100s: %s", address,
				 strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return code;
	}
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	memcpy(&v4, &at, sizeof v4);
	memcpy(&v6, &at, sizeof v6);
	*ret_port = ntohs(at.ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
	*ret_fd = fd;
	return BROT_OK;
}

static enum MHD_Result answer_metrics(const struct exporter *e, struct MHD_Connection *connection)
{
	char *text = e->text(e->context);
	if (text == NULL)
		return MHD_NO;
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text,
									MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(text);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, METRICS_CONTENT_TYPE);
	enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* Called for the headers, for each part of a body, and at the end. Whoever sends a body is answered
 * at its headers, or cut off. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_bytes, void **request)
{
	const struct exporter *e = context;
	(void)version;
	(void)upload;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, e->not_allowed);
	if (*upload_bytes != 0)
		return MHD_NO;
	if (*request == NULL) {
		*request = context;
		return MHD_YES;
	}
	if (strcmp(url, PATH) != 0)
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, e->not_found);
	return answer_metrics(e, connection);
}

/* text lives as long as the program. */
static struct MHD_Response *fixed_response(char *text)
{
	return MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);
}

enum brot_err exporter_open(const char *address, exporter_text_fn *text, void *context,
			    struct exporter **ret_exporter, struct brot_error *err)
{
	static char nothing[] = "there is nothing but " PATH "\n";
	static char only[] = "only GET and HEAD are answered\n";
	int listener = -1;
	uint16_t port = 0;
	enum brot_err code = listen_at(address, &listener, &port, err);
	if (code != BROT_OK)
		return code;
	struct exporter *e = calloc(1, sizeof *e);
	if (e == NULL) {
		(void)close(listener);
		return error_set(err, BROT_E_SYSTEM, "--metrics: no memory");
	}
	e->text = text;
	e->context = context;
	e->not_found = fixed_response(nothing);
	e->not_allowed = fixed_response(only);
	e->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, e, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)EXPORTER_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)EXPORTER_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
	const union MHD_DaemonInfo *info = NULL;
	if (e->daemon == NULL)
		(void)close(listener);
	else
		info = MHD_get_daemon_info(e->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL || e->not_found == NULL || e->not_allowed == NULL) {
		exporter_close(e);
		return error_set(err, BROT_E_SYSTEM, "--metrics: cannot serve at %.100s", address);
	}
	e->fd = info->epoll_fd;
	(void)snprintf(e->url, sizeof e->url, "http://%.*s:%u" PATH,
		       (int)(strrchr(address, ':') - address), address, (unsigned)port);
	*ret_exporter = e;
	return BROT_OK;
}

void exporter_close(struct exporter *exporter)
{
	if (exporter == NULL)
		return;
	if (exporter->daemon != NULL)
		MHD_stop_daemon(exporter->daemon);
	if (exporter->not_found != NULL)
		MHD_destroy_response(exporter->not_found);
	if (exporter->not_allowed != NULL)
		MHD_destroy_response(exporter->not_allowed);
	free(exporter);
}

const char *exporter_url(const struct exporter *exporter)
{
	return exporter->url;
}

int exporter_fd(const struct exporter *exporter)
{
	return exporter != NULL ? exporter->fd : -1;
}

int64_t exporter_wait_ms(const struct exporter *exporter)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	if (exporter == NULL || MHD_get_timeout(exporter->daemon, &wait_ms) != MHD_YES)
		return INT64_MAX;
	return wait_ms < INT64_MAX ? (int64_t)wait_ms : INT64_MAX;
}

void exporter_run(struct exporter *exporter)
{
	if (exporter != NULL)
		(void)MHD_run(exporter->daemon);
}
