/*
 * test_message.c - frames and back, and everything that is almost a message. What a type's header
 * must look like is worked out here anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/message_cases.h"

static void refused(const struct bytes *frames, size_t count, enum message_from from,
		    const char *sentence)
{
	struct message m;
	struct brot_error err;
	if (decode(frames, count, from, &m, &err) == BROT_OK)
		fail_msg("taken; should be refused: %s", sentence);
	assert_string_equal(err.text, sentence);
}

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
	};
	return cmocka_run_group_tests(tests, message_cases_begin, NULL);
}
