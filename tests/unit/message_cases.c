/* message_cases.c - the table of messages, read once, and cases drawn from it. */
#include "tests/unit/message_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_BYTES 300 /* of data, at most */

const enum message_from froms[FROM_COUNT] = {FROM_WORKER, FROM_CLIENT, FROM_BROKER};

static const struct member members[] = {
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

struct type types[TYPES_MAX];
size_t type_count;
uint8_t filler[LIMIT_BODY_BYTES + 2];

/* splitmix64 */
static uint64_t random_state;

uint64_t draw(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

size_t draw_below(size_t limit)
{
	return (size_t)(draw() % limit);
}

void draw_bytes(void *memory, size_t bytes)
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

int message_cases_begin(void **state)
{
	(void)state;
	const char *seed = getenv("BROT_TEST_SEED");
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : 20260101;
	print_message("BROT_TEST_SEED=%llu\n", (unsigned long long)random_state);
	message_describe(note_type, NULL);
	return 0;
}

const struct type *type_of(unsigned code)
{
	for (size_t i = 0; i < type_count; i++)
		if (types[i].code == code)
			return &types[i];
	return NULL;
}

struct message random_message(const struct type *type)
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

void assert_same_fields(const struct message *a, const struct message *b)
{
	assert_int_equal(a->type, b->type);
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (memcmp((const char *)a + members[i].offset, (const char *)b + members[i].offset,
			   members[i].bytes) != 0)
			fail_msg("%s: %s differs", message_name(a->type), members[i].name);
}

enum brot_err decode(const struct bytes *frames, size_t count, enum message_from from,
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

enum message_from sender_of(const struct type *type)
{
	return (enum message_from)(type->from & (0u - type->from));
}
