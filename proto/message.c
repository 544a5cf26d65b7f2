/*
 * message.c - the table of messages, and the one encoder and decoder that it drives.
 */
#include "proto/message.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const uint8_t magic[4] = {'B', 'R', 'O', 'T'};
#define PREFIX_BYTES 6 /* magic, version, type */

enum field_kind { FIELD_U32, FIELD_U64, FIELD_ID, FIELD_NONCE }; /* an id is a u64, never 0 */

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

static const struct {
	const char *name;
	size_t bytes;
} kind_table[] = {
	[FIELD_U32] = {"u32", 4},
	[FIELD_U64] = {"u64", 8},
	[FIELD_ID] = {"u64", 8},
	[FIELD_NONCE] = {"16 bytes", MESSAGE_NONCE_BYTES},
};

#define U32(member)                                                  \
	{                                                            \
#member, FIELD_U32, offsetof(struct message, member) \
	}
#define U64(member)                                                  \
	{                                                            \
#member, FIELD_U64, offsetof(struct message, member) \
	}
#define ID(member)                                                  \
	{                                                           \
#member, FIELD_ID, offsetof(struct message, member) \
	}
#define NONCE(member)                                                  \
	{                                                              \
#member, FIELD_NONCE, offsetof(struct message, member) \
	}
#define FIELDS_MAX 11

enum body_kind { BODY_NONE, BODY_JSON, BODY_TEXT };
enum data_kind { DATA_NONE, DATA_OPTIONAL, DATA_YES };

struct message_spec {
	enum message_type type;
	const char *name;
	unsigned from;
	struct field fields[FIELDS_MAX];
	enum body_kind body;
	enum data_kind data;
};

#define TILE_NAME ID(session), ID(job), U32(phase), U32(tile), U32(attempt)

/* A new message is one row here and one section in PROTOCOL.md. */
static const struct message_spec table[] = {
	{MSG_HELLO, "HELLO", FROM_WORKER, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_WELCOME, "WELCOME", FROM_BROKER, {ID(session)}, BODY_JSON, DATA_NONE},
	{MSG_CREDIT, "CREDIT", FROM_WORKER, {ID(session), U32(credit)}, BODY_NONE, DATA_NONE},
	{MSG_JOB, "JOB", FROM_BROKER, {ID(session), ID(job)}, BODY_JSON, DATA_NONE},
	{MSG_MAPPED,
	 "MAPPED",
	 FROM_WORKER,
	 {ID(session), ID(job), U32(code), NONCE(nonce)},
	 BODY_TEXT,
	 DATA_NONE},
	{MSG_TILE,
	 "TILE",
	 FROM_BROKER,
	 {TILE_NAME, U32(x), U32(y), U32(w), U32(h)},
	 BODY_NONE,
	 DATA_NONE},
	{MSG_DONE,
	 "DONE",
	 FROM_WORKER,
	 {TILE_NAME, U64(digest), U64(iterations), U64(elapsed_us), U32(codec)},
	 BODY_NONE,
	 DATA_OPTIONAL},
	{MSG_FAIL, "FAIL", FROM_WORKER, {TILE_NAME, U32(code)}, BODY_TEXT, DATA_NONE},
	{MSG_BEAT,
	 "BEAT",
	 FROM_WORKER,
	 {ID(session), U32(running), U64(iterations)},
	 BODY_NONE,
	 DATA_NONE},
	{MSG_CANCEL, "CANCEL", FROM_BROKER, {ID(session), ID(job)}, BODY_NONE, DATA_NONE},
	{MSG_DRAIN, "DRAIN", FROM_BROKER, {ID(session)}, BODY_NONE, DATA_NONE},
	{MSG_BYE, "BYE", FROM_WORKER, {ID(session)}, BODY_NONE, DATA_NONE},
	{MSG_REREGISTER, "REREGISTER", FROM_BROKER, {ID(session)}, BODY_NONE, DATA_NONE},
	{MSG_GONE, "GONE", FROM_WORKER, {ID(session)}, BODY_NONE, DATA_NONE},
	{MSG_REVOKE, "REVOKE", FROM_BROKER, {TILE_NAME}, BODY_NONE, DATA_NONE},
	{MSG_SUBMIT, "SUBMIT", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_ATTACH, "ATTACH", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_FETCH, "FETCH", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_RELEASE, "RELEASE", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_CANCEL_JOB, "CANCEL_JOB", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_JOBS, "JOBS", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_WORKERS, "WORKERS", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_STATUS, "STATUS", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_WATCH, "WATCH", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_PAUSE, "PAUSE", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_RESUME, "RESUME", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_RETRY, "RETRY", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_PRIORITY, "PRIORITY", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_DRAIN_WORKER, "DRAIN_WORKER", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_HISTORY, "HISTORY", FROM_CLIENT, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_ACCEPTED, "ACCEPTED", FROM_BROKER, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_PROGRESS, "PROGRESS", FROM_BROKER, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_FINISHED, "FINISHED", FROM_BROKER, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_FAILED, "FAILED", FROM_BROKER, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_ROWS,
	 "ROWS",
	 FROM_BROKER,
	 {ID(job), U32(plane), U32(x), U32(y), U32(w), U32(h), U32(codec)},
	 BODY_NONE,
	 DATA_YES},
	{MSG_REPORT, "REPORT", FROM_BROKER, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_BAND, "BAND", FROM_BROKER, {{0}}, BODY_JSON, DATA_NONE},
	{MSG_REFUSED, "REFUSED", FROM_BROKER, {{0}}, BODY_JSON, DATA_NONE},
};

static const struct message_spec *spec_of(unsigned type)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

const char *message_name(enum message_type type)
{
	const struct message_spec *spec = spec_of(type);
	return spec != NULL ? spec->name : "?";
}

static void store_le(uint8_t *to, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t load_le(const uint8_t *from, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

static void field_store(uint8_t *to, const struct message *m, const struct field *field)
{
	const char *from = (const char *)m + field->offset;
	uint64_t wide;
	uint32_t narrow;
	switch (field->kind) {
	case FIELD_U32:
		memcpy(&narrow, from, sizeof narrow);
		store_le(to, narrow, sizeof narrow);
		break;
	case FIELD_U64:
	case FIELD_ID:
		memcpy(&wide, from, sizeof wide);
		store_le(to, wide, sizeof wide);
		break;
	case FIELD_NONCE:
		memcpy(to, from, MESSAGE_NONCE_BYTES);
		break;
	}
}

static void field_load(const uint8_t *from, struct message *m, const struct field *field)
{
	char *to = (char *)m + field->offset;
	uint64_t wide;
	uint32_t narrow;
	switch (field->kind) {
	case FIELD_U32:
		narrow = (uint32_t)load_le(from, sizeof narrow);
		memcpy(to, &narrow, sizeof narrow);
		break;
	case FIELD_U64:
	case FIELD_ID:
		wide = load_le(from, sizeof wide);
		memcpy(to, &wide, sizeof wide);
		break;
	case FIELD_NONCE:
		memcpy(to, from, MESSAGE_NONCE_BYTES);
		break;
	}
}

static bool is_zero(const struct message *m, const struct field *field)
{
	uint64_t wide;
	memcpy(&wide, (const char *)m + field->offset, sizeof wide);
	return wide == 0;
}

static size_t header_bytes(const struct message_spec *spec)
{
	size_t bytes = PREFIX_BYTES;
	for (size_t i = 0; i < FIELDS_MAX && spec->fields[i].name != NULL; i++)
		bytes += kind_table[spec->fields[i].kind].bytes;
	return bytes;
}

void message_encode(const struct message *m, struct message_frames *ret_frames)
{
	const struct message_spec *spec = spec_of(m->type);
	assert(spec != NULL);
	assert(spec->body != BODY_NONE || m->body.size == 0);
	assert(spec->data != DATA_NONE || m->data.size == 0);
	assert(spec->data != DATA_YES || m->data.size > 0);

	memcpy(ret_frames->header, magic, sizeof magic);
	ret_frames->header[4] = MESSAGE_VERSION;
	ret_frames->header[5] = (uint8_t)m->type;
	size_t at = PREFIX_BYTES;
	for (size_t i = 0; i < FIELDS_MAX && spec->fields[i].name != NULL; i++) {
		const struct field *field = &spec->fields[i];
		assert(at + kind_table[field->kind].bytes <= LIMIT_HEADER_BYTES);
		field_store(ret_frames->header + at, m, field);
		at += kind_table[field->kind].bytes;
	}
	ret_frames->frame[0] = (struct bytes){ret_frames->header, at};
	ret_frames->count = 1;
	if (spec->body != BODY_NONE)
		ret_frames->frame[ret_frames->count++] = m->body;
	if (m->data.size > 0)
		ret_frames->frame[ret_frames->count++] = m->data;
}

/* Often a program that was pointed at the broker's other endpoint. */
static enum brot_err direction_error(const struct message_spec *spec, enum message_from from,
				     struct brot_error *err)
{
	if (from == FROM_CLIENT && spec->from == FROM_WORKER)
		return error_set(
			err, BROT_E_PROTOCOL,
			"%s: is for the broker's endpoint for workers, this is the one for "
			"clients",
			spec->name);
	if (from == FROM_WORKER && spec->from == FROM_CLIENT)
		return error_set(
			err, BROT_E_PROTOCOL,
			"%s: is for the broker's endpoint for clients, this is the one for "
			"workers",
			spec->name);
	return error_set(err, BROT_E_PROTOCOL, "%s: is not for this peer to send", spec->name);
}

/* Checks magic, version, type and direction; sets *ret_spec. */
static enum brot_err prefix_check(const struct bytes *header, enum message_from from,
				  const struct message_spec **ret_spec, struct brot_error *err)
{
	const uint8_t *p = header->data;
	if (header->size < PREFIX_BYTES || memcmp(p, magic, sizeof magic) != 0)
		return error_set(err, BROT_E_PROTOCOL,
				 "message: the first frame must start with \"BROT\"");
	if (p[4] != MESSAGE_VERSION)
		return error_set(err, BROT_E_PROTOCOL,
				 "message: version must be BROT/%d, got BROT/%u", MESSAGE_VERSION,
				 p[4]);
	const struct message_spec *spec = spec_of(p[5]);
	if (spec == NULL)
		return error_set(err, BROT_E_PROTOCOL, "message: type 0x%02x is not known", p[5]);
	if ((spec->from & from) == 0)
		return direction_error(spec, from, err);
	if (header->size != header_bytes(spec))
		return error_set(err, BROT_E_PROTOCOL, "%s: header must have %zu bytes, got %zu",
				 spec->name, header_bytes(spec), header->size);
	*ret_spec = spec;
	return BROT_OK;
}

enum brot_err message_decode(const struct bytes *frames, size_t count, enum message_from from,
			     struct message *ret_message, struct brot_error *err)
{
	if (count == 0)
		return error_set(err, BROT_E_PROTOCOL, "message: has no frame");
	const struct message_spec *spec = NULL;
	if (prefix_check(&frames[0], from, &spec, err) != BROT_OK)
		return BROT_E_PROTOCOL;

	size_t fewest = 1u + (spec->body != BODY_NONE) + (spec->data == DATA_YES);
	size_t most = 1u + (spec->body != BODY_NONE) + (spec->data != DATA_NONE);
	if (count < fewest || count > most)
		return error_set(err, BROT_E_PROTOCOL, "%s: must have %zu to %zu frames, got %zu",
				 spec->name, fewest, most, count);
	size_t body_max = spec->body == BODY_TEXT ? LIMIT_TEXT_BYTES : LIMIT_BODY_BYTES;
	if (spec->body != BODY_NONE && frames[1].size > body_max)
		return error_set(err, BROT_E_PROTOCOL,
				 "%s: body must have at most %zu bytes, got %zu", spec->name,
				 body_max, frames[1].size);

	if (count > (spec->body != BODY_NONE ? 2u : 1u) && frames[count - 1].size == 0)
		return error_set(err, BROT_E_PROTOCOL, "%s: data must not be empty", spec->name);

	struct message m = {.type = spec->type};
	const uint8_t *at = (const uint8_t *)frames[0].data + PREFIX_BYTES;
	for (size_t i = 0; i < FIELDS_MAX && spec->fields[i].name != NULL; i++) {
		field_load(at, &m, &spec->fields[i]);
		at += kind_table[spec->fields[i].kind].bytes;
		if (spec->fields[i].kind == FIELD_ID && is_zero(&m, &spec->fields[i]))
			return error_set(err, BROT_E_PROTOCOL, "%s: %s must not be 0", spec->name,
					 spec->fields[i].name);
	}
	if (m.codec >= CODEC_COUNT)
		return error_set(err, BROT_E_PROTOCOL, "%s: codec must be under %d, got %u",
				 spec->name, CODEC_COUNT, m.codec);
	size_t next = 1;
	if (spec->body != BODY_NONE)
		m.body = frames[next++];
	if (next < count)
		m.data = frames[next];
	*ret_message = m;
	return BROT_OK;
}

void message_describe(void (*fn)(const char *name, unsigned code, unsigned from, const char *fields,
				 const char *body, const char *data, void *context),
		      void *context)
{
	static const char *const body_names[] = {"", "json", "text"};
	static const char *const data_names[] = {"", "optional", "yes"};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char fields[512] = "";
		size_t used = 0;
		for (size_t f = 0; f < FIELDS_MAX && table[i].fields[f].name != NULL; f++)
			used += (size_t)snprintf(fields + used, sizeof fields - used, "%s%s %s",
						 f > 0 ? ", " : "", table[i].fields[f].name,
						 kind_table[table[i].fields[f].kind].name);
		fn(table[i].name, table[i].type, table[i].from, fields, body_names[table[i].body],
		   data_names[table[i].data], context);
	}
}
