/* gate.c - the doorkeeper. It is no thread of its own: one that dies would open or shut the door
 * unseen, while this one is there whenever the broker is. */
#include "broker/gate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/keyring.h"
#include "broker/zap.h"
#include "proto/secret.h"
#include "proto/sys/clock.h"
#include "proto/sys/keys.h"
#include "proto/sys/log.h"
#include "proto/sys/sock_zap.h"

#define LOOK_MS       2000
#define QUESTIONS_MAX 64    /* answered before messages have their turn */
#define LOG_MS        1000  /* between two lines about who was turned away */
#define TEST_MS       10000 /* a stranger is told within so long */
#define TEST_QUEUE    4

static_assert(ZAP_ANSWER_FRAMES == SOCK_ZAP_ANSWER_FRAMES, "one writes what the other sends");

/* What libzmq calls the doors when it asks. */
static const char *const domains[] = {[SIDE_CLIENT] = "clients", [SIDE_WORKER] = "workers"};

struct gate {
	struct sock_context *context;
	const struct cert *cert;
	struct keyring *keyring; /* NULL: there are no keys */
	struct sock *zap;
	struct doors doors;
	int64_t look_ms, log_ms;
	uint64_t unlogged;
	char stranger[Z85_KEY_CHARS + 1]; /* of a test that is under way */
	uint64_t strangers;               /* times that it was asked for and turned away */
	struct zap_question question;     /* that answers borrow from */
};

static unsigned roles_of_key(const char *key, void *context)
{
	return keyring_roles(context, key);
}

static void log_keys(const struct gate *gate)
{
	bool is_whole = keyring_is_whole(gate->keyring);
	log_line(is_whole ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
		 "%s clients=%u workers=%u admins=%u",
		 is_whole ? "keys read" : "not all keys can be read, there are",
		 keyring_count(gate->keyring, ROLE_CLIENT),
		 keyring_count(gate->keyring, ROLE_WORKER),
		 keyring_count(gate->keyring, ROLE_ADMIN));
}

enum brot_err gate_open(struct sock_context *context, const char *folder, const struct cert *cert,
			struct gate **ret_gate, struct brot_error *err)
{
	struct gate *gate = calloc(1, sizeof *gate);
	if (gate == NULL)
		abort();
	gate->context = context;
	gate->cert = cert;
	gate->doors.uid = geteuid();
	enum brot_err code = BROT_OK;
	if (folder != NULL) {
		code = keyring_open(folder, &gate->keyring, err);
		if (code == BROT_OK)
			code = sock_zap_new(context, &gate->zap, err);
		gate->doors.has_keys = true;
		gate->doors.roles_of_key = roles_of_key;
		gate->doors.context = gate->keyring;
	}
	if (code != BROT_OK) {
		gate_close(gate);
		return code;
	}
	if (folder != NULL)
		log_keys(gate);
	*ret_gate = gate;
	return BROT_OK;
}

void gate_close(struct gate *gate)
{
	if (gate == NULL)
		return;
	sock_free(gate->zap, 0);
	keyring_close(gate->keyring);
	free(gate);
}

enum brot_err gate_lock(const struct gate *gate, struct sock *sock, enum peer_side side,
			struct brot_error *err)
{
	if (gate->keyring == NULL)
		return BROT_OK;
	return sock_router_lock(sock, gate->cert->secret_key, domains[side], err);
}

/* A stranger that knocks without end makes a line a second. */
static void log_stranger(struct gate *gate, const struct zap_question *question)
{
	bool is_known = keyring_roles(gate->keyring, question->key) != 0;
	int64_t now_ms = clock_ms();
	gate->unlogged++;
	if (now_ms < gate->log_ms)
		return;
	log_line(LOG_LEVEL_WARNING,
		 "turned away, the key is %s key=%s for=%s address=\"%s\" count=%" PRIu64,
		 is_known ? "for another door" : "not known", question->key, question->domain,
		 question->address, gate->unlogged);
	gate->unlogged = 0;
	gate->log_ms = now_ms + LOG_MS;
}

static bool may_enter(const char *domain, unsigned roles)
{
	for (enum peer_side side = SIDE_CLIENT; side <= SIDE_WORKER; side++)
		if (strcmp(domain, domains[side]) == 0)
			return doors_may_enter(roles, side == SIDE_WORKER);
	return false;
}

static void answer(const struct bytes *frames, size_t count,
		   struct bytes ret_answer[SOCK_ZAP_ANSWER_FRAMES], void *context)
{
	struct gate *gate = context;
	struct zap_question *question = &gate->question;
	struct brot_error err;
	enum zap_verdict verdict = ZAP_TURN_AWAY;
	if (zap_decode(frames, count, question, &err) != BROT_OK) {
		verdict = ZAP_NOT_UNDERSTOOD;
		log_line(LOG_LEVEL_ERROR, "turned away, the question is odd: %s", err.text);
	} else if (may_enter(question->domain, keyring_roles(gate->keyring, question->key))) {
		verdict = ZAP_LET_IN;
	} else if (strcmp(question->key, gate->stranger) == 0) {
		gate->strangers++;
	} else {
		log_stranger(gate, question);
	}
	zap_encode(question, verdict, ret_answer);
}

struct sock *gate_sock(const struct gate *gate)
{
	return gate->zap;
}

void gate_serve(struct gate *gate)
{
	if (gate->zap != NULL)
		sock_zap_serve(gate->zap, QUESTIONS_MAX, answer, gate);
}

bool gate_refresh(struct gate *gate, int64_t now_ms, bool is_forced)
{
	if (gate->keyring == NULL || (now_ms < gate->look_ms && !is_forced))
		return false;
	gate->look_ms = now_ms + LOOK_MS;
	bool is_new = keyring_refresh(gate->keyring, is_forced);
	if (is_new || is_forced)
		log_keys(gate);
	return is_new;
}

int64_t gate_deadline_ms(const struct gate *gate)
{
	return gate->keyring != NULL ? gate->look_ms : INT64_MAX;
}

void gate_principal(const struct gate *gate, enum peer_side side,
		    const struct sock_received *received, struct principal *ret_principal)
{
	doors_principal(&gate->doors, side == SIDE_WORKER, received->address, received->user_id,
			ret_principal);
}

bool gate_keeps(const struct gate *gate, const struct principal *principal)
{
	const char *key = doors_key_of(principal->name);
	return gate->keyring == NULL || key == NULL ||
	       (principal->roles & ~keyring_roles(gate->keyring, key)) == 0;
}

/* ---- the broker tries its own door ---- */

/* Waits for how the stranger's handshake ends. */
static enum sock_standing knock(struct gate *gate, struct sock *stranger)
{
	const int64_t until_ms = clock_ms() + TEST_MS;
	enum sock_standing standing = SOCK_STANDING_NONE;
	for (int64_t now_ms = clock_ms(); standing == SOCK_STANDING_NONE && now_ms < until_ms;
	     now_ms = clock_ms()) {
		struct sock_poll items[] = {{.sock = stranger, .fd = -1},
					    {.sock = gate->zap, .fd = -1}};
		(void)sock_poll(items, 2, until_ms - now_ms);
		gate_serve(gate);
		standing = sock_standing(stranger);
	}
	return standing;
}

static enum brot_err judge(const char *url, const char *who, enum sock_standing standing,
			   bool is_asked, struct brot_error *err)
{
	if (standing == SOCK_STANDING_IN)
		return error_set(err, BROT_E_DENIED,
				 "%.120s: a stranger %s was let in: this lock does not hold", url,
				 who);
	/* A host that stands still may do better the next time. */
	if (standing == SOCK_STANDING_NONE)
		return error_set(err, BROT_E_BUSY,
				 "%.120s: a stranger %s must be turned away, and was not within "
				 "%d s",
				 url, who, TEST_MS / 1000);
	if (!is_asked)
		return error_set(err, BROT_E_DENIED,
				 "%.120s: a stranger %s was turned away, but not by us: nobody "
				 "asked for its key",
				 url, who);
	return BROT_OK;
}

static enum brot_err test_as(struct gate *gate, const char *url, const struct sock_keys *keys,
			     struct brot_error *err)
{
	const struct sock_limits limits = {LIMIT_CLIENT_FRAME_BYTES, TEST_QUEUE, TEST_QUEUE};
	struct sock *stranger;
	enum brot_err code = sock_dealer_new(gate->context, url, keys, &limits, &stranger, err);
	if (code != BROT_OK)
		return code;
	gate->strangers = 0;
	if (keys != NULL)
		memcpy(gate->stranger, keys->public_key, sizeof gate->stranger);
	enum sock_standing standing = knock(gate, stranger);
	code = judge(url, keys != NULL ? "with a key of its own" : "without any key", standing,
		     keys == NULL || gate->strangers > 0, err);
	gate->stranger[0] = '\0';
	sock_free(stranger, 0);
	return code;
}

enum brot_err gate_test(struct gate *gate, const char *url, struct brot_error *err)
{
	struct cert cert;
	struct sock_keys keys;
	if (gate->keyring == NULL || sock_ipc_path(url) != NULL)
		return BROT_OK;
	enum brot_err code = keys_make(&cert, err);
	if (code != BROT_OK)
		return code;
	memcpy(keys.public_key, cert.public_key, sizeof keys.public_key);
	memcpy(keys.secret_key, cert.secret_key, sizeof keys.secret_key);
	memcpy(keys.server_key, gate->cert->public_key, sizeof keys.server_key);
	code = test_as(gate, url, &keys, err);
	if (code == BROT_OK)
		code = test_as(gate, url, NULL, err);
	secret_forget(&cert, sizeof cert);
	secret_forget(&keys, sizeof keys);
	return code;
}
