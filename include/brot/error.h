/*
 * error.h - what can go wrong, and whose move it is.
 *
 * Every failure is a code and one sentence. The code says who can mend it, the sentence
 * names the thing, the rule and the value. Codes travel over the wire by name (see
 * brot_err_name) and never change their meaning.
 *
 * Thread rule: everything here may be called from any thread.
 */
#ifndef BROT_ERROR_H
#define BROT_ERROR_H

#include <brot/api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum brot_err {
	BROT_OK = 0,
	BROT_E_USAGE,       /* the command line, or the call, is wrong */
	BROT_E_REQUEST,     /* the request, or a file that holds one, is wrong */
	BROT_E_NO_INPUT,    /* a named input file cannot be read */
	BROT_E_NOT_FOUND,   /* no such job, worker or preset */
	BROT_E_UNAVAILABLE, /* no broker answers there */
	BROT_E_BUSY,        /* a limit of the service is reached: try later */
	BROT_E_NO_SPACE,    /* shared memory or a disk is full */
	BROT_E_OUTPUT,      /* an output file cannot be made */
	BROT_E_SYSTEM,      /* the operating system refused something else */
	BROT_E_PROTOCOL,    /* a peer speaks another version, or nonsense */
	BROT_E_DENIED,      /* this peer may not do that */
	BROT_E_FAILED,      /* the workers could not render the job */
	BROT_E_CANCELLED,   /* somebody asked for the end */
	BROT_E_INTERNAL,    /* our own mistake */
	BROT_E_CONFIG,      /* a file of settings or of a key is wrong */
	BROT_ERR_COUNT
};

#define BROT_ERROR_TEXT_BYTES 256

/* A failure as it is told to a person. text is one sentence, NUL-terminated, without a
 * newline and without a full stop; empty while code is BROT_OK. */
struct brot_error {
	enum brot_err code;
	char text[BROT_ERROR_TEXT_BYTES];
};

/* The stable wire name of a code ("no_space"); "internal" for a code out of range. */
BROT_API const char *brot_err_name(enum brot_err code);

#ifdef __cplusplus
}
#endif

#endif
