/* keyring.c - folders of certificates. */
#include "broker/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "proto/sys/clock.h"
#include "proto/sys/keys.h"
#include "proto/sys/log.h"

/* A file system's clock may tick this slowly: a folder that was changed so shortly before it was
 * read may have been changed again with the same time. */
#define YOUNG_MS 3000

struct entry {
	char key[Z85_KEY_CHARS + 1];
	unsigned roles;
	UT_hash_handle hh;
};

struct stamp {
	struct timespec changed;
	ino_t inode; /* 0: it is not there */
	bool is_young;
};

struct keyring {
	char *folder;
	struct entry *entries;
	uint32_t counts[ROLE_COUNT];
	struct stamp stamps[ROLE_COUNT];
};

static const struct {
	enum role role;
	const char *name;
} folders[ROLE_COUNT] = {
	{ROLE_CLIENT, "clients"}, {ROLE_WORKER, "workers"}, {ROLE_ADMIN, "admins"}};

static void entries_free(struct entry **entries)
{
	struct entry *entry, *next;
	HASH_ITER(hh, *entries, entry, next)
	{
		HASH_DEL(*entries, entry);
		free(entry);
	}
}

static void entry_add(struct entry **entries, const char *key, enum role role)
{
	struct entry *entry;
	HASH_FIND_STR(*entries, key, entry);
	if (entry == NULL) {
		entry = calloc(1, sizeof *entry);
		if (entry == NULL)
			abort();
		memcpy(entry->key, key, sizeof entry->key);
		HASH_ADD_STR(*entries, key, entry);
	}
	entry->roles |= role;
}

static bool is_certificate(const char *name)
{
	size_t length = strlen(name), suffix = sizeof KEYS_PUBLIC_SUFFIX - 1;
	return name[0] != '.' && length > suffix &&
	       strcmp(name + length - suffix, KEYS_PUBLIC_SUFFIX) == 0;
}

/* Whether what was read is all there is; want of descriptors is no reason to forget a key. */
static bool folder_list(const struct keyring *keyring, size_t index, DIR *dir,
			struct entry **entries)
{
	const struct dirent *file;
	uint32_t count = 0;
	while ((errno = 0, file = readdir(dir)) != NULL) {
		struct cert cert;
		struct brot_error err;
		if (!is_certificate(file->d_name))
			continue;
		if (++count > LIMIT_KEYS) {
			log_line(LOG_LEVEL_WARNING, "keys: more than %d are not read folder=%s/%s",
				 LIMIT_KEYS, keyring->folder, folders[index].name);
			return true;
		}
		errno = 0;
		if (keys_read_public(dirfd(dir), file->d_name, &cert, &err) == BROT_OK)
			entry_add(entries, cert.public_key, folders[index].role);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			return false;
		else
			log_line(LOG_LEVEL_WARNING, "key not taken folder=%s/%s reason=\"%s\"",
				 keyring->folder, folders[index].name, err.text);
	}
	return errno == 0;
}

static bool is_safe(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && (st->st_mode & 0022) == 0;
}

static bool folder_read(const struct keyring *keyring, size_t index, struct entry **entries)
{
	char path[4096];
	struct stat st;
	(void)snprintf(path, sizeof path, "%s/%s", keyring->folder, folders[index].name);
	DIR *dir = opendir(path);
	if (dir == NULL && errno == ENOENT)
		return true;
	if (dir == NULL || fstat(dirfd(dir), &st) != 0) {
		log_line(LOG_LEVEL_ERROR, "keys cannot be read folder=%s: %s", path,
			 strerror(errno));
		if (dir != NULL)
			(void)closedir(dir);
		return false;
	}
	bool is_read = true;
	if (is_safe(&st))
		is_read = folder_list(keyring, index, dir, entries);
	else
		log_line(LOG_LEVEL_ERROR,
			 "keys not taken, for others may write to their folder folder=%s mode=%04o "
			 "user=%u",
			 path, (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid);
	(void)closedir(dir);
	return is_read;
}

static struct stamp stamp_of(const struct keyring *keyring, size_t index)
{
	char path[4096];
	struct stat st;
	(void)snprintf(path, sizeof path, "%s/%s", keyring->folder, folders[index].name);
	if (stat(path, &st) != 0)
		return (struct stamp){.inode = 0};
	int64_t changed_ms = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
	return (struct stamp){
		.changed = st.st_ctim,
		.inode = st.st_ino,
		.is_young = clock_unix_ms() - changed_ms < YOUNG_MS,
	};
}

/* ctime, for it changes with the mode as well. */
static bool has_changed(const struct keyring *keyring)
{
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		const struct stamp *old = &keyring->stamps[i];
		struct stamp now = stamp_of(keyring, i);
		if (old->is_young || now.inode != old->inode ||
		    now.changed.tv_sec != old->changed.tv_sec ||
		    now.changed.tv_nsec != old->changed.tv_nsec)
			return true;
	}
	return false;
}

static void count_all(struct keyring *keyring)
{
	memset(keyring->counts, 0, sizeof keyring->counts);
	for (const struct entry *entry = keyring->entries; entry != NULL; entry = entry->hh.next)
		for (size_t i = 0; i < ROLE_COUNT; i++)
			keyring->counts[i] += (entry->roles & folders[i].role) != 0;
}

static bool is_same(struct entry *a, struct entry *b)
{
	if (HASH_COUNT(a) != HASH_COUNT(b))
		return false;
	for (const struct entry *entry = a; entry != NULL; entry = entry->hh.next) {
		struct entry *other;
		HASH_FIND_STR(b, entry->key, other);
		if (other == NULL || other->roles != entry->roles)
			return false;
	}
	return true;
}

bool keyring_refresh(struct keyring *keyring, bool is_forced)
{
	struct entry *entries = NULL;
	struct stamp stamps[ROLE_COUNT];
	bool is_read = is_forced || has_changed(keyring);
	if (!is_read)
		return false;
	/* Before: what changes while we read is read again. */
	for (size_t i = 0; i < ROLE_COUNT; i++)
		stamps[i] = stamp_of(keyring, i);
	for (size_t i = 0; i < ROLE_COUNT && is_read; i++)
		is_read = folder_read(keyring, i, &entries);
	if (!is_read) {
		entries_free(&entries);
		return false;
	}
	bool is_new = !is_same(keyring->entries, entries);
	entries_free(&keyring->entries);
	keyring->entries = entries;
	memcpy(keyring->stamps, stamps, sizeof stamps);
	count_all(keyring);
	return is_new;
}

enum brot_err keyring_open(const char *folder, struct keyring **ret_keyring, struct brot_error *err)
{
	struct stat st;
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		return error_set(err, BROT_E_NO_INPUT, "--keys: %.200s must be a folder", folder);
	if (!is_safe(&st))
		return error_set(err, BROT_E_DENIED,
				 "--keys: %.150s must belong to root or to us, and be closed to "
				 "writing by others: its mode is %04o",
				 folder, (unsigned)(st.st_mode & 07777));
	struct keyring *keyring = calloc(1, sizeof *keyring);
	if (keyring == NULL)
		abort();
	keyring->folder = strdup(folder);
	if (keyring->folder == NULL)
		abort();
	(void)keyring_refresh(keyring, true);
	*ret_keyring = keyring;
	return BROT_OK;
}

void keyring_close(struct keyring *keyring)
{
	if (keyring == NULL)
		return;
	entries_free(&keyring->entries);
	free(keyring->folder);
	free(keyring);
}

unsigned keyring_roles(const struct keyring *keyring, const char *key)
{
	struct entry *entry;
	HASH_FIND_STR(keyring->entries, key, entry);
	return entry != NULL ? entry->roles : 0;
}

uint32_t keyring_count(const struct keyring *keyring, enum role role)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (folders[i].role == role)
			return keyring->counts[i];
	return 0;
}
