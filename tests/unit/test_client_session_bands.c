/* test_client_session_bands.c - jobs in bands, read by one client or by several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/client_script.h"

static void bands_in_order(void **state)
{
	(void)state;
	struct session *s = script_banded(false);
	/* both are announced, in any order and again: one is read at a time, from the top */
	assert_string_equal(script_say(s, MSG_BAND, BAND1, 20), "");
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 20), "band");
	assert_int_equal(script_last[0].band.band, 0);
	assert_int_equal(script_last[0].band.rows, 4);
	assert_string_equal(script_last[0].band.image.name, NAME);
	assert_string_equal(script_step(s, SESSION_EVENT_MAPPED, 20), "");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 30), "progress");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2010), "send WATCH");
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 2020), "");
	assert_string_equal(script_say(s, MSG_BAND, BAND1, 2020), "");
	/* A silent broker is no failure while a band is read. */
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 60000), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE_BAND, 60010),
			    "send RELEASE; send WATCH");
	assert_string_equal(script_last[0].body, "{\"job\":7,\"band\":0}");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 60020), "");
	/* What was released comes again where the RELEASE was lost. */
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 60030), "send RELEASE");
	assert_string_equal(script_last[0].body, "{\"job\":7,\"band\":0}");
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"job\":7,\"message\":\"RELEASE\",\"error\":\"request\","
				       "\"text\":\"x\"}",
				       60030),
			    "");
	assert_string_equal(script_say(s, MSG_BAND, BAND1, 60040), "band");
	script_area = (struct fetch_area){4, 4, 4, FORMAT_RGB8};
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 60040), "send FETCH");
	assert_string_equal(script_last[0].body,
			    "{\"job\":7,\"plane\":0,\"x\":0,\"y\":4,\"w\":4,\"h\":4,\"seen\":0}");
	/* Other things that a broker says of a job in bands do not disturb the fetching. */
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 60050), "progress");
	const struct message rows = {.job = 7, .y = 4, .w = 4, .h = 4};
	assert_string_equal(script_rows(s, &rows, 48, 60060), "pixels; ready");
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE_BAND, 60070),
			    "send RELEASE; send WATCH");
	assert_string_equal(script_say(s, MSG_BAND, BAND2, 60080), "band");
	assert_string_equal(script_step(s, SESSION_EVENT_MAPPED, 60080), "");
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE, 60090),
			    "send RELEASE; send WATCH");
	assert_string_equal(script_last[0].body, "{\"job\":7,\"band\":2}");
	assert_false(session_is_over(s));
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 60100), "finished");
	assert_int_equal(script_last[0].summary.iterations, 99);
	assert_true(session_is_over(s));
	session_free(s);
}

/* Reads band 0 and releases it. */
static void read_band_0(struct session *s)
{
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 20), "band");
	script_step(s, SESSION_EVENT_MAPPED, 20);
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE_BAND, 30),
			    "send RELEASE; send WATCH");
}

#define OTHER_BANDED_BODY                                                                   \
	"{\"key\":\"" KEY "\",\"job\":8,\"request\":{},\"slice\":4,\"bands\":{\"count\":3," \
	"\"rows\":4}}"

/* The image of a band is another one after a restart: the new one counts. */
static void bands_of_a_restarted_broker(void **state)
{
	(void)state;
#define OTHER "/brot-11111111111111111111111111111111"
	static const char remade[] =
		"{\"job\":7,\"band\":1,\"first\":4,\"rows\":4,\"image\":{\"name\":\"" OTHER
		"\",\"bytes\":8192,\"nonce\":\"" NONCE "\"}}";
	struct session *s = script_banded(false);
	read_band_0(s);
	assert_string_equal(script_say(s, MSG_BAND, BAND1, 40), "band");
	script_area = (struct fetch_area){4, 4, 4, FORMAT_RGB8};
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 40), "send FETCH");
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"job\":7,\"message\":\"FETCH\",\"error\":\"not_found\","
				       "\"text\":\"band: is not complete\"}",
				       50),
			    "send WATCH");
	/* it begins from the top, where nothing is missing here */
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 60), "send RELEASE");
	assert_string_equal(script_say(s, MSG_BAND, remade, 70), "band");
	assert_string_equal(script_last[0].band.image.name, OTHER);
	session_free(s);

	/* A broker that does not know the job gets it again, and what is being read stays. */
	s = script_banded(false);
	read_band_0(s);
	assert_string_equal(script_say(s, MSG_BAND, BAND1, 40), "band");
	assert_string_equal(script_step(s, SESSION_EVENT_MAPPED, 40), "");
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 50), "");
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE_BAND, 60), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, BANDED_BODY, 70), "accepted; send WATCH");
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 80), "send RELEASE");
	assert_string_equal(script_say(s, MSG_BAND, BAND1, 80), "band");
	/* the caller has those rows */
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE_BAND, 80),
			    "send RELEASE; send WATCH");
	session_free(s);

	/* another number is another job, of which nothing was read */
	s = script_banded(false);
	read_band_0(s);
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 50), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, OTHER_BANDED_BODY, 60),
			    "accepted; send WATCH");
	assert_string_equal(script_say(s, MSG_BAND,
				       "{\"job\":8,\"band\":0,\"first\":0,\"rows\":4," BAND_IMAGE,
				       70),
			    "band");
	session_free(s);

	/* while none is read it is submitted at once */
	s = script_banded(false);
	read_band_0(s);
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 50), "send SUBMIT");
	session_free(s);
}

/* The last band is read: whatever the broker says, or does not, the picture is here. */
static void bands_end(void **state)
{
	(void)state;
	static const struct {
		enum message_type type;
		const char *body, *said;
	} cases[] = {
		{MSG_FINISHED, FINISHED_BODY, "finished"},
		{MSG_FAILED, NOT_FOUND_BODY, "finished"},
		{MSG_BAND, BAND2, "send RELEASE"},
		{MSG_PROGRESS, PROGRESS_BODY, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct session *s = script_banded(true);
		read_band_0(s);
		script_say(s, MSG_BAND, BAND1, 40);
		script_step(s, SESSION_EVENT_MAPPED, 40);
		script_step(s, SESSION_EVENT_RELEASE_BAND, 50);
		script_say(s, MSG_PROGRESS, PROGRESS_BODY, 55);
		script_say(s, MSG_BAND, BAND2, 60);
		script_step(s, SESSION_EVENT_MAPPED, 60);
		assert_string_equal(script_step(s, SESSION_EVENT_RELEASE, 70),
				    "send RELEASE; send WATCH");
		assert_int_equal(session_left_job(s), 0);
		assert_string_equal(script_say(s, cases[i].type, cases[i].body, 80), cases[i].said);
		assert_int_equal(session_is_over(s), strcmp(cases[i].said, "finished") == 0);
		if (session_is_over(s))
			assert_int_equal(script_last[0].summary.iterations, 99);
		else
			assert_string_equal(script_step(s, SESSION_EVENT_TICK, 10070),
					    "send CANCEL_JOB; finished");
		assert_true(session_is_over(s));
		session_free(s);
	}
	/* lost while the last band was read */
	struct session *s = script_banded(false);
	read_band_0(s);
	script_say(s, MSG_BAND, BAND1, 40);
	script_step(s, SESSION_EVENT_MAPPED, 40);
	script_step(s, SESSION_EVENT_RELEASE_BAND, 50);
	script_say(s, MSG_BAND, BAND2, 60);
	script_step(s, SESSION_EVENT_MAPPED, 60);
	script_say(s, MSG_FAILED, NOT_FOUND_BODY, 65);
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE, 70), "finished");
	assert_true(session_is_over(s));
	session_free(s);
}

static void bands_that_cannot_be(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"{\"job\":7,\"band\":3,\"first\":12,\"rows\":4," BAND_IMAGE,
		"{\"job\":7,\"band\":1,\"first\":5,\"rows\":4," BAND_IMAGE,
		"{\"job\":7,\"band\":1,\"first\":4,\"rows\":3," BAND_IMAGE,
		"{\"job\":7,\"band\":1,\"first\":4,\"rows\":0," BAND_IMAGE,
		"{\"job\":7,\"band\":2,\"first\":8,\"rows\":5," BAND_IMAGE,
		"{\"job\":7,\"band\":-1,\"first\":0,\"rows\":4," BAND_IMAGE,
		"{\"job\":7,\"band\":0,\"first\":0,\"rows\":4}",
		"{\"job\":7,\"band\":0,\"first\":0,\"rows\":4,\"image\":{\"name\":\"/x\","
		"\"bytes\":1,\"nonce\":\"" NONCE "\"}}",
		"{\"job\":7}",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		struct session *s = script_banded(false);
		assert_string_equal(script_say(s, MSG_BAND, bodies[i], 20),
				    "send CANCEL_JOB; failed");
		assert_int_equal(script_last[1].error.code, BROT_E_PROTOCOL);
		session_free(s);
	}
	/* of a job that is not in bands; and an end that leaves bands out */
	struct session *s = script_accepted();
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 20), "send CANCEL_JOB; failed");
	session_free(s);
	s = script_banded(false);
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 20), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_NOT_FOUND);
	assert_string_equal(script_last[0].error.text,
			    "job: 7 is over: its bands were read by another client");
	session_free(s);
	static const char *const accepted[] = {
		"{\"key\":\"" KEY "\",\"job\":7,\"request\":{},\"slice\":4,\"bands\":3}",
		"{\"key\":\"" KEY "\",\"job\":7,\"request\":{},\"slice\":4,\"bands\":{\"count\":0,"
		"\"rows\":4}}",
		"{\"key\":\"" KEY "\",\"job\":7,\"request\":{},\"slice\":4,\"bands\":{\"count\":2,"
		"\"rows\":1048577}}",
	};
	for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
		s = script_make(4, 2, FORMAT_RGB8, 10000);
		script_step(s, SESSION_EVENT_START, 0);
		assert_string_equal(script_say(s, MSG_ACCEPTED, accepted[i], 1), "failed");
		session_free(s);
	}
}

/* ---- bands that somebody else reads ---- */

#define BANDED_ATTACHED_BODY \
	"{\"job\":7,\"request\":{},\"slice\":4,\"bands\":{\"count\":5,\"rows\":4}}"
#define BANDED_5_BODY                                                                       \
	"{\"key\":\"" KEY "\",\"job\":7,\"request\":{},\"slice\":4,\"bands\":{\"count\":5," \
	"\"rows\":4}}"
#define BAND2_OF_5 "{\"job\":7,\"band\":2,\"first\":8,\"rows\":4," BAND_IMAGE
#define BAND3_OF_5 "{\"job\":7,\"band\":3,\"first\":12,\"rows\":4," BAND_IMAGE
#define BAND4_OF_5 "{\"job\":7,\"band\":4,\"first\":16,\"rows\":1," BAND_IMAGE
#define RENDERED_BODY                                                                       \
	"{\"job\":7,\"state\":\"running\",\"pixels_done\":8,\"pixels\":8,\"tiles_done\":2," \
	"\"tiles_running\":0,\"workers\":1,\"iterations\":99,\"elapsed_ms\":10}"
#define RELEASE_BUSY_BODY                                                        \
	"{\"job\":7,\"message\":\"RELEASE\",\"error\":\"busy\",\"text\":\"job: " \
	"the bands of 7 are being read by another client\"}"
#define ATTACH_BUSY_BODY                                                        \
	"{\"job\":7,\"message\":\"ATTACH\",\"error\":\"busy\",\"text\":\"job: " \
	"the bands of 7 are being read by another client\"}"

/* A job of 4 x 17 pixels in five bands, whose first one was read. */
static struct session *five_bands(bool is_attached)
{
	struct session *s = is_attached ? script_make_attached(10000) : script_make_kept(10000);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(
		script_say(s, MSG_ACCEPTED, is_attached ? BANDED_ATTACHED_BODY : BANDED_5_BODY, 10),
		"accepted; send WATCH");
	read_band_0(s);
	return s;
}

/* The next band may be complete before the one that is waited for; one beyond it cannot be. */
static void bands_that_others_released(void **state)
{
	(void)state;
	for (int is_attached = 0; is_attached < 2; is_attached++) {
		struct session *s = five_bands(is_attached != 0);
		assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 40), "progress");
		assert_string_equal(script_say(s, MSG_BAND, BAND2_OF_5, 40), "");
		assert_string_equal(script_say(s, MSG_BAND, BAND3_OF_5, 50), "send ATTACH");
		assert_string_equal(script_last[0].body, "{\"job\":7}");
		/* what was on its way means nothing, and a late answer to a SUBMIT as little */
		assert_string_equal(script_say(s, MSG_BAND, BAND3_OF_5, 50), "");
		assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 50), "");
		assert_string_equal(script_say(s, MSG_ACCEPTED, BANDED_5_BODY, 50), "");
		assert_string_equal(script_say(s, MSG_ACCEPTED, BANDED_ATTACHED_BODY, 60),
				    "accepted; send WATCH");
		/* it begins from the top, where what was read here is passed over */
		assert_string_equal(script_say(s, MSG_BAND, BAND0, 70), "send RELEASE");
		assert_string_equal(script_say(s, MSG_BAND, BAND1, 80), "band");
		session_free(s);
	}

	/* Of the last but one nothing can come that is two higher: all are rendered instead. */
	struct session *s = five_bands(true);
	for (uint32_t band = 1; band < 3; band++) {
		script_say(s, MSG_BAND, band == 1 ? BAND1 : BAND2_OF_5, 40);
		script_step(s, SESSION_EVENT_MAPPED, 40);
		script_say(s, MSG_PROGRESS, RENDERED_BODY, 40);
		assert_string_equal(script_step(s, SESSION_EVENT_RELEASE_BAND, 50),
				    "send RELEASE; send WATCH");
	}
	assert_string_equal(script_say(s, MSG_BAND, BAND4_OF_5, 60), "");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 60), "progress");
	assert_string_equal(script_say(s, MSG_BAND, BAND4_OF_5, 60), "");
	assert_string_equal(script_say(s, MSG_PROGRESS, RENDERED_BODY, 70), "progress");
	assert_string_equal(script_say(s, MSG_BAND, BAND4_OF_5, 70), "send ATTACH");
	session_free(s);

	/* A broker that always answers so is not asked for ever. */
	s = five_bands(false);
	for (int i = 0; i < SESSION_RESUBMITS; i++) {
		assert_string_equal(script_say(s, MSG_BAND, BAND3_OF_5, 50), "send ATTACH");
		script_say(s, MSG_ACCEPTED, BANDED_ATTACHED_BODY, 60);
	}
	assert_string_equal(script_say(s, MSG_BAND, BAND3_OF_5, 70), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_BUSY);
	assert_int_equal(session_left_job(s), 7);
	session_free(s);
}

/* While the job is asked for once more. */
static void bands_asked_for_again(void **state)
{
	(void)state;
	/* gone meanwhile: who has submitted it does so again */
	static const char unknown[] = "{\"job\":7,\"message\":\"ATTACH\",\"error\":\"not_found\","
				      "\"text\":\"x\"}";
	struct session *s = five_bands(false);
	script_say(s, MSG_BAND, BAND3_OF_5, 50);
	assert_string_equal(script_say(s, MSG_REFUSED, unknown, 60), "send SUBMIT");
	session_free(s);
	s = five_bands(true);
	script_say(s, MSG_BAND, BAND3_OF_5, 50);
	assert_string_equal(script_say(s, MSG_REFUSED, unknown, 60), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_NOT_FOUND);
	session_free(s);

	/* read by another: that takes as long as it takes, but not here */
	s = five_bands(true);
	script_say(s, MSG_BAND, BAND3_OF_5, 50);
	assert_string_equal(script_say(s, MSG_REFUSED, ATTACH_BUSY_BODY, 60), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1050), "send ATTACH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 50 + SESSION_BUSY_MS), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_BUSY);
	session_free(s);

	/* a job that is ours ends with us then as well */
	s = script_banded(false);
	script_say(s, MSG_BAND, BAND2, 50);
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 60), "send CANCEL_JOB");
	assert_string_equal(script_say(s, MSG_REPORT, "{\"job\":7,\"state\":\"cancelled\"}", 70),
			    "cancelled");
	session_free(s);
	s = script_banded(false);
	script_say(s, MSG_BAND, BAND2, 50);
	assert_string_equal(script_step(s, SESSION_EVENT_LEAVE, 60), "send CANCEL_JOB");
	session_free(s);
	s = five_bands(false); /* and one that is kept stays */
	script_say(s, MSG_BAND, BAND3_OF_5, 50);
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 60), "cancelled");
	assert_int_equal(session_left_job(s), 7);
	session_free(s);
}

/* Bands are for one connection: the broker takes no RELEASE from another. */
static void bands_of_another_reader(void **state)
{
	(void)state;
	struct session *s = five_bands(true);
	assert_string_equal(script_say(s, MSG_REFUSED, RELEASE_BUSY_BODY, 40), "send ATTACH");
	assert_string_equal(script_say(s, MSG_REFUSED, ATTACH_BUSY_BODY, 50), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 40 + SESSION_BUSY_MS), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_BUSY);
	assert_string_equal(script_last[0].error.text,
			    "job: the bands of 7 are being read by another client");
	session_free(s);

	/* the key shows whose job it is; nothing that was read is lost */
	s = five_bands(false);
	assert_string_equal(script_say(s, MSG_REFUSED, RELEASE_BUSY_BODY, 40), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 40), "");
	assert_string_equal(script_say(s, MSG_ACCEPTED, BANDED_5_BODY, 50), "accepted; send WATCH");
	assert_string_equal(script_say(s, MSG_BAND, BAND0, 60), "send RELEASE");
	assert_string_equal(script_say(s, MSG_BAND, BAND1, 60), "band");
	/* a band in hand is good whoever reads */
	assert_string_equal(script_say(s, MSG_REFUSED, RELEASE_BUSY_BODY, 60), "");
	session_free(s);

	/* all rows are here: what becomes of the job is the other's business */
	s = script_banded(true);
	read_band_0(s);
	script_say(s, MSG_BAND, BAND1, 40);
	script_step(s, SESSION_EVENT_MAPPED, 40);
	script_step(s, SESSION_EVENT_RELEASE_BAND, 50);
	script_say(s, MSG_BAND, BAND2, 60);
	script_step(s, SESSION_EVENT_MAPPED, 60);
	script_step(s, SESSION_EVENT_RELEASE, 70);
	assert_string_equal(script_say(s, MSG_REFUSED, RELEASE_BUSY_BODY, 80), "finished");
	assert_true(session_is_over(s));
	session_free(s);
}

/* A new connection reads only what it has asked for. */
static void bands_over_a_new_connection(void **state)
{
	(void)state;
	for (int is_attached = 0; is_attached < 2; is_attached++) {
		struct session *s = five_bands(is_attached != 0);
		script_say(s, MSG_PROGRESS, PROGRESS_BODY, 100);
		assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2030), "send WATCH");
		assert_string_equal(script_step(s, SESSION_EVENT_TICK, 4030), "send WATCH");
		assert_string_equal(script_step(s, SESSION_EVENT_TICK, 6030), "send WATCH");
		assert_string_equal(script_step(s, SESSION_EVENT_TICK, 8030),
				    is_attached != 0 ? "reconnect; send ATTACH"
						     : "reconnect; send SUBMIT");
		assert_string_equal(
			script_say(s, MSG_ACCEPTED,
				   is_attached != 0 ? BANDED_ATTACHED_BODY : BANDED_5_BODY, 8040),
			"accepted; send WATCH");
		assert_string_equal(script_say(s, MSG_BAND, BAND1, 8050), "band");
		session_free(s);

		/* the silence counts from the last word */
		s = five_bands(is_attached != 0);
		script_say(s, MSG_PROGRESS, PROGRESS_BODY, 100);
		for (int64_t now_ms = 2030; now_ms < 10000; now_ms += 1000)
			script_step(s, SESSION_EVENT_TICK, now_ms);
		assert_string_equal(script_step(s, SESSION_EVENT_TICK, 10099),
				    is_attached != 0 ? "send ATTACH" : "send SUBMIT");
		assert_string_equal(script_step(s, SESSION_EVENT_TICK, 10100), "failed");
		assert_int_equal(script_last[0].error.code, BROT_E_UNAVAILABLE);
		session_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bands_in_order),
		cmocka_unit_test(bands_of_a_restarted_broker),
		cmocka_unit_test(bands_end),
		cmocka_unit_test(bands_that_cannot_be),
		cmocka_unit_test(bands_that_others_released),
		cmocka_unit_test(bands_asked_for_again),
		cmocka_unit_test(bands_of_another_reader),
		cmocka_unit_test(bands_over_a_new_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
