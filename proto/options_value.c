/* options_value.c - values of each type: how a text is checked and stored, and how two compare. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/options.h"
#include "proto/quote.h"

#define RULE_BYTES   160
#define NUMBER_BYTES 32

static enum brot_err refuse(struct brot_error *err, const char *label, const char *rule,
			    const char *text)
{
	char quoted[QUOTE_BYTES];
	return error_set(err, BROT_E_USAGE, "%s: %s, got \"%s\"", label, rule,
			 quote_text(text, strlen(text), quoted, sizeof quoted));
}

/* Reads digits only, at most INT64_MAX: more counts as that. NULL unless there is a digit, else
 * the end of the digits. */
static const char *read_digits(const char *text, int64_t *ret)
{
	const char *p = text;
	int64_t value = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		int digit = *p - '0';
		value = value > (INT64_MAX - digit) / 10 ? INT64_MAX : value * 10 + digit;
	}
	if (p == text)
		return NULL;
	*ret = value;
	return p;
}

static enum brot_err store_flag(const struct option_spec *spec, const char *label, const char *text,
				void *at, struct brot_error *err)
{
	(void)spec;
	bool value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
	if (!value && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
		return refuse(err, label, "must be true, false, 1 or 0", text);
	memcpy(at, &value, sizeof value);
	return BROT_OK;
}

static enum brot_err store_string(const struct option_spec *spec, const char *label,
				  const char *text, void *at, struct brot_error *err)
{
	size_t chars = strlen(text);
	if (chars == 0 && spec->max == 0)
		return error_set(err, BROT_E_USAGE, "%s: must not be empty", label);
	if (spec->max > 0 && ((int64_t)chars < spec->min || (int64_t)chars > spec->max))
		return error_set(err, BROT_E_USAGE,
				 "%s: must have %lld to %lld characters, got %zu", label,
				 (long long)spec->min, (long long)spec->max, chars);
	for (size_t i = 0; spec->max > 0 && i < chars; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return error_set(err, BROT_E_USAGE,
					 "%s: must be printable ASCII, is not at character %zu",
					 label, i + 1);
	memcpy(at, &text, sizeof text);
	return BROT_OK;
}

static enum brot_err store_word(const struct option_spec *spec, const char *label, const char *text,
				void *at, struct brot_error *err)
{
	char rule[RULE_BYTES] = "must be ";
	const char *gap = "";
	for (const char *word = spec->arg, *end; word != NULL; word = end) {
		size_t chars = strcspn(word, "|"), used = strlen(rule);
		if (strlen(text) == chars && memcmp(text, word, chars) == 0) {
			memcpy(at, &text, sizeof text);
			return BROT_OK;
		}
		end = word[chars] == '|' ? word + chars + 1 : NULL;
		(void)snprintf(rule + used, sizeof rule - used, "%s%.*s", gap, (int)chars, word);
		gap = end != NULL && strchr(end, '|') != NULL ? ", " : " or ";
	}
	return refuse(err, label, rule, text);
}

static enum brot_err store_strings(const struct option_spec *spec, const char *label,
				   const char *text, void *at, struct brot_error *err)
{
	(void)spec;
	struct option_strings *list = at;
	if (text[0] == '\0')
		return error_set(err, BROT_E_USAGE, "%s: must not be empty", label);
	if (list->count >= LIMIT_ENDPOINTS)
		return error_set(err, BROT_E_USAGE, "%s: may be given at most %d times", label,
				 LIMIT_ENDPOINTS);
	list->values[list->count++] = text;
	return BROT_OK;
}

static enum brot_err store_u32(const struct option_spec *spec, const char *label, const char *text,
			       void *at, struct brot_error *err)
{
	int64_t value = 0;
	const char *end = read_digits(text, &value);
	uint32_t number = (uint32_t)value;
	if (end == NULL || *end != '\0' || value < spec->min || value > spec->max) {
		char rule[RULE_BYTES];
		(void)snprintf(rule, sizeof rule, "must be a whole number %lld..%lld",
			       (long long)spec->min, (long long)spec->max);
		return refuse(err, label, rule, text);
	}
	assert(spec->max <= UINT32_MAX);
	memcpy(at, &number, sizeof number);
	return BROT_OK;
}

/* "64K" where that is exact. */
static void show_bytes(int64_t value, char *buffer, size_t buffer_bytes)
{
	static const char *const suffixes[] = {"", "K", "M", "G", "T"};
	size_t i = 0;
	for (; value != 0 && value % 1024 == 0 && i < 4; i++)
		value /= 1024;
	(void)snprintf(buffer, buffer_bytes, "%lld%s", (long long)value, suffixes[i]);
}

static enum brot_err store_bytes(const struct option_spec *spec, const char *label,
				 const char *text, void *at, struct brot_error *err)
{
	static const char suffixes[] = "KkMmGgTt";
	int64_t value = 0;
	const char *end = read_digits(text, &value);
	if (end != NULL && *end != '\0') {
		const char *suffix = strchr(suffixes, *end);
		int shift = suffix == NULL ? 0 : 10 * (int)((suffix - suffixes) / 2 + 1);
		value = value > INT64_MAX >> shift ? INT64_MAX : value << shift;
		end = suffix == NULL ? NULL : end + 1;
	}
	if (end == NULL || *end != '\0' || value < spec->min || value > spec->max) {
		char rule[RULE_BYTES], min[NUMBER_BYTES], max[NUMBER_BYTES];
		show_bytes(spec->min, min, sizeof min);
		show_bytes(spec->max, max, sizeof max);
		(void)snprintf(rule, sizeof rule, "must be %s..%s bytes, such as 512M", min, max);
		return refuse(err, label, rule, text);
	}
	uint64_t bytes = (uint64_t)value;
	memcpy(at, &bytes, sizeof bytes);
	return BROT_OK;
}

/* 1500 ms as "1.5". */
static void show_seconds(int64_t ms, char *buffer, size_t buffer_bytes)
{
	int chars = snprintf(buffer, buffer_bytes, "%lld.%03d", (long long)(ms / 1000),
			     (int)(ms % 1000));
	while (buffer[chars - 1] == '0')
		buffer[--chars] = '\0';
	if (buffer[chars - 1] == '.')
		buffer[chars - 1] = '\0';
}

static enum brot_err store_ms(const struct option_spec *spec, const char *label, const char *text,
			      void *at, struct brot_error *err)
{
	int64_t value = 0;
	const char *end = read_digits(text, &value);
	value = value > INT64_MAX / 1000 - 1 ? INT64_MAX / 1000 - 1 : value;
	value *= 1000;
	if (end != NULL && *end == '.') {
		int64_t scale = 100;
		const char *decimals = end + 1;
		for (end = decimals; *end >= '0' && *end <= '9' && scale > 0; end++, scale /= 10)
			value += scale * (*end - '0');
		if (end == decimals)
			end = NULL;
	}
	if (end == NULL || *end != '\0' || value < spec->min || value > spec->max) {
		char rule[RULE_BYTES], min[NUMBER_BYTES], max[NUMBER_BYTES];
		show_seconds(spec->min, min, sizeof min);
		show_seconds(spec->max, max, sizeof max);
		(void)snprintf(rule, sizeof rule, "must be %s..%s seconds with at most 3 decimals",
			       min, max);
		return refuse(err, label, rule, text);
	}
	memcpy(at, &value, sizeof value);
	return BROT_OK;
}

static enum brot_err store_size(const struct option_spec *spec, const char *label, const char *text,
				void *at, struct brot_error *err)
{
	int64_t width = 0, height = 0;
	const char *end = read_digits(text, &width);
	if (end != NULL)
		end = *end == 'x' ? read_digits(end + 1, &height) : NULL;
	if (end == NULL || *end != '\0' || width < spec->min || width > spec->max ||
	    height < spec->min || height > spec->max) {
		char rule[RULE_BYTES];
		(void)snprintf(rule, sizeof rule, "must be WxH, each %lld..%lld",
			       (long long)spec->min, (long long)spec->max);
		return refuse(err, label, rule, text);
	}
	assert(spec->max <= UINT32_MAX);
	struct option_size size = {(uint32_t)width, (uint32_t)height};
	memcpy(at, &size, sizeof size);
	return BROT_OK;
}

enum brot_err options_store(const struct option_spec *spec, const char *label, const char *text,
			    void *values, struct brot_error *err)
{
	typedef enum brot_err store_fn(const struct option_spec *, const char *, const char *,
				       void *, struct brot_error *);
	static store_fn *const stores[] = {
		[OPTION_FLAG] = store_flag,   [OPTION_STRING] = store_string,
		[OPTION_WORD] = store_word,   [OPTION_U32] = store_u32,
		[OPTION_BYTES] = store_bytes, [OPTION_MS] = store_ms,
		[OPTION_SIZE] = store_size,   [OPTION_STRINGS] = store_strings,
	};
	return stores[spec->type](spec, label, text, (char *)values + spec->offset, err);
}

static bool strings_agree(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool options_agree(const struct option_spec *spec, const void *values, const void *others)
{
	static const size_t bytes[] = {
		[OPTION_FLAG] = sizeof(bool),
		[OPTION_U32] = sizeof(uint32_t),
		[OPTION_BYTES] = sizeof(uint64_t),
		[OPTION_MS] = sizeof(int64_t),
		[OPTION_SIZE] = sizeof(struct option_size),
	};
	const void *a = (const char *)values + spec->offset;
	const void *b = (const char *)others + spec->offset;
	if (spec->type == OPTION_STRING || spec->type == OPTION_WORD)
		return strings_agree(*(const char *const *)a, *(const char *const *)b);
	if (spec->type != OPTION_STRINGS)
		return memcmp(a, b, bytes[spec->type]) == 0;
	const struct option_strings *list = a, *other = b;
	bool is_same = list->count == other->count;
	for (size_t i = 0; is_same && i < list->count; i++)
		is_same = strings_agree(list->values[i], other->values[i]);
	return is_same;
}

void options_list(char *buffer, size_t buffer_bytes, const char *name)
{
	size_t used = strlen(buffer);
	if (used + strlen(name) + 2 > buffer_bytes)
		return;
	(void)snprintf(buffer + used, buffer_bytes - used, "%s%s", used > 0 ? "," : "", name);
	for (char *p = buffer + used; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
}
