/* keeper.c - the process that cleans up after a killed broker. */
#include "broker/keeper.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/limits.h"
#include "proto/sys/process.h"
#include "proto/sys/shm.h"

#define PATHS_MAX  (4 * LIMIT_ENDPOINTS) /* a socket an endpoint, and their folders */
#define IMAGES_MAX (LIMIT_JOBS * LIMIT_OPEN_BANDS)
#define NOTE_BYTES (PATH_MAX + 96) /* a letter, four numbers, a path */

/* A path, and the file that the broker had there: one that has started since may have put its own
 * in its place, and been given the very inode. A folder's time changes with what is in it, and says
 * nothing. */
struct belonging {
	char path[PATH_MAX];
	dev_t device;
	ino_t inode;
	struct timespec changed;
};

/* What there is to remove. In the keeper's process only. */
struct belongings {
	char images[IMAGES_MAX][IMAGE_NAME_CHARS + 1];
	size_t image_count;
	struct belonging paths[PATHS_MAX];
	size_t path_count;
};

/* note: "DEVICE INODE SECONDS NANOSECONDS PATH", the time of its last change */
static void note_path(struct belongings *mine, const char *note)
{
	uintmax_t device, inode;
	intmax_t changed_s;
	long changed_ns;
	int path_at = 0;
	if (sscanf(note, "%ju %ju %jd %ld %n", &device, &inode, &changed_s, &changed_ns,
		   &path_at) != 4 ||
	    path_at == 0 || strlen(note + path_at) >= PATH_MAX)
		return;
	for (size_t i = 0; i < mine->path_count; i++)
		if (strcmp(mine->paths[i].path, note + path_at) == 0)
			return;
	if (mine->path_count == PATHS_MAX)
		return;
	struct belonging *belonging = &mine->paths[mine->path_count++];
	strcpy(belonging->path, note + path_at);
	belonging->device = (dev_t)device;
	belonging->inode = (ino_t)inode;
	belonging->changed = (struct timespec){.tv_sec = (time_t)changed_s, .tv_nsec = changed_ns};
}

static bool is_still(const struct belonging *note, const struct stat *now)
{
	return now->st_dev == note->device && now->st_ino == note->inode &&
	       (S_ISDIR(now->st_mode) || (now->st_ctim.tv_sec == note->changed.tv_sec &&
					  now->st_ctim.tv_nsec == note->changed.tv_nsec));
}

/* A message is one letter, then a name: '+' and '-' an image, 'p' a path. */
static void take_note(struct belongings *mine, const char *message)
{
	const char *name = message + 1;
	if (message[0] == '+' && mine->image_count < IMAGES_MAX && image_name_is_valid(name)) {
		strcpy(mine->images[mine->image_count++], name);
	} else if (message[0] == '-') {
		for (size_t i = 0; i < mine->image_count; i++)
			if (strcmp(mine->images[i], name) == 0) {
				memmove(mine->images[i], mine->images[--mine->image_count],
					sizeof mine->images[i]);
				break;
			}
	} else if (message[0] == 'p') {
		note_path(mine, name);
	}
}

static void clean_up(const struct belongings *mine)
{
	for (size_t i = 0; i < mine->image_count; i++)
		shm_remove(mine->images[i]);
	for (size_t i = 0; i < mine->path_count; i++) {
		const struct belonging *note = &mine->paths[i];
		struct stat now;
		if (lstat(note->path, &now) != 0 || !is_still(note, &now))
			continue;
		(void)(S_ISDIR(now.st_mode) ? rmdir(note->path) : unlink(note->path));
	}
}

void keeper_run(void)
{
	/* Ctrl-C and a service manager's SIGTERM are for the broker; its end is what counts here.
	 */
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	(void)setsid();

	static struct belongings mine;
	char message[NOTE_BYTES];
	for (;;) {
		ssize_t n = recv(KEEPER_FD, message, sizeof message - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		message[n] = '\0';
		take_note(&mine, message);
	}
	clean_up(&mine);
}

enum brot_err keeper_start(struct keeper *ret_keeper, struct brot_error *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return error_set(err, BROT_E_SYSTEM, "keeper: no socket pair: %s", strerror(errno));
	const struct timeval patience = {.tv_usec = 200000};
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	char *const argv[] = {(char[]){"brot-keeper"}, (char[]){KEEPER_OPTION}, NULL};
	pid_t pid;
	enum brot_err code = process_start("/proc/self/exe", argv, pair[1], &pid, err);
	close(pair[1]);
	if (code != BROT_OK) {
		close(pair[0]);
		return code;
	}
	*ret_keeper = (struct keeper){pair[0], pid};
	return BROT_OK;
}

bool keeper_is_dead(struct keeper *keeper)
{
	if (keeper->fd < 0 || waitpid(keeper->pid, NULL, WNOHANG) != keeper->pid)
		return false;
	close(keeper->fd);
	*keeper = KEEPER_NONE;
	return true;
}

static void say(const struct keeper *keeper, char letter, const char *name)
{
	char message[NOTE_BYTES];
	int n = snprintf(message, sizeof message, "%c%s", letter, name);
	if (keeper->fd < 0 || n < 0 || (size_t)n >= sizeof message)
		return;
	/* One that was killed takes no notes; the next is told all again. So is the next of one
	 * that does not listen: it must not stop the broker, nor miss a name. */
	if (send(keeper->fd, message, (size_t)n, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
		(void)kill(keeper->pid, SIGKILL);
}

void keeper_add_image(const struct keeper *keeper, const char *name)
{
	say(keeper, '+', name);
}

void keeper_remove_image(const struct keeper *keeper, const char *name)
{
	say(keeper, '-', name);
}

void keeper_add_path(const struct keeper *keeper, const char *path)
{
	/* Looked at here and now: by the time the keeper reads the note, the file may be another.
	 */
	struct stat now;
	char note[NOTE_BYTES - 1];
	if (lstat(path, &now) != 0)
		return;
	int n = snprintf(note, sizeof note, "%ju %ju %jd %ld %s", (uintmax_t)now.st_dev,
			 (uintmax_t)now.st_ino, (intmax_t)now.st_ctim.tv_sec, now.st_ctim.tv_nsec,
			 path);
	if (n > 0 && (size_t)n < sizeof note)
		say(keeper, 'p', note);
}

void keeper_stop(struct keeper *keeper)
{
	if (keeper->fd < 0)
		return;
	close(keeper->fd);
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*keeper = KEEPER_NONE;
}
