/*
 * Recomputation in long sequences, where many values are dropped between two
 * measurements: the same bits, close to the least, and in a number of entries
 * measured that grows as the sequence does.
 */
#include "passes/pass.h"
#include "passes/remat.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/remat_plan.h"

#include <criterion/criterion.h>

Test(remat_long, same_bits_when_many_are_dropped)
{
	int repeated = 0, less = 0;
	for (uint64_t seed = 0; seed < 100; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, seed, 20 + (int)(seed % 60));
		graph_have(g, pass_dce.needs);
		pass_dce.run(g, &(Options){0});
		pass_outputs.run(g, &(Options){0});
		Results want = run_apart(g);
		Remat *r = remat_of_plan(u.arena, plan_memory(g, NULL));
		r->target = r->peak * 6 / 10;
		remat_measure(r, &r->base);
		int64_t excess = r->excess;
		Sequence q = sequence_create(r);
		if (remat_drop_many(r, &r->base, 8, &q)) {
			remat_measure(r, &q);
			less += r->excess < excess;
			repeated++;
			Graph *h = remat_graph(r, &q);
			graph_verify(h);
			Results got = run_planned(plan_memory(h, NULL), 0);
			cr_expect(same_results(h, &want, &got), "seed %d",
			          (int)seed);
		}
		arena_destroy(u.arena);
	}
	cr_expect_gt(repeated, 20, "%d", repeated);
	cr_expect_gt(less, repeated / 2, "%d of %d", less, repeated);
}

/* x[i] = tanh(x[i - 1]), then g[i - 1] = g[i] x[i - 1]: all of x is there in the
 * middle, and each can be had from the one before. */
static Graph *chain(Unit *u, int n)
{
	enum { WIDTH = 64 };
	Graph *g = graph_create(model_create(u, "m"), "train");
	Value **x = arena_array(u->arena, Value *, n + 1);
	x[0] = graph_input(g, "x", IN_DATA, DT_F32, (Shape){1, {WIDTH}});
	for (int i = 1; i <= n; i++)
		x[i] = APPLY(g, ((Loc){"x", "Tanh"}), op_Tanh, x[i - 1]);
	graph_output(g, "loss", OUT_LOSS, x[n]);
	Value *d = APPLY(g, ((Loc){"g", "Exp"}), op_Exp, x[n]);
	for (int i = n; i > 0; i--)
		d = APPLY(g, ((Loc){"g", "Mul"}), op_Mul, d, x[i - 1]);
	graph_output(g, "d", OUT_DATA, d);
	pass_outputs.run(g, &(Options){0});
	return g;
}

/* Entries measured for each entry of the sequence. */
static int64_t work_of_chain(int n)
{
	Unit u = test_unit();
	Remat *r = remat_of_plan(u.arena, plan_memory(chain(&u, n), NULL));
	int64_t peak = r->peak, plain = r->flops, bytes = 64 * 4;
	int64_t target = peak * 6 / 10;
	int64_t once = r->p->task[r->base.task[0]].cost.flops;
	int64_t least = (peak - target + bytes - 1) / bytes * once;
	Sequence q = sequence_create(r);
	int64_t before = r->work;
	cr_expect(remat_search(r, target, 1, &q));
	cr_expect_geq(r->flops - plain, least);
	cr_expect_leq(r->flops - plain, least + least / 50 + 8 * once,
	              "%d stages: %lld, at least %lld", n,
	              (long long)(r->flops - plain), (long long)least);
	int64_t work = (r->work - before) / r->base.n;
	arena_destroy(u.arena);
	return work;
}

Test(remat_long, work_grows_as_the_sequence)
{
	int64_t some = work_of_chain(2000), more = work_of_chain(8000);
	fprintf(stderr, "measured %lld and %lld times\n", (long long)some,
	        (long long)more);
	cr_expect_lt(more, some + some / 2);
	cr_expect_lt(more, 2000);
}
