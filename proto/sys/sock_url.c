/* sock_url.c - which URLs a socket takes, and which of them stay on this host. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/limits.h"
#include "proto/sys/sock.h"

static const char ipc_scheme[] = "ipc://", tcp_scheme[] = "tcp://";

/* What stands behind the scheme; NULL: the URL has another. */
static const char *behind(const char *url, const char *scheme)
{
	size_t length = strlen(scheme);
	return strncmp(url, scheme, length) == 0 ? url + length : NULL;
}

const char *sock_ipc_path(const char *url)
{
	return behind(url, ipc_scheme);
}

/* Copies the host of "HOST:PORT" without brackets; NULL, or the port. */
static const char *host_split(const char *address, char ret_host[LIMIT_URL_CHARS + 1])
{
	const char *colon = strrchr(address, ':');
	if (colon == NULL || colon == address)
		return NULL;
	size_t length = (size_t)(colon - address);
	bool is_bracketed = address[0] == '[';
	if (is_bracketed) {
		if (length < 3 || address[length - 1] != ']')
			return NULL;
		address++;
		length -= 2;
	}
	for (size_t i = 0; i < length; i++) {
		bool is_name = (address[i] >= '0' && address[i] <= '9') ||
			       ((address[i] | 0x20) >= 'a' && (address[i] | 0x20) <= 'z') ||
			       strchr(".-_", address[i]) != NULL;
		bool is_v6 = is_bracketed && (address[i] == ':' || address[i] == '%');
		if (!is_name && !is_v6 && !(length == 1 && address[i] == '*'))
			return NULL;
	}
	memcpy(ret_host, address, length);
	ret_host[length] = '\0';
	return colon + 1;
}

static bool port_is_valid(const char *port)
{
	if (strcmp(port, "*") == 0)
		return true;
	size_t length = strlen(port);
	if (length < 1 || length > 5 || strspn(port, "0123456789") != length)
		return false;
	long number = strtol(port, NULL, 10);
	return number >= 1 && number <= 65535;
}

static bool host_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) ||
		       (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
	return strcmp(host, "localhost") == 0;
}

enum brot_err sock_url_check(const char *url, bool *ret_is_local, struct brot_error *err)
{
	if (strlen(url) > LIMIT_URL_CHARS)
		return error_set(err, BROT_E_USAGE, "URL: must have at most %d characters, got %zu",
				 LIMIT_URL_CHARS, strlen(url));
	const char *path = sock_ipc_path(url);
	if (path != NULL) {
		if (path[0] == '\0' || path[0] == '*' || path[0] == '@')
			return error_set(err, BROT_E_USAGE, "URL: \"%s\" must name a file path",
					 url);
		if (strlen(path) >= LIMIT_IPC_PATH_BYTES)
			return error_set(err, BROT_E_USAGE,
					 "URL: the path of \"%s\" must have at most %d bytes", url,
					 LIMIT_IPC_PATH_BYTES - 1);
		*ret_is_local = true;
		return BROT_OK;
	}
	char host[LIMIT_URL_CHARS + 1];
	const char *address = behind(url, tcp_scheme);
	const char *port = address != NULL ? host_split(address, host) : NULL;
	if (port == NULL || !port_is_valid(port))
		return error_set(err, BROT_E_USAGE,
				 "URL: must be ipc://PATH or tcp://HOST:PORT, got \"%s\"", url);
	*ret_is_local = host_is_loopback(host);
	return BROT_OK;
}

bool sock_url_is_denied(const char *url, struct brot_error *err)
{
	const char *path = sock_ipc_path(url);
	if (path == NULL || access(path, W_OK) == 0 || errno != EACCES)
		return false;
	(void)error_set(err, BROT_E_DENIED, "%.200s: this user may not connect to it: %s", url,
			strerror(EACCES));
	return true;
}
