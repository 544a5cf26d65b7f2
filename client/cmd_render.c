/* cmd_render.c - brot-client render: from the command line to the file. */
#include <stdio.h>
#include <unistd.h>

#include "client/announce.h"
#include "client/cli.h"
#include "client/compose.h"
#include "client/delivery.h"
#include "client/outfile.h"
#include "client/service.h"
#include "proto/sys/clock.h"

#define WORKERS_MAX 1024

struct render_options {
	struct compose_words words;
	const char *out;
	const char *broker;
	uint32_t workers;
	int64_t timeout_ms;
	bool is_unshared, is_insecure, is_quiet, is_json;
};

#define WORD(word, value, text)                                                   \
	{                                                                         \
		.name = #word, .arg = value, .help = text, .type = OPTION_STRING, \
		.offset = offsetof(struct render_options, words.word)             \
	}

static const struct option_spec specs[] = {
	WORD(view, "VIEW",
	     "a name that \"views\" lists, RE,IM,WIDTH, XMIN:XMAX,YMIN:YMAX, @REQUEST.json or "
	     "@PICTURE.png; the whole of what the formula makes without it"),
	{.name = "out",
	 .arg = "FILE",
	 .help = "the file to make: .png, .ppm or .npy",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct render_options, out)},
	{.name = "size",
	 .arg = "WxH",
	 .help = "pixels; 1920x1080 without it, or what the view says",
	 .type = OPTION_SIZE,
	 .offset = offsetof(struct render_options, words.size),
	 .min = 1,
	 .max = LIMIT_SIZE_PX},
	{.name = "iterations",
	 .arg = "N",
	 .help = "how long to iterate at most; grows with the zoom without it",
	 .type = OPTION_U32,
	 .offset = offsetof(struct render_options, words.iterations),
	 .min = 1,
	 .max = LIMIT_ITERATIONS},
	{.name = "samples",
	 .arg = "N",
	 .help = "N x N points for each pixel; 1 without it, or what the view says",
	 .type = OPTION_U32,
	 .offset = offsetof(struct render_options, words.samples),
	 .min = 1,
	 .max = LIMIT_SAMPLES},
	WORD(kind, "KIND", "what is counted: escape, also without it"),
	WORD(formula, "FORMULA",
	     "what is iterated: mandelbrot, julia:RE,IM, multibrot:POWER, burning-ship or tricorn, "
	     "the point or power 3 to 6 being its parameter; mandelbrot without it, or what the "
	     "view says"),
	WORD(precision, "PRECISION",
	     "f64, or f32, which is faster and less deep; f64 without it, or what the view says"),
	{.name = "no-shortcuts",
	 .help = "iterate every point to its end; the picture is the same",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct render_options, words.has_no_shortcuts)},
	WORD(format, "FORMAT",
	     "rgb8, iterations or smooth; the suffix of --out decides without it"),
	WORD(palette, "PALETTE",
	     "a name that \"palettes\" lists; classic without it, or what the view says"),
	CLI_SPEC_BROKER(render_options),
	CLI_SPEC_TIMEOUT(render_options, "; the wait for a worker has no limit"),
	CLI_SPEC_INSECURE(render_options),
	{.name = "workers",
	 .arg = "N",
	 .help = "start an embedded service with so many worker processes; one a core without it; "
		 "cannot stand beside a broker that --broker or BROT_BROKER names",
	 .type = OPTION_U32,
	 .offset = offsetof(struct render_options, workers),
	 .min = 1,
	 .max = WORKERS_MAX},
	{.name = "no-shm",
	 .help = "get the pixels over the socket even where memory could be shared",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct render_options, is_unshared)},
	{.name = "quiet",
	 .help = "say nothing but what fails",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct render_options, is_quiet)},
	{.name = "json",
	 .help = "write events to standard output, one JSON object a line",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct render_options, is_json)},
	{.name = NULL},
};

static const struct option_command command = {
	.name = "brot-client render",
	.summary =
		"Renders a view into a file, by the broker that --broker names, the system's, or\n"
		"an embedded one that ends with this call.",
	.specs = specs,
};

/* All that one render needs. */
struct job {
	struct render_options options;
	const struct filetype *filetype;
	struct request request;
	json_t *json;
	struct outfile outfile;
	struct announce announce;
	struct service service;
	struct delivery *delivery;
};

static void on_action(const struct session_action *action, void *context)
{
	announce_action(context, action, clock_ms());
}

static void on_rows(uint64_t rows_done, void *context)
{
	announce_rows(context, rows_done, clock_ms());
}

static enum brot_err open_service(struct job *job, const struct cli *cli, struct brot_error *err)
{
	struct service_config config = {
		.broker = job->options.broker,
		.is_insecure = job->options.is_insecure,
		.may_embed = true,
		.workers = job->options.workers,
		.timeout_ms = job->options.timeout_ms,
		.interrupt = cli->interrupt,
	};
	enum brot_err code = service_open(&config, &job->service, err);
	if (code == BROT_OK && job->service.embedded != NULL)
		announce_started(&job->announce, embedded_workers(job->service.embedded));
	return code;
}

static enum brot_err deliver(struct job *job, struct brot_error *err)
{
	struct delivery_config config = {
		.service = &job->service,
		.request = &job->request,
		.json = job->json,
		.timeout_ms = job->options.timeout_ms,
		.may_map = !job->options.is_unshared,
		.on_action = on_action,
		.on_rows = on_rows,
		.context = &job->announce,
	};
	return delivery_run(&config, &job->delivery, err);
}

static enum brot_err save(struct job *job, struct brot_error *err)
{
	struct picture picture;
	delivery_picture(job->delivery, &picture);
	enum brot_err code = job->filetype->write(&picture, &job->outfile, err);
	if (code == BROT_OK)
		code = outfile_commit(&job->outfile, err);
	if (code == BROT_OK)
		announce_saved(&job->announce, job->outfile.path, job->outfile.bytes, clock_ms());
	return code;
}

static void start_announce(struct job *job)
{
	struct announce_config config = {
		.mode = job->options.is_json    ? ANNOUNCE_EVENTS
			: job->options.is_quiet ? ANNOUNCE_NOTHING
						: ANNOUNCE_PEOPLE,
		.request = job->json,
		.width_px = job->request.width_px,
		.height_px = job->request.height_px,
		.events = stdout,
		.people = stderr,
		.is_terminal = isatty(STDERR_FILENO) == 1,
	};
	announce_init(&job->announce, &config, clock_ms());
}

static enum brot_err render(struct job *job, const struct cli *cli, struct brot_error *err)
{
	const struct render_options *options = &job->options;
	if (options->is_quiet && options->is_json)
		return error_set(err, BROT_E_USAGE, "--quiet: cannot stand beside --json");
	enum brot_err code = filetype_of_path(options->out, &job->filetype, err);
	if (code == BROT_OK)
		code = compose_request(&options->words, job->filetype, &job->request, &job->json,
				       err);
	if (code == BROT_OK)
		code = outfile_open(options->out, &job->outfile, err);
	if (code != BROT_OK)
		return code;
	start_announce(job);
	code = open_service(job, cli, err);
	if (code == BROT_OK)
		code = deliver(job, err);
	if (code == BROT_OK)
		code = save(job, err);
	announce_done(&job->announce);
	return code;
}

enum brot_err cmd_render(const struct cli *cli, struct brot_error *err)
{
	struct job job = {
		.options.timeout_ms = SESSION_TIMEOUT_MS,
		.outfile = OUTFILE_NONE,
		.service = SERVICE_NONE,
	};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &job.options, sizeof job.options, &operands,
				       err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	code = render(&job, cli, err);
	/* The image is given back before the broker that holds it goes. */
	delivery_end(job.delivery);
	service_close(&job.service);
	outfile_discard(&job.outfile);
	json_decref(job.json);
	return code;
}
