/* checkpoint.c - the thread that writes checkpoints, and its queue. */
#include "broker/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "broker/checkpoint_file.h"
#include "broker/store.h"
#include "proto/sys/clock.h"
#include "proto/sys/log.h"
#include "proto/sys/shm.h"

struct task {
	enum { TASK_NOTHING, TASK_SAVE, TASK_REMOVE } kind;
	struct checkpoint_image image; /* of a removal, its work alone */
};

struct checkpoint {
	int folder;
	int owner; /* CHECKPOINT_OWNER, locked */
	pthread_t thread;
	bool is_troubled; /* the thread's own: a save failed, and none has succeeded since */

	pthread_mutex_t lock; /* for what follows; held for no longer than a look at the queue */
	pthread_cond_t wake, idle;
	struct task tasks[CHECKPOINT_QUEUE]; /* a ring */
	size_t first, count;
	bool is_closing;
	uint64_t current; /* the work that the thread is at; 0: none */
	atomic_bool is_given_up;
	atomic_uint_least64_t failures;
};

uint64_t checkpoint_digest(const char *request, size_t bytes)
{
	return XXH3_64bits(request, bytes);
}

static enum brot_err image_save(struct checkpoint *checkpoint, const struct checkpoint_image *image,
				uint32_t *ret_segments, struct brot_error *err)
{
	struct shm shm;
	size_t bytes = (size_t)image->layout.total_bytes;
	enum brot_err code = shm_map(image->name, bytes, false, &shm, err);
	if (code != BROT_OK)
		return code;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	code = image_header_check(shm.memory, bytes, &image->layout, image->work, nonce, err);
	if (code == BROT_OK && memcmp(nonce, image->nonce, sizeof nonce) != 0)
		code = error_set(err, BROT_E_PROTOCOL, "checkpoint: %s is another image",
				 image->name);
	if (code == BROT_OK)
		code = checkpoint_file_save(checkpoint->folder, image, shm.memory,
					    &checkpoint->is_given_up, ret_segments, err);
	shm_unmap(&shm);
	return code;
}

static void save(struct checkpoint *checkpoint, const struct checkpoint_image *image)
{
	struct brot_error err = {0};
	uint32_t segments = 0;
	enum brot_err code = image_save(checkpoint, image, &segments, &err);
	/* The job may have ended since it was asked for. */
	if (code == BROT_E_CANCELLED || code == BROT_E_NOT_FOUND)
		return;
	unsigned long long work = (unsigned long long)image->work;
	if (code != BROT_OK) {
		if (!checkpoint->is_troubled)
			log_line(LOG_LEVEL_WARNING,
				 "no checkpoint is written: %s work=%llu code=%s", err.text, work,
				 brot_err_name(code));
		checkpoint->is_troubled = true;
		(void)atomic_fetch_add(&checkpoint->failures, 1);
		return;
	}
	if (checkpoint->is_troubled)
		log_line(LOG_LEVEL_NOTICE, "checkpoints are written again work=%llu", work);
	checkpoint->is_troubled = false;
	if (segments > 0)
		log_line(LOG_LEVEL_DEBUG, "checkpoint written work=%llu segments=%u", work,
			 segments);
}

static void file_remove(const struct checkpoint *checkpoint, uint64_t work)
{
	char name[CHECKPOINT_NAME_BYTES];
	checkpoint_file_name(work, name);
	if (unlinkat(checkpoint->folder, name, 0) != 0 && errno != ENOENT)
		log_line(LOG_LEVEL_WARNING, "cannot remove the checkpoint %s: %s", name,
			 strerror(errno));
}

static void *thread_run(void *context)
{
	struct checkpoint *checkpoint = context;
	(void)pthread_mutex_lock(&checkpoint->lock);
	while (!checkpoint->is_closing) {
		if (checkpoint->count == 0) {
			(void)pthread_cond_broadcast(&checkpoint->idle);
			(void)pthread_cond_wait(&checkpoint->wake, &checkpoint->lock);
			continue;
		}
		struct task task = checkpoint->tasks[checkpoint->first];
		checkpoint->first = (checkpoint->first + 1) % CHECKPOINT_QUEUE;
		checkpoint->count--;
		checkpoint->current = task.image.work;
		atomic_store(&checkpoint->is_given_up, false);
		(void)pthread_mutex_unlock(&checkpoint->lock);
		if (task.kind == TASK_SAVE)
			save(checkpoint, &task.image);
		else if (task.kind == TASK_REMOVE)
			file_remove(checkpoint, task.image.work);
		(void)pthread_mutex_lock(&checkpoint->lock);
		checkpoint->current = 0;
	}
	(void)pthread_mutex_unlock(&checkpoint->lock);
	return NULL;
}

static enum brot_err folder_open(const char *path, int *ret_folder, struct brot_error *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return error_set(err, BROT_E_SYSTEM, "checkpoint: cannot make the folder %s: %s",
				 path, strerror(errno));
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return error_set(err, BROT_E_SYSTEM, "checkpoint: cannot open the folder %s: %s",
				 path, strerror(errno));
	if (faccessat(folder, ".", R_OK | W_OK | X_OK, 0) != 0) {
		enum brot_err code = error_set(err, BROT_E_SYSTEM,
					       "checkpoint: cannot write to the folder %s: %s",
					       path, strerror(errno));
		(void)close(folder);
		return code;
	}
	*ret_folder = folder;
	return BROT_OK;
}

static enum brot_err owner_error(const char *path, const char *what, struct brot_error *err)
{
	bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
	return error_set(err, is_full ? BROT_E_NO_SPACE : BROT_E_SYSTEM,
			 "checkpoint: cannot %s %s/" CHECKPOINT_OWNER ": %s", what, path,
			 strerror(errno));
}

/* Whether the locked file names that store; one that names none, as after a kill, gets its name. */
static enum brot_err owner_check(const char *path, int folder, int owner, const char *store,
				 struct brot_error *err)
{
	char found[STORE_ID_CHARS + 1] = "";
	ssize_t chars = pread(owner, found, STORE_ID_CHARS, 0);
	if (chars < 0)
		return owner_error(path, "read", err);
	if (chars == STORE_ID_CHARS && memcmp(found, store, STORE_ID_CHARS) != 0)
		return error_set(err, BROT_E_SYSTEM,
				 "checkpoint: the folder %s must be of one store alone: it has the "
				 "jobs of store %.*s, not of %.*s",
				 path, STORE_ID_CHARS, found, STORE_ID_CHARS, store);
	if (chars < STORE_ID_CHARS && (pwrite(owner, store, STORE_ID_CHARS, 0) != STORE_ID_CHARS ||
				       fsync(owner) != 0 || fsync(folder) != 0))
		return owner_error(path, "write", err);
	return BROT_OK;
}

static enum brot_err owner_open(const char *path, int folder, const char *store, int *ret_owner,
				struct brot_error *err)
{
	int owner = openat(folder, CHECKPOINT_OWNER,
			   O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (owner < 0)
		return owner_error(path, "open", err);
	enum brot_err code = BROT_OK;
	if (flock(owner, LOCK_EX | LOCK_NB) == 0)
		code = owner_check(path, folder, owner, store, err);
	else if (errno == EWOULDBLOCK)
		code = error_set(err, BROT_E_BUSY,
				 "checkpoint: the folder %s is in use by another broker", path);
	else
		code = owner_error(path, "lock", err);
	if (code == BROT_OK)
		*ret_owner = owner;
	else
		(void)close(owner);
	return code;
}

enum brot_err checkpoint_open(const char *folder, const char *store,
			      struct checkpoint **ret_checkpoint, struct brot_error *err)
{
	int fd = -1, owner = -1;
	enum brot_err code = folder_open(folder, &fd, err);
	if (code != BROT_OK)
		return code;
	code = owner_open(folder, fd, store, &owner, err);
	if (code != BROT_OK) {
		(void)close(fd);
		return code;
	}
	struct checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
	if (checkpoint == NULL)
		abort();
	checkpoint->folder = fd;
	checkpoint->owner = owner;
	pthread_condattr_t attributes;
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&checkpoint->lock, NULL);
	(void)pthread_cond_init(&checkpoint->wake, NULL);
	(void)pthread_cond_init(&checkpoint->idle, &attributes);
	(void)pthread_condattr_destroy(&attributes);

	/* Signals are the event loop's. */
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&checkpoint->thread, NULL, thread_run, checkpoint);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		(void)close(fd);
		(void)close(owner);
		free(checkpoint);
		return error_set(err, BROT_E_SYSTEM, "checkpoint: cannot start a thread: %s",
				 strerror(error));
	}
	*ret_checkpoint = checkpoint;
	return BROT_OK;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	(void)pthread_mutex_lock(&checkpoint->lock);
	checkpoint->is_closing = true;
	atomic_store(&checkpoint->is_given_up, true);
	(void)pthread_cond_signal(&checkpoint->wake);
	(void)pthread_mutex_unlock(&checkpoint->lock);
	(void)pthread_join(checkpoint->thread, NULL);
	(void)pthread_cond_destroy(&checkpoint->wake);
	(void)pthread_cond_destroy(&checkpoint->idle);
	(void)pthread_mutex_destroy(&checkpoint->lock);
	(void)close(checkpoint->folder);
	(void)close(checkpoint->owner);
	free(checkpoint);
}

static struct task *task_at(struct checkpoint *checkpoint, size_t i)
{
	return &checkpoint->tasks[(checkpoint->first + i) % CHECKPOINT_QUEUE];
}

static void task_push(struct checkpoint *checkpoint, const struct task *task)
{
	*task_at(checkpoint, checkpoint->count) = *task;
	checkpoint->count++;
	(void)pthread_cond_signal(&checkpoint->wake);
}

uint64_t checkpoint_failures(const struct checkpoint *checkpoint)
{
	return atomic_load(&checkpoint->failures);
}

bool checkpoint_save(struct checkpoint *checkpoint, const struct checkpoint_image *image)
{
	struct task task = {.kind = TASK_SAVE, .image = *image};
	(void)pthread_mutex_lock(&checkpoint->lock);
	/* Removals cannot be asked for again: half of the queue is theirs alone. */
	bool is_taken = checkpoint->count < CHECKPOINT_QUEUE / 2;
	for (size_t i = 0; is_taken && i < checkpoint->count; i++) {
		const struct task *other = task_at(checkpoint, i);
		is_taken = other->kind != TASK_SAVE || other->image.work != image->work;
	}
	if (is_taken)
		task_push(checkpoint, &task);
	(void)pthread_mutex_unlock(&checkpoint->lock);
	return is_taken;
}

void checkpoint_remove(struct checkpoint *checkpoint, uint64_t work)
{
	struct task task = {.kind = TASK_REMOVE, .image.work = work};
	bool is_asked_already = false;
	(void)pthread_mutex_lock(&checkpoint->lock);
	for (size_t i = 0; i < checkpoint->count; i++) {
		struct task *other = task_at(checkpoint, i);
		if (other->kind == TASK_SAVE && other->image.work == work)
			other->kind = TASK_NOTHING;
		is_asked_already |= other->kind == TASK_REMOVE && other->image.work == work;
	}
	if (checkpoint->current == work)
		atomic_store(&checkpoint->is_given_up, true);
	if (!is_asked_already && checkpoint->count < CHECKPOINT_QUEUE)
		task_push(checkpoint, &task);
	(void)pthread_mutex_unlock(&checkpoint->lock);
}

bool checkpoint_wait(struct checkpoint *checkpoint, int64_t timeout_ms)
{
	int64_t until_ms = clock_ms() + timeout_ms;
	struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
				 .tv_nsec = (long)(until_ms % 1000) * 1000000};
	int error = 0;
	(void)pthread_mutex_lock(&checkpoint->lock);
	while ((checkpoint->count > 0 || checkpoint->current != 0) && error == 0)
		error = pthread_cond_timedwait(&checkpoint->idle, &checkpoint->lock, &until);
	bool is_idle = checkpoint->count == 0 && checkpoint->current == 0;
	(void)pthread_mutex_unlock(&checkpoint->lock);
	return is_idle;
}

/* Whether the thread has anything to do for a work. */
static bool is_busy_with(struct checkpoint *checkpoint, uint64_t work)
{
	(void)pthread_mutex_lock(&checkpoint->lock);
	bool is_busy = checkpoint->current == work;
	for (size_t i = 0; i < checkpoint->count && !is_busy; i++) {
		const struct task *task = task_at(checkpoint, i);
		is_busy = task->kind != TASK_NOTHING && task->image.work == work;
	}
	(void)pthread_mutex_unlock(&checkpoint->lock);
	return is_busy;
}

enum brot_err checkpoint_load(struct checkpoint *checkpoint, const struct checkpoint_image *image,
			      void *memory, uint32_t *ret_segments, uint32_t *ret_discarded,
			      struct brot_error *err)
{
	*ret_segments = *ret_discarded = 0;
	if (is_busy_with(checkpoint, image->work))
		return error_set(err, BROT_E_NOT_FOUND,
				 "checkpoint: that of an earlier image of work %llu is in use",
				 (unsigned long long)image->work);
	return checkpoint_file_load(checkpoint->folder, image, memory, ret_segments, ret_discarded,
				    err);
}

unsigned checkpoint_sweep(struct checkpoint *checkpoint,
			  bool (*is_live)(uint64_t work, void *context), void *context)
{
	int fd = openat(checkpoint->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (folder == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	unsigned removed = 0;
	const struct dirent *entry;
	while ((entry = readdir(folder)) != NULL) {
		uint64_t work;
		if (checkpoint_file_work(entry->d_name, &work) && !is_live(work, context) &&
		    unlinkat(checkpoint->folder, entry->d_name, 0) == 0)
			removed++;
	}
	(void)closedir(folder);
	return removed;
}
