/* cmd_render.c - brot-client render: from the command line to the file. */
#include <string.h>

#include "client/addition.h"
#include "client/cli.h"
#include "client/compose.h"
#include "client/delivery.h"
#include "client/location.h"
#include "client/request_options.h"
#include "client/save.h"
#include "client/service.h"
#include "proto/sys/clock.h"

#define WORKERS_MAX 1024

struct render_options {
	struct compose_words words;
	const char *out;
	const char *broker, *key, *server_key;
	const char *priority;
	const char *client;
	const char *add_points, *base;
	struct save_style style;
	uint32_t workers;
	int64_t timeout_ms; /* 0: not given */
	bool is_kept, is_unshared, is_insecure, is_quiet, is_json;
};

static const struct option_spec specs[] = {
	{.name = "out",
	 .arg = "FILE",
	 .help = "the file to make: .png, .ppm, .npy, .exr or .dzi, tiles for a viewer in web "
		 "pages",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct render_options, out)},
	REQUEST_OPTIONS(render_options, "the suffix of --out decides without it"),
	{.name = "add-points",
	 .arg = "N",
	 .help = "so many points more than --base has: its Buddhabrot with all of them",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct render_options, add_points)},
	{.name = "base",
	 .arg = "FILE|JOB",
	 .help = "an .exr file of a Buddhabrot's counts, or the number of a finished job of them",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct render_options, base)},
	REQUEST_OPTIONS_FILE(render_options),
	{.name = "keep",
	 .help = "let the job go on at the broker if this call ends before it, for \"wait\" to get",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct render_options, is_kept)},
	REQUEST_OPTION_PRIORITY(render_options),
	REQUEST_OPTION_CLIENT(render_options, "this call alone counts as one without it"),
	CLI_SPEC_BROKER(render_options),
	CLI_SPEC_PATIENCE(render_options),
	CLI_SPEC_KEY(render_options),
	CLI_SPEC_SERVER_KEY(render_options),
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
	struct addition addition;
	struct request sum;    /* the data that it makes */
	bool is_coloured_here; /* of numbers */
	bool is_data_apart;    /* what is rendered is not the request, but: */
	struct request data;
	json_t *data_json;
	int32_t priority;
	int64_t timeout_ms;
	char ignored[LOCATION_IGNORED_BYTES];
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
		.key = job->options.key,
		.server_key = job->options.server_key,
		.is_insecure = job->options.is_insecure,
		.may_embed = true,
		.must_outlive = job->options.is_kept,
		.workers = job->options.workers,
		.timeout_ms = job->timeout_ms,
		.interrupt = cli->interrupt,
	};
	enum brot_err code = service_open(&config, &job->service, err);
	if (code == BROT_OK && job->service.embedded != NULL)
		announce_started(&job->announce, embedded_workers(job->service.embedded));
	if (code == BROT_OK)
		announce_broker(&job->announce, job->service.url, 0);
	return code;
}

static struct delivery_config delivery_of(struct job *job)
{
	return (struct delivery_config){
		.service = &job->service,
		.request = job->is_data_apart ? &job->data : &job->request,
		.json = job->is_data_apart ? job->data_json : job->json,
		.is_kept = job->options.is_kept,
		.priority = job->priority,
		.client = job->options.client,
		.timeout_ms = job->timeout_ms,
		.is_patient = job->options.timeout_ms == 0,
		.may_map = !job->options.is_unshared,
		.on_action = on_action,
		.on_rows = on_rows,
		.context = &job->announce,
	};
}

static enum brot_err deliver(struct job *job, struct brot_error *err)
{
	const struct delivery_config config = delivery_of(job);
	enum brot_err code = delivery_new(&config, &job->delivery, err);
	if (code == BROT_OK)
		code = delivery_accept(job->delivery, err);
	if (code == BROT_OK && job->is_coloured_here)
		code = save_check_bands(job->delivery, &job->request, err);
	if (code == BROT_OK)
		code = delivery_wait(job->delivery, err);
	return code;
}

static enum brot_err check(struct job *job, struct brot_error *err)
{
	const struct render_options *options = &job->options;
	if (options->is_quiet && options->is_json)
		return error_set(err, BROT_E_USAGE, "--quiet: cannot stand beside --json");
	if (options->is_kept && options->workers != 0)
		return error_set(err, BROT_E_USAGE,
				 "--keep: cannot stand beside --workers, whose embedded service "
				 "ends with this call");
	enum brot_err code = BROT_OK;
	if (options->client != NULL)
		code = request_options_client(options->client, err);
	if (code == BROT_OK)
		code = request_options_priority("--priority", options->priority, &job->priority,
						err);
	if (code == BROT_OK && options->is_kept && options->base != NULL)
		code = error_set(err, BROT_E_USAGE,
				 "--keep: cannot stand beside --base, whose counts are added here");
	if (code == BROT_OK)
		code = addition_check(options->add_points, options->base, &options->words,
				      &job->addition, err);
	if (code == BROT_OK && options->base != NULL && options->base[0] != '\0' &&
	    strspn(options->base, "0123456789") == strlen(options->base))
		code = cli_read_job("--base", options->base, &job->addition.job, err);
	return code;
}

/* The request, which the base says most of where there is one. */
static enum brot_err compose(struct job *job, const struct cli *cli, struct brot_error *err)
{
	const struct compose_words *words = &job->options.words;
	if (job->addition.points == 0)
		return compose_request(words, job->filetype, &job->request, &job->json, err);
	const struct delivery_config config = delivery_of(job);
	enum brot_err code = BROT_OK;
	if (job->addition.job != 0)
		code = open_service(job, cli, err);
	if (code == BROT_OK)
		code = addition_load(&job->addition, &config, err);
	if (code == BROT_OK)
		code = addition_compose(&job->addition, words, job->filetype, &job->request,
					&job->json, err);
	return code;
}

/* Colours that need the whole image are made here, of numbers that any broker renders. */
static enum brot_err make_data(struct job *job, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	job->is_coloured_here = request_needs_image(&job->request);
	job->is_data_apart = job->is_coloured_here || job->addition.points != 0;
	if (!job->is_data_apart)
		return BROT_OK;
	if (job->is_coloured_here && job->options.is_kept)
		code = request_options_alone(&job->request, err);
	job->sum = job->request;
	if (code == BROT_OK && job->is_coloured_here)
		code = request_to_data(&job->request, &job->sum, err);
	if (code == BROT_OK && job->addition.points != 0)
		code = addition_data(&job->addition, &job->request, &job->data, err);
	else
		job->data = job->sum;
	if (code != BROT_OK)
		return code;
	job->data_json = request_to_json(&job->data);
	return job->data_json != NULL ? BROT_OK
				      : error_set(err, BROT_E_SYSTEM, "no memory for a request");
}

static enum brot_err save(struct job *job, struct brot_error *err)
{
	const struct save save = {
		.delivery = job->delivery,
		.coloured = job->is_coloured_here ? &job->request : NULL,
		.addition = job->addition.points != 0 ? &job->addition : NULL,
		.data = &job->sum,
		.filetype = job->filetype,
		.style = job->options.style,
		.outfile = &job->outfile,
		.is_released = true,
		.announce = &job->announce,
	};
	return save_picture(&save, err);
}

static enum brot_err render(struct job *job, const struct cli *cli, struct brot_error *err)
{
	const struct render_options *options = &job->options;
	enum brot_err code = check(job, err);
	job->options.words.ignored = job->ignored;
	if (code == BROT_OK)
		code = filetype_of_path(options->out, &job->filetype, err);
	if (code == BROT_OK)
		code = filetype_check_dpi(job->filetype, options->style.dpi, err);
	if (code == BROT_OK)
		save_announce(&job->announce, options->is_quiet, options->is_json);
	if (code == BROT_OK)
		code = compose(job, cli, err);
	if (code == BROT_OK)
		code = make_data(job, err);
	if (code == BROT_OK)
		code = filetype_open(job->filetype, options->out, &job->outfile, err);
	if (code != BROT_OK)
		return code;
	if (!options->is_quiet && !options->is_json)
		cli_tell_ignored(options->words.view, job->ignored);
	announce_request(&job->announce, job->json, job->request.width_px, job->request.height_px);
	if (job->service.connection == NULL)
		code = open_service(job, cli, err);
	if (code == BROT_OK)
		code = deliver(job, err);
	if (code == BROT_OK)
		code = save(job, err);
	announce_done(&job->announce);
	if (code != BROT_OK && job->delivery != NULL && delivery_left_job(job->delivery) != 0) {
		/* In bands its numbers can be had, but not coloured. */
		const bool is_lost = job->is_coloured_here && delivery_is_banded(job->delivery);
		announce_left(&job->announce, delivery_left_job(job->delivery),
			      is_lost ? "FILE.exr" : options->out,
			      is_lost ? NULL : request_options_wait_format(&job->request));
		*cli->is_left = true;
	}
	return code;
}

enum brot_err cmd_render(const struct cli *cli, struct brot_error *err)
{
	struct job job = {
		.options = {.style = SAVE_STYLE},
		.addition = ADDITION_NONE,
		.outfile = OUTFILE_NONE,
		.service = SERVICE_NONE,
	};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &job.options, sizeof job.options, &operands,
				       err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	job.timeout_ms = job.options.timeout_ms != 0 ? job.options.timeout_ms : CLI_TIMEOUT_MS;
	code = render(&job, cli, err);
	/* The image is given back before the broker that holds it goes. */
	delivery_free(job.delivery);
	service_close(&job.service);
	outfile_discard(&job.outfile);
	addition_free(&job.addition);
	json_decref(job.json);
	json_decref(job.data_json);
	return code;
}
