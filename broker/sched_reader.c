/*
 * sched_reader.c - for whom the bands of a job are.
 *
 * A band is read once: its RELEASE drops it, and who wants it again has to start the job from the
 * top. So the bands are for one connection at a time, the job's reader, for as long as it is heard.
 *
 * A client that connects again is another peer to us, and a restarted broker knows none. So who
 * begins to watch within lost_ms of the reader's last word, or of a restore, is its heir: the
 * bands are for it from then on. Who has watched for longer is somebody else, and a reader that
 * another has taken the place of is no heir: either may wait for bands that are gone.
 */
#include "broker/sched_internal.h"

static bool is_recent(const struct sched *s, int64_t then_ms)
{
	return s->now_ms - then_ms < s->limits.lost_ms;
}

/* Whether the reader, or the place that a restored job keeps for it, still counts. */
static bool is_held(const struct sched *s, const struct job *job)
{
	return job->reader_ms != INT64_MIN && is_recent(s, job->reader_ms);
}

static bool is_heir(const struct sched *s, const struct job *job, const struct watcher *watcher)
{
	return job->reader_ms != INT64_MIN && watcher->since_ms >= job->reader_ms &&
	       watcher->since_ms - job->reader_ms < s->limits.lost_ms &&
	       is_recent(s, watcher->seen_ms);
}

bool reader_may_be(const struct sched *s, const struct job *job, uint64_t peer)
{
	bool has_heir = false;
	if (job->reader != 0 && is_held(s, job))
		return job->reader == peer;
	for (uint32_t i = 0; i < job->watcher_count; i++) {
		if (!is_heir(s, job, &job->watchers[i]))
			continue;
		if (job->watchers[i].peer == peer)
			return true;
		has_heir = true;
	}
	return !has_heir;
}

bool reader_is_awaited(const struct sched *s, const struct job *job)
{
	bool is_expected = job->reader == 0 && job->reader_ms != INT64_MIN;
	return is_expected && (job->awaits_tick || is_held(s, job));
}

void reader_take(struct sched *s, struct job *job, uint64_t peer)
{
	job->reader = peer;
	job->reader_ms = s->now_ms;
	job_watch(s, job, peer);
}
