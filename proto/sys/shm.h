/*
 * shm.h - owns named shared-memory segments: makes, maps, removes and sweeps them.
 *
 * Names have the form that image_name_is_valid() accepts. A maker holds a lock on its segment for
 * as long as it lives; shm_sweep() tells by it which segments nobody owns any more.
 *
 * Thread rule: a struct shm belongs to one thread at a time.
 */
#ifndef PROTO_SYS_SHM_H
#define PROTO_SYS_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/image.h"

/* A mapped segment. memory is NULL while there is none (SHM_NONE). */
struct shm {
	void *memory;
	size_t bytes;
	int fd; /* held, and locked, by the maker or adopter; -1 for others */
	char name[IMAGE_NAME_CHARS + 1];
};
#define SHM_NONE ((struct shm){.fd = -1})

/* A fresh random name: one that can be written down before its segment exists. */
void shm_name_make(char ret_name[IMAGE_NAME_CHARS + 1]);

/* Makes a segment of `bytes` bytes under that name, which must be free (0600, exclusive), reserves
 * its memory for good, maps it and locks it. BROT_E_NO_SPACE, with the bytes wanted and free, where
 * /dev/shm is too small; nothing is left behind on failure. */
enum brot_err shm_make_named(const char *name, size_t bytes, struct shm *ret_shm,
			     struct brot_error *err);

/* The same under a fresh random name. */
enum brot_err shm_make(size_t bytes, struct shm *ret_shm, struct brot_error *err);

/* Becomes the owner of a segment whose maker is dead: maps it writable, locks it as its maker had,
 * and makes it as good as new to shm_sweep(). Checks and errors of shm_map(); BROT_E_BUSY where a
 * living process owns it. */
enum brot_err shm_adopt(const char *name, size_t bytes, struct shm *ret_shm,
			struct brot_error *err);

/* Says that the owner of a segment is alive: its age counts from now on. */
void shm_touch(const struct shm *shm);

/* Maps a segment that another process made: it must be a regular file of this user, closed to
 * others, of exactly `bytes` bytes. Fails with BROT_E_NOT_FOUND, _DENIED, _PROTOCOL or _SYSTEM.
 * Stores into it raise SIGBUS if its maker truncates it later. */
enum brot_err shm_map(const char *name, size_t bytes, bool is_writable, struct shm *ret_shm,
		      struct brot_error *err);

/* Unmaps, and gives up a maker's lock; the name stays. Accepts SHM_NONE; leaves it behind. */
void shm_unmap(struct shm *shm);

/* Whether there is a segment, which is still as long as when it was mapped: it can be read. */
bool shm_is_whole(const struct shm *shm);

/* Removes the name of a segment. A name that is gone already is no error. */
void shm_remove(const char *name);

/* Removes this user's segments that have been there for 2 s and that no process locks: their
 * makers are dead. Durable images (IMAGE_DURABLE in their header) wait for their broker to come
 * back, and are left for 7 days since they were made, adopted or touched. Returns how many were
 * removed. *ret_left (may be NULL) gets the
 * durable ones that stay though the process in their header is no more. */
struct shm_left {
	unsigned count;
	uint64_t bytes;
};
unsigned shm_sweep(struct shm_left *ret_left);

/* Bytes that /dev/shm can still take, and its size; 0 where that is not known. */
uint64_t shm_free_bytes(void);
uint64_t shm_total_bytes(void);

#endif
