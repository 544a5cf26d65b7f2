/* test_decimal.c - exact decimal numbers: grammar, canonical text, arithmetic, doubles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/decimal.h"

static struct decimal_text parsed(const char *text)
{
	struct decimal_text value;
	enum decimal_status status = decimal_parse(text, strlen(text), &value);
	if (status != DECIMAL_OK)
		fail_msg("\"%.60s\" was refused: %s", text, decimal_rule(status));
	return value;
}

static void check_status(const char *text, size_t chars, enum decimal_status wanted)
{
	struct decimal_text value = {"untouched"};
	enum decimal_status status = decimal_parse(text, chars, &value);
	if (status != wanted)
		fail_msg("\"%.60s\" gave %d, not %d", text, (int)status, (int)wanted);
	assert_string_equal(value.text, "untouched");
}

static void test_canonical_text(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"0", "0"},
		{"-0", "0"},
		{"+0.000e5", "0"},
		{"00", "0"},
		{".0", "0"},
		{"0.", "0"},
		{"1", "1"},
		{"+1", "1"},
		{"-1", "-1"},
		{"01.50", "1.5"},
		{".5", "0.5"},
		{"5.", "5"},
		{"-.75", "-0.75"},
		{"1e0", "1"},
		{"1E2", "100"},
		{"1e+2", "100"},
		{"100", "100"},
		{"1000", "1e3"},
		{"1200", "1200"},
		{"12000", "12000"},
		{"120000", "1.2e5"},
		{"0.01", "0.01"},
		{"0.001", "1e-3"},
		{"0.0012", "0.0012"},
		{"0.00012", "1.2e-4"},
		{"12345e-2", "123.45"},
		{"12345e-7", "0.0012345"},
		{"0.00003", "3e-5"},
		{"3e-5", "3e-5"},
		{"30e-6", "3e-5"},
		{"1e00000000000000000003", "1e3"},
		{"-0.743643887037158704752191506114774", "-0.743643887037158704752191506114774"},
		{"1e10000", "1e10000"},
		{"1e-10000", "1e-10000"},
		{"0.1e-9999", "1e-10000"},
		{"12e9998", "1.2e9999"},
		{"9.99e-10000", "9.99e-10000"},
		{"-1.5e-10000", "-1.5e-10000"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decimal_text value = parsed(cases[i][0]);
		assert_string_equal(value.text, cases[i][1]);
		struct decimal_text again = parsed(value.text);
		assert_string_equal(again.text, value.text);
	}
}

static void test_grammar(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",    "-",     "+",    ".",        "-.",    "e5",  ".e5",      "1e",
		"1e+", "1e-",   "1e5.", "1e5.0",    "1.2.3", "--1", "+-1",      " 1",
		"1 ",  "1,5",   "0x10", "inf",      "-inf",  "nan", "NaN",      "1e5e5",
		"1f",  "1_000", "1d3",  "\xd9\xa1", "1e 5",  "1-",  "infinity", "1p3",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		check_status(wrong[i], strlen(wrong[i]), DECIMAL_SYNTAX);
	check_status("1\0"
		     "2",
		     3, DECIMAL_SYNTAX);
	/* Nothing after `chars` is looked at. */
	struct decimal_text value;
	assert_int_equal(decimal_parse("12345", 2, &value), DECIMAL_OK);
	assert_string_equal(value.text, "12");
}

static void test_limits(void **state)
{
	(void)state;
	check_status("1e10001", 7, DECIMAL_EXPONENT);
	check_status("1e-10001", 8, DECIMAL_EXPONENT);
	check_status("1e999999", 8, DECIMAL_EXPONENT);
	check_status("0e99999999999999999999", 22, DECIMAL_EXPONENT);
	check_status("1e-99999999999999999999", 23, DECIMAL_EXPONENT);
	check_status("12e10000", 8, DECIMAL_EXPONENT);
	check_status("0.1e-10000", 10, DECIMAL_EXPONENT);
	char text[LIMIT_DECIMAL_CHARS + 2];
	memset(text, '7', sizeof text);
	check_status(text, LIMIT_DECIMAL_CHARS + 1, DECIMAL_LENGTH);
	struct decimal_text value;
	assert_int_equal(decimal_parse(text, LIMIT_DECIMAL_CHARS, &value), DECIMAL_OK);
	assert_int_equal(strlen(value.text), LIMIT_DECIMAL_CHARS);
	assert_int_equal(decimal_log10(&value), LIMIT_DECIMAL_CHARS - 1);
	/* Within the limit as it stands, over it in canonical form. */
	text[0] = '.';
	check_status(text, LIMIT_DECIMAL_CHARS, DECIMAL_LENGTH);
	memset(text, '0', sizeof text);
	text[LIMIT_DECIMAL_CHARS - 1] = '7';
	assert_int_equal(decimal_parse(text, LIMIT_DECIMAL_CHARS, &value), DECIMAL_OK);
	assert_string_equal(value.text, "7");
}

static void check_sum(const char *a, const char *b, const char *sum)
{
	struct decimal_text left = parsed(a), right = parsed(b), result;
	assert_int_equal(decimal_add(&left, &right, &result), DECIMAL_OK);
	assert_string_equal(result.text, sum);
	assert_int_equal(decimal_add(&right, &left, &result), DECIMAL_OK);
	assert_string_equal(result.text, sum);
	assert_int_equal(decimal_subtract(&result, &right, &result), DECIMAL_OK);
	assert_string_equal(result.text, left.text);
	assert_int_equal(decimal_subtract(&right, &right, &result), DECIMAL_OK);
	assert_string_equal(result.text, "0");
}

static void test_add_and_subtract(void **state)
{
	(void)state;
	check_sum("1", "2", "3");
	check_sum("0.1", "0.2", "0.3");
	check_sum("-0.75", "0.75", "0");
	check_sum("1e20", "1e-20", "100000000000000000000.00000000000000000001");
	check_sum("-1", "1e-30", "-0.999999999999999999999999999999");
	check_sum("0", "-5e-7", "-5e-7");
	check_sum("999", "1", "1e3");
	struct decimal_text big = parsed("1e5000"), small = parsed("1e-5000"), out = {"untouched"};
	assert_int_equal(decimal_add(&big, &small, &out), DECIMAL_LENGTH);
	assert_string_equal(out.text, "untouched");
	big = parsed("9e10000");
	assert_int_equal(decimal_add(&big, &big, &out), DECIMAL_EXPONENT);
	assert_string_equal(out.text, "untouched");
}

static void test_multiply_and_halve(void **state)
{
	(void)state;
	struct decimal_text a = parsed("-0.125"), out;
	assert_int_equal(decimal_multiply(&a, 8, &out), DECIMAL_OK);
	assert_string_equal(out.text, "-1");
	assert_int_equal(decimal_multiply(&a, -2000, &out), DECIMAL_OK);
	assert_string_equal(out.text, "250");
	assert_int_equal(decimal_multiply(&a, 0, &out), DECIMAL_OK);
	assert_string_equal(out.text, "0");
	assert_int_equal(decimal_multiply(&a, INT32_MIN, &out), DECIMAL_OK);
	assert_string_equal(out.text, "268435456");
	a = parsed("1");
	/* 2^-100, exactly. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(decimal_halve(&a, &a), DECIMAL_OK);
	assert_string_equal(
		a.text,
		"7.888609052210118054117285652827862296732064351090230047702789306640625e-31");
	assert_true(decimal_to_double(&a) == 0x1p-100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(decimal_multiply(&a, 2, &a), DECIMAL_OK);
	assert_string_equal(a.text, "1");
	a = parsed("1e-10000");
	assert_int_equal(decimal_halve(&a, &out), DECIMAL_EXPONENT);
}

static void test_compare(void **state)
{
	(void)state;
	static const char *const rising[] = {
		"-1e10000",
		"-1024.0001",
		"-1024",
		"-2",
		"-1.99999999999999999999999",
		"-1e-10000",
		"0",
		"1e-10000",
		"3e-5",
		"0.1",
		"0.10000000000000000000001",
		"1",
		"1024",
		"1024.5",
		"1e10000",
	};
	enum { COUNT = sizeof rising / sizeof rising[0] };
	for (int i = 0; i < COUNT; i++) {
		struct decimal_text a = parsed(rising[i]);
		assert_int_equal(decimal_sign(&a), (i > 6) - (i < 6));
		for (int j = 0; j < COUNT; j++) {
			struct decimal_text b = parsed(rising[j]);
			assert_int_equal(decimal_compare(&a, &b), (i > j) - (i < j));
		}
		int magnitude = i < 2 || i > 12 ? 1 : i == 2 || i == 12 ? 0 : -1;
		assert_int_equal(decimal_compare_magnitude(&a, 1024), magnitude);
		assert_int_equal(decimal_compare_magnitude(&a, 0), i == 6 ? 0 : 1);
	}
	struct decimal_text most = parsed("4294967295");
	assert_int_equal(decimal_compare_magnitude(&most, UINT32_MAX), 0);
}

static void test_log10(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int32_t power;
		double digits;
	} cases[] = {{"1", 0, 1.0},     {"9.99", 0, 9.99},         {"10", 1, 1.0},
		     {"-4", 0, 4.0},    {"0.1", -1, 1.0},          {"0.0999", -2, 9.99},
		     {"3e-5", -5, 3.0}, {"1e-10000", -10000, 1.0}, {"99e9998", 9999, 9.9},
		     {"0", 0, 0.0},     {"1024", 3, 1.024}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decimal_text value = parsed(cases[i].text);
		assert_int_equal(decimal_log10(&value), cases[i].power);
		assert_true(decimal_digits(&value) == cases[i].digits);
	}
}

static void test_to_double(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double value;
	} cases[] = {
		{"0", 0.0},
		{"0.1", 0.1},
		{"-0.75", -0.75},
		{"3e-5", 3e-5},
		{"1e22", 1e22},
		{"-0.743643887037158704752191506114774", -0.743643887037158704752191506114774},
		/* Halfway between two doubles goes to the even one, a trace over it goes up. */
		{"9007199254740993", 9007199254740992.0},
		{"9007199254740993.00000000000000000000000000000001", 9007199254740994.0},
		{"4.9406564584124654e-324", 0x1p-1074},
		{"2e-324", 0.0},
		{"1e-10000", 0.0},
		{"1.7976931348623157e308", 0x1.fffffffffffffp+1023},
		{"1e309", HUGE_VAL},
		{"-1e10000", -HUGE_VAL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decimal_text value = parsed(cases[i].text);
		assert_true(decimal_to_double(&value) == cases[i].value);
	}
}

static void test_from_double(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0.0, "0"},
		{-0.0, "0"},
		{0.1, "0.1"},
		{-0.75, "-0.75"},
		{1.0 / 3, "0.3333333333333333"},
		{3e-5, "3e-5"},
		{1e300, "1e300"},
		{0x1p-1074, "5e-324"},
		{1e22, "1e22"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1920, "1920"},
		{5e-7, "5e-7"},
		{0x1.fffffffffffffp+1023, "1.7976931348623157e308"},
	};
	struct decimal_text text;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(decimal_from_double(cases[i].value, &text));
		assert_string_equal(text.text, cases[i].text);
	}
	text = parsed("7");
	assert_false(decimal_from_double(INFINITY, &text));
	assert_false(decimal_from_double(-INFINITY, &text));
	assert_false(decimal_from_double(NAN, &text));
	assert_string_equal(text.text, "7");
	/* Any double comes back; a fixed sequence of them, all magnitudes. */
	uint64_t bits = 88172645463325252u;
	for (int i = 0; i < 5000; i++) {
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		double value;
		memcpy(&value, &bits, sizeof value);
		if (!isfinite(value))
			continue;
		assert_true(decimal_from_double(value, &text));
		assert_true(decimal_to_double(&text) == value);
	}
}

/* Sums against 64-bit integers, a fixed sequence. */
static void test_against_integers(void **state)
{
	(void)state;
	uint64_t bits = 1181783497276652981u;
	for (int i = 0; i < 2000; i++) {
		int64_t v[2];
		struct decimal_text d[2], out;
		char text[32];
		for (int k = 0; k < 2; k++) {
			bits ^= bits << 13;
			bits ^= bits >> 7;
			bits ^= bits << 17;
			v[k] = (int64_t)(bits >> 2) / (i % 7 == 0 ? 1000000007 : 3) -
			       INT64_MAX / 16;
			(void)snprintf(text, sizeof text, "%lld", (long long)v[k]);
			d[k] = parsed(text);
		}
		(void)snprintf(text, sizeof text, "%lld", (long long)(v[0] + v[1]));
		assert_int_equal(decimal_add(&d[0], &d[1], &out), DECIMAL_OK);
		assert_string_equal(out.text, parsed(text).text);
		assert_int_equal(decimal_compare(&d[0], &d[1]), (v[0] > v[1]) - (v[0] < v[1]));
		assert_int_equal(decimal_sign(&d[0]), (v[0] > 0) - (v[0] < 0));
	}
}

/* Carries and borrows through all digits, and numbers that do not touch. */
static void test_far_apart(void **state)
{
	char nines[4001], one[4001], text[4200];
	struct decimal_text out, small = parsed("1"), large = parsed("1e4000");
	(void)state;
	memset(nines, '9', 4000);
	nines[4000] = '\0';
	struct decimal_text most = parsed(nines);
	assert_int_equal(decimal_add(&most, &small, &out), DECIMAL_OK);
	assert_string_equal(out.text, "1e4000");
	assert_int_equal(decimal_subtract(&large, &small, &out), DECIMAL_OK);
	assert_string_equal(out.text, nines);
	assert_int_equal(decimal_subtract(&small, &large, &out), DECIMAL_OK);
	(void)snprintf(text, sizeof text, "-%s", nines);
	assert_string_equal(out.text, text);
	assert_int_equal(decimal_subtract(&most, &most, &out), DECIMAL_OK);
	assert_string_equal(out.text, "0");
	assert_int_equal(decimal_multiply(&most, INT32_MIN, &out), DECIMAL_OK);
	memset(one, '9', 3990);
	one[3990] = '\0';
	(void)snprintf(text, sizeof text, "-2147483647%s7852516352", one);
	assert_string_equal(out.text, text);
	struct decimal_text tiny = parsed("1e-4000"), least = parsed("-1e-10000");
	out = parsed("7");
	assert_int_equal(decimal_add(&large, &tiny, &out), DECIMAL_LENGTH);
	assert_int_equal(decimal_add(&large, &least, &out), DECIMAL_LENGTH);
	assert_int_equal(decimal_halve(&least, &out), DECIMAL_EXPONENT);
	assert_string_equal(out.text, "7");
}

static void test_from_scaled(void **state)
{
	static const struct {
		double value;
		int digits;
		int64_t power;
		const char *text;
	} cases[] = {
		{5.688888888, 4, 0, "5.689"}, {9.9996, 4, 0, "10"},
		{1023.5, 7, 0, "1023.5"},     {0.0173019735063531, 15, -20, "1.73019735063531e-22"},
		{-2.5, 1, 0, "-2"},           {0.0, 15, 7, "0"},
		{1.5, 17, 9000, "1.5e9000"},  {2.5, 15, -10000, "2.5e-10000"},
	};
	struct decimal_text text;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(
			decimal_from_scaled(cases[i].value, cases[i].digits, cases[i].power, &text),
			DECIMAL_OK);
		assert_string_equal(text.text, cases[i].text);
	}
	assert_int_equal(decimal_from_scaled(1.5, 15, 10001, &text), DECIMAL_EXPONENT);
	assert_int_equal(decimal_from_scaled(1.5, 15, INT32_MIN, &text), DECIMAL_EXPONENT);
}

/* A locale whose decimal point is a comma changes nothing. The test's surroundings bring one along
 * where the system can make it. */
static void test_any_locale(void **state)
{
	(void)state;
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
	const char *found = NULL;
	for (size_t i = 0; i < sizeof names / sizeof names[0] && found == NULL; i++)
		found = setlocale(LC_NUMERIC, names[i]);
	if (found == NULL)
		skip();
	test_to_double(NULL);
	test_from_double(NULL);
	test_from_scaled(NULL);
	(void)setlocale(LC_NUMERIC, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text),
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_add_and_subtract),
		cmocka_unit_test(test_multiply_and_halve),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_log10),
		cmocka_unit_test(test_to_double),
		cmocka_unit_test(test_from_double),
		cmocka_unit_test(test_against_integers),
		cmocka_unit_test(test_far_apart),
		cmocka_unit_test(test_from_scaled),
		cmocka_unit_test(test_any_locale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
