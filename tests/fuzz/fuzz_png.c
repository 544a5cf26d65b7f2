/*
 * fuzz_png.c - `--view @picture.png`: the request in a picture from anywhere.
 *
 * The input is the file. The sums of its chunks are put right after each mutation, since libpng
 * looks no further than a wrong one.
 */
#include <zlib.h>

#include "client/png.h"
#include "proto/request.h"
#include "tests/fuzz/fuzz.h"

#define SIGNATURE_BYTES 8
#define CHUNK_BYTES     12 /* length, type and sum */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct brot_error err = {.code = BROT_OK};
	char *text = NULL;
	uint8_t *bytes = fuzz_copy(data, size);
	(void)png_file_is_png(bytes, size);
	FILE *file = size > 0 ? fmemopen(bytes, size, "rb") : NULL;
	if (file != NULL) {
		enum brot_err code = png_file_read_request(file, "fuzz.png", &text, &err);
		if (code == BROT_OK) {
			struct request *request = malloc(sizeof *request);
			FUZZ_CHECK(strlen(text) <= LIMIT_REQUEST_BYTES, "a long request");
			(void)request_parse(text, strlen(text), request, &err);
			free(request);
			free(text);
		} else {
			FUZZ_CHECK(err.code == code && err.text[0] != '\0', "no sentence");
		}
		(void)fclose(file);
	}
	free(bytes);
	return 0;
}

static uint32_t load(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, most);
	for (size_t at = SIGNATURE_BYTES; seed % 16 != 0 && at + CHUNK_BYTES <= size;) {
		size_t left = size - at - CHUNK_BYTES;
		/* Most lengths that are wrong would end the file. */
		if (load(data + at) > left && seed % 4 != 0)
			store(data + at, (uint32_t)left);
		size_t bytes = load(data + at);
		if (bytes > left)
			break;
		store(data + at + 8 + bytes, (uint32_t)crc32(0, data + at + 4, (uInt)(bytes + 4)));
		at += CHUNK_BYTES + bytes;
	}
	return size;
}
