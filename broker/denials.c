/* denials.c - one bucket for all answers, one for all lines. */
#include "broker/denials.h"

#include <inttypes.h>

#include "proto/limits.h"
#include "proto/sys/log.h"

#define SECOND_US 1000000
#define LOG_MS    1000

bool denials_may_answer(struct denials *denials, int64_t now_ms)
{
	const int64_t now_us = now_ms * 1000;
	int64_t due_us = denials->due_us > now_us ? denials->due_us : now_us;
	due_us += SECOND_US / LIMIT_DENIALS;
	if (due_us > now_us + SECOND_US)
		return false;
	denials->due_us = due_us;
	return true;
}

void denials_log(struct denials *denials, const struct principal *who, const char *why,
		 int64_t now_ms)
{
	denials->unlogged++;
	if (now_ms < denials->log_ms)
		return;
	log_line(LOG_LEVEL_WARNING, "denied who=%s count=%" PRIu64 " text=\"%s\"",
		 who->name[0] != '\0' ? who->name : "unknown", denials->unlogged, why);
	denials->unlogged = 0;
	denials->log_ms = now_ms + LOG_MS;
}
