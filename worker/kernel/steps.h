/*
 * steps.h - the list of iteration steps: what a formula does from z_n to z_(n+1).
 *
 * S(tag, ENUM, name), where tag is what the caller passes on. A step is a line here, its
 * definition in escape_point_tmpl.h, its vector form in step.h, and a row of proto/formula.c that
 * uses it.
 */
#ifndef WORKER_KERNEL_STEPS_H
#define WORKER_KERNEL_STEPS_H

#define ESCAPE_STEPS(S, tag)       \
	S(tag, SQUARE, square)     \
	S(tag, POWER3, power3)     \
	S(tag, POWER4, power4)     \
	S(tag, POWER5, power5)     \
	S(tag, POWER6, power6)     \
	S(tag, BURNING_SHIP, ship) \
	S(tag, TRICORN, tricorn)

#define STEP_ENUM(tag, upper, lower) STEP_##upper,
enum escape_step { ESCAPE_STEPS(STEP_ENUM, ) STEP_COUNT };
#undef STEP_ENUM

#endif
