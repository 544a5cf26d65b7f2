/*
 * keys.h - makes and reads the files of CURVE certificates: NAME.cert, for everybody, and
 * NAME.cert_secret, for its owner.
 *
 * Thread-safe.
 */
#ifndef PROTO_SYS_KEYS_H
#define PROTO_SYS_KEYS_H

#include "proto/cert.h"
#include "proto/sys/sock.h"

#define KEYS_PUBLIC_SUFFIX ".cert"
#define KEYS_SECRET_SUFFIX ".cert_secret"

/* Reads one's own certificate, which must have both keys, and of which nobody but its owner, who is
 * root or us, may read the file. (Of one that systemd hands over, which is root's in a folder of
 * root's, $CREDENTIALS_DIRECTORY, the group's bits say what its access list has.) BROT_E_NO_INPUT
 * where it cannot be read, BROT_E_DENIED where others can, BROT_E_CONFIG where it is not a
 * certificate; the sentence names the file. Hides the process's memory (process.h), as keys_make()
 * does. */
enum brot_err keys_read_secret(const char *path, struct cert *ret_cert, struct brot_error *err);

/* Reads somebody's public certificate; one with a secret key is refused (BROT_E_CONFIG), as is
 * one that others than its owner, who is root or us, may write (BROT_E_DENIED). at is the folder's
 * descriptor for a path relative to it, or AT_FDCWD. */
enum brot_err keys_read_public(int at, const char *path, struct cert *ret_cert,
			       struct brot_error *err);

/* A new pair. BROT_E_SYSTEM where libzmq has no CURVE. */
enum brot_err keys_make(struct cert *ret_cert, struct brot_error *err);

/* Writes FOLDER/NAME.cert (0644) and FOLDER/NAME.cert_secret (0600); both or none. BROT_E_OUTPUT,
 * also where one of them is there already. name as cert_name_is_valid(). */
enum brot_err keys_write(const struct cert *cert, const char *folder, const char *name,
			 struct brot_error *err);

/* What to show to the broker at url, which sock_url_check() has passed: of a tcp one the secret
 * certificate of the file `key` and the broker's public one of the file `server_key`, which both
 * may be NULL: then, and for ipc, there is nothing to show. BROT_E_USAGE where there is one of them
 * alone; and as above, the option in front. */
enum brot_err keys_for_url(const char *url, const char *key, const char *server_key,
			   struct sock_keys *ret_keys, bool *ret_has_keys, struct brot_error *err);

#endif
