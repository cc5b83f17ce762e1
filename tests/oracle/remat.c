/*
 * Recomputation against the optimum: small training steps under many budgets,
 * as integer programs for CBC (Debian's coinor-cbc).
 *
 * The formulation is Checkmate's (Jain et al., MLSys 2020) in thimble's model,
 * work in place included. Stage t ends with the first computation of the t-th
 * task; tasks before that may run again in it, in the same order.
 *
 *   R_t_i   task i runs in stage t
 *   S_t_s   storage s is kept from stage t - 1 into stage t
 *   F_t_i_s it dies when task i of stage t has run: nobody reads it any more
 *   O_t_i_k task i of stage t uses its k-th chance to work in place
 *   M_t_i   bytes in front of task i of stage t
 *
 * The solver's schedule is measured as thimble's is: both mean the same.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/remat.h"
#include "tests/unit/remat_plan.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EFFORT = 4000000 };

/* ---- training steps ---- */

typedef struct Case {
	const char *name, *text;
} Case;

static const Case cases[] = {
	{"mlp",
	 "variable \"w1\" parameter f32[12,16] fill 0.1\n"
	 "variable \"w2\" parameter f32[16,24] fill 0.1\n"
	 "variable \"w3\" parameter f32[24,12] fill 0.1\n"
	 "variable \"w4\" parameter f32[12,4] fill 0.1\n"
	 "input %x data f32[96,12]\n"
	 "read %w1 \"w1\"\n"
	 "read %w2 \"w2\"\n"
	 "read %w3 \"w3\"\n"
	 "read %w4 \"w4\"\n"
	 "%a f32[96,16] = MatMul(%x, %w1)\n"
	 "%b f32[96,16] = Sigmoid(%a)\n"
	 "%c f32[96,24] = MatMul(%b, %w2)\n"
	 "%d f32[96,24] = Tanh(%c)\n"
	 "%e f32[96,12] = MatMul(%d, %w3)\n"
	 "%f f32[96,12] = Sigmoid(%e)\n"
	 "%y f32[96,4] = MatMul(%f, %w4)\n"},
	{"convolutions",
	 "variable \"w1\" parameter f32[4,1,3,3] fill 0.1\n"
	 "variable \"w2\" parameter f32[5,4,3,3] fill 0.1\n"
	 "variable \"w3\" parameter f32[6,5,3,3] fill 0.1\n"
	 "input %x data f32[2,1,12,12]\n"
	 "read %w1 \"w1\"\n"
	 "read %w2 \"w2\"\n"
	 "read %w3 \"w3\"\n"
	 "%a f32[2,4,12,12] = Conv(%x, %w1) {pads=[1, 1, 1, 1]}\n"
	 "%b f32[2,4,12,12] = Tanh(%a)\n"
	 "%c f32[2,5,12,12] = Conv(%b, %w2) {pads=[1, 1, 1, 1]}\n"
	 "%d f32[2,5,12,12] = Softplus(%c)\n"
	 "%e f32[2,6,6,6] = Conv(%d, %w3) {pads=[1, 1, 0, 0], strides=[2, 2]}\n"
	 "%f f32[2,6,6,6] = Sigmoid(%e)\n"
	 "%y f32[2,6] = ReduceMean(%f) {axes=[2, 3], keepdims=0}\n"},
	{"residual",
	 "variable \"w1\" parameter f32[4,4,3,3] fill 0.1\n"
	 "variable \"w2\" parameter f32[4,4,3,3] fill 0.1\n"
	 "variable \"w3\" parameter f32[4,4,3,3] fill 0.1\n"
	 "variable \"w4\" parameter f32[4,4,1,1] fill 0.1\n"
	 "input %x data f32[2,4,8,8]\n"
	 "read %w1 \"w1\"\n"
	 "read %w2 \"w2\"\n"
	 "read %w3 \"w3\"\n"
	 "read %w4 \"w4\"\n"
	 "%a f32[2,4,8,8] = Conv(%x, %w1) {pads=[1, 1, 1, 1]}\n"
	 "%b f32[2,4,8,8] = Tanh(%a)\n"
	 "%c f32[2,4,8,8] = Conv(%b, %w2) {pads=[1, 1, 1, 1]}\n"
	 "%d f32[2,4,8,8] = Add(%c, %b)\n"
	 "%e f32[2,4,8,8] = Sigmoid(%d)\n"
	 "%f f32[2,4,8,8] = Conv(%e, %w3) {pads=[1, 1, 1, 1]}\n"
	 "%g f32[2,4,8,8] = Add(%f, %e)\n"
	 "%h f32[2,4,8,8] = Tanh(%g)\n"
	 "%y f32[2,4,8,8] = Conv(%h, %w4)\n"},
	{"branches",
	 "variable \"w1\" parameter f32[12,24] fill 0.1\n"
	 "variable \"w2\" parameter f32[12,24] fill 0.1\n"
	 "variable \"w3\" parameter f32[24,16] fill 0.1\n"
	 "variable \"w4\" parameter f32[16,4] fill 0.1\n"
	 "input %x data f32[64,12]\n"
	 "read %w1 \"w1\"\n"
	 "read %w2 \"w2\"\n"
	 "read %w3 \"w3\"\n"
	 "read %w4 \"w4\"\n"
	 "%s f32[64,12] = Tanh(%x)\n"
	 "%a f32[64,24] = MatMul(%s, %w1)\n"
	 "%b f32[64,24] = Sigmoid(%a)\n"
	 "%c f32[64,24] = MatMul(%s, %w2)\n"
	 "%d f32[64,24] = Tanh(%c)\n"
	 "%e f32[64,24] = Mul(%b, %d)\n"
	 "%f f32[64,16] = MatMul(%e, %w3)\n"
	 "%g f32[64,16] = Sigmoid(%f)\n"
	 "%y f32[64,4] = MatMul(%g, %w4)\n"},
	{"attention",
	 "variable \"wq\" parameter f32[8,8] fill 0.1\n"
	 "variable \"wk\" parameter f32[8,8] fill 0.1\n"
	 "variable \"wv\" parameter f32[8,8] fill 0.1\n"
	 "variable \"wo\" parameter f32[8,8] fill 0.1\n"
	 "input %x data f32[24,8]\n"
	 "read %wq \"wq\"\n"
	 "read %wk \"wk\"\n"
	 "read %wv \"wv\"\n"
	 "read %wo \"wo\"\n"
	 "%n f32[24,8] = Tanh(%x)\n"
	 "%q f32[24,8] = MatMul(%n, %wq)\n"
	 "%k f32[24,8] = MatMul(%n, %wk)\n"
	 "%v f32[24,8] = MatMul(%n, %wv)\n"
	 "%s f32[24,24] = MatMul(%q, %k) {transB=1}\n"
	 "%p f32[24,24] = Softmax(%s)\n"
	 "%o f32[24,8] = MatMul(%p, %v)\n"
	 "%r f32[24,8] = Add(%o, %n)\n"
	 "%g f32[24,8] = Sigmoid(%r)\n"
	 "%y f32[24,8] = MatMul(%g, %wo)\n"},
};

enum { NCASES = (int)(sizeof cases / sizeof cases[0]) };

static const Plan *train_step(Unit *u, const Case *c)
{
	Options o = {
		.loss = {.kind = LOSS_MSE},
		.optimizer = {.kind = OPT_SGD, .lr = 0.1},
		.target = target_find("generic"),
		.disable = {1, (const char *[]){"recompute"}},
	};
	Graph *g = graph_parse(u, NULL, arena_printf(
		u->arena, "graph \"forward\" of \"%s\"\n%soutput \"y\" data "
		"%%y\n", c->name, c->text));
	cr_assert(g, "%s", c->name);
	Program *p = build_program(g, &o);
	cr_assert(p, "%s", c->name);
	return p->train;
}

/* ---- the integer program ---- */

typedef struct Lp {
	FILE *f;
	const Remat *r;
	const Problem *p;
	int n;                /* tasks and stages */
	int *at;              /* by task: its stage */
} Lp;

static const Task *task_at(const Lp *l, int i)
{
	return &l->p->task[l->r->base.task[i]];
}

static bool in_arena(const Lp *l, int s)
{
	return l->p->storage[s].region == REGION_ARENA;
}

/* May task i run in stage t? */
static bool may_run(const Lp *l, int t, int i)
{
	const Task *task = task_at(l, i);
	if (t == i)
		return true;
	for (int k = 0; k < task->nreads; k++) {
		int by = l->r->replaced_by[task->read[k]];
		if (by >= 0 && t > l->at[by])
			return false;
	}
	return t > i && !l->r->fixed[l->r->base.task[i]];
}

static int writer_of(const Lp *l, int s)
{
	int t = l->p->storage[s].writer;
	return t < 0 ? -1 : l->at[t];
}

/* Is storage s there at all in front of stage t? */
static bool may_be_kept(const Lp *l, int t, int s)
{
	return in_arena(l, s) && writer_of(l, s) < t;
}

static int64_t bytes_written(const Lp *l, int i)
{
	int64_t bytes = 0;
	for (int k = 0; k < task_at(l, i)->nwrites; k++)
		bytes += l->p->storage[task_at(l, i)->write[k]].bytes;
	return bytes;
}

static void put_objective(const Lp *l)
{
	fprintf(l->f, "Minimize\n cost: 0 M_0_0\n");
	for (int t = 0; t < l->n; t++)
		for (int i = 0; i <= t; i++)
			if (may_run(l, t, i))
				fprintf(l->f, " + %lld R_%d_%d\n", (long long)
				        task_at(l, i)->cost.flops, t, i);
	fprintf(l->f, "Subject To\n");
}

/* What is read is kept, or computed in the same stage. */
static void put_reads(const Lp *l, int t, int i)
{
	const Task *task = task_at(l, i);
	for (int k = 0; k < task->nreads; k++) {
		int s = task->read[k], w = writer_of(l, s);
		if (!in_arena(l, s))
			continue;
		fprintf(l->f, " R_%d_%d", t, i);
		if (may_be_kept(l, t, s))
			fprintf(l->f, " - S_%d_%d", t, s);
		if (w >= 0 && may_run(l, t, w))
			fprintf(l->f, " - R_%d_%d", t, w);
		fprintf(l->f, " <= 0\n");
	}
}

static bool reads(const Task *t, int s)
{
	for (int k = 0; k < t->nreads; k++)
		if (t->read[k] == s)
			return true;
	return false;
}

static void put_death(const Lp *l, int t, int i, int s)
{
	fprintf(l->f, " F_%d_%d_%d - R_%d_%d <= 0\n", t, i, s, t, i);
	fprintf(l->f, " F_%d_%d_%d + S_%d_%d <= 1\n", t, i, s, t + 1, s);
	for (int j = i + 1; j <= t; j++)
		if (reads(task_at(l, j), s) && may_run(l, t, j))
			fprintf(l->f, " F_%d_%d_%d + R_%d_%d <= 1\n", t, i, s,
			        t, j);
}

/* The storages that may die at task i. */
static int deaths(const Lp *l, int i, int list[])
{
	const Task *t = task_at(l, i);
	int n = 0;
	for (int k = 0; k < t->nreads; k++)
		if (in_arena(l, t->read[k]))
			list[n++] = t->read[k];
	for (int k = 0; k < t->nwrites; k++)
		if (in_arena(l, t->write[k]))
			list[n++] = t->write[k];
	return n;
}

/* Each result over one input, each input under one result. */
static void put_reuses(const Lp *l, int t, int i)
{
	const Task *task = task_at(l, i);
	for (int k = 0; k < task->nreuses; k++) {
		const Reuse *u = &task->reuse[k];
		if (l->p->storage[u->read].output) {
			fprintf(l->f, " O_%d_%d_%d <= 0\n", t, i, k);
			continue;
		}
		for (int j = 0; j <= k; j++)
			if (task->reuse[j].read == u->read)
				fprintf(l->f, " + O_%d_%d_%d", t, i, j);
		fprintf(l->f, " - F_%d_%d_%d <= 0\n", t, i, u->read);
		for (int j = 0; j <= k; j++)
			if (task->reuse[j].write == u->write)
				fprintf(l->f, " + O_%d_%d_%d", t, i, j);
		fprintf(l->f, " <= 1\n");
	}
}

static void put_memory(const Lp *l, int t, int i, int64_t budget)
{
	const Task *task = task_at(l, i);
	int list[64], n = deaths(l, i, list);
	fprintf(l->f, " M_%d_%d + %lld R_%d_%d", t, i,
	        (long long)bytes_written(l, i), t, i);
	for (int k = 0; k < task->nreuses; k++)
		fprintf(l->f, " - %lld O_%d_%d_%d", (long long)
		        reuse_saves(l->p, &task->reuse[k]), t, i, k);
	fprintf(l->f, " <= %lld\n", (long long)budget);
	fprintf(l->f, " M_%d_%d - M_%d_%d - %lld R_%d_%d", t, i + 1, t, i,
	        (long long)bytes_written(l, i), t, i);
	for (int k = 0; k < n; k++)
		fprintf(l->f, "\n + %lld F_%d_%d_%d", (long long)
		        l->p->storage[list[k]].bytes, t, i, list[k]);
	fprintf(l->f, " = 0\n");
}

static void put_task(const Lp *l, int t, int i, int64_t budget)
{
	int list[64], n = deaths(l, i, list);
	if (!may_run(l, t, i)) {
		fprintf(l->f, " M_%d_%d - M_%d_%d = 0\n", t, i + 1, t, i);
		return;
	}
	put_reads(l, t, i);
	for (int k = 0; k < n; k++)
		put_death(l, t, i, list[k]);
	put_reuses(l, t, i);
	put_memory(l, t, i, budget);
}

static void put_kept(const Lp *l, int t)
{
	fprintf(l->f, " M_%d_0", t);
	for (int s = 0; s < l->p->nstorages; s++)
		if (may_be_kept(l, t, s))
			fprintf(l->f, "\n - %lld S_%d_%d", (long long)
			        l->p->storage[s].bytes, t, s);
	fprintf(l->f, " = 0\n");
	for (int s = 0; s < l->p->nstorages; s++) {
		int w = writer_of(l, s);
		if (!may_be_kept(l, t + 1, s))
			continue;
		fprintf(l->f, " S_%d_%d", t + 1, s);
		if (may_be_kept(l, t, s))
			fprintf(l->f, " - S_%d_%d", t, s);
		if (w >= 0 && may_run(l, t, w))
			fprintf(l->f, " - R_%d_%d", t, w);
		fprintf(l->f, " <= 0\n");
	}
}

static void put_stage(const Lp *l, int t, int64_t budget)
{
	put_kept(l, t);
	for (int i = 0; i <= t; i++)
		put_task(l, t, i, budget);
	fprintf(l->f, " R_%d_%d = 1\n", t, t);
}

static void put_binaries(const Lp *l)
{
	fprintf(l->f, "Binaries\n");
	for (int t = 0; t <= l->n; t++) {
		for (int s = 0; s < l->p->nstorages; s++)
			if (may_be_kept(l, t, s))
				fprintf(l->f, " S_%d_%d\n", t, s);
		for (int i = 0; i <= t && t < l->n; i++) {
			int list[64], n = deaths(l, i, list);
			if (!may_run(l, t, i))
				continue;
			fprintf(l->f, " R_%d_%d\n", t, i);
			for (int k = 0; k < n; k++)
				fprintf(l->f, " F_%d_%d_%d\n", t, i, list[k]);
			for (int k = 0; k < task_at(l, i)->nreuses; k++)
				fprintf(l->f, " O_%d_%d_%d\n", t, i, k);
		}
	}
	fprintf(l->f, "End\n");
}

static void write_program(const Lp *l, int64_t budget)
{
	put_objective(l);
	for (int t = 0; t < l->n; t++)
		put_stage(l, t, budget);
	for (int s = 0; s < l->p->nstorages; s++) {
		if (in_arena(l, s) && writer_of(l, s) < 0)
			fprintf(l->f, " S_0_%d = 1\n", s);
		if (l->p->storage[s].output)
			fprintf(l->f, " S_%d_%d = 1\n", l->n, s);
	}
	put_binaries(l);
}

/* ---- the solver ---- */

typedef struct Solution {
	bool optimal, impossible;   /* proved */
	Sequence q;
} Solution;

static void read_solution(FILE *f, Remat *r, Solution *x)
{
	char line[256];
	cr_assert(fgets(line, sizeof line, f), "no solution");
	x->optimal = !strncmp(line, "Optimal", 7);
	x->impossible = strstr(line, "nfeasible");
	x->q = sequence_create(r);
	bool *runs = arena_array(r->arena, bool, r->base.n * r->base.n);
	while (x->optimal && fgets(line, sizeof line, f)) {
		int t, i;
		double value;
		if (sscanf(line, "%*d R_%d_%d %lf", &t, &i, &value) == 3)
			runs[t * r->base.n + i] = value > 0.5;
	}
	for (int k = 0; k < r->base.n * r->base.n; k++)
		if (runs[k])
			x->q.task[x->q.n++] = r->base.task[k % r->base.n];
}

static Solution solve(Remat *r, int64_t budget, int64_t flops)
{
	char dir[] = "remat_oracle.XXXXXX";   /* where CTest runs */
	cr_assert(mkdtemp(dir));
	Lp l = {.r = r, .p = r->p, .n = r->base.n, .at = r->position};
	l.f = fopen(arena_printf(r->arena, "%s/x.lp", dir), "w");
	cr_assert(l.f);
	write_program(&l, budget);
	fclose(l.f);
	cr_assert(!system(arena_printf(
		r->arena, "cd %s && cbc x.lp cutoff %lld sec 20 solve solution "
		"x.txt >log 2>&1", dir, (long long)(flops + flops / 50))),
		"cbc (package coinor-cbc) fails");
	Solution x = {0};
	FILE *f = fopen(arena_printf(r->arena, "%s/x.txt", dir), "r");
	cr_assert(f, "no solution");
	read_solution(f, r, &x);
	fclose(f);
	(void)!system(arena_printf(r->arena, "rm -r %s", dir));
	return x;
}

/* ---- the comparison ---- */

enum { BUDGETS = 5 };

typedef struct Tally {
	int optima, beaten, repeated;
	double worst;
} Tally;

/* The solver is asked for nothing dearer than thimble's schedule and a bit. If
 * there is none, thimble's runs tasks in an order that no stage allows. */
static void compare(const Case *c, Remat *r, int64_t budget, Tally *tally)
{
	Sequence q = sequence_create(r);
	bool found = remat_search(r, budget, EFFORT, &q);
	int64_t flops = r->flops;
	Solution x = solve(r, budget, found ? flops + flops / 50
	                                    : INT64_MAX / 2);
	tally->beaten += x.impossible && found;
	if (!x.optimal)
		return;
	remat_measure(r, &x.q);
	cr_expect_leq(r->peak, budget, "%s: the solver's schedule needs %lld, "
	              "not %lld bytes", c->name, (long long)r->peak,
	              (long long)budget);
	cr_expect(found, "%s in %lld bytes: not found", c->name,
	          (long long)budget);
	double ratio = (double)flops / (double)r->flops;
	cr_expect_lt(ratio, 1.01, "%s in %lld bytes: %.4f of the optimum",
	             c->name, (long long)budget, ratio);
	tally->optima++;
	tally->repeated += x.q.n > r->base.n;
	if (ratio > tally->worst)
		tally->worst = ratio;
}

/* The least for which thimble finds a schedule. */
static int64_t smallest(Remat *r)
{
	Sequence q = sequence_create(r);
	int64_t no = 0, yes = r->peak;
	while (yes - no > 4) {
		int64_t target = no + (yes - no) / 2;
		if (remat_search(r, target, EFFORT / 10, &q))
			yes = r->peak;
		else
			no = target;
	}
	return yes;
}

static void check(const Case *c, Tally *tally)
{
	Unit u = {.path = c->name, .arena = arena_create(),
	          .messages = stderr};
	Remat *r = remat_of_plan(u.arena, train_step(&u, c));
	int64_t peak = r->peak, least = smallest(r);
	for (int k = 1; k <= BUDGETS; k++)
		compare(c, r, peak - (peak - least) * k / (BUDGETS + 1), tally);
	arena_destroy(u.arena);
}

Test(remat_oracle, within_a_percent_of_the_optimum)
{
	Tally tally = {0};
	for (int i = 0; i < NCASES; i++)
		check(&cases[i], &tally);
	fprintf(stderr, "%d optima, %d beaten, %d with repetitions, worst "
	        "%.4f\n", tally.optima, tally.beaten, tally.repeated,
	        tally.worst);
	cr_expect_geq(tally.optima + tally.beaten, 20);
	cr_expect_geq(tally.optima, 15);
	cr_expect_geq(tally.repeated, 15);
}
