/*
 * brot.h - all of libbrot.
 *
 * pkg-config --cflags --libs brot, or find_package(brot) and brot::brot. Each header says its
 * thread rule; api.h says what holds for all.
 */
#ifndef BROT_BROT_H
#define BROT_BROT_H

#include <brot/api.h>
#include <brot/colour.h>
#include <brot/error.h>
#include <brot/file.h>
#include <brot/local.h>
#include <brot/request.h>
#include <brot/service.h>
#include <brot/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which libbrot this program runs with, as BROT_VERSION says which it was built with. Static. */
BROT_API const char *brot_version(void);

#ifdef __cplusplus
}
#endif

#endif
