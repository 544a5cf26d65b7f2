/*
 * print.h - prints JSON and strangers' text.
 *
 * A write that fails leaves its mark in the stream, where cli_run() looks for it.
 *
 * Thread rule: that of the stream.
 */
#ifndef CLIENT_PRINT_H
#define CLIENT_PRINT_H

#include <jansson.h>
#include <stdio.h>

/* One JSON document as one line, ASCII only, at once. */
void print_json(FILE *file, const json_t *json);

/* The same for an event, to which it adds "event" and which it releases. */
void print_event(FILE *file, const char *event, json_t *members);

/* Text that a peer sent: what could steer a terminal becomes '?'. */
void print_text(FILE *file, const char *text);

/* The same in place, for text that is printed later. */
void print_clean(char *text);

/* Three digits and a prefix: "4.56 G". Returns buffer. */
#define PRINT_SCALED_BYTES 32
const char *print_scaled(double value, char buffer[PRINT_SCALED_BYTES]);

/* The columns that UTF-8 text takes, one a character. */
size_t print_columns(const char *text);

/* The bytes of its first `columns` characters; all where it has no more. */
size_t print_bytes(const char *text, size_t columns);

#endif
