/*
 * client_script.h - drives a client's session from a test: what is said to it, and what it did, as
 * text.
 *
 * One session at a time.
 */
#ifndef TESTS_CLIENT_SCRIPT_H
#define TESTS_CLIENT_SCRIPT_H

#include "client/session.h"

#define KEY   "000102030405060708090a0b0c0d0e0f"
#define NAME  "/brot-00000000000000000000000000000000"
#define NONCE "ffeeddccbbaa99887766554433221100"
#define ACCEPTED_BODY                                                                       \
	"{\"key\":\"" KEY "\",\"job\":7,\"request\":{},\"slice\":4,\"later\":1,\"image\":{" \
	"\"name\":\"" NAME "\",\"bytes\":8192,\"nonce\":\"" NONCE "\"}}"
#define PROGRESS_BODY                                                                       \
	"{\"job\":7,\"state\":\"running\",\"pixels_done\":4,\"pixels\":8,\"tiles_done\":1," \
	"\"tiles_running\":1,\"workers\":1,\"iterations\":99,\"elapsed_ms\":10}"
#define QUEUED_BODY                                                                        \
	"{\"job\":7,\"state\":\"queued\",\"pixels_done\":0,\"pixels\":8,\"tiles_done\":0," \
	"\"tiles_running\":0,\"workers\":0,\"iterations\":0,\"elapsed_ms\":10}"
#define FINISHED_BODY                                                                        \
	"{\"job\":7,\"pixels\":8,\"tiles\":2,\"retries\":0,\"workers\":1,\"iterations\":99," \
	"\"elapsed_ms\":20}"
#define BANDED_BODY                                                                         \
	"{\"key\":\"" KEY "\",\"job\":7,\"request\":{},\"slice\":4,\"bands\":{\"count\":3," \
	"\"rows\":4}}"
#define ATTACHED_BODY                                                                 \
	"{\"job\":7,\"request\":{\"brot\":1},\"slice\":4,\"image\":{\"name\":\"" NAME \
	"\",\"bytes\":8192,\"nonce\":\"" NONCE "\"}}"
#define BAND_IMAGE     "\"image\":{\"name\":\"" NAME "\",\"bytes\":8192,\"nonce\":\"" NONCE "\"}}"
#define BAND0          "{\"job\":7,\"band\":0,\"first\":0,\"rows\":4," BAND_IMAGE
#define BAND1          "{\"job\":7,\"band\":1,\"first\":4,\"rows\":4," BAND_IMAGE
#define BAND2          "{\"job\":7,\"band\":2,\"first\":8,\"rows\":2," BAND_IMAGE
#define NOT_FOUND_BODY "{\"job\":7,\"error\":\"not_found\",\"text\":\"job 7: is not known\"}"

/* What the session did in the last step. */
extern struct session_action script_last[SESSION_ACTIONS_MAX];
extern size_t script_last_count;

/* Whether "busy", "silent" and "back", which change nothing, are among them; first they are not. */
extern bool script_tells_news;

/* The pixels that a FETCH event of script_step() asks for. */
extern struct fetch_area script_area;

/* Each applies one event and returns the names of the actions, and of the messages sent, such as
 * "accepted; send WATCH". The text is good until the next call. */
const char *script_step(struct session *s, enum session_event_type type, int64_t now_ms);
const char *script_say(struct session *s, enum message_type type, const char *body, int64_t now_ms);
const char *script_rows(struct session *s, const struct message *like, size_t bytes,
			int64_t now_ms);

/* The body of message i that was sent in the last step. */
const char *script_body(size_t i);

/* One that submits, and whose pixels would be those of script_area. */
struct session *script_make(uint32_t width_px, uint32_t height_px, enum format_id format,
			    int64_t timeout_ms);

/* One that submits with `keep`, or attaches to job 7: 4 x 2 pixels. */
struct session *script_make_kept(int64_t timeout_ms);
struct session *script_make_attached(int64_t timeout_ms);

/* One that waits without end once it was answered; attached or submitting. */
struct session *script_make_patient(bool is_attached);

/* A session of 4 x 2 pixels that was accepted at time 10. */
struct session *script_accepted(void);

/* The same of 4 x 10 pixels in bands of 4, 4 and 2 rows. */
struct session *script_banded(bool is_kept);

#endif
