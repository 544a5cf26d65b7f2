/* check.c - one case on every variant. */
#include "tests/kernel/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/kernel/check_derive.h"

#define CANARY       0xa5
#define CANARY_WORD  0xa5a5a5a5u
#define AREA_BYTES   ((size_t)256 * 1024)
#define BEFORE_BYTES ((size_t)512) /* of canaries in front of a buffer */
#define OUTPUTS      3
#define FAILURES_MAX 10
#define KERNELS_MAX  8

/* Memory between two pages that must not be touched, filled from its end. */
struct area {
	uint8_t *end;
};

/* The outputs of one variant: iterations, whole, fraction. */
struct outputs {
	struct area area[OUTPUTS];
};

static const char *const output_names[OUTPUTS] = {"iterations", "whole", "fraction"};

#define STEP_NAME(tag, upper, lower) [STEP_##upper] = #lower,
static const char *const step_names[STEP_COUNT] = {ESCAPE_STEPS(STEP_NAME, )};
#undef STEP_NAME
static const char *const precision_names[PRECISION_COUNT] = {
	[PRECISION_F64] = "f64",
	[PRECISION_F32] = "f32",
};

static struct outputs wanted, got;
static const struct kernel *reference;
static const struct kernel *checked[KERNELS_MAX];
static unsigned checked_count;
static const char *only_checked; /* NULL: all */
static unsigned long cases, failures;

/* What is being run, for a signal handler. */
static const struct check_case *running_case;
static const struct kernel *running_kernel;

const char *check_precision_name(enum precision precision)
{
	return precision_names[precision];
}

const char *check_step_name(enum escape_step step)
{
	return step_names[step];
}

unsigned long check_cases(void)
{
	return cases;
}

unsigned long check_failures(void)
{
	return failures;
}

static struct area area_new(void)
{
	const long page = sysconf(_SC_PAGESIZE);
	const int zero = open("/dev/zero", O_RDWR);
	if (page <= 0 || zero < 0)
		abort();
	const size_t guard = (size_t)page;
	uint8_t *memory = mmap(NULL, guard + AREA_BYTES + guard, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE, zero, 0);
	if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0 ||
	    mprotect(memory + guard + AREA_BYTES, guard, PROT_NONE) != 0)
		abort();
	(void)close(zero);
	return (struct area){.end = memory + guard + AREA_BYTES};
}

static size_t stride_of(const struct check_case *c, int output)
{
	return c->w + c->gap + (size_t)output;
}

static size_t bytes_of(const struct check_case *c, int output)
{
	return (stride_of(c, output) * (c->h - 1) + c->w) * sizeof(uint32_t);
}

static void case_text(const struct check_case *c, char *text, size_t bytes)
{
	const struct point_frame *f = &c->frame;
	(void)snprintf(text, bytes,
		       "--case %s %s %a %a %a %a %a %a %u %u %u %u %u %u %u %d %a %a %d %u",
		       precision_names[c->precision], step_names[c->step], f->re, f->im, f->step_re,
		       f->step_im, f->cos, f->sin, f->columns, f->rows, c->x, c->y, c->w, c->h,
		       c->limit, c->is_julia, c->c_re, c->c_im, (int)c->outputs, c->gap);
}

void check_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)putchar('\n');
	(void)fflush(stdout);
	if (++failures >= FAILURES_MAX) {
		(void)printf("%lu failures: the rest is not run\n", failures);
		exit(EXIT_FAILURE);
	}
}

static void case_fail(const struct check_case *c, const struct kernel *kernel, const char *what)
{
	char text[512];
	case_text(c, text, sizeof text);
	check_fail("%s: %s; repeat with:\n  test_variants --kernel %s %s", kernel->name, what,
		   kernel->name, text);
}

/* A kernel that leaves its buffer or breaks an assertion still names its case. */
static void on_crash(int number)
{
	char text[512];
	if (running_case != NULL) {
		case_fail(running_case, running_kernel, "ended by a signal");
	} else {
		(void)snprintf(text, sizeof text, "ended by signal %d outside a kernel\n", number);
		(void)!write(STDOUT_FILENO, text, strlen(text));
	}
	_exit(EXIT_FAILURE);
}

unsigned check_begin(const char *only)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)sigaction(signals[i], &(struct sigaction){.sa_handler = on_crash}, NULL);
	only_checked = only;
	for (int i = 0; i < OUTPUTS; i++) {
		wanted.area[i] = area_new();
		got.area[i] = area_new();
	}
	for (size_t i = 0; kernel_at(i) != NULL; i++) {
		const struct kernel *kernel = kernel_at(i);
		const bool is_reference = strcmp(kernel->name, "scalar") == 0;
		if (is_reference)
			reference = kernel;
		if (only != NULL ? strcmp(kernel->name, only) != 0 : is_reference)
			continue;
		if (!kernel->supported())
			(void)printf("%s is not run: this CPU lacks %s\n", kernel->name,
				     kernel->needs);
		else if (checked_count < KERNELS_MAX)
			checked[checked_count++] = kernel;
	}
	if (reference == NULL) {
		(void)printf("there is no scalar kernel\n");
		exit(EXIT_FAILURE);
	}
	return checked_count;
}

static void outputs_reset(const struct outputs *out, const struct check_case *c)
{
	for (int i = 0; i < OUTPUTS; i++) {
		const size_t bytes = bytes_of(c, i) + BEFORE_BYTES;
		if (bytes > AREA_BYTES)
			abort();
		memset(out->area[i].end - bytes, CANARY, bytes);
	}
}

struct escape_task check_task(const struct check_case *c)
{
	return (struct escape_task){
		.frame = &c->frame,
		.x = c->x,
		.y = c->y,
		.w = c->w,
		.h = c->h,
		.limit = c->limit,
		.is_julia = c->is_julia,
		.c_re = c->c_re,
		.c_im = c->c_im,
	};
}

static bool run(const struct kernel *kernel, const struct check_case *c, bool has_shortcuts,
		const struct escape_poll *poll, const struct outputs *out, uint64_t *ret_iterations)
{
	struct escape_task task = check_task(c);
	task.has_shortcuts = has_shortcuts;
	task.poll = poll;
	outputs_reset(out, c);
	if ((c->outputs & OUTPUT_ITERATIONS) != 0) {
		task.iterations = (void *)(out->area[0].end - bytes_of(c, 0));
		task.iterations_stride = stride_of(c, 0);
	}
	if ((c->outputs & OUTPUT_SMOOTH) != 0) {
		task.whole = (void *)(out->area[1].end - bytes_of(c, 1));
		task.whole_stride = stride_of(c, 1);
		task.fraction = (void *)(out->area[2].end - bytes_of(c, 2));
		task.fraction_stride = stride_of(c, 2);
	}
	running_case = c;
	running_kernel = kernel;
	const bool is_done = kernel->escape[c->precision][c->step](&task, ret_iterations);
	running_case = NULL;
	return is_done;
}

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;
	memcpy(&word, at, sizeof word);
	return word;
}

/* Compares the buffers and the canaries around them; with may_lack, a word of `got` may be
 * untouched. Writes where they first differ. */
static bool outputs_equal(const struct check_case *c, bool may_lack, char *text, size_t text_bytes)
{
	for (int i = 0; i < OUTPUTS; i++) {
		const size_t bytes = bytes_of(c, i) + BEFORE_BYTES;
		const uint8_t *want = wanted.area[i].end - bytes, *have = got.area[i].end - bytes;
		if (memcmp(want, have, bytes) == 0)
			continue;
		for (size_t k = 0; k < bytes; k += sizeof(uint32_t)) {
			const uint32_t a = word_at(want + k), b = word_at(have + k);
			if (a == b || (may_lack && b == CANARY_WORD))
				continue;
			const long element = ((long)k - (long)BEFORE_BYTES) / (long)sizeof a;
			const long stride = (long)stride_of(c, i);
			(void)snprintf(text, text_bytes,
				       "%s at column %ld, row %ld is 0x%x (%u), must be 0x%x (%u)",
				       output_names[i], element < 0 ? element : element % stride,
				       element < 0 ? 0 : element / stride, b, b, a, a);
			return false;
		}
	}
	return true;
}

bool check_run(const struct check_case *given)
{
	uint64_t brute = 0;
	bool agree = true;
	char text[256];
	if (!run(reference, given, false, NULL, &wanted, &brute))
		case_fail(given, reference, "gave up without being told to");
	for (unsigned k = 0; k < checked_count; k++)
		for (int has_shortcuts = 0; has_shortcuts < 2; has_shortcuts++) {
			uint64_t total = UINT64_MAX;
			const bool is_done = run(checked[k], given, has_shortcuts != 0, NULL, &got,
						 &total);
			cases++;
			text[0] = '\0';
			if (!is_done)
				(void)snprintf(text, sizeof text, "gave up without being told to");
			else if (outputs_equal(given, false, text, sizeof text) &&
				 (has_shortcuts != 0 ? total > brute : total != brute))
				(void)snprintf(text, sizeof text,
					       "did %llu iterations, must be %s%llu",
					       (unsigned long long)total,
					       has_shortcuts != 0 ? "at most " : "",
					       (unsigned long long)brute);
			if (text[0] == '\0')
				continue;
			char what[320];
			(void)snprintf(what, sizeof what, "%s (%s shortcuts)", text,
				       has_shortcuts != 0 ? "with" : "without");
			case_fail(given, checked[k], what);
			agree = false;
		}
	running_case = given;
	running_kernel = reference;
	check_derive(given, only_checked);
	running_case = NULL;
	return agree;
}

struct poll_context {
	unsigned asks, asked;
	uint64_t latest;
	bool is_falling;
};

static bool poll_ask(void *context, uint64_t iterations)
{
	struct poll_context *p = context;
	p->is_falling = p->is_falling || iterations < p->latest;
	p->latest = iterations;
	return ++p->asked < p->asks;
}

unsigned check_stopped(const struct check_case *given, unsigned asks)
{
	unsigned asked = 0;
	uint64_t total;
	char text[256];
	const uint64_t most = (uint64_t)given->w * given->h * given->limit;
	for (unsigned k = 0; k < checked_count; k++) {
		struct poll_context context = {.asks = asks};
		const struct escape_poll poll = {poll_ask, &context};
		(void)run(checked[k], given, true, NULL, &wanted, &total);
		const bool is_done = run(checked[k], given, false, &poll, &got, &total);
		cases++;
		asked += context.asked;
		if (is_done != (context.asked < asks))
			case_fail(given, checked[k], "does not do what its poll says");
		if (context.asked > asks)
			case_fail(given, checked[k], "asks again after a no");
		/* Of samples that it has given up a variant need not count what was done. */
		if (context.is_falling || total > most || context.latest > most ||
		    (is_done && context.latest > total))
			case_fail(given, checked[k], "counts its iterations wrongly");
		if (!outputs_equal(given, !is_done, text, sizeof text))
			case_fail(given, checked[k], text);
	}
	return asked;
}

uint32_t check_count(const struct check_case *given, double re, double im)
{
	const struct point_frame frame = {.re = re, .im = im, .cos = 1.0, .columns = 1, .rows = 1};
	uint32_t iterations = 0;
	uint64_t total;
	const struct escape_task task = {
		.frame = &frame,
		.w = 1,
		.h = 1,
		.limit = given->limit,
		.is_julia = given->is_julia,
		.c_re = given->c_re,
		.c_im = given->c_im,
		.iterations = &iterations,
		.iterations_stride = 1,
	};
	(void)reference->escape[given->precision][given->step](&task, &total);
	return iterations;
}

static int name_index(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

bool check_parse(char *const words[CHECK_CASE_WORDS], struct check_case *ret_case)
{
	const int precision = name_index(words[0], precision_names, PRECISION_COUNT);
	const int step = name_index(words[1], step_names, STEP_COUNT);
	double d[6];
	uint32_t u[7];
	for (int i = 0; i < 6; i++)
		d[i] = strtod(words[2 + i], NULL);
	for (int i = 0; i < 7; i++)
		u[i] = (uint32_t)strtoul(words[8 + i], NULL, 10);
	const unsigned outputs = (unsigned)strtoul(words[18], NULL, 10);
	if (precision < 0 || step < 0 || outputs < OUTPUT_ITERATIONS || outputs > OUTPUT_ALL)
		return false;
	*ret_case = (struct check_case){
		.precision = (enum precision)precision,
		.step = (enum escape_step)step,
		.frame = {d[0], d[1], d[2], d[3], d[4], d[5], u[0], u[1]},
		.x = u[2],
		.y = u[3],
		.w = u[4],
		.h = u[5],
		.limit = u[6],
		.is_julia = strtol(words[15], NULL, 10) != 0,
		.c_re = strtod(words[16], NULL),
		.c_im = strtod(words[17], NULL),
		.outputs = (enum check_outputs)outputs,
		.gap = (uint32_t)strtoul(words[19], NULL, 10),
	};
	return true;
}
