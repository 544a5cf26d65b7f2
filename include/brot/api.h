/*
 * api.h - what the headers of libbrot have in common.
 *
 * Errors are values: a function that can fail returns a code and, where `err` is not NULL, leaves
 * one sentence in *err. On failure, unless it says otherwise, what a function would have set
 * through a pointer that begins with `ret_` is untouched; on success *err is. The library prints
 * nothing, installs no signal handler and changes no signal mask but those of its own threads,
 * which block all signals; it does not end the program, but in the two cases below. What is not
 * NULL when it must be, points to what the header says it does, and is not used after it was freed,
 * is up to the caller.
 *
 * What a thread has set for itself stays its own: its rounding, traps and flushing of
 * floating-point numbers, its locale and its exception flags neither reach what the library
 * computes and writes nor change by it. While a function of the caller's is called they are as the
 * caller left them.
 *
 * Memory that is short is BROT_E_SYSTEM. Two libraries that this one uses know better. jansson
 * (2.14) ends the program, by an assertion, where it has no memory for a number of a document that
 * is longer than 15 characters; strings, as which coordinates may be given, are no such numbers.
 * libzmq, which service.h needs, may end it where memory is short, and where others, or other
 * services of this library, take the descriptors or threads that brot_connect() has found to be
 * free before it could.
 *
 * Options come in structs. Begin with {0}, or with memset(): what is 0 or NULL means that nothing
 * was said. Each ends in room for what a later version adds, `reserved`, which must be 0:
 * BROT_E_USAGE where it is not, as what this version does not know cannot be done. What the library
 * sets has such room too, and it is 0 there. So a program that was built with an older version of
 * the same soname goes on; any other change of a struct or of a signature raises the soname, and
 * with it the major version.
 */
#ifndef BROT_API_H
#define BROT_API_H

#define BROT_API __attribute__((visibility("default")))

#define BROT_RESERVED 8 /* elements of each struct's room */

#endif
