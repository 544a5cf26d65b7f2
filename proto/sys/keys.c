/* keys.c - files of certificates. */
#include "proto/sys/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/secret.h"
#include "proto/sys/process.h"

/* The folder of what systemd hands over, if path names a file right in it and root alone could put
 * it there: its descriptor and that name. -1 otherwise. Root's own file needs no access list. */
static int credentials_open(const char *path, const char **ret_name)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	size_t length = folder != NULL ? strlen(folder) : 0;
	struct stat st;
	if (geteuid() == 0 || length == 0 || strncmp(path, folder, length) != 0 ||
	    path[length] != '/' || strchr(path + length + 1, '/') != NULL)
		return -1;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 0022) == 0) {
		*ret_name = path + length + 1;
		return fd;
	}
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* A pipe would keep us waiting. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* others: the bits of the mode that must not be there. */
static enum brot_err file_check(const char *path, const struct stat *st, mode_t others,
				const char *what, struct brot_error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return error_set(err, BROT_E_DENIED,
				 "%.200s: must belong to root or to user %u, and belongs to %u",
				 path, (unsigned)geteuid(), (unsigned)st->st_uid);
	if ((st->st_mode & others) != 0)
		return error_set(
			err, BROT_E_DENIED,
			"%.200s: must be closed to others, who can %s it: its mode is %04o", path,
			what, (unsigned)(st->st_mode & 07777));
	return BROT_OK;
}

/* Closes fd, which open() has returned for path. */
static enum brot_err file_read(int fd, const char *path, struct cert *ret_cert, struct stat *ret_st,
			       struct brot_error *err)
{
	char text[LIMIT_CERT_BYTES + 1];
	size_t bytes = 0;
	if (fd < 0 || fstat(fd, ret_st) != 0) {
		enum brot_err code = error_set(err, BROT_E_NO_INPUT, "%.200s: cannot be read: %s",
					       path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return code;
	}
	enum brot_err code = BROT_OK;
	if (!S_ISREG(ret_st->st_mode))
		code = error_set(err, BROT_E_CONFIG, "%.200s: must be a regular file", path);
	ssize_t got = 1;
	while (code == BROT_OK && got > 0 && bytes < sizeof text) {
		got = read(fd, text + bytes, sizeof text - bytes);
		if (got > 0)
			bytes += (size_t)got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	if (code == BROT_OK && got < 0)
		code = error_set(err, BROT_E_NO_INPUT, "%.200s: cannot be read: %s", path,
				 strerror(errno));
	(void)close(fd);
	struct brot_error inner;
	if (code == BROT_OK) {
		code = cert_parse(text, bytes, ret_cert, &inner);
		if (code != BROT_OK)
			(void)error_set(err, code, "%.120s: %.130s", path, inner.text);
	}
	secret_forget(text, sizeof text);
	return code;
}

enum brot_err keys_read_secret(const char *path, struct cert *ret_cert, struct brot_error *err)
{
	struct cert cert;
	struct stat st;
	const char *name;
	process_hide_memory();
	int folder = credentials_open(path, &name);
	bool is_credential = folder >= 0;
	int fd = is_credential ? openat(folder, name, OPEN_FLAGS | O_NOFOLLOW)
			       : open(path, OPEN_FLAGS);
	enum brot_err code = file_read(fd, path, &cert, &st, err);
	if (is_credential)
		(void)close(folder);
	if (code != BROT_OK)
		return code;
	mode_t others = is_credential && st.st_uid == 0 ? 0037 : 0077;
	char public_key[Z85_KEY_CHARS + 1] = "";
	/* First, for a public certificate is rightly open to all. */
	if (cert.secret_key[0] == '\0')
		code = error_set(err, BROT_E_CONFIG,
				 "%.180s: must have a secret-key, and has none: give the "
				 "NAME" KEYS_SECRET_SUFFIX,
				 path);
	else if (zmq_curve_public(public_key, cert.secret_key) != 0 ||
		 strcmp(public_key, cert.public_key) != 0)
		code = error_set(err, BROT_E_CONFIG,
				 "%.200s: its public-key must be that of its secret-key", path);
	else
		code = file_check(path, &st, others, "read or write", err);
	if (code == BROT_OK)
		*ret_cert = cert;
	secret_forget(&cert, sizeof cert);
	return code;
}

enum brot_err keys_read_public(int at, const char *path, struct cert *ret_cert,
			       struct brot_error *err)
{
	struct cert cert;
	struct stat st;
	enum brot_err code = file_read(openat(at, path, OPEN_FLAGS), path, &cert, &st, err);
	if (code != BROT_OK)
		return code;
	code = file_check(path, &st, 0022, "write", err);
	if (code == BROT_OK && cert.secret_key[0] != '\0')
		code = error_set(err, BROT_E_CONFIG,
				 "%.180s: has a secret-key, which is for its owner alone: give the "
				 "NAME" KEYS_PUBLIC_SUFFIX,
				 path);
	if (code == BROT_OK)
		*ret_cert = cert;
	secret_forget(&cert, sizeof cert);
	return code;
}

enum brot_err keys_make(struct cert *ret_cert, struct brot_error *err)
{
	struct cert cert;
	process_hide_memory();
	if (zmq_curve_keypair(cert.public_key, cert.secret_key) != 0)
		return error_set(err, BROT_E_SYSTEM, "keys: cannot be made: %s",
				 zmq_strerror(errno));
	*ret_cert = cert;
	secret_forget(&cert, sizeof cert);
	return BROT_OK;
}

static enum brot_err file_write(const char *path, const char *text, mode_t mode,
				struct brot_error *err)
{
	size_t bytes = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, BROT_E_OUTPUT, "%.200s: cannot be made: %s", path,
				 strerror(errno));
	errno = 0;
	bool is_written = write(fd, text, bytes) == (ssize_t)bytes && fchmod(fd, mode) == 0 &&
			  fsync(fd) == 0;
	int error = errno;
	(void)close(fd);
	if (is_written)
		return BROT_OK;
	(void)unlink(path);
	return error_set(err, error == ENOSPC ? BROT_E_NO_SPACE : BROT_E_OUTPUT,
			 "%.200s: cannot be written: %s", path,
			 error != 0 ? strerror(error) : "the disk took a part of it only");
}

enum brot_err keys_write(const struct cert *cert, const char *folder, const char *name,
			 struct brot_error *err)
{
	char text[CERT_TEXT_BYTES], secret[PATH_MAX], public[PATH_MAX];
	int length = snprintf(secret, sizeof secret, "%s/%s" KEYS_SECRET_SUFFIX, folder, name);
	(void)snprintf(public, sizeof public, "%s/%s" KEYS_PUBLIC_SUFFIX, folder, name);
	if (length < 0 || (size_t)length >= sizeof secret)
		return error_set(err, BROT_E_OUTPUT, "%.200s: the path is too long", folder);
	cert_write(cert, name, true, text);
	enum brot_err code = file_write(secret, text, 0600, err);
	secret_forget(text, sizeof text);
	if (code != BROT_OK)
		return code;
	cert_write(cert, name, false, text);
	code = file_write(public, text, 0644, err);
	if (code != BROT_OK)
		(void)unlink(secret);
	return code;
}

enum brot_err keys_for_url(const char *url, const char *key, const char *server_key,
			   struct sock_keys *ret_keys, bool *ret_has_keys, struct brot_error *err)
{
	bool is_tcp = sock_ipc_path(url) == NULL;
	struct cert own, server;
	if (is_tcp && (key == NULL) != (server_key == NULL))
		return error_set(err, BROT_E_USAGE,
				 key == NULL ? "--server-key: needs --key, one's own secret "
					       "certificate"
					     : "--key: needs --server-key, the broker's public "
					       "certificate");
	if (!is_tcp || key == NULL) {
		*ret_has_keys = false;
		return BROT_OK;
	}
	struct brot_error inner;
	const char *option = "--key";
	enum brot_err code = keys_read_secret(key, &own, &inner);
	if (code == BROT_OK) {
		option = "--server-key";
		code = keys_read_public(AT_FDCWD, server_key, &server, &inner);
	}
	if (code == BROT_OK) {
		memcpy(ret_keys->public_key, own.public_key, sizeof own.public_key);
		memcpy(ret_keys->secret_key, own.secret_key, sizeof own.secret_key);
		memcpy(ret_keys->server_key, server.public_key, sizeof server.public_key);
		*ret_has_keys = true;
	} else {
		(void)error_set(err, code, "%s: %.240s", option, inner.text);
	}
	secret_forget(&own, sizeof own);
	return code;
}
