/* outfolder.c - mkdtemp(), and rename() both ways. */
#define _GNU_SOURCE /* syncfs() */
#include "client/outfolder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_OPEN 16 /* while it is removed */
#define MODE_NEW   0777

/* Without umask(2), which would change that of all threads for a moment. */
static mode_t mask_now(void)
{
	char line[128];
	unsigned mask = 077;
	FILE *file = fopen("/proc/self/status", "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "Umask: %o", &mask) == 1)
			break;
	if (file != NULL)
		(void)fclose(file);
	return (mode_t)mask;
}

/* mkdtemp() makes what nobody else may enter. */
static void open_to_others(const char *path)
{
	(void)chmod(path, MODE_NEW & ~mask_now());
}

int outfolder_make(const char *target, struct outfolder *ret_folder)
{
	static const char ending[] = ".XXXXXX";
	struct outfolder folder = {.target = strdup(target), .made = NULL};
	struct stat status;
	const size_t bytes = strlen(target) + sizeof ending;
	int error_number = lstat(target, &status) == 0 ? EEXIST : 0;
	folder.made = malloc(bytes);
	if (folder.made == NULL || folder.target == NULL)
		error_number = ENOMEM;
	if (error_number == 0) {
		(void)snprintf(folder.made, bytes, "%s%s", target, ending);
		if (mkdtemp(folder.made) != NULL)
			folder.path = folder.made;
		else
			error_number = errno;
	}
	if (error_number == 0) {
		open_to_others(folder.path);
		*ret_folder = folder;
	} else {
		outfolder_leave(&folder);
	}
	return error_number;
}

int outfolder_sync(const struct outfolder *folder)
{
	const int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	const int error_number = syncfs(fd) == 0 || errno == ENOSYS ? 0 : errno;
	(void)close(fd);
	return error_number;
}

static int move(struct outfolder *folder, char *to)
{
	/* rename() would replace a folder that is empty. */
	int result = renameat2(AT_FDCWD, folder->path, AT_FDCWD, to, RENAME_NOREPLACE);
	if (result != 0 && (errno == EINVAL || errno == ENOSYS))
		result = rename(folder->path, to);
	if (result != 0)
		return errno;
	folder->path = to;
	return 0;
}

int outfolder_publish(struct outfolder *folder)
{
	return move(folder, folder->target);
}

void outfolder_withdraw(struct outfolder *folder)
{
	if (folder->path != NULL && folder->path == folder->target)
		(void)move(folder, folder->made);
}

void outfolder_leave(struct outfolder *folder)
{
	free(folder->target);
	free(folder->made);
	*folder = OUTFOLDER_NONE;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

void outfolder_discard(struct outfolder *folder)
{
	if (folder->path != NULL)
		(void)nftw(folder->path, remove_one, FILES_OPEN, FTW_DEPTH | FTW_PHYS);
	outfolder_leave(folder);
}
