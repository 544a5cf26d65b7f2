/* report_reading.c - a report, read back strictly. */
#include "tests/unit/report_reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

const uint8_t key_bytes[SCHED_KEY_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
					    0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

const struct plan_budget roomy_budget = {.image_bytes = 1ull << 30};

json_t *read_back(char *text)
{
	json_error_t why;
	assert_non_null(text);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL)
		fail_msg("%s: %s", text, why.text);
	assert_true(json_is_object(json));
	free(text);
	return json;
}

void assert_keys(json_t *object, const char *keys)
{
	char list[512];
	size_t count = 0;
	assert_true(strlen(keys) < sizeof list);
	strcpy(list, keys);
	for (char *key = strtok(list, ", "); key != NULL; key = strtok(NULL, ", "), count++)
		if (json_object_get(object, key) == NULL)
			fail_msg("%s is missing", key);
	if (json_object_size(object) != count)
		fail_msg("%zu keys, should be %s", json_object_size(object), keys);
}

void assert_number(json_t *object, const char *key, json_int_t want)
{
	json_t *value = json_object_get(object, key);
	if (!json_is_integer(value) || json_integer_value(value) != want)
		fail_msg("%s: %lld, should be %lld", key, (long long)json_integer_value(value),
			 (long long)want);
}

void assert_text(json_t *object, const char *key, const char *want)
{
	json_t *value = json_object_get(object, key);
	assert_true(json_is_string(value));
	assert_string_equal(json_string_value(value), want);
}

void assert_pair(json_t *object, const char *key, json_int_t first, json_int_t second)
{
	json_t *pair = json_object_get(object, key);
	assert_int_equal(json_array_size(pair), 2);
	assert_true(json_integer_value(json_array_get(pair, 0)) == first);
	assert_true(json_integer_value(json_array_get(pair, 1)) == second);
}
