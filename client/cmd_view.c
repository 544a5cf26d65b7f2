/* cmd_view.c - brot-client view: a place in the words of those who may know it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "client/cli.h"
#include "client/compose.h"
#include "client/location.h"
#include "client/print.h"
#include "client/request_options.h"
#include "proto/point.h"

struct view_options {
	struct compose_words words;
	bool is_json;
};

static const struct option_spec specs[] = {
	REQUEST_OPTION_SIZE(view_options),
	REQUEST_OPTION_WORD(view_options, formula, "FORMULA", "what is iterated, as render has it"),
	CLI_SPEC_JSON(view_options),
	{.name = NULL},
};

/* A number that may be beyond a double: digits x 10^power, with 1 <= digits < 10. */
struct magnitude {
	double digits;
	long power;
};

static struct magnitude magnitude_make(double digits, long power)
{
	const double shift = floor(log10(digits));
	return (struct magnitude){digits / pow(10.0, shift), power + (long)shift};
}

static struct magnitude magnitude_of(const struct decimal_text *extent)
{
	return magnitude_make(decimal_digits(extent), decimal_log10(extent));
}

static void magnitude_text(struct magnitude m, char *text, size_t bytes)
{
	if (m.power >= -4 && m.power <= 6)
		(void)snprintf(text, bytes, "%.6g", m.digits * pow(10.0, (double)m.power));
	else if (m.digits >= 9.999995) /* it would be rounded to 10 */
		(void)snprintf(text, bytes, "1e%ld", m.power + 1);
	else
		(void)snprintf(text, bytes, "%.6ge%ld", m.digits, m.power);
}

/* scale / m. */
static struct magnitude inverse(double scale, struct magnitude m)
{
	return magnitude_make(scale / m.digits, -m.power);
}

/* What is told of a view. */
struct told {
	char width[64], height[64], zoom[64], magnification[64];
	double depth;     /* log10 of the width */
	long digits;      /* behind the point, to place a pixel within a tenth */
	bool is_in_reach; /* of f64 */
	struct brot_error why_not;
};

static void tell_of(const struct request *request, struct told *told)
{
	struct point_frame frame;
	struct magnitude width = magnitude_of(&request->view.width), height;
	if (request->view.height.text[0] != '\0')
		height = magnitude_of(&request->view.height);
	else
		height = magnitude_make(width.digits * request->height_px / request->width_px,
					width.power);
	magnitude_text(width, told->width, sizeof told->width);
	magnitude_text(height, told->height, sizeof told->height);
	magnitude_text(inverse(4.0, height), told->zoom, sizeof told->zoom);
	magnitude_text(inverse(2.0, height), told->magnification, sizeof told->magnification);
	told->depth = log10(width.digits) + (double)width.power;
	const double places = log10(request->width_px) - told->depth + 1.0;
	told->digits = places > 1.0 ? (long)ceil(places) : 1;
	told->is_in_reach = point_frame_make(request, &frame, &told->why_not) == BROT_OK;
}

static void print_bands(const struct buddha *buddha)
{
	static const char *const colours[BUDDHA_CHANNELS] = {"red ", "green ", "blue "};
	for (uint32_t i = 0; i < buddha->channels; i++)
		printf("%s%s%" PRIu32 " to %" PRIu32, i == 0 ? "bands          " : ", ",
		       buddha->channels == 1 ? "" : colours[i], buddha->bands[i].min,
		       buddha->bands[i].max);
	(void)putchar('\n');
}

static void print_buddha(const struct buddha *buddha)
{
	printf("kind           %s\n", request_kind_name(KIND_BUDDHABROT));
	printf("orbits         %s\n",
	       buddha->is_inside ? "inside, those that do not escape" : "escaping");
	printf("points         %" PRIu64, buddha->points);
	if (buddha->first != 0)
		printf(", from number %" PRIu64 " on", buddha->first);
	printf("\nsampling       %s", buddha_sampling_name(buddha->sampling));
	if (buddha->sampling != SAMPLING_GRID)
		printf(", seed %" PRIu64, buddha->seed);
	(void)putchar('\n');
	print_bands(buddha);
}

static void print_people(const struct request *request, const struct told *told,
			 const char *ignored)
{
	const struct view *view = &request->view;
	const struct formula_info *formula = formula_info(request->formula);
	if (request->kind == KIND_BUDDHABROT)
		print_buddha(&request->buddha);
	printf("formula        %s\n", formula->name);
	if (formula->has_c)
		printf("c              %s\n               %s i\n", request->c_re.text,
		       request->c_im.text);
	if (formula->has_power)
		printf("power          %u\n", (unsigned)request->power);
	printf("centre         %s\n               %s i\n", view->re.text, view->im.text);
	printf("width          %s, for %u x %u pixels\n", told->width, (unsigned)request->width_px,
	       (unsigned)request->height_px);
	printf("height         %s\n", told->height);
	printf("rotation       %.6g degrees\n", view->rotate_deg);
	printf("iterations     %u\n", (unsigned)request->iterations);
	printf("zoom           %s, 4 / height: Kalles Fraktaler, Fraktaler-3\n", told->zoom);
	printf("magnification  %s, 2 / height: Fractint\n", told->magnification);
	printf("depth          10^%.1f\n", told->depth);
	printf("digits needed  %ld behind the point\n", told->digits);
	printf("precision      %s\n", told->is_in_reach ? "f64 is enough" : told->why_not.text);
	if (ignored[0] != '\0')
		printf("not read       %s\n", ignored);
}

static enum brot_err print_events(const json_t *request, const struct told *told,
				  const char *ignored, struct brot_error *err)
{
	json_t *json = json_pack(
		"{s:O,s:O,s:s,s:s,s:s,s:s,s:f,s:i,s:b,s:s}", "request", request, "kind",
		json_object_get(request, "kind"), "width", told->width, "height", told->height,
		"zoom", told->zoom, "magnification", told->magnification, "depth", told->depth,
		"digits", (int)told->digits, "renderable", told->is_in_reach, "not_read", ignored);
	if (json == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for an answer");
	print_json(stdout, json);
	json_decref(json);
	return BROT_OK;
}

enum brot_err cmd_view(const struct cli *cli, struct brot_error *err)
{
	struct view_options options = {.is_json = false};
	struct option_operands operands;
	struct option_command command = cli_command(cli, specs);
	command.operands = "VIEW";
	command.operands_min = command.operands_max = 1;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	char ignored[LOCATION_IGNORED_BYTES] = "";
	struct request request;
	struct told told;
	json_t *json = NULL;
	options.words.view = operands.values[0];
	options.words.ignored = ignored;
	code = compose_request(&options.words, NULL, &request, &json, err);
	if (code != BROT_OK)
		return code;
	tell_of(&request, &told);
	if (options.is_json)
		code = print_events(json, &told, ignored, err);
	else
		print_people(&request, &told, ignored);
	json_decref(json);
	return code;
}
