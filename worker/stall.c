/* stall.c - a thread that does not move. */
#include "worker/stall.h"

int64_t stall_look(struct stall *stall, bool is_working, uint64_t steps, int64_t now_ms)
{
	if (!is_working || steps != stall->steps) {
		stall->steps = steps;
		stall->moved_ms = now_ms;
	}
	return now_ms - stall->moved_ms;
}
