/* outfile.c - a file without a name, or a temporary one; then link or rename. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "client/outfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/sys/random.h"

#define BUFFER_BYTES  (256 * 1024)
#define NAME_CHARS    200 /* of the target's name that the temporary one repeats: NAME_MAX is 255 */
#define LINKS_MAX     40  /* symbolic links in a row, as the kernel has it */
#define TRIES         16  /* of random names */
#define FD_PATH       "/proc/self/fd/%d"
#define FD_PATH_BYTES 32
#define MODE_NEW      0666
#define MODE_BITS     0777

static enum brot_err fail(const char *path, int error_number, struct brot_error *err)
{
	const enum brot_err code = error_number == ENOSPC || error_number == EDQUOT
					   ? BROT_E_NO_SPACE
				   : error_number == ENOMEM ? BROT_E_SYSTEM
							    : BROT_E_OUTPUT;
	return error_set(err, code, "--out: cannot write \"%.100s\": %s", path,
			 strerror(error_number));
}

/* A target that exists must be a regular file that this user may write: renaming over it would
 * otherwise succeed, replacing a device or a file that was made read-only. *ret_mode is that of the
 * target; -1: there is none. */
static enum brot_err check_target(const char *path, int *ret_mode, struct brot_error *err)
{
	struct stat status;
	*ret_mode = -1;
	if (stat(path, &status) != 0)
		return errno == ENOENT ? BROT_OK : fail(path, errno, err);
	if (!S_ISREG(status.st_mode))
		return error_set(err, BROT_E_OUTPUT,
				 "--out: must be a regular file or none yet, and \"%.100s\" is %s",
				 path, S_ISDIR(status.st_mode) ? "a folder" : "something else");
	if (access(path, W_OK) != 0)
		return fail(path, errno, err);
	*ret_mode = (int)(status.st_mode & MODE_BITS);
	return BROT_OK;
}

/* How many characters of a path are its folder, the slash included. */
static size_t folder_chars(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Where a path leads when all symbolic links at its end are followed, also to a file that is not
 * there yet. NULL with errno; the caller frees it. */
static char *follow(const char *path)
{
	char *target = strdup(path);
	for (int i = 0; target != NULL; i++) {
		char text[PATH_MAX];
		ssize_t chars = readlink(target, text, sizeof text);
		if (chars < 0)
			return target; /* no link, or nothing */
		size_t folder = chars > 0 && text[0] == '/' ? 0 : folder_chars(target);
		size_t bytes = folder + (size_t)chars + 1;
		char *next = i < LINKS_MAX ? malloc(bytes) : NULL;
		if (next != NULL)
			(void)snprintf(next, bytes, "%.*s%.*s", (int)folder, target, (int)chars,
				       text);
		else
			errno = i < LINKS_MAX ? ENOMEM : ELOOP;
		free(target);
		target = next;
	}
	return NULL;
}

/* A new name beside the target. NULL if memory is short; the caller frees it. */
static char *random_name(const char *target)
{
	size_t folder = folder_chars(target);
	size_t bytes = strlen(target) + 32;
	char *name = malloc(bytes);
	if (name != NULL)
		(void)snprintf(name, bytes, "%.*s.%.*s.%016" PRIx64 ".tmp", (int)folder, target,
			       NAME_CHARS, target + folder, random_u64());
	return name;
}

/* The folder of a path. NULL if memory is short; the caller frees it. */
static char *folder_of(const char *path)
{
	size_t folder = folder_chars(path);
	return folder == 0 ? strdup(".") : strndup(path, folder);
}

/* A descriptor of a file without a name that can be given one later; -1: not here. */
static int open_nameless(const char *target)
{
	char link[FD_PATH_BYTES];
	char *name = folder_of(target);
	int fd = name == NULL ? -1 : open(name, O_WRONLY | O_TMPFILE | O_CLOEXEC, MODE_NEW);
	free(name);
	if (fd < 0)
		return -1;
	(void)snprintf(link, sizeof link, FD_PATH, fd);
	if (access(link, F_OK) == 0)
		return fd;
	(void)close(fd); /* without /proc there is no way to name it */
	return -1;
}

/* The same with a name, which it sets; -1 with errno. Nobody else may open it if nobody else may
 * open the file that it replaces. */
static int open_temporary(struct outfile *outfile, bool is_new)
{
	for (int i = 0; i < TRIES; i++) {
		free(outfile->temporary);
		outfile->temporary = random_name(outfile->target);
		if (outfile->temporary == NULL)
			return -1;
		int fd = open(outfile->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			      is_new ? MODE_NEW : S_IRUSR | S_IWUSR);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static enum brot_err open_either(const char *path, bool may_be_nameless,
				 struct outfile *ret_outfile, struct brot_error *err)
{
	struct outfile outfile = OUTFILE_NONE;
	int mode, fd = -1;
	enum brot_err code = check_target(path, &mode, err);
	if (code != BROT_OK)
		return code;
	outfile.path = strdup(path);
	outfile.target = outfile.path == NULL ? NULL : follow(path);
	if (outfile.target != NULL && may_be_nameless)
		fd = open_nameless(outfile.target);
	if (outfile.target != NULL && fd < 0)
		fd = open_temporary(&outfile, mode < 0);
	if (fd >= 0 && (mode < 0 || fchmod(fd, (mode_t)mode) == 0))
		outfile.file = fdopen(fd, "wb");
	if (outfile.file == NULL) {
		code = fail(path, errno, err);
		if (fd >= 0)
			(void)close(fd);
		if (fd >= 0 && outfile.temporary != NULL)
			(void)unlink(outfile.temporary);
		outfile_discard(&outfile);
		return code;
	}
	(void)setvbuf(outfile.file, NULL, _IOFBF, BUFFER_BYTES);
	*ret_outfile = outfile;
	return BROT_OK;
}

enum brot_err outfile_open(const char *path, struct outfile *ret_outfile, struct brot_error *err)
{
	return open_either(path, true, ret_outfile, err);
}

enum brot_err outfile_open_named(const char *path, struct outfile *ret_outfile,
				 struct brot_error *err)
{
	return open_either(path, false, ret_outfile, err);
}

enum brot_err outfile_write(struct outfile *outfile, const void *data, size_t bytes,
			    struct brot_error *err)
{
	errno = EIO;
	if (fwrite(data, 1, bytes, outfile->file) != bytes)
		return fail(outfile->path, errno, err);
	outfile->bytes += bytes;
	return BROT_OK;
}

enum brot_err outfile_rewrite(struct outfile *outfile, uint64_t offset, const void *data,
			      size_t bytes, struct brot_error *err)
{
	assert(offset <= outfile->bytes && bytes <= outfile->bytes - offset);
	errno = EIO;
	if (fseeko(outfile->file, (off_t)offset, SEEK_SET) != 0 ||
	    fwrite(data, 1, bytes, outfile->file) != bytes ||
	    fseeko(outfile->file, 0, SEEK_END) != 0)
		return fail(outfile->path, errno, err);
	return BROT_OK;
}

static int link_fd(int fd, const char *name)
{
	char link[FD_PATH_BYTES];
	(void)snprintf(link, sizeof link, FD_PATH, fd);
	return linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

/* Names a file that has no name yet. A link cannot replace, so where the target is there it gets a
 * random one on the way. Returns 0 or an errno. */
static int name_nameless(struct outfile *outfile, int fd)
{
	int error_number = link_fd(fd, outfile->target) == 0 ? 0 : errno;
	for (int i = 0; i < TRIES && error_number == EEXIST; i++) {
		free(outfile->temporary);
		outfile->temporary = random_name(outfile->target);
		if (outfile->temporary == NULL)
			return ENOMEM;
		error_number = link_fd(fd, outfile->temporary) == 0 ? 0 : errno;
	}
	return error_number;
}

/* Returns 0 or an errno. */
static int publish(struct outfile *outfile, int fd)
{
	int error_number = outfile->temporary == NULL ? name_nameless(outfile, fd) : 0;
	if (error_number != 0 || outfile->temporary == NULL)
		return error_number;
	if (rename(outfile->temporary, outfile->target) == 0)
		return 0;
	error_number = errno;
	(void)unlink(outfile->temporary);
	return error_number;
}

/* Returns 0 or an errno. File systems that cannot do it have nothing that could get lost. */
static int sync_fd(int fd)
{
	return fsync(fd) == 0 || errno == EINVAL || errno == ENOSYS || errno == ENOTSUP ? 0 : errno;
}

/* Makes the name last. Returns 0 or an errno. */
static int sync_folder(const char *target)
{
	char *name = folder_of(target);
	if (name == NULL)
		return ENOMEM;
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(name);
	if (fd < 0)
		return errno == EACCES ? 0 : errno; /* it may be written to, but not opened */
	int error_number = sync_fd(fd);
	(void)close(fd);
	return error_number;
}

enum brot_err outfile_add_folder(struct outfile *outfile, const char *target,
				 struct brot_error *err)
{
	assert(outfile->folder.path == NULL);
	const int error_number = outfolder_make(target, &outfile->folder);
	return error_number == 0 ? BROT_OK : fail(target, error_number, err);
}

/* The folder first: a file that is there has all of it. Returns 0 or an errno, and then of what. */
static int publish_both(struct outfile *outfile, int fd, bool must_last, const char **ret_path)
{
	struct outfolder *folder = &outfile->folder;
	int error_number = 0;
	if (folder->path != NULL) {
		*ret_path = folder->target;
		error_number = must_last ? outfolder_sync(folder) : 0;
		if (error_number == 0)
			error_number = outfolder_publish(folder);
		if (error_number == 0 && must_last)
			error_number = sync_folder(folder->path);
	}
	if (error_number == 0) {
		*ret_path = outfile->path;
		error_number = publish(outfile, fd);
	} else if (outfile->temporary != NULL) {
		(void)unlink(outfile->temporary);
	}
	if (error_number != 0)
		outfolder_withdraw(folder);
	return error_number;
}

enum brot_err outfile_commit(struct outfile *outfile, bool must_last, struct brot_error *err)
{
	FILE *file = outfile->file;
	const char *path = outfile->path;
	outfile->file = NULL;
	errno = EIO;
	int error_number = fflush(file) == 0 ? 0 : errno;
	int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	if (fd < 0 && error_number == 0)
		error_number = errno;
	/* Some file systems tell only at a close that a write has failed. */
	if (fclose(file) != 0 && error_number == 0)
		error_number = errno;
	if (error_number == 0 && must_last)
		error_number = sync_fd(fd);
	if (error_number == 0)
		error_number = publish_both(outfile, fd, must_last, &path);
	else if (outfile->temporary != NULL)
		(void)unlink(outfile->temporary);
	const bool is_there = error_number == 0;
	if (is_there && must_last)
		error_number = sync_folder(outfile->target);
	if (fd >= 0)
		(void)close(fd);
	const enum brot_err code = error_number == 0 ? BROT_OK : fail(path, error_number, err);
	if (is_there)
		outfolder_leave(&outfile->folder);
	return code;
}

void outfile_discard(struct outfile *outfile)
{
	if (outfile->file != NULL) {
		(void)fclose(outfile->file);
		if (outfile->temporary != NULL)
			(void)unlink(outfile->temporary);
	}
	outfolder_discard(&outfile->folder);
	free(outfile->path);
	free(outfile->target);
	free(outfile->temporary);
	*outfile = OUTFILE_NONE;
}
