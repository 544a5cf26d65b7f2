/*
 * test_lib_service.c - libbrot where no broker is, and every function of it that can fail with no
 * place for the sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <brot/brot.h>

#define NOWHERE "ipc:///nonexistent/brot/clients"

static struct brot_request *request_of(const char *json)
{
	struct brot_request *request = NULL;
	assert_int_equal(brot_request_new(NULL, json, &request, NULL), BROT_OK);
	return request;
}

/* By what the URL and the options say, with a sentence and without. */
static void check_connect(const char *url, const struct brot_connect_options *options,
			  enum brot_err code, const char *sentence)
{
	struct brot_service *service = NULL;
	struct brot_error err = {.text = ""};
	assert_int_equal(brot_connect(url, options, &service, &err), code);
	assert_int_equal(err.code, code);
	if (strncmp(err.text, sentence, strlen(sentence)) != 0)
		fail_msg("\"%s\" is not \"%s\"", err.text, sentence);
	assert_int_equal(brot_connect(url, options, &service, NULL), code);
	assert_null(service);
}

static void nobody_answers(void **state)
{
	(void)state;
	const struct brot_connect_options brief = {.timeout_ms = 20};
	check_connect(NOWHERE, &brief, BROT_E_UNAVAILABLE,
		      "no broker answers at " NOWHERE " within 0.02 s");
	check_connect("tcp://127.0.0.1:1", &brief, BROT_E_UNAVAILABLE, "no broker answers at ");
}

static void options_that_contradict(void **state)
{
	(void)state;
	check_connect("nonsense", NULL, BROT_E_USAGE, "url: must be ipc://PATH or ");
	check_connect(NOWHERE, &(struct brot_connect_options){.timeout_ms = -1}, BROT_E_USAGE,
		      "timeout_ms: ");
	check_connect(NOWHERE, &(struct brot_connect_options){.workers = 1}, BROT_E_USAGE,
		      "workers: counts those of ");
	check_connect(NULL, &(struct brot_connect_options){.workers = 1025}, BROT_E_USAGE,
		      "workers: must be at most 1024");
	check_connect(NULL, &(struct brot_connect_options){.workers = 1, .is_insecure = true},
		      BROT_E_USAGE, "is_insecure: is for a tcp broker, and workers asks ");
	check_connect(NULL, &(struct brot_connect_options){.workers = 1, .key = "/none"},
		      BROT_E_USAGE, "key: is for a tcp broker, and workers asks ");
	check_connect(NULL, &(struct brot_connect_options){.workers = 1, .server_key = "/none"},
		      BROT_E_USAGE, "server_key: is for a tcp broker, and workers asks ");
	check_connect(NULL, &(struct brot_connect_options){.is_insecure = true}, BROT_E_USAGE,
		      "is_insecure: has a meaning only where url names a tcp URL");
	check_connect("tcp://192.0.2.1:1", NULL, BROT_E_USAGE,
		      "url: tcp://192.0.2.1:1 is beyond this host and nothing protects the "
		      "connection: give key and server_key, or is_insecure must allow it");
	check_connect("tcp://192.0.2.1:1", &(struct brot_connect_options){.key = "/none"},
		      BROT_E_USAGE, "");
}

/* Where BROT_BROKER names one, nothing is embedded. */
static void a_variable(void **state)
{
	(void)state;
	assert_int_equal(setenv("BROT_BROKER", NOWHERE, 1), 0);
	check_connect(NULL, &(struct brot_connect_options){.timeout_ms = 20, .may_embed = true},
		      BROT_E_UNAVAILABLE, "no broker answers at " NOWHERE " within 0.02 s");
	assert_int_equal(unsetenv("BROT_BROKER"), 0);
}

static void no_place_for_a_sentence(void **state)
{
	(void)state;
	struct brot_request *request = NULL;
	struct brot_colour *colour = NULL;
	struct brot_array none = {NULL, 0};
	struct brot_job *job = NULL;
	void *bytes = NULL;
	size_t size = 0;
	assert_int_equal(brot_request_new("nowhere", NULL, &request, NULL), BROT_E_NOT_FOUND);
	assert_int_equal(brot_request_new(NULL, "{", &request, NULL), BROT_E_REQUEST);
	assert_int_equal(brot_colour_new("{", 1, &colour, NULL), BROT_E_REQUEST);
	request = request_of("{\"size\":[8,8]}");
	struct brot_array here = {calloc(64, 3), 0};
	assert_int_equal(brot_render(request, &none, NULL, NULL), BROT_E_USAGE);
	assert_int_equal(brot_render(request, &here, &(struct brot_local){.threads = 999}, NULL),
			 BROT_E_USAGE);
	assert_int_equal(brot_write("/nonexistent/a.png", request, &here, NULL, NULL),
			 BROT_E_OUTPUT);
	assert_int_equal(brot_write("a.nothing", request, &here, NULL, NULL), BROT_E_USAGE);
	assert_int_equal(brot_encode_png(request, &none, NULL, &bytes, &size, NULL), BROT_E_USAGE);
	assert_int_equal(brot_submit(NULL, request, NULL, &job, NULL), BROT_E_USAGE);
	assert_int_equal(brot_attach(NULL, 1, NULL, &job, NULL), BROT_E_USAGE);
	free(here.data);
	brot_request_free(request);
}

/* First and last, so that all are looked at. */
static void options_of_later_versions(void **state)
{
	(void)state;
	struct brot_request *request = request_of("{\"size\":[8,8]}");
	struct brot_array here = {calloc(64, 3), 0};
	struct brot_error err = {.text = ""};
	void *bytes = NULL;
	size_t size = 0;
	for (uint32_t i = 0; i < BROT_RESERVED; i += BROT_RESERVED - 1) {
		struct brot_connect_options connect = {.timeout_ms = 20};
		struct brot_local local = {.threads = 1};
		struct brot_file file = {.dpi = 300};
		char sentence[64];
		connect.reserved[i] = local.reserved[i] = file.reserved[i] = 7;
		(void)snprintf(sentence, sizeof sentence, "reserved[%u]: must be 0 for libbrot ",
			       (unsigned)i);
		check_connect(NOWHERE, &connect, BROT_E_USAGE, sentence);
		assert_int_equal(brot_render(request, &here, &local, &err), BROT_E_USAGE);
		assert_ptr_equal(strstr(err.text, sentence), err.text);
		assert_int_equal(brot_encode_png(request, &here, &file, &bytes, &size, &err),
				 BROT_E_USAGE);
		assert_ptr_equal(strstr(err.text, sentence), err.text);
		assert_null(bytes);
	}
	free(here.data);
	brot_request_free(request);
}

static void nothing_is_freed(void **state)
{
	(void)state;
	brot_request_free(NULL);
	brot_colour_free(NULL);
	brot_job_free(NULL);
	brot_disconnect(NULL);
}

int main(void)
{
	(void)unsetenv("BROT_BROKER");
	(void)unsetenv("BROT_KEY");
	(void)unsetenv("BROT_SERVER_KEY");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_answers),   cmocka_unit_test(options_that_contradict),
		cmocka_unit_test(a_variable),       cmocka_unit_test(no_place_for_a_sentence),
		cmocka_unit_test(nothing_is_freed), cmocka_unit_test(options_of_later_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
