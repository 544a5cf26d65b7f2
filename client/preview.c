/* preview.c - FETCH with `preview`, piece by piece. */
#include "client/preview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/fetch.h"
#include "client/picture.h"
#include "client/reply.h"
#include "proto/sys/clock.h"

#define BODY_BYTES 256

struct call {
	struct connection *connection;
	uint64_t job;
	const struct request *request;
	struct numbers *numbers;
	struct fetch fetch;
	uint64_t seen; /* ROWS */
	int64_t heard_ms;
};

static void ask(struct call *call, const struct fetch_piece *piece)
{
	char body[BODY_BYTES];
	const int chars = snprintf(body, sizeof body,
				   "{\"job\":%" PRIu64 ",\"plane\":%" PRIu32 ",\"x\":%" PRIu32
				   ",\"y\":%" PRIu32 ",\"w\":%" PRIu32 ",\"h\":%" PRIu32
				   ",\"seen\":%" PRIu64 ",\"preview\":true}",
				   call->job, piece->plane, piece->rect.x, piece->rect.y,
				   piece->rect.w, piece->rect.h, call->seen);
	const struct message m = {.type = MSG_FETCH, .body = {body, (size_t)chars}};
	connection_send(call->connection, &m);
}

static enum brot_err take_rows(struct call *call, const struct message *m, struct brot_error *err)
{
	const struct fetch_piece piece = {m->plane, {m->x, m->y, m->w, m->h}};
	const struct format_info *format = format_info(call->request->format);
	call->seen++;
	if (m->codec != CODEC_RAW)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent ROWS whose codec must be 0, got %" PRIu32,
				 m->codec);
	if (m->job != call->job || !fetch_take(&call->fetch, &piece, m->data.size))
		return BROT_OK;
	const size_t row_bytes = picture_row_bytes(call->request, piece.plane);
	uint8_t *plane = numbers_plane(call->numbers, format->planes[piece.plane], piece.plane);
	memcpy(plane + piece.rect.y * row_bytes +
		       piece.rect.x * (row_bytes / call->request->width_px),
	       m->data.data, m->data.size);
	call->heard_ms = clock_ms();
	return BROT_OK;
}

/* Pieces that a busy broker has refused are asked for again. */
static enum brot_err take_refusal(const struct message *m, struct brot_error *err)
{
	json_t *json = NULL;
	enum brot_err code = reply_parse(m, &json, err);
	if (code == BROT_OK)
		code = reply_failure(json, err);
	json_decref(json);
	return code == BROT_E_BUSY ? BROT_OK : code;
}

static enum brot_err take_all(struct call *call, struct brot_error *err)
{
	struct message m;
	bool has_message = true;
	enum brot_err code = BROT_OK;
	while (code == BROT_OK && has_message) {
		code = connection_receive(call->connection, &m, &has_message, err);
		if (code == BROT_OK && has_message && m.type == MSG_ROWS)
			code = take_rows(call, &m, err);
		else if (code == BROT_OK && has_message && m.type == MSG_REFUSED)
			code = take_refusal(&m, err);
	}
	return code;
}

static bool reserve(const struct request *request, struct numbers *numbers)
{
	const struct format_info *format = format_info(request->format);
	bool has_room = true;
	numbers->width_px = request->width_px;
	numbers->height_px = request->height_px;
	for (uint32_t p = 0; p < format->plane_count; p++)
		has_room = has_room && numbers_reserve_channel(numbers, format->planes[p], p);
	return has_room;
}

enum brot_err preview_fetch(struct connection *connection, uint64_t job,
			    const struct request *request, int64_t timeout_ms,
			    struct numbers *numbers, struct brot_error *err)
{
	const struct fetch_area area = {request->width_px, 0, request->height_px, request->format};
	struct call call = {.connection = connection,
			    .job = job,
			    .request = request,
			    .numbers = numbers,
			    .heard_ms = clock_ms()};
	if (!reserve(request, numbers))
		return error_set(err, BROT_E_SYSTEM, "no memory for a preview");
	fetch_init(&call.fetch, &area);
	while (!fetch_is_complete(&call.fetch)) {
		struct fetch_piece piece;
		const int64_t end_ms = call.heard_ms + timeout_ms;
		while (fetch_next(&call.fetch, clock_ms(), &piece))
			ask(&call, &piece);
		const int64_t again_ms = fetch_deadline_ms(&call.fetch);
		const unsigned news = connection_wait(connection,
						      again_ms < end_ms ? again_ms : end_ms);
		if ((news & CONNECTION_INTERRUPT) != 0)
			return error_set(err, BROT_E_CANCELLED, "interrupted");
		const enum brot_err code = take_all(&call, err);
		if (code != BROT_OK)
			return code;
		if (clock_ms() >= call.heard_ms + timeout_ms)
			return connection_unavailable(connection, timeout_ms, err);
	}
	return BROT_OK;
}
