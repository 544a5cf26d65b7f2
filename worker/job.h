/*
 * job.h - a job as a worker holds it: the compiled request and the mapped image.
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
#include "worker/render.h"
#include "worker/session.h"

struct job {
	uint64_t handle;
	bool is_closed;   /* no more tiles; freed with the last that is out */
	uint32_t tiles;   /* in the pool */
	bool is_mirrored; /* tiles are of the upper rows and stand for the lower ones too */
	uint32_t top_px;  /* the row of the picture that is the image's first */
	struct render_job render;
	struct image_layout layout; /* of the image: its height is that of the rows it holds */
	struct shm shm;             /* SHM_NONE: pixels are sent */
	struct job *next;
};

/* Opens the job of a JOB message: parses and compiles its request and, if use_shm, maps its image.
 * *ret_opened gets the answer, handle included, whatever happens. NULL where the job cannot be
 * rendered, and why is then in ret_opened->error. Release with job_free(). fault_init() comes
 * first: whoever made the image may take it away at any time. */
struct job *job_open(const struct message *m, uint64_t handle, const struct kernel *kernel,
		     bool use_shm, struct session_opened *ret_opened);

/* Unmaps the image. Accepts NULL. */
void job_free(struct job *job);

#endif
