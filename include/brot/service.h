/*
 * service.h - renders by a broker and its workers: connect, submit, wait, read the arrays.
 *
 *     brot_connect, brot_submit or brot_attach, brot_job_wait, brot_job_arrays, brot_job_free,
 *     brot_disconnect
 *
 * A broker that dies or is restarted in between is waited for, and its job is submitted again where
 * it was lost: an answer is late then, not wrong. That ends after timeout_ms of silence.
 *
 * Thread rule: any thread may use a service or a job, several at once too; the call that frees one
 * must be the last of it. Each job has a thread and up to three descriptors of its own, over
 * tcp up to seven, which keep it going while nobody waits, and until it is freed; one that is done
 * and whose pixels were copied has one descriptor. A service has two threads and eight descriptors.
 * Where there are not enough of them brot_connect(), brot_submit() and brot_attach() fail with
 * BROT_E_SYSTEM; see api.h. Neither survives fork() in the child.
 */
#ifndef BROT_SERVICE_H
#define BROT_SERVICE_H

#include <brot/request.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct brot_service; /* opaque: a broker, and how to talk to it */
struct brot_job;     /* opaque: one request there, and its image */

/* How to connect. Strings are copied. */
struct brot_connect_options {
	const char *key; /* file of one's own secret certificate, for a tcp broker with keys;
			  * NULL: what BROT_KEY says */
	const char
		*server_key; /* file of the broker's public one; NULL: what BROT_SERVER_KEY says */
	bool is_insecure;    /* tcp beyond this host without keys is allowed */
	bool may_embed;   /* where no broker is to be found, start one, with workers, that ends with
			   * brot_disconnect() or this process: brot-broker and brot-worker must be
			   * installed */
	uint32_t workers; /* processes of an embedded service, which is started whatever else is to
			   * be found: not with a url, nor with what is for tcp; 0: one a core, if
			   * need be */
	int64_t timeout_ms; /* that a broker may be silent before it counts as absent; 0: 10000, and
			     * once it has accepted a job it is waited for without end */
	uint64_t reserved[BROT_RESERVED];
};

/* Finds the broker that a URL names ("ipc:///run/brot/clients", "tcp://HOST:PORT") or, where it is
 * NULL, the one that BROT_BROKER names, the system's, or by may_embed or workers one's own; and
 * asks it whether it is there, for timeout_ms at most: nothing ends that sooner. options NULL: as
 * {0}. What the programs of an embedded service say is not seen, but that the last line of one that
 * has ended is part of the sentence.
 *
 * BROT_E_USAGE: the URL, or the options together, are wrong; BROT_E_UNAVAILABLE: no broker answers;
 * BROT_E_DENIED: it does not let this user in, or others may read the key; BROT_E_NO_INPUT,
 * BROT_E_CONFIG: a key's file; BROT_E_PROTOCOL: that is no broker; BROT_E_SYSTEM. */
BROT_API enum brot_err brot_connect(const char *url, const struct brot_connect_options *options,
				    struct brot_service **ret_service, struct brot_error *err);

/* Ends the use of a service. What it has, an embedded service too, goes with the last of its jobs.
 * Accepts NULL. */
BROT_API void brot_disconnect(struct brot_service *service);

/* The URL in use. Borrowed until brot_disconnect(). */
BROT_API const char *brot_service_url(const struct brot_service *service);

/* How to submit. The string is copied. */
struct brot_submit_options {
	bool is_kept;     /* the job goes on, and its image stays, without this process; not with an
			   * embedded service. An image that is larger than the broker's memory is
			   * in bands, and is gone once it was read: here, before the job is done */
	int32_t priority; /* -100 to 100: among one's jobs the higher ones go first */
	const char *client; /* in whose name: the broker shares its workers fairly between names;
			     * NULL: this job alone counts as one */
	bool is_unshared;   /* get the pixels over the socket even where memory could be shared */
	uint64_t reserved[BROT_RESERVED];
};

/* Submits a request, which may be freed after, and waits until the broker has accepted it, for
 * timeout_ms at most: nothing ends that sooner. A request whose colours need the whole image
 * (histogram, relief, a Buddhabrot's) is submitted as the numbers that they are made of;
 * brot_job_arrays() colours them. options NULL: as {0}.
 *
 * BROT_E_REQUEST, BROT_E_BUSY, BROT_E_NO_SPACE, BROT_E_DENIED, BROT_E_UNAVAILABLE, BROT_E_PROTOCOL,
 * BROT_E_SYSTEM; BROT_E_USAGE for the options. The caller owns *ret_job. */
BROT_API enum brot_err brot_submit(struct brot_service *service, const struct brot_request *request,
				   const struct brot_submit_options *options,
				   struct brot_job **ret_job, struct brot_error *err);

/* How to attach. */
struct brot_attach_options {
	bool may_consume; /* the image may be in bands: they are read once, by one reader, and the
			   * job is gone then, for whoever has submitted it as well */
	bool is_unshared; /* as above */
	uint64_t reserved[BROT_RESERVED];
};

/* A job that there is, by its number. Freed, it is left alone. options NULL: as {0}.
 *
 * BROT_E_NOT_FOUND; BROT_E_USAGE: it is in bands, and for 10 s more nobody else can read them;
 * BROT_E_BUSY: somebody else does; and as above. */
BROT_API enum brot_err brot_attach(struct brot_service *service, uint64_t id,
				   const struct brot_attach_options *options,
				   struct brot_job **ret_job, struct brot_error *err);

/* The job's number at its broker. After that was restarted without a store it may be another. */
BROT_API uint64_t brot_job_id(const struct brot_job *job);

/* What the arrays will be: the request that was submitted, or the job's that was attached to.
 * Borrowed until brot_job_free(). */
BROT_API const struct brot_request *brot_job_request(const struct brot_job *job);

enum brot_state {
	BROT_QUEUED = 1, /* no worker has tiles of it */
	BROT_RUNNING,
	BROT_PAUSED,  /* somebody has paused it */
	BROT_READING, /* it is rendered; its pixels are on the way */
	BROT_DONE,
	BROT_FAILED /* or cancelled: brot_job_wait() says why */
};

/* How far a job is, as the broker said last. */
struct brot_progress {
	enum brot_state state;
	bool is_silent;               /* nothing was heard of the broker for 3 s */
	uint64_t pixels, pixels_done; /* of a Buddhabrot its points count among them */
	uint64_t tiles_done, tiles_running, workers, iterations, elapsed_ms;
	uint64_t reserved[BROT_RESERVED]; /* 0 */
};

/* Waits until the arrays can be had, or for timeout_ms: 0 looks only, a negative one waits for
 * ever. *ret_is_done says which. ret_progress may be NULL; it is set on failure too.
 *
 * BROT_E_FAILED: the workers could not render it; BROT_E_CANCELLED; BROT_E_UNAVAILABLE: silent for
 * too long; BROT_E_NOT_FOUND: somebody else has released it; BROT_E_BUSY: it is in bands, and
 * somebody else reads them; BROT_E_NO_SPACE, BROT_E_DENIED, BROT_E_PROTOCOL, BROT_E_SYSTEM. What
 * has failed once fails so again. */
BROT_API enum brot_err brot_job_wait(struct brot_job *job, int64_t timeout_ms,
				     struct brot_progress *ret_progress, bool *ret_is_done,
				     struct brot_error *err);

/* The arrays of a job that is done, without padding: read-only, and borrowed until brot_job_free().
 * *ret_is_mapped (NULL is allowed) says whether they are the broker's own memory, which nobody has
 * copied. The first call colours what is to be coloured, on all cores.
 *
 * BROT_E_USAGE: the job is not done; BROT_E_SYSTEM: memory or threads are short. */
BROT_API enum brot_err brot_job_arrays(struct brot_job *job,
				       struct brot_array ret_arrays[BROT_PLANES_MAX],
				       bool *ret_is_mapped, struct brot_error *err);

/* Wants the end of a job, whoever has submitted it: brot_job_wait(), of which one that waits in
 * another thread returns at once, fails with BROT_E_CANCELLED then. Nothing happens to one that is
 * done. Does not wait itself. */
BROT_API void brot_job_cancel(struct brot_job *job);

/* Has the broker forget a job that is done, kept or not; the arrays stay. Waits for its answer
 * where the job is kept or somebody else's, timeout_ms at most. One that was in bands, or is
 * neither kept nor somebody else's and was copied, the broker has forgotten when it is done.
 *
 * BROT_E_USAGE: the job is not done; BROT_E_UNAVAILABLE: no answer, so a kept job may still be
 * there, and so it is told again: to try again attach to it; BROT_E_DENIED, BROT_E_PROTOCOL,
 * BROT_E_SYSTEM. */
BROT_API enum brot_err brot_job_release(struct brot_job *job, struct brot_error *err);

/* Unmaps or frees the arrays, and frees the job. One that was submitted and is neither kept nor
 * done is cancelled. Accepts NULL. */
BROT_API void brot_job_free(struct brot_job *job);

#ifdef __cplusplus
}
#endif

#endif
