/* secret.c - see secret.h. */
#define _DEFAULT_SOURCE /* explicit_bzero() */
#include "proto/secret.h"

#include <string.h>

void secret_forget(void *data, size_t bytes)
{
	if (data != NULL)
		explicit_bzero(data, bytes);
}
