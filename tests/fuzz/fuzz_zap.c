/*
 * fuzz_zap.c - the door: libzmq's question about a key, and who a peer is taken for by what libzmq
 * says of its connection.
 *
 * The input is a conversation (records.h). The first record's frames are a peer's address and user
 * id, its op is what is known at the door, its how the type of a message that the peer sends, its
 * wait the roles of anybody who sends it; the frames of the others together are one question.
 */
#include <inttypes.h>

#include "broker/doors.h"
#include "broker/zap.h"
#include "proto/quote.h"
#include "proto/sys/sock.h"
#include "proto/sys/sock_zap.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/records.h"

#define WORKERS_SIDE 1 /* of op */
#define HAS_KEYS     2
#define OUR_UID      1000
#define ROLES        (1 << ROLE_COUNT)

/* Those that make_seeds.py has. */
static const struct {
	const char *key;
	unsigned roles;
} ring[] = {
	{"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", ROLE_CLIENT},
	{"E$6YJfrYuXMW{/@WV1.HK:va&9=}Ph3TvBxkvCVx", ROLE_WORKER},
	{"8UPdF:&3CyYb:Qb=/BcUw-p#@WNLU9VmR(QFqqX#", ROLE_ADMIN | ROLE_CLIENT},
};

static unsigned roles_of_key(const char *key, void *context)
{
	FUZZ_CHECK(context != NULL, "asked for a key, and there are none");
	FUZZ_CHECK(strlen(key) == Z85_KEY_CHARS, "asked for the key \"%s\"", key);
	for (size_t i = 0; i < sizeof ring / sizeof ring[0]; i++)
		if (strcmp(ring[i].key, key) == 0)
			return ring[i].roles;
	return 0;
}

/* ---- principals ---- */

/* "localhost:UID:GID:PID", read from its beginning. */
static bool is_local(const char *address, uint64_t *ret_uid)
{
	static const char head[] = "localhost";
	if (strncmp(address, head, sizeof head - 1) != 0)
		return false;
	address += sizeof head - 1;
	for (int i = 0; i < 3; i++) {
		if (*address++ != ':')
			return false;
		size_t digits = strspn(address, "0123456789");
		uint64_t number = digits - 1 < 10 ? strtoull(address, NULL, 10) : UINT64_MAX;
		if (number > UINT32_MAX)
			return false;
		*ret_uid = i == 0 ? number : *ret_uid;
		address += digits;
	}
	return *address == '\0';
}

static void expect(const struct doors *doors, bool is_workers_side, const char *address,
		   const char *user_id, struct principal *ret_principal)
{
	const unsigned ours = is_workers_side ? ROLE_WORKER : ROLE_ADMIN;
	struct principal principal = {.roles = 0};
	uint64_t uid = 0;
	if (is_local(address, &uid)) {
		(void)snprintf(principal.name, sizeof principal.name, "uid:%" PRIu64, uid);
		principal.roles = uid == 0 || uid == doors->uid ? ours
				  : is_workers_side             ? 0
								: ROLE_CLIENT;
	} else if (address[0] != '\0' && !doors->has_keys) {
		(void)snprintf(principal.name, sizeof principal.name, "%s", PRINCIPAL_ANY);
		principal.roles = ours;
	} else if (address[0] != '\0' && strlen(user_id) == Z85_KEY_CHARS) {
		(void)snprintf(principal.name, sizeof principal.name, "key:%s", user_id);
		principal.roles = roles_of_key(user_id, doors->context);
	}
	*ret_principal = principal;
}

/* What the table lets it say of one type. */
static void check_word(const struct principal *who, unsigned number)
{
	const enum message_type type = (enum message_type)number;
	const enum door door = doors_look(type, who->roles);
	const bool is_77 = strcmp(who->name, "uid:77") == 0;
	struct brot_error err = {.code = BROT_OK};
	enum brot_err code = doors_check(type, who, &err);
	FUZZ_CHECK((code == BROT_OK) == (door != DOOR_SHUT), "type %u", number);
	FUZZ_CHECK(code == BROT_OK ||
			   (code == BROT_E_DENIED && err.code == code && err.text[0] != '\0'),
		   "no sentence");
	FUZZ_CHECK(door == DOOR_SHUT || doors_may_enter(who->roles, number < MSG_SUBMIT),
		   "type %u from outside", number);
	code = doors_check_owner(type, who, 1, who->name, &err);
	FUZZ_CHECK((code == BROT_OK) ==
			   (door == DOOR_OPEN ||
			    (door == DOOR_OWN && strcmp(who->name, PRINCIPAL_ANY) != 0)),
		   "type %u of one's own", number);
	code = doors_check_owner(type, who, 1, "uid:77", &err);
	FUZZ_CHECK((code == BROT_OK) == (door == DOOR_OPEN || (door == DOOR_OWN && is_77)),
		   "type %u of another's", number);
}

/* Who speaks, by what libzmq says. */
static void check_principal(const struct doors *doors, bool is_workers_side, const char *address,
			    const char *user_id, unsigned type)
{
	struct principal who, expected;
	memset(&who, 'x', sizeof who);
	doors_principal(doors, is_workers_side, address, user_id, &who);
	expect(doors, is_workers_side, address, user_id, &expected);
	FUZZ_CHECK(memchr(who.name, '\0', sizeof who.name) != NULL &&
			   strcmp(who.name, expected.name) == 0,
		   "\"%s\" is \"%s\", not \"%s\"", address, who.name, expected.name);
	FUZZ_CHECK(who.roles == expected.roles, "\"%s\" is %u, not %u", who.name, who.roles,
		   expected.roles);
	FUZZ_CHECK(who.roles == 0 || who.name[0] != '\0', "roles of nobody");
	check_word(&who, type);
}

/* ---- questions ---- */

struct question {
	size_t count; /* of frames; the list has at most SOCK_ZAP_FRAMES of them */
	struct bytes *list;
};

static bool is_text(const struct bytes *frame, const char *text)
{
	return frame->size == strlen(text) && memcmp(frame->data, text, frame->size) == 0;
}

static bool is_understood(const struct question *q)
{
	const struct bytes *f = q->list;
	return q->count == 7 && is_text(&f[0], "1.0") && f[1].size <= ZAP_REQUEST_ID_BYTES &&
	       f[2].size < sizeof((struct zap_question *)0)->domain &&
	       memchr(f[2].data, '\0', f[2].size) == NULL && is_text(&f[5], "CURVE") &&
	       f[6].size == Z85_KEY_BYTES;
}

static void check_answers(const struct question *q, const struct zap_question *question)
{
	static const char *const codes[] = {"200", "400", "500"};
	for (int v = ZAP_LET_IN; v <= ZAP_NOT_UNDERSTOOD; v++) {
		struct bytes answer[ZAP_ANSWER_FRAMES] = {{0}};
		zap_encode(question, (enum zap_verdict)v, answer);
		FUZZ_CHECK(is_text(&answer[0], "1.0") && is_text(&answer[2], codes[v]),
			   "no answer");
		FUZZ_CHECK(is_text(&answer[4], v == ZAP_LET_IN ? question->key : ""), "user id");
		FUZZ_CHECK(answer[5].size == 0, "metadata");
		/* libzmq drops an answer to another question, and the peer waits for ever. */
		if (q->count > 1 && q->list[1].size <= ZAP_REQUEST_ID_BYTES)
			FUZZ_CHECK(answer[1].size == q->list[1].size &&
					   memcmp(answer[1].data, q->list[1].data,
						  answer[1].size) == 0,
				   "another question's answer");
	}
}

static void check_question(const struct question *q, const struct doors *doors,
			   bool is_workers_side, unsigned type)
{
	struct zap_question question;
	uint8_t key[Z85_KEY_BYTES];
	struct brot_error err = {.code = BROT_OK};
	memset(&question, 'x', sizeof question);
	enum brot_err code = zap_decode(q->list, q->count, &question, &err);
	FUZZ_CHECK((code == BROT_OK) == is_understood(q), "%s", err.text);
	check_answers(q, &question);
	if (code != BROT_OK) {
		FUZZ_CHECK(code == BROT_E_PROTOCOL && err.code == code && err.text[0] != '\0',
			   "no sentence");
		FUZZ_CHECK(question.key[0] == '\0' && question.address[0] == '\0' &&
				   question.domain[0] == '\0',
			   "more than its id");
		return;
	}
	FUZZ_CHECK(z85_read(question.key, key, sizeof key) &&
			   memcmp(key, q->list[6].data, sizeof key) == 0,
		   "another's key");
	FUZZ_CHECK(memchr(question.address, '\0', sizeof question.address) != NULL, "no end");
	for (const char *p = question.address; *p != '\0'; p++)
		FUZZ_CHECK(*p >= 0x20 && *p < 0x7f, "\"%s\" in a log line", question.address);
	/* As if it were let in. */
	check_principal(doors, is_workers_side, question.address, question.key, type);
}

/* As sock.c hands them on: what has no room is not there. */
static char *text_of(const struct record *record, size_t index, size_t room)
{
	if (index >= record->count || record->frames[index].size >= room)
		return fuzz_text("", 0);
	return fuzz_text(record->frames[index].data, record->frames[index].size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records records = {data, size};
	struct record peer, record;
	struct bytes frames[SOCK_ZAP_FRAMES];
	struct question q = {.count = 0};
	if (!records_next(&records, &peer))
		return 0;
	while (records_next(&records, &record)) {
		for (size_t i = 0; i < record.count; i++) {
			if (q.count < SOCK_ZAP_FRAMES) {
				frames[q.count] = record.frames[i];
				frames[q.count].data = fuzz_copy(record.frames[i].data,
								 record.frames[i].size);
			}
			q.count += q.count <= SOCK_ZAP_FRAMES;
		}
		record_done(&record);
	}
	size_t kept = q.count < SOCK_ZAP_FRAMES ? q.count : SOCK_ZAP_FRAMES;
	q.list = (struct bytes *)(void *)fuzz_copy(frames, kept * sizeof frames[0]);
	const bool is_workers_side = (peer.op & WORKERS_SIDE) != 0;
	const struct doors doors = {
		.has_keys = (peer.op & HAS_KEYS) != 0,
		.uid = OUR_UID,
		.roles_of_key = roles_of_key,
		.context = (peer.op & HAS_KEYS) != 0 ? &records : NULL,
	};
	char *address = text_of(&peer, 0, SOCK_ADDRESS_BYTES);
	char *user_id = text_of(&peer, 1, SOCK_USER_ID_BYTES);
	check_principal(&doors, is_workers_side, address, user_id, peer.how);
	struct principal any = {.name = PRINCIPAL_ANY, .roles = peer.wait % ROLES};
	check_word(&any, peer.how);
	check_question(&q, &doors, is_workers_side, peer.how);
	free(user_id);
	free(address);
	for (size_t i = 0; i < kept; i++)
		free((void *)(uintptr_t)q.list[i].data);
	free(q.list);
	record_done(&peer);
	return 0;
}
