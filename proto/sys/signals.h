/* signals.h - turns signals into a readable descriptor. */
#ifndef PROTO_SYS_SIGNALS_H
#define PROTO_SYS_SIGNALS_H

/* Blocks SIGINT, SIGTERM, SIGHUP and SIGCHLD in this thread and those it makes from now on, ignores
 * SIGPIPE and SIGXFSZ (a write then fails with an errno instead), and returns a non-blocking
 * descriptor to poll; -1 with errno. Call it in main before any thread is made. */
int signals_open(void);

/* Keeps a SIGHUP that comes early until signals_open(), for programs that read their settings again
 * at it. */
void signals_keep_hangup(void);

/* The next signal that came, or 0. */
int signals_next(int fd);

#endif
