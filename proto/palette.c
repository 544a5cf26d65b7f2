/* palette.c - the table of palettes. */
#include "proto/palette.h"

#include <string.h>

#include "proto/palette_stops.h"

#define STOPS(array) (uint32_t)(sizeof array / sizeof array[0]), array

static const struct palette palette_table[] = {
	{"classic", "deep blue, white, orange, near-black", true, false, STOPS(classic_stops)},
	{"hot", "black, red, yellow, white", false, true, STOPS(hot_stops)},
	{"grey", "black to white", false, true, STOPS(grey_stops)},
	{"ice", "night blue to white", false, false, STOPS(ice_stops)},
	{"ember", "glowing coal and ash", true, false, STOPS(ember_stops)},
	{"forest", "moss, sunlight and bark", true, false, STOPS(forest_stops)},
	{"twilight", "even in lightness: pale, blue, dark, red and back", true, true,
	 STOPS(twilight_stops)},
	{"viridis", "even in lightness: violet, green, yellow", false, true, STOPS(viridis_stops)},
	{"magma", "even in lightness: black, purple, cream", false, true, STOPS(magma_stops)},
	{"inferno", "even in lightness: black, red, pale yellow", false, true,
	 STOPS(inferno_stops)},
	{"plasma", "even in lightness: blue, magenta, yellow", false, true, STOPS(plasma_stops)},
	{"cividis", "even in lightness, for every kind of colour vision: blue to yellow", false,
	 true, STOPS(cividis_stops)},
	{"turbo", "all hues, smoothly: blue, green, red", false, true, STOPS(turbo_stops)},
	{"cubehelix", "a helix from black to white", false, true, STOPS(cubehelix_stops)},
	{"coolwarm", "blue, pale, red", false, true, STOPS(coolwarm_stops)},
	{"bone", "black to white by grey blue", false, true, STOPS(bone_stops)},
	{"copper", "black to copper", false, true, STOPS(copper_stops)},
	{"cool", "cyan to magenta", false, true, STOPS(cool_stops)},
	{"afmhot", "black, orange, white", false, true, STOPS(afmhot_stops)},
	{"jet", "blue, cyan, yellow, red, as plots once were", false, true, STOPS(jet_stops)},
	{"gnuplot2", "black, blue, violet, yellow, white", false, true, STOPS(gnuplot2_stops)},
	{"earth", "sea floor to snow", false, true, STOPS(earth_stops)},
	{"spectrum", "round the hues at full strength", true, false, STOPS(spectrum_stops)},
	{"ega", "the sixteen colours of old displays", true, false, STOPS(ega_stops)},
	{"sunset", "dusk, red, gold and haze", true, false, STOPS(sunset_stops)},
	{"aurora", "night, green light, violet", true, false, STOPS(aurora_stops)},
	{"lagoon", "deep water to sand", true, false, STOPS(lagoon_stops)},
	{"gold", "dark bronze to white", false, false, STOPS(gold_stops)},
	{"neon", "violet, pink, yellow, cyan", true, false, STOPS(neon_stops)},
	{"rose", "wine to blush", false, false, STOPS(rose_stops)},
	{"steel", "slate to white", false, false, STOPS(steel_stops)},
	{"dusk", "indigo, mauve, peach", true, false, STOPS(dusk_stops)},
	{"autumn", "rust, amber and moss", true, false, STOPS(autumn_stops)},
	{"mint", "dark green to white", false, false, STOPS(mint_stops)},
	{"violet", "black, violet, white", false, false, STOPS(violet_stops)},
	{"ink", "white paper to ink", false, false, STOPS(ink_stops)},
	{"zebra", "black and white and back", true, false, STOPS(zebra_stops)},
	{"flame", "black, red, yellow and back", true, false, STOPS(flame_stops)},
	{"orchid", "blue, white, pink, plum", true, false, STOPS(orchid_stops)},
};

#define PALETTE_COUNT (sizeof palette_table / sizeof palette_table[0])

const struct palette *palette_at(size_t index)
{
	return index < PALETTE_COUNT ? &palette_table[index] : NULL;
}

const struct palette *palette_by_name(const char *name)
{
	for (size_t i = 0; i < PALETTE_COUNT; i++)
		if (strcmp(palette_table[i].name, name) == 0)
			return &palette_table[i];
	return NULL;
}
