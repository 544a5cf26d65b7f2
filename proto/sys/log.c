/* log.c - one write(2) a line, so that lines of many processes do not mix. */
#include "proto/sys/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/quote.h"
#include "proto/sys/clock.h"

#define LINE_BYTES 4096 /* of nearly all lines; longer ones take memory */

static const char *program_name = "brot";
static _Atomic int most = LOG_LEVEL_NOTICE;
static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
static int is_journal;

/* Whether standard error is the stream that systemd opened for us: JOURNAL_STREAM is inherited by
 * programs whose standard error was turned elsewhere, so its numbers are compared. */
static int journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char ours[64];
	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return 0;
	(void)snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void log_init(const char *name, enum log_level level)
{
	program_name = name;
	log_set_level(level);
	is_journal = journal_is_stderr();
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&most, (int)level, memory_order_relaxed);
}

enum brot_err log_level_parse(const char *name, enum log_level *ret_level, struct brot_error *err)
{
	for (int i = 0; i < 5; i++)
		if (strcmp(names[i], name) == 0) {
			*ret_level = (enum log_level)(LOG_LEVEL_ERROR + i);
			return BROT_OK;
		}
	return error_set(err, BROT_E_USAGE,
			 "--log-level: must be error, warning, notice, info or debug, got \"%s\"",
			 name);
}

const char *log_level_name(enum log_level level)
{
	return names[level - LOG_LEVEL_ERROR];
}

int log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&most, memory_order_relaxed);
}

/* Writes line[0, end), in which peers have no word before `used`, with a newline in place of the
 * NUL behind it. */
static void line_write(char *line, size_t used, size_t end)
{
	/* A value may quote what a peer sent: it must not forge a line or speak to the terminal. */
	quote_controls(line + used);
	line[end++] = '\n';
	/* Nothing sensible can be done where the log itself cannot be written. */
	ssize_t ignored = write(STDERR_FILENO, line, end);
	(void)ignored;
}

/* What stands before a line's sentence. journald knows the time and the program. */
static size_t write_head(enum log_level level, char *line, size_t bytes)
{
	char when[32] = "";
	const time_t now_s = (time_t)clock_unix_s();
	struct tm utc;
	if (gmtime_r(&now_s, &utc) != NULL)
		(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ ", &utc);
	int chars = is_journal ? snprintf(line, bytes, "<%d>", (int)level)
			       : snprintf(line, bytes, "%s%s: ", when, program_name);
	size_t used = chars < 0 ? 0 : (size_t)chars;
	return used < bytes / 2 ? used : bytes / 2;
}

void log_line(enum log_level level, const char *format, ...)
{
	if (!log_enabled(level))
		return;
	char usual[LINE_BYTES];
	size_t used = write_head(level, usual, sizeof usual);
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int body = vsnprintf(usual + used, sizeof usual - used, format, args);
	size_t end = used + (body < 0 ? 0 : (size_t)body);
	char *line = usual, *longer = NULL;
	if (end >= sizeof usual) {
		longer = malloc(end + 1);
		if (longer == NULL) {
			end = sizeof usual - 1;
		} else {
			memcpy(longer, usual, used);
			(void)vsnprintf(longer + used, end - used + 1, format, again);
			line = longer;
		}
	}
	va_end(again);
	va_end(args);
	line_write(line, used, end);
	free(longer);
}
