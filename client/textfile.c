/* textfile.c - bounded reads of regular files. */
#include "client/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool textfile_is(const char *file, const char *suffix, bool has_entries, size_t *ret_path_chars)
{
	const size_t chars = strlen(suffix);
	for (const char *dot = file; (dot = strchr(dot, '.')) != NULL; dot++) {
		if (strncasecmp(dot + 1, suffix, chars) != 0)
			continue;
		const char *end = dot + 1 + chars;
		*ret_path_chars = (size_t)(end - file);
		if (*end == '\0' || (*end == ':' && has_entries))
			return true;
	}
	return false;
}

static enum brot_err unreadable(const char *label, const char *path, const char *why,
				struct brot_error *err)
{
	return error_set(err, BROT_E_NO_INPUT, "%s: cannot read \"%.120s\": %s", label, path, why);
}

enum brot_err textfile_open(const char *label, const char *path, FILE **ret_file,
			    struct brot_error *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return unreadable(label, path, strerror(errno), err);
	enum brot_err code = BROT_OK;
	if (fstat(fd, &status) != 0)
		code = unreadable(label, path, strerror(errno), err);
	else if (!S_ISREG(status.st_mode))
		code = unreadable(label, path, "it is not a regular file", err);
	FILE *file = code == BROT_OK ? fdopen(fd, "rb") : NULL;
	if (file == NULL) {
		if (code == BROT_OK)
			code = unreadable(label, path, strerror(errno), err);
		(void)close(fd);
		return code;
	}
	*ret_file = file;
	return BROT_OK;
}

enum brot_err textfile_read(const char *label, const char *path, size_t most, char **ret_text,
			    size_t *ret_bytes, struct brot_error *err)
{
	FILE *file = NULL;
	enum brot_err code = textfile_open(label, path, &file, err);
	if (code != BROT_OK)
		return code;
	char *text = malloc(most + 1);
	if (text == NULL) {
		(void)fclose(file);
		return error_set(err, BROT_E_SYSTEM, "no memory to read a file");
	}
	size_t bytes = fread(text, 1, most + 1, file);
	if (ferror(file))
		code = unreadable(label, path, strerror(errno), err);
	else if (bytes > most)
		code = error_set(err, BROT_E_REQUEST,
				 "%s: \"%.120s\" must have at most %zu bytes, and is longer", label,
				 path, most);
	(void)fclose(file);
	if (code != BROT_OK) {
		free(text);
		return code;
	}
	text[bytes] = '\0';
	*ret_text = text;
	*ret_bytes = bytes;
	return BROT_OK;
}
