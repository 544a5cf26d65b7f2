/* test_philox.c - the generator against Random123: its known answers, and its own code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <Random123/philox.h>

#include <cmocka.h>

#include "worker/buddha/sampler.h"

static void words_are_the_known_ones(void **state)
{
	(void)state;
	static const struct {
		uint64_t counter[4], key[2], want[4];
	} cases[] = {
		{{0, 0, 0, 0},
		 {0, 0},
		 {0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b}},
		{{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
		 {UINT64_MAX, UINT64_MAX},
		 {0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0}},
		{{0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89},
		 {0x452821e638d01377, 0xbe5466cf34e90c6c},
		 {0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6}},
		{{1, 0, 0, 0},
		 {0, 0},
		 {0x02f4ba6408e4d89b, 0x3dd62b0b9ca8c5b2, 0x1c8667a55d902e79, 0x907d7a052fd5b4dc}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct philox counter, got;
		for (int w = 0; w < 4; w++)
			counter.word[w] = cases[i].counter[w];
		got = philox_of(counter, cases[i].key[0], cases[i].key[1]);
		for (int w = 0; w < 4; w++)
			assert_int_equal(got.word[w], cases[i].want[w]);
	}
	const struct philox sample = philox_sample(12345678901234567, 987654321);
	assert_int_equal(sample.word[0], 0x6d36c2451f474b74);
	assert_int_equal(sample.word[1], 0x89a825c0663eda04);
	assert_int_equal(sample.word[2], 0x54b9386346405237);
	assert_int_equal(sample.word[3], 0x2ac66a359915c63f);
}

static void words_are_those_of_random123(void **state)
{
	(void)state;
	/* Each round's words are the next one's counter and key: all bits get to be both values. */
	struct philox ours = {{1, 2, 3, 4}};
	uint64_t key[2] = {5, 6};
	for (int i = 0; i < 100000; i++) {
		const philox4x64_ctr_t counter = {
			{ours.word[0], ours.word[1], ours.word[2], ours.word[3]}};
		const philox4x64_key_t theirs_key = {{key[0], key[1]}};
		const philox4x64_ctr_t theirs = philox4x64(counter, theirs_key);
		ours = philox_of(ours, key[0], key[1]);
		for (int w = 0; w < 4; w++)
			assert_int_equal(ours.word[w], theirs.v[w]);
		key[0] = ours.word[3];
		key[1] = ~ours.word[1];
	}
}

static void samples_are_points_of_the_upper_half(void **state)
{
	(void)state;
	const struct sampler random = {.sampling = SAMPLING_RANDOM, .seed = 987654321};
	const struct sample sample = sampler_at(&random, 12345678901234567);
	assert_true(sample.re == -2 + 4 * (double)(0x6d36c2451f474b74 >> 11) / 0x1p53);
	assert_true(sample.im == 2 * (double)(0x89a825c0663eda04 >> 11) / 0x1p53);
	assert_int_equal(sample.weight_log2, 0);
	/* q = 3: six columns, three rows. */
	const struct sampler grid = {.sampling = SAMPLING_GRID, .side = 3};
	for (uint64_t k = 0; k < 18; k++) {
		const struct sample s = sampler_at(&grid, k);
		assert_true(s.re == -2 + (double)(2 * (k % 6) + 1) / 3);
		assert_true(s.im == (double)(2 * (k / 6) + 1) / 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_the_known_ones),
		cmocka_unit_test(words_are_those_of_random123),
		cmocka_unit_test(samples_are_points_of_the_upper_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
