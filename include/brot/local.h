/*
 * local.h - renders in this process: the very bytes that any service gives.
 *
 * Thread rule: everything here may be called by any number of threads at once, also for one
 * request; arrays that are written to are the call's alone until it returns. The first call of a
 * process chooses a kernel and tests it, which takes some 10 ms.
 */
#ifndef BROT_LOCAL_H
#define BROT_LOCAL_H

#include <brot/request.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BROT_THREADS_MAX 256

/* How to render. */
struct brot_local {
	uint32_t threads; /* the caller's among them, at most BROT_THREADS_MAX; 0: one for each core
			   * that this process may run on; 1: no thread but the caller's */
	/* NULL, or called in the caller's thread some ten times a second, as often as the kernel
	 * lets it, and at the end: how much is done, 0 to 1, which never falls. Returns false to
	 * give it up; after the end, which is 1.0, that says nothing any more. It must return: an
	 * exception or a longjmp() that leaves it would leave the threads at work. */
	bool (*on_progress)(double done, void *context);
	void *context; /* of on_progress */
	/* A part alone, 0: all of it; not where colours depend on the whole image. Of kind escape
	 * rows: the arrays have these and no others. */
	uint32_t first_row, rows;
	/* Of a Buddhabrot samples, the first so many after the request's own first: the counts of
	 * parts add up to those of the whole. */
	uint64_t first_sample, samples;
	uint64_t reserved[BROT_RESERVED];
};

/* Renders a request of any kind into `arrays`, one for each of its planes (brot_request_planes()),
 * which need not be cleared. local NULL: as {0}.
 *
 * BROT_E_USAGE: an array is not as request.h says, or too many threads; BROT_E_REQUEST: the request
 * cannot be rendered, as a view that is too deep for its precision; BROT_E_CANCELLED: on_progress
 * said no; BROT_E_FAILED: a count does not fit a plane of u32; BROT_E_SYSTEM: memory or threads are
 * short; BROT_E_INTERNAL: a kernel of this build computes wrong numbers on this CPU. On failure any
 * part of the arrays may be written. Needs 1 MiB of stack; and memory where pixels are made of
 * others: a Buddhabrot's counts (4 bytes a pixel and channel and up to 32 MiB a thread), and its
 * numbers where a colour depends on the whole image (8 to 36 bytes a sample). */
BROT_API enum brot_err brot_render(const struct brot_request *request,
				   const struct brot_array arrays[], const struct brot_local *local,
				   struct brot_error *err);

/* The smooth counts that a .npy file holds, of the planes of format smooth: whole + fraction;
 * infinity inside, where whole is 2^32 - 1. All three have `count` elements and do not overlap. */
BROT_API void brot_smooth(const uint32_t *whole, const float *fraction, size_t count,
			  double *ret_smooth);

/* The kernel that brot_render() uses: "avx512", "avx2", "neon" or "scalar", the fastest that this
 * CPU has unless BROT_KERNEL in the environment named one before the first call. NULL where that is
 * none or one fails its test: brot_render() says why. Static. */
BROT_API const char *brot_kernel(void);

#ifdef __cplusplus
}
#endif

#endif
