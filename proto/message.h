/*
 * message.h - converts the messages of BROT/1 to frames and back. PROTOCOL.md is the contract.
 *
 * A message is one header frame (magic, version, type, fixed little-endian fields), then a body
 * frame (JSON or text) where its type has one, then a data frame (pixels) where it carries one.
 * The table in message.c says for each type which fields it has, and in which order.
 *
 * Pure: knows no socket. Thread-safe.
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/limits.h"

#define MESSAGE_VERSION     1
#define MESSAGE_NONCE_BYTES 16

/* The numbers stand on the wire. Below 0x40 the workers' socket, from there the clients'. */
enum message_type {
	/* worker and broker */
	MSG_HELLO = 0x01,
	MSG_WELCOME = 0x02,
	MSG_CREDIT = 0x03,
	MSG_JOB = 0x04,
	MSG_MAPPED = 0x05,
	MSG_TILE = 0x06,
	MSG_DONE = 0x07,
	MSG_FAIL = 0x08,
	MSG_BEAT = 0x09,
	MSG_CANCEL = 0x0a,
	MSG_DRAIN = 0x0b,
	MSG_BYE = 0x0c,
	MSG_REREGISTER = 0x0d,
	MSG_GONE = 0x0e,
	MSG_REVOKE = 0x0f,
	/* client and broker */
	MSG_SUBMIT = 0x40,
	MSG_ATTACH = 0x41,
	MSG_FETCH = 0x42,
	MSG_RELEASE = 0x43,
	MSG_CANCEL_JOB = 0x44,
	MSG_JOBS = 0x45,
	MSG_WORKERS = 0x46,
	MSG_STATUS = 0x47,
	MSG_WATCH = 0x48,
	MSG_PAUSE = 0x49,
	MSG_RESUME = 0x4a,
	MSG_RETRY = 0x4b,
	MSG_PRIORITY = 0x4c,
	MSG_DRAIN_WORKER = 0x4d,
	MSG_HISTORY = 0x4e,
	MSG_ACCEPTED = 0x60,
	MSG_PROGRESS = 0x61,
	MSG_FINISHED = 0x62,
	MSG_FAILED = 0x63,
	MSG_ROWS = 0x64,
	MSG_REPORT = 0x65,
	MSG_BAND = 0x66,
	/* both */
	MSG_REFUSED = 0x7f,
};

/* Who may send a type: a peer that sends another one is refused. */
enum message_from { FROM_WORKER = 1, FROM_CLIENT = 2, FROM_BROKER = 4 };

enum message_codec { CODEC_RAW = 0, CODEC_ZSTD = 1, CODEC_COUNT };

/* Bytes that somebody else owns. */
struct bytes {
	const void *data;
	size_t size;
};

/* One message. Only the fields that its type has mean anything; the others are 0.
 * body and data are borrowed: from the frames they were decoded from, or from the caller that
 * encodes. A body is not NUL-terminated. */
struct message {
	enum message_type type;
	uint64_t session;    /* one life of a worker's connection */
	uint64_t job;        /* never 0 */
	uint32_t phase;      /* of the job, from 0 */
	uint32_t tile;       /* of the phase, from 0 */
	uint32_t attempt;    /* of the tile, from 1 */
	uint32_t x, y, w, h; /* px */
	uint32_t credit;  /* tiles the worker is willing to hold at once, those it holds included */
	uint32_t code;    /* enum brot_err */
	uint32_t codec;   /* enum message_codec of data */
	uint32_t plane;   /* index into the format's planes */
	uint32_t running; /* tiles the worker is rendering now */
	uint64_t digest;  /* XXH3-64 of the tile's unpacked pixels, see PROTOCOL.md */
	uint64_t iterations; /* done for this tile, or since the session began */
	uint64_t elapsed_us; /* spent on this tile */
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	struct bytes body;
	struct bytes data;
};

/* A message as frames. The header's bytes live in the struct; the other frames are borrowed. */
struct message_frames {
	uint8_t header[LIMIT_HEADER_BYTES];
	size_t count;
	struct bytes frame[LIMIT_FRAMES];
};

/* Encodes *m; cannot fail for a message whose type is in the table and whose body and data are
 * of the kind that type has (asserted: they are ours). */
void message_encode(const struct message *m, struct message_frames *ret_frames);

/* Decodes `count` frames sent by a peer that may send the types of `from`. *ret_message borrows
 * from the frames and is untouched on failure, with one sentence in *err (BROT_E_PROTOCOL). */
enum brot_err message_decode(const struct bytes *frames, size_t count, enum message_from from,
			     struct message *ret_message, struct brot_error *err);

/* "TILE"; "?" for a type that is not in the table. */
const char *message_name(enum message_type type);

/* Walks the table, for the check that PROTOCOL.md and the code name the same things. Calls
 * fn(name, code, from, fields, body, data): fields as "session u64, credit u32", body "json",
 * "text" or "", data "yes", "optional" or "". */
void message_describe(void (*fn)(const char *name, unsigned code, unsigned from, const char *fields,
				 const char *body, const char *data, void *context),
		      void *context);

#endif
