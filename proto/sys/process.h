/*
 * process.h - starts the programs of brot and ties their lives to their parent's.
 */
#ifndef PROTO_SYS_PROCESS_H
#define PROTO_SYS_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "proto/error.h"

/* Opens /dev/null as each of descriptors 0, 1 and 2 that is closed, lest a file or socket gets
 * that number and takes in what is printed. Call first in main. */
void process_open_standard_streams(void);

/* What ps, top and ss shall call this process, whatever file it was started through; 15 characters.
 * Threads that are made later inherit it: call early in main. */
void process_set_name(const char *name);

/* Finds a program of brot: beside the running one, then in the install's bin folder, then on
 * PATH. ret_path is untouched on failure (BROT_E_SYSTEM, a sentence that names the program). */
enum brot_err process_find(const char *program, char ret_path[PATH_MAX], struct brot_error *err);

/* Starts a program with that argv (argv[0] included, NULL-terminated), its signals unblocked,
 * standard input /dev/null, standard output and error as ours, descriptor `keep_fd` (or -1)
 * inherited as number 3 and no other. The caller reaps it. A child that calls process_tie() is
 * signalled when the *thread* that called this ends, so call it from one that lives as long as the
 * child should. ret_pid is untouched on failure (BROT_E_SYSTEM). */
enum brot_err process_start(const char *path, char *const argv[], int keep_fd, pid_t *ret_pid,
			    struct brot_error *err);

/* The same in a process group of its own, so that a terminal's Ctrl-C is the parent's alone, and
 * with words_fd as standard output and error. */
enum brot_err process_start_apart(const char *path, char *const argv[], int keep_fd, int words_fd,
				  pid_t *ret_pid, struct brot_error *err);

/* In a child: asks the kernel for `signal_number` when the parent ends, however it ends, and checks
 * that it has not ended already. `parent` is the parent's id as the parent told it (on the command
 * line). Returns false where the parent is gone: the caller must end at once. */
bool process_tie(pid_t parent, int signal_number);

/* Leaves no core file from now on, and nobody but root may look into our memory: for who holds a
 * secret. What we start has its own. */
void process_hide_memory(void);

/* Has process_hide_memory() do nothing from now on: for a library, whose process is another's. */
void process_be_guest(void);

#endif
