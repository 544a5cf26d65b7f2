/*
 * report_reading.h - reads back the JSON that peers are told; its keys must be those of
 * PROTOCOL.md, section 4, no more and no fewer.
 */
#ifndef TESTS_UNIT_REPORT_READING_H
#define TESTS_UNIT_REPORT_READING_H

#include <jansson.h>
#include <stdint.h>

#include "broker/report.h"

#define KEY "00112233445566778899aabbccddeeff"

/* The bytes of KEY. */
extern const uint8_t key_bytes[SCHED_KEY_BYTES];

/* Room for any image of the tests. */
extern const struct plan_budget roomy_budget;

/* Reads text back, strictly, and frees it. The caller owns the object. */
json_t *read_back(char *text);

/* The keys of an object, all of them: "a, b, c", as PROTOCOL.md lists them. */
void assert_keys(json_t *object, const char *keys);

/* The value of a key: a number, a text, a list of two numbers. */
void assert_number(json_t *object, const char *key, json_int_t want);
void assert_text(json_t *object, const char *key, const char *want);
void assert_pair(json_t *object, const char *key, json_int_t first, json_int_t second);

#endif
