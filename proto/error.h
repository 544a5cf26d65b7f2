/*
 * error.h - converts failures between code, wire name, exit status and sentence.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

#include <brot/error.h>
#include <stdbool.h>

/* Fills *err with code and a printf-formatted sentence, cut at BROT_ERROR_TEXT_BYTES - 1, control
 * characters replaced by '?': a sentence may quote what a peer sent. err may be NULL.
 * Returns code, so that a function can end with `return error_set(...)`. */
enum brot_err error_set(struct brot_error *err, enum brot_err code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The code with that wire name; BROT_E_INTERNAL where no code has it. */
enum brot_err error_code_of_name(const char *name);

/* The exit status a program ends with (sysexits.h; 130 for BROT_E_CANCELLED). */
int error_exit_status(enum brot_err code);

#endif
