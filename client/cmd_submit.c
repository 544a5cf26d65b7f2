/* cmd_submit.c - brot-client submit: a job that nobody needs to wait for. */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/compose.h"
#include "client/delivery.h"
#include "client/print.h"
#include "client/request_options.h"
#include "client/save.h"

struct submit_options {
	struct cli_ask ask; /* first, so that its rows hold here */
	struct compose_words words;
	const char *priority;
	const char *client;
};

static const struct option_spec specs[] = {
	REQUEST_OPTIONS(submit_options,
			"rgb8 without it, or what the view says. It settles the --out of \"wait\": "
			".png or .ppm for rgb8 and rgb16, any for the others"),
	REQUEST_OPTION_PRIORITY(submit_options),
	REQUEST_OPTION_CLIENT(submit_options, "USER@HOST without it"),
	CLI_SPEC_BROKER(cli_ask),
	CLI_SPEC_TIMEOUT(cli_ask, ""),
	CLI_SPEC_KEY(cli_ask),
	CLI_SPEC_SERVER_KEY(cli_ask),
	CLI_SPEC_INSECURE(cli_ask),
	CLI_SPEC_JSON(cli_ask),
	{.name = NULL},
};

/* USER@HOST, or what of it can be found out. */
static void default_client(char name[LIMIT_NAME_CHARS + 1])
{
	char host[256] = "", user[32];
	const struct passwd *entry = getpwuid(geteuid());
	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		(void)snprintf(host, sizeof host, "localhost");
	(void)snprintf(user, sizeof user, "%u", (unsigned)geteuid());
	(void)snprintf(name, LIMIT_NAME_CHARS + 1, "%.31s@%.31s",
		       entry != NULL ? entry->pw_name : user, host);
	if (request_options_client(name, NULL) != BROT_OK)
		(void)snprintf(name, LIMIT_NAME_CHARS + 1, "%s", user);
}

/* format: what a picture of the job's numbers is to have, if that is not said by their request; or
 * NULL. */
static void tell(const struct delivery *delivery, const char *format, bool is_json)
{
	const uint64_t job = delivery_job(delivery);
	const uint32_t bands = delivery_bands(delivery);
	if (is_json) {
		json_t *event = json_pack("{s:I,s:O}", "job", (json_int_t)job, "request",
					  delivery_json(delivery));
		if (format != NULL && event != NULL)
			(void)json_object_set_new(event, "format", json_string(format));
		if (bands != 0 && event != NULL)
			(void)json_object_set_new(event, "bands", json_integer(bands));
		print_event(stdout, "accepted", event);
		return;
	}
	printf("%" PRIu64 "\n", job);
	(void)fflush(stdout);
	if (format != NULL && bands == 0)
		fprintf(stderr,
			"job %" PRIu64 " is numbers, which `brot-client wait %" PRIu64
			" --out FILE --format %s` makes the picture of\n",
			job, job, format);
	if (bands == 0)
		return;
	fprintf(stderr,
		"job %" PRIu64 " is in %" PRIu32 " bands, rendered %d ahead of whoever reads them: "
		"it goes on only while `brot-client wait %" PRIu64 " --out FILE` does\n",
		job, bands, LIMIT_OPEN_BANDS, job);
}

/* A job whose number came too late for its own line. */
static void tell_left(uint64_t job, const char *format, bool is_json)
{
	struct announce announce;
	save_announce(&announce, false, is_json);
	announce_left(&announce, job, "FILE", format);
}

static enum brot_err submit(struct delivery_config *config, const char *format,
			    const struct cli *cli, const struct cli_ask *ask,
			    struct brot_error *err)
{
	const struct service_config where = cli_service(cli, ask);
	struct service service = SERVICE_NONE;
	struct delivery *delivery = NULL;
	enum brot_err code = service_open(&where, &service, err);
	config->service = &service;
	if (code == BROT_OK)
		code = delivery_new(config, &delivery, err);
	if (code == BROT_OK)
		code = delivery_accept(delivery, err);
	if (code == BROT_OK)
		tell(delivery, format, ask->is_json);
	if (code != BROT_OK && delivery != NULL && delivery_left_job(delivery) != 0) {
		tell_left(delivery_left_job(delivery), format, ask->is_json);
		*cli->is_left = true;
	}
	delivery_free(delivery);
	service_close(&service);
	return code;
}

/* Colours that need the whole image are made by whoever gets the job's numbers. */
static enum brot_err to_data(struct request *request, json_t **json, struct brot_error *err)
{
	enum brot_err code = request_options_alone(request, err);
	if (code == BROT_OK)
		code = request_to_data(request, request, err);
	if (code != BROT_OK)
		return code;
	json_decref(*json);
	*json = request_to_json(request);
	return *json != NULL ? BROT_OK : error_set(err, BROT_E_SYSTEM, "no memory for a request");
}

enum brot_err cmd_submit(const struct cli *cli, struct brot_error *err)
{
	struct option_command command = cli_command(cli, specs);
	struct submit_options options = {.ask = CLI_ASK_DEFAULT};
	struct option_operands operands;
	char client[LIMIT_NAME_CHARS + 1];
	struct request request;
	json_t *json = NULL;
	struct delivery_config config = {.request = &request, .is_kept = true};
	command.summary =
		"Submits a job that goes on by itself, and prints its number; \"wait\" and "
		"\"fetch\"\n"
		"get its picture. One larger than the broker's memory for images comes in bands,\n"
		"which are rendered while they are read: it goes on only while a \"wait\" reads "
		"it.\n"
		"A picture stays until its job is released or the broker's --retention has\n"
		"passed, a week without it; that of a broker without --state-dir ends with it.";
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	default_client(client);
	config.client = options.client != NULL ? options.client : client;
	config.timeout_ms = options.ask.timeout_ms;
	code = request_options_client(config.client, err);
	if (code == BROT_OK)
		code = request_options_priority("--priority", options.priority, &config.priority,
						err);
	if (code == BROT_OK)
		code = compose_request(&options.words, NULL, &request, &json, err);
	const char *format = code == BROT_OK ? request_options_wait_format(&request) : NULL;
	if (code == BROT_OK && request_needs_image(&request))
		code = to_data(&request, &json, err);
	config.json = json;
	if (code == BROT_OK)
		code = submit(&config, format, cli, &options.ask, err);
	json_decref(json);
	return code;
}
