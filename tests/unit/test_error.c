/* test_error.c - codes, their names, and sentences that quote strangers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "proto/error.h"

/* What stands on the wire and what scripts see: it never changes its meaning. */
static const struct {
	enum brot_err code;
	const char *name;
	int exit_status;
} expected[] = {
	{BROT_OK, "ok", 0},
	{BROT_E_USAGE, "usage", EX_USAGE},
	{BROT_E_REQUEST, "request", EX_DATAERR},
	{BROT_E_NO_INPUT, "no_input", EX_NOINPUT},
	{BROT_E_NOT_FOUND, "not_found", EX_NOINPUT},
	{BROT_E_UNAVAILABLE, "unavailable", EX_UNAVAILABLE},
	{BROT_E_BUSY, "busy", EX_TEMPFAIL},
	{BROT_E_NO_SPACE, "no_space", EX_OSERR},
	{BROT_E_OUTPUT, "output", EX_CANTCREAT},
	{BROT_E_SYSTEM, "system", EX_OSERR},
	{BROT_E_PROTOCOL, "protocol", EX_PROTOCOL},
	{BROT_E_DENIED, "denied", EX_NOPERM},
	{BROT_E_FAILED, "failed", EX_SOFTWARE},
	{BROT_E_CANCELLED, "cancelled", 130},
	{BROT_E_INTERNAL, "internal", EX_SOFTWARE},
	{BROT_E_CONFIG, "config", EX_CONFIG},
};

static void every_code_has_its_name_and_status(void **state)
{
	(void)state;
	assert_int_equal(sizeof expected / sizeof expected[0], BROT_ERR_COUNT);
	for (unsigned i = 0; i < BROT_ERR_COUNT; i++) {
		assert_int_equal(expected[i].code, i);
		assert_string_equal(brot_err_name(expected[i].code), expected[i].name);
		assert_int_equal(error_code_of_name(expected[i].name), i);
		assert_int_equal(error_exit_status(expected[i].code), expected[i].exit_status);
	}
}

static void what_is_no_code_is_internal(void **state)
{
	(void)state;
	static const int bad[] = {BROT_ERR_COUNT, -1, INT32_MAX, INT32_MIN};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_string_equal(brot_err_name((enum brot_err)bad[i]), "internal");
		assert_int_equal(error_exit_status((enum brot_err)bad[i]), EX_SOFTWARE);
	}
	static const char *const names[] = {"", "OK", "ok ", "nospace", "no-space", "requests"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(error_code_of_name(names[i]), BROT_E_INTERNAL);
}

static void a_sentence_is_formatted(void **state)
{
	(void)state;
	struct brot_error err = {0};
	assert_int_equal(error_set(&err, BROT_E_BUSY, "jobs: at most %d, got %s", 7, "x"),
			 BROT_E_BUSY);
	assert_int_equal(err.code, BROT_E_BUSY);
	assert_string_equal(err.text, "jobs: at most 7, got x");
	assert_int_equal(error_set(NULL, BROT_E_DENIED, "%s", "nobody listens"), BROT_E_DENIED);
}

static void a_long_sentence_is_cut(void **state)
{
	(void)state;
	char text[2 * BROT_ERROR_TEXT_BYTES];
	for (size_t chars = BROT_ERROR_TEXT_BYTES - 3; chars < sizeof text; chars++) {
		struct {
			struct brot_error err;
			char after[8];
		} box;
		memset(&box, 0x5a, sizeof box);
		memset(text, 'a', chars);
		text[chars] = '\0';
		error_set(&box.err, BROT_E_SYSTEM, "%s", text);
		size_t kept = chars < BROT_ERROR_TEXT_BYTES ? chars : BROT_ERROR_TEXT_BYTES - 1;
		assert_int_equal(strlen(box.err.text), kept);
		assert_memory_equal(box.err.text, text, kept);
		for (size_t i = 0; i < sizeof box.after; i++)
			assert_int_equal(box.after[i], 0x5a);
	}
}

static void control_characters_become_question_marks(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		struct brot_error err;
		char want[8];
		bool is_control = c < 0x20 || c == 0x7f;
		(void)snprintf(want, sizeof want, "a%cb", is_control ? '?' : c);
		error_set(&err, BROT_E_PROTOCOL, "a%cb", c);
		assert_string_equal(err.text, want);
	}
	/* Those of UTF-8 too: the second is the one that begins a terminal's orders. */
	struct brot_error err;
	error_set(&err, BROT_E_PROTOCOL, "%s",
		  "a\xc2\x80"
		  "b\xc2\x9b"
		  "2J\xc2\xa0\xc3\xa9\xc2");
	assert_string_equal(err.text, "a??b??2J\xc2\xa0\xc3\xa9\xc2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_its_name_and_status),
		cmocka_unit_test(what_is_no_code_is_internal),
		cmocka_unit_test(a_sentence_is_formatted),
		cmocka_unit_test(a_long_sentence_is_cut),
		cmocka_unit_test(control_characters_become_question_marks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
