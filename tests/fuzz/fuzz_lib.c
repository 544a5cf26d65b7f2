/*
 * fuzz_lib.c - requests of libbrot, by its headers alone.
 *
 * The input: a view, which may be empty, a newline, and a document. A view that names a file is
 * left out.
 */
#include <brot/brot.h>

#include "tests/fuzz/fuzz.h"

/* What was made is complete: its document makes it again, whatever it was laid over. */
static void check_made(const struct brot_request *request)
{
	struct brot_request *again = NULL;
	struct brot_plane planes[BROT_PLANES_MAX];
	struct brot_error err = {.text = ""};
	uint32_t width = 0, height = 0;
	const char *json = brot_request_json(request);
	FUZZ_CHECK(brot_request_new(NULL, json, &again, &err) == BROT_OK, "%s is none: %s", json,
		   err.text);
	FUZZ_CHECK(strcmp(brot_request_json(again), json) == 0, "%s is another", json);
	brot_request_size(again, &width, &height);
	FUZZ_CHECK(width > 0 && height > 0, "%s has no size", json);
	const uint32_t count = brot_request_planes(again, planes);
	FUZZ_CHECK(count > 0 && count <= BROT_PLANES_MAX, "%s has %u planes", json,
		   (unsigned)count);
	for (uint32_t p = 0; p < count; p++)
		FUZZ_CHECK(planes[p].name != NULL && planes[p].channels > 0 &&
				   planes[p].pixel_bytes % planes[p].channels == 0,
			   "plane %u", (unsigned)p);
	brot_request_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	const size_t bytes = end != NULL ? (size_t)(end - data) : 0;
	const size_t skipped = end != NULL ? bytes + 1 : 0;
	char *view = fuzz_text(data, bytes);
	char *json = fuzz_text(data + skipped, size - skipped);
	struct brot_request *request = NULL;
	struct brot_error err = {.text = ""};
	if (view[0] != '@') {
		const enum brot_err code = brot_request_new(view[0] != '\0' ? view : NULL, json,
							    &request, &err);
		FUZZ_CHECK((code == BROT_OK) == (request != NULL), "half a request");
		FUZZ_CHECK(code == BROT_OK || (err.code == code && err.text[0] != '\0'),
			   "no sentence");
	}
	if (request != NULL)
		check_made(request);
	brot_request_free(request);
	free(view);
	free(json);
	return 0;
}
