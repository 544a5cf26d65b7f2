/* fetch.c - a cursor over planes, rows and slices, and a window of open pieces. */
#include "client/fetch.h"

#include <string.h>

void fetch_init(struct fetch *fetch, const struct fetch_area *area)
{
	memset(fetch, 0, sizeof *fetch);
	fetch->area = *area;
	fetch->format = format_info(area->format);
	fetch->next.rect.y = area->first;
}

static uint32_t pixel_bytes(const struct fetch *fetch, uint32_t plane)
{
	return plane_info(fetch->format->planes[plane])->pixel_bytes;
}

static uint32_t minimum(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Cuts the piece at the cursor and moves the cursor behind it. */
static struct fetch_piece cut(struct fetch *fetch)
{
	struct fetch_piece piece = fetch->next;
	uint32_t width_px = fetch->area.width_px, end = fetch->area.first + fetch->area.rows;
	uint32_t pixels = LIMIT_FETCH_BYTES / pixel_bytes(fetch, piece.plane);
	if (pixels < width_px) {
		piece.rect.w = minimum(pixels, width_px - piece.rect.x);
		piece.rect.h = 1;
	} else {
		piece.rect.w = width_px;
		piece.rect.h = minimum(pixels / width_px, end - piece.rect.y);
	}
	fetch->next.rect.x += piece.rect.w;
	if (fetch->next.rect.x == width_px) {
		fetch->next.rect.x = 0;
		fetch->next.rect.y += piece.rect.h;
	}
	if (fetch->next.rect.y == end) {
		fetch->next.rect.y = fetch->area.first;
		fetch->next.plane++;
	}
	return piece;
}

bool fetch_next(struct fetch *fetch, int64_t now_ms, struct fetch_piece *ret_piece)
{
	bool is_new = fetch->next.plane < fetch->format->plane_count;
	for (int i = 0; i < FETCH_WINDOW; i++) {
		bool is_open = fetch->window[i].is_open;
		if (is_open ? now_ms - fetch->window[i].asked_ms < FETCH_AGAIN_MS : !is_new)
			continue;
		if (!is_open)
			fetch->window[i].piece = cut(fetch);
		fetch->window[i].is_open = true;
		fetch->window[i].asked_ms = now_ms;
		*ret_piece = fetch->window[i].piece;
		return true;
	}
	return false;
}

static bool pieces_equal(const struct fetch_piece *a, const struct fetch_piece *b)
{
	return a->plane == b->plane && a->rect.x == b->rect.x && a->rect.y == b->rect.y &&
	       a->rect.w == b->rect.w && a->rect.h == b->rect.h;
}

bool fetch_take(struct fetch *fetch, const struct fetch_piece *piece, size_t bytes)
{
	for (int i = 0; i < FETCH_WINDOW; i++) {
		if (!fetch->window[i].is_open || !pieces_equal(&fetch->window[i].piece, piece))
			continue;
		if (bytes !=
		    (size_t)piece->rect.w * piece->rect.h * pixel_bytes(fetch, piece->plane))
			return false;
		fetch->window[i].is_open = false;
		return true;
	}
	return false;
}

bool fetch_is_complete(const struct fetch *fetch)
{
	if (fetch->next.plane < fetch->format->plane_count)
		return false;
	for (int i = 0; i < FETCH_WINDOW; i++)
		if (fetch->window[i].is_open)
			return false;
	return true;
}

int64_t fetch_deadline_ms(const struct fetch *fetch)
{
	int64_t deadline_ms = INT64_MAX;
	for (int i = 0; i < FETCH_WINDOW; i++)
		if (fetch->window[i].is_open &&
		    fetch->window[i].asked_ms + FETCH_AGAIN_MS < deadline_ms)
			deadline_ms = fetch->window[i].asked_ms + FETCH_AGAIN_MS;
	return deadline_ms;
}
