/* selftest_buddha.c - whether a kernel counts a Buddhabrot as it should. */
#include <stdlib.h>
#include <xxhash.h>

#include "worker/buddha/buddha.h"
#include "worker/selftest.h"

#define SIDE_PX 24
#define POINTS  600

struct way {
	const char *name;
	struct buddha_setup setup;
	uint64_t digest; /* XXH3-64 of the image's counts, little-endian; what buddha_count() gives
			  */
};

/* More samples than a kernel has in flight, orbits that end in each of its stages, and cycles. */
#define FRAME(x, y, side, c, s)                                                                \
	{                                                                                      \
		.re = (x), .im = (y), .step_re = (side) / (2 * SIDE_PX),                       \
		.step_im = (side) / (2 * SIDE_PX), .cos = (c), .sin = (s), .columns = SIDE_PX, \
		.rows = SIDE_PX                                                                \
	}
static const struct way ways[] = {
	{"whole",
	 {.frame = FRAME(0, 0, 4.0, 1, 0),
	  .is_mirrored = true,
	  .iterations = 300,
	  .buddha = {.points = POINTS, .channels = 1, .bands = {{1, 300}}}},
	 0x0787d0db8f994ebd},
	{"turned",
	 {.frame = FRAME(-0.4, 0.3, 2.0, 0.8, 0.6),
	  .is_turned = true,
	  .iterations = 1000,
	  .has_shortcuts = true,
	  .buddha = {.points = POINTS,
		     .seed = 1,
		     .channels = 3,
		     .bands = {{1, 1000}, {2, 20}, {10, 100}}}},
	 0x4adcc09821643963},
	{"inside",
	 {.frame = FRAME(-0.5, 0, 3.0, 1, 0),
	  .is_mirrored = true,
	  .iterations = 1000,
	  .has_shortcuts = true,
	  .buddha = {.points = POINTS,
		     .seed = 2,
		     .is_inside = true,
		     .channels = 1,
		     .bands = {{1, 1000}}}},
	 0x76d1ff11f6f2c56c},
};
#define WAYS (sizeof ways / sizeof ways[0])

/* The counts by a kernel; false if memory is short. */
static bool way_count(const struct buddha_job *job, uint64_t *ret_counts)
{
	struct grid_layout layout;
	uint64_t iterations;
	if (!buddha_job_layout(job, 1, GRID_WRAP, &layout))
		return false;
	void *memory = calloc(1, layout.total_bytes);
	if (memory == NULL)
		return false;
	const struct grid grid = grid_view(memory, &layout), *one = &grid;
	struct grid_locks *locks = grid_locks_make(&layout);
	struct scatter *scatter = locks == NULL
					  ? NULL
					  : scatter_make(&grid, locks, buddha_job_is_weighted(job));
	if (scatter != NULL) {
		(void)buddha_run(job, 0, POINTS, scatter, NULL, &iterations);
		scatter_flush(scatter);
		grid_image_rows(&one, 1, 0, SIDE_PX, ret_counts);
	}
	scatter_free(scatter);
	grid_locks_free(locks);
	free(memory);
	return scatter != NULL;
}

enum brot_err selftest_buddha(const struct kernel *kernel, uint32_t *ret_checks,
			      struct brot_error *err)
{
	uint64_t counts[SIDE_PX * SIDE_PX * BUDDHA_CHANNELS];
	*ret_checks = 0;
	for (size_t i = 0; i < WAYS; i++) {
		const struct way *way = &ways[i];
		struct buddha_job *job;
		enum brot_err code = buddha_job_compile(&way->setup, kernel, &job, err);
		if (code != BROT_OK)
			return code;
		const bool is_counted = way_count(job, counts);
		const size_t bytes = sizeof counts[0] * SIDE_PX * SIDE_PX * job->channels;
		buddha_job_free(job);
		if (!is_counted)
			return error_set(err, BROT_E_SYSTEM, "self-test: no memory for a grid");
		++*ret_checks;
		const uint64_t digest = XXH3_64bits(counts, bytes);
		if (digest != way->digest)
			return error_set(err, BROT_E_INTERNAL,
					 "self-test: kernel %s, Buddhabrot %s: the digest must be "
					 "%016llx, got %016llx",
					 kernel->name, way->name, (unsigned long long)way->digest,
					 (unsigned long long)digest);
	}
	return BROT_OK;
}
