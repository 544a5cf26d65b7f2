/* cmd_colour.c - brot-client colour: from numbers in a file to a picture. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli.h"
#include "client/compose.h"
#include "client/crew.h"
#include "client/finish.h"
#include "client/numbers.h"
#include "client/print.h"
#include "client/request_options.h"
#include "client/save.h"
#include "proto/sys/clock.h"

struct colour_options {
	struct compose_words words;
	const char *out;
	struct save_style style;
	bool is_quiet, is_json;
};

static const struct option_spec specs[] = {
	{.name = "out",
	 .arg = "FILE",
	 .help = "the file to make: .png, .ppm or .dzi",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct colour_options, out)},
	REQUEST_OPTIONS_COLOUR(colour_options),
	REQUEST_OPTION_WORD(colour_options, kind, "KIND",
			    "buddhabrot, where an .npy file of '<u4' holds the counts of one"),
	REQUEST_OPTION_WORD(colour_options, format, "FORMAT",
			    "rgb8 or rgb16, of 16 bits a channel; rgb8 without it"),
	REQUEST_OPTIONS_FILE(colour_options),
	{.name = "quiet",
	 .help = "say nothing but what fails",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct colour_options, is_quiet)},
	{.name = "json",
	 .help = "write events to standard output, one JSON object a line",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct colour_options, is_json)},
	{.name = NULL},
};

/* All that one call needs. */
struct colouring {
	struct colour_options options;
	const char *data; /* the file */
	const struct filetype *filetype;
	struct numbers numbers;
	struct request request; /* of the picture */
	struct outfile outfile;
	int64_t start_ms;
};

static enum brot_err keep(uint32_t row, void *context, struct brot_error *err)
{
	(void)row;
	return (interrupt_read(context) & INTERRUPT_END) == 0
		       ? BROT_OK
		       : error_set(err, BROT_E_CANCELLED, "interrupted");
}

/* Counts that do not say of which samples and bands they are. */
static void base_counts(uint32_t channels, struct request *base)
{
	buddha_words_kind(request_kind_name(KIND_BUDDHABROT), base);
	base->buddha.points = 1;
	base->buddha.channels = channels;
	for (uint32_t i = 0; i < channels; i++)
		base->buddha.bands[i] = (struct buddha_band){1, base->iterations};
}

/* An array of u32 without a request may hold a Buddhabrot's counts as well as iterations: --kind
 * says so. */
static enum brot_err take_kind(struct colouring *c, struct brot_error *err)
{
	void **planes = c->numbers.planes;
	const char *kind = c->options.words.kind;
	c->options.words.kind = NULL;
	if (kind == NULL)
		return BROT_OK;
	if (strcmp(kind, request_kind_name(KIND_BUDDHABROT)) != 0)
		return error_set(err, BROT_E_USAGE, "--kind: must be buddhabrot, got \"%.40s\"",
				 kind);
	if (c->numbers.request == NULL && planes[PLANE_ITERATIONS] != NULL &&
	    planes[PLANE_WHOLE] == NULL) {
		planes[PLANE_DENSITY32] = planes[PLANE_ITERATIONS];
		planes[PLANE_ITERATIONS] = NULL;
	}
	return numbers_channels(&c->numbers) != 0
		       ? BROT_OK
		       : error_set(err, BROT_E_USAGE,
				   "--kind: \"%.80s\" does not hold the counts of a Buddhabrot",
				   c->data);
}

/* What the numbers were rendered for, as far as that is known. */
static enum brot_err base_of(const struct colouring *c, struct request *ret_base,
			     struct brot_error *err)
{
	const struct numbers *numbers = &c->numbers;
	struct brot_error inner;
	request_init(ret_base);
	if (numbers->request != NULL &&
	    request_parse(numbers->request, strlen(numbers->request), ret_base, &inner) != BROT_OK)
		return error_set(err, BROT_E_REQUEST,
				 "\"%.80s\": the request that it carries is none: %.120s", c->data,
				 inner.text);
	if (numbers->request != NULL &&
	    (!format_info(ret_base->format)->is_data || ret_base->width_px != numbers->width_px ||
	     ret_base->height_px != numbers->height_px))
		return error_set(
			err, BROT_E_REQUEST,
			"\"%.80s\": the request that it carries is for %s of %ux%u pixels, "
			"and it holds numbers of %ux%u",
			c->data, format_info(ret_base->format)->name, (unsigned)ret_base->width_px,
			(unsigned)ret_base->height_px, (unsigned)numbers->width_px,
			(unsigned)numbers->height_px);
	const uint32_t channels = numbers_channels(numbers);
	if (numbers->request == NULL && channels != 0)
		base_counts(channels, ret_base);
	if (ret_base->kind == KIND_BUDDHABROT && ret_base->buddha.channels != channels)
		return error_set(
			err, BROT_E_REQUEST,
			"\"%.80s\": the request that it carries has %u bands, and it holds "
			"the counts of %u",
			c->data, (unsigned)ret_base->buddha.channels, (unsigned)channels);
	ret_base->width_px = numbers->width_px;
	ret_base->height_px = numbers->height_px;
	return BROT_OK;
}

static enum brot_err compose(struct colouring *c, struct brot_error *err)
{
	struct request base;
	json_t *json = NULL;
	enum brot_err code = base_of(c, &base, err);
	if (code == BROT_OK)
		code = compose_over(&c->options.words, c->filetype, &base, &c->request, &json, err);
	json_decref(json);
	return code;
}

static enum brot_err write_picture(struct colouring *c, struct finish *finish,
				   struct brot_error *err)
{
	struct picture picture;
	finish_picture(finish, &picture);
	picture.is_anonymous = c->numbers.request == NULL;
	picture.dpi = c->options.style.dpi;
	picture.compress = c->options.style.compress;
	enum brot_err code = c->filetype->write(&picture, &c->outfile, err);
	if (code == BROT_OK)
		code = outfile_commit(&c->outfile, false, err);
	return code;
}

static void tell(const struct colouring *c)
{
	const int64_t elapsed_ms = clock_ms() - c->start_ms;
	if (c->options.is_json)
		print_event(stdout, "saved",
			    json_pack("{s:s,s:I,s:I}", "path", c->outfile.path, "bytes",
				      (json_int_t)c->outfile.bytes, "elapsed_ms",
				      (json_int_t)elapsed_ms));
	else if (!c->options.is_quiet)
		fprintf(stderr, "%ux%u coloured in %.2f s -> %s\n", (unsigned)c->request.width_px,
			(unsigned)c->request.height_px, (double)elapsed_ms * 1e-3, c->outfile.path);
}

static enum brot_err colour(struct colouring *c, const struct cli *cli, struct brot_error *err)
{
	struct brot_numbers view;
	struct finish *finish = NULL;
	const struct finish_config config = {
		.request = &c->request,
		.numbers = &view,
		.threads = crew_size(),
		.keep = keep,
		.context = cli->interrupt,
	};
	enum brot_err code = filetype_of_picture("--out", c->options.out, &c->filetype, err);
	if (code == BROT_OK)
		code = filetype_check_dpi(c->filetype, c->options.style.dpi, err);
	if (code == BROT_OK)
		code = numbers_read(c->data, &c->numbers, err);
	if (code == BROT_OK)
		code = take_kind(c, err);
	if (code == BROT_OK)
		code = compose(c, err);
	if (code == BROT_OK) {
		numbers_view(&c->numbers, &view);
		code = finish_new(&config, &finish, err);
	}
	if (code == BROT_OK)
		code = filetype_open(c->filetype, c->options.out, &c->outfile, err);
	if (code == BROT_OK)
		code = finish_survey(finish, err);
	if (code == BROT_OK)
		code = write_picture(c, finish, err);
	if (code == BROT_OK)
		tell(c);
	finish_free(finish);
	return code;
}

enum brot_err cmd_colour(const struct cli *cli, struct brot_error *err)
{
	struct colouring c = {
		.options = {.style = SAVE_STYLE},
		.numbers = NUMBERS_NONE,
		.outfile = OUTFILE_NONE,
		.start_ms = clock_ms(),
	};
	struct option_operands operands;
	struct option_command command = cli_command(cli, specs);
	command.operands = "DATA";
	command.operands_min = command.operands_max = 1;
	command.summary =
		"Colours the numbers in DATA, an .exr file or an .npy file of iterations, smooth, "
		"raw\n"
		"or counts, without rendering them again: the bytes are those of a render with one "
		"sample\n"
		"a pixel. An .exr file says how its numbers were to be coloured: that stays "
		"unless\n"
		"an option says otherwise. Those of Kalles Fraktaler and Fraktaler-3 are read too.";
	enum brot_err code = cli_parse(cli, &command, &c.options, sizeof c.options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	c.data = operands.values[0];
	if (c.options.is_quiet && c.options.is_json)
		code = error_set(err, BROT_E_USAGE, "--quiet: cannot stand beside --json");
	if (code == BROT_OK)
		code = colour(&c, cli, err);
	numbers_free(&c.numbers);
	outfile_discard(&c.outfile);
	return code;
}
