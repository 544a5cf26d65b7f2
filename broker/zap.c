/* zap.c - RFC 27, as far as CURVE needs it. */
#include "broker/zap.h"

#include <stdbool.h>
#include <string.h>

#include "proto/quote.h"

enum {
	FRAME_VERSION,
	FRAME_ID,
	FRAME_DOMAIN,
	FRAME_ADDRESS,
	FRAME_ROUTE,
	FRAME_MECHANISM,
	FRAME_KEY,
	FRAME_COUNT
};

static const char version[] = "1.0";

static bool is_text(const struct bytes *frame, const char *text)
{
	return frame->size == strlen(text) && memcmp(frame->data, text, frame->size) == 0;
}

enum brot_err zap_decode(const struct bytes *frames, size_t count,
			 struct zap_question *ret_question, struct brot_error *err)
{
	struct zap_question question = {0};
	*ret_question = question;
	if (count > FRAME_ID && frames[FRAME_ID].size <= sizeof question.request_id) {
		question.request_id_bytes = frames[FRAME_ID].size;
		memcpy(question.request_id, frames[FRAME_ID].data, frames[FRAME_ID].size);
		*ret_question = question;
	}
	if (count != FRAME_COUNT)
		return error_set(err, BROT_E_PROTOCOL, "ZAP: must have %d frames, got %zu",
				 FRAME_COUNT, count);
	if (!is_text(&frames[FRAME_VERSION], version))
		return error_set(err, BROT_E_PROTOCOL, "ZAP: must be of version %s", version);
	if (frames[FRAME_ID].size > sizeof question.request_id)
		return error_set(err, BROT_E_PROTOCOL, "ZAP: its id must have at most %d bytes",
				 ZAP_REQUEST_ID_BYTES);
	if (!is_text(&frames[FRAME_MECHANISM], "CURVE"))
		return error_set(err, BROT_E_PROTOCOL, "ZAP: the mechanism must be CURVE");
	if (frames[FRAME_KEY].size != Z85_KEY_BYTES)
		return error_set(err, BROT_E_PROTOCOL, "ZAP: a key must have %d bytes, got %zu",
				 Z85_KEY_BYTES, frames[FRAME_KEY].size);
	if (frames[FRAME_DOMAIN].size >= sizeof question.domain ||
	    memchr(frames[FRAME_DOMAIN].data, '\0', frames[FRAME_DOMAIN].size) != NULL)
		return error_set(err, BROT_E_PROTOCOL, "ZAP: its domain is none of ours");
	memcpy(question.domain, frames[FRAME_DOMAIN].data, frames[FRAME_DOMAIN].size);
	(void)quote_text(frames[FRAME_ADDRESS].data, frames[FRAME_ADDRESS].size, question.address,
			 sizeof question.address);
	z85_write(frames[FRAME_KEY].data, Z85_KEY_BYTES, question.key);
	*ret_question = question;
	return BROT_OK;
}

static struct bytes text_frame(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

void zap_encode(const struct zap_question *question, enum zap_verdict verdict,
		struct bytes ret_frames[ZAP_ANSWER_FRAMES])
{
	static const char *const codes[] = {"200", "400", "500"};
	static const char *const texts[] = {"OK", "the key opens nothing here", "not understood"};
	ret_frames[0] = text_frame(version);
	ret_frames[1] = (struct bytes){question->request_id, question->request_id_bytes};
	ret_frames[2] = text_frame(codes[verdict]);
	ret_frames[3] = text_frame(texts[verdict]);
	ret_frames[4] = text_frame(verdict == ZAP_LET_IN ? question->key : "");
	ret_frames[5] = text_frame("");
}
