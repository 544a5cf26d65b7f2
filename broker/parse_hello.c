/* parse_hello.c - what a worker says of itself. */
#include <string.h>

#include "broker/parse_internal.h"
#include "proto/hex.h"

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
		enum brot_err code = parse_name(m, "kernels", name, true,
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
		return parse_misfit(m, &why, err);
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
	enum brot_err code = parse_name(m, "name", name, true, info.name, err);
	if (code == BROT_OK)
		code = parse_name(m, "version", version, true, info.version, err);
	if (code == BROT_OK)
		code = parse_name(m, "kernel", kernel, true, info.kernel, err);
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
	json_t *json = parse_load(m, err);
	if (json == NULL)
		return BROT_E_PROTOCOL;
	enum brot_err code = hello_fields(m, json, ret_info, err);
	json_decref(json);
	return code;
}
