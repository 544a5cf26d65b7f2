/*
 * process.c - children that inherit nothing by accident and do not outlive their parent.
 *
 * posix_spawn is safe in a process with threads, which fork is not.
 */
#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np() */
#include "proto/sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_FD 3 /* the number under which keep_fd is inherited */

extern char **environ;

/* Whether folder/program is a program; ret_path is only then touched. */
static bool program_at(const char *folder, size_t folder_length, const char *program,
		       char ret_path[PATH_MAX])
{
	char path[PATH_MAX];
	struct stat st;
	int length = snprintf(path, sizeof path, "%.*s/%s", (int)folder_length, folder, program);
	if (length < 0 || (size_t)length >= sizeof path || folder_length > PATH_MAX)
		return false;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || access(path, X_OK) != 0)
		return false;
	memcpy(ret_path, path, (size_t)length + 1);
	return true;
}

void process_open_standard_streams(void)
{
	/* open() gives the lowest free number, so each hole is filled in turn. */
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

void process_set_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name);
}

enum brot_err process_find(const char *program, char ret_path[PATH_MAX], struct brot_error *err)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	if (length > 0) {
		self[length] = '\0';
		const char *slash = strrchr(self, '/');
		if (slash != NULL && program_at(self, (size_t)(slash - self), program, ret_path))
			return BROT_OK;
	}
	if (program_at(BROT_BINDIR, strlen(BROT_BINDIR), program, ret_path))
		return BROT_OK;
	const char *folder = getenv("PATH");
	while (folder != NULL && *folder != '\0') {
		size_t folder_length = strcspn(folder, ":");
		/* An empty entry means the current folder: not a place to run programs from. */
		if (folder_length > 0 && program_at(folder, folder_length, program, ret_path))
			return BROT_OK;
		folder += folder_length + (folder[folder_length] == ':');
	}
	return error_set(err, BROT_E_SYSTEM,
			 "%s: not found beside this program, in " BROT_BINDIR " or on PATH",
			 program);
}

/* Neither of both is one of those that the child has. */
static int actions_fill(posix_spawn_file_actions_t *actions, int keep_fd, int words_fd)
{
	int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
	for (int fd = STDOUT_FILENO; error == 0 && words_fd >= 0 && fd <= STDERR_FILENO; fd++)
		error = posix_spawn_file_actions_adddup2(actions, words_fd, fd);
	if (error == 0 && keep_fd >= 0)
		error = posix_spawn_file_actions_adddup2(actions, keep_fd, KEPT_FD);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, keep_fd >= 0 ? KEPT_FD + 1
										       : KEPT_FD);
	return error;
}

/* No signal blocked; those that signals_open() ignores, and SIGCHLD, which a program that is not
 * ours may ignore, at their default again. */
static int attributes_fill(posix_spawnattr_t *attributes, bool is_apart)
{
	const short group = is_apart ? POSIX_SPAWN_SETPGROUP : 0;
	sigset_t none, defaults;
	(void)sigemptyset(&none);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)sigaddset(&defaults, SIGXFSZ);
	(void)sigaddset(&defaults, SIGCHLD);
	int error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (error == 0)
		error = posix_spawnattr_setflags(
			attributes,
			(short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
	return error;
}

static int spawn(const char *path, char *const argv[], int keep_fd, int words_fd, bool is_apart,
		 pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error = posix_spawn_file_actions_init(&actions);
	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	error = actions_fill(&actions, keep_fd, words_fd);
	if (error == 0)
		error = attributes_fill(&attributes, is_apart);
	if (error == 0)
		error = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* A copy of a descriptor, above those that the child has: a program that has closed its standard
 * streams gets their numbers for what it opens. -1: there was none; or errno says why. */
static int above(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FD + 1);
}

static enum brot_err start(const char *path, char *const argv[], int keep_fd, int words_fd,
			   bool is_apart, pid_t *ret_pid, struct brot_error *err)
{
	pid_t pid = -1;
	int error = 0;
	const int keep = above(keep_fd);
	if (keep_fd >= 0 && keep < 0)
		error = errno;
	const int words = above(words_fd);
	if (words_fd >= 0 && words < 0)
		error = errno;
	if (error == 0)
		error = spawn(path, argv, keep, words, is_apart, &pid);
	if (keep >= 0)
		(void)close(keep);
	if (words >= 0)
		(void)close(words);
	if (error != 0)
		return error_set(err, BROT_E_SYSTEM, "%s: cannot start it: %s", path,
				 strerror(error));
	*ret_pid = pid;
	return BROT_OK;
}

enum brot_err process_start(const char *path, char *const argv[], int keep_fd, pid_t *ret_pid,
			    struct brot_error *err)
{
	return start(path, argv, keep_fd, -1, false, ret_pid, err);
}

enum brot_err process_start_apart(const char *path, char *const argv[], int keep_fd, int words_fd,
				  pid_t *ret_pid, struct brot_error *err)
{
	return start(path, argv, keep_fd, words_fd, true, ret_pid, err);
}

bool process_tie(pid_t parent, int signal_number)
{
	/* First ask, then look: a parent that ended in between is seen by the look. */
	if (prctl(PR_SET_PDEATHSIG, signal_number) != 0)
		return false;
	return getppid() == parent;
}

static atomic_bool is_guest;

void process_be_guest(void)
{
	atomic_store(&is_guest, true);
}

void process_hide_memory(void)
{
	if (atomic_load(&is_guest))
		return;
	(void)prctl(PR_SET_DUMPABLE, 0);
}
