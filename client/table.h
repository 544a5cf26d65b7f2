/*
 * table.h - prints a list of a broker's as a table for people.
 *
 * The list is the broker's and may hold anything: a wrong type is BROT_E_PROTOCOL with one
 * sentence, and nothing is printed; text cannot steer the terminal. A table that is wider than
 * TABLE_COLUMNS is made narrower where a column may be cut, the widest first.
 */
#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "proto/error.h"

#define TABLE_COLUMNS 100

enum table_kind {
	TABLE_TEXT,    /* a string */
	TABLE_NUMBER,  /* an integer from 0 on */
	TABLE_SIGNED,  /* any integer */
	TABLE_SECONDS, /* an integer of ms, shown as seconds, from an hour on as h:mm:ss */
	TABLE_TIME,    /* an integer of ms since 1970, shown as local time; 0 as "-" */
	TABLE_FLAG,    /* true is shown as "yes" */
	TABLE_SIZE,    /* [width, height] */
	TABLE_SHARE,   /* an integer, shown as percentage of the integer under `whole` */
	TABLE_RATE,    /* an integer of iterations a second, shown as "2.80 G/s"; 0 as "-" */
};

struct table_column {
	const char *title;
	const char *key; /* in each object of the list */
	enum table_kind kind;
	const char *whole; /* for TABLE_SHARE */
	size_t least;      /* columns that it may be cut down to; 0: it is never cut */
};

/* `nothing` is printed where the list is empty. */
enum brot_err table_print(FILE *file, const json_t *list, const struct table_column *columns,
			  size_t count, const char *nothing, struct brot_error *err);

/* One object, a line for each column. */
enum brot_err table_print_object(FILE *file, const json_t *object,
				 const struct table_column *columns, size_t count,
				 struct brot_error *err);

#endif
