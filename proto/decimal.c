/*
 * decimal.c - exact decimal numbers as text.
 *
 * Inside, a number is mantissa * 10^exponent with a mantissa that ends in no zero; zero is 0 *
 * 10^0. The limits keep mantissas under some 24 500 digits even while two numbers are brought to
 * one exponent, so nothing here takes long.
 */
#include "proto/decimal.h"

#include <assert.h>
#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(macro)  TEXT_OF_(macro)
#define TEXT_OF_(value) #value

struct decimal {
	mpz_t mantissa;
	int64_t exponent;
};

/* The parts of a text that is in the grammar. */
struct scan {
	bool is_negative;
	char digits[LIMIT_DECIMAL_CHARS + 1]; /* without the point; NUL-terminated */
	size_t digit_count;
	int64_t exponent; /* of the last digit */
};

const char *decimal_rule(enum decimal_status status)
{
	switch (status) {
	case DECIMAL_LENGTH:
		return "must have at most " TEXT_OF(LIMIT_DECIMAL_CHARS) " characters";
	case DECIMAL_EXPONENT:
		return "must have a power of ten within +-" TEXT_OF(LIMIT_DECIMAL_EXPONENT);
	case DECIMAL_OK:
	case DECIMAL_SYNTAX:
		break;
	}
	return "must be a decimal number";
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads "[+-] digits" that must reach to end. The value stops growing past the limit, so that
 * no number of digits can overflow it. */
static enum decimal_status scan_exponent(const char *p, const char *end, int64_t *ret_exponent)
{
	bool is_negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return DECIMAL_SYNTAX;
	int64_t value = 0;
	for (; p < end; p++) {
		if (!is_digit(*p))
			return DECIMAL_SYNTAX;
		if (value <= LIMIT_DECIMAL_EXPONENT)
			value = 10 * value + (*p - '0');
	}
	*ret_exponent = is_negative ? -value : value;
	return value > LIMIT_DECIMAL_EXPONENT ? DECIMAL_EXPONENT : DECIMAL_OK;
}

static enum decimal_status scan_text(const char *text, size_t chars, struct scan *scan)
{
	if (chars > LIMIT_DECIMAL_CHARS)
		return DECIMAL_LENGTH;
	const char *p = text, *end = text + chars;
	scan->is_negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	scan->digit_count = 0;
	int64_t places = 0;
	bool has_point = false;
	for (; p < end && (is_digit(*p) || (*p == '.' && !has_point)); p++) {
		if (*p == '.') {
			has_point = true;
			continue;
		}
		scan->digits[scan->digit_count++] = *p;
		places += has_point;
	}
	scan->digits[scan->digit_count] = '\0';
	if (scan->digit_count == 0)
		return DECIMAL_SYNTAX;
	scan->exponent = 0;
	if (p < end) {
		if (*p != 'e' && *p != 'E')
			return DECIMAL_SYNTAX;
		enum decimal_status status = scan_exponent(p + 1, end, &scan->exponent);
		if (status != DECIMAL_OK)
			return status;
	}
	scan->exponent -= places;
	return DECIMAL_OK;
}

/* Strips zeros at both ends. What is left of zero is no digit at all. */
static void scan_trim(struct scan *scan)
{
	size_t zeros = strspn(scan->digits, "0");
	scan->digit_count -= zeros;
	memmove(scan->digits, scan->digits + zeros, scan->digit_count + 1);
	while (scan->digit_count > 0 && scan->digits[scan->digit_count - 1] == '0') {
		scan->digits[--scan->digit_count] = '\0';
		scan->exponent++;
	}
}

/* Writes sign, digits and exponent, trimmed, in the canonical form. */
static enum decimal_status write_text(bool is_negative, const char *digits, size_t count,
				      int64_t exponent, struct decimal_text *ret)
{
	if (count == 0) {
		memcpy(ret->text, "0", 2);
		return DECIMAL_OK;
	}
	int64_t lead = exponent + (int64_t)count - 1;
	if (lead > LIMIT_DECIMAL_EXPONENT || lead < -LIMIT_DECIMAL_EXPONENT)
		return DECIMAL_EXPONENT;
	char power[16];
	size_t power_chars = (size_t)snprintf(power, sizeof power, "e%d", (int)lead);
	size_t sign_chars = is_negative ? 1 : 0;
	size_t short_chars = count + (count > 1) + power_chars;
	size_t plain_chars = exponent >= 0 ? count + (size_t)exponent
			     : lead >= 0   ? count + 1
					   : count + 1 + (size_t)-lead;
	bool is_plain = plain_chars <= short_chars;
	if (sign_chars + (is_plain ? plain_chars : short_chars) > LIMIT_DECIMAL_CHARS)
		return DECIMAL_LENGTH;
	char *p = ret->text;
	if (is_negative)
		*p++ = '-';
	size_t whole = is_plain ? (lead >= 0 ? (size_t)lead + 1 : 0)
				: 1; /* digits before a point */
	if (whole == 0) {
		*p++ = '0';
		*p++ = '.';
		memset(p, '0', (size_t)-lead - 1);
		p += -lead - 1;
	}
	for (size_t i = 0; i < count || i < whole; i++) {
		if (i == whole && whole > 0)
			*p++ = '.';
		*p++ = i < count ? digits[i] : '0';
	}
	if (!is_plain) {
		memcpy(p, power, power_chars);
		p += power_chars;
	}
	*p = '\0';
	return DECIMAL_OK;
}

enum decimal_status decimal_parse(const char *text, size_t chars, struct decimal_text *ret)
{
	struct scan scan;
	enum decimal_status status = scan_text(text, chars, &scan);
	if (status != DECIMAL_OK)
		return status;
	scan_trim(&scan);
	return write_text(scan.is_negative, scan.digits, scan.digit_count, scan.exponent, ret);
}

/* Scans text of our own making. */
static void scan_own(const struct decimal_text *a, struct scan *scan)
{
	enum decimal_status status = scan_text(a->text, strlen(a->text), scan);
	assert(status == DECIMAL_OK);
	(void)status;
	scan_trim(scan);
}

/* Makes *d from text; decimal_done() releases it. */
static void decimal_init(struct decimal *d, const struct decimal_text *a)
{
	struct scan scan;
	scan_own(a, &scan);
	mpz_init(d->mantissa);
	d->exponent = 0;
	if (scan.digit_count == 0)
		return;
	int failed = mpz_set_str(d->mantissa, scan.digits, 10);
	assert(failed == 0);
	(void)failed;
	if (scan.is_negative)
		mpz_neg(d->mantissa, d->mantissa);
	d->exponent = scan.exponent;
}

static void decimal_done(struct decimal *d)
{
	mpz_clear(d->mantissa);
}

/* Multiplies the mantissa by ten until the exponent is as small as `exponent`. */
static void decimal_lower(struct decimal *d, int64_t exponent)
{
	if (d->exponent <= exponent)
		return;
	mpz_t power;
	mpz_init(power);
	mpz_ui_pow_ui(power, 10, (unsigned long)(d->exponent - exponent));
	mpz_mul(d->mantissa, d->mantissa, power);
	mpz_clear(power);
	d->exponent = exponent;
}

/* Writes *d, of whatever length. */
static enum decimal_status decimal_write(const struct decimal *d, struct decimal_text *ret)
{
	char *digits = mpz_get_str(NULL, 10, d->mantissa);
	bool is_negative = digits[0] == '-';
	const char *first = digits + is_negative;
	size_t count = mpz_sgn(d->mantissa) == 0 ? 0 : strlen(first);
	int64_t exponent = d->exponent;
	while (count > 0 && first[count - 1] == '0') {
		count--;
		exponent++;
	}
	enum decimal_status status = write_text(is_negative, first, count, exponent, ret);
	void (*release)(void *, size_t);
	mp_get_memory_functions(NULL, NULL, &release);
	release(digits, strlen(digits) + 1);
	return status;
}

static enum decimal_status combine(const struct decimal_text *a, const struct decimal_text *b,
				   void (*operation)(mpz_ptr, mpz_srcptr, mpz_srcptr),
				   struct decimal_text *ret)
{
	struct decimal left, right;
	decimal_init(&left, a);
	decimal_init(&right, b);
	decimal_lower(&left, right.exponent);
	decimal_lower(&right, left.exponent);
	operation(left.mantissa, left.mantissa, right.mantissa);
	enum decimal_status status = decimal_write(&left, ret);
	decimal_done(&left);
	decimal_done(&right);
	return status;
}

enum decimal_status decimal_add(const struct decimal_text *a, const struct decimal_text *b,
				struct decimal_text *ret)
{
	return combine(a, b, mpz_add, ret);
}

enum decimal_status decimal_subtract(const struct decimal_text *a, const struct decimal_text *b,
				     struct decimal_text *ret)
{
	return combine(a, b, mpz_sub, ret);
}

enum decimal_status decimal_multiply(const struct decimal_text *a, int32_t factor,
				     struct decimal_text *ret)
{
	struct decimal d;
	decimal_init(&d, a);
	mpz_mul_si(d.mantissa, d.mantissa, factor);
	enum decimal_status status = decimal_write(&d, ret);
	decimal_done(&d);
	return status;
}

enum decimal_status decimal_halve(const struct decimal_text *a, struct decimal_text *ret)
{
	struct decimal d;
	decimal_init(&d, a);
	mpz_mul_ui(d.mantissa, d.mantissa, 5); /* a half is five tenths */
	d.exponent--;
	enum decimal_status status = decimal_write(&d, ret);
	decimal_done(&d);
	return status;
}

int decimal_sign(const struct decimal_text *a)
{
	if (strcmp(a->text, "0") == 0)
		return 0;
	return a->text[0] == '-' ? -1 : 1;
}

int decimal_compare(const struct decimal_text *a, const struct decimal_text *b)
{
	struct decimal left, right;
	decimal_init(&left, a);
	decimal_init(&right, b);
	decimal_lower(&left, right.exponent);
	decimal_lower(&right, left.exponent);
	int order = mpz_cmp(left.mantissa, right.mantissa);
	decimal_done(&left);
	decimal_done(&right);
	return (order > 0) - (order < 0);
}

int decimal_compare_magnitude(const struct decimal_text *a, uint32_t limit)
{
	struct decimal d;
	decimal_init(&d, a);
	struct decimal whole = {.exponent = 0};
	mpz_init_set_ui(whole.mantissa, limit);
	decimal_lower(&d, 0);
	decimal_lower(&whole, d.exponent);
	int order = mpz_cmpabs(d.mantissa, whole.mantissa);
	decimal_done(&d);
	decimal_done(&whole);
	return (order > 0) - (order < 0);
}

int32_t decimal_log10(const struct decimal_text *a)
{
	struct scan scan;
	scan_own(a, &scan);
	if (scan.digit_count == 0)
		return 0;
	return (int32_t)(scan.exponent + (int64_t)scan.digit_count - 1);
}

/* strtod looks for the locale's point; text without any reads the same everywhere. */
static double scan_to_double(const struct scan *scan, int64_t exponent)
{
	if (scan->digit_count == 0)
		return 0.0;
	char text[LIMIT_DECIMAL_CHARS + 32];
	(void)snprintf(text, sizeof text, "%s%se%lld", scan->is_negative ? "-" : "", scan->digits,
		       (long long)exponent);
	return strtod(text, NULL);
}

double decimal_to_double(const struct decimal_text *a)
{
	struct scan scan;
	scan_own(a, &scan);
	return scan_to_double(&scan, scan.exponent);
}

double decimal_digits(const struct decimal_text *a)
{
	struct scan scan;
	scan_own(a, &scan);
	scan.is_negative = false;
	return scan_to_double(&scan, 1 - (int64_t)scan.digit_count);
}

bool decimal_from_double(double value, struct decimal_text *ret)
{
	if (!(value - value == 0.0))
		return false;
	struct decimal_text shortest = {{0}};
	for (int digits = 1; digits <= 17; digits++) {
		char text[64];
		(void)snprintf(text, sizeof text, "%.*e", digits - 1, value);
		/* printf writes the locale's point, of any number of bytes. */
		size_t kept = 0;
		const char *last = strchr(text, 'e');
		assert(last != NULL);
		for (const char *p = text; p < last; p++)
			if (is_digit(*p) || *p == '-')
				text[kept++] = *p;
		char number[80];
		int chars = snprintf(number, sizeof number, "%.*se%ld", (int)kept, text,
				     strtol(last + 1, NULL, 10) - (digits - 1));
		enum decimal_status status = decimal_parse(number, (size_t)chars, &shortest);
		assert(status == DECIMAL_OK);
		(void)status;
		if (decimal_to_double(&shortest) == value)
			break;
	}
	*ret = shortest;
	return true;
}
