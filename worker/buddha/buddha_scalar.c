/* buddha_scalar.c - one sample after the other: for CPUs without a vector variant. */
#include "worker/buddha/one.h"
#include "worker/kernel/interior.h"
#include "worker/kernel/variants.h"

/* Whether nothing of a sample has to be iterated to tell how it ends. */
static bool is_known(const struct buddha_job *job, const struct sample *sample, bool *ret_is_inside)
{
	const struct interior margin = INTERIOR_F64;
	*ret_is_inside = job->has_shortcuts && interior_depth(&margin, sample->re, sample->im) < 0;
	return *ret_is_inside ||
	       (job->cells != NULL && cells_has(job->cells, sample->re, sample->im));
}

bool buddha_scalar(const struct buddha_job *job, uint64_t first, uint64_t count,
		   struct scatter *scatter, const struct escape_poll *poll,
		   uint64_t *ret_iterations)
{
	struct gate gate = {.poll = poll};
	for (uint64_t k = first; k < first + count && !gate.is_over; k++) {
		const struct sample sample = sampler_at(&job->sampler, k);
		bool is_inside;
		if (!is_known(job, &sample, &is_inside))
			(void)one_sample(job, scatter, &gate, sample.re, sample.im,
					 sample.weight_log2);
		else if (is_inside && job->is_inside)
			one_inside(job, scatter, &gate, sample.re, sample.im, sample.weight_log2);
		(void)gate_pass(&gate, 1);
	}
	*ret_iterations = gate.iterations;
	return !gate.is_over;
}
