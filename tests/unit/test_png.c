/* test_png.c - pictures that carry their request, and files that only say so. */
#define _XOPEN_SOURCE 700 /* mkdtemp(), fmemopen() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/infile.h"
#include "client/png.h"

static char folder[] = "/tmp/brot-test-XXXXXX";
static char path[64];
static struct request request, again;

#define WIDTH  5
#define HEIGHT 4
static uint8_t pixels[HEIGHT][WIDTH][3];

static enum brot_err stop(struct picture *picture, uint32_t y, struct brot_error *err)
{
	const int *rows = picture->context;
	return (int)y < *rows ? BROT_OK : error_set(err, BROT_E_CANCELLED, "enough");
}

static enum brot_err write_png(int rows_until_stop, struct brot_error *err)
{
	struct picture picture = {.request = &request,
				  .planes = {&pixels[0][0][0]},
				  .rows = HEIGHT,
				  .reach = stop,
				  .context = &rows_until_stop};
	struct outfile outfile = OUTFILE_NONE;
	for (uint32_t y = 0; y < HEIGHT; y++)
		for (uint32_t x = 0; x < WIDTH; x++)
			for (uint32_t c = 0; c < 3; c++)
				pixels[y][x][c] = (uint8_t)(y * 50 + x * 7 + c * 3);
	request_init(&request);
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.iterations = 777;
	(void)snprintf(path, sizeof path, "%s/a.png", folder);
	assert_int_equal(outfile_open(path, &outfile, err), BROT_OK);
	enum brot_err code = png_file_write(&picture, &outfile, err);
	if (code == BROT_OK)
		assert_int_equal(outfile_commit(&outfile, false, err), BROT_OK);
	outfile_discard(&outfile);
	return code;
}

static void pixels_come_back(void **state)
{
	(void)state;
	struct brot_error err;
	assert_int_equal(write_png(100, &err), BROT_OK);
	png_image image = {.version = PNG_IMAGE_VERSION};
	uint8_t got[HEIGHT][WIDTH][3];
	assert_true(png_image_begin_read_from_file(&image, path));
	assert_int_equal(image.width, WIDTH);
	assert_int_equal(image.height, HEIGHT);
	assert_int_equal(image.format, PNG_FORMAT_RGB);
	assert_int_equal(image.flags & PNG_IMAGE_FLAG_COLORSPACE_NOT_sRGB, 0);
	assert_true(png_image_finish_read(&image, NULL, got, 0, NULL));
	assert_memory_equal(got, pixels, sizeof pixels);
	assert_int_equal(unlink(path), 0);
}

static void request_comes_back(void **state)
{
	(void)state;
	struct brot_error err;
	assert_int_equal(write_png(100, &err), BROT_OK);
	assert_int_equal(infile_read_request(path, &again, &err), BROT_OK);
	json_t *a = request_to_json(&request), *b = request_to_json(&again);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	assert_int_equal(unlink(path), 0);
}

static void stops_when_told(void **state)
{
	(void)state;
	struct brot_error err;
	assert_int_equal(write_png(2, &err), BROT_E_CANCELLED);
	assert_int_equal(access(path, F_OK), -1);
}

static void full_disk(void **state)
{
	(void)state;
	struct brot_error err;
	struct picture picture = {
		.request = &request, .planes = {&pixels[0][0][0]}, .rows = HEIGHT};
	struct outfile outfile = {.path = strdup("x.png"), .file = fopen("/dev/full", "wb")};
	assert_non_null(outfile.file);
	(void)setvbuf(outfile.file, NULL, _IONBF, 0);
	assert_int_equal(png_file_write(&picture, &outfile, &err), BROT_E_NO_SPACE);
	assert_non_null(strstr(err.text, "x.png"));
	(void)fclose(outfile.file);
	outfile.file = NULL;
	outfile_discard(&outfile);
}

/* A PNG by hand. */
struct blob {
	uint8_t *data;
	size_t bytes;
};

static void put(struct blob *blob, const void *data, size_t bytes)
{
	blob->data = realloc(blob->data, blob->bytes + bytes + 1);
	assert_non_null(blob->data);
	memcpy(blob->data + blob->bytes, data, bytes);
	blob->bytes += bytes;
}

static uint32_t crc_of(const uint8_t *data, size_t bytes)
{
	uint32_t crc = 0xffffffffu;
	for (size_t i = 0; i < bytes; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void put_u32(struct blob *blob, uint32_t value)
{
	uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
			    (uint8_t)value};
	put(blob, bytes, 4);
}

static void put_chunk(struct blob *blob, const char *type, const void *data, size_t bytes)
{
	put_u32(blob, (uint32_t)bytes);
	size_t start = blob->bytes;
	put(blob, type, 4);
	put(blob, data, bytes);
	put_u32(blob, crc_of(blob->data + start, blob->bytes - start));
}

static void begin(struct blob *blob)
{
	static const uint8_t header[13] = {0, 0, 0, 1, 0, 0, 0, 1, 8, 2};
	*blob = (struct blob){0};
	put(blob, "\x89PNG\r\n\x1a\n", 8);
	put_chunk(blob, "IHDR", header, sizeof header);
}

/* Reads the blob as a picture; returns the code. */
static enum brot_err read_blob(struct blob *blob, bool has_pixels, struct brot_error *err)
{
	static const uint8_t idat[] = {0x78, 0x9c, 0x63, 0, 0, 0, 4, 0, 1};
	char *text = NULL;
	if (has_pixels)
		put_chunk(blob, "IDAT", idat, sizeof idat);
	if (has_pixels)
		put_chunk(blob, "IEND", "", 0);
	FILE *file = fmemopen(blob->data, blob->bytes, "rb");
	assert_non_null(file);
	err->text[0] = '\0';
	enum brot_err code = png_file_read_request(file, "x.png", &text, err);
	(void)fclose(file);
	free(text);
	free(blob->data);
	assert_true(code == BROT_OK || strstr(err->text, "x.png") != NULL);
	return code;
}

static void hostile_files(void **state)
{
	(void)state;
	struct blob blob;
	struct brot_error err;
	char *large = calloc(1, 4 << 20);
	assert_non_null(large);
	memset(large, 'x', 4 << 20);

	begin(&blob);
	put_chunk(&blob, "tEXt", "brot-request\0{}", 15);
	assert_int_equal(read_blob(&blob, true, &err), BROT_OK);
	begin(&blob);
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "carries no request"));
	/* a text that is too long, in one chunk */
	memcpy(large, "brot-request", 13);
	begin(&blob);
	put_chunk(&blob, "tEXt", large, 4 << 20);
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	begin(&blob);
	put_chunk(&blob, "tEXt", large, 13 + LIMIT_REQUEST_BYTES + 1);
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	begin(&blob);
	put_chunk(&blob, "tEXt", large, 13 + LIMIT_REQUEST_BYTES);
	assert_int_equal(read_blob(&blob, true, &err), BROT_OK);
	/* more chunks than anybody needs */
	begin(&blob);
	for (int i = 0; i < 5000; i++)
		put_chunk(&blob, "tEXt", "a\0b", 3);
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	/* a wrong sum, a chunk that is longer than the file, no IHDR */
	begin(&blob);
	put_chunk(&blob, "tEXt", "brot-request\0{}", 15);
	blob.data[blob.bytes - 1] ^= 1;
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	begin(&blob);
	put(&blob, "\x7f\xff\xff\xfftEXt", 8);
	assert_int_equal(read_blob(&blob, false, &err), BROT_E_REQUEST);
	begin(&blob);
	put(&blob,
	    "\xff\xff\xff\xff"
	    "tEXt",
	    8);
	assert_int_equal(read_blob(&blob, false, &err), BROT_E_REQUEST);
	blob = (struct blob){0};
	put(&blob, "\x89PNG\r\n\x1a\n", 8);
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	free(large);
}

/* All is there but the end, in each way that an end can be missing. */
static void cut_files(void **state)
{
	(void)state;
	static const uint8_t idat[] = {0x78, 0x9c, 0x63, 0, 0, 0, 4, 0, 1};
	struct blob blob;
	struct brot_error err;
	for (size_t missing = 0; missing <= 12; missing++) {
		begin(&blob);
		put_chunk(&blob, "tEXt", "brot-request\0{}", 15);
		put_chunk(&blob, "IDAT", idat, sizeof idat);
		put_chunk(&blob, "IEND", "", 0);
		blob.bytes -= missing;
		assert_int_equal(read_blob(&blob, false, &err),
				 missing == 0 ? BROT_OK : BROT_E_REQUEST);
		assert_true(missing == 0 || strstr(err.text, "ends too early") != NULL);
	}
	/* a length that leads beyond the file, one that none may have, an end that has data */
	begin(&blob);
	put_chunk(&blob, "tEXt", "brot-request\0{}", 15);
	put_chunk(&blob, "IDAT", idat, sizeof idat);
	put(&blob, "\x7f\xff\xff\xffIDAT", 8);
	assert_int_equal(read_blob(&blob, false, &err), BROT_E_REQUEST);
	begin(&blob);
	put_chunk(&blob, "tEXt", "brot-request\0{}", 15);
	put_chunk(&blob, "IDAT", idat, sizeof idat);
	put(&blob, "\xff\xff\xff\xffIDAT", 8);
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	begin(&blob);
	put_chunk(&blob, "tEXt", "brot-request\0{}", 15);
	put_chunk(&blob, "IDAT", idat, sizeof idat);
	put_chunk(&blob, "IEND", "x", 1);
	assert_int_equal(read_blob(&blob, false, &err), BROT_E_REQUEST);
}

/* A zTXt whose text grows a thousandfold must not be unpacked whole. */
static void text_bomb(void **state)
{
	(void)state;
	struct blob blob, chunk = {0};
	struct brot_error err;
	png_structp png = NULL;
	char *text = malloc(64 << 20), *packed = NULL;
	size_t packed_bytes = 0;
	assert_non_null(text);
	memset(text, ' ', (64 << 20) - 1);
	text[(64 << 20) - 1] = '\0';
	/* libpng packs it: into a stream in memory, from where the chunk is cut out */
	FILE *memory = open_memstream(&packed, &packed_bytes);
	assert_non_null(memory);
	png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	char key[] = "brot-request";
	png_text one = {.compression = PNG_TEXT_COMPRESSION_zTXt, .key = key, .text = text};
	png_init_io(png, memory);
	png_set_IHDR(png, info, 1, 1, 8, PNG_COLOR_TYPE_RGB, 0, 0, 0);
	png_set_text(png, info, &one, 1);
	png_write_info(png, info);
	png_destroy_write_struct(&png, &info);
	(void)fclose(memory);
	blob = (struct blob){0};
	put(&blob, packed, packed_bytes);
	assert_true(packed_bytes < 1 << 20);
	assert_int_equal(read_blob(&blob, true, &err), BROT_E_REQUEST);
	free(packed);
	free(text);
	free(chunk.data);
}

/* Every prefix of a good file is refused; a file with one byte changed is, or not, but there is no
 * crash. */
static void damaged_files(void **state)
{
	(void)state;
	struct brot_error err;
	assert_int_equal(write_png(100, &err), BROT_OK);
	uint8_t good[4096];
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t bytes = fread(good, 1, sizeof good, file);
	(void)fclose(file);
	assert_true(bytes < sizeof good);
	for (size_t i = 1; i < bytes; i++) {
		struct blob blob = {0};
		put(&blob, good, i);
		assert_int_equal(read_blob(&blob, false, &err), BROT_E_REQUEST);
		blob = (struct blob){0};
		put(&blob, good, bytes);
		blob.data[i] ^= (uint8_t)(1 + i % 255);
		(void)read_blob(&blob, false, &err);
	}
	assert_int_equal(unlink(path), 0);
}

static void not_a_picture(void **state)
{
	(void)state;
	struct brot_error err;
	assert_int_equal(infile_read_request("/tmp", &again, &err), BROT_E_NO_INPUT);
	assert_int_equal(infile_read_request("/nowhere/x", &again, &err), BROT_E_NO_INPUT);
	assert_int_equal(infile_read_request("/dev/zero", &again, &err), BROT_E_NO_INPUT);
	(void)snprintf(path, sizeof path, "%s/a.json", folder);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	(void)fputs("{ \"brot\": 1,\n  \"view\": ", file);
	(void)fclose(file);
	assert_int_equal(infile_read_request(path, &again, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "line 2"));
	assert_non_null(strstr(err.text, "column"));
	file = fopen(path, "wb");
	assert_non_null(file);
	for (int i = 0; i <= LIMIT_REQUEST_BYTES; i++)
		(void)fputc(' ', file);
	(void)fclose(file);
	assert_int_equal(infile_read_request(path, &again, &err), BROT_E_REQUEST);
	assert_int_equal(unlink(path), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pixels_come_back), cmocka_unit_test(request_comes_back),
		cmocka_unit_test(stops_when_told),  cmocka_unit_test(full_disk),
		cmocka_unit_test(hostile_files),    cmocka_unit_test(cut_files),
		cmocka_unit_test(text_bomb),        cmocka_unit_test(damaged_files),
		cmocka_unit_test(not_a_picture),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
