/*
 * fuzz_broker.c - the whole broker but for its sockets, clock and memory: what eight connections
 * say, in any order, at any time.
 *
 * A record's op: the connection in bits 0 to 2 (0 to 3 are clients, the others workers), then
 * enum op. Who speaks over a connection is always the same: see people. After each message the
 * scheduler's invariants must hold; everything that is sent must decode; nobody hears of another's
 * job; images stay within their budget; and what nobody watches is gone some time later.
 */
#include <jansson.h>
#include <xxhash.h>

#include "broker/server_internal.h"
#include "proto/sys/sock_zap.h"
#include "tests/fuzz/fakes.h"
#include "tests/fuzz/fuzz.h"

#define CONNECTIONS   8
#define BUDGET_BYTES  (128 * 1024)
#define PEERS         5 /* fewer than the connections: some are forgotten */
#define SIDE_PEERS    3
#define TICKS_MAX     20000
#define SILENCE_MS    200000
#define SENT_STEP_MAX 4000 /* messages that one message may cause */

enum op {
	OP_DIGEST = 8,     /* the digest of a DONE is made right */
	OP_NEW = 16,       /* the connection is a new one */
	OP_FULL = 32,      /* its queue is full from now on, or no longer */
	OP_BIG_TICK = 64,  /* nothing is said; time passes slowly, tick by tick */
	OP_QUESTION = 128, /* somebody asks for metrics */
};

/* Where a DONE has its digest, and its codec. */
#define DONE_DIGEST 34
#define DONE_CODEC  58
#define DONE_HEADER 62

struct sock {
	enum peer_side side;
};

/* Where connections come from, as libzmq says it, and who that is. */
static const struct {
	const char *address, *principal;
	bool is_admin;
} people[CONNECTIONS] = {
	{"localhost:0:0:10", "uid:0", true},
	{"localhost:3000000001:5:11", "uid:3000000001", false},
	{"localhost:3000000002:5:12", "uid:3000000002", false},
	{"127.0.0.1", "any", true},
	{"localhost:0:0:13", "uid:0", true},
	{"127.0.0.1", "any", true},
	{"10.0.0.7", "any", true},
	{"localhost:3000000001:5:14", "uid:3000000001", false},
};

static struct {
	struct server server;
	struct server_config config;
	struct keeper keeper;
	struct sock sockets[2];
	uint8_t generation[CONNECTIONS];
	bool is_full[CONNECTIONS];
	unsigned sent;
} world;

/* ---- sock.h ---- */

static bool connection_of(const struct sock *sock, const struct sock_route *route, unsigned *ret)
{
	*ret = route->id[0];
	FUZZ_CHECK(route->size == 2 && route->id[0] < CONNECTIONS, "a route of nobody");
	FUZZ_CHECK((*ret < CONNECTIONS / 2) == (sock->side == SIDE_CLIENT), "the other socket");
	return route->id[1] == world.generation[*ret];
}

/* Rectangles of the picture, in ROWS and TILE. */
static void check_rect(const struct message *m)
{
	const struct catalog_job *job = catalog_find(world.server.catalog, work_job(m->job));
	const struct rect rect = {m->x, m->y, m->w, m->h};
	if (m->type != MSG_ROWS && m->type != MSG_TILE)
		return;
	FUZZ_CHECK(job != NULL, "%s of no job", message_name(m->type));
	FUZZ_CHECK(rect_inside(&rect, job->plan.layout.grid.width_px, job->plan.height_px),
		   "%s of %u,%u %ux%u", message_name(m->type), m->x, m->y, m->w, m->h);
	FUZZ_CHECK(m->data.size <= LIMIT_FETCH_BYTES, "%zu bytes of ROWS", m->data.size);
}

/* What tells of a job goes to its owner, and to admins. */
static void check_owner(unsigned connection, const struct message *m)
{
	const struct catalog_job *job = catalog_find(world.server.catalog, work_job(m->job));
	if (m->type == MSG_REFUSED || m->type == MSG_REPORT || job == NULL)
		return;
	if (connection < CONNECTIONS / 2 && !people[connection].is_admin)
		FUZZ_CHECK(strcmp(job->owner, people[connection].principal) == 0,
			   "%s of another's job", message_name(m->type));
}

enum sock_result sock_send(struct sock *sock, const struct sock_route *route,
			   const struct message *m)
{
	struct message_frames frames;
	struct message decoded;
	struct brot_error err = {.code = BROT_OK};
	unsigned connection;
	message_encode(m, &frames);
	FUZZ_CHECK(message_decode(frames.frame, frames.count, FROM_BROKER, &decoded, &err) ==
			   BROT_OK,
		   "%s", err.text);
	if (m->body.size > 0) {
		json_error_t why;
		json_t *json = json_loadb(m->body.data, m->body.size, JSON_REJECT_DUPLICATES, &why);
		FUZZ_CHECK(json_is_object(json), "%s: %s", message_name(m->type), why.text);
		json_decref(json);
	}
	check_rect(m);
	FUZZ_CHECK(m->type < MSG_SUBMIT ? sock->side == SIDE_WORKER
					: m->type == MSG_REFUSED || sock->side == SIDE_CLIENT,
		   "%s to the wrong side", message_name(m->type));
	FUZZ_CHECK(++world.sent < SENT_STEP_MAX, "no end of messages");
	if (!connection_of(sock, route, &connection))
		return SOCK_GONE;
	check_owner(connection, m);
	return world.is_full[connection] ? SOCK_AGAIN : SOCK_OK;
}

/* What server.c's loop, which is not here, would call. */
struct sock_context *sock_context_new(void)
{
	return NULL;
}

void sock_context_free(struct sock_context *context)
{
	(void)context;
}

enum brot_err sock_router_new(struct sock_context *context, const struct sock_limits *limits,
			      struct sock **ret_sock, struct brot_error *err)
{
	(void)context;
	(void)limits;
	(void)ret_sock;
	return error_set(err, BROT_E_SYSTEM, "no socket");
}

enum brot_err sock_bind(struct sock *sock, const char *url, struct brot_error *err)
{
	(void)sock;
	return error_set(err, BROT_E_SYSTEM, "%s", url);
}

enum brot_err sock_router_lock(struct sock *sock, const char *secret_key, const char *domain,
			       struct brot_error *err)
{
	(void)sock;
	(void)secret_key;
	return error_set(err, BROT_E_SYSTEM, "%s", domain);
}

enum brot_err sock_dealer_new(struct sock_context *context, const char *url,
			      const struct sock_keys *keys, const struct sock_limits *limits,
			      struct sock **ret_sock, struct brot_error *err)
{
	(void)context;
	(void)keys;
	(void)limits;
	(void)ret_sock;
	return error_set(err, BROT_E_SYSTEM, "%s", url);
}

enum sock_standing sock_standing(struct sock *sock)
{
	(void)sock;
	return SOCK_STANDING_NONE;
}

enum brot_err sock_zap_new(struct sock_context *context, struct sock **ret_sock,
			   struct brot_error *err)
{
	(void)context;
	(void)ret_sock;
	return error_set(err, BROT_E_SYSTEM, "no socket");
}

void sock_zap_serve(struct sock *sock, unsigned most, sock_zap_fn *fn, void *context)
{
	(void)sock;
	(void)most;
	(void)fn;
	(void)context;
}

enum brot_err sock_admit_group(struct sock *sock, const char *group, struct brot_error *err)
{
	(void)sock;
	return error_set(err, BROT_E_SYSTEM, "%s", group);
}

const char *sock_endpoint(const struct sock *sock)
{
	(void)sock;
	return "";
}

void sock_free(struct sock *sock, int linger_ms)
{
	(void)sock;
	(void)linger_ms;
}

enum sock_result sock_receive(struct sock *sock, struct sock_received *ret_received)
{
	(void)sock;
	(void)ret_received;
	return SOCK_AGAIN;
}

void sock_received_done(struct sock_received *received)
{
	(void)received;
}

int sock_poll(struct sock_poll *items, size_t count, int64_t timeout_ms)
{
	(void)items;
	(void)count;
	(void)timeout_ms;
	return 0;
}

uint64_t sock_bytes_sent(const struct sock *sock)
{
	(void)sock;
	return 0;
}

uint64_t sock_bytes_received(const struct sock *sock)
{
	(void)sock;
	return 0;
}

uint64_t sock_messages_sent(const struct sock *sock)
{
	(void)sock;
	return 0;
}

uint64_t sock_messages_received(const struct sock *sock)
{
	(void)sock;
	return 0;
}

/* ---- the world ---- */

static void begin(void)
{
	memset(&world, 0, sizeof world);
	fakes_begin();
	world.keeper = KEEPER_NONE;
	world.config.limits = sched_limits_default(BUDGET_BYTES);
	world.config.limits.jobs = 5;
	world.config.limits.jobs_per_client = 3;
	world.config.limits.workers = 3;
	world.config.limits.progress_ms = 5000;
	world.config.limits.retention_ms = SILENCE_MS / 4;
	world.sockets[SIDE_CLIENT].side = SIDE_CLIENT;
	world.sockets[SIDE_WORKER].side = SIDE_WORKER;
	world.server = (struct server){
		.config = &world.config,
		.keeper = &world.keeper,
		.sockets = {&world.sockets[0], &world.sockets[1]},
		.catalog = catalog_new(),
		.images = images_new(&world.keeper, false),
		.journal = journal_new(NULL),
		.sched = sched_new(&world.config.limits),
		.started_ms = FAKE_START_MS,
		.now_ms = FAKE_START_MS,
	};
	const struct peers_rules rules = {.side_limit = SIDE_PEERS, .limit = PEERS};
	world.server.peers = peers_new(&rules);
	FUZZ_CHECK(gate_open(NULL, NULL, NULL, &world.server.gate, NULL) == BROT_OK, "no gate");
}

static void end(void)
{
	struct server *server = &world.server;
	gate_close(server->gate);
	journal_free(server->journal);
	images_free(server->images);
	catalog_free(server->catalog);
	sched_free(server->sched);
	sched_actions_done(&server->actions);
	peers_free(server->peers);
	FUZZ_CHECK(fakes_shm_bytes() == 0 && fakes_shm_mapped() == 0, "segments are left");
}

static void check(void)
{
	char text[SCHED_TEXT_BYTES];
	FUZZ_CHECK(sched_check(world.server.sched, text), "%s", text);
	FUZZ_CHECK(fakes_shm_bytes() <= BUDGET_BYTES, "%llu bytes of images",
		   (unsigned long long)fakes_shm_bytes());
	FUZZ_CHECK(peers_count(world.server.peers) <= PEERS, "too many peers");
	FUZZ_CHECK(catalog_count(world.server.catalog) <= world.config.limits.jobs, "%u jobs",
		   catalog_count(world.server.catalog));
}

static void pass(int64_t until_ms)
{
	struct server *server = &world.server;
	for (unsigned ticks = 0; sched_deadline_ms(server->sched) <= until_ms; ticks++) {
		int64_t due_ms = sched_deadline_ms(server->sched);
		if (due_ms > server->now_ms) {
			server->now_ms = due_ms;
			fakes_set_now_ms(due_ms);
		}
		struct sched_event event = {.type = EVENT_TICK, .now_ms = server->now_ms};
		world.sent = 0;
		server_step(server, &event);
		FUZZ_CHECK(sched_deadline_ms(server->sched) > server->now_ms,
			   "the next tick is due at once");
		FUZZ_CHECK(ticks < TICKS_MAX, "no end of ticks");
	}
	server->now_ms = until_ms;
	fakes_set_now_ms(until_ms);
	check();
}

static void fix_digest(const struct record *record)
{
	uint8_t *header = (uint8_t *)(uintptr_t)record->frames[0].data;
	if (record->count != 2 || record->frames[0].size != DONE_HEADER || header[5] != MSG_DONE ||
	    header[DONE_CODEC] != CODEC_RAW)
		return;
	uint64_t digest = XXH3_64bits(record->frames[1].data, record->frames[1].size);
	for (int i = 0; i < 8; i++)
		header[DONE_DIGEST + i] = (uint8_t)(digest >> (8 * i));
}

static void hear(const struct record *record)
{
	unsigned connection = record->op % CONNECTIONS;
	struct sock_received received = {.count = record->count};
	if ((record->op & OP_NEW) != 0)
		world.generation[connection]++;
	if ((record->op & OP_FULL) != 0)
		world.is_full[connection] = !world.is_full[connection];
	if ((record->op & OP_DIGEST) != 0 && record->count > 0)
		fix_digest(record);
	received.route = (struct sock_route){{(uint8_t)connection, world.generation[connection]},
					     2};
	(void)snprintf(received.address, sizeof received.address, "%s", people[connection].address);
	memcpy(received.frames, record->frames, sizeof received.frames);
	world.sent = 0;
	inbox_take(&world.server, connection < CONNECTIONS / 2 ? SIDE_CLIENT : SIDE_WORKER,
		   &received);
	check();
}

/* Kept jobs that nobody renders wait for ever; all others end with the silence. */
static void is_kept(const struct job_report *report, void *context)
{
	(void)context;
	FUZZ_CHECK(report->is_kept && report->state != JOB_FINISHED, "job %llu is left",
		   (unsigned long long)report->job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records records = {data, size};
	struct record record;
	begin();
	while (records_next(&records, &record)) {
		pass(world.server.now_ms + record_wait_ms(&record));
		if ((record.op & OP_QUESTION) != 0)
			free(measure_text(&world.server));
		if ((record.op & OP_BIG_TICK) == 0)
			hear(&record);
		record_done(&record);
	}
	pass(world.server.now_ms + SILENCE_MS);
	struct sched_totals totals;
	sched_totals(world.server.sched, &totals);
	FUZZ_CHECK(totals.workers == 0, "a worker is left");
	sched_each_job(world.server.sched, world.server.now_ms, is_kept, NULL);
	struct sched_event stop = {.type = EVENT_STOP, .now_ms = world.server.now_ms};
	server_step(&world.server, &stop);
	end();
	return 0;
}
