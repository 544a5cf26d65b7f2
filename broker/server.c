/* server.c - the event loop. */
#include "broker/server.h"

#include <errno.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/restore.h"
#include "broker/server_internal.h"
#include "proto/sys/clock.h"
#include "proto/sys/descriptors.h"
#include "proto/sys/log.h"
#include "proto/sys/random.h"
#include "proto/sys/signals.h"

/* Of each socket before the others have their turn, whichever comes first. */
#define MESSAGES_A_TURN   64
#define TURN_MS           20
#define LATE_MS           1000 /* of a tick: this process was stalled */
#define CATCH_UP_MS       500
#define SWEEP_FIRST_MS    3000 /* images of a broker that died just before us are old enough then */
#define SWEEP_MS          60000
#define PRUNE_MS          1000 /* between two turns while there is more to forget */
#define DAY_MS            86400000ll
#define PEER_IDLE_MS      60000 /* a connection that has said nothing for so long is forgotten */
#define GOODBYE_LINGER_MS 200   /* for the last messages to leave */

/* A line that is cut could not be replayed. */
static void debug_event(const struct sched_event *event)
{
	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	size_t bytes = sched_event_str_bytes(event);
	char *text = malloc(bytes);
	if (text == NULL)
		abort();
	log_line(LOG_LEVEL_DEBUG, "%s", sched_event_str(event, text, bytes));
	free(text);
}

static void debug_action(const struct sched_action *action)
{
	char text[SCHED_LINE_BYTES];
	if (log_enabled(LOG_LEVEL_DEBUG))
		log_line(LOG_LEVEL_DEBUG, "%s", sched_action_str(action, text, sizeof text));
}

/* Before all events: a replay of them starts here. */
static void debug_limits(const struct sched_limits *limits)
{
	char text[SCHED_LINE_BYTES];
	if (log_enabled(LOG_LEVEL_DEBUG))
		log_line(LOG_LEVEL_DEBUG, "%s", sched_limits_str(limits, text, sizeof text));
}

static void step_once(struct server *server, const struct sched_event *event)
{
	debug_event(event);
	server->actions.count = 0;
	sched_step(server->sched, event, &server->actions);
	metrics_step(&server->metrics, event, &server->actions);
	for (size_t i = 0; i < server->actions.count; i++)
		debug_action(&server->actions.items[i]);
	outbox_carry_out(server, &server->actions);
}

void server_step(struct server *server, const struct sched_event *event)
{
	step_once(server, event);
	for (;;) {
		/* Making an image may have taken seconds. */
		server->now_ms = clock_ms();
		struct sched_event next = {.now_ms = server->now_ms};
		if (server->created_work != 0) {
			bool is_made = server->created_code == BROT_OK;
			next.type = is_made ? EVENT_IMAGE_READY : EVENT_IMAGE_FAILED;
			next.work = server->created_work;
			next.code = server->created_code;
			next.text = is_made ? NULL : server->created_error.text;
			if (is_made && server->created_bits_bytes > 0) {
				next.bits = image_bits(images_find(server->images, next.work));
				next.bits_bytes = server->created_bits_bytes;
			}
			server->created_work = 0;
		} else if (server->committed_work != 0) {
			next.type = EVENT_COMMITTED;
			next.work = server->committed_work;
			next.code = server->committed_code;
			next.text = next.code != BROT_OK ? server->committed_error.text : NULL;
			server->committed_work = 0;
		} else if (server->lost_count > 0) {
			next.type = EVENT_UNREACHABLE;
			next.peer = server->lost_peers[--server->lost_count];
			peers_forget(server->peers, next.peer);
		} else {
			return;
		}
		step_once(server, &next);
	}
}

static void drain_socket(struct server *server, enum peer_side side)
{
	const int64_t until_ms = clock_ms() + TURN_MS;
	for (int i = 0; i < MESSAGES_A_TURN && server->now_ms < until_ms; i++) {
		struct sock_received received;
		if (sock_receive(server->sockets[side], &received) != SOCK_OK)
			return;
		server->now_ms = clock_ms();
		inbox_take(server, side, &received);
		sock_received_done(&received);
		server->now_ms = clock_ms();
	}
}

/* Tells the keeper of the socket files, then of an embedded broker's folders: these can only be
 * removed once the sockets in them are gone. */
static void note_paths(const struct server *server, const struct option_strings *urls,
		       bool is_folder)
{
	for (size_t i = 0; i < urls->count; i++) {
		char path[PATH_MAX];
		const char *named = sock_ipc_path(urls->values[i]);
		if (named == NULL || realpath(named, path) == NULL)
			continue;
		keeper_add_path(server->keeper, is_folder ? dirname(path) : path);
	}
}

static void note_all(const struct server *server)
{
	const struct server_config *config = server->config;
	note_paths(server, &config->worker_urls, false);
	note_paths(server, &config->client_urls, false);
	if (config->is_embedded) {
		note_paths(server, &config->worker_urls, true);
		note_paths(server, &config->client_urls, true);
	}
	images_note_all(server->images);
}

static void replace_keeper(struct server *server)
{
	struct brot_error err;
	if (keeper_start(server->keeper, &err) != BROT_OK) {
		log_line(LOG_LEVEL_ERROR, "no keeper, a kill would leave images: %s", err.text);
		return;
	}
	note_all(server);
	log_line(LOG_LEVEL_WARNING, "the keeper died, another was started pid=%d",
		 (int)server->keeper->pid);
}

struct revoked {
	const struct gate *gate;
	struct {
		uint64_t id;
		enum peer_side side;
	} peers[PEER_SIDES * LIMIT_PEERS];
	size_t count;
};

static void note_revoked(uint64_t id, enum peer_side side, const struct principal *who,
			 void *context)
{
	struct revoked *revoked = context;
	if (gate_keeps(revoked->gate, who))
		return;
	revoked->peers[revoked->count].id = id;
	revoked->peers[revoked->count++].side = side;
	log_line(LOG_LEVEL_NOTICE,
		 "key revoked, or a role of it: what it had asked for is dropped who=%s",
		 who->name);
}

/* Those whose keys have gone, or lost a role, are not there any more: tiles that they hold go
 * elsewhere, and nothing is told to them that they do not ask for anew, as who they are now. */
static void drop_revoked(struct server *server)
{
	struct revoked *revoked = malloc(sizeof *revoked);
	if (revoked == NULL)
		abort();
	revoked->gate = server->gate;
	revoked->count = 0;
	peers_each(server->peers, note_revoked, revoked);
	for (size_t i = 0; i < revoked->count; i++) {
		struct sched_event event = {
			.type = EVENT_UNREACHABLE,
			.now_ms = server->now_ms,
			.peer = revoked->peers[i].id,
		};
		peers_forget(server->peers, event.peer);
		if (revoked->peers[i].side == SIDE_WORKER)
			server_step(server, &event);
	}
	free(revoked);
}

static void refresh_keys(struct server *server, bool is_forced)
{
	if (gate_refresh(server->gate, server->now_ms, is_forced))
		drop_revoked(server);
}

/* False once the broker has been asked to end. */
static bool take_signals(struct server *server)
{
	for (int number; (number = signals_next(server->config->signal_fd)) != 0;) {
		if (number == SIGHUP && server->config->reread != NULL) {
			notify_reloading(&server->notify);
			server_hang_up(server);
			refresh_keys(server, true);
			notify_ready(&server->notify);
		} else if (number == SIGTERM || number == SIGINT || number == SIGHUP) {
			log_line(LOG_LEVEL_NOTICE, "stopping signal=%d", number);
			return false;
		}
		if (number == SIGCHLD && keeper_is_dead(server->keeper))
			replace_keeper(server);
	}
	return true;
}

/* After a stall (a stopped process, a large image) what peers said meanwhile must be heard before
 * their silence is judged. */
static bool is_catching_up(struct server *server)
{
	if (server->now_ms < server->catch_up_ms)
		return true;
	int64_t deadline_ms = sched_deadline_ms(server->sched);
	bool is_late = deadline_ms != SCHED_NEVER && server->now_ms - deadline_ms > LATE_MS;
	if (!is_late || server->catch_up_ms > deadline_ms)
		return false;
	server->catch_up_ms = server->now_ms + CATCH_UP_MS;
	return true;
}

/* Forgets some of what is too old, or too much; peers wait meanwhile. */
static void prune(struct server *server)
{
	const struct server_config *config = server->config;
	int64_t before_ms = clock_unix_ms() - config->history_days * DAY_MS;
	struct brot_error err;
	uint32_t removed = 0;
	server->prune_ms = server->now_ms + SWEEP_MS;
	if (config->store == NULL)
		return;
	enum brot_err code = store_prune(config->store, before_ms, LIMIT_ENDED_JOBS, &removed,
					 &err);
	enum brot_err committed = store_commit(config->store, code == BROT_OK ? &err : NULL);
	if (code != BROT_OK || committed != BROT_OK)
		log_line(LOG_LEVEL_WARNING, "the history cannot be shortened: %s", err.text);
	else if (removed == STORE_PRUNE_ROWS)
		server->prune_ms = server->now_ms + PRUNE_MS;
}

static void sweep(struct server *server, bool is_first)
{
	images_touch(server->images);
	images_sweep(is_first);
	journal_retry(server->journal);
}

static void tick(struct server *server)
{
	if (server->now_ms >= sched_deadline_ms(server->sched) && !is_catching_up(server)) {
		struct sched_event event = {.type = EVENT_TICK, .now_ms = server->now_ms};
		server_step(server, &event);
	}
	if (server->now_ms >= server->expire_ms) {
		peers_expire(server->peers, server->now_ms - PEER_IDLE_MS);
		server->expire_ms = server->now_ms + PEER_IDLE_MS;
	}
	if (server->now_ms >= server->sweep_ms) {
		sweep(server, false);
		server->sweep_ms = server->now_ms + SWEEP_MS;
	}
	if (server->now_ms >= server->prune_ms)
		prune(server);
	sums_turn(server);
	refresh_keys(server, false);
	saves_tick(server);
	service_turn(server);
}

static int64_t wait_ms(const struct server *server)
{
	int64_t until = sched_deadline_ms(server->sched);
	if (server->sum.work != 0)
		return 0;
	if (until < server->catch_up_ms)
		until = server->catch_up_ms;
	if (until > server->expire_ms)
		until = server->expire_ms;
	if (until > server->sweep_ms)
		until = server->sweep_ms;
	if (until > server->prune_ms)
		until = server->prune_ms;
	if (until > gate_deadline_ms(server->gate))
		until = gate_deadline_ms(server->gate);
	if (server->config->checkpoint != NULL && until > server->save_ms)
		until = server->save_ms;
	int64_t left_ms = until > server->now_ms ? until - server->now_ms : 0;
	int64_t notify_ms = notify_wait_ms(&server->notify, server->now_ms);
	if (notify_ms < left_ms)
		left_ms = notify_ms;
	int64_t exporter_ms = exporter_wait_ms(server->exporter);
	return exporter_ms < left_ms ? exporter_ms : left_ms;
}

static enum brot_err loop(struct server *server, struct brot_error *err)
{
	bool is_asked_to_end = false;
	while (!is_asked_to_end) {
		struct sock_poll items[] = {
			{.sock = server->sockets[SIDE_WORKER], .fd = -1},
			{.sock = server->sockets[SIDE_CLIENT], .fd = -1},
			{.fd = server->config->signal_fd},
			{.fd = exporter_fd(server->exporter)},
			{.sock = gate_sock(server->gate), .fd = -1},
		};
		int ready = sock_poll(items, 5, wait_ms(server));
		server->now_ms = clock_ms();
		if (ready < 0 && errno != EINTR)
			return error_set(err, BROT_E_SYSTEM, "poll: %s", strerror(errno));
		if (ready > 0 && items[0].is_ready)
			drain_socket(server, SIDE_WORKER);
		if (ready > 0 && items[1].is_ready)
			drain_socket(server, SIDE_CLIENT);
		if (ready > 0 && items[2].is_ready)
			is_asked_to_end = !take_signals(server);
		gate_serve(server->gate);
		exporter_run(server->exporter);
		tick(server);
	}
	service_stopping(server);
	struct sched_event stop = {.type = EVENT_STOP, .now_ms = server->now_ms};
	server_step(server, &stop);
	saves_finish(server);
	return BROT_OK;
}

static enum brot_err bind_one(struct server *server, enum peer_side side, const char *url,
			      struct brot_error *err)
{
	enum brot_err code = sock_bind(server->sockets[side], url, err);
	if (code != BROT_OK)
		return code;
	const char *endpoint = sock_endpoint(server->sockets[side]);
	code = gate_test(server->gate, endpoint, err);
	if (code == BROT_OK)
		log_line(LOG_LEVEL_NOTICE, "listening for=%s url=%s",
			 side == SIDE_WORKER ? "workers" : "clients", endpoint);
	return code;
}

static enum brot_err bind_side(struct server *server, enum peer_side side,
			       const struct option_strings *urls, json_t *ret_endpoints,
			       struct brot_error *err)
{
	struct sock_limits limits = {
		.frame_bytes = side == SIDE_WORKER ? LIMIT_WORKER_FRAME_BYTES
						   : LIMIT_CLIENT_FRAME_BYTES,
		.send_queue = side == SIDE_WORKER ? LIMIT_WORKER_SENDS : LIMIT_CLIENT_SENDS,
		.receive_queue = side == SIDE_WORKER ? LIMIT_WORKER_QUEUE : LIMIT_CLIENT_QUEUE,
	};
	enum brot_err code = sock_router_new(server->context, &limits, &server->sockets[side], err);
	if (code == BROT_OK)
		code = gate_lock(server->gate, server->sockets[side], side, err);
	for (size_t i = 0; i < urls->count; i++)
		json_array_append_new(ret_endpoints, json_null());
	/* What is locked comes after what is not; it is told in the order in which it was named. */
	for (int wants_tcp = 0; wants_tcp <= 1; wants_tcp++) {
		for (size_t i = 0; code == BROT_OK && i < urls->count; i++) {
			if ((sock_ipc_path(urls->values[i]) != NULL) == (wants_tcp == 1))
				continue;
			code = bind_one(server, side, urls->values[i], err);
			if (code == BROT_OK)
				json_array_set_new(
					ret_endpoints, i,
					json_string(sock_endpoint(server->sockets[side])));
		}
	}
	if (code == BROT_OK && side == SIDE_CLIENT && server->config->clients_group != NULL)
		code = sock_admit_group(server->sockets[side], server->config->clients_group, err);
	return code;
}

static void say_ready(const struct server *server, const json_t *endpoints)
{
	if (server->config->ready_fd < 0)
		return;
	char *text = json_dumps(endpoints, JSON_COMPACT);
	if (text == NULL)
		abort();
	size_t bytes = strlen(text);
	text[bytes] = '\n'; /* in place of the NUL: one write, one line */
	if (write(server->config->ready_fd, text, bytes + 1) < 0)
		log_line(LOG_LEVEL_WARNING, "nobody reads that we are ready: %s", strerror(errno));
	close(server->config->ready_fd);
	free(text);
}

static enum brot_err open_metrics(struct server *server, json_t *endpoints, struct brot_error *err)
{
	if (server->config->metrics == NULL)
		return BROT_OK;
	enum brot_err code = exporter_open(server->config->metrics, measure_text, server,
					   &server->exporter, err);
	if (code != BROT_OK)
		return code;
	const char *url = exporter_url(server->exporter);
	json_object_set_new(endpoints, "metrics", json_string(url));
	log_line(LOG_LEVEL_NOTICE, "listening for=metrics url=%s", url);
	return BROT_OK;
}

static enum brot_err bind_all(struct server *server, struct brot_error *err)
{
	const struct server_config *config = server->config;
	json_t *clients = json_array(), *workers = json_array();
	json_t *endpoints = json_pack("{s:o, s:o}", "clients", clients, "workers", workers);
	if (endpoints == NULL)
		abort();
	enum brot_err code = bind_side(server, SIDE_WORKER, &config->worker_urls, workers, err);
	if (code == BROT_OK)
		code = bind_side(server, SIDE_CLIENT, &config->client_urls, clients, err);
	if (code == BROT_OK)
		code = open_metrics(server, endpoints, err);
	if (code == BROT_OK) {
		note_all(server);
		say_ready(server, endpoints);
		notify_ready(&server->notify);
	}
	json_decref(endpoints);
	return code;
}

static enum brot_err take_up_jobs(struct server *server, struct brot_error *err)
{
	uint32_t restored;
	debug_limits(&server->config->limits);
	enum brot_err code = restore_all(server, &restored, err);
	if (code != BROT_OK)
		return code;
	if (server->config->store != NULL)
		log_line(LOG_LEVEL_NOTICE, "jobs kept=%s restored=%u", server->config->store_folder,
			 restored);
	else
		log_line(LOG_LEVEL_NOTICE, "jobs kept=nowhere, they end with this broker");
	sweep(server, true);
	return BROT_OK;
}

static bool is_session(uint64_t peer, void *context)
{
	return sched_is_worker(context, peer);
}

enum brot_err server_run(const struct server_config *config, struct keeper *keeper,
			 struct brot_error *err)
{
	struct server server = {
		.config = &server.settings,
		.settings = *config,
		.options = *config->options,
		.keeper = keeper,
		.context = sock_context_new(),
		.catalog = catalog_new(),
		.images = images_new(keeper, config->store != NULL),
		.journal = journal_new(config->store),
		.sched = sched_new(&config->limits),
		.started_ms = clock_ms(),
		.life = random_u64(),
		/* Ids of an earlier broker without a store should not mean jobs of this one. */
		.last_job = random_u64() % 9000 * 1000 + 1000000,
	};
	const struct peers_rules rules = {
		.side_limit = LIMIT_PEERS,
		.limit = config->connections,
		.keep = descriptors_keep,
		.let_go = descriptors_let_go,
		.is_held = is_session,
		.context = server.sched,
	};
	server.peers = peers_new(&rules);
	server.now_ms = server.started_ms;
	server.expire_ms = server.now_ms + PEER_IDLE_MS;
	server.prune_ms = server.now_ms;
	server.sweep_ms = server.now_ms + SWEEP_FIRST_MS;
	server.save_ms = server.now_ms + config->checkpoint_every_ms;
	service_open(&server);
	enum brot_err code = BROT_OK;
	if (server.context == NULL)
		code = error_set(err, BROT_E_SYSTEM, "messaging: the system gives no context");
	else
		code = gate_open(server.context, config->keys, config->cert, &server.gate, err);
	if (code == BROT_OK)
		code = take_up_jobs(&server, err);
	if (code == BROT_OK)
		code = bind_all(&server, err);
	if (code == BROT_OK)
		code = loop(&server, err);

	/* The client that an embedded broker worked for is gone, or waits for our end. */
	int linger_ms = config->is_embedded ? 0 : GOODBYE_LINGER_MS;
	sock_free(server.sockets[SIDE_CLIENT], linger_ms);
	sock_free(server.sockets[SIDE_WORKER], linger_ms);
	gate_close(server.gate);
	sock_context_free(server.context);
	exporter_close(server.exporter);
	journal_free(server.journal);
	images_free(server.images);
	catalog_free(server.catalog);
	sched_free(server.sched);
	sched_actions_done(&server.actions);
	peers_free(server.peers);
	return code;
}
