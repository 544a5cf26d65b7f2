/*
 * limits.h - every maximum that a peer, a file or a user could otherwise make us exceed.
 *
 * A limit is checked before memory is reserved for what it limits. Those a person may meet are
 * repeated in PROTOCOL.md; tests/lint compares the two.
 */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

/* Requests */
#define LIMIT_REQUEST_BYTES    (64 * 1024) /* a request document; four deep coordinates fit */
#define LIMIT_DECIMAL_CHARS    4096        /* one coordinate as text */
#define LIMIT_DECIMAL_EXPONENT 10000       /* |power of ten| in a coordinate */
#define LIMIT_COORDINATE       1024        /* |re|, |im|, width and height of a view */
#define LIMIT_SIZE_PX          (1 << 20)   /* a side of an image; 4.4 m at 600 dpi */
#define LIMIT_ITERATIONS       1000000000  /* leaves u32 room for the marks 0 and 2^32 - 1 */
#define LIMIT_SAMPLES          16          /* per axis: 256 a pixel */
#define LIMIT_STOPS            256         /* of a palette that a request brings along */
#define LIMIT_ADAPTIVE         32          /* the largest error of --adaptive, steps of 255 */

/* The wire */
#define LIMIT_FRAMES             3                 /* frames a message: header, body, data */
#define LIMIT_HEADER_BYTES       128               /* frame 0 */
#define LIMIT_CLIENT_FRAME_BYTES (96 * 1024)       /* a request and its envelope */
#define LIMIT_BODY_BYTES         (4 * 1024 * 1024) /* JSON or text from a broker */
#define LIMIT_DATA_BYTES         (4 * 1024 * 1024) /* pixels in one message */
#define LIMIT_WORKER_FRAME_BYTES (LIMIT_DATA_BYTES + 64 * 1024) /* zstd may grow what it packs */
#define LIMIT_TEXT_BYTES         240                            /* a reason in FAIL or MAPPED */

/* Peers of one broker */
/* Connections remembered on each side, of whom has a role there. One of the principal that has most
 * makes room: the one that was silent longest. */
#define LIMIT_PEERS 8192
/* Open at once, those included who have yet to show who they are. */
#define LIMIT_CONNECTIONS (4 * LIMIT_PEERS)
#define LIMIT_DENIALS     1000 /* a second that peers without a role are told, all together */
#define LIMIT_WORKERS     2048
#define LIMIT_CREDIT      256 /* tiles one worker may hold */
#define LIMIT_NAME_CHARS  63  /* a worker's name, a kernel's name */
#define LIMIT_KERNELS     8   /* kernels one worker may list */
/* Iterations a second that a worker may claim of a kernel. */
#define LIMIT_SPEED 1000000000000000

/* Jobs of one broker */
#define LIMIT_JOBS            256 /* accepted and not yet forgotten */
#define LIMIT_JOBS_PER_CLIENT 64  /* of these, of one client's name, or one owner but an admin */
#define LIMIT_WATCHERS        8   /* connections that watch one job */
#define LIMIT_TILE_ATTEMPTS   3   /* failures of one tile before its job fails */
#define LIMIT_TILE_LEASES     8   /* of one tile that kill or hang its worker: its job fails */
#define LIMIT_WORKER_STRIKES  3   /* failures of one worker on a job before it is kept off */
#define LIMIT_COPIES          2   /* workers that render one tile at a time */
#define LIMIT_PRIORITY        100 /* |priority| of a job */
#define LIMIT_OPEN_BANDS      2   /* bands of one job that have an image at a time */
/* A picture, not numbers, of a job that is not kept; a larger one comes in bands. Its client reads
 * it once, and the broker stands still while the system reserves it. */
#define LIMIT_WHOLE_BYTES  (1ull << 30)
#define LIMIT_OPEN_FETCHES 8             /* ROWS on their way to one client */
#define LIMIT_HISTORY      100           /* ended jobs in one REPORT */
#define LIMIT_ENDED_JOBS   100000        /* that the history remembers */
#define LIMIT_FETCH_BYTES  (1024 * 1024) /* pixels that one FETCH may ask for */

/* Messages a second over one connection; as many may come at once. FETCH at memory speed takes half
 * of what a client has, the smallest tiles a tenth of what a worker has. */
#define LIMIT_CLIENT_RATE 4000
#define LIMIT_WORKER_RATE 100000
#define LIMIT_LIST_RATE   250 /* JOBS, WORKERS and HISTORY, if nothing else is asked */

/* Queues of libzmq, messages a peer */
#define LIMIT_CLIENT_QUEUE 32  /* from one */
#define LIMIT_CLIENT_SENDS 160 /* to one: a WATCH of all its jobs, twice */
/* REPORTs over that size among LIMIT_CLIENT_SENDS messages to one client. */
#define LIMIT_LARGE_REPORTS      16
#define LIMIT_SMALL_REPORT_BYTES (64 * 1024)
#define LIMIT_WORKER_QUEUE       32  /* from one; each may have LIMIT_WORKER_FRAME_BYTES */
#define LIMIT_WORKER_SENDS       600 /* to one: a TILE a credit, and what goes with them */

#define LIMIT_PIXEL_WORK \
	(1ull << 32) /* samples^2 x iterations: a thread cannot be stopped within */

/* Tiles: segments are cut so that each stays under both. */
#define LIMIT_SEGMENT_BYTES LIMIT_FETCH_BYTES
#define LIMIT_SEGMENT_WORK  (1ull << 32) /* pixels x samples^2 x iterations, about 4 s at 1 G/s */
#define LIMIT_SEGMENTS      (1 << 26)    /* a job; 8 MiB of bits */

/* Samples of a Buddhabrot, which are cut into segments too */
#define LIMIT_SAMPLE_SEGMENTS      (1 << 22) /* a job */
#define LIMIT_SEGMENT_POINTS       65536     /* unless there are more than fit so many segments */
#define LIMIT_LARGE_SEGMENT_POINTS (1 << 20) /* then */
#define LIMIT_LARGE_SEGMENT_WORK   (1ull << 36) /* points x iterations, then */
#define LIMIT_GRIDS                16           /* of counts, of one job, at a time */
#define LIMIT_WORKER_GRIDS         2 /* of these, of one worker: one is counted into, one closed */
#define LIMIT_COLLECT_LEASES       4 /* of rows of one grid at a time, over one worker's link */
#define LIMIT_COUNTS_MS            20000 /* that a worker which leaves waits for its rows to be taken */
#define LIMIT_POINTS               (1ull << 62) /* first + points of a Buddhabrot is below it */
#define LIMIT_PREVIEW_BYTES        (8 << 20)    /* of counts, whole rows, that one FETCH looks at */
#define LIMIT_PREVIEW_RATE         (256 << 20)  /* likewise bytes a second, over one connection */

/* A Unix socket's path, with its NUL, as Linux has it */
#define LIMIT_IPC_PATH_BYTES 108
#define LIMIT_URL_CHARS      255
#define LIMIT_ENDPOINTS      8 /* URLs that one socket of a broker is bound to */

#define LIMIT_SETTINGS_BYTES (64 * 1024) /* a settings file */

/* Keys */
#define LIMIT_CERT_BYTES (16 * 1024) /* a certificate's file */
#define LIMIT_KEYS       4096        /* certificates of each role that a broker knows */

#endif
