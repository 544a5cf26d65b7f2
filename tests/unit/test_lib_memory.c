/* test_lib_memory.c - short of memory, at each allocation of a call in turn, libbrot says so. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <brot/brot.h>

#define SMALL "{\"size\": [64, 48], \"iterations\": 200}"

/* The allocator of the whole process, over glibc's own. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);

static atomic_long left = -1; /* allocations until one fails; below 0: never */
static atomic_bool is_gone;   /* and all after it */
static atomic_long allocations;

static bool is_short(void)
{
	(void)atomic_fetch_add(&allocations, 1);
	if (atomic_load(&left) < 0)
		return false;
	const long before = atomic_fetch_sub(&left, 1);
	if (before <= 0)
		atomic_store(&left, 0);
	if (before == 1 || (before <= 0 && atomic_load(&is_gone))) {
		errno = ENOMEM;
		return true;
	}
	return false;
}

BROT_API void *malloc(size_t bytes)
{
	return is_short() ? NULL : __libc_malloc(bytes);
}

BROT_API void *calloc(size_t count, size_t bytes)
{
	return is_short() ? NULL : __libc_calloc(count, bytes);
}

BROT_API void *realloc(void *memory, size_t bytes)
{
	return is_short() ? NULL : __libc_realloc(memory, bytes);
}

/* The number `at` from now on fails, and all after it if `is_all`. */
static void begin_short(long at, bool is_all)
{
	atomic_store(&is_gone, is_all);
	atomic_store(&left, at);
}

static void end_short(void)
{
	atomic_store(&left, -1);
}

/* The first test: nothing has chosen a kernel yet. */
static void a_kernel_is_chosen_later(void **state)
{
	(void)state;
	begin_short(1, true);
	const char *none = brot_kernel();
	end_short();
	assert_null(none);
	assert_non_null(brot_kernel());
}

static uint8_t pixels[64 * 48 * 3];
static const struct brot_array array = {pixels, 0};

/* What is tried, which leaves what it made. */
struct
try {
	struct brot_request *request;
	void *bytes;
	size_t size;
};

static enum brot_err make_request(const char *view, struct try *try, struct brot_error *err)
{
	return brot_request_new(view, SMALL, &try->request, err);
}

static enum brot_err make_preset(struct try *try, struct brot_error *err)
{
	return make_request("seahorse", try, err);
}

static enum brot_err make_range(struct try *try, struct brot_error *err)
{
	return make_request("-2:1,-1:1.25", try, err);
}

/* Its power is short: see api.h. */
static enum brot_err make_colours(struct try *try, struct brot_error *err)
{
	enum brot_err code = brot_request_new("home",
					      "{\"size\": [64, 48], \"samples\": 2, \"colour\": "
					      "{\"mode\": \"histogram\", \"power\": 0.5}}",
					      &try->request, err);
	if (code == BROT_OK)
		code = brot_render(try->request, &array, &(struct brot_local){.threads = 1}, err);
	return code;
}

static enum brot_err make_png(struct try *try, struct brot_error *err)
{
	enum brot_err code = brot_request_new("home", SMALL, &try->request, err);
	if (code == BROT_OK)
		code = brot_encode_png(try->request, &array, &(struct brot_file){.threads = 1},
				       &try->bytes, &try->size, err);
	return code;
}

static void try_end(struct try *try)
{
	brot_request_free(try->request);
	brot_free(try->bytes);
	*try = (struct try){.request = NULL};
}

/* A call may do without an allocation that failed; what it makes is the same then. */
static void check(enum brot_err (*make)(struct try *try, struct brot_error *err), bool is_all)
{
	struct try good = {.request = NULL};
	assert_int_equal(make(&good, NULL), BROT_OK);
	const long before = atomic_load(&allocations);
	struct try again = {.request = NULL};
	assert_int_equal(make(&again, NULL), BROT_OK);
	const long count = atomic_load(&allocations) - before;
	try_end(&again);
	assert_true(count > 100);
	for (long at = 1; at <= count; at++) {
		struct try try = {.request = NULL};
		struct brot_error err = {.code = BROT_OK};
		begin_short(at, is_all);
		const enum brot_err code = make(&try, &err);
		end_short();
		if (code != BROT_OK && code != BROT_E_SYSTEM)
			fail_msg("allocation %ld: %s: %s", at, brot_err_name(code), err.text);
		assert_int_equal(err.code, code);
		if (code == BROT_OK) {
			assert_string_equal(brot_request_json(try.request),
					    brot_request_json(good.request));
			assert_int_equal(try.size, good.size);
			if (good.bytes != NULL)
				assert_memory_equal(try.bytes, good.bytes, good.size);
		}
		try_end(&try);
	}
	try_end(&good);
}

static void requests(void **state)
{
	(void)state;
	for (int is_all = 0; is_all <= 1; is_all++) {
		check(make_preset, is_all);
		check(make_range, is_all);
	}
}

static void colours(void **state)
{
	(void)state;
	check(make_colours, false);
	check(make_colours, true);
}

static void pngs(void **state)
{
	(void)state;
	check(make_png, false);
	check(make_png, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_is_chosen_later),
		cmocka_unit_test(requests),
		cmocka_unit_test(colours),
		cmocka_unit_test(pngs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
