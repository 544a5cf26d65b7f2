/*
 * secret.h - overwrites secrets, which must not stay in memory that is given back.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_SECRET_H
#define PROTO_SECRET_H

#include <stddef.h>

/* Zeroes that no optimiser takes away. Accepts NULL. */
void secret_forget(void *data, size_t bytes);

#endif
