/*
 * bench_library.c - what bench_python.py needs of C, which it loads by ctypes: a loop as one would
 * write it first, and calls of libbrot that are timed where they are made.
 */
#include <brot/local.h>
#include <time.h>

BROT_API void bench_plain(double left, double top, double step_x, double step_y, uint32_t columns,
			  uint32_t rows, uint32_t limit, uint32_t *ret);
BROT_API double bench_render(const struct brot_request *request, const struct brot_array *arrays,
			     uint32_t threads);

/* Smallest n >= 1 with |z_n| > 2 of rows x columns points, 0 where there is none. */
void bench_plain(double left, double top, double step_x, double step_y, uint32_t columns,
		 uint32_t rows, uint32_t limit, uint32_t *ret)
{
	for (uint32_t j = 0; j < rows; j++)
		for (uint32_t i = 0; i < columns; i++) {
			const double cr = left + i * step_x, ci = top - j * step_y;
			double x = 0, y = 0;
			uint32_t n = 0, found = 0;
			while (n < limit && found == 0) {
				const double t = x * x - y * y + cr;
				y = 2 * x * y + ci;
				x = t;
				n++;
				if (x * x + y * y > 4)
					found = n;
			}
			ret[(size_t)j * columns + i] = found;
		}
}

/* Seconds that brot_render() takes in one thread, as C sees it; below 0 where it fails. */
double bench_render(const struct brot_request *request, const struct brot_array *arrays,
		    uint32_t threads)
{
	const struct brot_local local = {.threads = threads};
	struct timespec begin, end;
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	const enum brot_err code = brot_render(request, arrays, &local, NULL);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	if (code != BROT_OK)
		return -1;
	return (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
}
