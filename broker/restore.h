/*
 * restore.h - decides what becomes of the jobs that the store has of an earlier life of this
 * broker.
 *
 * Part of the shell: one thread owns the server.
 */
#ifndef BROKER_RESTORE_H
#define BROKER_RESTORE_H

#include "broker/server_internal.h"

/* Takes up the live jobs of the store, and what is left of their images or checkpoints; a job that
 * this version can no longer plan ends as failed. Before anybody can connect. Without a store there
 * are none. Fails where the store cannot be read, or where the system lacks what it takes to see
 * whether an image is still good. */
enum brot_err restore_all(struct server *server, uint32_t *ret_restored, struct brot_error *err);

/* Plans the request of a stored job as it was planned before. */
enum brot_err restore_plan(const struct server *server, const struct store_job *row,
			   struct catalog_job *ret_job, struct brot_error *err);

/* Adds a planned job to the catalogue and the scheduler; bits as in struct sched_restore. Fails,
 * with nothing changed, where the scheduler does not take it. */
enum brot_err restore_step(struct server *server, const struct catalog_job *job,
			   const struct store_job *row, const uint8_t *const bits[LIMIT_OPEN_BANDS],
			   struct brot_error *err);

#endif
