/*
 * test_message.c - frames and back, and everything that is almost a message.
 *
 * The table of types comes from message_describe(), which tests/lint compares with PROTOCOL.md;
 * what a type's header must look like, and which frames are a message, is worked out here anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

#define PREFIX_BYTES  6
#define TYPES_MAX     64
#define FIELDS_MAX    16
#define MUTATIONS     100000
#define SPARE_BYTES   16 /* a header may grow by so much */
#define SMALL_BYTES   300
#define FROM_COUNT    3
#define FRAMES_TESTED (LIMIT_FRAMES + 2)

static const enum message_from froms[FROM_COUNT] = {FROM_WORKER, FROM_CLIENT, FROM_BROKER};

static const struct member {
	const char *name;
	size_t offset, bytes;
} members[] = {
	{"session", offsetof(struct message, session), 8},
	{"job", offsetof(struct message, job), 8},
	{"phase", offsetof(struct message, phase), 4},
	{"tile", offsetof(struct message, tile), 4},
	{"attempt", offsetof(struct message, attempt), 4},
	{"x", offsetof(struct message, x), 4},
	{"y", offsetof(struct message, y), 4},
	{"w", offsetof(struct message, w), 4},
	{"h", offsetof(struct message, h), 4},
	{"credit", offsetof(struct message, credit), 4},
	{"code", offsetof(struct message, code), 4},
	{"codec", offsetof(struct message, codec), 4},
	{"plane", offsetof(struct message, plane), 4},
	{"running", offsetof(struct message, running), 4},
	{"digest", offsetof(struct message, digest), 8},
	{"iterations", offsetof(struct message, iterations), 8},
	{"elapsed_us", offsetof(struct message, elapsed_us), 8},
	{"nonce", offsetof(struct message, nonce), MESSAGE_NONCE_BYTES},
};
#define MEMBER_COUNT (sizeof members / sizeof members[0])

struct type {
	char name[16];
	unsigned code, from;
	const struct member *fields[FIELDS_MAX];
	size_t field_count, header_bytes;
	bool has_body, is_text, may_have_data, must_have_data;
};

static struct type types[TYPES_MAX];
static size_t type_count;

/* splitmix64 */
static uint64_t random_state;

static uint64_t draw(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static size_t draw_below(size_t limit)
{
	return (size_t)(draw() % limit);
}

static void draw_bytes(void *memory, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)memory)[i] = (uint8_t)draw();
}

static const struct member *member_of(const char *name)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	fail_msg("no member is named %s", name);
	return NULL;
}

static void note_type(const char *name, unsigned code, unsigned from, const char *fields,
		      const char *body, const char *data, void *context)
{
	(void)context;
	assert_true(type_count < TYPES_MAX);
	struct type *type = &types[type_count++];
	(void)snprintf(type->name, sizeof type->name, "%s", name);
	type->code = code;
	type->from = from;
	type->has_body = body[0] != '\0';
	type->is_text = strcmp(body, "text") == 0;
	type->may_have_data = data[0] != '\0';
	type->must_have_data = strcmp(data, "yes") == 0;
	type->header_bytes = PREFIX_BYTES;
	char list[512];
	(void)snprintf(list, sizeof list, "%s", fields);
	for (char *field = strtok(list, ","); field != NULL; field = strtok(NULL, ",")) {
		char field_name[32], kind[8];
		assert_int_equal(sscanf(field, "%31s %7s", field_name, kind), 2);
		const struct member *member = member_of(field_name);
		const char *want = member->bytes == 4 ? "u32" : member->bytes == 8 ? "u64" : "16";
		assert_string_equal(kind, want);
		assert_true(type->field_count < FIELDS_MAX);
		type->fields[type->field_count++] = member;
		type->header_bytes += member->bytes;
	}
}

static int setup(void **state)
{
	(void)state;
	const char *seed = getenv("BROT_TEST_SEED");
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : 20260101;
	print_message("BROT_TEST_SEED=%llu\n", (unsigned long long)random_state);
	message_describe(note_type, NULL);
	return 0;
}

static const struct type *type_of(unsigned code)
{
	for (size_t i = 0; i < type_count; i++)
		if (types[i].code == code)
			return &types[i];
	return NULL;
}

/* Bytes for bodies and data. */
static uint8_t filler[LIMIT_BODY_BYTES + 2];

static struct message random_message(const struct type *type)
{
	struct message m = {.type = (enum message_type)type->code};
	for (size_t i = 0; i < type->field_count; i++)
		draw_bytes((char *)&m + type->fields[i]->offset, type->fields[i]->bytes);
	m.codec %= CODEC_COUNT;
	if (type->has_body)
		m.body = (struct bytes){filler, draw_below(LIMIT_TEXT_BYTES + 1)};
	if (type->may_have_data && (type->must_have_data || draw_below(2) == 0))
		m.data = (struct bytes){filler + 1, 1 + draw_below(SMALL_BYTES)};
	return m;
}

static void assert_same_fields(const struct message *a, const struct message *b)
{
	assert_int_equal(a->type, b->type);
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (memcmp((const char *)a + members[i].offset, (const char *)b + members[i].offset,
			   members[i].bytes) != 0)
			fail_msg("%s: %s differs", message_name(a->type), members[i].name);
}

/* Decodes, after checking that a failure says why and leaves *ret_message alone. */
static enum brot_err decode(const struct bytes *frames, size_t count, enum message_from from,
			    struct message *ret_message, struct brot_error *err)
{
	struct message before;
	memset(&before, 0xa5, sizeof before);
	memcpy(ret_message, &before, sizeof before);
	memset(err, 0, sizeof *err);
	enum brot_err code = message_decode(frames, count, from, ret_message, err);
	if (code != BROT_OK) {
		assert_int_equal(code, BROT_E_PROTOCOL);
		assert_int_equal(err->code, BROT_E_PROTOCOL);
		assert_true(strlen(err->text) > 0);
		assert_memory_equal(ret_message, &before, sizeof before);
	}
	return code;
}

static void refused(const struct bytes *frames, size_t count, enum message_from from,
		    const char *sentence)
{
	struct message m;
	struct brot_error err;
	if (decode(frames, count, from, &m, &err) == BROT_OK)
		fail_msg("taken; should be refused: %s", sentence);
	assert_string_equal(err.text, sentence);
}

static enum message_from sender_of(const struct type *type)
{
	return (enum message_from)(type->from & (0u - type->from));
}

/* The tests. */

static void the_table_is_sound(void **state)
{
	(void)state;
	assert_int_equal(type_count, 38);
	for (size_t i = 0; i < type_count; i++) {
		assert_string_equal(message_name((enum message_type)types[i].code), types[i].name);
		assert_ptr_equal(type_of(types[i].code), &types[i]);
		assert_in_range(types[i].code, 1, 0x7f);
		assert_true(types[i].from != 0 && types[i].from < 8);
		assert_true(types[i].header_bytes <= LIMIT_HEADER_BYTES);
		assert_true(1u + types[i].has_body + types[i].may_have_data <= LIMIT_FRAMES);
	}
	for (unsigned code = 0; code < 512; code++)
		if (type_of(code) == NULL)
			assert_string_equal(message_name((enum message_type)code), "?");
	assert_string_equal(message_name(MSG_TILE), "TILE");
}

static void every_type_comes_back(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++)
		for (size_t i = 0; i < type_count; i++) {
			const struct type *type = &types[i];
			struct message m = random_message(type), back;
			struct message_frames frames;
			struct brot_error err;
			memset(&frames, 0x5a, sizeof frames);
			message_encode(&m, &frames);
			assert_int_equal(frames.count,
					 1u + type->has_body + (m.data.size > 0 ? 1u : 0u));
			assert_ptr_equal(frames.frame[0].data, frames.header);

			uint8_t want[LIMIT_HEADER_BYTES] = {'B', 'R', 'O',
							    'T', 1,   (uint8_t)type->code};
			size_t at = PREFIX_BYTES;
			for (size_t f = 0; f < type->field_count; f++) {
				memcpy(want + at, (char *)&m + type->fields[f]->offset,
				       type->fields[f]->bytes);
				at += type->fields[f]->bytes;
			}
			assert_int_equal(frames.frame[0].size, at);
			assert_int_equal(at, type->header_bytes);
			assert_memory_equal(frames.header, want, at);

			assert_int_equal(
				decode(frames.frame, frames.count, sender_of(type), &back, &err),
				BROT_OK);
			assert_same_fields(&m, &back);
			assert_ptr_equal(back.body.data, m.body.data);
			assert_int_equal(back.body.size, m.body.size);
			assert_ptr_equal(back.data.data, m.data.data);
			assert_int_equal(back.data.size, m.data.size);
		}
}

static void tile_is_these_bytes(void **state)
{
	(void)state;
	const struct message m = {
		.type = MSG_TILE,
		.session = 0x0102030405060708,
		.job = 0x1112131415161718,
		.phase = 0x21222324,
		.tile = 0x31323334,
		.attempt = 0x41424344,
		.x = 0x51525354,
		.y = 0x61626364,
		.w = 0x71727374,
		.h = 0x81828384,
	};
	static const uint8_t want[] = {
		'B',  'R',  'O',  'T',  0x01, 0x06,             /* prefix */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* session */
		0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, /* job */
		0x24, 0x23, 0x22, 0x21,                         /* phase */
		0x34, 0x33, 0x32, 0x31,                         /* tile */
		0x44, 0x43, 0x42, 0x41,                         /* attempt */
		0x54, 0x53, 0x52, 0x51,                         /* x */
		0x64, 0x63, 0x62, 0x61,                         /* y */
		0x74, 0x73, 0x72, 0x71,                         /* w */
		0x84, 0x83, 0x82, 0x81,                         /* h */
	};
	struct message_frames frames;
	message_encode(&m, &frames);
	assert_int_equal(frames.count, 1);
	assert_int_equal(frames.frame[0].size, sizeof want);
	assert_memory_equal(frames.frame[0].data, want, sizeof want);
	const struct bytes given = {want, sizeof want};
	struct message back;
	struct brot_error err;
	assert_int_equal(decode(&given, 1, FROM_BROKER, &back, &err), BROT_OK);
	assert_same_fields(&m, &back);
}

static void done_is_these_bytes(void **state)
{
	(void)state;
	const struct message m = {
		.type = MSG_DONE,
		.session = 0x0102030405060708,
		.job = 0x1112131415161718,
		.phase = 0x21222324,
		.tile = 0x31323334,
		.attempt = 0x41424344,
		.digest = 0x9192939495969798,
		.iterations = 0xa1a2a3a4a5a6a7a8,
		.elapsed_us = 0xb1b2b3b4b5b6b7b8,
		.codec = CODEC_ZSTD,
		.data = {"pixels", 6},
	};
	static const uint8_t want[] = {
		'B',  'R',  'O',  'T',  0x01, 0x07,             /* prefix */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* session */
		0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, /* job */
		0x24, 0x23, 0x22, 0x21,                         /* phase */
		0x34, 0x33, 0x32, 0x31,                         /* tile */
		0x44, 0x43, 0x42, 0x41,                         /* attempt */
		0x98, 0x97, 0x96, 0x95, 0x94, 0x93, 0x92, 0x91, /* digest */
		0xa8, 0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0xa1, /* iterations */
		0xb8, 0xb7, 0xb6, 0xb5, 0xb4, 0xb3, 0xb2, 0xb1, /* elapsed_us */
		0x01, 0x00, 0x00, 0x00,                         /* codec */
	};
	struct message_frames frames;
	message_encode(&m, &frames);
	assert_int_equal(frames.count, 2);
	assert_int_equal(frames.frame[0].size, sizeof want);
	assert_memory_equal(frames.frame[0].data, want, sizeof want);
	assert_int_equal(frames.frame[1].size, 6);
	assert_memory_equal(frames.frame[1].data, "pixels", 6);
	const struct bytes given[] = {{want, sizeof want}, {"pixels", 6}};
	struct message back;
	struct brot_error err;
	assert_int_equal(decode(given, 2, FROM_WORKER, &back, &err), BROT_OK);
	assert_same_fields(&m, &back);
	assert_memory_equal(back.data.data, "pixels", 6);
}

static void a_header_has_exactly_its_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < type_count; i++) {
		struct message m = random_message(&types[i]), back;
		struct message_frames frames;
		struct brot_error err;
		message_encode(&m, &frames);
		for (size_t bytes = 0; bytes <= LIMIT_HEADER_BYTES; bytes++) {
			/* A block of just that size, so that a sanitizer sees a read beyond it. */
			uint8_t *header = malloc(bytes > 0 ? bytes : 1);
			assert_non_null(header);
			memset(header, 0, bytes);
			memcpy(header, frames.header,
			       bytes < types[i].header_bytes ? bytes : types[i].header_bytes);
			struct bytes cut[LIMIT_FRAMES];
			memcpy(cut, frames.frame, sizeof cut);
			cut[0] = (struct bytes){header, bytes};
			enum brot_err code = decode(cut, frames.count, sender_of(&types[i]), &back,
						    &err);
			assert_int_equal(code, bytes == types[i].header_bytes ? BROT_OK
									      : BROT_E_PROTOCOL);
			free(header);
		}
	}
	static const uint8_t bye[] = {'B', 'R', 'O', 'T', 1, MSG_BYE, 1, 0, 0, 0, 0, 0, 0, 0, 0};
	const struct bytes five = {bye, 5}, short_one = {bye, 13}, long_one = {bye, 15};
	const struct bytes nothing = {NULL, 0};
	refused(&nothing, 1, FROM_WORKER, "message: the first frame must start with \"BROT\"");
	refused(&five, 1, FROM_WORKER, "message: the first frame must start with \"BROT\"");
	refused(&short_one, 1, FROM_WORKER, "BYE: header must have 14 bytes, got 13");
	refused(&long_one, 1, FROM_WORKER, "BYE: header must have 14 bytes, got 15");
}

static void the_prefix_must_be_right(void **state)
{
	(void)state;
	uint8_t bye[14] = {'B', 'R', 'O', 'T', 1, MSG_BYE, 1};
	const struct bytes frame = {bye, sizeof bye};
	struct message m;
	struct brot_error err;
	assert_int_equal(decode(&frame, 1, FROM_WORKER, &m, &err), BROT_OK);
	for (size_t place = 0; place < 4; place++)
		for (int bit = 0; bit < 8; bit++) {
			bye[place] ^= (uint8_t)(1u << bit);
			refused(&frame, 1, FROM_WORKER,
				"message: the first frame must start with \"BROT\"");
			bye[place] ^= (uint8_t)(1u << bit);
		}
	char sentence[64];
	for (unsigned version = 0; version < 256; version++) {
		bye[4] = (uint8_t)version;
		(void)snprintf(sentence, sizeof sentence,
			       "message: version must be BROT/1, got BROT/%u", version);
		if (version != 1)
			refused(&frame, 1, FROM_WORKER, sentence);
	}
	bye[4] = 1;
	for (unsigned code = 0; code < 256; code++) {
		bye[5] = (uint8_t)code;
		(void)snprintf(sentence, sizeof sentence, "message: type 0x%02x is not known",
			       code);
		if (type_of(code) == NULL)
			refused(&frame, 1, FROM_WORKER, sentence);
	}
}

static void only_the_right_side_may_say_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < type_count; i++)
		for (size_t f = 0; f < FROM_COUNT; f++) {
			struct message m = random_message(&types[i]), back;
			struct message_frames frames;
			struct brot_error err;
			message_encode(&m, &frames);
			enum brot_err code = decode(frames.frame, frames.count, froms[f], &back,
						    &err);
			bool may = (types[i].from & froms[f]) != 0;
			assert_int_equal(code, may ? BROT_OK : BROT_E_PROTOCOL);
			const char *why = "is not for this peer to send";
			if (froms[f] == FROM_CLIENT && types[i].from == FROM_WORKER)
				why = "is for the broker's endpoint for workers, this is the one "
				      "for clients";
			else if (froms[f] == FROM_WORKER && types[i].from == FROM_CLIENT)
				why = "is for the broker's endpoint for clients, this is the one "
				      "for workers";
			char sentence[128];
			(void)snprintf(sentence, sizeof sentence, "%.15s: %s", types[i].name, why);
			if (!may)
				assert_string_equal(err.text, sentence);
		}
}

static void frames_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < type_count; i++) {
		struct message m = random_message(&types[i]), back;
		struct message_frames frames;
		struct brot_error err;
		message_encode(&m, &frames);
		struct bytes given[FRAMES_TESTED];
		for (size_t f = 0; f < FRAMES_TESTED; f++)
			given[f] = (struct bytes){filler, 1};
		given[0] = frames.frame[0];
		size_t fewest = 1u + types[i].has_body + types[i].must_have_data;
		size_t most = 1u + types[i].has_body + types[i].may_have_data;
		for (size_t count = 0; count <= FRAMES_TESTED; count++) {
			bool is_right = count >= fewest && count <= most;
			assert_int_equal(decode(given, count, sender_of(&types[i]), &back, &err),
					 is_right ? BROT_OK : BROT_E_PROTOCOL);
		}
	}
	static const uint8_t jobs[] = {'B', 'R', 'O', 'T', 1, MSG_JOBS};
	const struct bytes given[] = {{jobs, sizeof jobs}, {"{}", 2}, {"", 0}};
	refused(given, 0, FROM_CLIENT, "message: has no frame");
	refused(given, 1, FROM_CLIENT, "JOBS: must have 2 to 2 frames, got 1");
	refused(given, 3, FROM_CLIENT, "JOBS: must have 2 to 2 frames, got 3");
}

static void a_body_has_its_limit(void **state)
{
	(void)state;
	size_t seen = 0;
	for (size_t i = 0; i < type_count; i++) {
		if (!types[i].has_body)
			continue;
		seen++;
		struct message m = random_message(&types[i]), back;
		struct message_frames frames;
		struct brot_error err;
		size_t most = types[i].is_text ? LIMIT_TEXT_BYTES : LIMIT_BODY_BYTES;
		m.body = (struct bytes){filler, most};
		message_encode(&m, &frames);
		assert_int_equal(
			decode(frames.frame, frames.count, sender_of(&types[i]), &back, &err),
			BROT_OK);
		assert_int_equal(back.body.size, most);
		frames.frame[1].size++;
		char sentence[96];
		(void)snprintf(sentence, sizeof sentence,
			       "%.15s: body must have at most %zu bytes, got %zu", types[i].name,
			       most, most + 1);
		refused(frames.frame, frames.count, sender_of(&types[i]), sentence);
		frames.frame[1] = (struct bytes){NULL, 0};
		assert_int_equal(
			decode(frames.frame, frames.count, sender_of(&types[i]), &back, &err),
			BROT_OK);
		assert_int_equal(back.body.size, 0);
	}
	assert_true(seen > 0);
}

static void a_codec_is_in_range(void **state)
{
	(void)state;
	static const uint32_t bad[] = {CODEC_COUNT, 3, 0x100, 0x10000, 1u << 24, UINT32_MAX};
	size_t seen = 0;
	for (size_t i = 0; i < type_count; i++) {
		bool has_codec = false;
		for (size_t f = 0; f < types[i].field_count; f++)
			has_codec |= strcmp(types[i].fields[f]->name, "codec") == 0;
		assert_int_equal(has_codec, types[i].may_have_data);
		for (size_t b = 0; has_codec && b < sizeof bad / sizeof bad[0]; b++) {
			struct message m = random_message(&types[i]);
			struct message_frames frames;
			m.codec = bad[b];
			message_encode(&m, &frames);
			char sentence[64];
			(void)snprintf(sentence, sizeof sentence,
				       "%.15s: codec must be under 2, got %u", types[i].name,
				       bad[b]);
			refused(frames.frame, frames.count, sender_of(&types[i]), sentence);
			seen++;
		}
	}
	assert_int_equal(seen, 2 * sizeof bad / sizeof bad[0]);
}

/* Frames as a stranger may send them; the header in a block of exactly its size. */
struct hostile {
	uint8_t *header;
	size_t count;
	struct bytes frame[FRAMES_TESTED];
	enum message_from from;
};

/* PROTOCOL.md, sections 2 and 4. */
static bool is_message(const struct hostile *h)
{
	const uint8_t *p = h->header;
	size_t bytes = h->frame[0].size;
	if (h->count == 0 || bytes < PREFIX_BYTES || memcmp(p, "BROT\x01", 5) != 0)
		return false;
	const struct type *type = type_of(p[5]);
	if (type == NULL || (type->from & h->from) == 0 || bytes != type->header_bytes)
		return false;
	if (h->count < 1u + type->has_body + type->must_have_data ||
	    h->count > 1u + type->has_body + type->may_have_data)
		return false;
	if (type->has_body &&
	    h->frame[1].size > (type->is_text ? LIMIT_TEXT_BYTES : LIMIT_BODY_BYTES))
		return false;
	if (h->count > 1u + type->has_body && h->frame[h->count - 1].size == 0)
		return false;
	static const uint8_t zero[8];
	size_t at = PREFIX_BYTES;
	for (size_t f = 0; f < type->field_count; at += type->fields[f++]->bytes) {
		const char *name = type->fields[f]->name;
		if (strcmp(name, "codec") == 0 &&
		    (p[at] >= CODEC_COUNT || p[at + 1] != 0 || p[at + 2] != 0 || p[at + 3] != 0))
			return false;
		bool is_id = strcmp(name, "session") == 0 || strcmp(name, "job") == 0;
		if (is_id && memcmp(p + at, zero, sizeof zero) == 0)
			return false;
	}
	return true;
}

static void header_resize(struct hostile *h, size_t bytes)
{
	uint8_t *header = malloc(bytes > 0 ? bytes : 1);
	assert_non_null(header);
	draw_bytes(header, bytes);
	memcpy(header, h->header, bytes < h->frame[0].size ? bytes : h->frame[0].size);
	free(h->header);
	h->header = header;
	h->frame[0] = (struct bytes){header, bytes};
}

static void mutate(struct hostile *h)
{
	size_t bytes = h->frame[0].size;
	switch (draw_below(11)) {
	case 10: /* an id of 0 */
		if (bytes >= PREFIX_BYTES + 8)
			memset(h->header + PREFIX_BYTES, 0, 8);
		break;
	case 0:
	case 1:
	case 2:
		if (bytes > 0)
			h->header[draw_below(bytes)] ^= (uint8_t)(1u << draw_below(8));
		break;
	case 3:
		if (bytes > 0)
			h->header[draw_below(bytes)] = (uint8_t)draw();
		break;
	case 4:
		if (bytes > 5)
			h->header[5] = (uint8_t)types[draw_below(type_count)].code;
		break;
	case 5:
		header_resize(h, draw_below(bytes + SPARE_BYTES));
		break;
	case 6:
		if (h->count > 0)
			h->count--;
		break;
	case 7:
		if (h->count < FRAMES_TESTED)
			h->frame[h->count++] = (struct bytes){filler, draw_below(2)};
		break;
	case 8:
		if (h->count > 1)
			h->frame[1].size = draw_below(2) ? LIMIT_TEXT_BYTES + draw_below(3)
							 : LIMIT_BODY_BYTES - 1 + draw_below(3);
		break;
	default:
		h->from = froms[draw_below(FROM_COUNT)];
		break;
	}
}

static void mutations_are_judged_right(void **state)
{
	(void)state;
	size_t taken = 0;
	for (int i = 0; i < MUTATIONS; i++) {
		const struct type *type = &types[draw_below(type_count)];
		struct message m = random_message(type), back;
		struct message_frames frames;
		struct brot_error err;
		message_encode(&m, &frames);
		struct hostile h = {.count = frames.count, .from = sender_of(type)};
		memcpy(h.frame, frames.frame, sizeof frames.frame);
		size_t bytes = frames.frame[0].size;
		h.header = malloc(bytes);
		assert_non_null(h.header);
		memcpy(h.header, frames.header, bytes);
		h.frame[0].data = h.header;
		for (size_t n = 1 + draw_below(4); n > 0; n--)
			mutate(&h);

		bool is_taken = decode(h.frame, h.count, h.from, &back, &err) == BROT_OK;
		if (is_taken != is_message(&h))
			fail_msg("mutation %d: %s, wrongly", i, is_taken ? "taken" : err.text);
		/* Whatever is taken is written back as it came. */
		type = is_taken ? type_of((unsigned)back.type) : NULL;
		bool is_encodable = is_taken && (!type->must_have_data || back.data.size > 0);
		if (is_encodable) {
			message_encode(&back, &frames);
			assert_int_equal(frames.frame[0].size, h.frame[0].size);
			assert_memory_equal(frames.header, h.header, h.frame[0].size);
		}
		taken += is_taken;
		free(h.header);
	}
	/* Neither all nor none, or the mutations would show nothing. */
	assert_in_range(taken, MUTATIONS / 20, MUTATIONS * 19 / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(every_type_comes_back),
		cmocka_unit_test(tile_is_these_bytes),
		cmocka_unit_test(done_is_these_bytes),
		cmocka_unit_test(a_header_has_exactly_its_length),
		cmocka_unit_test(the_prefix_must_be_right),
		cmocka_unit_test(only_the_right_side_may_say_it),
		cmocka_unit_test(frames_are_counted),
		cmocka_unit_test(a_body_has_its_limit),
		cmocka_unit_test(a_codec_is_in_range),
		cmocka_unit_test(mutations_are_judged_right),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
