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

static void a_connection_keeps_its_id(void **state)
{
	(void)state;
	struct peers *peers = peers_new(10);
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
		ids[i] = peers_id(peers, all[i].side, all[i].route, 0);
		assert_true(ids[i] != 0);
		for (size_t k = 0; k < i; k++)
			assert_true(ids[k] != ids[i]);
	}
	assert_int_equal(peers_count(peers), count);
	struct sock_route again = {.id = "a", .size = 1};
	assert_true(peers_id(peers, SIDE_CLIENT, &again, 1) == ids[0]);
	for (size_t i = 0; i < count; i++) {
		assert_true(peers_id(peers, all[i].side, all[i].route, 5) == ids[i]);
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
	struct peers *peers = peers_new(100);
	uint64_t ids[100];
	for (uint32_t i = 0; i < 100; i++) {
		struct sock_route route = numbered(i);
		ids[i] = peers_id(peers, SIDE_WORKER, &route, i);
	}
	struct sock_route first = numbered(0), second = numbered(1), more = numbered(100);
	assert_true(peers_id(peers, SIDE_WORKER, &first, 200) == ids[0]);
	uint64_t id = peers_id(peers, SIDE_CLIENT, &more, 201);
	assert_true(id > ids[99]);
	assert_int_equal(peers_count(peers), 100);
	assert_leads(peers, id, SIDE_CLIENT, &more);
	assert_leads(peers, ids[0], SIDE_WORKER, &first); /* was heard again */
	assert_gone(peers, ids[1]);
	assert_true(peers_id(peers, SIDE_WORKER, &second, 202) > id);
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
	struct peers *peers = peers_new(3);
	uint64_t last = 0;
	for (int64_t round = 0; round < 1000; round++) {
		struct sock_route route = numbered((uint32_t)round % 2);
		uint64_t id = peers_id(peers, SIDE_WORKER, &route, round);
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
	struct peers *peers = peers_new(10);
	struct sock_route routes[2] = {numbered(0), numbered(1)};
	uint64_t id = peers_id(peers, SIDE_CLIENT, &routes[0], 0);
	uint64_t other = peers_id(peers, SIDE_CLIENT, &routes[1], 0);
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

static void the_silent_are_forgotten(void **state)
{
	(void)state;
	struct peers *peers = peers_new(10);
	struct sock_route routes[3] = {numbered(0), numbered(1), numbered(2)};
	uint64_t ids[3];
	for (size_t i = 0; i < 3; i++)
		ids[i] = peers_id(peers, SIDE_CLIENT, &routes[i], 500 + 1000 * (int64_t)i);
	peers_expire(peers, 0);
	assert_int_equal(peers_count(peers), 3);
	/* The first one speaks again, on time. */
	assert_true(peers_id(peers, SIDE_CLIENT, &routes[0], 2000) == ids[0]);
	peers_expire(peers, 1500);
	assert_int_equal(peers_count(peers), 3);
	peers_expire(peers, 1501);
	assert_gone(peers, ids[1]);
	assert_leads(peers, ids[0], SIDE_CLIENT, &routes[0]);
	assert_leads(peers, ids[2], SIDE_CLIENT, &routes[2]);
	peers_expire(peers, INT64_MAX);
	assert_int_equal(peers_count(peers), 0);
	assert_true(peers_id(peers, SIDE_CLIENT, &routes[1], 5000) > ids[2]);
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
	struct peers *peers = peers_new(10);
	struct sock_route route = numbered(1), other = numbered(2);
	uint64_t id = peers_id(peers, SIDE_CLIENT, &route, 0);
	uint64_t silent = peers_id(peers, SIDE_CLIENT, &other, 0);
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
	id = peers_id(peers, SIDE_CLIENT, &route, 1);
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
	struct peers *peers = peers_new(10);
	struct sock_route route = numbered(1), other = numbered(2);
	uint64_t id = peers_id(peers, SIDE_CLIENT, &route, 0);
	uint64_t quiet = peers_id(peers, SIDE_CLIENT, &other, 0);
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
	char text[128];
};

static void see(uint64_t id, enum peer_side side, const char *principal, void *context)
{
	struct seen *seen = context;
	size_t used = strlen(seen->text);
	(void)snprintf(seen->text + used, sizeof seen->text - used, "%llu %c %s; ",
		       (unsigned long long)id, side == SIDE_WORKER ? 'w' : 'c', principal);
	seen->count++;
}

static void principals_stay_with_their_connections(void **state)
{
	(void)state;
	struct peers *peers = peers_new(4);
	const struct sock_route a = {.id = "a", .size = 1}, b = {.id = "b", .size = 1};
	struct seen seen = {0};
	uint64_t one = peers_id(peers, SIDE_CLIENT, &a, 1);
	uint64_t two = peers_id(peers, SIDE_WORKER, &b, 2);
	peers_set_principal(peers, one, "uid:7");
	peers_set_principal(peers, one, "uid:8");
	peers_set_principal(peers, two + 1, "nobody");
	peers_each(peers, see, &seen);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.text, "1 c uid:8; 2 w ; ");
	/* A connection that is forgotten takes it along. */
	peers_forget(peers, one);
	memset(&seen, 0, sizeof seen);
	(void)peers_id(peers, SIDE_CLIENT, &a, 3);
	peers_each(peers, see, &seen);
	assert_string_equal(seen.text, "2 w ; 3 c ; ");
	peers_free(peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_keeps_its_id),
		cmocka_unit_test(a_full_table_forgets_the_stalest),
		cmocka_unit_test(an_id_is_never_used_twice),
		cmocka_unit_test(a_peer_says_so_much_and_no_more),
		cmocka_unit_test(the_silent_are_forgotten),
		cmocka_unit_test(rows_on_their_way_are_counted),
		cmocka_unit_test(large_reports_wait_for_room),
		cmocka_unit_test(principals_stay_with_their_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
