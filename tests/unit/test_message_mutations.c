/*
 * test_message_mutations.c - messages with something changed: those that are none any more are
 * refused, the others taken. Which frames are a message is worked out here anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/message_cases.h"

#define MUTATIONS   100000
#define SPARE_BYTES 16 /* a header may grow by so much */

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
		cmocka_unit_test(mutations_are_judged_right),
	};
	return cmocka_run_group_tests(tests, message_cases_begin, NULL);
}
