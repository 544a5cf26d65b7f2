/*
 * save.h - from a delivery that can be read to a file that is there.
 *
 * One thread owns all of the arguments.
 */
#ifndef CLIENT_SAVE_H
#define CLIENT_SAVE_H

#include "client/announce.h"
#include "client/delivery.h"
#include "client/filetype.h"
#include "client/outfile.h"
#include "proto/error.h"

/* Starts to announce on the standard streams; what is rendered follows by announce_request(). */
void save_announce(struct announce *announce, bool is_quiet, bool is_json);

/* After delivery_wait(): writes the file, gives it its name, and only then ends the delivery well
 * (see delivery_finish()) and announces the file. On failure neither is done. */
enum brot_err save_picture(struct delivery *delivery, const struct filetype *filetype,
			   struct outfile *outfile, bool is_released, struct announce *announce,
			   struct brot_error *err);

#endif
