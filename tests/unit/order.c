/*
 * The order with the least peak: on small random problems against every order
 * there is, laid out by buffers.c; on larger ones against the schedulers.
 */
#include "passes/order.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>
#include <string.h>

/* ---- random problems ---- */

typedef struct Sketch {
	Random random;
	Problem *p;
	int maxbytes;
} Sketch;

static int sketch_storage(Sketch *k, int writer)
{
	Problem *p = k->p;
	Value *root = arena_new(p->arena, Value);
	root->name = "s";
	root->dtype = DT_U8;
	p->storage[p->nstorages] = (Storage){
		.root = root, .whole = root, .body = p->nstorages,
		.region = REGION_ARENA, .writer = writer,
		.bytes = 8 * (1 + random_int(&k->random, k->maxbytes)),
		.output = !random_int(&k->random, 12),
		.reader = arena_array(p->arena, int, p->ntasks),
	};
	return p->nstorages++;
}

static void sketch_edge(Problem *p, int from, int to)
{
	Task *t = &p->task[from];
	if (!t->after)
		t->after = arena_array(p->arena, int, 4 * p->ntasks);
	t->after[t->nafter++] = to;
	p->task[to].nbefore++;
}

static void sketch_read(Sketch *k, int t, int s)
{
	Task *task = &k->p->task[t];
	Storage *st = &k->p->storage[s];
	for (int i = 0; i < task->nreads; i++)
		if (task->read[i] == s)
			return;
	task->read[task->nreads++] = s;
	st->reader[st->nreaders++] = t;
	if (st->writer >= 0)
		sketch_edge(k->p, st->writer, t);
}

static void sketch_task(Sketch *k, int t)
{
	Problem *p = k->p;
	Task *task = &p->task[t];
	task->read = arena_array(p->arena, int, 4);
	task->write = arena_array(p->arena, int, 2);
	task->reuse = arena_array(p->arena, Reuse, 8);
	for (int i = random_int(&k->random, 4); i && p->nstorages; i--)
		sketch_read(k, t, random_int(&k->random, p->nstorages));
	if (t && !random_int(&k->random, 6))
		sketch_edge(p, random_int(&k->random, t), t);
	for (int i = random_int(&k->random, 8); i > 0; i -= 6)
		task->write[task->nwrites++] = sketch_storage(k, t);
	for (int o = 0; o < task->nwrites; o++)
		for (int i = 0; i < task->nreads; i++) {
			Reuse r = {.read = task->read[i],
			           .write = task->write[o]};
			if (p->storage[r.read].bytes !=
			    p->storage[r.write].bytes)
				r.ahead = random_int(&k->random, 3);
			if (reuse_saves(p, &r) && random_int(&k->random, 3))
				task_reuse(p, task, r);
		}
}

static Problem *sketch_problem(Arena *a, uint64_t seed, int ntasks)
{
	Sketch k = {.random = {seed}, .p = arena_new(a, Problem)};
	k.p->arena = a;
	k.p->ntasks = ntasks;
	k.p->task = arena_array(a, Task, ntasks);
	k.p->storage = arena_array(a, Storage, 2 * ntasks + 4);
	k.maxbytes = 1 + random_int(&k.random, 4);
	for (int i = random_int(&k.random, 4); i; i--)
		sketch_storage(&k, -1);
	for (int t = 0; t < ntasks; t++)
		sketch_task(&k, t);
	return k.p;
}

static int64_t layout_peak(const Problem *p, const int order[])
{
	Problem q = *p;
	q.arena = arena_create();
	int64_t peak = layout_create(&q, order, 8)->peak;
	arena_destroy(q.arena);
	return peak;
}

/* ---- every order ---- */

typedef struct Brute {
	const Problem *p;
	int order[16], waits[16], n, norders;
	int64_t best;
} Brute;

static void brute_force(Brute *b)
{
	if (b->n == b->p->ntasks) {
		int64_t peak = layout_peak(b->p, b->order);
		b->best = peak < b->best ? peak : b->best;
		b->norders++;
	}
	for (int t = 0; t < b->p->ntasks; t++) {
		const Task *task = &b->p->task[t];
		if (b->waits[t])
			continue;
		b->waits[t] = -1;
		b->order[b->n++] = t;
		for (int i = 0; i < task->nafter; i++)
			b->waits[task->after[i]]--;
		brute_force(b);
		for (int i = 0; i < task->nafter; i++)
			b->waits[task->after[i]]++;
		b->n--;
		b->waits[t] = 0;
	}
}

static int64_t least_peak(const Problem *p)
{
	Brute b = {.p = p, .best = INT64_MAX};
	for (int t = 0; t < p->ntasks; t++)
		b.waits[t] = p->task[t].nbefore;
	brute_force(&b);
	cr_assert(b.norders);
	return b.best;
}

static void expect_topological(const Problem *p, const int order[])
{
	int *step = arena_array(p->arena, int, p->ntasks);
	for (int i = 0; i < p->ntasks; i++)
		step[order[i]] += i + 1;
	for (int t = 0; t < p->ntasks; t++) {
		cr_assert_gt(step[t], 0);
		for (int i = 0; i < p->task[t].nafter; i++)
			cr_assert_lt(step[t], step[p->task[t].after[i]]);
	}
}

Test(order, as_good_as_every_order)
{
	int cut_is_exact = 0;
	for (int seed = 0; seed < 3000; seed++) {
		Arena *a = arena_create();
		Problem *p = sketch_problem(a, (uint64_t)seed, 1 + seed % 7);
		int64_t least = least_peak(p);
		Order o = order_search(p);
		expect_topological(p, o.task);
		cr_assert_eq(layout_peak(p, o.task), least, "seed %d", seed);
		cr_assert_eq(o.bound, least, "seed %d", seed);
		Bounder *b = bounder_create(a, p);
		int64_t cut = 0, work = INT64_MAX;
		for (int t = 0; t < p->ntasks; t++) {
			bool before[16];
			int64_t c = bounder_task(b, t, before, &work);
			cut = c > cut ? c : cut;
		}
		cr_assert_leq(cut, least, "seed %d", seed);
		cut_is_exact += cut == least;
		arena_destroy(a);
	}
	cr_expect_gt(cut_is_exact, 2000, "%d", cut_is_exact);
}

/* A step of a task costs at least its bound in every order, and the bound's own
 * set of earlier tasks makes it cost that much, if reuse is not in doubt. */
Test(order, cut_of_each_task)
{
	int met = 0, all = 0;
	for (int seed = 0; seed < 3000; seed++) {
		Arena *a = arena_create();
		Problem *p = sketch_problem(a, (uint64_t)seed, 2 + seed % 30);
		Bounder *b = bounder_create(a, p);
		int t = seed % p->ntasks;
		bool *before = arena_array(a, bool, p->ntasks);
		int64_t work = INT64_MAX;
		int64_t bound = bounder_task(b, t, before, &work);
		Walk *w = walk_create(a, p);
		cr_assert_not(before[t]);
		for (int i = 0; i < p->ntasks; i++)
			if (before[i]) {
				cr_assert_eq(w->waits[i], 0);
				walk_run(w, i);
			}
		cr_assert_eq(w->waits[t], 0);
		int64_t idle = w->nrun ? 0 : w->idle;
		cr_assert_leq(bound, walk_cost(w, t) - idle);
		met += bound == walk_cost(w, t) - idle;
		all++;
		for (uint64_t noise = 0; noise < 10; noise++) {
			int *order = arena_array(a, int, p->ntasks);
			int64_t *cost = arena_array(a, int64_t, p->ntasks);
			schedule_noisy(p, noise, order);
			order_peak(a, p, order, cost);
			for (int i = 0; i < p->ntasks; i++)
				if (order[i] == t)
					cr_assert_leq(bound, cost[i]);
		}
		arena_destroy(a);
	}
	cr_expect_gt(100 * met, 96 * all, "%d of %d", met, all);
}

/* order_walk.c and buffers.c agree about what an order costs; a walk back ends
 * where it began. */
Test(order, walk_costs_what_the_layout_does)
{
	for (int seed = 0; seed < 1000; seed++) {
		Arena *a = arena_create();
		Problem *p = sketch_problem(a, (uint64_t)seed, 1 + seed % 60);
		int *order = arena_array(a, int, p->ntasks);
		schedule_noisy(p, (uint64_t)seed, order);
		expect_topological(p, order);
		cr_assert_eq(order_peak(a, p, order, NULL),
		             layout_peak(p, order), "seed %d", seed);
		Walk *w = walk_create(a, p);
		int64_t live = w->live, first = walk_cost(w, order[0]);
		for (int i = 0; i < p->ntasks; i++)
			walk_run(w, order[i]);
		for (int i = p->ntasks - 1; i >= 0; i--)
			walk_undo(w, order[i]);
		cr_assert_eq(w->live, live);
		cr_assert_eq(walk_cost(w, order[0]), first);
		arena_destroy(a);
	}
}

/* A window has an order within a limit or it has none: as found by trying. */
Test(order, window_finds_what_there_is)
{
	for (int seed = 0; seed < 1000; seed++) {
		Arena *a = arena_create();
		Problem *p = sketch_problem(a, (uint64_t)seed, 7);
		int64_t least = least_peak(p), work = INT64_MAX;
		int order[7];
		all_schedulers[0](p, order);
		cr_assert_eq(window_search(p, order, 0, 7, least - 1, &work),
		             FOUND_NONE);
		cr_assert_eq(window_search(p, order, 0, 7, least, &work),
		             FOUND_ORDER);
		cr_assert_leq(layout_peak(p, order), least);
		work = 0;
		cr_assert_eq(window_search(p, order, 0, 7, least, &work),
		             FOUND_NOTHING_YET);
		arena_destroy(a);
	}
}

/* ---- as late as can be ---- */

/* The task reads a storage, or none (-1), and writes one of so many bytes. */
static void put_task(Sketch *k, int t, int reads, int bytes)
{
	Task *task = &k->p->task[t];
	task->read = arena_array(k->p->arena, int, 4);
	task->write = arena_array(k->p->arena, int, 2);
	if (reads >= 0)
		sketch_read(k, t, reads);
	int s = task->write[task->nwrites++] = sketch_storage(k, t);
	k->p->storage[s].bytes = bytes;
	k->p->storage[s].output = false;
}

/* The last of five reads what the second made of the first, as large, and what the
 * fourth made of the third, which is smaller. */
Test(order, late)
{
	static const int given[] = {0, 1, 2, 3, 4}, want[] = {2, 3, 0, 1, 4};
	int order[5];
	Arena *a = arena_create();
	Sketch k = {.p = sketch_problem(a, 1, 5), .maxbytes = 1};
	memset(k.p->task, 0, 5 * sizeof *k.p->task);
	k.p->nstorages = 0;
	put_task(&k, 0, -1, 8);
	put_task(&k, 1, 0, 8);
	put_task(&k, 2, -1, 8);
	put_task(&k, 3, 2, 1);
	put_task(&k, 4, 1, 8);
	sketch_read(&k, 4, 3);
	schedule_late(k.p, given, order);
	cr_expect_arr_eq(order, want, sizeof want);
	arena_destroy(a);
}

Test(order, late_is_an_order)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		Arena *a = arena_create();
		Problem *p = sketch_problem(a, seed, 20 + (int)seed % 60);
		int *given = arena_array(a, int, p->ntasks);
		int *order = arena_array(a, int, p->ntasks);
		all_schedulers[seed % 3](p, given);
		schedule_late(p, given, order);
		expect_topological(p, order);
		arena_destroy(a);
	}
}

/* ---- larger ones ---- */

Test(order, never_worse_than_any_scheduler)
{
	int better = 0;
	for (int seed = 0; seed < 150; seed++) {
		Arena *a = arena_create();
		Problem *p = sketch_problem(a, (uint64_t)seed, 20 + seed % 60);
		Order o = order_search(p);
		int64_t peak = layout_peak(p, o.task), least = INT64_MAX;
		cr_assert_leq(o.bound, peak);
		for (int i = 0; i < nschedulers; i++) {
			int *order = arena_array(a, int, p->ntasks);
			all_schedulers[i](p, order);
			int64_t other = layout_peak(p, order);
			least = other < least ? other : least;
		}
		cr_assert_leq(peak, least, "seed %d", seed);
		better += peak < least;
		arena_destroy(a);
	}
	cr_expect_gt(better, 30, "%d", better);
}

Test(order, graphs)
{
	int optimal = 0;
	for (uint64_t seed = 0; seed < 500; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, seed, 10 + (int)(seed % 50));
		pass_outputs.run(g, NULL);
		Arena *a = arena_create();
		Problem *p = problem_create(a, g);
		int *given = arena_array(a, int, p->ntasks);
		all_schedulers[0](p, given);
		Plan *plan = plan_memory(g, NULL);
		cr_assert_leq(plan->order_bound, plan->lower_bound);
		cr_assert_eq(plan->order_optimal,
		             plan->order_bound == plan->lower_bound);
		cr_assert_leq(layout_peak(p, order_search(p).task),
		              layout_peak(p, given));
		optimal += plan->order_optimal;
		arena_destroy(a);
		arena_destroy(u.arena);
	}
	cr_expect_gt(optimal, 450, "%d", optimal);
}

Test(order, same_order_each_time)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		Arena *a = arena_create(), *b = arena_create();
		arena_alloc(b, 4000);   /* other addresses */
		Order x = order_search(sketch_problem(a, seed, 100));
		Order y = order_search(sketch_problem(b, seed, 100));
		cr_expect_eq(x.bound, y.bound);
		cr_expect_arr_eq(x.task, y.task, 100 * sizeof *x.task);
		arena_destroy(a);
		arena_destroy(b);
	}
}

/* Even where nothing is proved, work ends. */
Test(order, ten_thousand_tasks, .timeout = 600)
{
	Arena *a = arena_create();
	Problem *p = sketch_problem(a, 1, 10000);
	Order o = order_search(p);
	cr_expect_leq(o.bound, layout_peak(p, o.task));
	cr_expect_gt(o.bound, 0);
	arena_destroy(a);
}
