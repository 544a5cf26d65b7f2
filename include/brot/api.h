/*
 * api.h - what the headers of libbrot have in common.
 *
 * Errors are values: a function that can fail returns a code and, where `err` is not NULL, leaves
 * one sentence in *err. On failure, unless it says otherwise, what a function would have set
 * through a pointer that begins with `ret_` is untouched; on success *err is. The library prints
 * nothing, installs no signal handler and changes no signal mask but those of its own threads,
 * which block all signals; it does not end the program. What is not NULL when it must be, points to
 * what the header says it does, and is not used after it was freed, is up to the caller.
 *
 * Where memory is short, libzmq, which service.h needs, may end the program all the same; so it may
 * where brot_connect() has found descriptors and threads enough, and others have taken them before
 * it could.
 *
 * A change of a struct or of a signature here raises the soname, and with it the major version.
 *
 * Options come in structs. Begin with {0}, or with memset(): what is 0 or NULL means that nothing
 * was said.
 */
#ifndef BROT_API_H
#define BROT_API_H

#define BROT_API __attribute__((visibility("default")))

#endif
