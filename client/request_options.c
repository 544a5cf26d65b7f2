/* request_options.c - the option that may be negative, and the one that is a name. */
#include "client/request_options.h"

#include <stdbool.h>
#include <string.h>

#include "proto/quote.h"

enum brot_err request_options_client(const char *client, struct brot_error *err)
{
	char quoted[QUOTE_BYTES];
	size_t chars = strlen(client), printable = 0;
	while (client[printable] >= ' ' && client[printable] <= '~')
		printable++;
	if (printable == chars && chars >= 1 && chars <= LIMIT_NAME_CHARS)
		return BROT_OK;
	return error_set(err, BROT_E_USAGE,
			 "--client: must be 1..%d printable characters of ASCII, got \"%s\"",
			 LIMIT_NAME_CHARS, quote_text(client, chars, quoted, sizeof quoted));
}

enum brot_err request_options_priority(const char *label, const char *text, int32_t *ret_priority,
				       struct brot_error *err)
{
	bool is_negative = text != NULL && text[0] == '-';
	const char *digits = text == NULL ? "0" : text + (is_negative ? 1 : 0);
	bool is_number = digits[0] != '\0';
	int32_t number = 0;
	for (const char *p = digits; is_number && *p != '\0'; p++) {
		is_number = *p >= '0' && *p <= '9' && number <= LIMIT_PRIORITY;
		if (is_number)
			number = number * 10 + (*p - '0');
	}
	char quoted[QUOTE_BYTES];
	if (!is_number || number > LIMIT_PRIORITY)
		return error_set(err, BROT_E_USAGE,
				 "%s: must be a whole number from %d to %d, got \"%s\"", label,
				 -LIMIT_PRIORITY, LIMIT_PRIORITY,
				 quote_text(text, strlen(text), quoted, sizeof quoted));
	*ret_priority = is_negative ? -number : number;
	return BROT_OK;
}

enum brot_err request_options_alone(const struct request *request, struct brot_error *err)
{
	if (!request_needs_image(request) || request->samples == 1)
		return BROT_OK;
	return error_set(
		err, BROT_E_REQUEST,
		"samples: must be 1 with colour.mode \"%s\" for a job that goes on by itself, "
		"got %u: render without --keep takes more",
		colour_mode_name(request->colour.mode), (unsigned)request->samples);
}

const char *request_options_wait_format(const struct request *request)
{
	return request_needs_image(request) && request->format != FORMAT_RGB8
		       ? format_info(request->format)->name
		       : NULL;
}
