/* planes.c - where each plane's pointer lies. */
#include "proto/planes.h"

#include <stddef.h>
#include <string.h>

static const struct {
	enum plane_type type;
	size_t offset; /* in struct brot_numbers */
	uint32_t channels;
} members[] = {
	{PLANE_ITERATIONS, offsetof(struct brot_numbers, iterations), 1},
	{PLANE_WHOLE, offsetof(struct brot_numbers, whole), 1},
	{PLANE_FRACTION, offsetof(struct brot_numbers, fraction), 1},
	{PLANE_DISTANCE, offsetof(struct brot_numbers, distance), 1},
	{PLANE_PHASE, offsetof(struct brot_numbers, phase), 1},
	{PLANE_PERIOD, offsetof(struct brot_numbers, period), 1},
	{PLANE_INTERIOR, offsetof(struct brot_numbers, interior), 1},
	{PLANE_DENSITY, offsetof(struct brot_numbers, density), BUDDHA_CHANNELS},
	{PLANE_DENSITY32, offsetof(struct brot_numbers, density32), BUDDHA_CHANNELS},
};
#define MEMBER_COUNT (sizeof members / sizeof members[0])

const void *planes_get_channel(const struct brot_numbers *numbers, enum plane_type type,
			       uint32_t channel)
{
	const void *plane = NULL;
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (members[i].type == type && channel < members[i].channels)
			memcpy(&plane,
			       (const char *)numbers + members[i].offset + channel * sizeof plane,
			       sizeof plane);
	return plane;
}

void planes_set_channel(struct brot_numbers *numbers, enum plane_type type, uint32_t channel,
			const void *plane)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (members[i].type == type && channel < members[i].channels)
			memcpy((char *)numbers + members[i].offset + channel * sizeof plane, &plane,
			       sizeof plane);
}

const void *planes_get(const struct brot_numbers *numbers, enum plane_type type)
{
	return planes_get_channel(numbers, type, 0);
}

void planes_set(struct brot_numbers *numbers, enum plane_type type, const void *plane)
{
	planes_set_channel(numbers, type, 0, plane);
}

unsigned planes_present(const struct brot_numbers *numbers)
{
	unsigned planes = 0;
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (planes_get(numbers, members[i].type) != NULL)
			planes |= 1u << members[i].type;
	return planes;
}
