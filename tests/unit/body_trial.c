/* body_trial.c - a body in a block of its own, and everything that may come out of it. */
#include "tests/unit/body_trial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t key_bytes[SCHED_KEY_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
					    0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

struct spoken speak_bytes(enum message_type type, const char *body, size_t bytes)
{
	struct spoken spoken = {.m = {.type = type}, .body = malloc(bytes > 0 ? bytes : 1)};
	assert_non_null(spoken.body);
	memcpy(spoken.body, body, bytes);
	spoken.m.body = (struct bytes){spoken.body, bytes};
	return spoken;
}

struct spoken speak(enum message_type type, const char *body)
{
	return speak_bytes(type, body, strlen(body));
}

enum brot_err parse(const struct message *m, struct outputs *out, struct brot_error *err)
{
	switch ((int)m->type) {
	case MSG_HELLO:
		return parse_hello(m, &out->info, err);
	case MSG_SUBMIT:
		return parse_submit(m, &out->submit, err);
	case MSG_WATCH:
		return parse_watch(m, out->jobs, &out->count, err);
	case MSG_FETCH:
		return parse_fetch(m, &out->fetch, err);
	case MSG_RELEASE:
		return parse_release(m, &out->job, &out->band, err);
	case MSG_PRIORITY:
		return parse_priority(m, &out->job, &out->priority, err);
	case MSG_DRAIN_WORKER:
		return parse_drain_worker(m, out->worker, err);
	case MSG_HISTORY:
		return parse_history(m, &out->limit, &out->before, err);
	case MSG_ATTACH:
	case MSG_CANCEL_JOB:
	case MSG_PAUSE:
	case MSG_RESUME:
	case MSG_RETRY:
		return parse_job(m, &out->job, err);
	default:
		return parse_nothing(m, err);
	}
}

void refused_as(enum brot_err code, enum message_type type, const char *body, const char *sentence)
{
	struct spoken spoken = speak(type, body);
	static struct outputs out, before;
	struct brot_error err = {0};
	memset(&out, 0x5a, sizeof out);
	out.submit.has_key = false;
	before = out;
	enum brot_err got = parse(&spoken.m, &out, &err);
	free(spoken.body);
	if (got != code)
		fail_msg("%s %s: %s (%s)", message_name(type), body, brot_err_name(got), err.text);
	assert_int_equal(err.code, code);
	/* One that ends in "..." is jansson's from there on. */
	size_t chars = strlen(sentence);
	if (chars >= 3 && strcmp(sentence + chars - 3, "...") == 0)
		chars -= 3;
	if (strncmp(err.text, sentence, chars + (sentence[chars] == '\0')) != 0)
		fail_msg("%s %s:\n%s\nshould be\n%s", message_name(type), body, err.text, sentence);
	if (out.submit.has_key) {
		assert_memory_equal(out.submit.key, key_bytes, sizeof key_bytes);
		memcpy(out.submit.key, before.submit.key, sizeof out.submit.key);
		out.submit.has_key = false;
	}
	assert_memory_equal(&out, &before, sizeof out);
}

void refused(enum message_type type, const char *body, const char *sentence)
{
	refused_as(BROT_E_PROTOCOL, type, body, sentence);
}

struct outputs *parsed(enum message_type type, const char *body)
{
	static struct outputs out;
	struct spoken spoken = speak(type, body);
	struct brot_error err = {0};
	memset(&out, 0, sizeof out);
	if (parse(&spoken.m, &out, &err) != BROT_OK)
		fail_msg("%s %s: %s", message_name(type), body, err.text);
	free(spoken.body);
	return &out;
}

const char *hello(const char *name, const char *value)
{
	static const char *const members[][2] = {
		{"brot", "1"},
		{"version", "\"0.1.0\""},
		{"worker", "\"" KEY "\""},
		{"name", "\"w 1\""},
		{"pid", "4711"},
		{"threads", "2"},
		{"kernel", "\"avx2\""},
		{"kernels", "[\"avx2\",\"scalar\"]"},
	};
	static char body[BODY_MAX];
	size_t used = 0;
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		bool is_it = name != NULL && strcmp(name, members[i][0]) == 0;
		if (is_it && value == NULL)
			continue;
		used += (size_t)snprintf(body + used, sizeof body - used, "%c\"%s\":%s",
					 used == 0 ? '{' : ',', members[i][0],
					 is_it ? value : members[i][1]);
	}
	(void)snprintf(body + used, sizeof body - used, "}");
	return body;
}
