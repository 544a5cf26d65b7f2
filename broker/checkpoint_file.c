/*
 * checkpoint_file.c - the files of checkpoints.
 *
 * Segments that follow one another are one run of pixels in every plane, so that a run is one write
 * a plane.
 */
#include "broker/checkpoint_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/sys/steps.h"

/* A run is cut at either: memory for its checksums, and how soon a save can be given up. */
#define RUN_SEGMENTS 4096
#define RUN_PIXELS   (1u << 22)

_Static_assert(sizeof(struct checkpoint_header) == 80 + PLANES_MAX * sizeof(struct image_plane),
	       "a checkpoint's header has no padding");
_Static_assert(sizeof(struct checkpoint_header) <= IMAGE_ALIGN, "the bits come after the header");

/* A file being read or written. */
struct file {
	const struct checkpoint_image *image;
	char name[CHECKPOINT_NAME_BYTES];
	int fd;
	uint32_t segments;
	uint8_t *bits; /* as the file has them; layout.bits_bytes */
	XXH3_state_t *hash;
	uint64_t *sums; /* RUN_SEGMENTS */
};

void checkpoint_file_name(uint64_t work, char ret_name[CHECKPOINT_NAME_BYTES])
{
	(void)snprintf(ret_name, CHECKPOINT_NAME_BYTES, "%016" PRIx64 CHECKPOINT_SUFFIX, work);
}

bool checkpoint_file_work(const char *name, uint64_t *ret_work)
{
	if (strlen(name) != CHECKPOINT_NAME_BYTES - 1 ||
	    strspn(name, "0123456789abcdef") != CHECKPOINT_NAME_BYTES - sizeof CHECKPOINT_SUFFIX ||
	    strcmp(name + CHECKPOINT_NAME_BYTES - sizeof CHECKPOINT_SUFFIX, CHECKPOINT_SUFFIX) != 0)
		return false;
	*ret_work = strtoull(name, NULL, 16);
	return true;
}

static enum brot_err file_error(const struct file *file, const char *what, struct brot_error *err)
{
	bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
	return error_set(err, is_full ? BROT_E_NO_SPACE : BROT_E_SYSTEM,
			 "checkpoint: cannot %s %s: %s", what, file->name, strerror(errno));
}

static struct file file_begin(const struct checkpoint_image *image)
{
	struct file file = {.image = image, .fd = -1};
	checkpoint_file_name(image->work, file.name);
	file.segments = segment_count(&image->layout.grid);
	file.bits = calloc(1, (size_t)image->layout.bits_bytes);
	file.hash = XXH3_createState();
	file.sums = malloc(RUN_SEGMENTS * sizeof *file.sums);
	if (file.bits == NULL || file.hash == NULL || file.sums == NULL)
		abort();
	return file;
}

static void file_end(struct file *file)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	free(file->bits);
	(void)XXH3_freeState(file->hash);
	free(file->sums);
}

static bool read_all(int fd, void *to, uint64_t bytes, uint64_t offset)
{
	for (uint8_t *at = to; bytes > 0;) {
		ssize_t got = pread(fd, at, (size_t)bytes, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO; /* somebody cuts the file under our hands */
		if (got <= 0)
			return false;
		at += got;
		bytes -= (uint64_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

static bool write_all(int fd, const void *from, uint64_t bytes, uint64_t offset)
{
	for (const uint8_t *at = from; bytes > 0;) {
		ssize_t put = pwrite(fd, at, (size_t)bytes, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		at += put;
		bytes -= (uint64_t)put;
		offset += (uint64_t)put;
	}
	return true;
}

/* The first pixel of a segment, counted over the image; of the one past the last, all of them. */
static uint64_t segment_pixel(const struct segment_grid *grid, uint32_t segment)
{
	return (uint64_t)(segment / grid->slices_per_row) * grid->width_px +
	       (uint64_t)(segment % grid->slices_per_row) * grid->slice_px;
}

static bool bit_get(const uint8_t *bits, uint32_t segment)
{
	return (bits[segment / 8] >> (segment % 8)) & 1;
}

/* Finds the next run of set bits from *first on, cut as runs are; 0 where there is none. */
static uint32_t run_next(const struct file *file, const uint8_t *bits, uint32_t *first)
{
	const struct segment_grid *grid = &file->image->layout.grid;
	uint32_t at = *first;
	while (at < file->segments && !bit_get(bits, at))
		at += at % 8 == 0 && bits[at / 8] == 0 ? 8 : 1;
	if (at >= file->segments)
		return 0;
	*first = at;
	uint32_t count = 1;
	uint64_t start = segment_pixel(grid, at);
	while (at + count < file->segments && count < RUN_SEGMENTS && bit_get(bits, at + count) &&
	       segment_pixel(grid, at + count + 1) - start <= RUN_PIXELS)
		count++;
	return count;
}

static uint64_t segment_sum(const struct file *file, const void *memory, uint32_t segment)
{
	const struct image_layout *layout = &file->image->layout;
	uint64_t start = segment_pixel(&layout->grid, segment);
	uint64_t pixels = segment_pixel(&layout->grid, segment + 1) - start;
	(void)XXH3_64bits_reset(file->hash);
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		const struct image_plane *plane = &layout->planes[p];
		(void)XXH3_64bits_update(file->hash,
					 (const uint8_t *)memory + plane->offset +
						 start * plane->pixel_bytes,
					 (size_t)(pixels * plane->pixel_bytes));
	}
	(void)XXH3_64bits_update(file->hash, &segment, sizeof segment);
	return XXH3_64bits_digest(file->hash);
}

static struct checkpoint_header header_of(const struct checkpoint_image *image)
{
	const struct image_layout *layout = &image->layout;
	struct checkpoint_header header = {
		.version = CHECKPOINT_VERSION,
		.header_bytes = sizeof header,
		.work = image->work,
		.request_digest = image->request_digest,
		.total_bytes = layout->total_bytes,
		.bits_offset = layout->bits_offset,
		.bits_bytes = layout->bits_bytes,
		.width_px = layout->grid.width_px,
		.height_px = layout->grid.height_px,
		.slice_px = layout->grid.slice_px,
		.slices_per_row = layout->grid.slices_per_row,
		.plane_count = layout->plane_count,
		.segment_count = segment_count(&layout->grid),
	};
	memcpy(header.magic, CHECKPOINT_MAGIC, sizeof header.magic);
	memcpy(header.planes, layout->planes, sizeof header.planes);
	return header;
}

static uint64_t file_bytes(const struct file *file)
{
	return file->image->layout.total_bytes + (uint64_t)file->segments * sizeof *file->sums;
}

/* Opens the file that is there, and reads its bits if it is of this very image. */
static enum brot_err file_open(struct file *file, int folder, struct brot_error *err)
{
	/* O_NONBLOCK: somebody may have put a FIFO there. */
	file->fd = openat(folder, file->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (file->fd < 0 && errno == ENOENT)
		return error_set(err, BROT_E_NOT_FOUND, "checkpoint: there is no %s", file->name);
	if (file->fd < 0)
		return file_error(file, "open", err);
	struct stat st;
	if (fstat(file->fd, &st) != 0)
		return file_error(file, "look at", err);
	if (!S_ISREG(st.st_mode))
		return error_set(err, BROT_E_PROTOCOL, "checkpoint: %s is not a regular file",
				 file->name);
	struct checkpoint_header found, want = header_of(file->image);
	if ((uint64_t)st.st_size != file_bytes(file))
		return error_set(err, BROT_E_PROTOCOL,
				 "checkpoint: %s must have %" PRIu64 " bytes, has %lld", file->name,
				 file_bytes(file), (long long)st.st_size);
	if (!read_all(file->fd, &found, sizeof found, 0))
		return file_error(file, "read", err);
	if (memcmp(&found, &want, sizeof found) != 0)
		return error_set(err, BROT_E_PROTOCOL,
				 "checkpoint: %s is of another request or layout", file->name);
	const struct image_layout *layout = &file->image->layout;
	if (!read_all(file->fd, file->bits, layout->bits_bytes, layout->bits_offset))
		return file_error(file, "read", err);
	return BROT_OK;
}

/* Puts an empty file in the place of whatever is there. */
static enum brot_err file_make(struct file *file, int folder, struct brot_error *err)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
	memset(file->bits, 0, (size_t)file->image->layout.bits_bytes);
	if (unlinkat(folder, file->name, 0) != 0 && errno != ENOENT)
		return file_error(file, "replace", err);
	file->fd = openat(folder, file->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			  0600);
	if (file->fd < 0)
		return file_error(file, "make", err);
	struct checkpoint_header header = header_of(file->image);
	/* The folder too: a file whose name a power cut takes away is of no use. */
	if (ftruncate(file->fd, (off_t)file_bytes(file)) != 0 ||
	    !write_all(file->fd, &header, sizeof header, 0) || fsync(file->fd) != 0 ||
	    fsync(folder) != 0) {
		enum brot_err code = file_error(file, "make", err);
		(void)unlinkat(folder, file->name, 0);
		return code;
	}
	return BROT_OK;
}

static enum brot_err run_write(struct file *file, const void *memory, uint32_t first,
			       uint32_t count, struct brot_error *err)
{
	const struct image_layout *layout = &file->image->layout;
	uint64_t start = segment_pixel(&layout->grid, first);
	uint64_t pixels = segment_pixel(&layout->grid, first + count) - start;
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		uint64_t offset = layout->planes[p].offset + start * layout->planes[p].pixel_bytes;
		if (!write_all(file->fd, (const uint8_t *)memory + offset,
			       pixels * layout->planes[p].pixel_bytes, offset))
			return file_error(file, "write", err);
	}
	for (uint32_t i = 0; i < count; i++)
		file->sums[i] = segment_sum(file, memory, first + i);
	if (!write_all(file->fd, file->sums, count * sizeof *file->sums,
		       layout->total_bytes + (uint64_t)first * sizeof *file->sums))
		return file_error(file, "write", err);
	return BROT_OK;
}

/* The bits that the image has and the file has not. */
static uint8_t *bits_new(const struct file *file, const void *memory)
{
	const struct image_layout *layout = &file->image->layout;
	const uint8_t *bits = (const uint8_t *)memory + layout->bits_offset;
	uint8_t *fresh = malloc((size_t)layout->bits_bytes);
	if (fresh == NULL)
		abort();
	for (size_t i = 0; i < layout->bits_bytes; i++)
		fresh[i] = __atomic_load_n(&bits[i], __ATOMIC_ACQUIRE) & (uint8_t)~file->bits[i];
	return fresh;
}

/* Writes file->bits, as far as `changed` has a bit, to the disk. */
static enum brot_err bits_write(struct file *file, const uint8_t *changed, struct brot_error *err)
{
	const struct image_layout *layout = &file->image->layout;
	uint64_t first = 0, end = layout->bits_bytes;
	while (first < end && changed[first] == 0)
		first++;
	while (end > first && changed[end - 1] == 0)
		end--;
	if (!write_all(file->fd, file->bits + first, end - first, layout->bits_offset + first) ||
	    fdatasync(file->fd) != 0)
		return file_error(file, "write", err);
	return BROT_OK;
}

static enum brot_err fresh_write(struct file *file, const void *memory, const uint8_t *fresh,
				 const atomic_bool *is_given_up, uint32_t *ret_segments,
				 struct brot_error *err)
{
	uint32_t first = 0, count, segments = 0;
	for (; (count = run_next(file, fresh, &first)) > 0; first += count) {
		if (atomic_load(is_given_up))
			return BROT_E_CANCELLED;
		enum brot_err code = run_write(file, memory, first, count, err);
		if (code != BROT_OK)
			return code;
		segments += count;
	}
	if (segments == 0)
		return BROT_OK;
	if (fdatasync(file->fd) != 0)
		return file_error(file, "write", err);
	step_reached("checkpoint-data");
	if (atomic_load(is_given_up))
		return BROT_E_CANCELLED;
	for (size_t i = 0; i < file->image->layout.bits_bytes; i++)
		file->bits[i] |= fresh[i];
	enum brot_err code = bits_write(file, fresh, err);
	if (code != BROT_OK)
		return code;
	step_reached("checkpoint-bits");
	/* Nobody reads it soon: its pages are better used for something else. */
	(void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
	*ret_segments = segments;
	return BROT_OK;
}

enum brot_err checkpoint_file_save(int folder, const struct checkpoint_image *image,
				   const void *memory, const atomic_bool *is_given_up,
				   uint32_t *ret_segments, struct brot_error *err)
{
	struct file file = file_begin(image);
	*ret_segments = 0;
	struct brot_error why = {0};
	enum brot_err code = file_open(&file, folder, &why);
	if (code == BROT_E_NOT_FOUND || code == BROT_E_PROTOCOL)
		code = file_make(&file, folder, err);
	else if (code != BROT_OK && err != NULL)
		*err = why;
	if (code == BROT_OK) {
		uint8_t *fresh = bits_new(&file, memory);
		code = fresh_write(&file, memory, fresh, is_given_up, ret_segments, err);
		free(fresh);
	}
	file_end(&file);
	return code;
}

/* Reads a run's pixels into the image; false where the file does not give them. */
static bool run_read(struct file *file, void *memory, uint32_t first, uint32_t count)
{
	const struct image_layout *layout = &file->image->layout;
	uint64_t start = segment_pixel(&layout->grid, first);
	uint64_t pixels = segment_pixel(&layout->grid, first + count) - start;
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		uint64_t offset = layout->planes[p].offset + start * layout->planes[p].pixel_bytes;
		if (!read_all(file->fd, (uint8_t *)memory + offset,
			      pixels * layout->planes[p].pixel_bytes, offset))
			return false;
	}
	return read_all(file->fd, file->sums, count * sizeof *file->sums,
			layout->total_bytes + (uint64_t)first * sizeof *file->sums);
}

static void segment_clear(const struct file *file, void *memory, uint32_t segment)
{
	const struct image_layout *layout = &file->image->layout;
	uint64_t start = segment_pixel(&layout->grid, segment);
	uint64_t pixels = segment_pixel(&layout->grid, segment + 1) - start;
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		uint64_t pixel_bytes = layout->planes[p].pixel_bytes;
		memset((uint8_t *)memory + layout->planes[p].offset + start * pixel_bytes, 0,
		       (size_t)(pixels * pixel_bytes));
	}
}

/* Fills the image; file->bits keep those of the segments that are good, bad gets the others. */
static void segments_load(struct file *file, void *memory, uint8_t *bad, uint32_t *ret_good,
			  uint32_t *ret_bad)
{
	const struct image_layout *layout = &file->image->layout;
	uint32_t first = 0, count;
	for (; (count = run_next(file, file->bits, &first)) > 0; first += count) {
		bool is_read = run_read(file, memory, first, count);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t segment = first + i;
			if (is_read && file->sums[i] == segment_sum(file, memory, segment)) {
				image_bits_set(memory, layout, segment, 1);
				++*ret_good;
			} else {
				segment_clear(file, memory, segment);
				bad[segment / 8] |= (uint8_t)(1u << (segment % 8));
				++*ret_bad;
			}
		}
	}
	for (size_t i = 0; i < layout->bits_bytes; i++)
		file->bits[i] &= (uint8_t)~bad[i];
}

enum brot_err checkpoint_file_load(int folder, const struct checkpoint_image *image, void *memory,
				   uint32_t *ret_segments, uint32_t *ret_discarded,
				   struct brot_error *err)
{
	struct file file = file_begin(image);
	*ret_segments = *ret_discarded = 0;
	enum brot_err code = file_open(&file, folder, err);
	if (code == BROT_OK) {
		uint8_t *bad = calloc(1, (size_t)image->layout.bits_bytes);
		if (bad == NULL)
			abort();
		segments_load(&file, memory, bad, ret_segments, ret_discarded);
		/* A bad segment will be rendered again, and is to be saved again then: its bit must
		 * go, or else the file. */
		if (*ret_discarded > 0 && bits_write(&file, bad, NULL) != BROT_OK)
			(void)unlinkat(folder, file.name, 0);
		free(bad);
	}
	file_end(&file);
	return code;
}
