/*
 * philox.h - Philox4x64-10 of Salmon, Moraes, Dror and Shaw: a counter and a key into four words
 * that look random.
 *
 * Each is a function of the other alone, so any sample can be had without those before it.
 * Independent calls overlap in the CPU: a loop over it keeps the multiplier busy.
 * Pure and thread-safe.
 */
#ifndef WORKER_BUDDHA_PHILOX_H
#define WORKER_BUDDHA_PHILOX_H

#include <stdint.h>

#define PHILOX_ROUNDS 10

struct philox {
	uint64_t word[4];
};

static inline uint64_t philox_product(uint64_t a, uint64_t b, uint64_t *ret_high)
{
	__extension__ typedef unsigned __int128 wide;
	const wide product = (wide)a * b;
	*ret_high = (uint64_t)(product >> 64);
	return (uint64_t)product;
}

static inline struct philox philox_of(struct philox counter, uint64_t key0, uint64_t key1)
{
	struct philox c = counter;
	for (int round = 0; round < PHILOX_ROUNDS; round++) {
		uint64_t high0, high1;
		const uint64_t low0 = philox_product(0xd2e7470ee14c6c93u, c.word[0], &high0);
		const uint64_t low1 = philox_product(0xca5a826395121157u, c.word[2], &high1);
		c = (struct philox){
			{high1 ^ c.word[1] ^ key0, low1, high0 ^ c.word[3] ^ key1, low0}};
		key0 += 0x9e3779b97f4a7c15u;
		key1 += 0xbb67ae8584caa73bu;
	}
	return c;
}

/* The words of a sample. */
static inline struct philox philox_sample(uint64_t sample, uint64_t seed)
{
	return philox_of((struct philox){{sample, 0, 0, 0}}, seed, 0);
}

#endif
