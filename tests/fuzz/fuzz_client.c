/*
 * fuzz_client.c - a client but for its socket, clock, memory and files: what a broker says to one
 * that renders, waits, fetches or asks, in any order, at any time.
 *
 * The first byte is enum mode's; then records, whose op is enum dealer_op's. Whatever the broker
 * says, or does not, the client ends.
 */
#include <jansson.h>

#include "client/delivery.h"
#include "client/top.h"
#include "tests/fuzz/fakes.h"
#include "tests/fuzz/fuzz.h"

enum mode {
	MODE_ATTACH = 1,
	MODE_KEPT = 2,
	MODE_MAP = 4,
	MODE_UNREAD = 8,
	MODE_URGENT = 16,
	MODE_DATA = 32, /* a format of two planes */
	MODE_ASK = 64,
	MODE_RELEASE = 128,
};

#define TIMEOUT_MS 10000

static void draw_line(const char *text, void *context)
{
	(void)text;
	(void)context;
}

/* What `top` asks, twice. */
static void ask(struct connection *connection)
{
	static const struct {
		enum message_type type;
		const char *key;
	} questions[] = {{MSG_STATUS, "status"}, {MSG_JOBS, "jobs"}, {MSG_WORKERS, "workers"}};
	struct top *top = top_new();
	struct brot_error err;
	for (int i = 0; i < 6; i++) {
		json_t *report = NULL;
		bool is_complete;
		if (i % 3 == 0)
			top_begin(top);
		if (connection_ask(connection, questions[i % 3].type, "{}", questions[i % 3].key,
				   TIMEOUT_MS, &report, &err) != BROT_OK)
			break;
		FUZZ_CHECK(report != NULL, "an answer that is none");
		(void)top_take(top, report, i, &is_complete, &err);
		top_draw(top, 0, 60, 12, draw_line, NULL);
		json_decref(report);
	}
	json_decref(top_json(top));
	top_free(top);
}

static enum brot_err read_picture(struct delivery *delivery, struct brot_error *err)
{
	struct picture picture;
	volatile uint8_t sum = 0;
	delivery_picture(delivery, &picture);
	const struct request *request = picture.request;
	for (uint32_t y = 0; y < request->height_px; y++) {
		enum brot_err code = picture_reach(&picture, y, err);
		if (code != BROT_OK)
			return code;
		for (uint32_t p = 0; p < format_info(request->format)->plane_count; p++) {
			const uint8_t *row = picture_row(&picture, p, y);
			sum = (uint8_t)(sum + row[0] + row[picture_row_bytes(request, p) - 1]);
		}
	}
	return BROT_OK;
}

static void on_action(const struct session_action *action, void *context)
{
	(void)context;
	FUZZ_CHECK(action->type != SESSION_PROGRESS ||
			   action->progress.pixels_done <= action->progress.pixels,
		   "more than all");
}

static void deliver(const struct service *service, uint8_t mode, const struct request *request,
		    const json_t *json)
{
	const struct delivery_config config = {
		.service = service,
		.attach = (mode & MODE_ATTACH) != 0,
		.request = request,
		.json = json,
		.is_kept = (mode & MODE_KEPT) != 0,
		.timeout_ms = TIMEOUT_MS,
		.may_map = (mode & MODE_MAP) != 0,
		.is_unread = (mode & MODE_UNREAD) != 0,
		.is_urgent = (mode & MODE_URGENT) != 0,
		.on_action = on_action,
	};
	struct delivery *delivery = NULL;
	struct brot_error err = {.code = BROT_OK};
	enum brot_err code = delivery_new(&config, &delivery, &err);
	if (code == BROT_OK)
		code = delivery_accept(delivery, &err);
	if (code == BROT_OK)
		code = delivery_wait(delivery, &err);
	if (code == BROT_OK && !config.is_unread && delivery_request(delivery)->height_px <= 4096)
		code = read_picture(delivery, &err);
	if (code == BROT_OK)
		delivery_finish(delivery, (mode & MODE_RELEASE) != 0);
	else
		FUZZ_CHECK(err.code == code && err.text[0] != '\0', "no sentence");
	(void)delivery_left_job(delivery);
	delivery_free(delivery);
}

static void make_request(bool is_data, struct request *ret_request)
{
	request_init(ret_request);
	ret_request->width_px = 16;
	ret_request->height_px = 12;
	ret_request->format = is_data ? FORMAT_SMOOTH : FORMAT_RGB8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct brot_error err;
	struct interrupt interrupt = {.signal_fd = 0};
	struct service service = {.url = "ipc:///nowhere"};
	static struct request request;
	if (size == 0)
		return 0;
	struct records records = {data + 1, size - 1};
	fakes_begin();
	const struct dealer dealer = {&records, FROM_CLIENT, NULL, NULL};
	dealer_begin(&dealer);
	make_request((data[0] & MODE_DATA) != 0, &request);
	json_t *json = request_to_json(&request);
	FUZZ_CHECK(connection_open(NULL, service.url, NULL, NULL, &interrupt, &service.connection,
				   &err) == BROT_OK,
		   "%s", err.text);
	if ((data[0] & MODE_ASK) != 0)
		ask(service.connection);
	else
		deliver(&service, data[0], &request, json);
	connection_close(service.connection);
	json_decref(json);
	FUZZ_CHECK(fakes_shm_mapped() == 0, "%u images are mapped", fakes_shm_mapped());
	dealer_end();
	return 0;
}
