/*
 * listing.h - lists, as JSON or as a table: the one shape of all subcommands that list something.
 *
 * One thread runs all of it.
 */
#ifndef CLIENT_LISTING_H
#define CLIENT_LISTING_H

#include "client/cli.h"
#include "client/table.h"

struct listing {
	const char *key; /* of the list in its object, {"jobs": [...]} */
	const struct table_column *columns;
	size_t count;
	const char *nothing; /* what is said of an empty list */
	/* Adds to an object of the list what its columns show and JSON has not; or NULL. */
	void (*derive)(json_t *object);
};

/* Prints that object, which a broker may have sent: see table.h. For a table it adds to the objects
 * in its list. */
enum brot_err listing_print(const struct listing *listing, const json_t *json, bool is_json,
			    struct brot_error *err);

/* A whole subcommand that asks a broker for `type` and lists the answer. */
enum brot_err listing_ask(const struct cli *cli, const struct listing *listing,
			  enum message_type type, struct brot_error *err);

/* A whole subcommand that lists what the client knows by itself. Takes `list`. */
enum brot_err listing_tell(const struct cli *cli, const struct listing *listing, json_t *list,
			   struct brot_error *err);

#endif
