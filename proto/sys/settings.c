/* settings.c - a regular file of at most LIMIT_SETTINGS_BYTES. */
#include "proto/sys/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings_text {
	struct settings_text *next;
	char text[];
};

static char *keep(const char *text, void *context)
{
	struct settings *settings = context;
	size_t bytes = strlen(text) + 1;
	struct settings_text *kept = malloc(sizeof *kept + bytes);
	if (kept == NULL)
		return NULL;
	memcpy(kept->text, text, bytes);
	kept->next = settings->texts;
	settings->texts = kept;
	return kept->text;
}

static const char *environment(const char *name, void *context)
{
	(void)context;
	return getenv(name);
}

static enum brot_err refuse(const char *path, const char *why, struct brot_error *err)
{
	return error_set(err, BROT_E_CONFIG, "%s: cannot be read: %s", path, why);
}

static enum brot_err read_all(int fd, const char *path, char *buffer, size_t buffer_bytes,
			      size_t *ret_bytes, struct brot_error *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return refuse(path, strerror(errno), err);
	if (!S_ISREG(st.st_mode))
		return refuse(path, "it is not a regular file", err);
	size_t bytes = 0;
	ssize_t got = 1;
	while (got > 0 && bytes < buffer_bytes) {
		got = read(fd, buffer + bytes, buffer_bytes - bytes);
		if (got < 0 && errno != EINTR)
			return refuse(path, strerror(errno), err);
		bytes += got > 0 ? (size_t)got : 0;
		got = got < 0 ? 1 : got;
	}
	if (bytes > LIMIT_SETTINGS_BYTES)
		return error_set(err, BROT_E_CONFIG, "%s: must have at most %d bytes", path,
				 LIMIT_SETTINGS_BYTES);
	*ret_bytes = bytes;
	return BROT_OK;
}

static enum brot_err read_file(const char *path, bool must_exist, void *context,
			       const struct options_file **ret_file, struct brot_error *err)
{
	struct settings *settings = context;
	size_t bytes = 0, room = LIMIT_SETTINGS_BYTES + 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && !must_exist) {
		*ret_file = NULL;
		return BROT_OK;
	}
	if (fd < 0)
		return refuse(path, strerror(errno), err);
	char *text = malloc(room);
	enum brot_err code = text != NULL
				     ? read_all(fd, path, text, room, &bytes, err)
				     : error_set(err, BROT_E_SYSTEM, "%s: out of memory", path);
	(void)close(fd);
	if (code == BROT_OK)
		code = options_file_parse(path, text, bytes, &settings->file, err);
	free(text);
	if (code == BROT_OK)
		*ret_file = settings->file;
	return code;
}

struct option_sources settings_sources(struct settings *settings)
{
	settings_done(settings);
	return (struct option_sources){.env = environment,
				       .file = read_file,
				       .file_context = settings,
				       .keep = keep,
				       .keep_context = settings};
}

void settings_done(struct settings *settings)
{
	options_file_free(settings->file);
	while (settings->texts != NULL) {
		struct settings_text *text = settings->texts;
		settings->texts = text->next;
		free(text);
	}
	*settings = (struct settings){0};
}
