/*
 * steps.h - lets a test kill a program at a named step, and give it numbers that no user can.
 *
 * In a program built with -DBROT_STEPS=ON (for tests of recovery), step_reached("name") sends the
 * process SIGKILL where the environment has BROT_DIE_AT=name, at the BROT_DIE_COUNT-th time (1
 * unless set), and step_number("NAME", usual) is the whole number that the environment has under
 * that name, or `usual`. In any other build the first is nothing and the second is `usual`.
 *
 * Thread-safe.
 */
#ifndef PROTO_SYS_STEPS_H
#define PROTO_SYS_STEPS_H

#include <stdint.h>

#ifdef BROT_STEPS
void step_reached(const char *name);
int64_t step_number(const char *name, int64_t usual);
#else
#define step_reached(name)       ((void)0)
#define step_number(name, usual) (usual)
#endif

#endif
