/*
 * keyring.h - owns the public keys that the broker knows, by the folder in which each lies:
 * FOLDER/clients/NAME.cert, FOLDER/workers/NAME.cert, FOLDER/admins/NAME.cert.
 *
 * A key in several folders has several roles. Of the files of a role the first LIMIT_KEYS are read,
 * by their names. One that cannot be used is told in the log and opens nothing. A role's folder
 * that is missing is an empty one. So is, in a keyring that is open, one that cannot be read, or
 * that others than root and we may write to; and all three are where that is so of FOLDER. Only for
 * want of descriptors or memory does a role keep the keys it had.
 *
 * One thread owns a keyring.
 */
#ifndef BROKER_KEYRING_H
#define BROKER_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/doors.h"

struct keyring; /* opaque */

/* Reads all of it. BROT_E_NO_INPUT where FOLDER is not there, or it or a role's folder cannot be
 * read; BROT_E_DENIED where others may write to one; BROT_E_SYSTEM for want of descriptors or
 * memory. */
enum brot_err keyring_open(const char *folder, struct keyring **ret_keyring,
			   struct brot_error *err);
void keyring_close(struct keyring *keyring); /* accepts NULL */

/* Reads all of it again where a folder has changed or could not be read, or always with is_forced.
 * (A file that was changed in its place changes no folder.) Returns whether there are other keys
 * now. What is wrong with a folder is told in the log once, and again with is_forced. */
bool keyring_refresh(struct keyring *keyring, bool is_forced);

/* Whether the last look could read all folders. */
bool keyring_is_whole(const struct keyring *keyring);

/* The roles of a public key, 0 for one that is not there. */
unsigned keyring_roles(const struct keyring *keyring, const char *key);

/* How many keys have the role. */
uint32_t keyring_count(const struct keyring *keyring, enum role role);

#endif
