/*
 * test_palette.c - the rules that palette.h states for every row, and the colours that others have
 * published.
 * BROT_PALETTES names the file with those: tests/cases/palettes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/palette.h"

static void test_rows_keep_the_rules(void **state)
{
	(void)state;
	size_t count = 0;
	for (const struct palette *p; (p = palette_at(count)) != NULL; count++) {
		assert_ptr_equal(palette_by_name(p->name), p);
		assert_in_range(strlen(p->name), 1, LIMIT_NAME_CHARS);
		assert_int_equal(strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(p->name));
		assert_true(strlen(p->title) > 0);
		assert_true(p->stop_count >= 2);
		assert_true(p->stops[0].position == 0.0);
		for (uint32_t i = 1; i < p->stop_count; i++)
			assert_true(p->stops[i].position > p->stops[i - 1].position);
		double last = p->stops[p->stop_count - 1].position;
		assert_true(p->cyclic ? last < 1.0 : last == 1.0);
	}
	assert_true(count >= 36);
	assert_null(palette_at(count));
	assert_null(palette_at(SIZE_MAX));
}

#define LINE_BYTES 1024
#define ENTRY      (1.0 / 4096) /* of the table that a palette becomes: nobody sees less */

static void is_stop(const struct palette *p, uint32_t i, double position, unsigned rgb)
{
	if (i >= p->stop_count)
		fail_msg("%s has no stop %u", p->name, i);
	const struct palette_stop *stop = &p->stops[i];
	const unsigned ours = (unsigned)stop->rgb[0] << 16 | (unsigned)stop->rgb[1] << 8 |
			      stop->rgb[2];
	if (ours != rgb || fabs(stop->position - position) > ENTRY)
		fail_msg("%s: stop %u is %06x at %g, published is %06x at %g", p->name, i, ours,
			 stop->position, rgb, position);
}

/* Straight between the stops: within 0.8 of the published table, whose colour here is rounded. */
static void is_between(const struct palette *p, double position, unsigned rgb)
{
	const struct palette_stop *stops = p->stops;
	uint32_t i = 0;
	while (i + 1 < p->stop_count && stops[i + 1].position <= position)
		i++;
	const struct palette_stop *next = &stops[(i + 1) % p->stop_count];
	const double end = i + 1 < p->stop_count ? next->position : 1.0;
	const double part = end > stops[i].position
				    ? (position - stops[i].position) / (end - stops[i].position)
				    : 0.0;
	for (int c = 0; c < 3; c++) {
		const double ours = stops[i].rgb[c] + part * (next->rgb[c] - stops[i].rgb[c]);
		const unsigned published = rgb >> (16 - 8 * c) & 255;
		if (fabs(ours - published) > 1.3)
			fail_msg("%s: %g of channel %d at %g, published is %u", p->name, ours, c,
				 position, published);
	}
}

static void check_published(char *line)
{
	char *rest;
	const char *name = strtok_r(line, " \n", &rest), *form = strtok_r(NULL, " \n", &rest);
	const struct palette *p = palette_by_name(name);
	uint32_t count = 0, parts = 0;
	if (p == NULL)
		fail_msg("there is no palette %s", name);
	if (strcmp(form, "every") == 0)
		parts = (uint32_t)strtoul(strtok_r(NULL, " \n", &rest), NULL, 10);
	for (char *word; (word = strtok_r(NULL, " \n", &rest)) != NULL; count++) {
		char *at = word;
		const double position = parts > 0 ? (double)count / parts : strtod(word, &at);
		at += *at == ':';
		const unsigned rgb = (unsigned)strtoul(at, NULL, 16);
		if (parts > 0)
			is_between(p, position, rgb);
		else
			is_stop(p, count, position, rgb);
	}
	assert_true(p->linear);
	assert_true(count >= 2);
	assert_true(parts > 0 || count == p->stop_count);
}

static void test_colours_are_those_that_were_published(void **state)
{
	(void)state;
	const char *published = getenv("BROT_PALETTES");
	FILE *file = published == NULL ? NULL : fopen(published, "r");
	char line[LINE_BYTES];
	unsigned count = 0;
	if (file == NULL)
		fail_msg("BROT_PALETTES must name a file that can be read");
	while (fgets(line, sizeof line, file) != NULL) {
		if (line[0] == '#')
			continue;
		assert_non_null(strchr(line, '\n'));
		check_published(line);
		count++;
	}
	(void)fclose(file);
	assert_true(count >= 18);
}

static void test_default_exists(void **state)
{
	(void)state;
	assert_non_null(palette_by_name(PALETTE_DEFAULT));
}

static void test_unknown_names(void **state)
{
	(void)state;
	assert_null(palette_by_name("Hot"));
	assert_null(palette_by_name(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_keep_the_rules),
		cmocka_unit_test(test_colours_are_those_that_were_published),
		cmocka_unit_test(test_default_exists),
		cmocka_unit_test(test_unknown_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
