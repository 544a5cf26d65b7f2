/* error.c - the one table of failure codes. */
#include "proto/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "proto/quote.h"

static const struct {
	const char *name;
	int exit_status;
} error_table[BROT_ERR_COUNT] = {
	[BROT_OK] = {"ok", EX_OK},
	[BROT_E_USAGE] = {"usage", EX_USAGE},
	[BROT_E_REQUEST] = {"request", EX_DATAERR},
	[BROT_E_NO_INPUT] = {"no_input", EX_NOINPUT},
	[BROT_E_NOT_FOUND] = {"not_found", EX_NOINPUT},
	[BROT_E_UNAVAILABLE] = {"unavailable", EX_UNAVAILABLE},
	[BROT_E_BUSY] = {"busy", EX_TEMPFAIL},
	[BROT_E_NO_SPACE] = {"no_space", EX_OSERR},
	[BROT_E_OUTPUT] = {"output", EX_CANTCREAT},
	[BROT_E_SYSTEM] = {"system", EX_OSERR},
	[BROT_E_PROTOCOL] = {"protocol", EX_PROTOCOL},
	[BROT_E_DENIED] = {"denied", EX_NOPERM},
	[BROT_E_FAILED] = {"failed", EX_SOFTWARE},
	[BROT_E_CANCELLED] = {"cancelled", 130},
	[BROT_E_INTERNAL] = {"internal", EX_SOFTWARE},
	[BROT_E_CONFIG] = {"config", EX_CONFIG},
};

const char *brot_err_name(enum brot_err code)
{
	return (unsigned)code < BROT_ERR_COUNT ? error_table[code].name : "internal";
}

enum brot_err error_code_of_name(const char *name)
{
	for (unsigned i = 0; i < BROT_ERR_COUNT; i++)
		if (strcmp(error_table[i].name, name) == 0)
			return (enum brot_err)i;
	return BROT_E_INTERNAL;
}

int error_exit_status(enum brot_err code)
{
	return (unsigned)code < BROT_ERR_COUNT ? error_table[code].exit_status : EX_SOFTWARE;
}

enum brot_err error_set(struct brot_error *err, enum brot_err code, const char *format, ...)
{
	if (err == NULL)
		return code;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	quote_controls(err->text);
	err->code = code;
	return code;
}
