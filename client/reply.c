/* reply.c - typed access to a stranger's JSON. */
#include "client/reply.h"

#include <string.h>

#define OTHER_READER "being read by another client"

/* What a broker says, behind the message's name, at its endpoint for workers. */
#define WRONG_ENDPOINT ": is for the broker's endpoint for clients"

enum brot_err reply_parse(const struct message *m, json_t **ret_json, struct brot_error *err)
{
	json_error_t error;
	json_t *json = json_loadb(m->body.data, m->body.size, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(json)) {
		*ret_json = json;
		return BROT_OK;
	}
	bool is_json = json != NULL;
	json_decref(json);
	return error_set(err, BROT_E_PROTOCOL, "the broker sent %s whose body must be %s",
			 message_name(m->type),
			 is_json ? "an object, and is not" : "JSON, and is not");
}

static enum brot_err wrong(const char *key, const char *rule, struct brot_error *err)
{
	return error_set(err, BROT_E_PROTOCOL,
			 "the broker sent an answer whose \"%s\" must be %s, "
			 "and is not",
			 key, rule);
}

enum brot_err reply_u64(const json_t *json, const char *key, uint64_t *ret, struct brot_error *err)
{
	const json_t *value = json_object_get(json, key);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong(key, "a whole number from 0 on", err);
	*ret = (uint64_t)json_integer_value(value);
	return BROT_OK;
}

enum brot_err reply_i64(const json_t *json, const char *key, int64_t *ret, struct brot_error *err)
{
	const json_t *value = json_object_get(json, key);
	if (!json_is_integer(value))
		return wrong(key, "a whole number", err);
	*ret = json_integer_value(value);
	return BROT_OK;
}

enum brot_err reply_text(const json_t *json, const char *key, const char **ret,
			 struct brot_error *err)
{
	const char *text = json_string_value(json_object_get(json, key));
	if (text == NULL)
		return wrong(key, "a string", err);
	*ret = text;
	return BROT_OK;
}

enum brot_err reply_object(const json_t *json, const char *key, json_t **ret,
			   struct brot_error *err)
{
	json_t *value = json_object_get(json, key);
	if (!json_is_object(value))
		return wrong(key, "an object", err);
	*ret = value;
	return BROT_OK;
}

enum brot_err reply_list(const json_t *json, const char *key, json_t **ret, struct brot_error *err)
{
	json_t *value = json_object_get(json, key);
	if (!json_is_array(value))
		return wrong(key, "a list", err);
	*ret = value;
	return BROT_OK;
}

enum brot_err reply_failure(const json_t *json, struct brot_error *err)
{
	const char *name = "", *text = "";
	enum brot_err code = reply_text(json, "error", &name, err);
	if (code == BROT_OK)
		code = reply_text(json, "text", &text, err);
	if (code != BROT_OK)
		return code;
	code = error_code_of_name(name);
	if (code == BROT_OK)
		code = BROT_E_PROTOCOL;
	return error_set(err, code, "%s", text[0] == '\0' ? "the broker gives no reason" : text);
}

bool reply_is_of_reader(const struct brot_error *error)
{
	return error->code == BROT_E_BUSY && strstr(error->text, OTHER_READER) != NULL;
}

enum brot_err reply_refusal(const json_t *json, const char *url, struct brot_error *err)
{
	enum brot_err code = reply_failure(json, err);
	if (code != BROT_E_PROTOCOL || strstr(err->text, WRONG_ENDPOINT) == NULL)
		return code;
	return error_set(err, code, "%.150s: this is not the broker's endpoint for clients", url);
}
