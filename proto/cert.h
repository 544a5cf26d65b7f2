/*
 * cert.h - converts a CURVE certificate to text and back, in the format of czmq and pyzmq.
 *
 * The text is ZPL (ZeroMQ's RFC 4): a section `metadata`, whose values are nobody's business, and a
 * section `curve` with `public-key` and, in the file of its owner alone, `secret-key`, in Z85.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_CERT_H
#define PROTO_CERT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"
#include "proto/limits.h"
#include "proto/z85.h"

struct cert {
	char public_key[Z85_KEY_CHARS + 1];
	char secret_key[Z85_KEY_CHARS + 1]; /* "": it is not in the text */
};

/* Reads `bytes` bytes of somebody's text. BROT_E_CONFIG and one sentence that names the line
 * otherwise; *ret_cert is then untouched. */
enum brot_err cert_parse(const char *text, size_t bytes, struct cert *ret_cert,
			 struct brot_error *err);

/* Whether text is a key: 40 characters of Z85 for 32 bytes that are not all 0. */
bool cert_key_is_valid(const char *text);

/* Whether NAME may name the files NAME.cert and NAME.cert_secret: 1 to LIMIT_NAME_CHARS letters,
 * digits and ".-_@", of which the first is neither dot nor dash. */
bool cert_name_is_valid(const char *name);

/* Writes the text of a certificate's public or secret file; name as above. */
#define CERT_TEXT_BYTES 640
void cert_write(const struct cert *cert, const char *name, bool is_secret,
		char ret_text[CERT_TEXT_BYTES]);

#endif
