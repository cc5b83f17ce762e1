/*
 * A training step by LLVM beside the same by the C compiler, in one process.
 *
 *   jit_step MODEL LOSS OPTIMIZER SECONDS
 *
 * Both executors run the same program on the same random data with a rate of
 * zero, taking turns, step by step, as long as that takes; a step's time is the
 * processor's. Prints "RATIO FIRST SECOND LLVM C": the median of the turns'
 * ratios, for other processes disturb neighbours alike, the same of the first
 * and of the second half alone, which say how far to trust it, and the least
 * milliseconds of each.
 */
#include "frontend/cmd_common.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LLVM, C, SIDES, MAX_TURNS = 1 << 18 };

static double clock_of(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Between -1 and 1; of labels and tokens, 0 or 1. */
static void fill_input(const Executor *e, const Plan *p, const Value *v)
{
	void *to = executor_value(e, p, v);
	uint32_t x = 1;
	for (int64_t i = 0; i < numel(v->shape); i++) {
		x = x * 1664525u + 1013904223u;
		dtype_put(v->dtype, to, i, dtype_is_float(v->dtype)
			? (Scalar){.f = (double)x / 2147483648.0 - 1}
			: (Scalar){.i = x >> 31});
	}
}

static void fill_inputs(const Executor *e, const Plan *p)
{
	for (int i = 0; i < p->graph->ninputs; i++) {
		const Value *v = p->graph->input[i];
		if (p->place[v->id].region == REGION_ARENA)
			fill_input(e, p, v);
	}
}

static double time_step(Executor *e, const Plan *p)
{
	fill_inputs(e, p);
	double before = clock_of(CLOCK_THREAD_CPUTIME_ID);
	if (!executor_call(e, p))
		exit(1);
	return clock_of(CLOCK_THREAD_CPUTIME_ID) - before;
}

typedef struct Turns {
	int n;
	double ratio[MAX_TURNS], least[SIDES];
} Turns;

static void take_turns(Executor *const e[SIDES], const Plan *p, double seconds,
                       Turns *t)
{
	double end = clock_of(CLOCK_MONOTONIC) + seconds;
	t->least[LLVM] = t->least[C] = 1e9;
	while (t->n < MAX_TURNS &&
	       (t->n < 6 || clock_of(CLOCK_MONOTONIC) < end)) {
		double took[SIDES];
		for (int side = 0; side < SIDES; side++) {
			took[side] = time_step(e[side], p);
			if (took[side] < t->least[side])
				t->least[side] = took[side];
		}
		t->ratio[t->n++] = took[LLVM] / took[C];
	}
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *x, int n)
{
	static double sorted[MAX_TURNS];
	memcpy(sorted, x, sizeof *x * (size_t)n);
	qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
	return sorted[n / 2];
}

static Executor *open_side(Session *s, ExecutorChoice kind)
{
	s->args->executor = kind;
	Executor *e = session_executor(s, s->program->train, 1);
	if (e)
		executor_set_hyper(e, "lr", 0);
	return e;
}

static void compare(Session *s, double seconds)
{
	Executor *e[SIDES] = {open_side(s, EXECUTOR_LLVM),
	                      open_side(s, EXECUTOR_C)};
	static Turns t;
	if (!e[LLVM] || !e[C])
		return;
	take_turns(e, s->program->train, seconds, &t);
	int half = t.n / 2;
	printf("%.3f %.3f %.3f %.4f %.4f\n", median(t.ratio, t.n),
	       median(t.ratio, half), median(t.ratio + half, t.n - half),
	       1e3 * t.least[LLVM], 1e3 * t.least[C]);
	executor_close(e[LLVM]);
	executor_close(e[C]);
}

int main(int argc, char **argv)
{
	Args args = {.arena = arena_create()};
	Session s;
	const char *why = "jit_step MODEL LOSS OPTIMIZER SECONDS";
	if (argc == 5) {
		args.model = argv[1];
		args.loss = argv[2];
		args.optimizer = argv[3];
	}
	if (argc != 5 ||
	    !loss_parse(args.arena, argv[2], &args.options.loss, &why) ||
	    !optimizer_parse(args.arena, argv[3], &args.options.optimizer,
	                     &why)) {
		fprintf(stderr, "%s\n", why);
		return EXIT_USAGE;
	}
	session_open(&s, &args, argv[1]);
	if (session_build(&s))
		compare(&s, strtod(argv[4], NULL));
	return session_close(&s);
}
