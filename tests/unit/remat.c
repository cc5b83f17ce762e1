/*
 * Recomputation under a budget: random graphs give the same bits whatever is
 * computed twice; the model's peak is the planner's; and on chains the search
 * is compared with the optimum over all schedules.
 */
#include "passes/pass.h"
#include "passes/remat.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/remat_plan.h"

#include <criterion/criterion.h>

/* ---- random graphs ---- */

/* Peak of live bytes in the graph's own order, by the planner. */
static int64_t peak_as_given(Arena *a, Graph *g)
{
	Problem *p = problem_create(a, g);
	int *order = arena_array(a, int, p->ntasks + 1);
	for (int t = 0; t < p->ntasks; t++)
		order[t] = t;
	return layout_create(p, order, 1)->peak;
}

static Graph *made_random(Unit *u, uint64_t seed, int n)
{
	Graph *g = random_graph(u, seed, n);
	graph_have(g, pass_dce.needs);
	pass_dce.run(g, &(Options){0});
	pass_outputs.run(g, &(Options){0});
	graph_verify(g);
	return g;
}

Test(remat, same_bits_whatever_is_computed_twice)
{
	int repeated = 0, found = 0, equal = 0, total = 0;
	for (uint64_t seed = 0; seed < 150; seed++) {
		Unit u = test_unit();
		Graph *g = made_random(&u, seed, 10 + (int)(seed % 50));
		Results want = run_apart(g);
		Remat *r = remat_of_plan(u.arena, plan_memory(g, NULL));
		int64_t peak = r->peak;
		Sequence q = sequence_create(r);
		for (int percent = 95; percent > 40; percent -= 15) {
			bool fits = remat_search(r, peak * percent / 100,
			                         20000, &q);
			int64_t model = r->peak, flops = r->flops;
			cr_expect_eq(fits, model <= peak * percent / 100);
			Graph *h = remat_graph(r, &q);
			graph_verify(h);
			/* Less where a copy can now be a view. */
			int64_t planner = peak_as_given(u.arena, h);
			cr_expect_leq(planner, model, "seed %d at %d",
			              (int)seed, percent);
			equal += planner == model;
			total++;
			Plan *plan = plan_memory(h, NULL);
			cr_expect_leq(plan->lower_bound, model);
			cr_expect_eq(plan->cost.flops, flops);
			Results got = run_planned(plan, 0);
			cr_expect(same_results(h, &want, &got),
			          "seed %d at %d", (int)seed, percent);
			found += fits;
			repeated += q.n > r->base.n;
		}
		arena_destroy(u.arena);
	}
	cr_expect_gt(equal, total * 9 / 10);
	cr_expect_gt(found, 10, "%d", found);
	cr_expect_gt(repeated, 40, "%d", repeated);
}

/* What a graph repeats is what it costs more than before. */
Test(remat, repetitions_are_counted)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		Unit u = test_unit();
		Graph *g = made_random(&u, seed, 40);
		Plan *plain = plan_memory(g, NULL);
		Remat *r = remat_of_plan(u.arena, plain);
		Sequence q = sequence_create(r);
		remat_search(r, r->peak * 6 / 10, 20000, &q);
		Plan *plan = plan_memory(remat_graph(r, &q), NULL);
		cr_expect_eq(plain->recomputed_flops, 0);
		cr_expect_eq(plan->recomputed_flops,
		             plan->cost.flops - plain->cost.flops,
		             "seed %d: %lld of %lld", (int)seed,
		             (long long)plan->recomputed_flops,
		             (long long)(plan->cost.flops -
		                         plain->cost.flops));
		arena_destroy(u.arena);
	}
}

/* No schedule that is found is below the floor, and some are at it. */
Test(remat, nothing_is_below_the_floor)
{
	int at = 0;
	for (uint64_t seed = 0; seed < 100; seed++) {
		Unit u = test_unit();
		Graph *g = made_random(&u, seed, 5 + (int)(seed % 40));
		Remat *r = remat_of_plan(u.arena, plan_memory(g, NULL));
		Sequence q = sequence_create(r);
		int64_t floor = problem_floor(r->p);
		cr_expect(!remat_search(r, floor - 1, 20000, &q),
		          "seed %d", (int)seed);
		at += remat_search(r, floor, 20000, &q);
		arena_destroy(u.arena);
	}
	cr_expect_gt(at, 15, "%d", at);
}

/* ---- chains ---- */

/*
 * x[0] -> x[1] -> ... -> x[n], then gradients g[n], ..., g[0]; the one of stage
 * i reads g[i], x[i - 1] and, if `both`, x[i].
 */
enum { STAGES = 9, SETS = 1 << STAGES };

typedef struct Chain {
	int64_t x[STAGES + 1], g[STAGES + 1];   /* bytes */
	int64_t forward[STAGES + 1], backward[STAGES + 1], loss;   /* flops */
	bool both[STAGES + 1];
} Chain;

static Chain random_chain(uint64_t seed)
{
	Random r = {seed};
	Chain c = {.loss = 1};
	for (int i = 0; i <= STAGES; i++) {
		c.x[i] = 1 + random_int(&r, seed % 2 ? 20 : 3) * 8;
		c.g[i] = 1 + random_int(&r, 8);
		c.forward[i] = 10 + random_int(&r, seed % 3 ? 90 : 1);
		c.backward[i] = 20;
		c.both[i] = random_int(&r, 2);
	}
	return c;
}

typedef struct ChainProblem {
	Problem p;
	Graph g;
	Model m;
	Node node;
	Value root;
	Storage storage[2 * STAGES + 2];
	Task task[2 * STAGES + 1];
	int list[2 * STAGES + 1][4], readers[2 * STAGES + 2][3];
	int order[2 * STAGES + 1];
} ChainProblem;

static int x_of(int i)
{
	return i;
}

static int g_of(int i)
{
	return STAGES + 1 + i;
}

static void add_task(ChainProblem *c, int write, int64_t flops, int nreads,
                     const int read[])
{
	int t = c->p.ntasks++;
	c->list[t][3] = write;
	for (int i = 0; i < nreads; i++) {
		c->list[t][i] = read[i];
		Storage *r = &c->storage[read[i]];
		r->reader = c->readers[read[i]];
		r->reader[r->nreaders++] = t;
	}
	c->task[t] = (Task){.node = &c->node, .nreads = nreads,
	                    .read = c->list[t], .nwrites = 1,
	                    .write = &c->list[t][3], .cost = {flops, 0}};
	c->storage[write].writer = t;
	c->order[t] = t;
}

static ChainProblem *chain_problem(Arena *a, const Chain *c)
{
	ChainProblem *p = arena_new(a, ChainProblem);
	p->root.kind = V_RESULT;
	p->g.model = &p->m;
	p->p = (Problem){.arena = a, .graph = &p->g, .nstorages = 2 * STAGES + 2,
	                 .task = p->task, .storage = p->storage};
	for (int i = 0; i <= STAGES; i++) {
		p->storage[x_of(i)] = (Storage){
			.root = &p->root, .region = REGION_ARENA,
			.bytes = c->x[i], .writer = -1};
		p->storage[g_of(i)] = (Storage){
			.root = &p->root, .region = REGION_ARENA,
			.bytes = c->g[i], .writer = -1, .output = i == 0};
	}
	for (int i = 1; i <= STAGES; i++)
		add_task(p, x_of(i), c->forward[i], 1, (int[]){x_of(i - 1)});
	add_task(p, g_of(STAGES), c->loss, 1, (int[]){x_of(STAGES)});
	for (int i = STAGES; i > 0; i--)
		add_task(p, g_of(i - 1), c->backward[i], c->both[i] ? 3 : 2,
		         (int[]){g_of(i), x_of(i - 1), x_of(i)});
	return p;
}

/* Bytes of the x in a set; x[0] is always there. */
static int64_t bytes_of_set(const Chain *c, int set)
{
	int64_t bytes = c->x[0];
	for (int i = 1; i <= STAGES; i++)
		if (set >> (i - 1) & 1)
			bytes += c->x[i];
	return bytes;
}

static bool holds(int set, int i)
{
	return i == 0 || set >> (i - 1) & 1;
}

/* Forward steps and drops, until nothing gets cheaper. */
static void spread(const Chain *c, int64_t budget, int64_t extra,
                   int64_t cost[SETS])
{
	for (bool changed = true; changed;) {
		changed = false;
		for (int s = 0; s < SETS; s++)
			for (int i = 1; i <= STAGES && cost[s] < INT64_MAX; i++) {
				int with = s | 1 << (i - 1);
				int without = s & ~(1 << (i - 1));
				if (cost[s] < cost[without]) {
					cost[without] = cost[s];
					changed = true;
				}
				if (with == s || !holds(s, i - 1) ||
				    bytes_of_set(c, with) + extra > budget ||
				    cost[s] + c->forward[i] >= cost[with])
					continue;
				cost[with] = cost[s] + c->forward[i];
				changed = true;
			}
	}
}

/* The cheapest of all schedules: by the gradient that is there, and the set of
 * x that is there. -1: none fits. */
static int64_t optimum(const Chain *c, int64_t budget)
{
	static int64_t cost[SETS], next[SETS];
	for (int s = 0; s < SETS; s++)
		cost[s] = s ? INT64_MAX : 0;
	int64_t extra = 0;
	for (int i = STAGES + 1; i > 0; i--) {
		spread(c, budget, extra, cost);
		int64_t more = extra + c->g[i - 1];
		for (int s = 0; s < SETS; s++) {
			next[s] = INT64_MAX;
			bool ready = i > STAGES ? holds(s, STAGES)
				: holds(s, i - 1) && (!c->both[i] || holds(s, i));
			if (ready && cost[s] < INT64_MAX &&
			    bytes_of_set(c, s) + more <= budget)
				next[s] = cost[s] + (i > STAGES ? c->loss
				                                : c->backward[i]);
		}
		memcpy(cost, next, sizeof cost);
		extra = c->g[i - 1];
	}
	int64_t best = INT64_MAX;
	for (int s = 0; s < SETS; s++)
		best = cost[s] < best ? cost[s] : best;
	return best == INT64_MAX ? -1 : best;
}

Test(remat, chains_are_within_a_percent_of_the_optimum)
{
	int cases = 0, exact = 0, missed = 0;
	double worst = 0;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		Arena *a = arena_create();
		Chain c = random_chain(seed);
		ChainProblem *p = chain_problem(a, &c);
		Remat *r = remat_create(a, &p->p, p->order);
		remat_measure(r, &r->base);
		int64_t peak = r->peak;
		Sequence q = sequence_create(r);
		for (int percent = 100; percent >= 20; percent -= 10) {
			int64_t budget = peak * percent / 100;
			int64_t best = optimum(&c, budget);
			bool found = remat_search(r, budget, 100000, &q);
			if (best < 0) {
				cr_expect(!found, "seed %d at %d: cannot be",
				          (int)seed, percent);
				break;
			}
			cases++;
			missed += !found;
			cr_expect(!found || r->flops >= best);
			double ratio = (double)r->flops / (double)best;
			if (!found)
				continue;
			exact += r->flops == best;

			worst = ratio > worst ? ratio : worst;
		}
		arena_destroy(a);
	}
	fprintf(stderr, "%d chains: %d optimal, worst %.3f, %d missed\n",
	        cases, exact, worst, missed);
	cr_expect_geq(cases, 140);
	cr_expect_eq(missed, 0);
	cr_expect_lt(worst, 1.01);
}

/* A window over all of a chain finds the optimum, from the plain sequence. */
static int windows_of_chain(uint64_t seed)
{
	Arena *a = arena_create();
	Chain c = random_chain(seed);
	ChainProblem *p = chain_problem(a, &c);
	Remat *r = remat_create(a, &p->p, p->order);
	remat_measure(r, &r->base);
	int64_t peak = r->peak;
	Sequence q = sequence_create(r);
	int task[STAGES], cases = 0;
	for (int i = 0; i < STAGES; i++)
		task[i] = i;
	for (int percent = 100; percent >= 20; percent -= 10) {
		r->target = peak * percent / 100;
		int64_t best = optimum(&c, r->target);
		remat_measure(r, &r->base);
		cr_assert(remat_window(r, &r->base, STAGES, task, &q));
		remat_measure(r, &q);
		cr_expect_eq(r->excess == 0, best >= 0);
		if (best < 0)
			break;
		cr_expect_eq(r->flops, best, "seed %d at %d: %lld, not %lld",
		             (int)seed, percent, (long long)r->flops,
		             (long long)best);
		cases++;
	}
	arena_destroy(a);
	return cases;
}

Test(remat, whole_window_is_optimal)
{
	int cases = 0;
	for (uint64_t seed = 1; seed <= 24; seed++)
		cases += windows_of_chain(seed);
	cr_expect_geq(cases, 140);
}

/* What it says of itself: the sequence as it was is one of its paths. */
Test(remat, no_window_makes_worse)
{
	int better = 0, same = 0;
	for (uint64_t seed = 0; seed < 60; seed++) {
		Unit u = test_unit();
		Graph *g = made_random(&u, seed, 10 + (int)(seed % 50));
		Remat *r = remat_of_plan(u.arena, plan_memory(g, NULL));
		Sequence q = sequence_create(r), to = sequence_create(r);
		r->target = r->peak * 7 / 10;
		sequence_copy(&q, &r->base);
		for (int i = 0; i < 30; i++) {
			int task[REMAT_WINDOW];
			uint64_t random = 100 * seed + (uint64_t)i;
			remat_measure(r, &q);
			int64_t excess = r->excess, flops = r->flops;
			int n = remat_pick(r, &q, &random, task);
			if (!remat_window(r, &q, n, task, &to))
				continue;
			remat_measure(r, &to);
			cr_expect(r->excess < excess ||
			          (r->excess == excess && r->flops <= flops),
			          "seed %d, window %d", (int)seed, i);
			better += r->excess < excess || r->flops < flops;
			same += r->excess == excess && r->flops == flops;
			sequence_copy(&q, &to);
		}
		arena_destroy(u.arena);
	}
	cr_expect_gt(better, 20, "%d", better);
	cr_expect_gt(same, 60, "%d", same);
}
