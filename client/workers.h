/* workers.h - how a broker's workers are listed. */
#ifndef CLIENT_WORKERS_H
#define CLIENT_WORKERS_H

#include "client/listing.h"

/* Of a WORKERS report. */
extern const struct listing workers_listing;

#endif
