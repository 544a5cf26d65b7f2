/* records.c - conversations: reads them, and changes them. */
#include "tests/fuzz/records.h"

#include "tests/fuzz/fuzz.h"

#define HEAD_BYTES    4
#define LENGTH_BYTES  2
#define HEADER_PREFIX 6 /* of a message's first frame: magic, version, type */
#define RECORDS_MAX   96
#define WAIT_SMALL_MS 128
#define WAIT_STEP_MS  500

static size_t frame_bytes(const uint8_t *at, size_t left)
{
	size_t bytes = (size_t)at[0] | (size_t)at[1] << 8;
	return bytes < left - LENGTH_BYTES ? bytes : left - LENGTH_BYTES;
}

/* The length of the record at `at`. */
static size_t record_bytes(const uint8_t *at, size_t left)
{
	if (left < HEAD_BYTES)
		return left;
	size_t used = HEAD_BYTES;
	size_t count = at[3] % (RECORD_FRAMES + 1);
	for (size_t i = 0; i < count && left - used >= LENGTH_BYTES; i++)
		used += LENGTH_BYTES + frame_bytes(at + used, left - used);
	return used;
}

bool records_next(struct records *records, struct record *ret_record)
{
	if (records->left < HEAD_BYTES)
		return false;
	const uint8_t *at = records->at;
	struct record record = {.op = at[0], .how = at[1], .wait = at[2]};
	size_t count = at[3] % (RECORD_FRAMES + 1);
	size_t used = HEAD_BYTES;
	for (size_t i = 0; i < count && records->left - used >= LENGTH_BYTES; i++) {
		size_t bytes = frame_bytes(at + used, records->left - used);
		used += LENGTH_BYTES;
		record.frames[record.count++] = (struct bytes){fuzz_copy(at + used, bytes), bytes};
		used += bytes;
	}
	records->at += used;
	records->left -= used;
	*ret_record = record;
	return true;
}

void record_done(struct record *record)
{
	for (size_t i = 0; i < record->count; i++)
		free((void *)(uintptr_t)record->frames[i].data);
	record->count = 0;
}

int64_t record_wait_ms(const struct record *record)
{
	if (record->wait < WAIT_SMALL_MS)
		return record->wait;
	return (int64_t)(record->wait - WAIT_SMALL_MS + 1) * WAIT_STEP_MS;
}

/* ---- changing them ---- */

struct slices {
	size_t count;
	struct bytes list[2 * RECORDS_MAX];
};

static void split(const uint8_t *data, size_t size, struct slices *ret_slices)
{
	ret_slices->count = 0;
	while (size > 0 && ret_slices->count < RECORDS_MAX) {
		size_t bytes = record_bytes(data, size);
		ret_slices->list[ret_slices->count++] = (struct bytes){data, bytes};
		data += bytes;
		size -= bytes;
	}
}

static size_t join(const struct slices *slices, uint8_t *out, size_t most)
{
	size_t used = 0;
	for (size_t i = 0; i < slices->count; i++) {
		if (slices->list[i].size > most - used)
			break;
		memcpy(out + used, slices->list[i].data, slices->list[i].size);
		used += slices->list[i].size;
	}
	return used;
}

static uint32_t draw(uint32_t *seed, size_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (uint32_t)((*seed >> 8) % (below > 0 ? below : 1));
}

static uint64_t draw_number(uint32_t *seed)
{
	static const uint64_t edges[] = {0,          1,          15,         16,
					 17,         255,        256,        4096,
					 INT32_MAX,  UINT32_MAX, 1ull << 32, 1ull << 40,
					 1ull << 48, INT64_MAX,  1ull << 63, UINT64_MAX};
	return draw(seed, 2) == 0 ? draw(seed, 20)
				  : edges[draw(seed, sizeof edges / sizeof edges[0])];
}

/* Puts another number in the place of one in a JSON frame; returns its new length. */
static size_t change_json(uint8_t *data, size_t size, size_t most, uint32_t *seed)
{
	char number[24];
	size_t begin = draw(seed, size), end;
	while (begin < size && (data[begin] < '0' || data[begin] > '9'))
		begin++;
	for (end = begin; end < size && data[end] >= '0' && data[end] <= '9';)
		end++;
	int digits = snprintf(number, sizeof number, "%s%llu", draw(seed, 16) == 0 ? "-" : "",
			      (unsigned long long)draw_number(seed));
	size_t changed = size - (end - begin) + (size_t)digits;
	if (begin == end || changed > most)
		return size;
	memmove(data + begin + digits, data + end, size - end);
	memcpy(data + begin, number, (size_t)digits);
	return changed;
}

/* The same for a field of a header. */
static void change_header(uint8_t *data, size_t size, uint32_t *seed)
{
	size_t at = HEADER_PREFIX + 4 * draw(seed, (size - HEADER_PREFIX) / 4);
	uint64_t number = draw_number(seed);
	for (size_t i = 0; i < 4 && at + i < size; i++)
		data[at + i] = (uint8_t)(number >> (8 * i));
}

/* Changes a frame by what it looks like; returns its new length. */
static size_t change_frame(uint8_t *data, size_t size, size_t most, uint32_t *seed)
{
	bool is_plain = draw(seed, 2) == 0;
	if (!is_plain && size > 0 && data[0] == '{')
		return change_json(data, size, most, seed);
	if (!is_plain && size > HEADER_PREFIX + 4 && memcmp(data, "BROT", 4) == 0) {
		change_header(data, size, seed);
		return size;
	}
	return LLVMFuzzerMutate(data, size, most);
}

/* Changes one frame of the record in `data`, which has room for `most` bytes, or its head. */
static size_t change_record(uint8_t *data, size_t size, size_t most, uint32_t *seed)
{
	size_t frames[RECORD_FRAMES], count = 0, used = HEAD_BYTES;
	if (size < HEAD_BYTES)
		return LLVMFuzzerMutate(data, size, most);
	for (size_t left = data[3] % (RECORD_FRAMES + 1); left > 0 && size - used >= LENGTH_BYTES;
	     left--) {
		frames[count++] = used;
		used += LENGTH_BYTES + frame_bytes(data + used, size - used);
	}
	if (count == 0 || draw(seed, 6) == 0) {
		(void)LLVMFuzzerMutate(data, HEAD_BYTES - 1, HEAD_BYTES - 1);
		return size;
	}
	size_t at = frames[draw(seed, count)] + LENGTH_BYTES;
	size_t bytes = frame_bytes(data + at - LENGTH_BYTES, size - at + LENGTH_BYTES);
	size_t tail = size - at - bytes;
	uint8_t *rest = fuzz_copy(data + at + bytes, tail);
	size_t room = most - at - tail < UINT16_MAX ? most - at - tail : UINT16_MAX;
	size_t changed = change_frame(data + at, bytes, room, seed);
	data[at - 2] = (uint8_t)changed;
	data[at - 1] = (uint8_t)(changed >> 8);
	memcpy(data + at + changed, rest, tail);
	free(rest);
	return at + changed + tail;
}

static size_t mutate_one(const struct slices *slices, size_t index, uint8_t *out, size_t most,
			 uint32_t *seed)
{
	struct slices before = *slices, after = *slices;
	before.count = index;
	after.count = slices->count - index - 1;
	memmove(after.list, after.list + index + 1, after.count * sizeof after.list[0]);
	size_t used = join(&before, out, most);
	const struct bytes *one = &slices->list[index];
	if (one->size > most - used)
		return used;
	memcpy(out + used, one->data, one->size);
	used += change_record(out + used, one->size, most - used, seed);
	return used + join(&after, out + used, most - used);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed_start)
{
	struct slices slices;
	uint32_t seed = seed_start;
	if (size < HEAD_BYTES || draw(&seed, 20) == 0)
		return LLVMFuzzerMutate(data, size, most);
	uint8_t *copy = fuzz_copy(data, size);
	split(copy, size, &slices);
	size_t a = draw(&seed, slices.count), b = draw(&seed, slices.count);
	size_t used;
	switch (draw(&seed, 8)) {
	case 0: /* said twice */
		memmove(slices.list + b + 1, slices.list + b,
			(slices.count - b) * sizeof slices.list[0]);
		slices.count++;
		slices.list[b] = slices.list[a >= b ? a + 1 : a];
		used = join(&slices, data, most);
		break;
	case 1: /* left out */
		memmove(slices.list + a, slices.list + a + 1,
			(slices.count - a - 1) * sizeof slices.list[0]);
		slices.count--;
		used = join(&slices, data, most);
		break;
	case 2: { /* in another order */
		struct bytes other = slices.list[a];
		slices.list[a] = slices.list[b];
		slices.list[b] = other;
		used = join(&slices, data, most);
		break;
	}
	default:
		used = mutate_one(&slices, a, data, most, &seed);
	}
	free(copy);
	return used;
}

/* The beginning of one, then the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t most, unsigned seed_start)
{
	struct slices first, second;
	uint32_t seed = seed_start;
	split(a, a_size, &first);
	split(b, b_size, &second);
	first.count = draw(&seed, first.count + 1);
	size_t used = join(&first, out, most);
	size_t skipped = draw(&seed, second.count + 1);
	second.count -= skipped;
	memmove(second.list, second.list + skipped, second.count * sizeof second.list[0]);
	return used + join(&second, out + used, most - used);
}
