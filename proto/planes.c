/* planes.c - where each plane's pointer lies. */
#include "proto/planes.h"

#include <stddef.h>
#include <string.h>

static const struct {
	enum plane_type type;
	size_t offset; /* in struct brot_numbers */
} members[] = {
	{PLANE_ITERATIONS, offsetof(struct brot_numbers, iterations)},
	{PLANE_WHOLE, offsetof(struct brot_numbers, whole)},
	{PLANE_FRACTION, offsetof(struct brot_numbers, fraction)},
	{PLANE_DISTANCE, offsetof(struct brot_numbers, distance)},
	{PLANE_PHASE, offsetof(struct brot_numbers, phase)},
	{PLANE_PERIOD, offsetof(struct brot_numbers, period)},
	{PLANE_INTERIOR, offsetof(struct brot_numbers, interior)},
};
#define MEMBER_COUNT (sizeof members / sizeof members[0])

const void *planes_get(const struct brot_numbers *numbers, enum plane_type type)
{
	const void *plane = NULL;
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (members[i].type == type)
			memcpy(&plane, (const char *)numbers + members[i].offset, sizeof plane);
	return plane;
}

void planes_set(struct brot_numbers *numbers, enum plane_type type, const void *plane)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (members[i].type == type)
			memcpy((char *)numbers + members[i].offset, &plane, sizeof plane);
}

unsigned planes_present(const struct brot_numbers *numbers)
{
	unsigned planes = 0;
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (planes_get(numbers, members[i].type) != NULL)
			planes |= 1u << members[i].type;
	return planes;
}
