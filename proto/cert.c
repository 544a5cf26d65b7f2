/* cert.c - ZPL, as far as certificates need it. */
#include "proto/cert.h"

#include <stdio.h>
#include <string.h>

#include "proto/secret.h"

#define INDENT 4 /* columns a level, and a tab */

/* One line, without its comment and the blanks around it. */
struct line {
	const char *name, *value; /* value NULL: there is no "=" */
	size_t name_bytes, value_bytes;
	size_t indent; /* columns of blanks before it */
};

/* Where the lines before have led to. */
struct place {
	bool is_curve;
	size_t indent; /* of the values of the section; 0: there was none yet */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **text, size_t *bytes)
{
	while (*bytes > 0 && is_blank((*text)[0])) {
		(*text)++;
		(*bytes)--;
	}
	while (*bytes > 0 && is_blank((*text)[*bytes - 1]))
		(*bytes)--;
}

/* The value behind "=": quoted, or up to the end or a comment, which a blank must precede because
 * keys may hold the mark of one. False where a quote is not closed or something follows it. */
static bool value_cut(struct line *line)
{
	const char *value = line->value;
	char quote = line->value_bytes > 0 ? value[0] : '\0';
	if (quote == '"' || quote == '\'') {
		const char *end = memchr(value + 1, quote, line->value_bytes - 1);
		if (end == NULL)
			return false;
		const char *rest = end + 1;
		size_t rest_bytes = line->value_bytes - (size_t)(rest - value);
		trim(&rest, &rest_bytes);
		line->value = value + 1;
		line->value_bytes = (size_t)(end - value) - 1;
		return rest_bytes == 0 || rest[0] == '#';
	}
	for (size_t i = 1; i < line->value_bytes; i++) {
		if (value[i] == '#' && is_blank(value[i - 1])) {
			line->value_bytes = i;
			break;
		}
	}
	trim(&line->value, &line->value_bytes);
	return true;
}

static size_t indent_of(const char *text, size_t bytes)
{
	size_t columns = 0;
	for (size_t i = 0; i < bytes && (text[i] == ' ' || text[i] == '\t'); i++)
		columns += text[i] == ' ' ? 1 : INDENT - columns % INDENT;
	return columns;
}

/* False where the line is not ZPL. name_bytes is 0 where there is nothing on it. */
static bool line_read(const char *text, size_t bytes, struct line *ret_line)
{
	struct line line = {.indent = indent_of(text, bytes)};
	trim(&text, &bytes);
	if (bytes == 0 || text[0] == '#') {
		*ret_line = line;
		return true;
	}
	const char *equals = memchr(text, '=', bytes);
	line.name = text;
	line.name_bytes = equals != NULL ? (size_t)(equals - text) : bytes;
	if (equals != NULL) {
		line.value = equals + 1;
		line.value_bytes = bytes - line.name_bytes - 1;
		trim(&line.value, &line.value_bytes);
		if (!value_cut(&line))
			return false;
	} else {
		const char *comment = memchr(text, '#', bytes);
		line.name_bytes = comment != NULL ? (size_t)(comment - text) : bytes;
	}
	trim(&line.name, &line.name_bytes);
	*ret_line = line;
	return line.name_bytes > 0;
}

static bool is_named(const struct line *line, const char *name)
{
	return line->name_bytes == strlen(name) && memcmp(line->name, name, line->name_bytes) == 0;
}

bool cert_key_is_valid(const char *text)
{
	static const uint8_t nothing[Z85_KEY_BYTES];
	uint8_t key[Z85_KEY_BYTES];
	bool is_valid = z85_read(text, key, sizeof key) && memcmp(key, nothing, sizeof key) != 0;
	secret_forget(key, sizeof key);
	return is_valid;
}

/* The sentence does not quote the value: it may be a secret. */
static enum brot_err key_take(const struct line *line, unsigned number, char *key,
			      struct brot_error *err)
{
	char text[Z85_KEY_CHARS + 1] = "";
	int name_chars = (int)line->name_bytes;
	if (key[0] != '\0')
		return error_set(err, BROT_E_CONFIG, "line %u: %.*s must stand there once only",
				 number, name_chars, line->name);
	if (line->value != NULL && line->value_bytes == Z85_KEY_CHARS)
		memcpy(text, line->value, Z85_KEY_CHARS);
	enum brot_err code = BROT_OK;
	if (cert_key_is_valid(text))
		memcpy(key, text, sizeof text);
	else
		code = error_set(err, BROT_E_CONFIG,
				 "line %u: %.*s must be a key of %d characters in Z85, and is not",
				 number, name_chars, line->name, Z85_KEY_CHARS);
	secret_forget(text, sizeof text);
	return code;
}

/* What is nested deeper in the section, or stands in another one, is nobody's business. */
static enum brot_err line_take(const struct line *line, unsigned number, struct place *place,
			       struct cert *cert, struct brot_error *err)
{
	if (line->name_bytes == 0)
		return BROT_OK;
	if (line->indent == 0) {
		*place = (struct place){.is_curve = is_named(line, "curve")};
		return BROT_OK;
	}
	if (place->indent == 0)
		place->indent = line->indent;
	if (line->indent < place->indent)
		return error_set(err, BROT_E_CONFIG,
				 "line %u: must be indented like the section's first, by %zu "
				 "columns, got %zu",
				 number, place->indent, line->indent);
	if (!place->is_curve || line->indent > place->indent)
		return BROT_OK;
	if (is_named(line, "public-key"))
		return key_take(line, number, cert->public_key, err);
	if (is_named(line, "secret-key"))
		return key_take(line, number, cert->secret_key, err);
	return BROT_OK;
}

enum brot_err cert_parse(const char *text, size_t bytes, struct cert *ret_cert,
			 struct brot_error *err)
{
	struct cert cert = {0};
	struct place place = {0};
	enum brot_err code = BROT_OK;
	if (bytes > LIMIT_CERT_BYTES)
		return error_set(err, BROT_E_CONFIG,
				 "a certificate must have at most %d bytes, got %zu",
				 LIMIT_CERT_BYTES, bytes);
	for (unsigned number = 1; bytes > 0 && code == BROT_OK; number++) {
		const char *end = memchr(text, '\n', bytes);
		size_t line_bytes = end != NULL ? (size_t)(end - text) : bytes;
		struct line line;
		if (memchr(text, '\0', line_bytes) == NULL && line_read(text, line_bytes, &line))
			code = line_take(&line, number, &place, &cert, err);
		else
			code = error_set(err, BROT_E_CONFIG,
					 "line %u: must be a section or name = \"value\"", number);
		text += line_bytes;
		bytes -= line_bytes;
		if (bytes > 0) {
			text++;
			bytes--;
		}
	}
	if (code == BROT_OK && cert.public_key[0] == '\0')
		code = error_set(err, BROT_E_CONFIG,
				 "must have a public-key in its section curve, and has none");
	if (code == BROT_OK)
		*ret_cert = cert;
	secret_forget(&cert, sizeof cert);
	return code;
}

bool cert_name_is_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_@";
	size_t length = strlen(name);
	return length >= 1 && length <= LIMIT_NAME_CHARS && name[0] != '.' && name[0] != '-' &&
	       strspn(name, letters) == length;
}

void cert_write(const struct cert *cert, const char *name, bool is_secret,
		char ret_text[CERT_TEXT_BYTES])
{
	int used = snprintf(ret_text, CERT_TEXT_BYTES,
			    "%s"
			    "metadata\n"
			    "    name = \"%s\"\n"
			    "curve\n"
			    "    public-key = \"%s\"\n",
			    is_secret ? "# A secret CURVE certificate: for its owner alone.\n"
				      : "# A public CURVE certificate.\n",
			    name, cert->public_key);
	if (is_secret)
		(void)snprintf(ret_text + used, CERT_TEXT_BYTES - (size_t)used,
			       "    secret-key = \"%s\"\n", cert->secret_key);
}
