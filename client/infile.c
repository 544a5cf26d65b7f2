/* infile.c - one bounded read, then the parser that the first bytes ask for. */
#include "client/infile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/png.h"

static enum brot_err unreadable(const char *path, const char *why, struct brot_error *err)
{
	return error_set(err, BROT_E_NO_INPUT, "--view: cannot read \"%.120s\": %s", path, why);
}

/* A FIFO is refused: opening or reading one could wait for ever. */
static enum brot_err open_regular(const char *path, FILE **ret_file, struct brot_error *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return unreadable(path, strerror(errno), err);
	enum brot_err code = BROT_OK;
	if (fstat(fd, &status) != 0)
		code = unreadable(path, strerror(errno), err);
	else if (!S_ISREG(status.st_mode))
		code = unreadable(path, "it is not a regular file", err);
	FILE *file = code == BROT_OK ? fdopen(fd, "rb") : NULL;
	if (file == NULL) {
		if (code == BROT_OK)
			code = unreadable(path, strerror(errno), err);
		(void)close(fd);
		return code;
	}
	*ret_file = file;
	return BROT_OK;
}

static enum brot_err parse(const char *path, const char *text, size_t bytes,
			   struct request *ret_request, struct brot_error *err)
{
	struct brot_error inner;
	enum brot_err code = request_parse(text, bytes, ret_request, &inner);
	if (code == BROT_OK)
		return BROT_OK;
	return error_set(err, code, "--view: in \"%.80s\": %s", path, inner.text);
}

static enum brot_err read_json(FILE *file, const char *path, struct request *ret_request,
			       struct brot_error *err)
{
	char *text = malloc(LIMIT_REQUEST_BYTES + 1);
	if (text == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory to read a request");
	size_t bytes = fread(text, 1, LIMIT_REQUEST_BYTES + 1, file);
	enum brot_err code;
	if (ferror(file))
		code = unreadable(path, strerror(errno), err);
	else if (bytes > LIMIT_REQUEST_BYTES)
		code = error_set(err, BROT_E_REQUEST,
				 "--view: \"%.120s\" must be a request of at most %d bytes or a "
				 "picture made by brot, and is longer",
				 path, LIMIT_REQUEST_BYTES);
	else
		code = parse(path, text, bytes, ret_request, err);
	free(text);
	return code;
}

enum brot_err infile_read_request(const char *path, struct request *ret_request,
				  struct brot_error *err)
{
	FILE *file = NULL;
	enum brot_err code = open_regular(path, &file, err);
	if (code != BROT_OK)
		return code;
	char start[8];
	bool is_png = png_file_is_png(start, fread(start, 1, sizeof start, file));
	rewind(file);
	if (is_png) {
		char *text = NULL;
		code = png_file_read_request(file, path, &text, err);
		if (code == BROT_OK)
			code = parse(path, text, strlen(text), ret_request, err);
		free(text);
	} else {
		code = read_json(file, path, ret_request, err);
	}
	(void)fclose(file);
	return code;
}
