/*
 * Trains an emitted model, and watches every kernel at work.
 *
 *	watch STEPS OUT INPUT...
 *
 * The model is named m and built with -finstrument-functions; what is expected
 * of it, taken from its report, is in plan.h: for each call of a kernel, in the
 * order of the C, the ranges of the arena that hold something before it, then
 * those that it writes. Before each kernel, all other bytes of the arena are
 * painted. After it, only the ranges and variables that it writes may have
 * changed: of the arena, of the state, and of the zones around the two. The
 * paint is a NaN: who reads where nothing was kept ends with other results.
 * Losses and variables go to OUT, to be compared with those of a build that
 * nobody watches.
 *
 * Exit status 1: a kernel wrote where it must not.
 */
#include "m.h"
#include "plan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONE = 4096, PAINT = 0xff, MOST_COMPLAINTS = 5 };

/* Memory that is handed to the model, between two zones that are not, and what
 * it should look like. */
typedef struct Block {
	const char *name;
	size_t bytes;
	unsigned char *zone, *memory, *wanted;   /* the zone holds the memory */
} Block;

static Block arena = {.name = "arena", .bytes = M_ARENA_BYTES};
static Block state = {.name = "state", .bytes = M_STATE_BYTES};
static int depth, complaints, calls;   /* calls: kernels run */
static bool watching;
static void *site[NSTEPS + 1];         /* where each step's kernel is called */
static int nsites;

static void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

/* ---- memory ---- */

static size_t whole(const Block *b)
{
	return b->bytes + 2 * ZONE;
}

static void block_create(Block *b)
{
	size_t size = (whole(b) + ZONE - 1) / ZONE * ZONE;
	b->zone = aligned_alloc(ZONE, size);
	b->wanted = malloc(size);
	if (!b->zone || !b->wanted)
		die("no memory");
	memset(b->zone, PAINT, size);
	b->memory = b->zone + ZONE;
}

static void remember(Block *b)
{
	memcpy(b->wanted, b->zone, whole(b));
}

/* The range may have changed. */
static void accept(Block *b, size_t offset, size_t bytes)
{
	memcpy(b->wanted + ZONE + offset, b->memory + offset, bytes);
}

static void compare(const Block *b, const char *who)
{
	if (!memcmp(b->wanted, b->zone, whole(b)))
		return;
	size_t i = 0;
	while (b->wanted[i] == b->zone[i])
		i++;
	if (complaints++ < MOST_COMPLAINTS)
		fprintf(stderr, "%s: writes byte %ld of the %s, of %zu\n", who,
		        (long)i - ZONE, b->name, b->bytes);
}

/* ---- one step ---- */

/* All that lies between the ranges, which are sorted. */
static void paint(const Step *s)
{
	size_t free = 0;
	for (int i = 0; i < s->nholds; i++) {
		Range r = range[s->ranges + i];
		if (r.first > free)
			memset(arena.memory + free, PAINT, r.first - free);
		if (r.end > free)
			free = r.end;
	}
	if (free < arena.bytes)
		memset(arena.memory + free, PAINT, arena.bytes - free);
}

static void accept_variable(const char *name)
{
	for (unsigned i = 0; i < M_NPARAMS; i++)
		if (!strcmp(m_params[i].name, name) && m_params[i].in_state) {
			accept(&state, m_params[i].offset, m_params[i].bytes);
			return;
		}
	die("no variable '%s' in the state", name);
}

static void check(const Step *s)
{
	for (int i = 0; i < s->nwrites; i++) {
		Range r = range[s->ranges + s->nholds + i];
		accept(&arena, r.first, r.end - r.first);
	}
	for (int i = 0; i < s->nupdates; i++)
		accept_variable(updates[s->updates + i]);
	compare(&arena, s->name);
	compare(&state, s->name);
}

/* The first time, kernels are called in the order of the steps, each from its
 * own place. */
static int step_of(void *from)
{
	for (int i = 0; i < nsites; i++)
		if (site[i] == from)
			return i;
	if (nsites == NSTEPS)
		die("more kernels than steps: %d", nsites + 1);
	site[nsites] = from;
	return nsites++;
}

void __cyg_profile_func_enter(void *function, void *from);
void __cyg_profile_func_exit(void *function, void *from);

void __cyg_profile_func_enter(void *function, void *from)
{
	(void)function;
	if (++depth != 2 || !watching)
		return;
	calls++;
	paint(&step[step_of(from)]);
	remember(&arena);
	remember(&state);
}

void __cyg_profile_func_exit(void *function, void *from)
{
	(void)function;
	if (depth-- == 2 && watching)
		check(&step[step_of(from)]);
}

/* ---- the run ---- */

static void *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END))
		die("cannot read %s", path);
	long size = ftell(f);
	void *data = malloc((size_t)size + 1);
	rewind(f);
	if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
		die("cannot read %s", path);
	fclose(f);
	return data;
}

static void write_variables(FILE *f)
{
	for (unsigned i = 0; i < M_NPARAMS; i++)
		if (m_params[i].in_state)
			fwrite(state.memory + m_params[i].offset,
			       m_params[i].bytes, 1, f);
}

/* Between two steps nothing in the arena is wanted, and only training changes
 * the state. */
static void train(m_t *k, void *const in[], int steps, FILE *out)
{
	for (int i = 0; i < steps; i++) {
		float loss = 0;
		memset(arena.memory, PAINT, arena.bytes);
		watching = true;
		if (TRAIN_STEP(k, in, &loss) != M_OK)
			die("the step failed");
		watching = false;
		fwrite(&loss, sizeof loss, 1, out);
		remember(&state);
		if (EVALUATE(k, in, &loss) != M_OK)
			die("the evaluation failed");
		compare(&state, "evaluate");
		remember(&arena);
		accept(&arena, 0, arena.bytes);
		memset(arena.wanted, PAINT, ZONE);
		memset(arena.wanted + ZONE + arena.bytes, PAINT, ZONE);
		compare(&arena, "evaluate");
	}
}

int main(int argc, char **argv)
{
	void *in[NINPUTS];
	static m_t k;
	if (argc != 3 + NINPUTS)
		die("usage: watch STEPS OUT INPUT...");
	for (int i = 0; i < NINPUTS; i++)
		in[i] = read_file(argv[3 + i]);
	block_create(&arena);
	block_create(&state);
	if (m_init(&k, arena.memory, arena.bytes, state.memory, state.bytes) !=
	    M_OK)
		die("no init");
	FILE *out = fopen(argv[2], "wb");
	if (!out)
		die("cannot write %s", argv[2]);
	int steps = atoi(argv[1]);
	train(&k, in, steps, out);
	write_variables(out);
	if (fclose(out))
		die("cannot write %s", argv[2]);
	printf("%d\n", calls);
	return complaints > 0;
}
