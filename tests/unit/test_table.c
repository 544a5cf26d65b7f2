/* test_table.c - lists of a broker's as people see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "client/table.h"

static const struct table_column columns[] = {
	{.title = "JOB", .key = "job", .kind = TABLE_NUMBER},
	{.title = "CLIENT", .key = "client", .kind = TABLE_TEXT, .least = 8},
	{.title = "PRIO", .key = "priority", .kind = TABLE_SIGNED},
	{.title = "SIZE", .key = "size", .kind = TABLE_SIZE},
	{.title = "DONE", .key = "done", .kind = TABLE_SHARE, .whole = "all"},
	{.title = "AGE", .key = "age_ms", .kind = TABLE_SECONDS},
	{.title = "REASON", .key = "text", .kind = TABLE_TEXT},
};
#define COUNT (sizeof columns / sizeof columns[0])

/* What is printed, which the caller frees; NULL where the list is refused. */
static char *printed(const char *list, struct brot_error *err)
{
	char *text = NULL;
	size_t bytes = 0;
	json_t *json = json_loads(list, 0, NULL);
	assert_non_null(json);
	FILE *file = open_memstream(&text, &bytes);
	assert_non_null(file);
	enum brot_err code = table_print(file, json, columns, COUNT, "nothing", err);
	(void)fclose(file);
	json_decref(json);
	if (code == BROT_OK)
		return text;
	assert_int_equal(code, BROT_E_PROTOCOL);
	assert_int_equal(bytes, 0);
	free(text);
	return NULL;
}

static void expect(const char *list, const char *text)
{
	struct brot_error err;
	char *got = printed(list, &err);
	assert_non_null(got);
	assert_string_equal(got, text);
	free(got);
}

static void columns_are_as_wide_as_their_cells(void **state)
{
	(void)state;
	expect("[]", "nothing\n");
	expect("[{\"job\":7,\"client\":\"\u00e9a@b\",\"priority\":-100,\"size\":[640,480],"
	       "\"done\":1,\"all\":3,\"age_ms\":1500,\"text\":\"\"},"
	       "{\"job\":1234567,\"client\":\"\",\"priority\":5,\"size\":[1,1],"
	       "\"done\":0,\"all\":0,\"age_ms\":604799000,\"text\":\"it\\u001bfell\"}]",
	       "JOB      CLIENT  PRIO  SIZE     DONE  AGE        REASON\n"
	       "7        \u00e9a@b    -100  640x480  33 %  1.5 s      \n"
	       "1234567          5     1x1      0 %   167:59:59  it?fell\n");
}

static char *row_with(size_t client_chars, size_t text_chars)
{
	char client[512], text[512];
	memset(client, 'c', client_chars);
	client[client_chars] = '\0';
	memset(text, 't', text_chars);
	text[text_chars] = '\0';
	json_t *list = json_pack("[{s:i,s:s,s:i,s:[i,i],s:i,s:i,s:i,s:s}]", "job", 1, "client",
				 client, "priority", 0, "size", 1, 1, "done", 1, "all", 1, "age_ms",
				 0, "text", text);
	char *row = json_dumps(list, 0);
	assert_non_null(row);
	json_decref(list);
	return row;
}

static void a_wide_table_is_narrowed(void **state)
{
	(void)state;
	struct brot_error err;
	for (size_t chars = 1; chars < 300; chars++) {
		char *row = row_with(chars, 10), *got = printed(row, &err);
		assert_non_null(got);
		const char *second = strchr(got, '\n') + 1;
		assert_true(strlen(second) - 1 <= TABLE_COLUMNS);
		bool is_cut = strchr(second, '~') != NULL;
		assert_int_equal(is_cut, chars > TABLE_COLUMNS - 43);
		free(got);
		free(row);
	}
	/* What cannot be cut further flows over behind the rest. */
	char *row = row_with(60, 240), *got = printed(row, &err);
	assert_non_null(strstr(got, "\n1    ccccccc~  0"));
	assert_non_null(strstr(got, "tttttttttttt\n"));
	free(got);
	free(row);
}

static void wrong_lists_are_refused_whole(void **state)
{
	(void)state;
	static const char *const lists[] = {
		"[1]",
		"[{}]",
		"[{\"job\":1,\"client\":7}]",
		"[{\"job\":1,\"client\":\"\",\"priority\":0.5}]",
		"[{\"job\":1,\"client\":\"\",\"priority\":0,\"size\":[1,1],\"done\":2,\"all\":1}]",
	};
	struct brot_error err;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		assert_null(printed(lists[i], &err));
}

static void times_are_local_and_iso(void **state)
{
	(void)state;
	static const struct table_column times[] = {
		{.title = "AT", .key = "at_ms", .kind = TABLE_TIME},
	};
	char *text = NULL;
	size_t bytes = 0;
	struct brot_error err;
	assert_int_equal(setenv("TZ", "UTC-2", 1), 0);
	json_t *list = json_loads("[{\"at_ms\":1700000000999},{\"at_ms\":0},"
				  "{\"at_ms\":9223372036854775807}]",
				  0, NULL);
	FILE *file = open_memstream(&text, &bytes);
	assert_int_equal(table_print(file, list, times, 1, "", &err), BROT_OK);
	(void)fclose(file);
	assert_int_equal(strncmp(text, "AT\n2023-11-15T00:13:20\n-\n", 25), 0);
	free(text);
	json_decref(list);
}

static void rates_have_three_digits(void **state)
{
	(void)state;
	static const struct table_column rates[] = {
		{.title = "SPEED", .key = "speed", .kind = TABLE_RATE},
	};
	char *text = NULL;
	size_t bytes = 0;
	struct brot_error err;
	json_t *list = json_loads("[{\"speed\":2800000000},{\"speed\":2023000000},{\"speed\":0},"
				  "{\"speed\":45000000}]",
				  0, NULL);
	FILE *file = open_memstream(&text, &bytes);
	assert_int_equal(table_print(file, list, rates, 1, "", &err), BROT_OK);
	(void)fclose(file);
	assert_string_equal(text, "SPEED\n2.80 G/s\n2.02 G/s\n-\n45.0 M/s\n");
	free(text);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_cells),
		cmocka_unit_test(a_wide_table_is_narrowed),
		cmocka_unit_test(wrong_lists_are_refused_whole),
		cmocka_unit_test(times_are_local_and_iso),
		cmocka_unit_test(rates_have_three_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
