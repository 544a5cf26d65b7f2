/*
 * test_variants.c - every variant against the reference, byte for byte.
 *
 * usage: test_variants [--kernel NAME] [--percent P] [--suite NAME]
 *        test_variants [--kernel NAME] --case ...
 * --kernel checks one variant, and fails if this CPU cannot run it; --percent is the number of
 * random cases against the usual one; --case repeats the one case that a report names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernel/cases.h"
#include "tests/kernel/check.h"
#include "tests/kernel/check_derive.h"

/* What a build for this architecture must have, the widest first. */
#if defined(__x86_64__)
static const char *const must_have[] = {"avx512", "avx2", "scalar"};
#elif defined(__aarch64__)
static const char *const must_have[] = {"neon", "scalar"};
#else
static const char *const must_have[] = {"scalar"};
#endif
#define MUST_HAVE (sizeof must_have / sizeof must_have[0])

static const struct {
	const char *name;
	suite_fn *run;
} suites[] = {
	{"known", suite_known},       {"shapes", suite_shapes},
	{"outputs", suite_outputs},   {"refill", suite_refill},
	{"boundary", suite_boundary}, {"edge", suite_edge},
	{"extremes", suite_extremes}, {"axis", suite_axis},
	{"julia", suite_julia},       {"tangencies", suite_tangencies},
	{"bulbs", suite_bulbs},       {"drifts", suite_drifts},
	{"periods", suite_periods},   {"symmetry", suite_symmetry},
	{"late", suite_late},         {"poll", suite_poll},
};
#define SUITES (sizeof suites / sizeof suites[0])

static void check_table(void)
{
	for (size_t i = 0; i < MUST_HAVE; i++) {
		const struct kernel *kernel = kernel_at(i);
		if (kernel == NULL || strcmp(kernel->name, must_have[i]) != 0) {
			check_fail("the table of kernels has %s where %s must be",
				   kernel == NULL ? "nothing" : kernel->name, must_have[i]);
			exit(EXIT_FAILURE);
		}
		for (int p = 0; p < PRECISION_COUNT; p++)
			for (int s = 0; s < STEP_COUNT; s++)
				if (kernel->escape[p][s] == NULL)
					check_fail("%s has no %s for %s", kernel->name,
						   check_step_name((enum escape_step)s),
						   check_precision_name((enum precision)p));
		for (int s = 0; s < STEP_COUNT; s++)
			if (kernel->derive[s] == NULL)
				check_fail("%s derives nothing for %s", kernel->name,
					   check_step_name((enum escape_step)s));
	}
	if (kernel_at(MUST_HAVE) != NULL)
		check_fail("the table of kernels has %s, which this test does not know",
			   kernel_at(MUST_HAVE)->name);
}

static void check_names(void)
{
	const struct kernel *kernel = NULL;
	struct brot_error err = {0};
	if (kernel_by_name("sse9", &kernel, &err) != BROT_E_USAGE || kernel != NULL ||
	    strstr(err.text, "sse9") == NULL)
		check_fail("\"sse9\" is not refused by name");
	for (size_t i = 0; kernel_at(i) != NULL; i++) {
		struct brot_error lacking = {0};
		const bool is_supported = kernel_at(i)->supported();
		kernel = NULL;
		if (strstr(err.text, kernel_at(i)->name) == NULL)
			check_fail("the refusal of \"sse9\" does not name %s", kernel_at(i)->name);
		const enum brot_err code = kernel_by_name(kernel_at(i)->name, &kernel, &lacking);
		if (code != (is_supported ? BROT_OK : BROT_E_USAGE) ||
		    kernel != (is_supported ? kernel_at(i) : NULL) ||
		    (!is_supported && strstr(lacking.text, kernel_at(i)->needs) == NULL))
			check_fail("%s is not found by its name, or not refused by what it needs",
				   kernel_at(i)->name);
	}
}

static unsigned run_suites(const char *only, unsigned percent)
{
	unsigned run = 0;
	for (size_t i = 0; i < SUITES; i++) {
		if (only != NULL && strcmp(suites[i].name, only) != 0)
			continue;
		const unsigned long before = check_cases();
		for (int p = 0; p < PRECISION_COUNT; p++)
			for (int s = 0; s < STEP_COUNT; s++) {
				/* The step that has most shortcuts and most use. */
				const struct target target = {
					(enum precision)p, (enum escape_step)s,
					s == STEP_SQUARE ? 3 * percent : percent};
				random_seed((uint32_t)(1000 * i) + (uint32_t)(100 * p + s));
				suites[i].run(&target);
			}
		printf("%-10s %8lu runs\n", suites[i].name, check_cases() - before);
		run++;
	}
	return run;
}

static int usage(void)
{
	fprintf(stderr, "usage: test_variants [--kernel NAME] [--percent P] [--suite NAME]\n"
			"       test_variants [--kernel NAME] --case ...\n");
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const char *kernel = NULL, *suite = NULL;
	unsigned percent = 100;
	struct check_case one;
	bool is_one = false;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc) {
			return usage();
		} else if (strcmp(argv[i], "--kernel") == 0) {
			kernel = argv[i + 1];
		} else if (strcmp(argv[i], "--percent") == 0) {
			percent = (unsigned)strtoul(argv[i + 1], NULL, 10);
		} else if (strcmp(argv[i], "--suite") == 0) {
			suite = argv[i + 1];
		} else if (strcmp(argv[i], "--case") == 0 && argc == i + 1 + CHECK_CASE_WORDS &&
			   check_parse(argv + i + 1, &one)) {
			is_one = true;
			break;
		} else {
			return usage();
		}
	}
	check_table();
	check_names();
	const unsigned checked = check_begin(kernel);
	if (checked == 0)
		check_fail("%s cannot be checked", kernel != NULL ? kernel : "no variant");
	if (is_one)
		(void)check_run(&one);
	else if (run_suites(suite, percent) == 0)
		check_fail("there is no suite %s", suite);
	printf("%lu runs on %u variants, %lu of derivatives, %lu failures\n", check_cases(),
	       checked, check_derive_cases(), check_failures());
	return check_failures() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
