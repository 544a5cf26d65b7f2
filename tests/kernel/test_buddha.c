/*
 * test_buddha.c - every variant's Buddhabrot against the reference, count for count.
 *
 * usage: test_buddha [--kernel NAME] [--percent P] [--seed S]
 *        test_buddha [--kernel NAME] --story S
 * --kernel checks one variant, and fails if this CPU cannot run it; --percent is the number of
 * random cases against the usual one; --story repeats the one that a report names.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/buddha/buddha.h"

#define CASES   400
#define THREADS 3

static unsigned long runs, failures;
static uint64_t random_state = 1, story_hash;

static uint64_t random_below(uint64_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % bound;
}

static double random_unit(void)
{
	return (double)random_below(1u << 30) * 0x1p-30;
}

static void *memory_of(size_t bytes)
{
	void *memory = calloc(1, bytes);
	if (memory == NULL) {
		fprintf(stderr, "test_buddha: no memory\n");
		exit(EXIT_FAILURE);
	}
	return memory;
}

/* A job, the samples that are counted, and how. */
struct story {
	uint64_t seed; /* that it was made from */
	struct buddha_setup setup;
	uint64_t first, count, wrap;
	uint32_t threads;
	uint32_t pieces; /* the samples are cut into so many, of random sizes */
};

static void turn_random(struct point_frame *frame)
{
	static const double turns[][2] = {{0.8, 0.6}, {-0.6, 0.8}, {0, -1}, {-1, 0}, {0.28, -0.96}};
	const size_t turn = random_below(sizeof turns / sizeof turns[0]);
	frame->cos = turns[turn][0];
	frame->sin = turns[turn][1];
}

static void frame_random(struct story *story)
{
	static const double widths[] = {4, 4, 3, 1, 0.1, 20, 1e-3};
	struct point_frame *frame = &story->setup.frame;
	frame->columns = 1 + (uint32_t)random_below(60);
	frame->rows = 1 + (uint32_t)random_below(60);
	const double width = widths[random_below(sizeof widths / sizeof widths[0])];
	const uint64_t way = random_below(4);
	frame->re = width > 3 ? 0 : random_unit() * 3 - 2;
	frame->im = 0;
	frame->cos = 1;
	frame->sin = 0;
	frame->step_re = frame->step_im = width / (2.0 * frame->columns);
	if (random_below(3) == 0)
		frame->step_im *= 0.5 + random_unit();
	if (way >= 2)
		frame->im = random_unit() * 2 - 1;
	if (way == 3)
		turn_random(frame);
	story->setup.is_mirrored = way < 2;
	story->setup.is_turned = way == 3;
}

static void bands_random(struct buddha_setup *setup)
{
	struct buddha *buddha = &setup->buddha;
	buddha->channels = random_below(2) == 0 ? 1 : BUDDHA_CHANNELS;
	for (uint32_t channel = 0; channel < buddha->channels; channel++) {
		const uint32_t max = random_below(2) == 0
					     ? setup->iterations
					     : 1 + (uint32_t)random_below(setup->iterations);
		const uint32_t min = random_below(2) == 0 ? 1 : 1 + (uint32_t)random_below(max);
		buddha->bands[channel] = (struct buddha_band){min, max};
	}
}

static void story_random(struct story *story)
{
	static const uint32_t limits[] = {1, 2, 5, 23, 24, 25, 26, 33, 60, 100, 333, 1000, 5000};
	memset(story, 0, sizeof *story);
	story->seed = random_state;
	struct buddha *buddha = &story->setup.buddha;
	frame_random(story);
	story->setup.iterations = limits[random_below(sizeof limits / sizeof limits[0])];
	story->setup.has_shortcuts = random_below(2) == 0;
	bands_random(&story->setup);
	buddha->seed = random_below(1u << 30);
	buddha->sampling = (enum buddha_sampling)random_below(SAMPLING_COUNT);
	buddha->is_inside = random_below(4) == 0;
	const uint64_t most = story->setup.iterations > 300 ? 1500 : 6000;
	story->count = random_below(20) == 0 ? 1 + random_below(70) : 1 + random_below(most);
	story->first = random_below(2) == 0 ? 0 : random_below(1u << 30) << 32;
	if (buddha->sampling == SAMPLING_GRID) {
		const uint64_t side = 1 + random_below(1000);
		buddha->points = 2 * side * side;
		story->count = story->count < buddha->points ? story->count : buddha->points;
		story->first = random_below(buddha->points - story->count + 1);
	} else {
		/* From where on cells are skipped. */
		buddha->points = random_below(4) == 0 ? 1u << 22 : story->count;
		buddha->first = story->first;
	}
	story->wrap = random_below(2) == 0 ? GRID_WRAP : 2 + random_below(50);
	if (story->wrap % 4 == 3)
		story->wrap = GRID_WIDE;
	story->threads = random_below(4) == 0 ? THREADS : 1;
	story->pieces = 1 + (uint32_t)random_below(5);
}

struct part {
	uint64_t flushes; /* bit i: flush after piece i */
	bool is_done;
	const struct buddha_job *job;
	const struct grid *grid;
	struct grid_locks *locks;
	uint64_t cuts[16];
	uint32_t from, pieces, every;
};

static void *part_run(void *context)
{
	struct part *part = context;
	struct scatter *scatter = scatter_make(part->grid, part->locks,
					       buddha_job_is_weighted(part->job));
	part->is_done = scatter != NULL;
	for (uint32_t i = part->from; scatter != NULL && i < part->pieces; i += part->every) {
		uint64_t iterations;
		if (!buddha_run(part->job, part->cuts[i], part->cuts[i + 1] - part->cuts[i],
				scatter, NULL, &iterations))
			part->is_done = false;
		if ((part->flushes >> i & 1) != 0 || i + part->every >= part->pieces)
			scatter_flush(scatter);
	}
	scatter_free(scatter);
	return NULL;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The counts by that job's kernel. */
static void story_count(const struct story *story, const struct buddha_job *job, uint64_t *counts)
{
	struct grid_layout layout;
	static const uint8_t nonce[MESSAGE_NONCE_BYTES] = {1};
	if (!buddha_job_layout(job, 1, story->wrap, &layout))
		exit(EXIT_FAILURE);
	void *memory = memory_of(layout.total_bytes);
	grid_header_write(memory, &layout, 1, nonce, 0, 0, 0);
	const struct grid grid = grid_view(memory, &layout);
	struct grid_locks *locks = grid_locks_make(&layout);
	struct part parts[THREADS] = {{.job = job, .grid = &grid, .locks = locks}};
	struct part *p = &parts[0];
	const uint32_t pieces = story->pieces * story->threads;
	p->flushes = random_below(1u << 16);
	p->pieces = pieces;
	p->every = story->threads;
	p->cuts[0] = story->first;
	p->cuts[pieces] = story->first + story->count;
	for (uint32_t i = 1; i < pieces; i++)
		p->cuts[i] = story->first + random_below(story->count + 1);
	qsort(p->cuts, pieces + 1, sizeof p->cuts[0], compare_u64);
	pthread_t threads[THREADS];
	for (uint32_t t = 1; t < story->threads; t++) {
		parts[t] = parts[0];
		parts[t].from = t;
		if (pthread_create(&threads[t], NULL, part_run, &parts[t]) != 0)
			exit(EXIT_FAILURE);
	}
	part_run(&parts[0]);
	bool is_done = parts[0].is_done && grid_is_exact(&grid);
	for (uint32_t t = 1; t < story->threads; t++) {
		pthread_join(threads[t], NULL);
		is_done = is_done && parts[t].is_done;
	}
	const struct grid *one = &grid;
	failures += !is_done;
	grid_image_rows(&one, 1, 0, job->height_px, counts);
	grid_locks_free(locks);
	free(memory);
}

static void story_print(const struct story *story, const char *kernel)
{
	const struct buddha_setup *s = &story->setup;
	printf("--kernel %s --story %llu: %ux%u at %.17g %.17g step %g %g cos %g mirrored %d "
	       "turned %d N %u shortcuts "
	       "%d sampling %d inside %d channels %u",
	       kernel, (unsigned long long)story->seed, s->frame.columns, s->frame.rows,
	       s->frame.re, s->frame.im, s->frame.step_re, s->frame.step_im, s->frame.cos,
	       s->is_mirrored, s->is_turned, s->iterations, s->has_shortcuts,
	       (int)s->buddha.sampling, s->buddha.is_inside, s->buddha.channels);
	for (uint32_t channel = 0; channel < s->buddha.channels; channel++)
		printf(" [%u, %u]", s->buddha.bands[channel].min, s->buddha.bands[channel].max);
	printf(" seed %llu samples %llu + %llu of %llu wrap %llu threads %u pieces %u\n",
	       (unsigned long long)s->buddha.seed, (unsigned long long)story->first,
	       (unsigned long long)story->count, (unsigned long long)s->buddha.points,
	       (unsigned long long)story->wrap, story->threads, story->pieces);
}

/* Returns the sum of all counts. */
static uint64_t story_check(const struct story *story, const char *only)
{
	uint64_t sum = 0;
	uint64_t *want = NULL, *got = NULL;
	for (size_t v = 0; kernel_at(v) != NULL; v++) {
		const struct kernel *kernel = kernel_at(v);
		struct buddha_job *job;
		struct brot_error err;
		if (!kernel->supported() || (only != NULL && strcmp(kernel->name, only) != 0))
			continue;
		if (buddha_job_compile(&story->setup, kernel, &job, &err) != BROT_OK)
			exit(EXIT_FAILURE);
		const size_t counts = (size_t)job->width_px * job->height_px * job->channels;
		if (want == NULL) {
			want = memory_of(counts * sizeof *want);
			got = memory_of(counts * sizeof *got);
			buddha_count(job, story->first, story->count, want);
		}
		story_count(story, job, got);
		runs++;
		sum = 0;
		size_t wrong = 0, at = 0;
		story_hash = 0xcbf29ce484222325u;
		for (size_t i = 0; i < counts; i++) {
			sum += want[i];
			story_hash = (story_hash ^ want[i]) * 0x100000001b3u;
			if (want[i] != got[i] && wrong++ == 0)
				at = i;
		}
		if (wrong > 0) {
			failures++;
			story_print(story, kernel->name);
			printf("  %zu of %zu counts differ, the first is %zu: %llu, must be %llu\n",
			       wrong, counts, at, (unsigned long long)got[at],
			       (unsigned long long)want[at]);
		}
		buddha_job_free(job);
	}
	free(want);
	free(got);
	return sum;
}

/* Stories whose counts must never change: FNV-1a over the reference's counts. */
static void check_pinned(const char *only)
{
	static const struct {
		uint64_t seed, hash;
	} pinned[] = {
		{4, 0x40a29f3b98a79fdb},  {7, 0xa6adf6ffc373a74b},  {37, 0x631862af28110485},
		{38, 0xc932b0f357fb13b9}, {42, 0x268e848828b983a9}, {48, 0xa25173157122b7a6},
		{51, 0x1fff51a90797b3fd}, {66, 0x185cfb82a34dd967}, {74, 0xa4f4838e0f207323},
	};
	for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++) {
		struct story story;
		random_state = pinned[i].seed;
		story_random(&story);
		story_hash = 0xcbf29ce484222325u;
		if (story_check(&story, only) == 0 || story_hash != pinned[i].hash) {
			failures++;
			printf("the story of seed %llu has no hits or the hash %#llx, must be "
			       "%#llx\n",
			       (unsigned long long)pinned[i].seed, (unsigned long long)story_hash,
			       (unsigned long long)pinned[i].hash);
		}
	}
}

struct patience {
	uint32_t asked, answers;
	uint64_t iterations;
};

static bool patience_ends(void *context, uint64_t iterations)
{
	struct patience *patience = context;
	if (iterations < patience->iterations)
		failures++;
	patience->iterations = iterations;
	return ++patience->asked < patience->answers;
}

/* A run asks now and then, and ends soon after the answer is no. */
static void check_poll(const char *only)
{
	struct story story = {
		.setup = {.frame = {.cos = 1,
				    .step_re = 0.1,
				    .step_im = 0.1,
				    .columns = 20,
				    .rows = 20},
			  .iterations = 100000,
			  .buddha = {.points = 1, .channels = 1, .bands = {{1, 100000}}}}};
	for (size_t v = 0; kernel_at(v) != NULL; v++)
		for (uint32_t answers = 1; answers <= 3; answers += 2) {
			const struct kernel *kernel = kernel_at(v);
			struct patience patience = {.answers = answers};
			const struct escape_poll poll = {patience_ends, &patience};
			struct buddha_job *job;
			struct grid_layout layout;
			uint64_t iterations;
			if (!kernel->supported() ||
			    (only != NULL && strcmp(kernel->name, only) != 0))
				continue;
			if (buddha_job_compile(&story.setup, kernel, &job, NULL) != BROT_OK ||
			    !buddha_job_layout(job, 1, GRID_WRAP, &layout))
				exit(EXIT_FAILURE);
			void *memory = memory_of(layout.total_bytes);
			const struct grid grid = grid_view(memory, &layout);
			struct grid_locks *locks = grid_locks_make(&layout);
			struct scatter *scatter = scatter_make(&grid, locks, false);
			if (buddha_run(job, 0, 1u << 30, scatter, &poll, &iterations) ||
			    patience.asked != answers) {
				failures++;
				printf("%s: asked %u times, the answer to %u was no\n",
				       kernel->name, patience.asked, answers);
			}
			scatter_abandon(scatter);
			scatter_free(scatter);
			grid_locks_free(locks);
			free(memory);
			buddha_job_free(job);
		}
}

/* The hits of that job's first samples, with a poll that says no to so many questions; 0: to none.
 */
static uint64_t hits_until(const struct buddha_job *job, const struct story *story,
			   uint32_t answers, struct patience *patience)
{
	const struct escape_poll poll = {patience_ends, patience};
	struct grid_layout layout;
	uint64_t iterations, sum = 0;
	*patience = (struct patience){.answers = answers > 0 ? answers : UINT32_MAX};
	if (!buddha_job_layout(job, 1, GRID_WIDE, &layout))
		exit(EXIT_FAILURE);
	void *memory = memory_of(layout.total_bytes);
	const struct grid grid = grid_view(memory, &layout);
	struct grid_locks *locks = grid_locks_make(&layout);
	struct scatter *scatter = scatter_make(&grid, locks, buddha_job_is_weighted(job));
	failures += buddha_run(job, story->first, story->count, scatter, &poll, &iterations) !=
		    (answers == 0);
	scatter_flush(scatter);
	for (uint64_t i = 0; i < layout.plane_cells; i++)
		sum += grid.wide[i];
	scatter_free(scatter);
	grid_locks_free(locks);
	free(memory);
	return sum;
}

/* Neither the hits of few samples with long orbits nor those that wait for others keep a run that
 * is to end: few of each are 10^7 steps. */
static void check_poll_of_hits(const char *only)
{
	struct story stories[] = {
		/* Inside, in a row of a grid. */
		{.setup = {.iterations = 4000000, .buddha = {.points = 128, .is_inside = true}},
		 .count = 16},
		/* c = -0.75 + i / q, which takes pi q steps to escape. */
		{.setup = {.iterations = 40000000,
			   .buddha = {.points = 2 * 10000004ull * 10000004}},
		 .first = 6250002,
		 .count = 1},
	};
	for (size_t v = 0; kernel_at(v) != NULL; v++)
		for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
			const struct kernel *kernel = kernel_at(v);
			struct story *story = &stories[i];
			struct buddha *buddha = &story->setup.buddha;
			struct buddha_job *job;
			struct patience patience;
			if (!kernel->supported() ||
			    (only != NULL && strcmp(kernel->name, only) != 0))
				continue;
			story->setup.frame = (struct point_frame){.cos = 1,
								  .step_re = 0.1,
								  .step_im = 0.1,
								  .columns = 20,
								  .rows = 20};
			buddha->sampling = SAMPLING_GRID;
			buddha->channels = 1;
			buddha->bands[0] = (struct buddha_band){1, story->setup.iterations};
			if (buddha_job_compile(&story->setup, kernel, &job, NULL) != BROT_OK)
				exit(EXIT_FAILURE);
			const uint64_t all = hits_until(job, story, 0, &patience);
			const uint32_t asked = patience.asked;
			const uint64_t some = hits_until(job, story, asked - 1, &patience);
			if (all < 10000000 || asked < all / (1u << 23) || some >= all) {
				failures++;
				printf("%s: %llu hits, asked %u times, %llu hits before the last\n",
				       kernel->name, (unsigned long long)all, asked,
				       (unsigned long long)some);
			}
			buddha_job_free(job);
		}
}

int main(int argc, char **argv)
{
	const char *kernel = NULL;
	unsigned percent = 100;
	bool is_one = false;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--kernel") == 0)
			kernel = argv[i + 1];
		else if (strcmp(argv[i], "--percent") == 0)
			percent = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--story") == 0)
			random_state = strtoull(argv[i + 1], NULL, 10);
		is_one = is_one || strcmp(argv[i], "--story") == 0;
	}
	uint64_t total = 0;
	unsigned long with_hits = 0;
	const uint64_t seed = random_state;
	if (!is_one)
		check_pinned(kernel);
	/* They take very long where a CPU is emulated, which is where a kernel is named. */
	if (!is_one && kernel == NULL) {
		check_poll(kernel);
		check_poll_of_hits(kernel);
	}
	random_state = seed;
	for (unsigned i = 0; i < (is_one ? 1 : CASES * percent / 100); i++) {
		struct story story;
		story_random(&story);
		const uint64_t sum = story_check(&story, kernel);
		total += sum;
		with_hits += sum > 0;
	}
	printf("%lu runs, %llu hits, %lu stories with some, %lu failures\n", runs,
	       (unsigned long long)total, with_hits, failures);
	return failures == 0 && runs > 0 && with_hits > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
