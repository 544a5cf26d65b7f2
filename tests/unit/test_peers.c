/* test_peers.c - connections and their ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "broker/peers.h"

static struct sock_route route_of(const char *id, uint8_t size)
{
	/* What lies beyond size must not matter. */
	struct sock_route route;
	memset(&route, 0x5a, sizeof route);
	memcpy(route.id, id, size);
	route.size = size;
	return route;
}

static struct sock_route numbered(uint32_t number)
{
	struct sock_route route = {.size = 5};
	memcpy(route.id + 1, &number, sizeof number);
	return route;
}

static void assert_leads(const struct peers *peers, uint64_t id, enum peer_side side,
			 const struct sock_route *route)
{
	enum peer_side got_side = SIDE_WORKER;
	struct sock_route got;
	memset(&got, 0x77, sizeof got);
	assert_true(peers_route(peers, id, &got_side, &got));
	assert_int_equal(got_side, side);
	assert_int_equal(got.size, route->size);
	assert_memory_equal(got.id, route->id, route->size);
}

static void assert_gone(const struct peers *peers, uint64_t id)
{
	enum peer_side side = SIDE_WORKER;
	struct sock_route route = {.size = 9};
	assert_false(peers_route(peers, id, &side, &route));
	assert_int_equal(side, SIDE_WORKER);
	assert_int_equal(route.size, 9);
}

static struct peers *table_of(uint32_t limit)
{
	const struct peers_rules rules = {.side_limit = limit};
	return peers_new(&rules);
}

static uint64_t named_id_of(struct peers *peers, enum peer_side side,
			    const struct sock_route *route, const char *name, int64_t now_ms)
{
	struct peer_facts facts = {.side = side, .route = *route, .fd = -1};
	(void)snprintf(facts.who.name, sizeof facts.who.name, "%s", name);
	return peers_id(peers, &facts, now_ms);
}

static uint64_t id_of(struct peers *peers, enum peer_side side, const struct sock_route *route,
		      int64_t now_ms)
{
	return named_id_of(peers, side, route, "uid:1", now_ms);
}

static void a_connection_keeps_its_id(void **state)
{
	(void)state;
	struct peers *peers = table_of(10);
	struct sock_route a = route_of("a", 1), longer = route_of("a\0", 2);
	struct sock_route none = route_of("", 0), full = route_of("0123456789abcdef", 16);
	const struct {
		enum peer_side side;
		const struct sock_route *route;
	} all[] = {{SIDE_CLIENT, &a},    {SIDE_WORKER, &a},    {SIDE_CLIENT, &longer},
		   {SIDE_CLIENT, &none}, {SIDE_WORKER, &none}, {SIDE_CLIENT, &full}};
	const size_t count = sizeof all / sizeof all[0];
	uint64_t ids[6];
	for (size_t i = 0; i < count; i++) {
		ids[i] = id_of(peers, all[i].side, all[i].route, 0);
		assert_true(ids[i] != 0);
		for (size_t k = 0; k < i; k++)
			assert_true(ids[k] != ids[i]);
	}
	assert_int_equal(peers_count(peers), count);
	struct sock_route again = {.id = "a", .size = 1};
	assert_true(id_of(peers, SIDE_CLIENT, &again, 1) == ids[0]);
	for (size_t i = 0; i < count; i++) {
		assert_true(id_of(peers, all[i].side, all[i].route, 5) == ids[i]);
		assert_leads(peers, ids[i], all[i].side, all[i].route);
	}
	assert_int_equal(peers_count(peers), count);
	assert_gone(peers, 0);
	assert_gone(peers, UINT64_MAX);
	peers_free(peers);
	peers_free(NULL);
}

static void a_full_table_forgets_the_stalest(void **state)
{
	(void)state;
	struct peers *peers = table_of(100);
	uint64_t ids[100];
	for (uint32_t i = 0; i < 100; i++) {
		struct sock_route route = numbered(i);
		ids[i] = id_of(peers, SIDE_WORKER, &route, i);
	}
	struct sock_route first = numbered(0), second = numbered(1), more = numbered(100);
	assert_true(id_of(peers, SIDE_WORKER, &first, 200) == ids[0]);
	uint64_t id = id_of(peers, SIDE_WORKER, &more, 201);
	assert_true(id > ids[99]);
	assert_int_equal(peers_count(peers), 100);
	assert_leads(peers, id, SIDE_WORKER, &more);
	assert_leads(peers, ids[0], SIDE_WORKER, &first); /* was heard again */
	assert_gone(peers, ids[1]);
	assert_true(id_of(peers, SIDE_WORKER, &second, 202) > id);
	assert_gone(peers, ids[2]);
	peers_forget(peers, ids[7]);
	peers_forget(peers, ids[7]);
	peers_forget(peers, 0);
	peers_forget(peers, 12345);
	assert_int_equal(peers_count(peers), 99);
	peers_free(peers);
}

static void an_id_is_never_used_twice(void **state)
{
	(void)state;
	struct peers *peers = table_of(3);
	uint64_t last = 0;
	for (int64_t round = 0; round < 1000; round++) {
		struct sock_route route = numbered((uint32_t)round % 2);
		uint64_t id = id_of(peers, SIDE_WORKER, &route, round);
		assert_true(id > last);
		if (round % 3 == 0)
			peers_forget(peers, id);
		else
			peers_expire(peers, round + 1);
		assert_gone(peers, id);
		assert_int_equal(peers_count(peers), 0);
		last = id;
	}
	peers_free(peers);
}

static uint32_t say_all(struct peers *peers, uint64_t id, uint32_t rate, int64_t now_ms)
{
	uint32_t said = 0;
	while (said < 100000 && peers_may_say(peers, id, rate, now_ms))
		said++;
	return said;
}

static void a_peer_says_so_much_and_no_more(void **state)
{
	(void)state;
	struct peers *peers = table_of(10);
	struct sock_route routes[2] = {numbered(0), numbered(1)};
	uint64_t id = id_of(peers, SIDE_CLIENT, &routes[0], 0);
	uint64_t other = id_of(peers, SIDE_CLIENT, &routes[1], 0);
	/* A second's worth at once, then what time brings; what was refused costs nothing. */
	assert_int_equal(say_all(peers, id, 1000, 50000), 1000);
	assert_int_equal(say_all(peers, id, 1000, 50000), 0);
	assert_int_equal(say_all(peers, id, 1000, 50007), 7);
	assert_int_equal(say_all(peers, id, 1000, 50500), 493);
	assert_int_equal(say_all(peers, id, 1000, 90000), 1000);
	/* Shares of kinds add up, and one peer's are not another's. */
	assert_true(peers_may_say(peers, other, 2, 90000));
	assert_int_equal(say_all(peers, other, 100, 90000), 50);
	assert_false(peers_may_say(peers, other, 2, 90499));
	assert_true(peers_may_say(peers, other, 2, 90500));
	assert_true(peers_may_say(peers, 12345, 1, 0));
	assert_int_equal(say_all(peers, id, LIMIT_WORKER_RATE, 95000), LIMIT_WORKER_RATE);
	peers_free(peers);
}

/* The dear ones are few, and leave less for all others. */
static void a_peer_looks_at_so_much_and_no_more(void **state)
{
	(void)state;
	struct peers *peers = table_of(10);
	struct sock_route route = numbered(0);
	uint64_t id = id_of(peers, SIDE_CLIENT, &route, 0);
	uint32_t looks = 0;
	while (looks < 1000 && peers_may_look(peers, id, LIMIT_PREVIEW_BYTES, 50000))
		looks++;
	assert_int_equal(looks, LIMIT_PREVIEW_RATE / LIMIT_PREVIEW_BYTES);
	assert_false(peers_may_say(peers, id, LIMIT_CLIENT_RATE, 50000));
	assert_true(peers_may_look(peers, id, 10, 50001));
	assert_false(peers_may_look(peers, id, UINT64_MAX, 50001));
	assert_true(peers_may_look(peers, id, UINT64_MAX, 52000));
	assert_true(peers_may_look(peers, id, 0, 54000));
	assert_int_equal(say_all(peers, id, 1000, 56000), 1000);
	peers_free(peers);
}

static void the_silent_are_forgotten(void **state)
{
	(void)state;
	struct peers *peers = table_of(10);
	struct sock_route routes[3] = {numbered(0), numbered(1), numbered(2)};
	uint64_t ids[3];
	for (size_t i = 0; i < 3; i++)
		ids[i] = id_of(peers, SIDE_CLIENT, &routes[i], 500 + 1000 * (int64_t)i);
	peers_expire(peers, 0);
	assert_int_equal(peers_count(peers), 3);
	/* The first one speaks again, on time. */
	assert_true(id_of(peers, SIDE_CLIENT, &routes[0], 2000) == ids[0]);
	peers_expire(peers, 1500);
	assert_int_equal(peers_count(peers), 3);
	peers_expire(peers, 1501);
	assert_gone(peers, ids[1]);
	assert_leads(peers, ids[0], SIDE_CLIENT, &routes[0]);
	assert_leads(peers, ids[2], SIDE_CLIENT, &routes[2]);
	peers_expire(peers, INT64_MAX);
	assert_int_equal(peers_count(peers), 0);
	assert_true(id_of(peers, SIDE_CLIENT, &routes[1], 5000) > ids[2]);
	peers_free(peers);
}

static void assert_unseen(struct peers *peers, uint64_t id, uint64_t seen, uint64_t expected)
{
	uint64_t unseen = 77;
	assert_true(peers_unseen_rows(peers, id, seen, &unseen));
	assert_true(unseen == expected);
}

static void rows_on_their_way_are_counted(void **state)
{
	(void)state;
	struct peers *peers = table_of(10);
	struct sock_route route = numbered(1), other = numbered(2);
	uint64_t id = id_of(peers, SIDE_CLIENT, &route, 0);
	uint64_t silent = id_of(peers, SIDE_CLIENT, &other, 0);
	assert_unseen(peers, id, 0, 0);
	for (int i = 0; i < 8; i++)
		peers_count_rows(peers, id);
	assert_unseen(peers, id, 0, 8);
	assert_unseen(peers, id, 5, 3);
	assert_unseen(peers, id, 8, 0);
	assert_unseen(peers, silent, 0, 0);
	/* It cannot have seen what it was not sent. */
	uint64_t unseen;
	assert_false(peers_unseen_rows(peers, id, 9, &unseen));
	assert_false(peers_unseen_rows(peers, id, UINT64_MAX, &unseen));
	assert_unseen(peers, id, 0, 8);
	/* Another connection starts again: from what it has seen, if it has. */
	peers_forget(peers, id);
	peers_count_rows(peers, id);
	assert_unseen(peers, id, 0, 0);
	id = id_of(peers, SIDE_CLIENT, &route, 1);
	assert_unseen(peers, id, 0, 0);
	assert_unseen(peers, id, 1000, 0);
	peers_count_rows(peers, id);
	assert_unseen(peers, id, 1000, 1);
	assert_false(peers_unseen_rows(peers, id, 1002, &unseen));
	peers_free(peers);
}

static void send_many(struct peers *peers, uint64_t id, int count, size_t body_bytes)
{
	for (int i = 0; i < count; i++)
		peers_count_sent(peers, id, body_bytes);
}

static void large_reports_wait_for_room(void **state)
{
	(void)state;
	const size_t small = LIMIT_SMALL_REPORT_BYTES, large = small + 1;
	struct peers *peers = table_of(10);
	struct sock_route route = numbered(1), other = numbered(2);
	uint64_t id = id_of(peers, SIDE_CLIENT, &route, 0);
	uint64_t quiet = id_of(peers, SIDE_CLIENT, &other, 0);
	send_many(peers, id, 1000, small);
	for (int i = 0; i < LIMIT_LARGE_REPORTS; i++) {
		assert_true(peers_may_report(peers, id, large));
		send_many(peers, id, 1, large);
	}
	assert_false(peers_may_report(peers, id, large));
	assert_true(peers_may_report(peers, id, small));
	assert_true(peers_may_report(peers, quiet, large));
	/* Once its queue has taken as many others as it holds, the first is read. */
	send_many(peers, id, LIMIT_CLIENT_SENDS - LIMIT_LARGE_REPORTS, 0);
	assert_false(peers_may_report(peers, id, large));
	send_many(peers, id, 1, 0);
	assert_true(peers_may_report(peers, id, large));
	send_many(peers, id, 1, large);
	assert_true(peers_may_report(peers, id, large)); /* in place of the second */
	send_many(peers, id, 1, large);
	send_many(peers, id, LIMIT_LARGE_REPORTS - 2, large);
	assert_false(peers_may_report(peers, id, large));
	peers_forget(peers, id);
	send_many(peers, id, 1, large);
	assert_true(peers_may_report(peers, id, large));
	peers_free(peers);
}

struct seen {
	size_t count;
	char text[4096];
};

static void see(uint64_t id, enum peer_side side, const struct principal *who, void *context)
{
	struct seen *seen = context;
	size_t used = strlen(seen->text);
	(void)snprintf(seen->text + used, sizeof seen->text - used, "%llu %c %s; ",
		       (unsigned long long)id, side == SIDE_WORKER ? 'w' : 'c', who->name);
	seen->count++;
}

static void principals_stay_with_their_connections(void **state)
{
	(void)state;
	struct peers *peers = table_of(4);
	const struct sock_route a = {.id = "a", .size = 1}, b = {.id = "b", .size = 1};
	struct seen seen = {0};
	uint64_t one = named_id_of(peers, SIDE_CLIENT, &a, "uid:7", 1);
	assert_true(named_id_of(peers, SIDE_CLIENT, &a, "uid:8", 1) == one);
	(void)named_id_of(peers, SIDE_WORKER, &b, "key:b", 2);
	peers_each(peers, see, &seen);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.text, "1 c uid:8; 2 w key:b; ");
	/* A connection that is forgotten takes it along. */
	peers_forget(peers, one);
	memset(&seen, 0, sizeof seen);
	(void)named_id_of(peers, SIDE_CLIENT, &a, "uid:9", 3);
	peers_each(peers, see, &seen);
	assert_string_equal(seen.text, "2 w key:b; 3 c uid:9; ");
	peers_free(peers);
}

static uint32_t count_of(struct peers *peers, const char *name)
{
	struct seen seen = {0};
	uint32_t count = 0;
	peers_each(peers, see, &seen);
	for (const char *at = seen.text; (at = strstr(at, name)) != NULL; at++)
		count++;
	return count;
}

static void who_opens_many_pushes_out_only_itself(void **state)
{
	(void)state;
	struct peers *peers = table_of(5);
	struct sock_route routes[40];
	for (uint32_t i = 0; i < 40; i++)
		routes[i] = numbered(i);
	uint64_t ada = named_id_of(peers, SIDE_CLIENT, &routes[0], "uid:1", 0);
	uint64_t bob = named_id_of(peers, SIDE_CLIENT, &routes[1], "uid:2", 0);
	uint64_t worker = named_id_of(peers, SIDE_WORKER, &routes[0], "uid:3", 0);
	for (uint32_t i = 2; i < 40; i++)
		assert_true(named_id_of(peers, SIDE_CLIENT, &routes[i], "uid:3", i) != 0);
	assert_leads(peers, ada, SIDE_CLIENT, &routes[0]);
	assert_leads(peers, bob, SIDE_CLIENT, &routes[1]);
	assert_leads(peers, worker, SIDE_WORKER, &routes[0]);
	assert_int_equal(count_of(peers, " c uid:3"), 3);
	assert_int_equal(peers_count(peers), 6);
	/* Until its share is that of others, and then the stalest of one goes. */
	for (uint32_t i = 30; i < 33; i++)
		assert_true(named_id_of(peers, SIDE_CLIENT, &routes[i], "uid:4", 100) != 0);
	assert_int_equal(count_of(peers, " c uid:4") + count_of(peers, " c uid:3"), 3);
	assert_leads(peers, ada, SIDE_CLIENT, &routes[0]);
	peers_free(peers);
}

static bool is_even(uint64_t id, void *context)
{
	(void)context;
	return id % 2 == 0;
}

static void who_is_held_stays(void **state)
{
	(void)state;
	const struct peers_rules rules = {.side_limit = 4, .is_held = is_even};
	struct peers *peers = peers_new(&rules);
	struct sock_route routes[20];
	uint64_t ids[4];
	for (uint32_t i = 0; i < 20; i++)
		routes[i] = numbered(i);
	for (uint32_t i = 0; i < 4; i++)
		ids[i] = id_of(peers, SIDE_WORKER, &routes[i], i);
	uint64_t id = id_of(peers, SIDE_WORKER, &routes[4], 5);
	assert_gone(peers, ids[0]);
	assert_int_equal(id, 5);
	assert_int_equal(id_of(peers, SIDE_WORKER, &routes[5], 6), 6);
	assert_int_equal(id_of(peers, SIDE_WORKER, &routes[6], 7), 7);
	assert_int_equal(id_of(peers, SIDE_WORKER, &routes[7], 8), 8);
	/* 2, 4, 6 and 8 are there, and nobody else can be: not even of another name. */
	assert_int_equal(named_id_of(peers, SIDE_WORKER, &routes[8], "uid:2", 9), 0);
	assert_int_equal(peers_count(peers), 4);
	assert_leads(peers, ids[1], SIDE_WORKER, &routes[1]);
	assert_int_equal(id_of(peers, SIDE_WORKER, &routes[1], 9), ids[1]);
	peers_expire(peers, INT64_MAX);
	assert_int_equal(peers_count(peers), 4);
	assert_int_equal(id_of(peers, SIDE_CLIENT, &routes[9], 10), 9);
	peers_free(peers);
}

static void both_sides_share_what_there_is(void **state)
{
	(void)state;
	const struct peers_rules rules = {.side_limit = 5, .limit = 6};
	struct peers *peers = peers_new(&rules);
	struct sock_route routes[20];
	for (uint32_t i = 0; i < 20; i++)
		routes[i] = numbered(i);
	uint64_t worker = named_id_of(peers, SIDE_WORKER, &routes[0], "uid:1", 0);
	uint64_t other = named_id_of(peers, SIDE_WORKER, &routes[1], "uid:1", 0);
	for (uint32_t i = 0; i < 20; i++)
		assert_true(named_id_of(peers, SIDE_CLIENT, &routes[i], "uid:2", i) != 0);
	assert_int_equal(peers_count(peers), 6);
	assert_leads(peers, worker, SIDE_WORKER, &routes[0]);
	assert_leads(peers, other, SIDE_WORKER, &routes[1]);
	peers_free(peers);
}

static uint64_t kept, let_go;

static uint64_t keep(int fd)
{
	kept++;
	return (uint64_t)fd * 10;
}

static void leave(uint64_t ticket)
{
	let_go += ticket;
}

static void descriptors_are_kept_with_connections(void **state)
{
	(void)state;
	const struct peers_rules rules = {.side_limit = 2, .keep = keep, .let_go = leave};
	struct peers *peers = peers_new(&rules);
	struct peer_facts facts = {.side = SIDE_CLIENT, .who.name = "any"};
	for (int i = 0; i < 3; i++) {
		facts.route = numbered((uint32_t)i);
		facts.fd = 7 + i;
		(void)peers_id(peers, &facts, i);
		(void)peers_id(peers, &facts, i);
	}
	assert_true(kept == 3 && let_go == 70);
	facts.fd = -1;
	facts.route = numbered(9);
	uint64_t unknown = peers_id(peers, &facts, 4);
	assert_true(kept == 3 && let_go == 150);
	peers_forget(peers, unknown);
	assert_true(let_go == 150);
	peers_free(peers);
	assert_true(let_go == 240);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_keeps_its_id),
		cmocka_unit_test(a_full_table_forgets_the_stalest),
		cmocka_unit_test(an_id_is_never_used_twice),
		cmocka_unit_test(a_peer_says_so_much_and_no_more),
		cmocka_unit_test(a_peer_looks_at_so_much_and_no_more),
		cmocka_unit_test(the_silent_are_forgotten),
		cmocka_unit_test(rows_on_their_way_are_counted),
		cmocka_unit_test(large_reports_wait_for_room),
		cmocka_unit_test(principals_stay_with_their_connections),
		cmocka_unit_test(who_opens_many_pushes_out_only_itself),
		cmocka_unit_test(who_is_held_stays),
		cmocka_unit_test(both_sides_share_what_there_is),
		cmocka_unit_test(descriptors_are_kept_with_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
