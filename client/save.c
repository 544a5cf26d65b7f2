/* save.c - the picture is safe before its job goes. */
#include "client/save.h"

#include <unistd.h>

#include "client/crew.h"
#include "client/finish.h"
#include "proto/sys/clock.h"

void save_announce(struct announce *announce, bool is_quiet, bool is_json)
{
	struct announce_config config = {
		.mode = is_json    ? ANNOUNCE_EVENTS
			: is_quiet ? ANNOUNCE_NOTHING
				   : ANNOUNCE_PEOPLE,
		.events = stdout,
		.people = stderr,
		.is_terminal = isatty(STDERR_FILENO) == 1,
	};
	announce_init(announce, &config, clock_ms());
}

enum brot_err save_check_bands(const struct delivery *delivery, const struct request *coloured,
			       struct brot_error *err)
{
	const struct request *data = delivery_request(delivery);
	const uint64_t bytes = (uint64_t)data->width_px * data->height_px *
			       format_pixel_bytes(data->format);
	if (!delivery_is_banded(delivery))
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST,
			 "size: the %.0f MB of numbers that colour.mode \"%s\" needs at once are "
			 "more than the broker keeps in memory: a smaller --size or --samples "
			 "would do, or a broker with more --memory",
			 (double)bytes * 1e-6, colour_mode_name(coloured->colour.mode));
}

static enum brot_err write_picture(const struct save *save, struct picture *picture,
				   struct brot_error *err)
{
	picture->dpi = save->style.dpi;
	picture->compress = save->style.compress;
	return save->filetype->write(picture, save->outfile, err);
}

static enum brot_err keep(uint32_t row, void *context, struct brot_error *err)
{
	return picture_reach(context, row, err);
}

/* A picture has no more rows than its numbers, all of which are there: to reach the row that is
 * written does what it does for others. */
static enum brot_err write_coloured(const struct save *save, const struct picture *data,
				    struct picture *reached, struct brot_error *err)
{
	struct brot_numbers numbers;
	struct finish *finish = NULL;
	const struct finish_config config = {
		.request = save->coloured,
		.numbers = &numbers,
		.threads = crew_size(),
		.keep = keep,
		.context = reached,
	};
	finish_numbers(data, &numbers);
	enum brot_err code = finish_new(&config, &finish, err);
	if (code == BROT_OK)
		code = finish_survey(finish, err);
	if (code == BROT_OK) {
		struct picture picture;
		finish_picture(finish, &picture);
		picture.is_anonymous = data->is_anonymous;
		code = write_picture(save, &picture, err);
	}
	finish_free(finish);
	return code;
}

/* Of a Buddhabrot that nothing passes through a file says so as little as one of mistakes. */
static void look_for_hits(const struct save *save, const struct picture *data)
{
	const struct request *request = data->request;
	if (request->kind == KIND_BUDDHABROT)
		announce_counts(save->announce, request->buddha.points, picture_has_hits(data));
}

/* What needs all of the delivery's numbers: colours may, and sums and Buddhabrots do. */
static enum brot_err write_made(const struct save *save, struct picture *delivered,
				struct brot_error *err)
{
	struct picture sum, *data = delivered;
	enum brot_err code = delivery_complete(save->delivery, err);
	if (code == BROT_OK)
		code = picture_reach(delivered, 0, err);
	if (code == BROT_OK && save->addition != NULL) {
		code = addition_add(save->addition, delivered, save->data, &sum, err);
		data = &sum;
	}
	if (code != BROT_OK)
		return code;
	look_for_hits(save, data);
	return save->coloured == NULL ? write_picture(save, data, err)
				      : write_coloured(save, data, delivered, err);
}

enum brot_err save_preview(const struct save *save, struct picture *picture, struct brot_error *err)
{
	const enum brot_err code = save->coloured == NULL
					   ? write_picture(save, picture, err)
					   : write_coloured(save, picture, picture, err);
	return code == BROT_OK ? outfile_commit(save->outfile, false, err) : code;
}

enum brot_err save_picture(const struct save *save, struct brot_error *err)
{
	struct picture picture;
	delivery_picture(save->delivery, &picture);
	const bool is_made = save->coloured != NULL || save->addition != NULL ||
			     picture.request->kind == KIND_BUDDHABROT;
	enum brot_err code = is_made ? write_made(save, &picture, err)
				     : write_picture(save, &picture, err);
	if (code == BROT_OK)
		code = delivery_complete(save->delivery, err);
	if (code == BROT_OK)
		code = outfile_commit(save->outfile,
				      delivery_must_last(save->delivery, save->is_released), err);
	if (code != BROT_OK)
		return code;
	delivery_finish(save->delivery, save->is_released);
	announce_saved(save->announce, save->outfile->path, save->outfile->bytes, clock_ms());
	return BROT_OK;
}
