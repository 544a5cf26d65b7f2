/* parse.c - the JSON that peers say. */
#include <stdarg.h>
#include <string.h>

#include "broker/parse_internal.h"
#include "proto/hex.h"
#include "proto/quote.h"

/* jansson quotes what the peer wrote. */
#define REASON_BYTES 160

/* Of SUBMIT around the request; every character of a name may be escaped. */
#define ENVELOPE_BYTES (192 + 6 * LIMIT_NAME_CHARS)

json_t *parse_load(const struct message *m, struct brot_error *err)
{
	json_error_t why;
	json_t *json = json_loadb(m->body.data, m->body.size, JSON_REJECT_DUPLICATES, &why);
	char said[REASON_BYTES];
	if (json == NULL)
		error_set(err, BROT_E_PROTOCOL, "%s: body is not JSON: %s at line %d column %d",
			  message_name(m->type),
			  quote_text(why.text, strlen(why.text), said, sizeof said), why.line,
			  why.column);
	return json;
}

enum brot_err parse_misfit(const struct message *m, const json_error_t *why, struct brot_error *err)
{
	char said[REASON_BYTES];
	return error_set(err, BROT_E_PROTOCOL, "%s: %s", message_name(m->type),
			 quote_text(why->text, strlen(why->text), said, sizeof said));
}

static bool is_printable(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (quote_control_bytes(p) != 0 || *p == '"')
			return false;
	return true;
}

enum brot_err parse_name(const struct message *m, const char *field, const char *from,
			 bool may_be_empty, char to[LIMIT_NAME_CHARS + 1], struct brot_error *err)
{
	if ((*from == '\0' && !may_be_empty) || strlen(from) > LIMIT_NAME_CHARS ||
	    !is_printable(from))
		return error_set(err, BROT_E_PROTOCOL,
				 "%s: %s must have %s %d printable characters",
				 message_name(m->type), field, may_be_empty ? "at most" : "1 to",
				 LIMIT_NAME_CHARS);
	strcpy(to, from);
	return BROT_OK;
}

/* Unpacks a body that is made of numbers alone, so that nothing of it need be kept. */
static enum brot_err unpack_numbers(const struct message *m, struct brot_error *err,
				    const char *format, ...)
{
	json_t *json = parse_load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	enum brot_err code = BROT_OK;
	va_list values;
	va_start(values, format);
	if (json_vunpack_ex(json, &why, JSON_STRICT, format, values) != 0)
		code = parse_misfit(m, &why, err);
	va_end(values);
	json_decref(json);
	return code;
}

static enum brot_err check_job(const struct message *m, json_int_t job, struct brot_error *err)
{
	if (job < 1)
		return error_set(err, BROT_E_PROTOCOL, "%s: job must be over 0, got %lld",
				 message_name(m->type), (long long)job);
	return BROT_OK;
}

static enum brot_err check_range(const struct message *m, const char *field, json_int_t value,
				 json_int_t least, json_int_t most, struct brot_error *err)
{
	if (value < least || value > most)
		return error_set(err, BROT_E_PROTOCOL, "%s: %s must be %lld..%lld, got %lld",
				 message_name(m->type), field, (long long)least, (long long)most,
				 (long long)value);
	return BROT_OK;
}

/* What stands beside the request, which *ret_request is set to. */
static enum brot_err submit_fields(const struct message *m, json_t *json, struct submit *submit,
				   json_t **ret_request, struct brot_error *err)
{
	json_error_t why;
	const char *key, *client = NULL;
	json_int_t priority = 0;
	int is_kept = 0;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:s, s:o, s?b, s?I, s?s}", "key", &key,
			   "request", ret_request, "keep", &is_kept, "priority", &priority,
			   "client", &client) != 0)
		return parse_misfit(m, &why, err);
	if (!hex_read(key, submit->key, sizeof submit->key))
		return error_set(err, BROT_E_PROTOCOL, "SUBMIT: key must be 32 hexadecimal digits");
	submit->has_key = true;
	enum brot_err code = check_range(m, "priority", priority, -LIMIT_PRIORITY, LIMIT_PRIORITY,
					 err);
	if (code == BROT_OK && client != NULL)
		code = parse_name(m, "client", client, false, submit->client, err);
	submit->is_kept = is_kept != 0;
	submit->priority = (int32_t)priority;
	return code;
}

enum brot_err parse_submit(const struct message *m, struct submit *ret_submit,
			   struct brot_error *err)
{
	struct submit submit = {0};
	if (m->body.size > LIMIT_REQUEST_BYTES + ENVELOPE_BYTES)
		return error_set(err, BROT_E_REQUEST,
				 "request: must have at most %d bytes, got %zu",
				 LIMIT_REQUEST_BYTES, m->body.size);
	json_t *json = parse_load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_t *request;
	enum brot_err code = submit_fields(m, json, &submit, &request, err);
	if (code == BROT_OK)
		code = request_from_json(request, &submit.request, err);
	json_decref(json);
	if (code == BROT_OK) {
		*ret_submit = submit;
	} else if (submit.has_key) {
		memcpy(ret_submit->key, submit.key, sizeof submit.key);
		ret_submit->has_key = true;
	}
	return code;
}

enum brot_err parse_job(const struct message *m, uint64_t *ret_job, struct brot_error *err)
{
	json_int_t job;
	enum brot_err code = unpack_numbers(m, err, "{s:I}", "job", &job);
	if (code == BROT_OK)
		code = check_job(m, job, err);
	if (code == BROT_OK)
		*ret_job = (uint64_t)job;
	return code;
}

enum brot_err parse_release(const struct message *m, uint64_t *ret_job, uint32_t *ret_band,
			    struct brot_error *err)
{
	const json_int_t none = INT64_MIN;
	json_int_t job, band = none;
	enum brot_err code = unpack_numbers(m, err, "{s:I, s?I}", "job", &job, "band", &band);
	if (code == BROT_OK)
		code = check_job(m, job, err);
	if (code == BROT_OK && band != none)
		code = check_range(m, "band", band, 0, LIMIT_SIZE_PX - 1, err);
	if (code == BROT_OK) {
		*ret_job = (uint64_t)job;
		*ret_band = band != none ? (uint32_t)band : SCHED_ALL_BANDS;
	}
	return code;
}

enum brot_err parse_priority(const struct message *m, uint64_t *ret_job, int32_t *ret_priority,
			     struct brot_error *err)
{
	json_int_t job, priority;
	enum brot_err code = unpack_numbers(m, err, "{s:I, s:I}", "job", &job, "priority",
					    &priority);
	if (code == BROT_OK)
		code = check_job(m, job, err);
	if (code == BROT_OK)
		code = check_range(m, "priority", priority, -LIMIT_PRIORITY, LIMIT_PRIORITY, err);
	if (code == BROT_OK) {
		*ret_job = (uint64_t)job;
		*ret_priority = (int32_t)priority;
	}
	return code;
}

enum brot_err parse_history(const struct message *m, uint32_t *ret_limit, uint64_t *ret_before,
			    struct brot_error *err)
{
	const json_int_t none = INT64_MIN;
	json_int_t limit, before = none;
	enum brot_err code = unpack_numbers(m, err, "{s:I, s?I}", "limit", &limit, "before",
					    &before);
	if (code == BROT_OK)
		code = check_range(m, "limit", limit, 1, LIMIT_HISTORY, err);
	if (code == BROT_OK && before != none)
		code = check_range(m, "before", before, 1, INT64_MAX, err);
	if (code == BROT_OK) {
		*ret_limit = (uint32_t)limit;
		*ret_before = before != none ? (uint64_t)before : 0;
	}
	return code;
}

enum brot_err parse_drain_worker(const struct message *m, char ret_worker[LIMIT_NAME_CHARS + 1],
				 struct brot_error *err)
{
	json_t *json = parse_load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	const char *worker;
	enum brot_err code;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:s}", "worker", &worker) != 0)
		code = parse_misfit(m, &why, err);
	else
		code = parse_name(m, "worker", worker, false, ret_worker, err);
	json_decref(json);
	return code;
}

static enum brot_err watch_ids(const json_t *list, uint64_t *ret_jobs, size_t *ret_count,
			       struct brot_error *err)
{
	size_t count = json_array_size(list);
	if (!json_is_array(list) || count > LIMIT_JOBS_PER_CLIENT)
		return error_set(err, BROT_E_PROTOCOL, "WATCH: jobs must be a list of at most %d",
				 LIMIT_JOBS_PER_CLIENT);
	for (size_t i = 0; i < count; i++)
		if (json_integer_value(json_array_get(list, i)) < 1)
			return error_set(err, BROT_E_PROTOCOL,
					 "WATCH: jobs must be integers over 0");
	for (size_t i = 0; i < count; i++)
		ret_jobs[i] = (uint64_t)json_integer_value(json_array_get(list, i));
	*ret_count = count;
	return BROT_OK;
}

enum brot_err parse_watch(const struct message *m, uint64_t ret_jobs[LIMIT_JOBS_PER_CLIENT],
			  size_t *ret_count, struct brot_error *err)
{
	json_t *json = parse_load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	json_t *list;
	enum brot_err code;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:o}", "jobs", &list) != 0)
		code = parse_misfit(m, &why, err);
	else
		code = watch_ids(list, ret_jobs, ret_count, err);
	json_decref(json);
	return code;
}

static bool is_u32(json_int_t value)
{
	return value >= 0 && value <= UINT32_MAX;
}

enum brot_err parse_fetch(const struct message *m, struct fetch *ret_fetch, struct brot_error *err)
{
	json_int_t job, plane, x, y, w, h, seen;
	int is_preview = 0;
	enum brot_err code = unpack_numbers(m, err, "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s?b}",
					    "job", &job, "plane", &plane, "x", &x, "y", &y, "w", &w,
					    "h", &h, "seen", &seen, "preview", &is_preview);
	if (code != BROT_OK)
		return code;
	if (job < 1 || !is_u32(plane) || !is_u32(x) || !is_u32(y) || !is_u32(w) || !is_u32(h))
		return error_set(err, BROT_E_PROTOCOL,
				 "FETCH: job must be over 0, and the others 0..2^32 - 1");
	code = check_range(m, "seen", seen, 0, INT64_MAX, err);
	if (code == BROT_OK)
		*ret_fetch = (struct fetch){
			.job = (uint64_t)job,
			.plane = (uint32_t)plane,
			.rect = {(uint32_t)x, (uint32_t)y, (uint32_t)w, (uint32_t)h},
			.seen = (uint64_t)seen,
			.is_preview = is_preview != 0,
		};
	return code;
}

enum brot_err parse_nothing(const struct message *m, struct brot_error *err)
{
	return unpack_numbers(m, err, "{}");
}
