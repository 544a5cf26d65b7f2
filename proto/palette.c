/* palette.c - the table of palettes. */
#include "proto/palette.h"

#include <string.h>

/* The blue, white and orange ring that most people know from encyclopaedias. */
static const struct palette_stop classic_stops[] = {
	{0.0, {0, 7, 100}},      {0.16, {32, 107, 203}}, {0.42, {237, 255, 255}},
	{0.6425, {255, 170, 0}}, {0.8575, {0, 2, 0}},
};

static const struct palette_stop hot_stops[] = {
	{0.0, {11, 0, 0}},
	{0.365, {255, 0, 0}},
	{0.746, {255, 255, 0}},
	{1.0, {255, 255, 255}},
};

static const struct palette_stop grey_stops[] = {
	{0.0, {0, 0, 0}},
	{1.0, {255, 255, 255}},
};

static const struct palette_stop ice_stops[] = {
	{0.0, {4, 6, 19}},      {0.2, {40, 43, 97}},    {0.4, {63, 90, 163}},
	{0.6, {79, 147, 189}},  {0.8, {143, 199, 213}}, {0.92, {208, 235, 238}},
	{1.0, {248, 253, 253}},
};

static const struct palette_stop ember_stops[] = {
	{0.0, {10, 8, 12}},     {0.18, {60, 14, 24}},    {0.38, {158, 34, 20}},
	{0.55, {240, 108, 24}}, {0.68, {255, 206, 112}}, {0.8, {164, 84, 62}},
	{0.92, {46, 26, 38}},
};

static const struct palette_stop forest_stops[] = {
	{0.0, {8, 24, 20}},      {0.2, {24, 74, 46}},   {0.4, {92, 142, 60}},
	{0.56, {222, 224, 142}}, {0.7, {184, 132, 66}}, {0.86, {70, 46, 32}},
};

static const struct palette_stop twilight_stops[] = {
	{0.0, {226, 217, 226}}, {0.125, {150, 183, 199}}, {0.25, {102, 127, 190}},
	{0.375, {92, 62, 151}}, {0.5, {47, 20, 54}},      {0.625, {124, 35, 75}},
	{0.75, {179, 87, 85}},  {0.875, {205, 162, 139}},
};

static const struct palette_stop viridis_stops[] = {
	{0.0, {68, 1, 84}},      {0.125, {71, 44, 122}},  {0.25, {59, 81, 139}},
	{0.375, {44, 113, 142}}, {0.5, {33, 144, 141}},   {0.625, {39, 173, 129}},
	{0.75, {92, 200, 99}},   {0.875, {170, 220, 50}}, {1.0, {253, 231, 37}},
};

static const struct palette_stop magma_stops[] = {
	{0.0, {0, 0, 4}},        {0.125, {28, 16, 68}},    {0.25, {79, 18, 123}},
	{0.375, {129, 37, 129}}, {0.5, {181, 54, 122}},    {0.625, {229, 80, 100}},
	{0.75, {251, 135, 97}},  {0.875, {254, 194, 135}}, {1.0, {252, 253, 191}},
};

#define STOPS(array) (uint32_t)(sizeof array / sizeof array[0]), array

static const struct palette palette_table[] = {
	{"classic", "deep blue, white, orange, near-black", true, STOPS(classic_stops)},
	{"hot", "black, red, yellow, white", false, STOPS(hot_stops)},
	{"grey", "black to white", false, STOPS(grey_stops)},
	{"ice", "night blue to white", false, STOPS(ice_stops)},
	{"ember", "glowing coal and ash", true, STOPS(ember_stops)},
	{"forest", "moss, sunlight and bark", true, STOPS(forest_stops)},
	{"twilight", "pale, blue, dark, red and back", true, STOPS(twilight_stops)},
	{"viridis", "even in lightness: violet, green, yellow", false, STOPS(viridis_stops)},
	{"magma", "even in lightness: black, purple, cream", false, STOPS(magma_stops)},
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
