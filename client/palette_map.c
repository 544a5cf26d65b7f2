/* palette_map.c - Fractint's lines of colours. */
#include "client/palette_file.h"
#include "client/textline.h"

enum brot_err palette_map_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err)
{
	struct colour_palette palette = {.is_cyclic = true, .is_linear = true};
	struct textlines lines = textlines_of(from->text, from->bytes);
	uint32_t count = 0;
	while (textlines_next(&lines)) {
		const char *text = textline_skip(lines.line);
		long rgb[3];
		if (*text == '\0' || *text == ';' || *text == '#' || *text == '\x1a')
			continue;
		for (int c = 0; c < 3; c++)
			if (!textline_whole(&text, 0, 255, &rgb[c]))
				return palette_refuse(from, lines.number,
						      "must begin with three numbers 0..255", err);
		if (count == LIMIT_STOPS)
			return palette_refuse(from, lines.number,
					      "there must be at most 256 colours", err);
		for (int c = 0; c < 3; c++)
			palette.stops[count].rgb[c] = (uint8_t)rgb[c];
		count++;
	}
	if (count < 2)
		return palette_refuse(from, lines.number, "there must be at least 2 colours", err);
	for (uint32_t i = 0; i < count; i++)
		palette.stops[i].position = (double)i / count;
	palette.stop_count = count;
	*ret_palette = palette;
	return BROT_OK;
}
