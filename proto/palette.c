/* palette.c - the table of palettes. */
#include "proto/palette.h"

#include <string.h>

/* The blue, white and orange ring that most people know from encyclopaedias. */
static const struct palette_stop classic_stops[] = {
	{0.0f, {0, 7, 100}},      {0.16f, {32, 107, 203}}, {0.42f, {237, 255, 255}},
	{0.6425f, {255, 170, 0}}, {0.8575f, {0, 2, 0}},
};

static const struct palette_stop hot_stops[] = {
	{0.0f, {11, 0, 0}},
	{0.365f, {255, 0, 0}},
	{0.746f, {255, 255, 0}},
	{1.0f, {255, 255, 255}},
};

static const struct palette_stop grey_stops[] = {
	{0.0f, {0, 0, 0}},
	{1.0f, {255, 255, 255}},
};

static const struct palette_stop ice_stops[] = {
	{0.0f, {4, 6, 19}},      {0.2f, {40, 43, 97}},    {0.4f, {63, 90, 163}},
	{0.6f, {79, 147, 189}},  {0.8f, {143, 199, 213}}, {0.92f, {208, 235, 238}},
	{1.0f, {248, 253, 253}},
};

static const struct palette_stop ember_stops[] = {
	{0.0f, {10, 8, 12}},     {0.18f, {60, 14, 24}},    {0.38f, {158, 34, 20}},
	{0.55f, {240, 108, 24}}, {0.68f, {255, 206, 112}}, {0.8f, {164, 84, 62}},
	{0.92f, {46, 26, 38}},
};

static const struct palette_stop forest_stops[] = {
	{0.0f, {8, 24, 20}},      {0.2f, {24, 74, 46}},   {0.4f, {92, 142, 60}},
	{0.56f, {222, 224, 142}}, {0.7f, {184, 132, 66}}, {0.86f, {70, 46, 32}},
};

static const struct palette_stop twilight_stops[] = {
	{0.0f, {226, 217, 226}}, {0.125f, {150, 183, 199}}, {0.25f, {102, 127, 190}},
	{0.375f, {92, 62, 151}}, {0.5f, {47, 20, 54}},      {0.625f, {124, 35, 75}},
	{0.75f, {179, 87, 85}},  {0.875f, {205, 162, 139}},
};

static const struct palette_stop viridis_stops[] = {
	{0.0f, {68, 1, 84}},      {0.125f, {71, 44, 122}},  {0.25f, {59, 81, 139}},
	{0.375f, {44, 113, 142}}, {0.5f, {33, 144, 141}},   {0.625f, {39, 173, 129}},
	{0.75f, {92, 200, 99}},   {0.875f, {170, 220, 50}}, {1.0f, {253, 231, 37}},
};

static const struct palette_stop magma_stops[] = {
	{0.0f, {0, 0, 4}},        {0.125f, {28, 16, 68}},    {0.25f, {79, 18, 123}},
	{0.375f, {129, 37, 129}}, {0.5f, {181, 54, 122}},    {0.625f, {229, 80, 100}},
	{0.75f, {251, 135, 97}},  {0.875f, {254, 194, 135}}, {1.0f, {252, 253, 191}},
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
