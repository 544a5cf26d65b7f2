/* test_parse_worker.c - what a worker says of itself in HELLO, most of it wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/unit/body_trial.h"

static void a_worker_says_who_it_is(void **state)
{
	(void)state;
	const struct worker_info *info = &parsed(MSG_HELLO, hello(NULL, NULL))->info;
	assert_memory_equal(info->id, key_bytes, sizeof key_bytes);
	assert_int_equal(info->threads, 2);
	assert_int_equal(info->pid, 4711);
	assert_string_equal(info->name, "w 1");
	assert_string_equal(info->version, "0.1.0");
	assert_string_equal(info->kernel, "avx2");
	assert_int_equal(info->kernel_count, 2);
	assert_string_equal(info->kernels[0], "avx2");
	assert_string_equal(info->kernels[1], "scalar");

	assert_string_equal(parsed(MSG_HELLO, hello("name", "\"" NAME_63 "\""))->info.name,
			    NAME_63);
	assert_string_equal(parsed(MSG_HELLO, hello("name", "\"\""))->info.name, "");
	assert_string_equal(parsed(MSG_HELLO, hello("name", "\"K\xc3\xb6ln\""))->info.name,
			    "K\xc3\xb6ln");
	assert_int_equal(parsed(MSG_HELLO, hello("threads", "256"))->info.threads, 256);
	assert_int_equal(parsed(MSG_HELLO, hello("kernels", "[]"))->info.kernel_count, 0);
	assert_int_equal(info->speeds[0][PRECISION_F64], 0);
	info = &parsed(MSG_HELLO, hello("kernels", "[\"a\",\"b\"],\"speeds\":{\"b\":{\"f64\":7,"
						   "\"f32\":1000000000000000}}"))
			->info;
	assert_int_equal(info->speeds[0][PRECISION_F64], 0);
	assert_int_equal(info->speeds[1][PRECISION_F64], 7);
	assert_int_equal(info->speeds[1][PRECISION_F32], LIMIT_SPEED);
	info = &parsed(MSG_HELLO, hello("kernels", "[],\"speeds\":{}"))->info;
	assert_int_equal(info->speeds[0][PRECISION_F64], 0);
	info = &parsed(MSG_HELLO, hello("kernels", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\","
						   "\"" NAME_63 "\"]"))
			->info;
	assert_int_equal(info->kernel_count, LIMIT_KERNELS);
	assert_string_equal(info->kernels[LIMIT_KERNELS - 1], NAME_63);
}

static void a_worker_claims_speeds_within_reason(void **state)
{
	(void)state;
	static const struct {
		const char *value, *sentence;
	} cases[] = {
		{"1", "HELLO: speeds must be an object"},
		{"null", "HELLO: speeds must be an object"},
		{"[]", "HELLO: speeds must be an object"},
		{"{\"b\":{\"f64\":1,\"f32\":1}}", "HELLO: speeds must be of names in kernels"},
		{"{\"a\":1}", "HELLO: speeds of a kernel must be an object of 2"},
		{"{\"a\":{}}", "HELLO: speeds of a kernel must be an object of 2"},
		{"{\"a\":{\"f64\":1}}", "HELLO: speeds of a kernel must be an object of 2"},
		{"{\"a\":{\"f64\":1,\"f16\":1}}",
		 "HELLO: speeds must have f32 as an integer of 1..1000000000000000"},
		{"{\"a\":{\"f64\":0,\"f32\":1}}",
		 "HELLO: speeds must have f64 as an integer of 1..1000000000000000"},
		{"{\"a\":{\"f64\":-1,\"f32\":1}}",
		 "HELLO: speeds must have f64 as an integer of 1..1000000000000000"},
		{"{\"a\":{\"f64\":1,\"f32\":1000000000000001}}",
		 "HELLO: speeds must have f32 as an integer of 1..1000000000000000"},
		{"{\"a\":{\"f64\":1.5,\"f32\":1}}",
		 "HELLO: speeds must have f64 as an integer of 1..1000000000000000"},
		{"{\"a\":{\"f64\":\"1\",\"f32\":1}}",
		 "HELLO: speeds must have f64 as an integer of 1..1000000000000000"},
		{"{\"a\":{\"f64\":1,\"f32\":1,\"f16\":1}}",
		 "HELLO: speeds of a kernel must be an object of 2"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char kernels[256];
		(void)snprintf(kernels, sizeof kernels, "[\"a\"],\"speeds\":%s", cases[i].value);
		refused(MSG_HELLO, hello("kernels", kernels), cases[i].sentence);
	}
}

static void a_worker_that_says_it_wrong_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"brot", "version", "worker", "name",
					    "pid",  "threads", "kernel", "kernels"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char sentence[64];
		(void)snprintf(sentence, sizeof sentence, "HELLO: Object item not found: %s",
			       names[i]);
		refused(MSG_HELLO, hello(names[i], NULL), sentence);
		refused(MSG_HELLO, hello(names[i], "null"), "HELLO: ...");
		refused(MSG_HELLO, hello(names[i], "1.5"), "HELLO: ...");
		refused(MSG_HELLO, hello(names[i], "{}"), "HELLO: ...");
	}
	static const struct {
		const char *name, *value, *sentence;
	} cases[] = {
		{"brot", "0", "HELLO: brot must be 1, got 0"},
		{"brot", "2", "HELLO: brot must be 1, got 2"},
		{"brot", "-1", "HELLO: brot must be 1, got -1"},
		{"brot", "4294967297", "HELLO: brot must be 1, got 4294967297"},
		{"worker", "\"\"", "HELLO: worker must be 32 hexadecimal digits"},
		{"worker", "\"" KEY "0\"", "HELLO: worker must be 32 hexadecimal digits"},
		{"threads", "0", "HELLO: threads must be 1..256, got 0"},
		{"threads", "-1", "HELLO: threads must be 1..256, got -1"},
		{"threads", "257", "HELLO: threads must be 1..256, got 257"},
		{"threads", "4294967297", "HELLO: threads must be 1..256, got 4294967297"},
		{"name", "\"" NAME_63 "l\"",
		 "HELLO: name must have at most 63 printable characters"},
		{"name", "\"a\\nb\"", "HELLO: name must have at most 63 printable characters"},
		{"name", "\"a\\u007f\"", "HELLO: name must have at most 63 printable characters"},
		{"name", "\"a\\\"b\"", "HELLO: name must have at most 63 printable characters"},
		{"name", "\"\\u001b[2J\"", "HELLO: name must have at most 63 printable characters"},
		{"name", "\"\\u009b2J\"", "HELLO: name must have at most 63 printable characters"},
		{"version", "\"" NAME_63 "l\"",
		 "HELLO: version must have at most 63 printable characters"},
		{"kernel", "\"\\t\"", "HELLO: kernel must have at most 63 printable characters"},
		{"kernels", "[\"" NAME_63 "l\"]",
		 "HELLO: kernels must have at most 63 printable characters"},
		{"kernels", "[\"a\",1]", "HELLO: kernels must be strings"},
		{"kernels", "[null]", "HELLO: kernels must be strings"},
		{"kernels", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]",
		 "HELLO: kernels must be at most 8, got 9"},
		{"kernels", "\"avx2\"", "HELLO: ..."},
		{"kernels", "{\"avx2\":1}", "HELLO: ..."},
		{"pid", "4711,\"more\":1", "HELLO: 1 object item(s) left unpacked: more"},
		{"pid", "1,\"pid\":1", "HELLO: body is not JSON: duplicate object key..."},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		refused(MSG_HELLO, hello(cases[i].name, cases[i].value), cases[i].sentence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_says_who_it_is),
		cmocka_unit_test(a_worker_claims_speeds_within_reason),
		cmocka_unit_test(a_worker_that_says_it_wrong_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
