/* cmd_selftest.h - brot-worker --selftest: the long form of the self-test, as a table. */
#ifndef WORKER_CMD_SELFTEST_H
#define WORKER_CMD_SELFTEST_H

#include <stdbool.h>

#include "proto/error.h"
#include "worker/choice.h"

/* Prints a row for each kernel offered, precision and step, to standard output, and which kernel a
 * worker would use; with is_json the same as one JSON object. Takes a second or two. Returns the
 * failure of the first kernel that is wrong, having printed all. */
enum brot_err cmd_selftest(struct choice *choice, bool is_json, struct brot_error *err);

#endif
