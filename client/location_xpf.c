/* location_xpf.c - XaoS's commands in parentheses. */
#include <stdio.h>
#include <string.h>

#include "client/location.h"

#define WORDS_MAX 6

/* The words of one "(command word ...)", which lie in the text. */
struct command {
	const char *at[WORDS_MAX];
	size_t chars[WORDS_MAX];
	unsigned count;
	unsigned line;
};

/* Adds a word, without the mark that quotes a name. */
static void add_word(struct command *command, const char *word, size_t chars)
{
	if (command->count == WORDS_MAX)
		return;
	const bool is_quoted = chars > 0 && *word == '\'';
	command->at[command->count] = word + is_quoted;
	command->chars[command->count++] = chars - is_quoted;
}

/* Reads the word at *at, which is no blank and no parenthesis; one in quotes may hold both. */
static void word_next(const char **at, const char *end, unsigned *line, struct command *command)
{
	const char *word = *at;
	const bool is_text = *word == '"';
	for (++*at; *at < end; ++*at) {
		if (is_text ? **at == '"'
			    : (unsigned char)**at <= ' ' || **at == ')' || **at == '(')
			break;
		*line += **at == '\n';
	}
	if (is_text && *at < end)
		++*at;
	add_word(command, word, (size_t)(*at - word));
}

/* What stands between two parentheses: nothing, a command, or what is none. */
enum next { NEXT_END, NEXT_COMMAND, NEXT_OPEN, NEXT_NESTED };

/* Reads the next command. (quote NAME) within one is 'NAME. */
static enum next command_next(const char **at, const char *end, unsigned *line,
			      struct command *ret_command)
{
	unsigned depth = 0;
	while (*at < end) {
		const char c = **at;
		if (c == ';') {
			while (*at < end && **at != '\n')
				++*at;
		} else if (c == '(' && depth == 0) {
			*ret_command = (struct command){.count = 0, .line = *line};
			depth = 1;
			++*at;
		} else if (c == '(') {
			static const char quote[] = "(quote ";
			const size_t chars = sizeof quote - 1;
			if (depth > 1 || (size_t)(end - *at) < chars ||
			    strncmp(*at, quote, chars) != 0)
				return NEXT_NESTED;
			depth = 2;
			*at += chars;
		} else if (c == ')') {
			++*at;
			if (depth == 1)
				return NEXT_COMMAND;
			depth -= depth > 0;
		} else if ((unsigned char)c <= ' ' || depth == 0) {
			*line += c == '\n';
			++*at;
		} else {
			word_next(at, end, line, ret_command);
		}
	}
	return depth == 0 ? NEXT_END : NEXT_OPEN;
}

static bool word_is(const struct command *command, unsigned i, const char *word)
{
	return i < command->count && location_is(command->at[i], command->chars[i], word);
}

static enum brot_err take_view(struct location *location, const struct command *command,
			       struct brot_error *err)
{
	struct view *view = &location->request->view;
	struct decimal_text width, height;
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
	if (decimal_parse(command->at[3], command->chars[3], &width) != DECIMAL_OK ||
	    decimal_parse(command->at[4], command->chars[4], &height) != DECIMAL_OK)
		return location_refuse(location, command->line, "extents must be numbers over 0",
				       err);
	return location_take_extents(location, command->line, &width, &height, err);
}

static enum brot_err take_formula(struct location *location, const struct command *command,
				  struct brot_error *err)
{
	struct request *request = location->request;
	static const struct {
		const char *name;
		uint32_t power;
	} formulas[] = {
		{"mandel", 2}, {"mandel3", 3}, {"mandel4", 4}, {"mandel5", 5}, {"mandel6", 6}};
	/* Whatever an earlier command has said. */
	request->formula = FORMULA_MANDELBROT;
	request->power = 2;
	if (word_is(command, 1, "burning-ship") || word_is(command, 1, "burning")) {
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

/* Must be 0 each for brot to draw it. */
static enum brot_err check_zero(const struct location *location, const struct command *command,
				struct brot_error *err)
{
	char reason[64];
	double value;
	for (unsigned i = 1; i < command->count; i++)
		if (!location_number(command->at[i], command->chars[i], &value) || value != 0.0) {
			(void)snprintf(reason, sizeof reason, "%.*s must be 0 for brot to draw it",
				       (int)command->chars[0], command->at[0]);
			return location_refuse(location, command->line, reason, err);
		}
	return BROT_OK;
}

static enum brot_err take_seed(struct location *location, const struct command *command,
			       struct brot_error *err)
{
	struct request *request = location->request;
	if (command->count < 3)
		return location_refuse(location, command->line,
				       "juliaseed must have a real and an imaginary part", err);
	enum brot_err code = location_take_centre(location, command->line, command->at[1],
						  command->chars[1], &request->c_re, err);
	if (code == BROT_OK)
		code = location_take_centre(location, command->line, command->at[2],
					    command->chars[2], &request->c_im, err);
	return code;
}

struct julia {
	bool is_on, has_seed;
};

static enum brot_err take(struct location *location, const struct command *command,
			  struct julia *julia, struct brot_error *err)
{
	/* How it renders and moves, and what is told beside it. */
	static const char *const harmless[] = {"initstate",
					       "periodicity",
					       "letterspersec",
					       "cyclingspeed",
					       "speed",
					       "usleep",
					       "message",
					       "text",
					       "textposition",
					       "textsize",
					       "display",
					       "fastmode",
					       "fastrotate",
					       "autorotate",
					       "rotationspeed",
					       "cycling",
					       "color",
					       "clearscreen",
					       NULL};
	const char *text = command->count > 1 ? command->at[1] : "";
	const size_t chars = command->count > 1 ? command->chars[1] : 0;
	if (command->count == 0)
		return BROT_OK;
	if (word_is(command, 0, "view"))
		return take_view(location, command, err);
	if (word_is(command, 0, "formula"))
		return take_formula(location, command, err);
	if (word_is(command, 0, "maxiter"))
		return location_take_iterations(location, command->line, text, chars, err);
	if (word_is(command, 0, "angle"))
		return location_take_angle(location, command->line, "angle", text, chars, err);
	julia->has_seed |= word_is(command, 0, "juliaseed");
	if (word_is(command, 0, "juliaseed"))
		return take_seed(location, command, err);
	if (word_is(command, 0, "plane") || word_is(command, 0, "perturbation"))
		return check_zero(location, command, err);
	if (word_is(command, 0, "julia")) {
		julia->is_on = word_is(command, 1, "#t");
		if (!julia->is_on && !word_is(command, 1, "#f"))
			return location_refuse(location, command->line, "julia must be #t or #f",
					       err);
	} else if (!location_is_one(command->at[0], command->chars[0], harmless)) {
		location_ignore(location, command->at[0], command->chars[0]);
	}
	return BROT_OK;
}

enum brot_err location_parse_xpf(struct location *location, struct brot_error *err)
{
	const char *at = location->text, *end = at + location->bytes;
	unsigned line = 1;
	struct command command = {.line = 1};
	struct julia julia = {.is_on = false};
	enum brot_err code = BROT_OK;
	enum next next = NEXT_END;
	while (code == BROT_OK && (next = command_next(&at, end, &line, &command)) == NEXT_COMMAND)
		code = take(location, &command, &julia, err);
	if (code == BROT_OK && next != NEXT_END)
		code = location_refuse(location, command.line,
				       next == NEXT_OPEN ? "this command does not end"
							 : "a command must hold no other",
				       err);
	if (code == BROT_OK && julia.is_on) {
		if (location->request->formula != FORMULA_MANDELBROT || !julia.has_seed)
			return location_refuse(location, 0,
					       "a julia set must be of the formula mandel, and "
					       "have a juliaseed",
					       err);
		location->request->formula = FORMULA_JULIA;
	}
	return code;
}
