/*
 * job.h - a job as a worker holds it: the compiled request and the mapped image, or grid of counts.
 *
 * Thread rule: one thread opens and closes jobs; compute threads read them while tiles are out.
 */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/image.h"
#include "proto/message.h"
#include "proto/sys/shm.h"
#include "worker/counts.h"
#include "worker/render.h"
#include "worker/session.h"

/* What its tiles are. */
enum job_kind {
	JOB_RENDER,
	JOB_MIRROR,  /* of the upper rows, which stand for the lower ones too */
	JOB_SUM,     /* there are none: its grids are jobs of their own */
	JOB_GRID,    /* samples, counted into a mapped grid */
	JOB_COLLECT, /* samples, and rows of the grid of our own that they are counted into */
};

struct job {
	uint64_t handle, id;
	enum job_kind kind;
	bool is_closed;  /* no more tiles; freed with the last that is out */
	uint32_t tiles;  /* in the pool */
	uint32_t top_px; /* the row of the picture that is the image's first */
	struct render_job render;
	struct image_layout layout; /* of the image: its height is that of the rows it holds */
	struct shm shm;             /* SHM_NONE: pixels are sent */
	struct samples *samples;    /* of the last three kinds, */
	struct counts *counts;      /* and of the last two */
	struct job *next;
};

/* Opens the job of a JOB message: parses and compiles its request and, if use_shm, maps its image.
 * *ret_opened gets the answer, handle included, whatever happens. NULL where the job cannot be
 * rendered, and why is then in ret_opened->error. Release with job_free(). fault_init() comes
 * first: whoever made the image may take it away at any time.
 * others: the jobs that are open, one of which may have compiled the same samples. memory_bytes:
 * the most that grids of our own, theirs included, may take; 0: no such bound. */
struct job_setup {
	uint64_t handle;
	const struct kernel *kernel;
	bool use_shm;
	const struct job *others;
	uint64_t memory_bytes;
};
struct job *job_open(const struct message *m, const struct job_setup *setup,
		     struct session_opened *ret_opened);

/* job_counts.c: the samples of a request, from other jobs if they have them; and the parts of a
 * JOB_GRID or JOB_COLLECT. */
enum brot_err job_samples_open(struct job *job, const struct request *request,
			       const struct job_setup *setup, struct brot_error *err);
enum brot_err job_counts_open(struct job *job, const struct request *request, const json_t *root,
			      const struct job_setup *setup, struct session_opened *opened);

/* Unmaps the image. Accepts NULL. */
void job_free(struct job *job);

#endif
