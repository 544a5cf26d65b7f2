/*
 * preset.c - the table of places that have a name.
 *
 * Nuclei of minibrots and Misiurewicz points are given to 25 digits or more, so that the same row
 * can serve far deeper widths.
 *
 * The imaginary axis points up in every view, and the burning ship then floats upside down: its
 * pictures elsewhere have that axis point down. Its rows turn the view by 180 degrees, which sets
 * the ship upright with its bow to the other side.
 */
#include "proto/preset.h"

#include <string.h>

#include "proto/view.h"

static const struct preset preset_table[] = {
	{"home", "the whole set", "mandelbrot", "-0.75", "0", "4", 0, 500},
	{"seahorse", "seahorse valley", "mandelbrot", "-0.7453", "0.1127", "0.0065", 0, 10000},
	{"seahorse-tail", "a seahorse's tail with an island in it", "mandelbrot",
	 "-0.743643887037158704752191506114774", "0.131825904205311970493132056385139", "3e-5", 0,
	 5000},
	{"seahorse-deep", "the end of the same zoom", "mandelbrot",
	 "-0.743643887037158704752191506114774", "0.131825904205311970493132056385139", "2e-10", 0,
	 20000},
	{"elephant", "elephant valley", "mandelbrot", "0.276", "0.0069", "0.006", 0, 2000},
	{"triple-spiral", "the valley of spirals with three arms", "mandelbrot", "-0.0885", "0.655",
	 "0.004", 0, 2000},
	{"quad-spiral", "the valley of spirals with four arms", "mandelbrot", "0.2747", "0.485",
	 "0.0024", 0, 2000},
	{"minibrot", "the island of period 3 on the real axis", "mandelbrot",
	 "-1.754877666246692760049509", "0", "0.06", 0, 2000},
	{"scepter", "scepter valley", "mandelbrot", "-1.254", "0.0243", "0.006", 0, 2000},
	{"feigenbaum", "the Myrberg-Feigenbaum point, where the doubling of periods ends",
	 "mandelbrot", "-1.401155189092050606", "0", "0.02", 0, 5000},
	{"dendrite", "the dendrite at i, a Misiurewicz point", "mandelbrot", "-0.02", "1", "0.1", 0,
	 1000},
	{"misiurewicz", "a branch point with three arms, Misiurewicz point M4,1", "mandelbrot",
	 "-0.1010963638456221610257854", "0.9562865108091415007710961", "0.02", 0, 2000},
	{"antenna", "where the bands of chaos merge, Misiurewicz point M3,1", "mandelbrot",
	 "-1.543689012692076361570856", "0", "0.02", 0, 2000},
	{"san-marco", "the cleft between cardioid and disc, at the San Marco point", "mandelbrot",
	 "-0.75", "0.07", "0.2", 0, 5000},
	{"starfish", "a star of seahorses", "mandelbrot", "-0.374004139", "0.659792175", "0.004", 0,
	 2000},
	{"julia-island", "an island in the shape of a Julia set", "mandelbrot", "-1.768778833",
	 "-0.001738996", "5e-7", 0, 5000},
	{"tante-renate", "Tante Renate, a spiral", "mandelbrot", "-0.7756837680090538",
	 "0.1364673689637", "4e-5", 0, 5000},
	{"sun", "a sun of seahorses", "mandelbrot", "-0.776592847", "-0.136640848", "4e-5", 0,
	 5000},
	{"rabbit", "the bulb of period 3", "mandelbrot", "-0.1225611668766536199752456",
	 "0.7448617666197442365931704", "0.4", 0, 1000},
	{"crown", "the island of period 4 above it", "mandelbrot", "-0.1565201668337550617989867",
	 "1.032247108922831801671602", "0.06", 0, 2000},
	{"needle", "an island near the tip of the needle", "mandelbrot", "-1.985424253054205", "0",
	 "0.0006", 0, 2000},
	{"shell", "a shell at the edge of seahorse valley", "mandelbrot", "-0.7269", "0.1889",
	 "0.003", 0, 20000},
	{"lightning", "a bolt of lightning", "mandelbrot", "-1.315180982097868",
	 "0.073481649996795", "1e-4", 0, 3000},
	{"galaxy", "a pair of galaxies", "mandelbrot", "-0.761574", "-0.0847596", "1e-4", 0, 3000},
	{"veil", "a veil behind a spiral", "mandelbrot", "-1.479946", "0.000794", "1e-4", 0, 5000},
	{"tree", "a tree of sparks", "mandelbrot", "0.27322626", "0.595153338", "3e-4", 0, 2000},
	{"julia-rabbit", "Douady's rabbit", "julia:-0.1225611668766536,0.7448617666197442", "0",
	 "0", "4", 0, 500},
	{"julia-san-marco", "the waist of the Julia set of San Marco", "julia:-0.75,0", "-0.5", "0",
	 "1.2", 0, 1000},
	{"julia-siegel", "a Julia set around a Siegel disc",
	 "julia:-0.3905408702184,-0.5867879073469687", "0", "0", "3.6", 0, 2000},
	{"julia-dendrite", "the dendrite, the Julia set of i", "julia:0,1", "0", "0", "4", 0, 500},
	{"julia-spirals", "a Julia set of spirals", "julia:-0.8,0.156", "0", "0", "3.6", 0, 2000},
	{"julia-dust", "a Julia set that is dust", "julia:-0.70176,-0.3842", "0", "0", "3.6", 0,
	 1000},
	{"julia-eyes", "spirals around eyes in a Julia set", "julia:0.285,0.01", "0.12", "-0.72",
	 "0.8", 0, 2000},
	{"multibrot-3", "the multibrot set of power 3", "multibrot:3", "0", "0", "4.6", 0, 500},
	{"multibrot-4", "the multibrot set of power 4", "multibrot:4", "-0.1", "0", "4.4", 0, 500},
	{"multibrot-5", "the multibrot set of power 5", "multibrot:5", "0", "0", "4.2", 0, 500},
	{"multibrot-6", "the multibrot set of power 6", "multibrot:6", "0", "0", "4.2", 0, 500},
	{"multibrot-3-coast", "a bulb of the multibrot set of power 3", "multibrot:3", "0.24",
	 "0.97", "0.35", 0, 1000},
	{"burning-ship", "the whole burning ship, the right way up", "burning-ship", "-0.5", "-0.5",
	 "5", 180, 500},
	{"ship", "the ship that burns, on the needle", "burning-ship", "-1.755", "-0.032", "0.16",
	 180, 1000},
	{"armada", "a ship between towers", "burning-ship", "-1.625", "-0.02", "0.12", 180, 1000},
	{"ship-far", "a ship far out on the needle", "burning-ship", "-1.9412", "-0.0015", "0.012",
	 180, 1000},
	{"tricorn", "the whole tricorn", "tricorn", "-0.25", "0", "6.4", 0, 500},
	{"tricorn-island", "a small tricorn on the real axis", "tricorn",
	 "-1.754877666246692760049509", "0", "0.1", 0, 1000},
	{"tricorn-coast", "lightning above the tricorn's arm", "tricorn", "-1.1", "0.17", "0.5", 0,
	 1000},
};

#define PRESET_COUNT (sizeof preset_table / sizeof preset_table[0])

const struct preset *preset_at(size_t index)
{
	return index < PRESET_COUNT ? &preset_table[index] : NULL;
}

const struct preset *preset_by_name(const char *name)
{
	for (size_t i = 0; i < PRESET_COUNT; i++)
		if (strcmp(preset_table[i].name, name) == 0)
			return &preset_table[i];
	return NULL;
}

void preset_view(const struct preset *preset, struct view *ret_view)
{
	struct view view = {.rotate_deg = preset->rotate_deg};
	(void)decimal_parse(preset->re, strlen(preset->re), &view.re);
	(void)decimal_parse(preset->im, strlen(preset->im), &view.im);
	(void)decimal_parse(preset->width, strlen(preset->width), &view.width);
	*ret_view = view;
}
