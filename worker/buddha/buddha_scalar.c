/* buddha_scalar.c - one sample after the other, no shortcut: for CPUs without a vector variant. */
#include "worker/buddha/one.h"
#include "worker/kernel/variants.h"

#define POLL_WORK (1u << 24)

bool buddha_scalar(const struct buddha_job *job, uint64_t first, uint64_t count,
		   struct scatter *scatter, const struct escape_poll *poll,
		   uint64_t *ret_iterations)
{
	uint64_t total = 0, next_poll = POLL_WORK;
	for (uint64_t k = first; k < first + count; k++) {
		const struct sample sample = sampler_at(&job->sampler, k);
		if (poll != NULL && total >= next_poll) {
			next_poll = total + POLL_WORK;
			if (!poll->keep_going(poll->context, total)) {
				*ret_iterations = total;
				return false;
			}
		}
		total += one_sample(job, scatter, sample.re, sample.im, sample.weight_log2);
	}
	*ret_iterations = total;
	return true;
}
