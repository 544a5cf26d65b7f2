/* formula.c - the table of formulas. */
#include "proto/formula.h"

#include <assert.h>
#include <string.h>

static const struct formula_info formulas[FORMULA_COUNT] = {
	[FORMULA_MANDELBROT] = {.name = "mandelbrot",
				.meaning = "z^2 + c",
				.is_conjugate = true,
				.home_re = "-0.75",
				.home_im = "0",
				.home_width = "4"},
	[FORMULA_JULIA] = {.name = "julia",
			   .meaning = "z^2 + c, from each point for one c",
			   .has_c = true,
			   .home_re = "0",
			   .home_im = "0",
			   .home_width = "4"},
	[FORMULA_MULTIBROT] = {.name = "multibrot",
			       .meaning = "z^3 + c to z^6 + c",
			       .has_power = true,
			       .is_conjugate = true,
			       .home_re = "0",
			       .home_im = "0",
			       .home_width = "5"},
	[FORMULA_BURNING_SHIP] = {.name = "burning-ship",
				  .meaning = "(|re z| + i |im z|)^2 + c",
				  .home_re = "-0.5",
				  .home_im = "-0.5",
				  .home_width = "5"},
	[FORMULA_TRICORN] = {.name = "tricorn",
			     .meaning = "conj(z)^2 + c",
			     .is_conjugate = true,
			     .home_re = "-0.25",
			     .home_im = "0",
			     .home_width = "6"},
};

const struct formula_info *formula_info(enum formula_id id)
{
	assert((unsigned)id < FORMULA_COUNT);
	return &formulas[id];
}

bool formula_by_name(const char *name, enum formula_id *ret_id)
{
	for (unsigned i = 0; i < FORMULA_COUNT; i++)
		if (strcmp(formulas[i].name, name) == 0) {
			*ret_id = (enum formula_id)i;
			return true;
		}
	return false;
}
