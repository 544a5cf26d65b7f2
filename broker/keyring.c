/* keyring.c - folders of certificates. */
#include "broker/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#define YOUNG_MS      3000
#define BAD_LINES_MAX 8 /* about files of one folder that are not taken, at a look */

/* What is wrong with a folder: nothing, an errno, or that others may write to it. */
#define TROUBLE_NONE   0
#define TROUBLE_UNSAFE (-1)

struct entry {
	char key[Z85_KEY_CHARS + 1];
	unsigned roles;
	UT_hash_handle hh;
};

struct stamp {
	struct timespec changed;
	dev_t device;
	ino_t inode; /* 0: it is not there */
	bool is_young;
};

/* The folders of the roles, and behind them the one that these are in. */
#define TOP          ROLE_COUNT
#define FOLDER_COUNT (ROLE_COUNT + 1)

struct keyring {
	char *folder;
	struct entry *entries;
	uint32_t counts[ROLE_COUNT];
	struct stamp stamps[FOLDER_COUNT];
	int troubles[FOLDER_COUNT];
};

/* Names of files, sorted: the first LIMIT_KEYS of them. */
struct names {
	char *names[LIMIT_KEYS];
	uint32_t count, dropped;
	char *first_dropped;
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

static char *copy(const char *text)
{
	char *copied = strdup(text);
	if (copied == NULL)
		abort();
	return copied;
}

/* Takes `name` over. */
static void name_drop(struct names *names, char *name)
{
	names->dropped++;
	if (names->first_dropped != NULL && strcmp(names->first_dropped, name) < 0) {
		free(name);
		return;
	}
	free(names->first_dropped);
	names->first_dropped = name;
}

static void name_add(struct names *names, const char *name)
{
	uint32_t low = 0, high = names->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (strcmp(names->names[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == LIMIT_KEYS) {
		name_drop(names, copy(name));
		return;
	}
	if (names->count == LIMIT_KEYS)
		name_drop(names, names->names[--names->count]);
	memmove(&names->names[low + 1], &names->names[low],
		(names->count - low) * sizeof names->names[0]);
	names->names[low] = copy(name);
	names->count++;
}

static void names_free(struct names *names)
{
	for (uint32_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->first_dropped);
	free(names);
}

/* 0 or an errno. */
static int names_read(DIR *dir, struct names *names)
{
	const struct dirent *file;
	while ((errno = 0, file = readdir(dir)) != NULL)
		if (is_certificate(file->d_name))
			name_add(names, file->d_name);
	return errno;
}

/* Want of descriptors or memory is no reason to forget a key. */
static bool is_want(int trouble)
{
	return trouble == EMFILE || trouble == ENFILE || trouble == ENOMEM;
}

/* 0 or an errno that is a want, after which some of the files have been taken. */
static int files_read(const struct keyring *keyring, size_t index, int dir,
		      const struct names *names, struct entry **entries)
{
	uint32_t bad = 0;
	for (uint32_t i = 0; i < names->count; i++) {
		struct cert cert;
		struct brot_error err;
		errno = 0;
		if (keys_read_public(dir, names->names[i], &cert, &err) == BROT_OK) {
			entry_add(entries, cert.public_key, folders[index].role);
			continue;
		}
		if (is_want(errno))
			return errno;
		if (++bad <= BAD_LINES_MAX)
			log_line(LOG_LEVEL_WARNING, "key not taken folder=%s/%s reason=\"%s\"",
				 keyring->folder, folders[index].name, err.text);
	}
	if (bad > BAD_LINES_MAX)
		log_line(LOG_LEVEL_WARNING,
			 "keys not taken, those told among them folder=%s/%s "
			 "count=%u",
			 keyring->folder, folders[index].name, bad);
	if (names->dropped > 0)
		log_line(LOG_LEVEL_WARNING,
			 "keys: more than %d are not read folder=%s/%s count=%u first=\"%s\"",
			 LIMIT_KEYS, keyring->folder, folders[index].name, names->dropped,
			 names->first_dropped);
	return 0;
}

static bool is_safe(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && (st->st_mode & 0022) == 0;
}

/* Its descriptor, or -1 and what is wrong with it. */
static int folder_open(int at, const char *path, int *ret_trouble)
{
	struct stat st;
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret_trouble = TROUBLE_NONE;
	if (fd < 0 || fstat(fd, &st) != 0)
		*ret_trouble = errno;
	else if (!is_safe(&st))
		*ret_trouble = TROUBLE_UNSAFE;
	if (*ret_trouble != TROUBLE_NONE && fd >= 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* Adds the keys of a role's folder; returns what is wrong with it. */
static int folder_read(const struct keyring *keyring, size_t index, int at, struct entry **entries)
{
	int trouble;
	int fd = folder_open(at, folders[index].name, &trouble);
	if (fd < 0)
		return trouble == ENOENT ? TROUBLE_NONE : trouble;
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		trouble = errno;
		(void)close(fd);
		return trouble;
	}
	struct names *names = calloc(1, sizeof *names);
	if (names == NULL)
		abort();
	trouble = names_read(dir, names);
	if (trouble == TROUBLE_NONE)
		trouble = files_read(keyring, index, fd, names, entries);
	names_free(names);
	(void)closedir(dir);
	return trouble;
}

/* What there was, for a folder that cannot be read now. */
static void role_keep(const struct keyring *keyring, enum role role, struct entry **entries)
{
	for (const struct entry *entry = keyring->entries; entry != NULL; entry = entry->hh.next)
		if ((entry->roles & role) != 0)
			entry_add(entries, entry->key, role);
}

static void folders_read(const struct keyring *keyring, struct entry **entries,
			 int troubles[FOLDER_COUNT])
{
	int fd = folder_open(AT_FDCWD, keyring->folder, &troubles[TOP]);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		int trouble = troubles[TOP];
		troubles[i] = TROUBLE_NONE;
		if (fd >= 0)
			trouble = troubles[i] = folder_read(keyring, i, fd, entries);
		if (is_want(trouble))
			role_keep(keyring, folders[i].role, entries);
	}
	if (fd >= 0)
		(void)close(fd);
}

static void folder_path(const struct keyring *keyring, size_t index, char path[PATH_MAX])
{
	if (index == TOP)
		(void)snprintf(path, PATH_MAX, "%s", keyring->folder);
	else
		(void)snprintf(path, PATH_MAX, "%s/%s", keyring->folder, folders[index].name);
}

static enum brot_err trouble_say(const struct keyring *keyring, size_t index,
				 struct brot_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int trouble = keyring->troubles[index];
	folder_path(keyring, index, path);
	if (trouble == TROUBLE_UNSAFE)
		return error_set(err, BROT_E_DENIED,
				 "--keys: %.150s must belong to root or to us, and be closed to "
				 "writing by others: its mode is %04o",
				 path, stat(path, &st) == 0 ? (unsigned)(st.st_mode & 07777) : 0);
	return error_set(err, is_want(trouble) ? BROT_E_SYSTEM : BROT_E_NO_INPUT,
			 "--keys: %.150s must be a folder that can be read: %s", path,
			 strerror(trouble));
}

static struct stamp stamp_of(const struct keyring *keyring, size_t index)
{
	char path[PATH_MAX];
	struct stat st;
	folder_path(keyring, index, path);
	if (stat(path, &st) != 0)
		return (struct stamp){.inode = 0};
	int64_t changed_ms = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
	return (struct stamp){
		.changed = st.st_ctim,
		.device = st.st_dev,
		.inode = st.st_ino,
		.is_young = clock_unix_ms() - changed_ms < YOUNG_MS,
	};
}

/* ctime, for it changes with the mode as well. What is in trouble is looked at again always. */
static bool has_changed(const struct keyring *keyring)
{
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		const struct stamp *old = &keyring->stamps[i];
		struct stamp now = stamp_of(keyring, i);
		if (keyring->troubles[i] != TROUBLE_NONE || old->is_young ||
		    now.device != old->device || now.inode != old->inode ||
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

/* Returns whether there are other keys than before. */
static bool read_again(struct keyring *keyring)
{
	struct entry *entries = NULL;
	/* Before: what changes while we read is read again. */
	for (size_t i = 0; i < FOLDER_COUNT; i++)
		keyring->stamps[i] = stamp_of(keyring, i);
	folders_read(keyring, &entries, keyring->troubles);
	bool is_new = !is_same(keyring->entries, entries);
	entries_free(&keyring->entries);
	keyring->entries = entries;
	count_all(keyring);
	return is_new;
}

bool keyring_refresh(struct keyring *keyring, bool is_forced)
{
	int before[FOLDER_COUNT];
	struct brot_error err;
	if (!is_forced && !has_changed(keyring))
		return false;
	memcpy(before, keyring->troubles, sizeof before);
	bool is_new = read_again(keyring);
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		bool is_told = !is_forced && keyring->troubles[i] == before[i];
		if (keyring->troubles[i] == TROUBLE_NONE || is_told)
			continue;
		(void)trouble_say(keyring, i, &err);
		log_line(LOG_LEVEL_ERROR, "keys %s reason=\"%s\"",
			 is_want(keyring->troubles[i]) ? "stay as they were" : "not taken",
			 err.text);
	}
	return is_new;
}

bool keyring_is_whole(const struct keyring *keyring)
{
	for (size_t i = 0; i < FOLDER_COUNT; i++)
		if (keyring->troubles[i] != TROUBLE_NONE)
			return false;
	return true;
}

enum brot_err keyring_open(const char *folder, struct keyring **ret_keyring, struct brot_error *err)
{
	struct keyring *keyring = calloc(1, sizeof *keyring);
	if (keyring == NULL)
		abort();
	keyring->folder = copy(folder);
	(void)read_again(keyring);
	for (size_t i = FOLDER_COUNT; i-- > 0;) {
		if (keyring->troubles[i] == TROUBLE_NONE)
			continue;
		enum brot_err code = trouble_say(keyring, i, err);
		keyring_close(keyring);
		return code;
	}
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
