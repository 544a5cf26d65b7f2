/* await.c - from a job's id to its file. */
#include "client/await.h"

#include <inttypes.h>
#include <string.h>

#include "client/delivery.h"
#include "client/finish.h"
#include "client/preview.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/request_options.h"
#include "client/save.h"
#include "client/service.h"
#include "proto/quote.h"
#include "proto/sys/clock.h"

struct await_options {
	const char *out;
	const char *format; /* of a picture made of numbers; NULL: not given */
	const char *broker, *key, *server_key;
	int64_t timeout_ms; /* 0: not given */
	struct save_style style;
	bool is_released, is_unshared, is_insecure, is_quiet, is_json;
	bool is_preview;
};

/* The first row is fetch's alone. */
static const struct option_spec specs[] = {
	{.name = "preview",
	 .help = "of a Buddhabrot that is not finished: the picture of what is counted so far",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct await_options, is_preview)},
	{.name = "out",
	 .arg = "FILE",
	 .help = "the file to make: .png or .ppm, which numbers are coloured for, .npy or "
		 ".exr for numbers",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct await_options, out)},
	{.name = "release",
	 .help = "have the broker forget the job once that is done, also where others still wait "
		 "for it or read it",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct await_options, is_released)},
	{.name = "format",
	 .arg = "FORMAT",
	 .help = "rgb8 or rgb16, of 16 bits a channel, for numbers that become a picture; rgb8 "
		 "without it",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct await_options, format)},
	REQUEST_OPTIONS_FILE(await_options),
	CLI_SPEC_BROKER(await_options),
	CLI_SPEC_PATIENCE(await_options),
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
	int64_t timeout_ms;
	bool is_urgent;
	const struct filetype *filetype; /* NULL: no file is wanted */
	bool is_coloured;                /* the job's numbers become a picture: */
	struct request picture;
	struct outfile outfile;
	struct announce announce;
	struct service service;
	struct delivery *delivery;
	struct numbers counts; /* of a preview */
	uint64_t previewed;    /* samples that it has, about, while the job is not finished */
	bool has_previewed;
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

/* To attach to a job in bands makes this client its reader, and others wait for what only a file
 * can take: so it is looked up before. One that is not listed is for ATTACH to refuse. */
static enum brot_err check_bands(struct waiting *w, struct brot_error *err)
{
	json_t *report = NULL, *list = NULL, *row;
	size_t i;
	uint64_t bands = 0;
	if (w->filetype != NULL && !w->is_urgent)
		return BROT_OK;
	enum brot_err code = connection_ask(w->service.connection, MSG_JOBS, "{}", "jobs",
					    w->timeout_ms, &report, err);
	if (code == BROT_OK)
		code = reply_list(report, "jobs", &list, err);
	json_array_foreach(list, i, row)
	{
		const json_t *job = json_object_get(row, "job");
		if (code != BROT_OK || (uint64_t)json_integer_value(job) != w->job)
			continue;
		code = reply_u64(row, "bands", &bands, err);
		const json_t *previewed = json_object_get(row, "preview");
		w->previewed = (uint64_t)json_integer_value(previewed);
		w->has_previewed = previewed != NULL;
	}
	json_decref(report);
	if (code != BROT_OK || bands <= 1)
		return code;
	return delivery_refuse_bands(w->job, w->is_urgent, err);
}

static enum brot_err attach(struct waiting *w, const struct cli *cli, struct brot_error *err)
{
	struct service_config service = {
		.broker = w->options.broker,
		.key = w->options.key,
		.server_key = w->options.server_key,
		.is_insecure = w->options.is_insecure,
		.timeout_ms = w->timeout_ms,
		.interrupt = cli->interrupt,
	};
	struct delivery_config config = {
		.service = &w->service,
		.attach = w->job,
		.timeout_ms = w->timeout_ms,
		.is_patient = w->options.timeout_ms == 0,
		.may_map = !w->options.is_unshared,
		.is_unread = w->filetype == NULL,
		.is_urgent = w->is_urgent && !w->options.is_preview,
		.on_action = on_action,
		.on_rows = on_rows,
		.context = w,
	};
	enum brot_err code = service_open(&service, &w->service, err);
	/* Who waits may be there before its key is. */
	if (code == BROT_OK && !w->is_urgent)
		connection_forgive(w->service.connection, w->timeout_ms);
	if (code == BROT_OK)
		code = check_bands(w, err);
	if (code == BROT_OK)
		announce_broker(&w->announce, w->service.url, w->job);
	if (code == BROT_OK)
		code = delivery_new(&config, &w->delivery, err);
	if (code == BROT_OK)
		code = delivery_accept(w->delivery, err);
	return code;
}

/* The format that a picture of numbers gets. */
static enum brot_err choose_format(const struct waiting *w, enum format_id *ret_format,
				   struct brot_error *err)
{
	const struct format_info *info = format_by_name(w->options.format);
	char quoted[QUOTE_BYTES];
	if (info == NULL || info->is_data)
		return error_set(err, BROT_E_USAGE, "--format: must be rgb8 or rgb16, got \"%s\"",
				 quote_text(w->options.format, strlen(w->options.format), quoted,
					    sizeof quoted));
	*ret_format = info->id;
	return filetype_check_format(w->filetype, info->id, err);
}

/* --format where it changes nothing: the job's own, or a mistake. */
static enum brot_err check_own_format(const struct waiting *w, struct brot_error *err)
{
	const char *own = format_info(delivery_request(w->delivery)->format)->name;
	if (w->options.format == NULL || strcmp(w->options.format, own) == 0)
		return BROT_OK;
	return error_set(err, BROT_E_USAGE,
			 "--format: is for numbers that become a picture, and job %" PRIu64
			 " is %s for a .%s file",
			 w->job, own, w->filetype->suffix);
}

/* Numbers that the file does not hold, but pictures, are coloured as their request says. */
static enum brot_err colour_data(struct waiting *w, struct brot_error *err)
{
	const struct request *data = delivery_request(w->delivery);
	if (!format_info(data->format)->is_data || format_info(w->filetype->usual)->is_data)
		return check_own_format(w, err);
	w->is_coloured = true;
	w->picture = *data;
	w->picture.format = w->filetype->usual;
	struct brot_error inner;
	if (w->options.format != NULL && choose_format(w, &w->picture.format, err) != BROT_OK)
		return BROT_E_USAGE;
	if (finish_check_format(&w->picture, data->format, &inner) != BROT_OK)
		return error_set(err, BROT_E_USAGE, "--out: a .%s file is a picture, and %.200s",
				 w->filetype->suffix, inner.text);
	if (delivery_is_banded(w->delivery))
		return error_set(err, BROT_E_USAGE,
				 "--out: job %" PRIu64 " is in bands, and its numbers are coloured "
				 "when all are there: get them with --out FILE.exr, and "
				 "`colour` them",
				 w->job);
	return BROT_OK;
}

/* A sentence about a format, where it is the file that can be chosen. */
static enum brot_err file_open(struct waiting *w, struct brot_error *err)
{
	static const char option[] = "--format: ";
	struct brot_error inner;
	enum brot_err code = colour_data(w, err);
	if (code != BROT_OK)
		return code;
	if (w->is_coloured)
		return filetype_open(w->filetype, w->options.out, &w->outfile, err);
	code = filetype_check_format(w->filetype, delivery_request(w->delivery)->format, &inner);
	if (code == BROT_OK)
		return filetype_open(w->filetype, w->options.out, &w->outfile, err);
	size_t field = strncmp(inner.text, option, sizeof option - 1) == 0 ? sizeof option - 1 : 0;
	return error_set(err, code, "--out: %.240s", inner.text + field);
}

static enum brot_err save(struct waiting *w, struct brot_error *err)
{
	const struct save save = {
		.delivery = w->delivery,
		.coloured = w->is_coloured ? &w->picture : NULL,
		.filetype = w->filetype,
		.style = w->options.style,
		.outfile = &w->outfile,
		.is_released = w->options.is_released,
		.announce = &w->announce,
	};
	return save_picture(&save, err);
}

static void tell_preview(const struct waiting *w)
{
	const uint64_t points = delivery_request(w->delivery)->buddha.points;
	const uint64_t samples = w->has_previewed ? w->previewed : points;
	if (w->options.is_json)
		print_event(stdout, "saved",
			    json_pack("{s:s,s:I,s:I,s:I}", "path", w->outfile.path, "bytes",
				      (json_int_t)w->outfile.bytes, "samples", (json_int_t)samples,
				      "points", (json_int_t)points));
	else if (!w->options.is_quiet)
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " points -> %s\n", samples, points,
			w->outfile.path);
}

/* The samples that are counted so far are no request's, so that no file says of which they are. */
static enum brot_err preview(struct waiting *w, struct brot_error *err)
{
	const struct request *request = delivery_request(w->delivery);
	const struct format_info *format = format_info(request->format);
	const struct save save = {
		.coloured = w->is_coloured ? &w->picture : NULL,
		.filetype = w->filetype,
		.style = w->options.style,
		.outfile = &w->outfile,
	};
	struct picture picture = {
		.request = request, .rows = request->height_px, .is_anonymous = true};
	if (request->kind != KIND_BUDDHABROT)
		return error_set(err, BROT_E_USAGE,
				 "--preview: is of a Buddhabrot alone, and job %" PRIu64 " is none",
				 w->job);
	if (!w->is_coloured && w->filetype->has_request)
		return error_set(err, BROT_E_USAGE,
				 "--preview: a .%s file says of which points its counts are: .npy "
				 "or a picture would do",
				 w->filetype->suffix);
	enum brot_err code = preview_fetch(w->service.connection, w->job, request, w->timeout_ms,
					   &w->counts, err);
	for (uint32_t p = 0; p < format->plane_count; p++)
		picture.planes[p] = numbers_plane(&w->counts, format->planes[p], p);
	if (code == BROT_OK)
		code = save_preview(&save, &picture, err);
	if (code == BROT_OK)
		tell_preview(w);
	return code;
}

static enum brot_err follow(struct waiting *w, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	if (w->filetype != NULL)
		code = file_open(w, err);
	if (code == BROT_OK && w->options.is_preview)
		return preview(w, err);
	if (code == BROT_OK)
		code = delivery_wait(w->delivery, err);
	if (code == BROT_OK && w->filetype != NULL)
		return save(w, err);
	if (code == BROT_OK) {
		delivery_finish(w->delivery, w->options.is_released);
		announce_ended(&w->announce, w->job);
	}
	return code;
}

static enum brot_err check(struct waiting *w, const char *job, struct brot_error *err)
{
	const struct await_options *options = &w->options;
	if (options->is_quiet && options->is_json)
		return error_set(err, BROT_E_USAGE, "--quiet: cannot stand beside --json");
	if (options->is_preview && options->is_released)
		return error_set(err, BROT_E_USAGE, "--preview: cannot stand beside --release");
	enum brot_err code = cli_read_job("JOB", job, &w->job, err);
	if (code == BROT_OK && (options->out != NULL || w->is_urgent))
		code = filetype_of_path(options->out, &w->filetype, err);
	if (code == BROT_OK && w->filetype != NULL)
		code = filetype_check_dpi(w->filetype, options->style.dpi, err);
	if (code == BROT_OK && options->format != NULL && w->filetype == NULL)
		code = error_set(err, BROT_E_USAGE, "--format: goes with --out alone");
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
		.specs = await->is_urgent ? specs : specs + 1,
	};
	struct waiting w = {
		.options = {.style = SAVE_STYLE},
		.is_urgent = await->is_urgent,
		.outfile = OUTFILE_NONE,
		.service = SERVICE_NONE,
	};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &w.options, sizeof w.options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	w.timeout_ms = w.options.timeout_ms != 0 ? w.options.timeout_ms : CLI_TIMEOUT_MS;
	code = check(&w, operands.values[0], err);
	if (code == BROT_OK) {
		save_announce(&w.announce, w.options.is_quiet, w.options.is_json);
		code = attach(&w, cli, err);
	}
	if (code == BROT_OK)
		code = follow(&w, err);
	announce_done(&w.announce);
	if (code == BROT_E_UNAVAILABLE && w.delivery != NULL && delivery_job(w.delivery) != 0)
		announce_left(&w.announce, w.job, w.options.out != NULL ? w.options.out : "FILE",
			      w.options.format);
	delivery_free(w.delivery);
	service_close(&w.service);
	numbers_free(&w.counts);
	outfile_discard(&w.outfile);
	return code;
}
