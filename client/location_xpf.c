/* location_xpf.c - XaoS's commands in parentheses. */
#include <string.h>

#include "client/location.h"
#include "client/textline.h"

#define WORDS_MAX 6

/* The words of one "(command word ...)", which lie in the text. */
struct command {
	const char *at[WORDS_MAX];
	size_t chars[WORDS_MAX];
	unsigned count;
	unsigned line;
};

/* Reads the next command; false at the end. */
static bool command_next(const char **at, const char *end, unsigned *line,
			 struct command *ret_command)
{
	*ret_command = (struct command){.count = 0};
	bool is_open = false;
	while (*at < end) {
		const char c = **at;
		if (c == ';') {
			while (*at < end && **at != '\n')
				++*at;
			continue;
		}
		if (c == '\n')
			++*line;
		if (c == '(') {
			*ret_command = (struct command){.count = 0, .line = *line};
			is_open = true;
		}
		if (c == ')' && is_open) {
			++*at;
			return true;
		}
		if (!is_open || (unsigned char)c <= ' ' || c == '(' || c == ')') {
			++*at;
			continue;
		}
		const char *word = *at;
		while (*at < end && (unsigned char)**at > ' ' && **at != ')' && **at != '(')
			++*at;
		if (ret_command->count < WORDS_MAX) {
			ret_command->at[ret_command->count] = word;
			ret_command->chars[ret_command->count++] = (size_t)(*at - word);
		}
	}
	return false;
}

static bool word_is(const struct command *command, unsigned i, const char *word)
{
	return i < command->count && command->chars[i] == strlen(word) &&
	       strncmp(command->at[i], word, command->chars[i]) == 0;
}

static enum brot_err take_view(struct location *location, const struct command *command,
			       struct brot_error *err)
{
	struct view *view = &location->request->view;
	const char *text;
	double width, height;
	if (command->count < 5)
		return location_refuse(location, command->line,
				       "view must have a centre and two extents", err);
	enum brot_err code = location_take_centre(location, command->line, command->at[1],
						  command->chars[1], &view->re, err);
	if (code == BROT_OK)
		code = location_take_centre(location, command->line, command->at[2],
					    command->chars[2], &view->im, err);
	if (code != BROT_OK)
		return code;
	text = command->at[3];
	const bool has_width = textline_number(&text, &width);
	text = command->at[4];
	if (!has_width || !textline_number(&text, &height) || !(width > 0.0 && height > 0.0))
		return location_refuse(location, command->line, "extents must be numbers over 0",
				       err);
	/* Small ones keep their power of ten. */
	while (height < 1e-3) {
		height *= 10.0;
		width *= 10.0;
		location->height_power--;
	}
	location->height_digits = height;
	location->proportion = width / height;
	return BROT_OK;
}

static enum brot_err take_formula(struct location *location, const struct command *command,
				  struct brot_error *err)
{
	struct request *request = location->request;
	static const struct {
		const char *name;
		uint32_t power;
	} formulas[] = {
		{"'mandel", 2}, {"'mandel3", 3}, {"'mandel4", 4}, {"'mandel5", 5}, {"'mandel6", 6}};
	if (word_is(command, 1, "'burning-ship") || word_is(command, 1, "'burning")) {
		request->formula = FORMULA_BURNING_SHIP;
		return BROT_OK;
	}
	for (size_t i = 0; i < sizeof formulas / sizeof formulas[0]; i++)
		if (word_is(command, 1, formulas[i].name)) {
			if (formulas[i].power > 2) {
				request->formula = FORMULA_MULTIBROT;
				request->power = formulas[i].power;
			}
			return BROT_OK;
		}
	return location_refuse(location, command->line, "this formula is not one of brot's", err);
}

static enum brot_err take(struct location *location, const struct command *command, bool *is_julia,
			  struct brot_error *err)
{
	struct request *request = location->request;
	const char *text = command->count > 1 ? command->at[1] : "";
	if (word_is(command, 0, "view"))
		return take_view(location, command, err);
	if (word_is(command, 0, "formula"))
		return take_formula(location, command, err);
	if (word_is(command, 0, "maxiter"))
		return location_take_iterations(location, command->line, text, err);
	if (word_is(command, 0, "angle")) {
		if (!textline_number(&text, &request->view.rotate_deg) ||
		    !(request->view.rotate_deg > -360.0 && request->view.rotate_deg < 360.0))
			return location_refuse(location, command->line,
					       "angle must be over -360 and under 360", err);
	} else if (word_is(command, 0, "julia")) {
		*is_julia = word_is(command, 1, "#t");
	} else if (word_is(command, 0, "juliaseed") && command->count >= 3) {
		enum brot_err code = location_take_centre(location, command->line, command->at[1],
							  command->chars[1], &request->c_re, err);
		if (code == BROT_OK)
			code = location_take_centre(location, command->line, command->at[2],
						    command->chars[2], &request->c_im, err);
		return code;
	} else if (word_is(command, 0, "defaultpalette") || word_is(command, 0, "palette") ||
		   word_is(command, 0, "palettei")) {
		location_ignore(location, "palette");
	} else if (word_is(command, 0, "outcoloring") || word_is(command, 0, "incoloring") ||
		   word_is(command, 0, "outtcoloring") || word_is(command, 0, "intcoloring")) {
		location_ignore(location, "colouring");
	} else if (word_is(command, 0, "plane")) {
		location_ignore(location, "plane");
	} else if (word_is(command, 0, "filter")) {
		location_ignore(location, "filter");
	}
	return BROT_OK;
}

enum brot_err location_parse_xpf(struct location *location, struct brot_error *err)
{
	const char *at = location->text, *end = at + location->bytes;
	unsigned line = 1;
	struct command command;
	bool is_julia = false;
	enum brot_err code = BROT_OK;
	while (code == BROT_OK && command_next(&at, end, &line, &command))
		code = take(location, &command, &is_julia, err);
	if (code == BROT_OK && is_julia) {
		if (location->request->formula != FORMULA_MANDELBROT)
			return location_refuse(location, line,
					       "a julia set must be of the formula mandel", err);
		location->request->formula = FORMULA_JULIA;
	}
	return code;
}
