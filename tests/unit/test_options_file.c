/* test_options_file.c - settings files, and the order of the three sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/options_file.h"
#include "tests/unit/words.h"

struct values {
	bool is_quiet, is_embedded;
	const char *config, *out, *mode, *name;
	uint32_t rows, fd;
	uint64_t memory_bytes;
	int64_t timeout_ms;
	struct option_size size;
	struct option_strings clients;
};

#define AT(member) offsetof(struct values, member)

static const struct option_spec specs[] = {
	{"config", "FILE", "BROT_CONFIG", "the settings file", OPTION_STRING, AT(config), 0, 0},
	{"out", "FILE", NULL, "where it goes", OPTION_STRING, AT(out), 0, 0},
	{"mode", "slow|fast|best", NULL, "how", OPTION_WORD, AT(mode), 0, 0},
	{"name", "NAME", NULL, "of the one who asks", OPTION_STRING, AT(name), 1, 8},
	{"tile-rows", "N", NULL, "of a tile", OPTION_U32, AT(rows), 1, 100},
	{"memory", "BYTES", "MEMORY", "for images", OPTION_BYTES, AT(memory_bytes), 1024, 1 << 30},
	{"timeout", "S", NULL, "to wait", OPTION_MS, AT(timeout_ms), 50, 60000},
	{"size", "WxH", NULL, "of the picture", OPTION_SIZE, AT(size), 1, 1000},
	{"clients", "URL", NULL, "where they connect", OPTION_STRINGS, AT(clients), 0, 0},
	{"quiet", NULL, NULL, "say nothing", OPTION_FLAG, AT(is_quiet), 0, 0},
	{"ready-fd", "N", OPTION_LINE_ONLY, "a descriptor", OPTION_U32, AT(fd), 3, 9},
	{"embedded", NULL, OPTION_LINE_ONLY, "serve one call", OPTION_FLAG, AT(is_embedded), 0, 0},
	{.name = NULL},
};

static const char *const alone[] = {"embedded", NULL};

static const struct option_command command = {
	.name = "brot-test",
	.summary = "Tests.",
	.specs = specs,
	.file = "/etc/test.json",
	.alone = alone,
};

/* What a parse is given beside the command line: the text of the file, NULL for none, and pairs of
 * variables that end with NULL. */
struct world {
	const char *text;
	const char *const *env;
	struct options_file *file;
	char path[256]; /* that was asked for */
	bool must_exist;
	char kept[64];
};

static const char *environment(const char *name, void *context)
{
	const struct world *world = context;
	for (const char *const *pair = world->env; pair != NULL && *pair != NULL; pair += 2)
		if (strcmp(pair[0], name) == 0)
			return pair[1];
	return NULL;
}

static enum brot_err read_file(const char *path, bool must_exist, void *context,
			       const struct options_file **ret_file, struct brot_error *err)
{
	struct world *world = context;
	(void)snprintf(world->path, sizeof world->path, "%s", path);
	world->must_exist = must_exist;
	*ret_file = NULL;
	if (world->text == NULL)
		return BROT_OK;
	enum brot_err code = options_file_parse(path, world->text, strlen(world->text),
						&world->file, err);
	*ret_file = world->file;
	return code;
}

static char *keep(const char *text, void *context)
{
	struct world *world = context;
	(void)snprintf(world->kept, sizeof world->kept, "%s", text);
	return world->kept;
}

static const struct values start = {.out = "default", .rows = 7, .clients = {1, {"default"}}};

static enum brot_err parse_line(const char *line, struct world *world, struct values *values,
				struct option_operands *operands, struct brot_error *err)
{
	char *argv[WORDS_MOST];
	const int argc = words_of(line, argv);
	const struct option_sources sources = {environment, world, read_file, world, keep, world};
	*values = start;
	return options_parse(&command, argc, argv, &sources, values, sizeof *values, operands, err);
}

/* What a file holds, as long as the test's next call. */
static struct values stored(const char *text)
{
	static struct world world;
	struct option_operands operands;
	struct values values;
	struct brot_error err = {BROT_OK, ""};
	options_file_free(world.file);
	world = (struct world){.text = text};
	if (parse_line("", &world, &values, &operands, &err) != BROT_OK)
		fail_msg("%s: %s", text, err.text);
	return values;
}

static void refused(const char *text, const char *sentence)
{
	struct world world = {.text = text};
	struct option_operands operands = {.count = 99};
	struct values values;
	struct brot_error err = {BROT_OK, ""};
	enum brot_err code = parse_line("", &world, &values, &operands, &err);
	if (code != BROT_E_CONFIG)
		fail_msg("%s: %d, %s", text, code, err.text);
	assert_string_equal(err.text, sentence);
	assert_int_equal(err.code, BROT_E_CONFIG);
	assert_memory_equal(&values, &start, sizeof values);
	assert_int_equal(operands.count, 99);
	/* Whoever wants no sentence gets the code alone. */
	options_file_free(world.file);
	world.file = NULL;
	assert_int_equal(parse_line("", &world, &values, &operands, NULL), BROT_E_CONFIG);
	options_file_free(world.file);
}

static void every_type_has_its_form(void **state)
{
	(void)state;
	struct values v = stored("{\"out\": \"a.png\", \"mode\": \"best\", \"name\": \"me\",\n"
				 " \"tile_rows\": 16, \"memory\": 2048, \"timeout\": 1.5,\n"
				 " \"size\": \"30x20\", \"clients\": [\"tcp://a\", \"ipc://b\"],\n"
				 " \"quiet\": true}\n");
	assert_string_equal(v.out, "a.png");
	assert_string_equal(v.mode, "best");
	assert_string_equal(v.name, "me");
	assert_int_equal(v.rows, 16);
	assert_int_equal(v.memory_bytes, 2048);
	assert_int_equal(v.timeout_ms, 1500);
	assert_int_equal(v.size.width, 30);
	assert_int_equal(v.size.height, 20);
	assert_int_equal(v.clients.count, 2);
	assert_string_equal(v.clients.values[0], "tcp://a");
	assert_string_equal(v.clients.values[1], "ipc://b");
	assert_true(v.is_quiet);
	assert_int_equal(stored("{\"memory\": \"512M\"}").memory_bytes, 512 << 20);
	assert_int_equal(stored("{\"timeout\": 2}").timeout_ms, 2000);
	assert_int_equal(stored("{\"timeout\": 0.05}").timeout_ms, 50);
	assert_false(stored("{\"quiet\": false}").is_quiet);
	assert_int_equal(stored("{\"clients\": []}").clients.count, 0);
	/* Keys and strings mean what JSON says that they mean. */
	assert_string_equal(stored("{\"o\\u0075t\": \"\\u00e4\\n\"}").out, "\xc3\xa4\n");
	v = stored("{}");
	assert_memory_equal(&v, &start, sizeof v);
}

static void what_is_no_json_is_told_with_its_place(void **state)
{
	(void)state;
	refused("", "/etc/test.json:1:1: not JSON: unexpected token near end of file");
	refused("{", "/etc/test.json:1:2: not JSON: string or '}' expected near end of file");
	refused("{\n  \"quiet\": true,\n}\n",
		"/etc/test.json:3:1: not JSON: string or '}' expected near '}'");
	refused("{\"quiet\": true\n \"out\": \"a\"}",
		"/etc/test.json:2:2: not JSON: '}' expected near '\"out\"'");
	refused("{\"out\":\n\n  tru}", "/etc/test.json:3:3: not JSON: invalid token near 'tru'");
	refused("{\"out\": \"\xc3\xa4\" x}",
		"/etc/test.json:1:13: not JSON: '}' expected near 'x'");
	refused("{\"out\": \"a\\qb\"}",
		"/etc/test.json:1:12: not JSON: invalid escape near '\"a\\q'");
	refused("{\"out\": \"\\\xc3\xa4\"}",
		"/etc/test.json:1:11: not JSON: invalid escape near '\"\\?'");
	refused("{\"out\": \"a\n\"}",
		"/etc/test.json:1:11: not JSON: unexpected newline near '\"a'");
	refused("{\"out\": \"\xc3\xa4\t\"}",
		"/etc/test.json:1:11: not JSON: control character 0x9 near '\"?\?'");
	refused("{tile_rows: 5}",
		"/etc/test.json:1:2: not JSON: string or '}' expected near 'tile'");
	refused("{ \xc3\xa4x: 5}",
		"/etc/test.json:1:3: not JSON: string or '}' expected near '?\?'");
	refused("{\"out\": \"a",
		"/etc/test.json:1:11: not JSON: premature end of input near '\"a'");
	refused("{\"out\": \"\xff\"}", "/etc/test.json:1:10: not JSON: unable to decode byte 0xff "
				       "near '\"'");
	refused("{\"tile_rows\": 99999999999999999999}",
		"/etc/test.json:1:15: not JSON: too big integer near "
		"'99999999999999999999'");
	refused("{} {}", "/etc/test.json:1:4: not JSON: end of file expected near '{'");
	refused("{\"\\u0000\": 1}", "/etc/test.json:1:2: \\u0000 is not allowed");
}

static void it_must_be_an_object(void **state)
{
	(void)state;
	refused("\n [1, 2]", "/etc/test.json:2:2: must be an object {...}, got [1, 2]");
	refused("\"out\"", "/etc/test.json:1:1: must be an object {...}, got \"out\"");
	refused("null", "/etc/test.json:1:1: must be an object {...}, got null");
}

static void unknown_and_doubled_keys_are_told_with_their_place(void **state)
{
	(void)state;
	refused("{\n\t\"quiet\": true,\n\t\"wallpaper\": 1\n}",
		"/etc/test.json:3:2: wallpaper: unknown key");
	refused("{\"tile-rows\": 1}",
		"/etc/test.json:1:2: tile-rows: unknown key; did you mean \"tile_rows\"?");
	refused("{\"\": 1}", "/etc/test.json:1:2: : unknown key");
	/* What only a command line can say, and the file itself. */
	refused("{\"ready_fd\": 3}", "/etc/test.json:1:2: ready_fd: unknown key");
	refused("{\"embedded\": true}", "/etc/test.json:1:2: embedded: unknown key");
	refused("{\"config\": \"x\"}", "/etc/test.json:1:2: config: unknown key");
	refused("{\"out\": \"a\",\n \"quiet\": true,\n  \"\\u006fut\": \"a\"}",
		"/etc/test.json:3:3: out: doubled, line 1 has it too");
	/* The first mistake counts. */
	refused("{\"tile_rows\": 0, \"wallpaper\": 1}",
		"/etc/test.json:1:15: tile_rows: must be a whole number 1..100, got \"0\"");
}

static void each_type_refuses_the_others(void **state)
{
	(void)state;
	refused("{\"quiet\": 1}", "/etc/test.json:1:11: quiet: must be true or false, got 1");
	refused("{\"quiet\": \"1\"}",
		"/etc/test.json:1:11: quiet: must be true or false, got \"1\"");
	refused("{\"quiet\": null}", "/etc/test.json:1:11: quiet: must be true or false, got null");
	refused("{\"out\": 5}", "/etc/test.json:1:9: out: must be a string, got 5");
	refused("{\"mode\": true}", "/etc/test.json:1:10: mode: must be a string, got true");
	refused("{\"size\": [30, 20]}",
		"/etc/test.json:1:10: size: must be a string, got [30, 20]");
	refused("{\"tile_rows\": \"5\"}",
		"/etc/test.json:1:15: tile_rows: must be a number, got \"5\"");
	refused("{\"timeout\": \"5\"}",
		"/etc/test.json:1:13: timeout: must be a number, got \"5\"");
	refused("{\"memory\": true}", "/etc/test.json:1:12: memory: must be a number or a string "
				      "such as \"512M\", got true");
	refused("{\"clients\": \"tcp://a\"}",
		"/etc/test.json:1:13: clients: must be a list of strings, got \"tcp://a\"");
	refused("{\"clients\": {}}",
		"/etc/test.json:1:13: clients: must be a list of strings, got {}");
	refused("{\"clients\": [\"a\",\n  5]}",
		"/etc/test.json:2:3: clients: must be a list of strings, got 5");
}

static void each_type_keeps_its_limits(void **state)
{
	(void)state;
	refused("{\"out\": \"\"}", "/etc/test.json:1:9: out: must not be empty");
	refused("{\"out\": \"a\\u0000b\"}",
		"/etc/test.json:1:9: out: must be without \\u0000, got \"a\\u0000b\"");
	refused("{\"mode\": \"loud\"}",
		"/etc/test.json:1:10: mode: must be slow, fast or best, got \"loud\"");
	refused("{\"mode\": \"slow|fast\"}",
		"/etc/test.json:1:10: mode: must be slow, fast or best, got \"slow|fast\"");
	refused("{\"name\": \"\"}",
		"/etc/test.json:1:10: name: must have 1 to 8 characters, got 0");
	refused("{\"name\": \"123456789\"}",
		"/etc/test.json:1:10: name: must have 1 to 8 characters, got 9");
	refused("{\"name\": \"a\\tb\"}", "/etc/test.json:1:10: name: must be printable ASCII, is "
					 "not at character 2");
	refused("{\"tile_rows\": 101}",
		"/etc/test.json:1:15: tile_rows: must be a whole number 1..100, got \"101\"");
	refused("{\"tile_rows\": -1}",
		"/etc/test.json:1:15: tile_rows: must be a whole number 1..100, got \"-1\"");
	refused("{\"tile_rows\": 1.0}",
		"/etc/test.json:1:15: tile_rows: must be a whole number 1..100, got \"1.0\"");
	refused("{\"memory\": \"5X\"}", "/etc/test.json:1:12: memory: must be 1K..1G bytes, such "
					"as 512M, got \"5X\"");
	refused("{\"memory\": 1023}", "/etc/test.json:1:12: memory: must be 1K..1G bytes, such as "
				      "512M, got \"1023\"");
	refused("{\"timeout\": 1.2345}", "/etc/test.json:1:13: timeout: must be 0.05..60 seconds "
					 "with at most 3 decimals, got \"1.2345\"");
	refused("{\"timeout\": 1e1}", "/etc/test.json:1:13: timeout: must be 0.05..60 seconds "
				      "with at most 3 decimals, got \"1e1\"");
	refused("{\"size\": \"0x5\"}",
		"/etc/test.json:1:10: size: must be WxH, each 1..1000, got \"0x5\"");
	refused("{\"clients\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
		"/etc/test.json:1:46: clients: may be given at most 8 times");
	refused("{\"clients\": [\"\"]}", "/etc/test.json:1:14: clients: must not be empty");
}

static void a_long_name_leaves_room_for_the_sentence(void **state)
{
	(void)state;
	char name[1000], want[BROT_ERROR_TEXT_BYTES];
	struct options_file *file = NULL;
	struct brot_error err;
	memset(name, 'd', sizeof name);
	memcpy(name + sizeof name - 7, "/x.json", 7);
	name[sizeof name - 1] = '\0';
	assert_int_equal(options_file_parse(name, "5", 1, &file, &err), BROT_E_CONFIG);
	(void)snprintf(want, sizeof want, "...%s:1:1: must be an object {...}, got 5",
		       name + strlen(name) - OPTIONS_FILE_NAME_CHARS + 3);
	assert_string_equal(err.text, want);
	assert_null(file);
}

static void later_sources_win(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_OUT", "env", "BROT_TILE_ROWS", "2", "BROT_QUIET",
					  "0",        NULL};
	struct world world = {.text = "{\"out\": \"file\", \"tile_rows\": 1, \"quiet\": true, "
				      "\"name\": \"file\"}",
			      .env = env};
	struct option_operands operands;
	struct values v;
	assert_int_equal(parse_line("--tile-rows 3", &world, &v, &operands, NULL), BROT_OK);
	assert_string_equal(v.name, "file");
	assert_string_equal(v.out, "env");
	assert_int_equal(v.rows, 3);
	assert_false(v.is_quiet);
	assert_int_equal(v.clients.count, 1);
	assert_int_equal(options_source(&command, &operands, "name"), OPTION_BY_FILE);
	assert_int_equal(options_source(&command, &operands, "out"), OPTION_BY_ENVIRONMENT);
	assert_int_equal(options_source(&command, &operands, "tile-rows"), OPTION_BY_LINE);
	assert_int_equal(options_source(&command, &operands, "clients"), OPTION_BY_CALLER);
	options_file_free(world.file);
}

static void lists_are_replaced(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_CLIENTS", "env1 env2,env3", NULL};
	struct world world = {.text = "{\"clients\": [\"f1\", \"f2\"]}"};
	struct option_operands operands;
	struct values v = stored(world.text);
	assert_int_equal(v.clients.count, 2);
	assert_string_equal(v.clients.values[0], "f1");
	world.env = env;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_int_equal(v.clients.count, 3);
	assert_string_equal(v.clients.values[0], "env1");
	assert_string_equal(v.clients.values[2], "env3");
	options_file_free(world.file);
	assert_int_equal(parse_line("--clients l1 --clients l2", &world, &v, &operands, NULL),
			 BROT_OK);
	assert_int_equal(v.clients.count, 2);
	assert_string_equal(v.clients.values[0], "l1");
	assert_string_equal(v.clients.values[1], "l2");
	options_file_free(world.file);
}

static void a_flag_of_the_file_can_be_unset(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_QUIET", "false", NULL};
	struct world world = {.text = "{\"quiet\": true}"};
	struct option_operands operands;
	struct values v;
	assert_int_equal(parse_line("--quiet=false", &world, &v, &operands, NULL), BROT_OK);
	assert_false(v.is_quiet);
	options_file_free(world.file);
	world.env = env;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_false(v.is_quiet);
	options_file_free(world.file);
	assert_int_equal(parse_line("--quiet", &world, &v, &operands, NULL), BROT_OK);
	assert_true(v.is_quiet);
	options_file_free(world.file);
	/* And one that keeps the file away counts where it is set. */
	assert_int_equal(parse_line("--embedded=false", &world, &v, &operands, NULL), BROT_OK);
	assert_string_equal(world.path, "/etc/test.json");
	options_file_free(world.file);
}

/* A mistake in the file is one, whatever overrules it; a variable that is overruled counts for
 * nothing. */
static void what_is_overruled_must_be_right_in_the_file(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_TILE_ROWS", "many", NULL};
	struct world world = {.text = "{\"tile_rows\": 0}", .env = env};
	struct option_operands operands;
	struct values v;
	struct brot_error err;
	assert_int_equal(parse_line("--tile-rows 3", &world, &v, &operands, &err), BROT_E_CONFIG);
	assert_non_null(strstr(err.text, ":1:15: tile_rows:"));
	options_file_free(world.file);
	world.text = "{\"tile_rows\": 5}";
	assert_int_equal(parse_line("--tile-rows 3", &world, &v, &operands, &err), BROT_OK);
	assert_int_equal(v.rows, 3);
	options_file_free(world.file);
	assert_int_equal(parse_line("", &world, &v, &operands, &err), BROT_E_USAGE);
	assert_string_equal(err.text,
			    "BROT_TILE_ROWS: must be a whole number 1..100, got \"many\"");
	options_file_free(world.file);
}

static void the_file_is_the_one_that_is_named(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_CONFIG", "env.json", NULL};
	struct world world = {0};
	struct option_operands operands;
	struct values v;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_string_equal(world.path, "/etc/test.json");
	assert_false(world.must_exist);
	world.env = env;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_string_equal(world.path, "env.json");
	assert_true(world.must_exist);
	assert_string_equal(v.config, "env.json");
	assert_int_equal(parse_line("--config line.json", &world, &v, &operands, NULL), BROT_OK);
	assert_string_equal(world.path, "line.json");
	assert_true(world.must_exist);
	assert_string_equal(v.config, "line.json");
}

static void help_and_a_call_of_its_own_need_no_file(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_OUT", "env", "MEMORY", "4K", NULL};
	struct world world = {.text = "nonsense", .env = env};
	struct option_operands operands;
	struct values v;
	assert_int_equal(parse_line("--help", &world, &v, &operands, NULL), BROT_OK);
	assert_true(operands.wants_help);
	/* Nor does it heed the variables that are the service's. */
	assert_int_equal(parse_line("--embedded", &world, &v, &operands, NULL), BROT_OK);
	assert_string_equal(world.path, "");
	assert_string_equal(v.out, "default");
	assert_int_equal(v.memory_bytes, 4096);
}

static void a_rule_between_options_names_who_broke_it(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_OUT", "env", NULL};
	struct world world = {.text = "{\"quiet\": true,\n \"out\": \"file\"}"};
	struct option_operands operands;
	struct values v;
	struct brot_error err;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_int_equal(options_refuse(&command, &operands, "out", &err, "needs %d", 5),
			 BROT_E_CONFIG);
	assert_string_equal(err.text, "/etc/test.json:2:9: out: needs 5");
	assert_int_equal(options_refuse(&command, &operands, "ready-fd", &err, "needs"),
			 BROT_E_USAGE);
	assert_string_equal(err.text, "--ready-fd: needs");
	options_file_free(world.file);
	world.env = env;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_int_equal(options_refuse(&command, &operands, "out", &err, "needs"), BROT_E_USAGE);
	assert_string_equal(err.text, "BROT_OUT: needs");
	options_file_free(world.file);
	assert_int_equal(parse_line("--out x", &world, &v, &operands, NULL), BROT_OK);
	assert_int_equal(options_refuse(&command, &operands, "out", &err, "needs"), BROT_E_USAGE);
	assert_string_equal(err.text, "--out: needs");
	options_file_free(world.file);
}

static void what_another_check_refuses_has_its_place_as_well(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_CLIENTS", "a b", NULL};
	const struct brot_error wrong = {BROT_E_USAGE, "URL: must be c: got \"b\""};
	struct world world = {.text = "{\"out\": \"file\",\n \"clients\": [\"a\",\n  \"b\"]}"};
	struct option_operands operands;
	struct values v;
	struct brot_error err;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_int_equal(options_blame(&command, &operands, "clients", 0, &wrong, &err),
			 BROT_E_CONFIG);
	assert_string_equal(err.text, "/etc/test.json:2:14: clients: must be c: got \"b\"");
	assert_int_equal(err.code, BROT_E_CONFIG);
	assert_int_equal(options_blame(&command, &operands, "clients", 1, &wrong, &err),
			 BROT_E_CONFIG);
	assert_string_equal(err.text, "/etc/test.json:3:3: clients: must be c: got \"b\"");
	(void)options_refuse(&command, &operands, "clients", &err, "are few");
	assert_string_equal(err.text, "/etc/test.json:2:13: clients: are few");
	(void)options_blame(&command, &operands, "out", 0, &wrong, &err);
	assert_string_equal(err.text, "/etc/test.json:1:9: out: must be c: got \"b\"");
	/* What is not the value's fault is not blamed on it. */
	const struct brot_error failure = {BROT_E_SYSTEM, "group: no memory"};
	assert_int_equal(options_blame(&command, &operands, "out", 0, &failure, &err),
			 BROT_E_SYSTEM);
	assert_string_equal(err.text, "group: no memory");
	options_file_free(world.file);
	world.env = env;
	assert_int_equal(parse_line("", &world, &v, &operands, NULL), BROT_OK);
	assert_int_equal(options_blame(&command, &operands, "clients", 1, &wrong, &err),
			 BROT_E_USAGE);
	assert_string_equal(err.text, "BROT_CLIENTS: must be c: got \"b\"");
	options_file_free(world.file);
	assert_int_equal(parse_line("--clients b", &world, &v, &operands, NULL), BROT_OK);
	assert_int_equal(options_blame(&command, &operands, "clients", 0, &wrong, &err),
			 BROT_E_USAGE);
	assert_string_equal(err.text, "--clients: must be c: got \"b\"");
	options_file_free(world.file);
}

static void every_type_is_compared(void **state)
{
	(void)state;
	static const struct values a = {.out = "a",
					.mode = "m",
					.rows = 1,
					.memory_bytes = 1,
					.timeout_ms = 1,
					.size = {1, 2},
					.clients = {1, {"a"}}};
	static const struct values b = {.out = "b",
					.mode = "n",
					.rows = 2,
					.memory_bytes = 2,
					.timeout_ms = 2,
					.size = {1, 3},
					.clients = {1, {"b"}},
					.is_quiet = true,
					.config = "c",
					.name = "n",
					.fd = 3,
					.is_embedded = true};
	char copy[] = "a", other_copy[] = "a";
	struct values same = a;
	same.out = copy;
	same.clients.values[0] = other_copy;
	for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
		assert_true(options_agree(spec, &a, &same));
		assert_false(options_agree(spec, &a, &b));
		assert_false(options_agree(spec, &b, &a));
	}
	same.clients = (struct option_strings){2, {"a", "a"}};
	assert_false(options_agree(&specs[8], &a, &same));
}

static void names_are_listed_as_far_as_there_is_room(void **state)
{
	(void)state;
	char list[8] = "";
	options_list(list, sizeof list, "abc");
	assert_string_equal(list, "abc");
	options_list(list, sizeof list, "defg");
	assert_string_equal(list, "abc");
	options_list(list, sizeof list, "d-f");
	assert_string_equal(list, "abc,d_f"); /* as a file has it */
}

static void the_help_tells_of_variables_and_file(void **state)
{
	(void)state;
	char *help = options_help(&command);
	assert_non_null(help);
	assert_non_null(strstr(help, "--tile-rows N             of a tile (or BROT_TILE_ROWS)\n"));
	assert_non_null(strstr(help, "for images (or MEMORY)\n"));
	assert_non_null(strstr(help, "--ready-fd N              a descriptor\n"));
	assert_non_null(strstr(help, "--mode slow|fast|best     how (or BROT_MODE)\n"));
	assert_non_null(strstr(help, "/etc/test.json if it exists"));
	assert_non_null(strstr(help, "parted by blanks or commas.\n"));
	assert_non_null(strstr(help, "as in --quiet=false.\n"));
	free(help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_form),
		cmocka_unit_test(what_is_no_json_is_told_with_its_place),
		cmocka_unit_test(it_must_be_an_object),
		cmocka_unit_test(unknown_and_doubled_keys_are_told_with_their_place),
		cmocka_unit_test(each_type_refuses_the_others),
		cmocka_unit_test(each_type_keeps_its_limits),
		cmocka_unit_test(a_long_name_leaves_room_for_the_sentence),
		cmocka_unit_test(later_sources_win),
		cmocka_unit_test(lists_are_replaced),
		cmocka_unit_test(what_is_overruled_must_be_right_in_the_file),
		cmocka_unit_test(a_flag_of_the_file_can_be_unset),
		cmocka_unit_test(the_file_is_the_one_that_is_named),
		cmocka_unit_test(help_and_a_call_of_its_own_need_no_file),
		cmocka_unit_test(a_rule_between_options_names_who_broke_it),
		cmocka_unit_test(what_another_check_refuses_has_its_place_as_well),
		cmocka_unit_test(every_type_is_compared),
		cmocka_unit_test(names_are_listed_as_far_as_there_is_room),
		cmocka_unit_test(the_help_tells_of_variables_and_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
