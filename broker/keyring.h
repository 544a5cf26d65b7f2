/*
 * keyring.h - owns the public keys that the broker knows, by the folder in which each lies:
 * FOLDER/clients/NAME.cert, FOLDER/workers/NAME.cert, FOLDER/admins/NAME.cert.
 *
 * A key in several folders has several roles. A file that cannot be used is told in the log and
 * opens nothing; a folder that is missing is an empty one; one that somebody else than root and we
 * may write to is taken for empty.
 *
 * One thread owns a keyring.
 */
#ifndef BROKER_KEYRING_H
#define BROKER_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/doors.h"

struct keyring; /* opaque */

/* Reads all of it. BROT_E_NO_INPUT where the folder is not there. */
enum brot_err keyring_open(const char *folder, struct keyring **ret_keyring,
			   struct brot_error *err);
void keyring_close(struct keyring *keyring); /* accepts NULL */

/* Reads all of it again where a folder has changed, or always with is_forced. (A file that was
 * changed in its place changes no folder.) Returns whether that made a difference. What cannot be
 * read for want of descriptors or memory stays as it was, and is tried again. */
bool keyring_refresh(struct keyring *keyring, bool is_forced);

/* The roles of a public key, 0 for one that is not there. */
unsigned keyring_roles(const struct keyring *keyring, const char *key);

/* How many keys have the role. */
uint32_t keyring_count(const struct keyring *keyring, enum role role);

#endif
