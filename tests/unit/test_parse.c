/* test_parse.c - the JSON that clients say, most of it wrong, and what nobody may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/body_trial.h"

#define REQUEST "{\"brot\":1,\"view\":{\"re\":\"0\",\"im\":\"0\",\"width\":\"4\"},\"size\":[8,6]}"

static const enum message_type all_types[] = {
	MSG_HELLO,        MSG_SUBMIT,  MSG_WATCH,   MSG_FETCH,      MSG_RELEASE, MSG_PRIORITY,
	MSG_DRAIN_WORKER, MSG_HISTORY, MSG_ATTACH,  MSG_CANCEL_JOB, MSG_PAUSE,   MSG_RESUME,
	MSG_RETRY,        MSG_JOBS,    MSG_WORKERS, MSG_STATUS,
};
#define TYPE_COUNT (sizeof all_types / sizeof all_types[0])

static void what_is_not_one_object_is_refused(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"nothing",
		"{}{}",
		"{} x",
		"\"{}\"x",
		"{\"a\":}",
		"{\"a\":1,}",
		"{'a':1}",
		"\xef\xbb\xbf{}",
		"{\"a\":NaN}",
		"{\"a\":1e999}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":99999999999999999999}",
		"{\"job\":1,\"job\":1}",
		"{\"a\":\"\\ud800\"}",
		"1",
		"null",
		"\"x\"",
	};
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		char sentence[64];
		(void)snprintf(sentence, sizeof sentence, "%s: body is not JSON: ...",
			       message_name(all_types[t]));
		for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
			refused(all_types[t], bodies[i], sentence);
		(void)snprintf(sentence, sizeof sentence, "%s: ...", message_name(all_types[t]));
		refused(all_types[t], "[]", sentence);
		refused(all_types[t], "[{}]", sentence);
		refused(all_types[t], "{\"nonsense\":1}", sentence);
		/* No body, and one of a NUL. */
		struct message m = {.type = all_types[t]};
		static struct outputs out;
		struct brot_error err = {0};
		assert_int_equal(parse(&m, &out, &err), BROT_E_PROTOCOL);
		assert_int_equal(err.code, BROT_E_PROTOCOL);
		m.body = (struct bytes){"\0", 1};
		assert_int_equal(parse(&m, &out, &err), BROT_E_PROTOCOL);
		m.body = (struct bytes){"{}\0", 3};
		assert_int_equal(parse(&m, &out, NULL), BROT_E_PROTOCOL);
	}
}

static void deep_nesting_is_refused(void **state)
{
	(void)state;
	static char deep[100000];
	memset(deep, '[', sizeof deep - 1);
	refused(MSG_WATCH, deep, "WATCH: body is not JSON: maximum parsing depth reached...");
	for (size_t i = 0; i + 6 < sizeof deep; i += 5)
		memcpy(deep + i, "{\"a\":", 5);
	refused(MSG_JOBS, deep, "JOBS: body is not JSON: maximum parsing depth reached...");
}

static void questions_have_an_empty_body(void **state)
{
	(void)state;
	static const enum message_type questions[] = {MSG_JOBS, MSG_WORKERS, MSG_STATUS};
	for (size_t i = 0; i < 3; i++) {
		parsed(questions[i], "{}");
		parsed(questions[i], " \n\t{ } \r\n");
	}
	refused(MSG_STATUS, "{\"a\": 1}", "STATUS: 1 object item(s) left unpacked: a");
	refused(MSG_STATUS, "[]", "STATUS: Expected object, got array");
	refused(MSG_JOBS, "", "JOBS: body is not JSON: ...");
}

static void one_job(void **state)
{
	(void)state;
	static const enum message_type verbs[] = {MSG_ATTACH, MSG_CANCEL_JOB, MSG_PAUSE,
						  MSG_RESUME, MSG_RETRY,      MSG_RELEASE};
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		assert_true(parsed(verbs[i], "{\"job\":1}")->job == 1);
		assert_true(parsed(verbs[i], "{\"job\":9223372036854775807}")->job == INT64_MAX);
	}
	refused(MSG_RELEASE, "{\"job\":0}", "RELEASE: job must be over 0, got 0");
	refused(MSG_CANCEL_JOB, "{\"job\":-1}", "CANCEL_JOB: job must be over 0, got -1");
	refused(MSG_RELEASE, "{\"job\":-9223372036854775808}",
		"RELEASE: job must be over 0, got -9223372036854775808");
	refused(MSG_RELEASE, "{}", "RELEASE: Object item not found: job");
	refused(MSG_RELEASE, "{\"job\":1.0}", "RELEASE: Expected integer, got real");
	refused(MSG_RELEASE, "{\"job\":\"1\"}", "RELEASE: Expected integer, got string");
	refused(MSG_RELEASE, "{\"job\":true}", "RELEASE: Expected integer, got true");
	refused(MSG_RELEASE, "{\"job\":null}", "RELEASE: Expected integer, got null");
	refused(MSG_RELEASE, "{\"job\":[1]}", "RELEASE: Expected integer, got array");
	refused(MSG_RELEASE, "{\"Job\":1}", "RELEASE: Object item not found: job");
	refused(MSG_RELEASE, "{\"job\":1,\"jobs\":[]}",
		"RELEASE: 1 object item(s) left unpacked: jobs");
	refused(MSG_RELEASE, "{\"job\":1,\"a\\nb\":2}",
		"RELEASE: 1 object item(s) left unpacked: a?b");
	refused(MSG_RETRY, "{\"job\":1,\"band\":1}", "RETRY: 1 object item(s) left unpacked: band");
	refused(MSG_RELEASE, "{\"job\":9223372036854775808}",
		"RELEASE: body is not JSON: too big integer...");
	refused(MSG_RELEASE, "{\"job\":1,\"job\":1}",
		"RELEASE: body is not JSON: duplicate object key...");
}

static void a_band_to_release(void **state)
{
	(void)state;
	assert_true(parsed(MSG_RELEASE, "{\"job\":1}")->band == SCHED_ALL_BANDS);
	assert_int_equal(parsed(MSG_RELEASE, "{\"job\":1,\"band\":0}")->band, 0);
	assert_int_equal(parsed(MSG_RELEASE, "{\"job\":1,\"band\":1048575}")->band, 1048575);
	refused(MSG_RELEASE, "{\"job\":1,\"band\":1048576}",
		"RELEASE: band must be 0..1048575, got 1048576");
	refused(MSG_RELEASE, "{\"job\":1,\"band\":-1}", "RELEASE: band must be 0..1048575, got -1");
	refused(MSG_RELEASE, "{\"job\":1,\"band\":null}", "RELEASE: Expected integer, got null");
	refused(MSG_RELEASE, "{\"band\":1}", "RELEASE: Object item not found: job");
}

static void a_priority_in_its_range(void **state)
{
	(void)state;
	const struct outputs *out = parsed(MSG_PRIORITY, "{\"job\":7,\"priority\":-100}");
	assert_true(out->job == 7);
	assert_int_equal(out->priority, -100);
	assert_int_equal(parsed(MSG_PRIORITY, "{\"job\":7,\"priority\":100}")->priority, 100);
	refused(MSG_PRIORITY, "{\"job\":7,\"priority\":101}",
		"PRIORITY: priority must be -100..100, got 101");
	refused(MSG_PRIORITY, "{\"job\":7,\"priority\":-4294967296}",
		"PRIORITY: priority must be -100..100, got -4294967296");
	refused(MSG_PRIORITY, "{\"job\":0,\"priority\":1}", "PRIORITY: job must be over 0, got 0");
	refused(MSG_PRIORITY, "{\"job\":7}", "PRIORITY: Object item not found: priority");
	refused(MSG_PRIORITY, "{\"job\":7,\"priority\":1.0}",
		"PRIORITY: Expected integer, got real");
}

static void a_page_of_history(void **state)
{
	(void)state;
	const struct outputs *out = parsed(MSG_HISTORY, "{\"limit\":1}");
	assert_int_equal(out->limit, 1);
	assert_true(out->before == 0);
	out = parsed(MSG_HISTORY, "{\"before\":9223372036854775807,\"limit\":100}");
	assert_int_equal(out->limit, 100);
	assert_true(out->before == INT64_MAX);
	refused(MSG_HISTORY, "{\"limit\":0}", "HISTORY: limit must be 1..100, got 0");
	refused(MSG_HISTORY, "{\"limit\":101}", "HISTORY: limit must be 1..100, got 101");
	refused(MSG_HISTORY, "{\"limit\":4294967297}",
		"HISTORY: limit must be 1..100, got 4294967297");
	refused(MSG_HISTORY, "{\"limit\":1,\"before\":0}",
		"HISTORY: before must be 1..9223372036854775807, got 0");
	refused(MSG_HISTORY, "{\"limit\":1,\"before\":-5}",
		"HISTORY: before must be 1..9223372036854775807, got -5");
	refused(MSG_HISTORY, "{}", "HISTORY: Object item not found: limit");
}

static void workers_to_drain(void **state)
{
	(void)state;
	assert_string_equal(parsed(MSG_DRAIN_WORKER, "{\"worker\":\"box 1\"}")->worker, "box 1");
	assert_string_equal(parsed(MSG_DRAIN_WORKER, "{\"worker\":\"" KEY "\"}")->worker, KEY);
	const char *sentence = "DRAIN_WORKER: worker must have 1 to 63 printable characters";
	refused(MSG_DRAIN_WORKER, "{\"worker\":\"\"}", sentence);
	refused(MSG_DRAIN_WORKER, "{\"worker\":\"" NAME_63 "l\"}", sentence);
	refused(MSG_DRAIN_WORKER, "{\"worker\":\"a\\nb\"}", sentence);
	refused(MSG_DRAIN_WORKER, "{\"worker\":5}", "DRAIN_WORKER: Expected string, got integer");
	refused(MSG_DRAIN_WORKER, "{}", "DRAIN_WORKER: Object item not found: worker");
}

static void jobs_to_watch(void **state)
{
	(void)state;
	assert_int_equal(parsed(MSG_WATCH, "{\"jobs\":[]}")->count, 0);
	struct outputs *out = parsed(MSG_WATCH, "{\"jobs\":[3,9223372036854775807,3]}");
	assert_int_equal(out->count, 3);
	assert_true(out->jobs[0] == 3 && out->jobs[1] == INT64_MAX && out->jobs[2] == 3);

	char body[BODY_MAX] = "{\"jobs\":[1";
	for (int i = 1; i < LIMIT_JOBS_PER_CLIENT; i++)
		strcat(body, ",7");
	char *end = body + strlen(body);
	strcpy(end, "]}");
	out = parsed(MSG_WATCH, body);
	assert_int_equal(out->count, LIMIT_JOBS_PER_CLIENT);
	assert_true(out->jobs[LIMIT_JOBS_PER_CLIENT - 1] == 7);
	strcpy(end, ",7]}");
	const char *list = "WATCH: jobs must be a list of at most 64";
	refused(MSG_WATCH, body, list);
	refused(MSG_WATCH, "{\"jobs\":5}", list);
	refused(MSG_WATCH, "{\"jobs\":null}", list);
	refused(MSG_WATCH, "{\"jobs\":{}}", list);
	refused(MSG_WATCH, "{\"jobs\":\"1\"}", list);
	static const char *const bad[] = {"0", "-1", "1.0", "\"1\"", "null", "true", "[1]", "{}"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(body, sizeof body, "{\"jobs\":[1,%s]}", bad[i]);
		refused(MSG_WATCH, body, "WATCH: jobs must be integers over 0");
	}
	refused(MSG_WATCH, "{}", "WATCH: Object item not found: jobs");
	refused(MSG_WATCH, "{\"jobs\":[],\"job\":1}", "WATCH: 1 object item(s) left unpacked: job");
}

static void parts_to_fetch(void **state)
{
	(void)state;
	struct fetch f = parsed(MSG_FETCH, "{\"job\":9,\"plane\":1,\"x\":2,\"y\":3,\"w\":4,"
					   "\"h\":5,\"seen\":6}")
				 ->fetch;
	assert_true(f.job == 9);
	assert_int_equal(f.plane, 1);
	assert_int_equal(f.rect.x, 2);
	assert_int_equal(f.rect.y, 3);
	assert_int_equal(f.rect.w, 4);
	assert_int_equal(f.rect.h, 5);
	assert_true(f.seen == 6);
	/* Whether it lies in an image is not this function's question. */
	static const char *const names[] = {"plane", "x", "y", "w", "h"};
	static const struct {
		const char *value;
		bool is_u32;
	} values[] = {
		{"0", true},
		{"4294967295", true},
		{"4294967296", false},
		{"-1", false},
		{"-4294967296", false},
		{"9223372036854775807", false},
		{"-9223372036854775808", false},
	};
	const char *range = "FETCH: job must be over 0, and the others 0..2^32 - 1";
	for (size_t n = 0; n < 5; n++)
		for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
			char body[BODY_MAX];
			size_t used = (size_t)snprintf(body, sizeof body, "{\"job\":1,\"seen\":0");
			for (size_t k = 0; k < 5; k++)
				used += (size_t)snprintf(body + used, sizeof body - used,
							 ",\"%s\":%s", names[k],
							 k == n ? values[v].value : "1");
			(void)snprintf(body + used, sizeof body - used, "}");
			if (values[v].is_u32)
				parsed(MSG_FETCH, body);
			else
				refused(MSG_FETCH, body, range);
		}
	refused(MSG_FETCH, "{\"job\":0,\"plane\":0,\"x\":0,\"y\":0,\"w\":1,\"h\":1,\"seen\":0}",
		range);
	refused(MSG_FETCH, "{\"job\":-5,\"plane\":0,\"x\":0,\"y\":0,\"w\":1,\"h\":1,\"seen\":0}",
		range);
	refused(MSG_FETCH, "{\"job\":1,\"plane\":0,\"x\":0,\"y\":0,\"w\":1}",
		"FETCH: Object item not found: h");
	refused(MSG_FETCH, "{\"job\":1,\"plane\":0,\"x\":0.5,\"y\":0,\"w\":1,\"h\":1}",
		"FETCH: Expected integer, got real");
	refused(MSG_FETCH, "{\"job\":1,\"plane\":0,\"x\":0,\"y\":0,\"w\":1,\"h\":1}",
		"FETCH: Object item not found: seen");
	refused(MSG_FETCH, "{\"job\":1,\"plane\":0,\"x\":0,\"y\":0,\"w\":1,\"h\":1,\"seen\":-1}",
		"FETCH: seen must be 0..9223372036854775807, got -1");
	refused(MSG_FETCH,
		"{\"job\":1,\"plane\":0,\"x\":0,\"y\":0,\"w\":1,\"h\":1,\"seen\":0,\"z\":1}",
		"FETCH: 1 object item(s) left unpacked: z");
}

static void a_request_with_its_key(void **state)
{
	(void)state;
	struct outputs *out = parsed(MSG_SUBMIT, "{\"key\":\"" KEY "\",\"request\":" REQUEST "}");
	assert_true(out->submit.has_key);
	assert_memory_equal(out->submit.key, key_bytes, sizeof key_bytes);
	assert_int_equal(out->submit.request.width_px, 8);
	assert_int_equal(out->submit.request.height_px, 6);
	const char *digits = "SUBMIT: key must be 32 hexadecimal digits";
	refused(MSG_SUBMIT, "{\"key\":\"\",\"request\":" REQUEST "}", digits);
	refused(MSG_SUBMIT, "{\"key\":\"0" KEY "\",\"request\":" REQUEST "}", digits);
	refused(MSG_SUBMIT, "{\"key\":\"00112233445566778899AABBCCDDEEFF\",\"request\":{}}",
		digits);
	refused(MSG_SUBMIT, "{\"key\":\"00112233445566778899aabbccddeefg\",\"request\":{}}",
		digits);
	refused(MSG_SUBMIT, "{\"key\":1,\"request\":" REQUEST "}",
		"SUBMIT: Expected string, got integer");
	refused(MSG_SUBMIT, "{\"request\":" REQUEST "}", "SUBMIT: Object item not found: key");
	refused(MSG_SUBMIT, "{\"key\":\"" KEY "\"}", "SUBMIT: Object item not found: request");
	refused(MSG_SUBMIT, "{\"key\":\"" KEY "\",\"request\":{},\"job\":1}",
		"SUBMIT: 1 object item(s) left unpacked: job");
	refused(MSG_SUBMIT, "{\"key\":\"" KEY "\",\"request\":{\"brot\":1,\"brot\":1}}",
		"SUBMIT: body is not JSON: duplicate object key...");
}

static void a_request_that_is_kept(void **state)
{
	(void)state;
	const char *start = "{\"key\":\"" KEY "\",\"request\":" REQUEST;
	const struct submit *submit =
		&parsed(MSG_SUBMIT, "{\"key\":\"" KEY "\",\"request\":" REQUEST "}")->submit;
	assert_false(submit->is_kept);
	assert_int_equal(submit->priority, 0);
	assert_string_equal(submit->client, "");
	char body[BODY_MAX];
	(void)snprintf(body, sizeof body,
		       "%s,\"keep\":true,\"priority\":-7,\"client\":\"me@"
		       "K\xc3\xb6ln\"}",
		       start);
	submit = &parsed(MSG_SUBMIT, body)->submit;
	assert_true(submit->is_kept);
	assert_int_equal(submit->priority, -7);
	assert_string_equal(submit->client, "me@K\xc3\xb6ln");
	static const struct {
		const char *more, *sentence;
	} cases[] = {
		{"\"keep\":1", "SUBMIT: Expected true or false, got integer"},
		{"\"keep\":null", "SUBMIT: Expected true or false, got null"},
		{"\"priority\":101", "SUBMIT: priority must be -100..100, got 101"},
		{"\"priority\":-101", "SUBMIT: priority must be -100..100, got -101"},
		{"\"priority\":\"1\"", "SUBMIT: Expected integer, got string"},
		{"\"client\":\"\"", "SUBMIT: client must have 1 to 63 printable characters"},
		{"\"client\":\"" NAME_63 "l\"",
		 "SUBMIT: client must have 1 to 63 printable characters"},
		{"\"client\":\"a\\u0007\"",
		 "SUBMIT: client must have 1 to 63 printable characters"},
		{"\"client\":7", "SUBMIT: Expected string, got integer"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(body, sizeof body, "%s,%s}", start, cases[i].more);
		refused(MSG_SUBMIT, body, cases[i].sentence);
	}
}

static void a_refused_request_leaves_its_key(void **state)
{
	(void)state;
	static const char *const bad[] = {"null", "[]",           "7",
					  "{}",   "{\"brot\":2}", "{\"brot\":1,\"nonsense\":1}"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char body[BODY_MAX];
		(void)snprintf(body, sizeof body, "{\"key\":\"" KEY "\",\"request\":%s}", bad[i]);
		struct spoken spoken = speak(MSG_SUBMIT, body);
		static struct outputs out;
		struct request before;
		struct brot_error err = {0};
		memset(&out, 0x5a, sizeof out);
		out.submit.has_key = false;
		before = out.submit.request;
		assert_int_equal(parse(&spoken.m, &out, &err), BROT_E_REQUEST);
		assert_int_equal(err.code, BROT_E_REQUEST);
		assert_true(out.submit.has_key);
		assert_memory_equal(out.submit.key, key_bytes, sizeof key_bytes);
		assert_memory_equal(&out.submit.request, &before, sizeof before);
		free(spoken.body);
	}
	refused_as(BROT_E_REQUEST, MSG_SUBMIT, "{\"key\":\"" KEY "\",\"request\":7}",
		   "request: must be an object, got 7");
}

/* Every prefix of a good body, and every change of one byte, is judged without a crash, and a
 * failure has its sentence. */
static void broken_bodies_do_no_harm(void **state)
{
	(void)state;
	static const char submit[] = "{\"key\":\"" KEY "\",\"request\":" REQUEST
				     ",\"keep\":true,\"priority\":-9,\"client\":\"me\"}";
	const char *bodies[] = {
		hello(NULL, NULL),
		submit,
		"{\"jobs\":[1,22,333]}",
		"{\"job\":9,\"plane\":1,\"x\":2,\"y\":3,\"w\":4,\"h\":5,\"seen\":6}",
		"{\"job\":12,\"band\":3}",
		"{\"job\":12,\"priority\":-3}",
		"{\"worker\":\"box\"}",
		"{\"limit\":12,\"before\":345}",
		"{\"job\":12}"};
	static struct outputs out;
	size_t refusals = 0, tried = 0;
	for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++)
		for (size_t i = 0; i < strlen(bodies[b]); i++) {
			struct spoken cut = speak_bytes(all_types[b], bodies[b], i);
			struct brot_error err = {0};
			assert_int_equal(parse(&cut.m, &out, &err), BROT_E_PROTOCOL);
			assert_true(strlen(err.text) > 0);
			free(cut.body);
			for (int bit = 0; bit < 8; bit++) {
				struct spoken changed = speak(all_types[b], bodies[b]);
				changed.body[i] = (char)(changed.body[i] ^ (1 << bit));
				err = (struct brot_error){0};
				enum brot_err code = parse(&changed.m, &out, &err);
				assert_int_equal(err.code, code);
				assert_true((code != BROT_OK) == (err.text[0] != '\0'));
				refusals += code != BROT_OK;
				tried++;
				free(changed.body);
			}
		}
	assert_in_range(refusals, tried / 2, tried - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_one_object_is_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(questions_have_an_empty_body),
		cmocka_unit_test(one_job),
		cmocka_unit_test(a_band_to_release),
		cmocka_unit_test(a_priority_in_its_range),
		cmocka_unit_test(a_page_of_history),
		cmocka_unit_test(workers_to_drain),
		cmocka_unit_test(jobs_to_watch),
		cmocka_unit_test(parts_to_fetch),
		cmocka_unit_test(a_request_with_its_key),
		cmocka_unit_test(a_request_that_is_kept),
		cmocka_unit_test(a_refused_request_leaves_its_key),
		cmocka_unit_test(broken_bodies_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
