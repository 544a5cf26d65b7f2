/* parse.c - the JSON that peers say. */
#include "broker/parse.h"

#include <jansson.h>
#include <string.h>

#include "proto/hex.h"
#include "proto/quote.h"

/* jansson quotes what the peer wrote. */
#define REASON_BYTES 160

/* Of SUBMIT around the request. */
#define ENVELOPE_BYTES 128

/* Loads a message's body and unpacks it strictly, as json_unpack_ex() does. The caller owns the
 * returned tree, which the unpacked strings belong to. */
static json_t *load(const struct message *m, struct brot_error *err)
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

static enum brot_err misfit(const struct message *m, const json_error_t *why,
			    struct brot_error *err)
{
	char said[REASON_BYTES];
	return error_set(err, BROT_E_PROTOCOL, "%s: %s", message_name(m->type),
			 quote_text(why->text, strlen(why->text), said, sizeof said));
}

static bool is_printable(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"')
			return false;
	return true;
}

static enum brot_err copy_name(const struct message *m, const char *field, const char *from,
			       char to[LIMIT_NAME_CHARS + 1], struct brot_error *err)
{
	if (strlen(from) > LIMIT_NAME_CHARS || !is_printable(from))
		return error_set(err, BROT_E_PROTOCOL,
				 "%s: %s must have at most %d printable characters",
				 message_name(m->type), field, LIMIT_NAME_CHARS);
	strcpy(to, from);
	return BROT_OK;
}

static enum brot_err copy_kernels(const struct message *m, const json_t *list,
				  struct worker_info *info, struct brot_error *err)
{
	if (!json_is_array(list))
		return error_set(err, BROT_E_PROTOCOL, "HELLO: kernels must be a list");
	if (json_array_size(list) > LIMIT_KERNELS)
		return error_set(err, BROT_E_PROTOCOL, "HELLO: kernels must be at most %d, got %zu",
				 LIMIT_KERNELS, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (name == NULL)
			return error_set(err, BROT_E_PROTOCOL, "HELLO: kernels must be strings");
		enum brot_err code = copy_name(m, "kernels", name,
					       info->kernels[info->kernel_count++], err);
		if (code != BROT_OK)
			return code;
	}
	return BROT_OK;
}

static enum brot_err copy_speed(const json_t *of_kernel, uint64_t speed[PRECISION_COUNT],
				struct brot_error *err)
{
	if (json_object_size(of_kernel) != PRECISION_COUNT)
		return error_set(err, BROT_E_PROTOCOL,
				 "HELLO: speeds of a kernel must be an object of %d",
				 PRECISION_COUNT);
	for (int p = 0; p < PRECISION_COUNT; p++) {
		const char *name = precision_name((enum precision)p);
		const json_t *value = json_object_get(of_kernel, name);
		if (json_integer_value(value) < 1 || json_integer_value(value) > LIMIT_SPEED)
			return error_set(err, BROT_E_PROTOCOL,
					 "HELLO: speeds must have %s as an integer of 1..%lld",
					 name, (long long)LIMIT_SPEED);
		speed[p] = (uint64_t)json_integer_value(value);
	}
	return BROT_OK;
}

/* speeds: {kernel: {precision: iterations a second}}, of kernels that have been copied. */
static enum brot_err copy_speeds(json_t *speeds, struct worker_info *info, struct brot_error *err)
{
	const char *name;
	json_t *of_kernel;
	if (speeds != NULL && !json_is_object(speeds))
		return error_set(err, BROT_E_PROTOCOL, "HELLO: speeds must be an object");
	json_object_foreach(speeds, name, of_kernel)
	{
		uint32_t k = 0;
		while (k < info->kernel_count && strcmp(info->kernels[k], name) != 0)
			k++;
		if (k == info->kernel_count)
			return error_set(err, BROT_E_PROTOCOL,
					 "HELLO: speeds must be of names in kernels");
		enum brot_err code = copy_speed(of_kernel, info->speeds[k], err);
		if (code != BROT_OK)
			return code;
	}
	return BROT_OK;
}

static enum brot_err hello_fields(const struct message *m, json_t *json,
				  struct worker_info *ret_info, struct brot_error *err)
{
	json_error_t why;
	json_int_t brot, pid, threads;
	const char *version, *id, *name, *kernel;
	json_t *kernels, *speeds = NULL;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:I, s:s, s:s, s:s, s:I, s:I, s:s, s:o, s?o}",
			   "brot", &brot, "version", &version, "worker", &id, "name", &name, "pid",
			   &pid, "threads", &threads, "kernel", &kernel, "kernels", &kernels,
			   "speeds", &speeds) != 0)
		return misfit(m, &why, err);
	struct worker_info info = {.pid = pid};
	if (brot != MESSAGE_VERSION)
		return error_set(err, BROT_E_PROTOCOL, "HELLO: brot must be %d, got %lld",
				 MESSAGE_VERSION, (long long)brot);
	if (!hex_read(id, info.id, sizeof info.id))
		return error_set(err, BROT_E_PROTOCOL,
				 "HELLO: worker must be 32 hexadecimal digits");
	if (threads < 1 || threads > LIMIT_CREDIT)
		return error_set(err, BROT_E_PROTOCOL, "HELLO: threads must be 1..%d, got %lld",
				 LIMIT_CREDIT, (long long)threads);
	info.threads = (uint32_t)threads;
	enum brot_err code = copy_name(m, "name", name, info.name, err);
	if (code == BROT_OK)
		code = copy_name(m, "version", version, info.version, err);
	if (code == BROT_OK)
		code = copy_name(m, "kernel", kernel, info.kernel, err);
	if (code == BROT_OK)
		code = copy_kernels(m, kernels, &info, err);
	if (code == BROT_OK)
		code = copy_speeds(speeds, &info, err);
	if (code == BROT_OK)
		*ret_info = info;
	return code;
}

enum brot_err parse_hello(const struct message *m, struct worker_info *ret_info,
			  struct brot_error *err)
{
	json_t *json = load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	enum brot_err code = hello_fields(m, json, ret_info, err);
	json_decref(json);
	return code;
}

enum brot_err parse_submit(const struct message *m, uint8_t ret_key[SCHED_KEY_BYTES],
			   bool *ret_has_key, struct request *ret_request, struct brot_error *err)
{
	if (m->body.size > LIMIT_REQUEST_BYTES + ENVELOPE_BYTES)
		return error_set(err, BROT_E_REQUEST,
				 "request: must have at most %d bytes, got %zu",
				 LIMIT_REQUEST_BYTES, m->body.size);
	json_t *json = load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	const char *key;
	json_t *request;
	enum brot_err code;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:s, s:o}", "key", &key, "request",
			   &request) != 0) {
		code = misfit(m, &why, err);
	} else if (!hex_read(key, ret_key, SCHED_KEY_BYTES)) {
		code = error_set(err, BROT_E_PROTOCOL, "SUBMIT: key must be 32 hexadecimal digits");
	} else {
		*ret_has_key = true;
		code = request_from_json(request, ret_request, err);
	}
	json_decref(json);
	return code;
}

enum brot_err parse_job(const struct message *m, uint64_t *ret_job, struct brot_error *err)
{
	json_t *json = load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	json_int_t job;
	enum brot_err code = BROT_OK;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:I}", "job", &job) != 0)
		code = misfit(m, &why, err);
	else if (job < 1)
		code = error_set(err, BROT_E_PROTOCOL, "%s: job must be over 0, got %lld",
				 message_name(m->type), (long long)job);
	else
		*ret_job = (uint64_t)job;
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
	json_t *json = load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	json_t *list;
	enum brot_err code;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:o}", "jobs", &list) != 0)
		code = misfit(m, &why, err);
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
	json_t *json = load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	json_int_t job, plane, x, y, w, h;
	enum brot_err code = BROT_OK;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{s:I, s:I, s:I, s:I, s:I, s:I}", "job", &job,
			   "plane", &plane, "x", &x, "y", &y, "w", &w, "h", &h) != 0)
		code = misfit(m, &why, err);
	else if (job < 1 || !is_u32(plane) || !is_u32(x) || !is_u32(y) || !is_u32(w) || !is_u32(h))
		code = error_set(err, BROT_E_PROTOCOL,
				 "FETCH: job must be over 0, and the others 0..2^32 - 1");
	else
		*ret_fetch = (struct fetch){
			.job = (uint64_t)job,
			.plane = (uint32_t)plane,
			.rect = {(uint32_t)x, (uint32_t)y, (uint32_t)w, (uint32_t)h},
		};
	json_decref(json);
	return code;
}

enum brot_err parse_nothing(const struct message *m, struct brot_error *err)
{
	json_t *json = load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	json_error_t why;
	enum brot_err code = BROT_OK;
	if (json_unpack_ex(json, &why, JSON_STRICT, "{}") != 0)
		code = misfit(m, &why, err);
	json_decref(json);
	return code;
}
