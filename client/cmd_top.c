/* cmd_top.c - brot-client top: asks, draws, waits. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/top.h"
#include "proto/sys/clock.h"

#define INTERVAL_MS   1000
#define ROWS_LEAST    10
#define COLUMNS_USUAL 100
#define OUTPUT_BYTES  65536
#define UNANSWERED    3 /* rounds in a row: the next goes by a new connection */

/* Sequences of ECMA-48, and the other screen of xterm. */
#define SCREEN_ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define SCREEN_HOME  "\033[H"
#define LINE_END     "\033[K"
#define SCREEN_END   "\033[J"

struct top_options {
	struct cli_ask ask; /* first, so that its rows hold here */
	int64_t interval_ms;
	uint32_t count; /* 0: no end */
};

static const struct option_spec specs[] = {
	{.name = "interval",
	 .arg = "S",
	 .help = "seconds between two snapshots; 1 without it",
	 .type = OPTION_MS,
	 .offset = offsetof(struct top_options, interval_ms),
	 .min = 100,
	 .max = 3600000},
	{.name = "count",
	 .arg = "N",
	 .help = "end after so many snapshots; at Ctrl-C, or the key q, without it",
	 .type = OPTION_U32,
	 .offset = offsetof(struct top_options, count),
	 .min = 1,
	 .max = UINT32_MAX},
	CLI_SPEC_BROKER(cli_ask),
	CLI_SPEC_TIMEOUT(cli_ask, "; counts only before its first answer"),
	CLI_SPEC_KEY(cli_ask),
	CLI_SPEC_SERVER_KEY(cli_ask),
	CLI_SPEC_INSECURE(cli_ask),
	CLI_SPEC_JSON(cli_ask),
	{.name = NULL},
};

struct watch {
	const struct top_options *options;
	struct service service;
	struct keyboard keyboard;
	struct top *top;
	bool is_screen;
	bool is_first; /* line of a screen */
	bool is_ended; /* by the user, or by whoever read the output */
	int64_t started_ms;
	int64_t heard_ms; /* the last snapshot; 0: none yet */
	uint32_t drawn;
	bool is_refused;     /* the last round: a new connection may have more */
	uint32_t unanswered; /* rounds in a row */
};

static void draw_line(const char *text, void *context)
{
	struct watch *w = context;
	if (!w->is_screen) {
		printf("%s\n", text);
		return;
	}
	/* No newline behind the last line of a screen: it would scroll. */
	printf("%s%s" LINE_END, w->is_first ? "" : "\n", text);
	w->is_first = false;
}

static void draw_json(const struct watch *w, int64_t silent_ms)
{
	json_t *json = silent_ms == 0 ? top_json(w->top)
				      : json_pack("{s:I}", "silent_ms", (json_int_t)silent_ms);
	if (json != NULL)
		print_json(stdout, json);
	json_decref(json);
}

/* silent_ms: 0 for a snapshot that has just come. */
static void draw(struct watch *w, int64_t silent_ms)
{
	struct winsize size = {.ws_col = COLUMNS_USUAL};
	if (w->options->ask.is_json) {
		draw_json(w, silent_ms);
	} else if (w->is_screen) {
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
			size = (struct winsize){.ws_col = 80, .ws_row = 24};
		w->is_first = true;
		printf(SCREEN_HOME);
		top_draw(w->top, silent_ms, size.ws_col,
			 size.ws_row > ROWS_LEAST ? size.ws_row : ROWS_LEAST, draw_line, w);
		printf(SCREEN_END);
	} else {
		if (w->drawn > 0)
			(void)putchar('\n');
		top_draw(w->top, silent_ms, size.ws_col, 0, draw_line, w);
	}
	w->drawn++;
	if (fflush(stdout) != 0)
		w->is_ended = true;
}

static void ask(const struct watch *w)
{
	static const enum message_type questions[] = {MSG_STATUS, MSG_JOBS, MSG_WORKERS};
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		connection_send(w->service.connection,
				&(struct message){.type = questions[i], .body = {"{}", 2}});
}

static enum brot_err take(struct watch *w, const struct message *m, bool *ret_is_complete,
			  struct brot_error *err)
{
	json_t *json = NULL;
	if (m->type != MSG_REPORT && m->type != MSG_REFUSED)
		return BROT_OK;
	enum brot_err code = reply_parse(m, &json, err);
	if (code != BROT_OK)
		return code;
	if (m->type == MSG_REPORT) {
		code = top_take(w->top, json, clock_ms(), ret_is_complete, err);
	} else {
		/* A broker that is at a limit may answer the next time. */
		code = reply_refusal(json, w->service.url, err);
		if (code == BROT_E_BUSY && w->heard_ms != 0) {
			w->is_refused = true;
			code = BROT_OK;
		}
	}
	json_decref(json);
	return code;
}

/* Whether messages have come. */
static bool wait_news(struct watch *w, int64_t until_ms)
{
	unsigned news = connection_wait(w->service.connection, until_ms);
	bool is_quit = (news & CONNECTION_KEYBOARD) != 0 && keyboard_take(&w->keyboard, 'q');
	if ((news & CONNECTION_INTERRUPT) != 0 || is_quit)
		w->is_ended = true;
	return (news & CONNECTION_MESSAGES) != 0;
}

/* Until the snapshot is complete, or until that time, or the end is asked for. */
static enum brot_err collect(struct watch *w, int64_t until_ms, bool *ret_is_complete,
			     struct brot_error *err)
{
	*ret_is_complete = false;
	while (!*ret_is_complete && !w->is_ended && clock_ms() < until_ms) {
		(void)wait_news(w, until_ms);
		struct message m;
		bool has_message = true;
		while (has_message && !*ret_is_complete) {
			enum brot_err code = connection_receive(w->service.connection, &m,
								&has_message, err);
			if (code == BROT_OK && has_message)
				code = take(w, &m, ret_is_complete, err);
			if (code != BROT_OK)
				return code;
		}
	}
	return BROT_OK;
}

/* Until that time; what is said meanwhile is not asked for and can wait in the queue. */
static void rest(struct watch *w, int64_t until_ms)
{
	struct message m;
	bool has_message;
	struct brot_error ignored;
	while (!w->is_ended && clock_ms() < until_ms) {
		if (wait_news(w, until_ms))
			(void)connection_receive(w->service.connection, &m, &has_message, &ignored);
	}
}

static enum brot_err round_of(struct watch *w, struct brot_error *err)
{
	const int64_t begin_ms = clock_ms(), until_ms = begin_ms + w->options->interval_ms;
	const int64_t timeout_ms = w->options->ask.timeout_ms;
	bool is_complete = false;
	if (w->is_refused || (w->unanswered > 0 && w->unanswered % UNANSWERED == 0))
		connection_reopen(w->service.connection);
	w->is_refused = false;
	top_begin(w->top);
	ask(w);
	enum brot_err code = collect(w, until_ms, &is_complete, err);
	if (code != BROT_OK || w->is_ended)
		return code;
	w->unanswered = is_complete ? 0 : w->unanswered + 1;
	if (!is_complete && w->heard_ms == 0) {
		if (clock_ms() < w->started_ms + timeout_ms)
			return BROT_OK;
		return connection_unavailable(w->service.connection, timeout_ms, err);
	}
	if (is_complete)
		w->heard_ms = clock_ms();
	draw(w, is_complete ? 0 : clock_ms() - w->heard_ms);
	if (w->options->count == 0 || w->drawn < w->options->count)
		rest(w, until_ms);
	return BROT_OK;
}

static enum brot_err run(struct watch *w, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	w->started_ms = clock_ms();
	if (w->is_screen) {
		(void)setvbuf(stdout, NULL, _IOFBF, OUTPUT_BYTES);
		printf(SCREEN_ENTER);
		keyboard_open(&w->keyboard, STDIN_FILENO);
		connection_listen(w->service.connection, &w->keyboard);
	}
	while (code == BROT_OK && !w->is_ended &&
	       (w->options->count == 0 || w->drawn < w->options->count))
		code = round_of(w, err);
	keyboard_close(&w->keyboard);
	if (w->is_screen) {
		printf(SCREEN_LEAVE);
		(void)fflush(stdout);
	}
	return code;
}

enum brot_err cmd_top(const struct cli *cli, struct brot_error *err)
{
	const struct option_command command = cli_command(cli, specs);
	struct top_options options = {.ask = CLI_ASK_DEFAULT, .interval_ms = INTERVAL_MS};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	const struct service_config config = cli_service(cli, &options.ask);
	struct watch w = {
		.options = &options,
		.service = SERVICE_NONE,
		.keyboard = {.fd = -1},
		.top = top_new(),
		.is_screen = !options.ask.is_json && isatty(STDOUT_FILENO) == 1,
	};
	if (w.top == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a snapshot");
	code = service_open(&config, &w.service, err);
	if (code == BROT_OK)
		code = run(&w, err);
	service_close(&w.service);
	top_free(w.top);
	return code;
}
