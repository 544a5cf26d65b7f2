/*
 * fuzz_message.c - frames from any peer: what decodes encodes to the same frames.
 *
 * The input is one record (records.h): op says who sent it.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/records.h"

static void check(const struct record *record, enum message_from from)
{
	struct message m = {.type = MSG_REFUSED}, again;
	struct brot_error err = {.code = BROT_OK};
	enum brot_err code = message_decode(record->frames, record->count, from, &m, &err);
	if (code != BROT_OK) {
		FUZZ_CHECK(code == BROT_E_PROTOCOL && err.code == code, "a code of its own");
		FUZZ_CHECK(err.text[0] != '\0' && memchr(err.text, 0, sizeof err.text) != NULL,
			   "no sentence");
		FUZZ_CHECK(m.type == MSG_REFUSED, "an output was touched");
		return;
	}
	struct message_frames frames;
	message_encode(&m, &frames);
	FUZZ_CHECK(frames.count == record->count, "%s has %zu frames", message_name(m.type),
		   frames.count);
	for (size_t i = 0; i < frames.count; i++)
		FUZZ_CHECK(frames.frame[i].size == record->frames[i].size &&
				   (frames.frame[i].size == 0 ||
				    memcmp(frames.frame[i].data, record->frames[i].data,
					   frames.frame[i].size) == 0),
			   "frame %zu of %s differs", i, message_name(m.type));
	FUZZ_CHECK(message_decode(frames.frame, frames.count, from, &again, NULL) == BROT_OK,
		   "%s does not decode again", message_name(m.type));
	FUZZ_CHECK(m.body.size <= LIMIT_BODY_BYTES, "a body over its limit");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum message_from from[] = {FROM_WORKER, FROM_CLIENT, FROM_BROKER};
	struct records records = {data, size};
	struct record record;
	while (records_next(&records, &record)) {
		check(&record, from[record.op % 3]);
		record_done(&record);
	}
	return 0;
}
