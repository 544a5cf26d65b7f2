/*
 * steps.h - lets a test kill a program at a named step.
 *
 * In a program built with -DBROT_STEPS=ON (for tests of recovery), step_reached("name") sends the
 * process SIGKILL where the environment has BROT_DIE_AT=name, at the BROT_DIE_COUNT-th time (1
 * unless set). In any other build it is nothing.
 *
 * Thread-safe.
 */
#ifndef PROTO_SYS_STEPS_H
#define PROTO_SYS_STEPS_H

#ifdef BROT_STEPS
void step_reached(const char *name);
#else
#define step_reached(name) ((void)0)
#endif

#endif
