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

#endif
