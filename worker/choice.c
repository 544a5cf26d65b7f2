/* choice.c - the kernels offered, one after the other. */
#include "worker/choice.h"

#include <stddef.h>

#define ROUNDS   2 /* each kernel gets a turn in each: a pause of the machine seldom hits both */
#define LEAST_US 120
#define MARGIN   20 /* a later kernel must be faster by one part in so many */

enum brot_err choice_offer(const char *name, struct choice *ret_choice, struct brot_error *err)
{
	struct choice choice = {.count = 0};
	const struct kernel *kernel;
	if (name != NULL) {
		enum brot_err code = kernel_by_name(name, &choice.offers[0].kernel, err);
		if (code != BROT_OK)
			return code;
		choice.count = 1;
	} else {
		for (size_t i = 0; (kernel = kernel_at(i)) != NULL; i++)
			if (kernel->supported() && choice.count < LIMIT_KERNELS)
				choice.offers[choice.count++].kernel = kernel;
	}
	*ret_choice = choice;
	return BROT_OK;
}

enum brot_err choice_check(const struct choice *choice, struct brot_error *err)
{
	for (uint32_t i = 0; i < choice->count; i++) {
		enum brot_err code = selftest_kernel(choice->offers[i].kernel, SELFTEST_START, err);
		if (code != BROT_OK)
			return code;
	}
	return BROT_OK;
}

static void offer_measure(struct choice_offer *offer, enum precision precision,
			  selftest_clock *clock_us)
{
	const uint64_t speed = selftest_speed(offer->kernel, precision, STEP_SQUARE, LEAST_US,
					      clock_us);
	if (speed > offer->speed[precision])
		offer->speed[precision] = speed;
}

void choice_measure(struct choice *choice, selftest_clock *clock_us)
{
	for (int round = 0; round < ROUNDS; round++)
		for (uint32_t i = 0; i < choice->count; i++)
			offer_measure(&choice->offers[i], PRECISION_F64, clock_us);
	for (uint32_t i = 0; i < choice->count; i++)
		offer_measure(&choice->offers[i], PRECISION_F32, clock_us);
	const struct choice_offer *best = &choice->offers[0];
	for (uint32_t i = 1; i < choice->count; i++) {
		const uint64_t least = best->speed[PRECISION_F64];
		if (choice->offers[i].speed[PRECISION_F64] > least + least / MARGIN)
			best = &choice->offers[i];
	}
	choice->kernel = best->kernel;
}

uint64_t choice_speed(const struct choice *choice)
{
	for (uint32_t i = 0; i < choice->count; i++)
		if (choice->offers[i].kernel == choice->kernel)
			return choice->offers[i].speed[PRECISION_F64];
	return 0;
}
