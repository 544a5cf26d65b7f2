/* test_json_text.c - where things stand in a JSON text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_text.h"

static struct json_text of(const char *text)
{
	return (struct json_text){text, strlen(text)};
}

static void is_span(const struct json_text *json, struct json_span span, const char *want)
{
	assert_in_range(span.end, span.first, json->bytes);
	assert_int_equal(span.end - span.first, strlen(want));
	assert_memory_equal(json->text + span.first, want, strlen(want));
}

static void is_place(const char *text, size_t offset, size_t line, size_t column)
{
	struct json_text json = of(text);
	struct json_place place = json_text_place(&json, offset);
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void places_count_characters_from_one(void **state)
{
	(void)state;
	is_place("", 0, 1, 1);
	is_place("abc", 0, 1, 1);
	is_place("abc", 2, 1, 3);
	is_place("abc", 3, 1, 4);
	is_place("a\nb", 1, 1, 2);
	is_place("a\nb", 2, 2, 1);
	is_place("\n\n\n", 3, 4, 1);
	is_place("\r\nx", 2, 2, 1);
	/* Two, three and four bytes are one character each. */
	is_place("\xc3\xa4x", 2, 1, 2);
	is_place("\xe2\x82\xacx", 3, 1, 2);
	is_place("\xf0\x9f\x98\x80x", 4, 1, 2);
	is_place("ab", 99, 1, 3);
}

static void tokens_are_found_by_any_of_their_bytes(void **state)
{
	(void)state;
	struct json_text json = of(" {\"a b\" : -1.5e3,[true]}");
	static const struct {
		size_t offset;
		const char *want;
	} cases[] = {
		{0, "{"},  {1, "{"},  {2, "\"a b\""}, {4, "\"a b\""}, {6, "\"a b\""},
		{7, ":"},  {8, ":"},  {9, "-1.5e3"},  {10, "-1.5e3"}, {15, "-1.5e3"},
		{16, ","}, {17, "["}, {18, "true"},   {21, "true"},   {22, "]"},
		{23, "}"}, {24, ""},  {99, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		is_span(&json, json_text_token(&json, cases[i].offset), cases[i].want);
}

static void a_quote_that_is_escaped_ends_no_string(void **state)
{
	(void)state;
	struct json_text json = of("\"a\\\"b\\\\\" x");
	is_span(&json, json_text_token(&json, 3), "\"a\\\"b\\\\\"");
	is_span(&json, json_text_value(&json, 0), "\"a\\\"b\\\\\"");
	is_span(&json, json_text_token(&json, 9), "x");
}

static void values_reach_to_their_closing_bracket(void **state)
{
	(void)state;
	struct json_text json = of(" {\"}\": [1, {\"]\": []}]} ,");
	is_span(&json, json_text_value(&json, 0), "{\"}\": [1, {\"]\": []}]}");
	is_span(&json, json_text_value(&json, 6), "[1, {\"]\": []}]");
	is_span(&json, json_text_value(&json, 8), "1");
}

static void members_come_in_their_order(void **state)
{
	(void)state;
	struct json_text json = of("{ \"a\" : 1,\n\"b\":[2, 3] , \"a\":{\"c\":4}\t}");
	static const char *const want[][2] = {
		{"\"a\"", "1"}, {"\"b\"", "[2, 3]"}, {"\"a\"", "{\"c\":4}"}};
	struct json_span key, value;
	size_t cursor = 0;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		assert_true(json_text_member(&json, &cursor, &key, &value));
		is_span(&json, key, want[i][0]);
		is_span(&json, value, want[i][1]);
	}
	assert_false(json_text_member(&json, &cursor, &key, &value));
	struct json_text empty = of(" { } ");
	cursor = 0;
	assert_false(json_text_member(&empty, &cursor, &key, &value));
}

static void elements_come_in_their_order(void **state)
{
	(void)state;
	struct json_text json = of("[ \"a,]\" , [1,2],null ]");
	static const char *const want[] = {"\"a,]\"", "[1,2]", "null"};
	struct json_span value;
	size_t cursor = 0;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		assert_true(json_text_element(&json, &cursor, &value));
		is_span(&json, value, want[i]);
	}
	assert_false(json_text_element(&json, &cursor, &value));
	struct json_text empty = of("[]");
	cursor = 0;
	assert_false(json_text_element(&empty, &cursor, &value));
}

/* Each in memory of exactly its size, so that a sanitizer sees any byte too many. */
static void no_text_is_read_beyond_its_end(void **state)
{
	(void)state;
	static const char *const texts[] = {"",     " ",      "{",       "[",        "\"",  "\"\\",
					    "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "[1,", "}]",
					    "tru",  "{,",     "[[[[",    "{\"a\":1"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		size_t bytes = strlen(texts[i]);
		char *copy = malloc(bytes + (bytes == 0));
		assert_non_null(copy);
		memcpy(copy, texts[i], bytes);
		struct json_text json = {copy, bytes};
		struct json_span key, value;
		for (size_t offset = 0; offset <= bytes; offset++) {
			assert_in_range(json_text_token(&json, offset).end, 0, bytes);
			assert_in_range(json_text_value(&json, offset).end, 0, bytes);
		}
		size_t cursor = 0, count = 0;
		while (json_text_member(&json, &cursor, &key, &value))
			assert_in_range(++count, 1, bytes);
		cursor = count = 0;
		while (json_text_element(&json, &cursor, &value))
			assert_in_range(++count, 1, bytes);
		assert_in_range(json_text_find(&json, "a.b[1].c"), 0, bytes);
		assert_in_range(json_text_find(&json, "[0].a"), 0, bytes);
		free(copy);
	}
}

static void found(const char *text, const char *path, const char *want)
{
	struct json_text json = of(text);
	size_t offset = json_text_find(&json, path);
	assert_in_range(offset, 0, json.bytes);
	if (strncmp(text + offset, want, strlen(want)) != 0)
		fail_msg("%s of %s: %s", path, text, text + offset);
}

static void paths_lead_to_keys_and_elements(void **state)
{
	(void)state;
	static const char text[] = " {\"a\": 1, \"bc\": {\"a\": [\"x\", [2, {\"d\": 3}]]}}";
	found(text, "a", "\"a\": 1");
	found(text, "bc", "\"bc\"");
	found(text, "bc.a: must", "\"a\": [");
	found(text, "bc.a[0]", "\"x\"");
	found(text, "bc.a[1][0]", "2");
	found(text, "bc.a[1][1].d", "\"d\"");
	/* What is not there leads as far as it goes. */
	found(text, "bc.a[2]", "\"a\": [");
	found(text, "bc.b.d", "\"bc\"");
	found(text, "b", "{");
	found(text, "", "{");
	found(text, "a.a[0]", "\"a\": 1");
	found("[1, 2]", "[1]", "2");
	found("[1, 2]", "[", "1");
	found("7", "a", "7");
	found("", "a[0].b", "");
	found("{\"a\"", "a.b", "\"a\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_count_characters_from_one),
		cmocka_unit_test(tokens_are_found_by_any_of_their_bytes),
		cmocka_unit_test(a_quote_that_is_escaped_ends_no_string),
		cmocka_unit_test(values_reach_to_their_closing_bracket),
		cmocka_unit_test(members_come_in_their_order),
		cmocka_unit_test(elements_come_in_their_order),
		cmocka_unit_test(paths_lead_to_keys_and_elements),
		cmocka_unit_test(no_text_is_read_beyond_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
