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

#endif
