/*
 * fuzz_cert.c - a certificate that somebody else wrote: what parses is written, and parses to the
 * same again.
 *
 * The input: a line with a name, then the text of the file.
 */
#include "proto/cert.h"
#include "proto/quote.h"
#include "tests/fuzz/fuzz.h"

#define WORD_CHARS_MAX 24 /* of our own sentences; a key has more */

/* Whether a key stands in the text, and not as the beginning of something longer. */
static bool stands_there(const char *key, const char *text, size_t bytes)
{
	for (size_t i = 0; i + Z85_KEY_CHARS <= bytes; i++) {
		char next = i + Z85_KEY_CHARS < bytes ? text[i + Z85_KEY_CHARS] : '\n';
		if (memcmp(text + i, key, Z85_KEY_CHARS) == 0 && strchr("\"' \t\r\n", next) != NULL)
			return true;
	}
	return false;
}

static void check_key(const char *key, const char *text, size_t bytes)
{
	FUZZ_CHECK(cert_key_is_valid(key), "the key \"%s\"", key);
	FUZZ_CHECK(stands_there(key, text, bytes), "\"%s\" does not stand there", key);
}

static void check_written(const struct cert *cert, const char *name, bool is_secret)
{
	struct cert again;
	struct brot_error err = {.code = BROT_OK};
	char text[CERT_TEXT_BYTES];
	memset(text, 'x', sizeof text);
	cert_write(cert, name, is_secret, text);
	const char *end = memchr(text, '\0', sizeof text);
	FUZZ_CHECK(end != NULL && end > text && end[-1] == '\n', "\"%s\" is cut", name);
	FUZZ_CHECK(cert_parse(text, (size_t)(end - text), &again, &err) == BROT_OK, "%s: %s",
		   err.text, text);
	FUZZ_CHECK(strcmp(again.public_key, cert->public_key) == 0, "another public key: %s", text);
	FUZZ_CHECK(strcmp(again.secret_key, is_secret ? cert->secret_key : "") == 0,
		   "another secret key: %s", text);
}

/* With the key once more it is refused, in whatever section its text ends. */
static void check_doubled(const char *text, size_t bytes, const char *key)
{
	struct cert cert;
	char *longer = malloc(bytes + CERT_TEXT_BYTES);
	FUZZ_CHECK(longer != NULL, "no memory");
	memcpy(longer, text, bytes);
	int more = snprintf(longer + bytes, CERT_TEXT_BYTES, "\ncurve\n\tpublic-key = %s", key);
	FUZZ_CHECK(cert_parse(longer, bytes + (size_t)more, &cert, NULL) != BROT_OK,
		   "two public keys");
	free(longer);
}

/* No sentence has a secret in it, so no word as long as one. */
static void check_sentence(const struct brot_error *err)
{
	size_t word = 0;
	FUZZ_CHECK(err->code == BROT_E_CONFIG && err->text[0] != '\0', "no sentence");
	for (const char *p = err->text; *p != '\0'; p++) {
		word = *p == ' ' ? 0 : word + 1;
		FUZZ_CHECK(word <= WORD_CHARS_MAX && quote_control_bytes(p) == 0, "\"%s\"",
			   err->text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert cert, before;
	struct brot_error err = {.code = BROT_OK};
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t name_bytes = end != NULL ? (size_t)(end - data) : size;
	size_t bytes = end != NULL ? size - name_bytes - 1 : 0;
	char *name = fuzz_text(data, name_bytes);
	char *text = (char *)fuzz_copy(data + size - bytes, bytes);
	memset(&cert, 'x', sizeof cert);
	memcpy(&before, &cert, sizeof before);
	if (cert_parse(text, bytes, &cert, &err) == BROT_OK) {
		const char *shown = cert_name_is_valid(name) ? name : "fuzz";
		check_key(cert.public_key, text, bytes);
		if (cert.secret_key[0] != '\0')
			check_key(cert.secret_key, text, bytes);
		check_doubled(text, bytes, cert.public_key);
		check_written(&cert, shown, false);
		if (cert.secret_key[0] != '\0')
			check_written(&cert, shown, true);
	} else {
		check_sentence(&err);
		FUZZ_CHECK(memcmp(&cert, &before, sizeof cert) == 0, "an output was touched");
	}
	free(text);
	free(name);
	return 0;
}
