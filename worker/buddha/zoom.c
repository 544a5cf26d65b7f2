/*
 * zoom.c - the pilot of the zoom sampling, and the densities that follow.
 *
 * Counts are least noisy for the time they take where the density of samples goes with sqrt(q / t):
 * q the mean square of a sample's hits in the view, t its mean cost; and the noise is then
 * proportional to the sum of all leaves' area sqrt(q t). So the pilot takes PILOT_SAMPLES samples
 * of each square, cuts those with a large share of that sum in four, and so on. A square of few
 * samples may have missed what hits it has: its q is mixed with that of the square it was cut
 * from, lest a rare sample should have a great weight.
 *
 * Everything here is f64 arithmetic in a fixed order, and so the same everywhere.
 */
#include "worker/buddha/zoom.h"

#include <math.h>
#include <stdlib.h>

#include "worker/buddha/buddha.h"
#include "worker/kernel/escape_point.h"
#include "worker/kernel/interior.h"

#define PILOT_SAMPLES 8      /* of a square */
#define PILOT_STEPS   512    /* that a sample is followed */
#define PILOT_SHARES  8192   /* a square is cut if its share is over one of so many */
#define PARENT_PART   0.25   /* of a square's q that is its parent's */
#define CLOSE2        1e-14  /* |z - z'|^2 where an orbit is taken to repeat */
#define OPEN_PART     0.0625 /* of one that is not known to be of a band */

/* The cost of a sample in steps: to make it, and of each of its steps where it has hits or not. */
#define COST_MAKE  50.0
#define COST_HITS  1.5
#define COST_STEPS 0.5

struct square {
	struct zoom_leaf leaf;
	double q, t;
};

struct pilot {
	const struct buddha_job *job;
	const struct cells *cells;
	double half_x, half_y;  /* of the view, in the plane */
	struct square *squares; /* leaves, then the squares of the present level; ZOOM_LEAVES fit */
	uint32_t leaves, count;
};

struct point {
	double x, y;
};

/* Rounded as it may be: a pilot's orbits are nobody's reference. */
static struct point point_step(struct point z, struct point c)
{
	return (struct point){z.x * z.x - z.y * z.y + c.x, 2 * z.x * z.y + c.y};
}

/* Whether z or its conjugate is in the view, or within rounding of it. */
static bool is_hit(const struct pilot *p, struct point z)
{
	return pixel_is_about(&p->job->map, z.x, z.y, p->half_x, p->half_y);
}

enum pilot_end { PILOT_ESCAPES, PILOT_STAYS, PILOT_OPEN };

/* How c's orbit ends within that limit, and after how many steps that is known. One that comes
 * close to where it was is taken to stay. */
static enum pilot_end pilot_follow(uint32_t limit, struct point c, uint32_t *ret_n)
{
	const struct interior margin = INTERIOR_F64;
	struct point z = c, kept = c;
	uint32_t keep_at = 16;
	*ret_n = 1;
	if (interior_depth(&margin, c.x, c.y) < 0)
		return PILOT_STAYS;
	for (uint32_t n = 1; n <= limit; n++) {
		*ret_n = n;
		if (!(z.x * z.x + z.y * z.y <= ESCAPE_RADIUS2))
			return PILOT_ESCAPES;
		z = point_step(z, c);
		const double dx = z.x - kept.x, dy = z.y - kept.y;
		if (dx * dx + dy * dy < CLOSE2) {
			/* A kernel waits until it repeats to the last bit. */
			*ret_n = limit;
			return PILOT_STAYS;
		}
		if (n == keep_at) {
			kept = z;
			keep_at *= 2;
		}
	}
	return PILOT_OPEN;
}

/* The mean square of what a sample is expected to add, and its cost. */
static void pilot_sample(const struct pilot *p, struct point c, double *ret_square,
			 double *ret_cost)
{
	const struct buddha_job *job = p->job;
	const uint32_t limit = job->limit < PILOT_STEPS ? job->limit : PILOT_STEPS;
	uint32_t n, hits = 0;
	const enum pilot_end end = pilot_follow(limit, c, &n);
	bool is_wanted = end == PILOT_OPEN && limit < job->limit;
	if (end == PILOT_ESCAPES)
		is_wanted = !job->is_inside && buddha_channels_at(job, n) != 0;
	if (job->is_inside && end != PILOT_ESCAPES) {
		is_wanted = true;
		n = job->hits < PILOT_STEPS ? job->hits : PILOT_STEPS;
	}
	struct point z = c;
	for (uint32_t m = 1; is_wanted && m < n; m++) {
		hits += is_hit(p, z);
		z = point_step(z, c);
	}
	*ret_square = (double)hits * hits * (end == PILOT_OPEN && !job->is_inside ? OPEN_PART : 1);
	*ret_cost = COST_MAKE + n * (is_wanted ? COST_HITS : COST_STEPS);
}

static void square_look(const struct pilot *p, struct square *square, double parent_q)
{
	const struct zoom_leaf leaf = square->leaf;
	const double side = 4.0 / (double)(1 << leaf.level);
	double squares = 0, cost = 0;
	for (uint32_t k = 0; k < PILOT_SAMPLES; k++) {
		const struct philox random = philox_of(
			(struct philox){{k, leaf.column, leaf.row, leaf.level}}, 0, 1);
		const double u = (double)(int64_t)(random.word[0] >> 11) * 0x1p-53;
		const double v = (double)(int64_t)(random.word[1] >> 11) * 0x1p-53;
		const struct point c = {-2 + (leaf.column + u) * side, (leaf.row + v) * side};
		double square_hits, steps;
		pilot_sample(p, c, &square_hits, &steps);
		squares += square_hits;
		cost += steps;
	}
	square->q = (1 - PARENT_PART) * squares / PILOT_SAMPLES + PARENT_PART * parent_q;
	square->t = cost / PILOT_SAMPLES;
}

/* Whether all cells of a square are of no interest; a square smaller than a cell is as its cell. */
static bool square_is_skipped(const struct pilot *p, struct zoom_leaf leaf)
{
	const uint32_t columns = 1u << leaf.level;
	const uint32_t size = columns < CELLS_COLUMNS ? CELLS_COLUMNS / columns : 1;
	const uint32_t shrink = columns > CELLS_COLUMNS ? columns / CELLS_COLUMNS : 1;
	const uint32_t column = leaf.column * size / shrink, row = leaf.row * size / shrink;
	for (uint32_t y = row; y < row + size; y++)
		for (uint32_t x = column; x < column + size; x++)
			if (!cells_is_marked(p->cells, x, y))
				return false;
	return true;
}

/* Adds a square of the present level, unless it adds nothing. */
static void square_add(struct pilot *p, struct zoom_leaf leaf)
{
	if (!square_is_skipped(p, leaf))
		p->squares[p->count++] = (struct square){leaf, 0, 0};
}

static double share_of(const struct square *square)
{
	const int level = square->leaf.level;
	return sqrt(square->q * square->t) / (double)(1ull << (2 * level));
}

/* The squares of the first level: what each has for a parent is all of them. */
static void pilot_start(struct pilot *p, bool is_all)
{
	const uint32_t columns = 1u << ZOOM_LEVEL_MIN;
	double sum = 0;
	p->leaves = p->count = 0;
	for (uint32_t row = 0; row < columns / 2; row++)
		for (uint32_t column = 0; column < columns; column++) {
			const struct zoom_leaf leaf = {(uint16_t)column, (uint16_t)row,
						       ZOOM_LEVEL_MIN, 0};
			if (is_all)
				p->squares[p->count++] = (struct square){leaf, 1, 1};
			else
				square_add(p, leaf);
		}
	for (uint32_t i = 0; i < p->count && !is_all; i++) {
		square_look(p, &p->squares[i], 0);
		sum += p->squares[i].q;
	}
	for (uint32_t i = 0; i < p->count && !is_all; i++)
		p->squares[i].q += PARENT_PART / (1 - PARENT_PART) * sum / p->count;
}

/* Cuts the squares of the present level that have a large share; the others become leaves. */
static bool pilot_cut(struct pilot *p)
{
	double sum = 0;
	for (uint32_t i = 0; i < p->count; i++)
		sum += share_of(&p->squares[i]);
	const double most = sum / PILOT_SHARES;
	const uint32_t end = p->count;
	uint32_t kept = p->leaves, cut = 0;
	struct square *parents = calloc(end - p->leaves + 1, sizeof *parents);
	if (parents == NULL)
		return false;
	for (uint32_t i = p->leaves; i < end; i++) {
		const struct square *square = &p->squares[i];
		const bool is_cut = square->leaf.level < ZOOM_LEVEL_MAX &&
				    share_of(square) > most && end + 3 * (cut + 1) < ZOOM_LEAVES;
		if (is_cut)
			parents[cut++] = *square;
		else
			p->squares[kept++] = *square;
	}
	p->leaves = p->count = kept;
	for (uint32_t i = 0; i < cut; i++) {
		const struct zoom_leaf of = parents[i].leaf;
		for (uint32_t part = 0; part < 4; part++) {
			const uint32_t before = p->count;
			square_add(p, (struct zoom_leaf){(uint16_t)(2 * of.column + part % 2),
							 (uint16_t)(2 * of.row + part / 2),
							 (uint8_t)(of.level + 1), 0});
			if (p->count > before)
				square_look(p, &p->squares[before], parents[i].q);
		}
	}
	free(parents);
	return true;
}

/* The density of a leaf that wishes for q / t, where the most that any wishes for is `most`: to
 * the nearest power of two, in logarithms, of the root of both. */
static uint8_t density_of(double wish, double most)
{
	uint8_t density = ZOOM_DENSITY;
	for (double bound = most / 2; density > 0 && !(wish > bound); bound /= 4)
		density--;
	return density;
}

static struct zoom *zoom_of(struct pilot *p)
{
	struct zoom *zoom = calloc(1, sizeof *zoom + p->count * sizeof zoom->leaves[0]);
	double most = 0;
	for (uint32_t i = 0; i < p->count; i++)
		most = fmax(most, p->squares[i].q / p->squares[i].t);
	for (uint32_t i = 0; i < p->count; i++)
		p->squares[i].leaf.density = density_of(p->squares[i].q / p->squares[i].t, most);
	for (uint32_t class = 0; zoom != NULL && class < ZOOM_CLASSES; class ++) {
		const uint32_t s = ZOOM_CLASSES - 1 - class;
		zoom->first_slot[class] = zoom->slots;
		zoom->first_leaf[class] = zoom->count;
		for (uint32_t i = 0; i < p->count; i++) {
			const struct zoom_leaf leaf = p->squares[i].leaf;
			if (leaf.density + 2u * (ZOOM_LEVEL_MAX - leaf.level) != s)
				continue;
			zoom->leaves[zoom->count++] = leaf;
			zoom->slots += 1ull << s;
		}
		zoom->first_slot[class + 1] = zoom->slots;
		zoom->first_leaf[class + 1] = zoom->count;
	}
	return zoom;
}

struct zoom *zoom_make(const struct buddha_job *job, const struct cells *cells)
{
	struct pilot p = {
		.job = job,
		.cells = cells,
		.half_x = 0.5 * job->map.width / job->map.scale_x,
		.half_y = 0.5 * job->map.height / job->map.scale_y,
		.squares = calloc(ZOOM_LEAVES, sizeof *p.squares),
	};
	if (p.squares == NULL)
		return NULL;
	pilot_start(&p, false);
	bool is_made = true;
	for (int level = ZOOM_LEVEL_MIN; is_made && level <= ZOOM_LEVEL_MAX; level++)
		is_made = pilot_cut(&p);
	if (p.count == 0)
		pilot_start(&p, true);
	struct zoom *zoom = is_made ? zoom_of(&p) : NULL;
	free(p.squares);
	return zoom;
}
