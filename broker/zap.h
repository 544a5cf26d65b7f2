/*
 * zap.h - converts the questions of libzmq at the door and their answers: ZeroMQ's RFC 27.
 *
 * Pure and thread-safe.
 */
#ifndef BROKER_ZAP_H
#define BROKER_ZAP_H

#include <stdint.h>

#include "proto/error.h"
#include "proto/message.h"
#include "proto/z85.h"

#define ZAP_REQUEST_ID_BYTES 64
#define ZAP_ANSWER_FRAMES    6

/* Who asks to come in. */
struct zap_question {
	uint8_t request_id[ZAP_REQUEST_ID_BYTES]; /* to be given back */
	size_t request_id_bytes;
	char domain[16];
	char address[64];            /* printable; for the log */
	char key[Z85_KEY_CHARS + 1]; /* public, in Z85 */
};

/* BROT_E_PROTOCOL and one sentence where the question is not about a CURVE key; then *ret_question
 * has the request id at most, by which it is to be turned away. */
enum brot_err zap_decode(const struct bytes *frames, size_t count,
			 struct zap_question *ret_question, struct brot_error *err);

enum zap_verdict { ZAP_LET_IN, ZAP_TURN_AWAY, ZAP_NOT_UNDERSTOOD };

/* The answer; its frames borrow from *question. Who is let in has its key as its user id. */
void zap_encode(const struct zap_question *question, enum zap_verdict verdict,
		struct bytes ret_frames[ZAP_ANSWER_FRAMES]);

#endif
