/* save.c - the picture is safe before its job goes. */
#include "client/save.h"

#include <unistd.h>

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

enum brot_err save_picture(struct delivery *delivery, const struct filetype *filetype,
			   const struct save_style *style, struct outfile *outfile,
			   bool is_released, struct announce *announce, struct brot_error *err)
{
	struct picture picture;
	delivery_picture(delivery, &picture);
	picture.dpi = style->dpi;
	picture.compress = style->compress;
	enum brot_err code = filetype->write(&picture, outfile, err);
	if (code == BROT_OK)
		code = outfile_commit(outfile, delivery_must_last(delivery, is_released), err);
	if (code != BROT_OK)
		return code;
	delivery_finish(delivery, is_released);
	announce_saved(announce, outfile->path, outfile->bytes, clock_ms());
	return BROT_OK;
}
