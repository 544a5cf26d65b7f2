/* workers.h - prints what a broker says of its workers, for people. */
#ifndef CLIENT_WORKERS_H
#define CLIENT_WORKERS_H

#include <jansson.h>

#include "proto/error.h"

/* The list of a WORKERS report, which may be anything; see table.h. Adds to its objects. */
enum brot_err workers_print(const json_t *report, struct brot_error *err);

#endif
