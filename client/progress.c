/* progress.c - a smoothed rate, and numbers cut to a reader's size.
 *
 * The rate is pixels over time, both sums in which what is older counts for less. So tiles that end
 * together after a long while, or two reports a moment apart, make no rate of their own, and time
 * in which nothing ended counts.
 */
#include "client/progress.h"

#include <stdio.h>
#include <string.h>

#define SMOOTH_S 8.0 /* a change of rate shows by two thirds after this time */
#define BEFORE_S                                                                                   \
	1.0            /* what was done before the first report counts as so long, at most: it may \
			* have been other work, by other workers */
#define LEAST_S    0.5 /* no rate is that of less time */
#define BAR_CELLS  30
#define BAR_LEAST  10
#define NUMBER     32
#define SAID_BYTES (4 * 100)
#define LEFT_MAX_S (1000.0 * 3600) /* nobody believes more */

/* What is shared out to workers: all pixels, or the points. */
static uint64_t whole(const struct session_progress *now)
{
	const bool is_apart = now->has_points && now->image_pixels < now->pixels;
	return is_apart ? now->pixels - now->image_pixels : now->pixels;
}

static uint64_t counted(const struct session_progress *now)
{
	const uint64_t all = now->pixels_done + now->held;
	return now->has_points && all > whole(now) ? whole(now) : all;
}

/* All points are counted, and the broker makes one image of what each worker has. */
static bool is_adding_up(const struct session_progress *now)
{
	return now->has_points && whole(now) < now->pixels && counted(now) == whole(now);
}

/* After a gap, in which the broker was away, what was known is out of date, and what was done in it
 * says nothing of now. */
static void measure(struct progress *p, const struct session_progress *now, int64_t now_ms)
{
	double seconds = (double)(now_ms - p->now_ms) / 1000;
	double pixels = (double)(counted(now) - counted(&p->now));
	if (seconds > SMOOTH_S) {
		p->recent_pixels = p->recent_s = 0;
		return;
	}
	double weight = SMOOTH_S / (SMOOTH_S + seconds);
	p->recent_pixels = weight * p->recent_pixels + pixels;
	p->recent_s = weight * p->recent_s + seconds;
}

void progress_update(struct progress *progress, const struct session_progress *now, int64_t now_ms)
{
	struct progress *p = progress;
	bool is_again = p->is_started && counted(now) < counted(&p->now);
	if (!p->is_started || is_again) {
		double elapsed_s = is_again ? 0 : (double)now->elapsed_ms / 1000;
		p->recent_s = elapsed_s < BEFORE_S ? elapsed_s : BEFORE_S;
		p->recent_pixels = elapsed_s > 0 ? (double)counted(now) * p->recent_s / elapsed_s
						 : 0;
	} else if (now_ms > p->now_ms) {
		measure(p, now, now_ms);
	} else {
		return; /* two at the same time: the later one will count all */
	}
	double measured_s = p->recent_s > LEAST_S ? p->recent_s : LEAST_S;
	p->pixels_per_s = p->recent_pixels / measured_s;
	p->is_started = true;
	p->is_rendered = false;
	p->has_no_workers = p->has_no_workers && now->workers == 0;
	p->now = *now;
	p->now_ms = now_ms;
}

void progress_workers(struct progress *progress, uint64_t workers)
{
	progress->has_no_workers = workers == 0;
}

void progress_rendered(struct progress *progress, uint64_t rows_written, uint64_t rows)
{
	progress->is_rendered = true;
	progress->rows_written = rows_written;
	progress->rows = rows;
}

void progress_written(struct progress *progress, uint64_t rows_written, uint64_t rows)
{
	progress->rows_written = rows_written;
	progress->rows = rows;
}

double progress_left_s(const struct progress *progress)
{
	const struct session_progress *now = &progress->now;
	if (progress->pixels_per_s <= 0 || counted(now) > whole(now) || is_adding_up(now))
		return -1;
	double left_s = (double)(whole(now) - counted(now)) / progress->pixels_per_s;
	return left_s < LEFT_MAX_S ? left_s : -1;
}

/* Three digits, a prefix, and the unit: "12.3 Mpx/s"; `gap` parts prefix and unit. */
static const char *scaled(double value, const char *gap, const char *unit, char buffer[NUMBER])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	size_t i = 0;
	while (value >= 999.5 && i + 1 < sizeof prefixes / sizeof prefixes[0]) {
		value /= 1000;
		i++;
	}
	int decimals = i == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	(void)snprintf(buffer, NUMBER, "%.*f %s%s%s", decimals, value, prefixes[i],
		       i == 0 ? "" : gap, unit);
	return buffer;
}

/* "0:07", "12:34", "1:02:03"; "?" while unknown. */
static const char *clocked(double seconds, char buffer[NUMBER])
{
	if (seconds < 0) {
		(void)snprintf(buffer, NUMBER, "?");
		return buffer;
	}
	unsigned s = (unsigned)(seconds + 0.5);
	if (s < 3600)
		(void)snprintf(buffer, NUMBER, "%u:%02u", s / 60, s % 60);
	else
		(void)snprintf(buffer, NUMBER, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
	return buffer;
}

/* Rounded down, so that 100 means done; 0 to 100 whatever a broker says. */
static unsigned percent(uint64_t done, uint64_t all)
{
	if (all == 0)
		return 0;
	double share = (double)done * 100 / (double)all;
	return share < 100 ? (unsigned)share : done >= all ? 100 : 99;
}

unsigned progress_percent(const struct session_progress *now)
{
	if (now->has_points && now->pixels_done < now->pixels && counted(now) >= whole(now))
		return 99;
	return percent(counted(now), whole(now));
}

static unsigned pixels_percent(const struct progress *progress)
{
	return progress->is_rendered ? 100 : progress_percent(&progress->now);
}

static unsigned rows_percent(const struct progress *progress)
{
	return percent(progress->rows_written, progress->rows);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* Why nothing moves; NULL where it does. */
static const char *standstill(const struct progress *progress)
{
	const struct session_progress *now = &progress->now;
	if (now->is_paused && now->tiles_running == 0)
		return "paused";
	if (now->workers != 0 || counted(now) >= whole(now))
		return NULL;
	if (progress->has_no_workers)
		return now->is_running ? "no worker is connected any more"
				       : "no worker is connected yet";
	return now->is_running ? NULL : "waiting for a worker";
}

/* Of points most are counted long before their tiles are done, with the grid that they are in. */
static void amount(const struct session_progress *now, char *buffer, size_t bytes)
{
	char some[NUMBER], all[NUMBER];
	if (now->has_points)
		(void)snprintf(buffer, bytes, "%s %s",
			       scaled((double)counted(now), " ", "of", some),
			       scaled((double)whole(now), " ", "points", all));
	else
		(void)snprintf(buffer, bytes, "%llu tile%s", (unsigned long long)now->tiles_done,
			       plural(now->tiles_done));
}

/* The words behind the percentage, in order of importance: fewer of them where `parts` is small. */
static int words(const struct progress *progress, int parts, char *buffer, size_t bytes)
{
	const struct session_progress *now = &progress->now;
	char rate[NUMBER], left[NUMBER], written[NUMBER] = "", text[4][96];
	const char *why = standstill(progress);
	if (progress->rows != 0)
		(void)snprintf(written, sizeof written, ", %u %% written", rows_percent(progress));
	if (why != NULL)
		return snprintf(buffer, bytes, "%s%s", why, written);
	if (is_adding_up(now))
		return snprintf(
			buffer, bytes, "adding up, %u %% of the image",
			percent(now->pixels_done + now->held - whole(now), now->image_pixels));
	(void)snprintf(text[0], sizeof text[0], "%s left",
		       clocked(progress_left_s(progress), left));
	(void)snprintf(text[1], sizeof text[1], "%s",
		       now->has_points ? scaled(progress->pixels_per_s, " ", "points/s", rate)
				       : scaled(progress->pixels_per_s, "", "px/s", rate));
	(void)snprintf(text[2], sizeof text[2], "%llu worker%s", (unsigned long long)now->workers,
		       plural(now->workers));
	amount(now, text[3], sizeof text[3]);
	size_t used = 0;
	buffer[0] = '\0';
	for (int i = parts - 1; i >= 0; i--) {
		used += (size_t)snprintf(buffer + used, bytes - used, "%s%s", used == 0 ? "" : ", ",
					 text[i]);
	}
	used += (size_t)snprintf(buffer + used, bytes - used, "%s", written);
	return (int)used;
}

/* The bar and its percentage; `said` is left out where it does not fit. */
static const char *draw(unsigned columns, unsigned share, const char *said,
			char buffer[PROGRESS_TEXT_BYTES])
{
	int room = columns < PROGRESS_TEXT_BYTES ? (int)columns : PROGRESS_TEXT_BYTES - 1;
	room -= (int)sizeof "100 %" - 1;
	int said_columns = said[0] == '\0' ? 0 : (int)strlen(said) + 2;
	if (said_columns + BAR_LEAST + 3 > room) {
		said = "";
		said_columns = 0;
	}
	int cells = room - said_columns - 3;
	cells = cells < 0 ? 0 : cells > BAR_CELLS ? BAR_CELLS : cells;
	char bar[BAR_CELLS + 4] = "";
	if (cells >= BAR_LEAST) {
		int filled = cells * (int)share / 100;
		bar[0] = '[';
		memset(bar + 1, '#', (size_t)filled);
		memset(bar + 1 + filled, '.', (size_t)(cells - filled));
		bar[cells + 1] = ']';
		bar[cells + 2] = ' ';
	}
	(void)snprintf(buffer, PROGRESS_TEXT_BYTES, "%s%3u %%%s%s", bar, share,
		       said[0] == '\0' ? "" : "  ", said);
	return buffer;
}

const char *progress_bar(const struct progress *progress, unsigned columns,
			 char buffer[PROGRESS_TEXT_BYTES])
{
	char said[SAID_BYTES] = "";
	if (progress->is_rendered && progress->rows_written == 0)
		return draw(columns, 100, "rendered", buffer);
	if (progress->is_rendered)
		return draw(columns, rows_percent(progress), "written, 100 % rendered", buffer);
	int parts = 4, least = (int)sizeof "100 %" - 1 + 2 + BAR_LEAST + 3;
	while (parts > 1 && words(progress, parts, said, sizeof said) + least > (int)columns)
		parts--;
	(void)words(progress, parts, said, sizeof said);
	return draw(columns, pixels_percent(progress), said, buffer);
}

const char *progress_line(const struct progress *progress, char buffer[PROGRESS_TEXT_BYTES])
{
	char said[SAID_BYTES];
	if (!progress->is_rendered)
		(void)words(progress, 4, said, sizeof said);
	else if (progress->rows_written == 0)
		(void)snprintf(said, sizeof said, "rendered");
	else
		(void)snprintf(said, sizeof said, "rendered, %u %% written",
			       rows_percent(progress));
	(void)snprintf(buffer, PROGRESS_TEXT_BYTES, "%u %%: %s", pixels_percent(progress), said);
	return buffer;
}

const char *progress_summary(const struct session_summary *summary, uint32_t width_px,
			     uint32_t height_px, int64_t elapsed_ms, const char *path,
			     char buffer[PROGRESS_TEXT_BYTES])
{
	char iterations[NUMBER], rate[NUMBER];
	double render_s = summary->elapsed_ms > 0 ? (double)summary->elapsed_ms / 1000 : 0.001;
	(void)snprintf(buffer, PROGRESS_TEXT_BYTES,
		       "%ux%u in %.2f s (rendered in %.2f s by %llu worker%s: %s, %s) -> %s",
		       (unsigned)width_px, (unsigned)height_px, (double)elapsed_ms / 1000, render_s,
		       (unsigned long long)summary->workers, plural(summary->workers),
		       scaled((double)summary->iterations, " ", "iterations", iterations),
		       scaled((double)summary->iterations / render_s, " ", "iterations/s", rate),
		       path);
	return buffer;
}
