/* fakes.c - clock, random numbers, log, signals and shared memory, all make-believe. */
#include "tests/fuzz/fakes.h"

#include <stdarg.h>

#include "proto/sys/clock.h"
#include "proto/sys/descriptors.h"
#include "proto/sys/log.h"
#include "proto/sys/random.h"
#include "proto/sys/shm.h"
#include "proto/sys/signals.h"
#include "tests/fuzz/fuzz.h"

#define UNIX_MS      1800000000000
#define SEGMENTS_MAX 64
#define SEGMENT_MAX  (1 << 20)
#define LINE_BYTES   8192

struct segment {
	char name[IMAGE_NAME_CHARS + 1];
	uint64_t bytes;
	bool is_used;
};

static struct {
	int64_t now_ms;
	uint64_t random;
	uint8_t random_byte;
	unsigned names, mapped;
	int signal;
	struct bytes begin;
	struct segment segments[SEGMENTS_MAX];
} fake;

void fakes_begin(void)
{
	memset(&fake, 0, sizeof fake);
	fake.now_ms = FAKE_START_MS;
}

void fakes_set_now_ms(int64_t now_ms)
{
	FUZZ_CHECK(now_ms >= fake.now_ms, "time runs backwards");
	fake.now_ms = now_ms;
}

/* ---- clock.h, random.h, signals.h, descriptors.h ---- */

int64_t clock_ms(void)
{
	return fake.now_ms;
}

int64_t clock_us(void)
{
	return fake.now_ms * 1000;
}

int64_t clock_unix_s(void)
{
	return (UNIX_MS + fake.now_ms) / 1000;
}

int64_t clock_unix_ms(void)
{
	return UNIX_MS + fake.now_ms;
}

void random_bytes(void *memory, size_t bytes)
{
	memset(memory, ++fake.random_byte, bytes);
}

uint64_t random_u64(void)
{
	return ++fake.random;
}

int signals_open(void)
{
	return -1;
}

int signals_next(int fd)
{
	(void)fd;
	int number = fake.signal;
	fake.signal = 0;
	return number;
}

void fakes_signal(int number)
{
	fake.signal = number;
}

uint64_t descriptors_keep(int fd)
{
	(void)fd;
	return 0;
}

void descriptors_let_go(uint64_t ticket)
{
	(void)ticket;
}

uint64_t descriptors_turned_away(void)
{
	return 0;
}

/* ---- log.h: every line is made, and none is written ---- */

void log_init(const char *name, enum log_level level)
{
	(void)name;
	(void)level;
}

void log_set_level(enum log_level level)
{
	(void)level;
}

const char *log_level_name(enum log_level level)
{
	(void)level;
	return "debug";
}

enum brot_err log_level_parse(const char *name, enum log_level *ret_level, struct brot_error *err)
{
	(void)ret_level;
	return error_set(err, BROT_E_USAGE, "%s", name);
}

int log_enabled(enum log_level level)
{
	(void)level;
	return 1;
}

void log_line(enum log_level level, const char *format, ...)
{
	static char line[LINE_BYTES];
	va_list args;
	(void)level;
	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args);
	va_end(args);
}

/* ---- shm.h ---- */

void fakes_set_segment(const struct bytes *begin)
{
	fake.begin = *begin;
}

uint64_t fakes_shm_bytes(void)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < SEGMENTS_MAX; i++)
		bytes += fake.segments[i].is_used ? fake.segments[i].bytes : 0;
	return bytes;
}

unsigned fakes_shm_mapped(void)
{
	return fake.mapped;
}

void shm_name_make(char ret_name[IMAGE_NAME_CHARS + 1])
{
	(void)snprintf(ret_name, IMAGE_NAME_CHARS + 1, "/brot-%032x", ++fake.names);
}

static enum brot_err segment_map(const char *name, size_t bytes, struct shm *ret_shm,
				 struct brot_error *err)
{
	if (!image_name_is_valid(name))
		return error_set(err, BROT_E_PROTOCOL, "image: name");
	if (bytes == 0 || bytes > SEGMENT_MAX)
		return error_set(err, BROT_E_NO_SPACE, "shared memory: too small");
	*ret_shm = (struct shm){.memory = calloc(1, bytes), .bytes = bytes, .fd = -1};
	if (ret_shm->memory == NULL)
		abort();
	memcpy(ret_shm->name, name, sizeof ret_shm->name);
	fake.mapped++;
	return BROT_OK;
}

enum brot_err shm_make_named(const char *name, size_t bytes, struct shm *ret_shm,
			     struct brot_error *err)
{
	FUZZ_CHECK(image_name_is_valid(name), "\"%s\" is no segment's name", name);
	for (size_t i = 0; i < SEGMENTS_MAX; i++) {
		struct segment *segment = &fake.segments[i];
		if (segment->is_used)
			continue;
		enum brot_err code = segment_map(name, bytes, ret_shm, err);
		if (code == BROT_OK) {
			*segment = (struct segment){.bytes = bytes, .is_used = true};
			memcpy(segment->name, name, sizeof segment->name);
		}
		return code;
	}
	FUZZ_CHECK(false, "%d segments", SEGMENTS_MAX);
	return BROT_E_NO_SPACE;
}

enum brot_err shm_make(size_t bytes, struct shm *ret_shm, struct brot_error *err)
{
	char name[IMAGE_NAME_CHARS + 1];
	shm_name_make(name);
	return shm_make_named(name, bytes, ret_shm, err);
}

enum brot_err shm_adopt(const char *name, size_t bytes, struct shm *ret_shm, struct brot_error *err)
{
	(void)bytes;
	(void)ret_shm;
	return error_set(err, BROT_E_NOT_FOUND, "%s", name);
}

/* One that a peer made: as it was told to begin, then 1 bits, which say that all is complete. */
enum brot_err shm_map(const char *name, size_t bytes, bool is_writable, struct shm *ret_shm,
		      struct brot_error *err)
{
	(void)is_writable;
	enum brot_err code = segment_map(name, bytes, ret_shm, err);
	if (code != BROT_OK)
		return code;
	size_t begin = fake.begin.size < bytes ? fake.begin.size : bytes;
	if (begin > 0)
		memcpy(ret_shm->memory, fake.begin.data, begin);
	if (bytes > IMAGE_ALIGN)
		memset((uint8_t *)ret_shm->memory + IMAGE_ALIGN, 0xff, bytes - IMAGE_ALIGN);
	return BROT_OK;
}

bool shm_is_whole(const struct shm *shm)
{
	return shm->memory != NULL;
}

void shm_unmap(struct shm *shm)
{
	if (shm->memory != NULL)
		fake.mapped--;
	free(shm->memory);
	*shm = SHM_NONE;
}

void shm_remove(const char *name)
{
	for (size_t i = 0; i < SEGMENTS_MAX; i++)
		if (fake.segments[i].is_used && strcmp(fake.segments[i].name, name) == 0)
			fake.segments[i].is_used = false;
}

void shm_touch(const struct shm *shm)
{
	(void)shm;
}

unsigned shm_sweep(struct shm_left *ret_left)
{
	*ret_left = (struct shm_left){0};
	return 0;
}

uint64_t shm_free_bytes(void)
{
	return SEGMENT_MAX;
}

uint64_t shm_total_bytes(void)
{
	return SEGMENT_MAX;
}
