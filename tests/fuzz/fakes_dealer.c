/* fakes_dealer.c - a socket whose peer is the input. */
#include "tests/fuzz/fakes.h"

#include "proto/sys/clock.h"
#include "tests/fuzz/fuzz.h"

#define STALL_MS    60000
#define IDLE_MAX    100000 /* waits after the end of the input: what waits for ever, hangs */
#define SIGNALS     4
#define SENT_MAX    100000 /* messages that one input may cause */
#define POLL_MAX_MS (24 * 3600 * 1000)

struct sock {
	char url[LIMIT_URL_CHARS + 1];
};

static struct {
	struct dealer dealer;
	struct record record; /* in hand */
	bool has_record, has_message, is_full, is_signalled;
	int64_t wait_ms; /* that the record in hand is yet to come */
	struct record segment;
	unsigned idle, sent, open;
} fake;

void dealer_begin(const struct dealer *dealer)
{
	memset(&fake, 0, sizeof fake);
	fake.dealer = *dealer;
}

void dealer_end(void)
{
	record_done(&fake.record);
	record_done(&fake.segment);
	FUZZ_CHECK(fake.open == 0, "%u sockets are left", fake.open);
}

bool dealer_is_open(void)
{
	return fake.open > 0;
}

/* ---- what is said to the peer ---- */

enum sock_result sock_send(struct sock *sock, const struct sock_route *route,
			   const struct message *m)
{
	struct message_frames frames;
	struct message decoded;
	struct brot_error err = {.code = BROT_OK};
	(void)sock;
	FUZZ_CHECK(route == NULL, "a DEALER has one peer");
	message_encode(m, &frames);
	FUZZ_CHECK(message_decode(frames.frame, frames.count, fake.dealer.from, &decoded, &err) ==
			   BROT_OK,
		   "%s", err.text);
	FUZZ_CHECK(++fake.sent < SENT_MAX, "no end of messages");
	return fake.is_full ? SOCK_AGAIN : SOCK_OK;
}

/* ---- what the peer says ---- */

/* The next record's time has come. */
static void arrive(void)
{
	static const int signals[SIGNALS] = {15, 2, 17, 1}; /* TERM, INT, CHLD, HUP */
	const struct record *record = &fake.record;
	fake.is_full = (record->op & DEALER_FULL) != 0;
	if ((record->op & DEALER_STALL) != 0)
		fakes_set_now_ms(clock_ms() + STALL_MS);
	if ((record->op & DEALER_SIGNAL) != 0) {
		fakes_signal(signals[record->how % SIGNALS]);
		fake.is_signalled = true;
	}
	if ((record->op & DEALER_SEGMENT) != 0 && record->count > 0) {
		record_done(&fake.segment);
		fake.segment = *record;
		fakes_set_segment(&fake.segment.frames[0]);
		fake.has_record = false;
		fake.record.count = 0;
	} else if ((record->op & DEALER_SILENT) != 0) {
		if (fake.dealer.on_silent != NULL)
			fake.dealer.on_silent(record);
	} else {
		fake.has_message = true;
	}
}

static bool load(void)
{
	if (fake.has_record)
		return true;
	record_done(&fake.record);
	fake.has_record = records_next(fake.dealer.records, &fake.record);
	fake.wait_ms = fake.has_record ? record_wait_ms(&fake.record) : 0;
	return fake.has_record;
}

int sock_poll(struct sock_poll *items, size_t count, int64_t timeout_ms)
{
	FUZZ_CHECK(timeout_ms < POLL_MAX_MS, "waits for %lld ms", (long long)timeout_ms);
	fake.is_signalled = false;
	if (!fake.has_message && load()) {
		int64_t wait_ms = fake.wait_ms;
		if (timeout_ms >= 0 && wait_ms > timeout_ms)
			wait_ms = timeout_ms;
		fakes_set_now_ms(clock_ms() + wait_ms);
		fake.wait_ms -= wait_ms;
		if (fake.wait_ms == 0) {
			arrive();
			fake.has_record = fake.has_record && fake.has_message;
		}
	} else if (!fake.has_message) {
		FUZZ_CHECK(++fake.idle < IDLE_MAX, "it never ends");
		fakes_set_now_ms(clock_ms() + (timeout_ms > 0 ? timeout_ms : 0));
		if (fake.dealer.on_end != NULL)
			fake.dealer.on_end();
		FUZZ_CHECK(timeout_ms >= 0 || fake.dealer.on_end != NULL, "it waits for ever");
	}
	int ready = 0;
	for (size_t i = 0; i < count; i++) {
		items[i].is_ready = items[i].sock != NULL ? fake.has_message : fake.is_signalled;
		ready += items[i].is_ready;
	}
	return ready;
}

enum sock_result sock_receive(struct sock *sock, struct sock_received *ret_received)
{
	(void)sock;
	if (!fake.has_message)
		return SOCK_AGAIN;
	struct sock_received received = {.count = fake.record.count};
	memcpy(received.frames, fake.record.frames, sizeof received.frames);
	/* The frames are the receiver's now. */
	struct record *owned = malloc(sizeof *owned);
	if (owned == NULL)
		abort();
	*owned = fake.record;
	received.owned = owned;
	fake.record.count = 0;
	fake.has_message = fake.has_record = false;
	*ret_received = received;
	return SOCK_OK;
}

void sock_received_done(struct sock_received *received)
{
	if (received->owned != NULL) {
		record_done(received->owned);
		free(received->owned);
	}
	*received = (struct sock_received){0};
}

/* ---- the socket ---- */

struct sock_context *sock_context_new(void)
{
	return malloc(1);
}

void sock_context_free(struct sock_context *context)
{
	free(context);
}

enum brot_err sock_dealer_new(struct sock_context *context, const char *url,
			      const struct sock_keys *keys, const struct sock_limits *limits,
			      struct sock **ret_sock, struct brot_error *err)
{
	(void)context;
	(void)keys;
	(void)limits;
	(void)err;
	struct sock *sock = calloc(1, sizeof *sock);
	if (sock == NULL)
		abort();
	(void)snprintf(sock->url, sizeof sock->url, "%s", url);
	fake.open++;
	*ret_sock = sock;
	return BROT_OK;
}

enum brot_err sock_denial(const struct sock *sock, struct brot_error *err)
{
	return error_set(err, BROT_E_DENIED, "%s", sock->url);
}

void sock_free(struct sock *sock, int linger_ms)
{
	(void)linger_ms;
	fake.open -= sock != NULL;
	free(sock);
}

const char *sock_endpoint(const struct sock *sock)
{
	return sock->url;
}
