/*
 * escape_point_tmpl.h - the text of escape_point.h that is the same for both precisions.
 *
 * REAL is the type, REAL_NAME(a) a name of its own, REAL_FMA and REAL_ABS its functions. Included
 * more than once.
 */

struct REAL_NAME(orbit) {
	REAL x, y;   /* z */
	REAL cr, ci; /* c */
};

static inline void REAL_NAME(orbit_square_add)(struct REAL_NAME(orbit) * o)
{
	const REAL p = o->x - o->y, q = o->x + o->y;
	o->y = REAL_FMA(o->x + o->x, o->y, o->ci);
	o->x = REAL_FMA(p, q, o->cr);
}

static inline void REAL_NAME(orbit_square_multiply)(struct REAL_NAME(orbit) * o)
{
	const REAL t = REAL_FMA(-o->y, o->y, o->cr);
	o->y = REAL_FMA(o->x + o->x, o->y, o->ci);
	o->x = REAL_FMA(o->x, o->x, t);
}

/* z^power + c for power 3 to 6. */
static inline void REAL_NAME(orbit_power)(struct REAL_NAME(orbit) * o, int power)
{
	const REAL x = o->x, y = o->y, xx = x * x, yy = y * y;
	/* z^2, and z^3 where that is on the way. */
	const REAL re2 = REAL_FMA(-y, y, xx), im2 = (x + x) * y;
	const REAL re3 = REAL_FMA(-3, yy, xx), im3 = REAL_FMA(-y, y, 3 * xx);
	if (power == 3) {
		o->x = REAL_FMA(x, re3, o->cr);
		o->y = REAL_FMA(y, im3, o->ci);
	} else if (power == 5) {
		const REAL re4 = REAL_FMA(-im2, im2, re2 * re2), im4 = (re2 + re2) * im2;
		o->x = REAL_FMA(re4, x, REAL_FMA(-im4, y, o->cr));
		o->y = REAL_FMA(re4, y, REAL_FMA(im4, x, o->ci));
	} else {
		const REAL p = power == 4 ? re2 : x * re3, q = power == 4 ? im2 : y * im3;
		o->x = REAL_FMA(p, p, REAL_FMA(-q, q, o->cr));
		o->y = REAL_FMA(p + p, q, o->ci);
	}
}

/* From z_k to z_(k+1). The two forms of the square differ in rounding alone; they alternate so
 * that both the multipliers and the adders of a CPU have work. */
static inline void REAL_NAME(orbit_step)(struct REAL_NAME(orbit) * o, enum escape_step step,
					 bool k_is_odd)
{
	const struct REAL_NAME(orbit) z = *o;
	switch (step) {
	case STEP_SQUARE:
		if (k_is_odd)
			REAL_NAME(orbit_square_multiply)(o);
		else
			REAL_NAME(orbit_square_add)(o);
		break;
	case STEP_POWER3:
		REAL_NAME(orbit_power)(o, 3);
		break;
	case STEP_POWER4:
		REAL_NAME(orbit_power)(o, 4);
		break;
	case STEP_POWER5:
		REAL_NAME(orbit_power)(o, 5);
		break;
	case STEP_POWER6:
		REAL_NAME(orbit_power)(o, 6);
		break;
	case STEP_BURNING_SHIP:
		o->x = REAL_FMA(z.x, z.x, REAL_FMA(-z.y, z.y, z.cr));
		o->y = REAL_FMA(REAL_ABS(z.x + z.x), REAL_ABS(z.y), z.ci);
		break;
	case STEP_TRICORN:
		o->x = REAL_FMA(z.x, z.x, REAL_FMA(-z.y, z.y, z.cr));
		o->y = REAL_FMA(-(z.x + z.x), z.y, z.ci);
		break;
	case STEP_COUNT:
		break;
	}
}

static inline REAL REAL_NAME(orbit_square)(const struct REAL_NAME(orbit) * o)
{
	return REAL_FMA(o->x, o->x, o->y * o->y);
}

/* Where the sample at (re, im) starts: z_0 and c. */
static inline struct REAL_NAME(orbit)
	REAL_NAME(orbit_of)(const struct escape_task *task, double re, double im)
{
	if (task->is_julia)
		return (struct REAL_NAME(orbit)){(REAL)re, (REAL)im, (REAL)task->c_re,
						 (REAL)task->c_im};
	return (struct REAL_NAME(orbit)){0, 0, (REAL)re, (REAL)im};
}

/* Iterates the sample at (re, im) up to the task's limit. Fills in smooth_n and smooth_r only if
 * the task wants them and it escapes. Past the escape all squares take the one form. */
static inline struct escape_result
REAL_NAME(escape_point)(const struct escape_task *task, enum escape_step step, double re, double im)
{
	struct escape_result result = {0};
	struct REAL_NAME(orbit) z = REAL_NAME(orbit_of)(task, re, im);
	uint32_t n = 0;
	do {
		if (n == task->limit)
			return result;
		REAL_NAME(orbit_step)(&z, step, n % 2 == 1);
		n++;
	} while (REAL_NAME(orbit_square)(&z) <= ESCAPE_RADIUS2);
	result.iterations = n;
	if (task->whole == NULL)
		return result;
	const uint32_t cap = n + SMOOTH_STEPS_MAX;
	while (REAL_NAME(orbit_square)(&z) <= (REAL)SMOOTH_RADIUS2 && n < cap) {
		REAL_NAME(orbit_step)(&z, step, true);
		n++;
	}
	result.smooth_n = n;
	result.smooth_r = fma((double)z.x, (double)z.x, (double)z.y * (double)z.y);
	return result;
}
