/* test_zap.c - what libzmq asks at the door, and what it is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "broker/zap.h"

#define KEY    "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
#define FRAMES 7

static uint8_t key[Z85_KEY_BYTES];

static struct bytes text(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static void fill(struct bytes frames[FRAMES])
{
	assert_true(z85_read(KEY, key, sizeof key));
	frames[0] = text("1.0");
	frames[1] = text("1");
	frames[2] = text("workers");
	frames[3] = text("::ffff:192.168.0.7");
	frames[4] = text("");
	frames[5] = text("CURVE");
	frames[6] = (struct bytes){key, sizeof key};
}

static void a_question_is_read(void **state)
{
	(void)state;
	struct bytes frames[FRAMES];
	struct zap_question question;
	fill(frames);
	assert_int_equal(zap_decode(frames, FRAMES, &question, NULL), BROT_OK);
	assert_int_equal(question.request_id_bytes, 1);
	assert_memory_equal(question.request_id, "1", 1);
	assert_string_equal(question.domain, "workers");
	assert_string_equal(question.address, "::ffff:192.168.0.7");
	assert_string_equal(question.key, KEY);
}

static void refuse(size_t frame, struct bytes value, const char *why)
{
	struct bytes frames[FRAMES];
	struct zap_question question;
	struct brot_error err = {0};
	fill(frames);
	frames[frame] = value;
	assert_int_equal(zap_decode(frames, FRAMES, &question, &err), BROT_E_PROTOCOL);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
	assert_string_equal(question.key, "");
}

static void any_other_is_refused(void **state)
{
	(void)state;
	static const char zeros[ZAP_REQUEST_ID_BYTES + 1];
	refuse(0, text("1.1"), "must be of version 1.0");
	refuse(0, text(""), "must be of version 1.0");
	refuse(1, (struct bytes){zeros, sizeof zeros}, "id must have at most 64");
	refuse(2, text("a domain with 16"), "domain is none of ours");
	refuse(2, (struct bytes){"a\0b", 3}, "domain is none of ours");
	refuse(5, text("NULL"), "must be CURVE");
	refuse(5, text("PLAIN"), "must be CURVE");
	refuse(6, text("short"), "a key must have 32 bytes, got 5");
	refuse(6, (struct bytes){zeros, 33}, "a key must have 32 bytes, got 33");

	struct bytes frames[FRAMES + 1];
	struct zap_question question;
	struct brot_error err;
	fill(frames);
	frames[FRAMES] = text("");
	for (size_t count = 0; count <= FRAMES + 1; count++)
		if (count != FRAMES) {
			assert_int_equal(zap_decode(frames, count, &question, &err),
					 BROT_E_PROTOCOL);
			assert_int_equal(question.request_id_bytes, count > 1 ? 1 : 0);
		}
}

static void odd_addresses_are_made_printable(void **state)
{
	(void)state;
	struct bytes frames[FRAMES];
	struct zap_question question;
	char address[300];
	memset(address, '\n', sizeof address);
	fill(frames);
	frames[3] = (struct bytes){address, sizeof address};
	assert_int_equal(zap_decode(frames, FRAMES, &question, NULL), BROT_OK);
	assert_int_equal(strlen(question.address), sizeof question.address - 1);
	assert_null(strchr(question.address, '\n'));
}

static void assert_frame(const struct bytes *frame, const char *value)
{
	assert_int_equal(frame->size, strlen(value));
	assert_memory_equal(frame->data, value, frame->size);
}

static void answers_are_those_of_the_standard(void **state)
{
	(void)state;
	struct bytes frames[FRAMES], answer[ZAP_ANSWER_FRAMES];
	struct zap_question question;
	fill(frames);
	assert_int_equal(zap_decode(frames, FRAMES, &question, NULL), BROT_OK);
	zap_encode(&question, ZAP_LET_IN, answer);
	assert_frame(&answer[0], "1.0");
	assert_frame(&answer[1], "1");
	assert_frame(&answer[2], "200");
	assert_frame(&answer[4], KEY);
	assert_frame(&answer[5], "");
	zap_encode(&question, ZAP_TURN_AWAY, answer);
	assert_frame(&answer[2], "400");
	assert_frame(&answer[4], "");
	zap_encode(&question, ZAP_NOT_UNDERSTOOD, answer);
	assert_frame(&answer[2], "500");
	assert_frame(&answer[4], "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read),
		cmocka_unit_test(any_other_is_refused),
		cmocka_unit_test(odd_addresses_are_made_printable),
		cmocka_unit_test(answers_are_those_of_the_standard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
