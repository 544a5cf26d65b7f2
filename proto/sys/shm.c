/*
 * shm.c - named shared memory.
 *
 * Space is reserved with posix_fallocate: ftruncate would succeed on a full /dev/shm and the first
 * store would then end the process with SIGBUS. The maker's flock says "somebody still owns this",
 * and the kernel gives it up with the maker's last descriptor, however the maker ends.
 */
#define _GNU_SOURCE /* process_vm_readv() */
#include "proto/sys/shm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proto/grid.h"
#include "proto/sys/clock.h"
#include "proto/sys/random.h"

#define SHM_FOLDER  "/dev/shm" /* where Linux shows what shm_open(3) makes */
#define SWEEP_AGE_S 2          /* a maker needs far less between shm_open and flock */

/* That a durable image waits for its broker, since that one's last sign of life. */
#define SWEEP_DURABLE_AGE_S (7 * 24 * 3600)

void shm_name_make(char ret_name[IMAGE_NAME_CHARS + 1])
{
	uint8_t bits[16];
	random_bytes(bits, sizeof bits);
	size_t used = (size_t)snprintf(ret_name, IMAGE_NAME_CHARS + 1, "/brot-");
	for (size_t i = 0; i < sizeof bits; i++)
		used += (size_t)snprintf(ret_name + used, IMAGE_NAME_CHARS + 1 - used, "%02x",
					 bits[i]);
}

uint64_t shm_free_bytes(void)
{
	struct statvfs fs;
	if (statvfs(SHM_FOLDER, &fs) != 0)
		return 0;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

uint64_t shm_total_bytes(void)
{
	struct statvfs fs;
	if (statvfs(SHM_FOLDER, &fs) != 0)
		return 0;
	return (uint64_t)fs.f_blocks * fs.f_frsize;
}

static enum brot_err no_space(size_t bytes, struct brot_error *err)
{
	return error_set(err, BROT_E_NO_SPACE,
			 "shared memory: %zu bytes wanted, %llu of %llu free in " SHM_FOLDER, bytes,
			 (unsigned long long)shm_free_bytes(),
			 (unsigned long long)shm_total_bytes());
}

/* Gives fd its size and its memory. */
static enum brot_err space_reserve(int fd, size_t bytes, struct brot_error *err)
{
	/* Asked first, because the kernel fills all that is free before it finds that it is not
	 * enough, which would hurt everybody else on the host meanwhile. A tmpfs without a limit
	 * has a total of 0. */
	if (bytes > INT64_MAX || (shm_total_bytes() > 0 && bytes > shm_free_bytes()))
		return no_space(bytes, err);
	int error;
	do
		error = posix_fallocate(fd, 0, (off_t)bytes);
	while (error == EINTR);
	if (error == ENOSPC || error == EFBIG || error == ENOMEM)
		return no_space(bytes, err);
	if (error != 0)
		return error_set(err, BROT_E_SYSTEM, "shared memory: cannot reserve %zu bytes: %s",
				 bytes, strerror(error));
	return BROT_OK;
}

enum brot_err shm_make_named(const char *name, size_t bytes, struct shm *ret_shm,
			     struct brot_error *err)
{
	struct shm shm = SHM_NONE;
	enum brot_err code;

	if (bytes == 0 || !image_name_is_valid(name))
		return error_set(err, BROT_E_INTERNAL, "shared memory: %zu bytes wanted as \"%s\"",
				 bytes, name);
	(void)snprintf(shm.name, sizeof shm.name, "%s", name);
	shm.bytes = bytes;
	shm.fd = shm_open(shm.name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (shm.fd < 0)
		return error_set(err, BROT_E_SYSTEM, "shared memory: cannot make %s: %s", shm.name,
				 strerror(errno));
	/* The umask may have taken bits away. */
	if (fchmod(shm.fd, 0600) != 0 || flock(shm.fd, LOCK_SH | LOCK_NB) != 0) {
		code = error_set(err, BROT_E_SYSTEM, "shared memory: cannot lock %s: %s", shm.name,
				 strerror(errno));
		goto fail;
	}
	code = space_reserve(shm.fd, bytes, err);
	if (code != BROT_OK)
		goto fail;
	shm.memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, shm.fd, 0);
	if (shm.memory == MAP_FAILED) {
		code = error_set(err, BROT_E_SYSTEM, "shared memory: cannot map %zu bytes: %s",
				 bytes, strerror(errno));
		goto fail;
	}
	*ret_shm = shm;
	return BROT_OK;

fail:
	(void)shm_unlink(shm.name);
	(void)close(shm.fd);
	return code;
}

enum brot_err shm_make(size_t bytes, struct shm *ret_shm, struct brot_error *err)
{
	char name[IMAGE_NAME_CHARS + 1];
	shm_name_make(name);
	return shm_make_named(name, bytes, ret_shm, err);
}

/* Whether fd is what shm_map() promises to map. */
static enum brot_err file_check(int fd, const char *name, size_t bytes, struct brot_error *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return error_set(err, BROT_E_SYSTEM, "image: cannot look at %s: %s", name,
				 strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, BROT_E_DENIED, "image: %s is not a regular file", name);
	if (st.st_uid != geteuid())
		return error_set(err, BROT_E_DENIED, "image: %s belongs to user %u, not to %u",
				 name, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 077) != 0)
		return error_set(err, BROT_E_DENIED,
				 "image: %s must be closed to others, has mode %03o", name,
				 (unsigned)(st.st_mode & 0777));
	if (st.st_size < 0 || (uint64_t)st.st_size != bytes)
		return error_set(err, BROT_E_PROTOCOL, "image: %s must have %zu bytes, has %lld",
				 name, bytes, (long long)st.st_size);
	return BROT_OK;
}

/* Opens a segment that is there; *ret_fd is untouched on failure. */
static enum brot_err file_open(const char *name, size_t bytes, bool is_writable, int *ret_fd,
			       struct brot_error *err)
{
	if (!image_name_is_valid(name))
		return error_set(err, BROT_E_PROTOCOL,
				 "image: name must be /brot- and 32 hexadecimal digits");
	if (bytes == 0)
		return error_set(err, BROT_E_PROTOCOL, "image: must have more than 0 bytes");
	/* O_NONBLOCK: somebody may have put a FIFO there. */
	int mode = is_writable ? O_RDWR : O_RDONLY;
	int fd = shm_open(name, mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, BROT_E_NOT_FOUND, "image: there is no %s on this host", name);
	/* A lack of ours says nothing about the segment. */
	bool is_lack = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EINTR;
	if (fd < 0)
		return error_set(err, is_lack ? BROT_E_SYSTEM : BROT_E_DENIED,
				 "image: cannot open %s: %s", name, strerror(errno));
	enum brot_err code = file_check(fd, name, bytes, err);
	if (code != BROT_OK)
		(void)close(fd);
	else
		*ret_fd = fd;
	return code;
}

static enum brot_err file_map(int fd, const char *name, size_t bytes, bool is_writable,
			      struct shm *ret_shm, struct brot_error *err)
{
	int protection = is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *memory = mmap(NULL, bytes, protection, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return error_set(err, BROT_E_SYSTEM, "image: cannot map %zu bytes: %s", bytes,
				 strerror(errno));
	*ret_shm = SHM_NONE;
	ret_shm->memory = memory;
	ret_shm->bytes = bytes;
	(void)snprintf(ret_shm->name, sizeof ret_shm->name, "%s", name);
	return BROT_OK;
}

enum brot_err shm_map(const char *name, size_t bytes, bool is_writable, struct shm *ret_shm,
		      struct brot_error *err)
{
	int fd = -1;
	enum brot_err code = file_open(name, bytes, is_writable, &fd, err);
	if (code != BROT_OK)
		return code;
	code = file_map(fd, name, bytes, is_writable, ret_shm, err);
	(void)close(fd);
	return code;
}

/* Locks the segment of a dead maker for us. */
static enum brot_err owner_become(int fd, const char *name, struct brot_error *err)
{
	/* Not shared as the maker's: turning a lock into a shared one is not atomic, and of two
	 * adopters both would succeed. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return error_set(err, errno == EWOULDBLOCK ? BROT_E_BUSY : BROT_E_SYSTEM,
				 "image: cannot adopt %s: %s", name,
				 errno == EWOULDBLOCK ? "a living process owns it"
						      : strerror(errno));
	/* A sweep may have removed it between our open and our lock. */
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_nlink == 0)
		return error_set(err, BROT_E_NOT_FOUND, "image: there is no %s on this host", name);
	(void)futimens(fd, NULL);
	return BROT_OK;
}

void shm_touch(const struct shm *shm)
{
	if (shm->fd >= 0)
		(void)futimens(shm->fd, NULL);
}

enum brot_err shm_adopt(const char *name, size_t bytes, struct shm *ret_shm, struct brot_error *err)
{
	int fd = -1;
	enum brot_err code = file_open(name, bytes, true, &fd, err);
	if (code != BROT_OK)
		return code;
	code = owner_become(fd, name, err);
	if (code == BROT_OK)
		code = file_map(fd, name, bytes, true, ret_shm, err);
	if (code == BROT_OK)
		ret_shm->fd = fd;
	else
		(void)close(fd);
	return code;
}

bool shm_is_whole(const struct shm *shm)
{
	char byte;
	if (shm->memory == NULL)
		return false;
	/* The system says EFAULT where an access would be SIGBUS, also once the name is gone. */
	const struct iovec to = {&byte, 1}, last = {(char *)shm->memory + shm->bytes - 1, 1};
	return process_vm_readv(getpid(), &to, 1, &last, 1, 0) == 1 || errno != EFAULT;
}

void shm_unmap(struct shm *shm)
{
	if (shm->memory != NULL)
		(void)munmap(shm->memory, shm->bytes);
	if (shm->fd >= 0)
		(void)close(shm->fd);
	*shm = SHM_NONE;
}

void shm_remove(const char *name)
{
	if (image_name_is_valid(name))
		(void)shm_unlink(name);
}

/* Whether it is an image, or a grid, whose broker comes back for it, and which process that was. */
static bool is_durable(int fd, uint32_t *ret_owner_pid)
{
	union {
		char magic[8];
		struct image_header image;
		struct grid_header grid;
	} header = {.magic = ""};
	ssize_t got = pread(fd, &header, sizeof header, 0);
	bool is_image = got >= (ssize_t)sizeof header.image &&
			memcmp(header.magic, IMAGE_MAGIC, sizeof header.magic) == 0;
	bool is_grid = got >= (ssize_t)sizeof header.grid &&
		       memcmp(header.magic, GRID_MAGIC, sizeof header.magic) == 0;
	uint32_t flags = is_image ? header.image.flags : is_grid ? header.grid.flags : 0;
	bool is_awaited = (flags & IMAGE_DURABLE) != 0;
	*ret_owner_pid = is_awaited && is_image  ? header.image.owner_pid
			 : is_awaited && is_grid ? header.grid.owner_pid
						 : 0;
	return is_awaited;
}

static bool is_running(uint32_t pid)
{
	return pid != 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

/* Removes one segment if it is ours, old and unlocked. */
static bool sweep_one(const char *name, struct shm_left *left)
{
	int fd = shm_open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return false;
	struct stat st;
	bool is_stale = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
	if (is_stale) {
		int64_t age_s = clock_unix_s() - (int64_t)st.st_mtime;
		uint32_t owner_pid;
		bool is_awaited = is_durable(fd, &owner_pid) && age_s < SWEEP_DURABLE_AGE_S;
		/* Its lock is not tried: for that moment its own broker could not adopt it. */
		if (is_awaited && !is_running(owner_pid)) {
			left->count++;
			left->bytes += (uint64_t)st.st_size;
		}
		/* The lock comes last: while we hold it nobody can adopt the segment. */
		is_stale = age_s >= SWEEP_AGE_S && !is_awaited && flock(fd, LOCK_EX | LOCK_NB) == 0;
	}
	if (is_stale)
		is_stale = shm_unlink(name) == 0;
	(void)close(fd);
	return is_stale;
}

unsigned shm_sweep(struct shm_left *ret_left)
{
	DIR *folder = opendir(SHM_FOLDER);
	struct shm_left left = {0};
	unsigned removed = 0;
	if (ret_left != NULL)
		*ret_left = left;
	if (folder == NULL)
		return 0;
	const struct dirent *entry;
	while ((entry = readdir(folder)) != NULL) {
		char name[sizeof entry->d_name + 1];
		(void)snprintf(name, sizeof name, "/%s", entry->d_name);
		if (image_name_is_valid(name) && sweep_one(name, &left))
			removed++;
	}
	(void)closedir(folder);
	if (ret_left != NULL)
		*ret_left = left;
	return removed;
}
