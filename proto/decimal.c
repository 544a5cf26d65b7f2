/*
 * decimal.c - exact decimal numbers as text.
 *
 * Inside, a number is digits * 10^exponent, of which neither the first digit nor the last is a
 * zero; zero has none. All arithmetic is digit by digit in arrays of a fixed size: it needs no
 * memory that might be short, and numbers are too short for more to be worth it.
 */
#include "proto/decimal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(macro)  TEXT_OF_(macro)
#define TEXT_OF_(value) #value

/* A limit and a factor have 10 digits at most, and a sum has one more than what it is of. */
#define SPARE_DIGITS 12

/* The parts of a text that is in the grammar. */
struct scan {
	bool is_negative;
	char digits[LIMIT_DECIMAL_CHARS + SPARE_DIGITS + 1]; /* without the point; NUL-terminated */
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

static enum decimal_status write_scan(const struct scan *scan, struct decimal_text *ret)
{
	return write_text(scan->is_negative, scan->digits, scan->digit_count, scan->exponent, ret);
}

/* The power of ten of the leading digit. Not of zero. */
static int64_t scan_lead(const struct scan *scan)
{
	return scan->exponent + (int64_t)scan->digit_count - 1;
}

/* The value of the digit of that power of ten. */
static int scan_digit(const struct scan *scan, int64_t power)
{
	const int64_t at = scan_lead(scan) - power;
	return power >= scan->exponent && at >= 0 ? scan->digits[at] - '0' : 0;
}

/* -1, 0 or 1 of the magnitudes. */
static int compare_scans(const struct scan *a, const struct scan *b)
{
	if (a->digit_count == 0 || b->digit_count == 0)
		return (a->digit_count > 0) - (b->digit_count > 0);
	if (scan_lead(a) != scan_lead(b))
		return scan_lead(a) > scan_lead(b) ? 1 : -1;
	const int order = strcmp(a->digits, b->digits);
	return (order > 0) - (order < 0);
}

/* Sets *sum to |a| + |b| or, with a sign of -1, to |a| - |b|, which must not be negative. Neither
 * is zero, and the highest and the lowest of all their digits are so many apart that all fit. */
static void combine_digits(const struct scan *a, const struct scan *b, int sign, struct scan *sum)
{
	const int64_t low = a->exponent < b->exponent ? a->exponent : b->exponent;
	const int64_t lead = scan_lead(a) > scan_lead(b) ? scan_lead(a) : scan_lead(b);
	const size_t count = (size_t)(lead - low) + 2;
	int carry = 0;
	for (size_t i = 0; i < count; i++) {
		const int64_t power = low + (int64_t)i;
		const int digit = scan_digit(a, power) + sign * scan_digit(b, power) + carry;
		carry = digit > 9 ? 1 : digit < 0 ? -1 : 0;
		sum->digits[count - 1 - i] = (char)('0' + digit - 10 * carry);
	}
	assert(carry == 0);
	sum->digits[count] = '\0';
	sum->digit_count = count;
	sum->exponent = low;
	scan_trim(sum);
}

static enum decimal_status add_scans(const struct scan *a, const struct scan *b,
				     struct decimal_text *ret)
{
	struct scan sum;
	if (a->digit_count == 0 || b->digit_count == 0)
		return write_scan(a->digit_count == 0 ? b : a, ret);
	const bool is_a_larger = compare_scans(a, b) >= 0;
	const struct scan *large = is_a_larger ? a : b, *small = is_a_larger ? b : a;
	const int64_t low = a->exponent < b->exponent ? a->exponent : b->exponent;
	/* So far apart none of the digits between vanishes. */
	if (scan_lead(large) - low > LIMIT_DECIMAL_CHARS + 2)
		return DECIMAL_LENGTH;
	combine_digits(large, small, a->is_negative == b->is_negative ? 1 : -1, &sum);
	sum.is_negative = large->is_negative;
	return write_scan(&sum, ret);
}

enum decimal_status decimal_add(const struct decimal_text *a, const struct decimal_text *b,
				struct decimal_text *ret)
{
	struct scan left, right;
	scan_own(a, &left);
	scan_own(b, &right);
	return add_scans(&left, &right, ret);
}

enum decimal_status decimal_subtract(const struct decimal_text *a, const struct decimal_text *b,
				     struct decimal_text *ret)
{
	struct scan left, right;
	scan_own(a, &left);
	scan_own(b, &right);
	right.is_negative = !right.is_negative;
	return add_scans(&left, &right, ret);
}

/* Multiplies the magnitude by a factor of at most SPARE_DIGITS digits. */
static void scan_multiply(struct scan *scan, uint64_t factor)
{
	uint64_t carry = 0;
	char *digits = scan->digits;
	memmove(digits + SPARE_DIGITS, digits, scan->digit_count + 1);
	scan->digit_count += SPARE_DIGITS;
	for (size_t i = scan->digit_count; i-- > 0;) {
		if (i >= SPARE_DIGITS)
			carry += factor * (uint64_t)(digits[i] - '0');
		digits[i] = (char)('0' + carry % 10);
		carry /= 10;
	}
	assert(carry == 0);
	scan_trim(scan);
}

enum decimal_status decimal_multiply(const struct decimal_text *a, int32_t factor,
				     struct decimal_text *ret)
{
	struct scan scan;
	scan_own(a, &scan);
	const int64_t wide = factor;
	scan_multiply(&scan, (uint64_t)(wide < 0 ? -wide : wide));
	scan.is_negative ^= factor < 0;
	return write_scan(&scan, ret);
}

enum decimal_status decimal_halve(const struct decimal_text *a, struct decimal_text *ret)
{
	struct scan scan;
	scan_own(a, &scan);
	scan_multiply(&scan, 5); /* a half is five tenths */
	scan.exponent--;
	return write_scan(&scan, ret);
}

int decimal_sign(const struct decimal_text *a)
{
	if (strcmp(a->text, "0") == 0)
		return 0;
	return a->text[0] == '-' ? -1 : 1;
}

int decimal_compare(const struct decimal_text *a, const struct decimal_text *b)
{
	const int sign = decimal_sign(a), other = decimal_sign(b);
	struct scan left, right;
	if (sign != other)
		return sign > other ? 1 : -1;
	scan_own(a, &left);
	scan_own(b, &right);
	return sign * compare_scans(&left, &right);
}

int decimal_compare_magnitude(const struct decimal_text *a, uint32_t limit)
{
	struct scan scan, whole = {.exponent = 0};
	scan_own(a, &scan);
	whole.digit_count = (size_t)snprintf(whole.digits, sizeof whole.digits, "%u", limit);
	scan_trim(&whole);
	return compare_scans(&scan, &whole);
}

int32_t decimal_log10(const struct decimal_text *a)
{
	struct scan scan;
	scan_own(a, &scan);
	return scan.digit_count == 0 ? 0 : (int32_t)scan_lead(&scan);
}

/* strtod looks for the locale's point; text without any reads the same everywhere. */
static double scan_to_double(const struct scan *scan, int64_t exponent)
{
	if (scan->digit_count == 0)
		return 0.0;
	char text[sizeof scan->digits + 32];
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

enum decimal_status decimal_from_scaled(double value, int digits, int64_t power,
					struct decimal_text *ret)
{
	char text[64];
	struct scan scan = {.is_negative = value < 0.0};
	assert(digits >= 1 && digits <= 17);
	(void)snprintf(text, sizeof text, "%.*e", digits - 1, value);
	/* printf writes the locale's point, of any number of bytes. */
	const char *last = strchr(text, 'e');
	assert(last != NULL);
	for (const char *p = text; p < last; p++)
		if (is_digit(*p))
			scan.digits[scan.digit_count++] = *p;
	scan.exponent = strtol(last + 1, NULL, 10) - (digits - 1) + power;
	scan_trim(&scan);
	return write_scan(&scan, ret);
}

bool decimal_from_double(double value, struct decimal_text *ret)
{
	if (!(value - value == 0.0))
		return false;
	struct decimal_text shortest = {{0}};
	for (int digits = 1; digits <= 17; digits++) {
		const enum decimal_status status = decimal_from_scaled(value, digits, 0, &shortest);
		assert(status == DECIMAL_OK);
		(void)status;
		if (decimal_to_double(&shortest) == value)
			break;
	}
	*ret = shortest;
	return true;
}
