/* sums.c - grids are added up between the messages of peers. */
#include "broker/grids.h"
#include "broker/server_internal.h"
#include "proto/sys/clock.h"
#include "proto/sys/steps.h"

void sums_turn(struct server *server)
{
	if (server->sum.work == 0)
		return;
	const struct sched_action action = server->sum;
	struct brot_error why;
	server->sum.work = 0;
	struct sched_event event = {.type = EVENT_SUMMED, .work = action.work};
	event.code = grids_sum(server->images, &action, &why);
	event.text = event.code != BROT_OK ? why.text : NULL;
	step_reached("rows-summed");
	server->now_ms = event.now_ms = clock_ms();
	server_step(server, &event);
}
