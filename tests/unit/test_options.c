/* test_options.c - command lines as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/options.h"
#include "tests/unit/words.h"

struct values {
	bool is_quiet;
	const char *out;
	uint32_t iterations;
	uint64_t memory_bytes;
	int64_t timeout_ms;
	struct option_size size;
	struct option_strings clients;
};

#define AT(member) offsetof(struct values, member)

static const struct option_spec specs[] = {
	{"out", "FILE", NULL, "where the picture goes", OPTION_STRING, AT(out), 0, 0},
	{"size", "WxH", NULL, "of the picture", OPTION_SIZE, AT(size), 1, 1048576},
	{"iterations", "N", NULL, "points that have not escaped by then are inside", OPTION_U32,
	 AT(iterations), 1, 1000000000},
	{"memory", "BYTES", "BROT_MEMORY", "budget for images", OPTION_BYTES, AT(memory_bytes),
	 1 << 20, (int64_t)1 << 40},
	{"timeout", "S", "BROT_TIMEOUT",
	 "how long to wait for an answer of the broker before "
	 "giving up, which includes the time to connect",
	 OPTION_MS, AT(timeout_ms), 50, 86400000},
	{"clients", "URL", "BROT_BROKER", "where clients connect; may be repeated", OPTION_STRINGS,
	 AT(clients), 0, 0},
	{"quiet", NULL, "BROT_QUIET", "say nothing but errors", OPTION_FLAG, AT(is_quiet), 0, 0},
	{"a-rather-long-option-name", "VALUE", NULL, "has a line of its own", OPTION_STRING,
	 AT(out), 0, 0},
	{.name = NULL},
};

static const struct option_command command = {
	.name = "brot-client render",
	.summary = "Renders a view.",
	.operands = "[VIEW]",
	.operands_max = 1,
	.specs = specs,
};

/* The environment of a test: a list of names and values that ends with NULL. */
static const char *env_lookup(const char *name, void *context)
{
	for (const char *const *pair = context; pair != NULL && *pair != NULL; pair += 2)
		if (strcmp(pair[0], name) == 0)
			return pair[1];
	return NULL;
}

static char kept_text[256];
static bool memory_is_short;

static char *keep(const char *text, void *context)
{
	(void)context;
	assert_true(strlen(text) < sizeof kept_text);
	return memory_is_short ? NULL : strcpy(kept_text, text);
}

static const struct values start = {.out = "default", .iterations = 7, .clients = {1, {"default"}}};

/* Cuts a line at blanks ("_" stands for a blank within a word) and parses it. */
static enum brot_err parse_line(const struct option_command *of, const char *line,
				const char *const *env, struct values *values,
				struct option_operands *operands, struct brot_error *err)
{
	char *argv[WORDS_MOST];
	const int argc = words_of(line, argv);
	for (int i = 0; i < argc; i++)
		for (char *p = argv[i]; (p = strchr(p, '_')) != NULL;)
			*p = ' ';
	union {
		const char *const *given;
		void *passed;
	} context = {.given = env};
	const struct option_sources sources = {
		.env = env_lookup, .env_context = context.passed, .keep = keep};
	return options_parse(of, argc, argv, &sources, values, sizeof *values, operands, err);
}

static struct values parsed(const char *line, const char *const *env)
{
	struct values values = start;
	struct option_operands operands;
	struct brot_error err = {BROT_OK, ""};
	if (parse_line(&command, line, env, &values, &operands, &err) != BROT_OK)
		fail_msg("\"%s\": %s", line, err.text);
	return values;
}

static void refused_env(const char *line, const char *const *env, const char *sentence)
{
	struct values values = start;
	struct option_operands operands = {.count = 99};
	struct brot_error err = {BROT_OK, ""};
	assert_int_equal(parse_line(&command, line, env, &values, &operands, &err), BROT_E_USAGE);
	assert_string_equal(err.text, sentence);
	assert_int_equal(err.code, BROT_E_USAGE);
	assert_memory_equal(&values, &start, sizeof values);
	assert_int_equal(operands.count, 99);
}

static void refused(const char *line, const char *sentence)
{
	refused_env(line, NULL, sentence);
}

static void test_nothing(void **state)
{
	(void)state;
	struct values values = parsed("", NULL);
	assert_memory_equal(&values, &start, sizeof values);
	struct option_operands operands;
	char *no_words[] = {NULL};
	assert_int_equal(
		options_parse(&command, 0, no_words, NULL, &values, sizeof values, &operands, NULL),
		BROT_OK);
	assert_int_equal(operands.count, 0);
	assert_false(operands.wants_help);
}

static void test_every_type(void **state)
{
	(void)state;
	struct values v = parsed("--out a.png --size=3840x2160 --iterations 5000 --memory 512M "
				 "--timeout 1.5 --clients tcp://a --clients=ipc://b --quiet",
				 NULL);
	assert_string_equal(v.out, "a.png");
	assert_int_equal(v.size.width, 3840);
	assert_int_equal(v.size.height, 2160);
	assert_int_equal(v.iterations, 5000);
	assert_int_equal(v.memory_bytes, 512 << 20);
	assert_int_equal(v.timeout_ms, 1500);
	assert_int_equal(v.clients.count, 2);
	assert_string_equal(v.clients.values[0], "tcp://a");
	assert_string_equal(v.clients.values[1], "ipc://b");
	assert_true(v.is_quiet);
}

static void test_forms(void **state)
{
	(void)state;
	assert_string_equal(parsed("--out -", NULL).out, "-");
	assert_string_equal(parsed("--out -0.75,0,4", NULL).out, "-0.75,0,4");
	assert_string_equal(parsed("--out=--quiet", NULL).out, "--quiet");
	assert_string_equal(parsed("--out=a=b", NULL).out, "a=b");
	assert_string_equal(parsed("--out a --out b", NULL).out, "b");
	assert_string_equal(parsed("--out a_b", NULL).out, "a b");
	assert_int_equal(parsed("--memory 3G", NULL).memory_bytes, 3ll << 30);
	assert_int_equal(parsed("--memory 1T", NULL).memory_bytes, 1ll << 40);
	assert_int_equal(parsed("--memory 1t", NULL).memory_bytes, 1ll << 40);
	assert_int_equal(parsed("--memory 2048k", NULL).memory_bytes, 2048 << 10);
	assert_int_equal(parsed("--memory 1048576", NULL).memory_bytes, 1 << 20);
	assert_int_equal(parsed("--timeout 0.05", NULL).timeout_ms, 50);
	assert_int_equal(parsed("--timeout 86400.000", NULL).timeout_ms, 86400000);
	assert_int_equal(parsed("--timeout 2", NULL).timeout_ms, 2000);
	assert_int_equal(parsed("--timeout 0.125", NULL).timeout_ms, 125);
	assert_int_equal(parsed("--iterations 0005", NULL).iterations, 5);
}

static void test_operands(void **state)
{
	(void)state;
	struct values values = start;
	struct option_operands operands;
	static const char *const lines[][2] = {
		{"seahorse", "seahorse"},
		{"-0.75,0,4 --quiet", "-0.75,0,4"},
		{"--quiet -.5,0,4", "-.5,0,4"},
		{"-- --quiet", "--quiet"},
		{"--quiet -", "-"},
		{"-- -h", "-h"},
	};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(parse_line(&command, lines[i][0], NULL, &values, &operands, NULL),
				 BROT_OK);
		assert_int_equal(operands.count, 1);
		assert_string_equal(operands.values[0], lines[i][1]);
	}
	refused("a b", "brot-client render: takes at most 1 operand, \"b\" is one more");
	struct option_command other = command;
	struct brot_error err;
	other.operands_max = 0;
	assert_int_equal(parse_line(&other, "a", NULL, &values, &operands, &err), BROT_E_USAGE);
	assert_string_equal(err.text,
			    "brot-client render: takes no operands besides its options, got \"a\"");
	other = command;
	other.operands = "VIEW";
	other.operands_min = 1;
	assert_int_equal(parse_line(&other, "--quiet", NULL, &values, &operands, &err),
			 BROT_E_USAGE);
	assert_string_equal(err.text, "brot-client render: needs VIEW");
}

static void test_help_wins(void **state)
{
	(void)state;
	static const char *const lines[] = {"-h", "--help", "--quiet --help --nonsense"};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct values values = start;
		struct option_operands operands;
		assert_int_equal(parse_line(&command, lines[i], NULL, &values, &operands, NULL),
				 BROT_OK);
		assert_true(operands.wants_help);
		assert_memory_equal(&values, &start, sizeof values);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	refused("--sise 1x1", "--sise: unknown option; did you mean --size?");
	refused("--itertions=5", "--itertions: unknown option; did you mean --iterations?");
	refused("--hlep", "--hlep: unknown option; did you mean --help?");
	refused("--wallpaper", "--wallpaper: unknown option");
	refused("-q", "-q: unknown option");
	refused("-out a", "-out: unknown option; did you mean --out?");
	refused("---out a", "---out: unknown option; did you mean --out?");
	refused("--=5", "--: unknown option");
	refused("--out", "--out: needs a value FILE");
	refused("--out --quiet", "--out: needs a value FILE");
	refused("--out=", "--out: must not be empty");
	refused("--quiet=no", "--quiet: must be true, false, 1 or 0, got \"no\"");
	refused("--quiet=", "--quiet: must be true, false, 1 or 0, got \"\"");
	refused("--quiet=True", "--quiet: must be true, false, 1 or 0, got \"True\"");
	refused("--quiet --quiet=2", "--quiet: must be true, false, 1 or 0, got \"2\"");
	refused("--help=1", "--help: takes no value, got \"1\"");
	refused("--iterations 0", "--iterations: must be a whole number 1..1000000000, got \"0\"");
	refused("--iterations -5",
		"--iterations: must be a whole number 1..1000000000, got \"-5\"");
	refused("--iterations 5x",
		"--iterations: must be a whole number 1..1000000000, got \"5x\"");
	refused("--iterations +5",
		"--iterations: must be a whole number 1..1000000000, got \"+5\"");
	refused("--iterations 0x5",
		"--iterations: must be a whole number 1..1000000000, got \"0x5\"");
	refused("--iterations 1e3",
		"--iterations: must be a whole number 1..1000000000, got \"1e3\"");
	refused("--iterations _5",
		"--iterations: must be a whole number 1..1000000000, got \" 5\"");
	refused("--iterations 4294967297",
		"--iterations: must be a whole number 1..1000000000, got \"4294967297\"");
	refused("--iterations 99999999999999999999999",
		"--iterations: must be a whole number 1..1000000000, got "
		"\"99999999999999999999999\"");
	refused("--size 10", "--size: must be WxH, each 1..1048576, got \"10\"");
	refused("--size 10x", "--size: must be WxH, each 1..1048576, got \"10x\"");
	refused("--size x10", "--size: must be WxH, each 1..1048576, got \"x10\"");
	refused("--size 10x10x10", "--size: must be WxH, each 1..1048576, got \"10x10x10\"");
	refused("--size 0x10", "--size: must be WxH, each 1..1048576, got \"0x10\"");
	refused("--size 10x1048577", "--size: must be WxH, each 1..1048576, got \"10x1048577\"");
	refused("--memory 1", "--memory: must be 1M..1T bytes, such as 512M, got \"1\"");
	refused("--memory 5T", "--memory: must be 1M..1T bytes, such as 512M, got \"5T\"");
	refused("--memory 5MB", "--memory: must be 1M..1T bytes, such as 512M, got \"5MB\"");
	refused("--memory M", "--memory: must be 1M..1T bytes, such as 512M, got \"M\"");
	refused("--memory 9223372036854775807G",
		"--memory: must be 1M..1T bytes, such as 512M, got \"9223372036854775807G\"");
	refused("--timeout 0.01",
		"--timeout: must be 0.05..86400 seconds with at most 3 decimals, got \"0.01\"");
	refused("--timeout 1.",
		"--timeout: must be 0.05..86400 seconds with at most 3 decimals, got \"1.\"");
	refused("--timeout .5",
		"--timeout: must be 0.05..86400 seconds with at most 3 decimals, got \".5\"");
	refused("--timeout 1.2345",
		"--timeout: must be 0.05..86400 seconds with at most 3 decimals, got \"1.2345\"");
	refused("--timeout 1s",
		"--timeout: must be 0.05..86400 seconds with at most 3 decimals, got \"1s\"");
	refused("--timeout 9999999999999999999999999",
		"--timeout: must be 0.05..86400 seconds with at most 3 decimals, got "
		"\"9999999999999999999999999\"");
	refused("--clients 1 --clients 2 --clients 3 --clients 4 --clients 5 --clients 6 "
		"--clients 7 --clients 8 --clients 9",
		"--clients: may be given at most 8 times");
	refused("--clients=", "--clients: must not be empty");
}

static void test_environment(void **state)
{
	(void)state;
	static const char *const env[] = {"BROT_TIMEOUT", "2.5",        "BROT_BROKER",
					  "tcp://env",    "BROT_QUIET", "1",
					  "BROT_MEMORY",  "",           NULL};
	struct values v = parsed("", env);
	assert_int_equal(v.timeout_ms, 2500);
	assert_int_equal(v.clients.count, 1);
	assert_string_equal(v.clients.values[0], "tcp://env");
	assert_true(v.is_quiet);
	assert_int_equal(v.memory_bytes, 0);
	v = parsed("--timeout 7 --clients tcp://line", env);
	assert_int_equal(v.timeout_ms, 7000);
	assert_int_equal(v.clients.count, 1);
	assert_string_equal(v.clients.values[0], "tcp://line");
	static const char *const bad[] = {"BROT_TIMEOUT", "soon", NULL};
	refused_env("", bad,
		    "BROT_TIMEOUT: must be 0.05..86400 seconds with at most 3 decimals, "
		    "got \"soon\"");
	/* What the command line says makes the variable count for nothing. */
	assert_int_equal(parsed("--timeout 7", bad).timeout_ms, 7000);
	static const char *const maybe[] = {"BROT_QUIET", "maybe", NULL};
	refused_env("", maybe, "BROT_QUIET: must be true, false, 1 or 0, got \"maybe\"");
	static const char *const off[] = {"BROT_QUIET", "0", NULL};
	assert_false(parsed("", off).is_quiet);
	static const char *const unset[] = {"BROT_QUIET", "false", NULL};
	assert_false(parsed("", unset).is_quiet);
}

static void test_flags(void **state)
{
	(void)state;
	static const char *const on[] = {"BROT_QUIET", "true", NULL};
	assert_true(parsed("--quiet=true", NULL).is_quiet);
	assert_true(parsed("--quiet=1", NULL).is_quiet);
	assert_true(parsed("--quiet=0 --quiet", NULL).is_quiet);
	assert_false(parsed("--quiet --quiet=false", NULL).is_quiet);
	assert_true(parsed("", on).is_quiet);
	assert_false(parsed("--quiet=false", on).is_quiet);
	assert_false(parsed("--quiet=0", on).is_quiet);
	/* A word behind it is an operand. */
	struct values values = start;
	struct option_operands operands;
	assert_int_equal(parse_line(&command, "--quiet false", NULL, &values, &operands, NULL),
			 BROT_OK);
	assert_true(values.is_quiet);
	assert_int_equal(operands.count, 1);
}

static void test_lists_of_the_environment(void **state)
{
	(void)state;
	static const char *const texts[] = {"a b c", "a,b,c", "a, b\tc", " ,a\nb,,c, "};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const char *const env[] = {"BROT_BROKER", texts[i], NULL};
		struct values v = parsed("", env);
		assert_int_equal(v.clients.count, 3);
		assert_string_equal(v.clients.values[0], "a");
		assert_string_equal(v.clients.values[1], "b");
		assert_string_equal(v.clients.values[2], "c");
		v = parsed("--clients line", env);
		assert_int_equal(v.clients.count, 1);
		assert_string_equal(v.clients.values[0], "line");
	}
	static const char *const most[] = {"BROT_BROKER", "1 2 3 4 5 6 7 8", NULL};
	assert_int_equal(parsed("", most).clients.count, 8);
	static const char *const more[] = {"BROT_BROKER", "1 2 3 4 5 6 7 8 9", NULL};
	refused_env("", more, "BROT_BROKER: may be given at most 8 times");
	static const char *const none[] = {"BROT_BROKER", " , ", NULL};
	refused_env("", none, "BROT_BROKER: must not be empty");
	/* On the command line a value is one, whatever is in it. */
	assert_string_equal(parsed("--clients a,b_c", NULL).clients.values[0], "a,b c");
	struct values values = start;
	struct option_operands operands;
	struct brot_error err;
	memory_is_short = true;
	assert_int_equal(parse_line(&command, "", most, &values, &operands, &err), BROT_E_SYSTEM);
	memory_is_short = false;
	assert_string_equal(err.text, "brot-client render: out of memory");
	assert_memory_equal(&values, &start, sizeof values);
}

static void test_help_text(void **state)
{
	(void)state;
	char *help = options_help(&command);
	assert_non_null(help);
	assert_string_equal(
		help,
		"usage: brot-client render [options] [VIEW]\n"
		"Renders a view.\n"
		"\n"
		"options:\n"
		"  --out FILE                where the picture goes\n"
		"  --size WxH                of the picture\n"
		"  --iterations N            points that have not escaped by then are inside\n"
		"  --memory BYTES            budget for images (or BROT_MEMORY)\n"
		"  --timeout S               how long to wait for an answer of the broker before\n"
		"                            giving up, which includes the time to connect (or\n"
		"                            BROT_TIMEOUT)\n"
		"  --clients URL             where clients connect; may be repeated (or\n"
		"                            BROT_BROKER)\n"
		"  --quiet                   say nothing but errors (or BROT_QUIET)\n"
		"  --a-rather-long-option-name VALUE\n"
		"                            has a line of its own\n"
		"  --help                    print this and exit\n");
	for (const char *line = help; *line != '\0'; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
	free(help);
}

/* More rows than the first allocation holds. */
static void test_long_help(void **state)
{
	(void)state;
	struct option_spec many[OPTIONS_MAX + 1] = {{.name = NULL}};
	for (size_t i = 0; i < OPTIONS_MAX; i++)
		many[i] = specs[i % 7];
	struct option_command big = command;
	big.specs = many;
	big.operands = NULL;
	char *help = options_help(&big);
	assert_non_null(help);
	assert_true(strlen(help) > 3000);
	assert_non_null(strstr(help, "print this and exit\n"));
	free(help);
	struct values values = start;
	struct option_operands operands;
	assert_int_equal(parse_line(&big, "--quiet", NULL, &values, &operands, NULL), BROT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_help_wins),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_help_text),
		cmocka_unit_test(test_long_help),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_lists_of_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
