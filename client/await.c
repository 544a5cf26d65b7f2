/* await.c - from a job's id to its file. */
#include "client/await.h"

#include <string.h>

#include "client/delivery.h"
#include "client/save.h"
#include "client/service.h"
#include "proto/sys/clock.h"

struct await_options {
	const char *out;
	const char *broker, *key, *server_key;
	int64_t timeout_ms;
	bool is_released, is_unshared, is_insecure, is_quiet, is_json;
};

static const struct option_spec specs[] = {
	{.name = "out",
	 .arg = "FILE",
	 .help = "the file to make: .png or .ppm for a job of format rgb8, .npy for others",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct await_options, out)},
	{.name = "release",
	 .help = "have the broker forget the job once that is done",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct await_options, is_released)},
	CLI_SPEC_BROKER(await_options),
	CLI_SPEC_TIMEOUT(await_options, "; the wait for a worker has no limit"),
	CLI_SPEC_KEY(await_options),
	CLI_SPEC_SERVER_KEY(await_options),
	CLI_SPEC_INSECURE(await_options),
	{.name = "no-shm",
	 .help = "get the pixels over the socket even where memory could be shared",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct await_options, is_unshared)},
	{.name = "quiet",
	 .help = "say nothing but what fails",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct await_options, is_quiet)},
	{.name = "json",
	 .help = "write events to standard output, one JSON object a line",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct await_options, is_json)},
	{.name = NULL},
};

/* All that one wait needs. */
struct waiting {
	struct await_options options;
	uint64_t job;
	const struct filetype *filetype; /* NULL: no file is wanted */
	struct outfile outfile;
	struct announce announce;
	struct service service;
	struct delivery *delivery;
};

static void on_action(const struct session_action *action, void *context)
{
	struct waiting *w = context;
	const struct request *request = delivery_request(w->delivery);
	if (action->type == SESSION_ACCEPTED)
		announce_request(&w->announce, delivery_json(w->delivery), request->width_px,
				 request->height_px);
	announce_action(&w->announce, action, clock_ms());
}

static void on_rows(uint64_t rows_done, void *context)
{
	struct waiting *w = context;
	announce_rows(&w->announce, rows_done, clock_ms());
}

static enum brot_err attach(struct waiting *w, const struct cli *cli, bool is_urgent,
			    struct brot_error *err)
{
	struct service_config service = {
		.broker = w->options.broker,
		.key = w->options.key,
		.server_key = w->options.server_key,
		.is_insecure = w->options.is_insecure,
		.timeout_ms = w->options.timeout_ms,
		.interrupt = cli->interrupt,
	};
	struct delivery_config config = {
		.service = &w->service,
		.attach = w->job,
		.timeout_ms = w->options.timeout_ms,
		.may_map = !w->options.is_unshared,
		.is_unread = w->filetype == NULL,
		.is_urgent = is_urgent,
		.on_action = on_action,
		.on_rows = on_rows,
		.context = w,
	};
	enum brot_err code = service_open(&service, &w->service, err);
	if (code == BROT_OK)
		code = delivery_new(&config, &w->delivery, err);
	if (code == BROT_OK)
		code = delivery_accept(w->delivery, err);
	return code;
}

/* A sentence about a format, where it is the file that can be chosen. */
static enum brot_err file_open(struct waiting *w, struct brot_error *err)
{
	static const char option[] = "--format: ";
	struct brot_error inner;
	enum brot_err code = filetype_check_format(w->filetype,
						   delivery_request(w->delivery)->format, &inner);
	if (code == BROT_OK)
		return outfile_open(w->options.out, &w->outfile, err);
	size_t field = strncmp(inner.text, option, sizeof option - 1) == 0 ? sizeof option - 1 : 0;
	return error_set(err, code, "--out: %.240s", inner.text + field);
}

static enum brot_err follow(struct waiting *w, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	if (w->filetype != NULL)
		code = file_open(w, err);
	if (code == BROT_OK)
		code = delivery_wait(w->delivery, err);
	if (code == BROT_OK && w->filetype != NULL)
		return save_picture(w->delivery, w->filetype, &w->outfile, w->options.is_released,
				    &w->announce, err);
	if (code == BROT_OK) {
		delivery_finish(w->delivery, w->options.is_released);
		announce_ended(&w->announce, w->job);
	}
	return code;
}

static enum brot_err check(struct waiting *w, const char *job, bool is_urgent,
			   struct brot_error *err)
{
	const struct await_options *options = &w->options;
	if (options->is_quiet && options->is_json)
		return error_set(err, BROT_E_USAGE, "--quiet: cannot stand beside --json");
	enum brot_err code = cli_read_job("JOB", job, &w->job, err);
	if (code == BROT_OK && (options->out != NULL || is_urgent))
		code = filetype_of_path(options->out, &w->filetype, err);
	return code;
}

enum brot_err await_run(const struct cli *cli, const struct await *await, struct brot_error *err)
{
	const struct option_command command = {
		.name = await->title,
		.summary = await->summary,
		.operands = "JOB",
		.operands_min = 1,
		.operands_max = 1,
		.specs = specs,
	};
	struct waiting w = {
		.options.timeout_ms = SESSION_TIMEOUT_MS,
		.outfile = OUTFILE_NONE,
		.service = SERVICE_NONE,
	};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &w.options, sizeof w.options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	code = check(&w, operands.values[0], await->is_urgent, err);
	if (code == BROT_OK) {
		save_announce(&w.announce, w.options.is_quiet, w.options.is_json);
		code = attach(&w, cli, await->is_urgent, err);
	}
	if (code == BROT_OK)
		code = follow(&w, err);
	announce_done(&w.announce);
	delivery_free(w.delivery);
	service_close(&w.service);
	outfile_discard(&w.outfile);
	return code;
}
