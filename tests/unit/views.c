/*
 * Values inside of others: the same bits as apart, in no more memory, and a
 * plan that was tampered with is found out.
 */
#include "passes/order.h"
#include "passes/pass.h"
#include "tests/unit/emitted.h"
#include "tests/unit/sabotage.h"
#include "tests/unit/views_graph.h"

#include <criterion/criterion.h>
#include <math.h>

static Plan *plan_views(Unit *u, uint64_t seed, int n, bool views)
{
	static const char *name[] = {"views"};
	Options options = {.target = target_find("host"),
	                   .disable = {views ? 0 : 1, name}};
	Graph *g = views_graph(u, seed, n);
	pass_outputs.run(g, &options);
	graph_verify(g);
	return plan_memory(g, &options);
}

static int count_pieces(const Plan *p, bool placed)
{
	Arena *a = arena_create();
	int count = 0;
	for (int s = 0; s < p->nsteps; s++) {
		const Node *n = p->step[s];
		if (!n->op->pieces)
			continue;
		Piece *piece = arena_array(a, Piece, n->nin + n->nout);
		int all = node_pieces(n, piece);
		for (int i = 0; i < all; i++)
			count += plan_has_placed(p, n, &piece[i]) == placed;
	}
	arena_destroy(a);
	return count;
}

Test(views, same_bits_in_no_more_memory)
{
	int placed = 0, moved = 0, less = 0;
	for (uint64_t seed = 0; seed < 30; seed++) {
		Unit u = test_unit();
		int n = 4 + (int)(seed % 50);
		Plan *p = plan_views(&u, seed, n, true);
		Plan *q = plan_views(&u, seed, n, false);
		Results a = run_apart(p->graph), b = run_planned(p, 0);
		cr_assert(same_results(p->graph, &a, &b), "seed %d",
		          (int)seed);
		cr_assert_eq(plan_check(u.arena, p), NULL);
		cr_assert_leq(p->arena_bytes, q->arena_bytes, "seed %d",
		              (int)seed);
		cr_assert_eq(count_pieces(q, true), 0);
		less += p->arena_bytes < q->arena_bytes;
		placed += count_pieces(p, true);
		moved += count_pieces(p, false);
		arena_destroy(u.arena);
	}
	cr_expect_gt(3 * placed, moved, "%d in place, %d moved", placed, moved);
	cr_expect_gt(less, 12, "%d", less);
}

/* ---- what goes where ---- */

static Maker *small_maker(Unit *u)
{
	Maker *m = arena_new(u->arena, Maker);
	m->unit = u;
	m->g = graph_create(model_create(u, "m"), "infer");
	return m;
}

static Value *concat(Graph *g, int n, Value *const in[])
{
	Node *c = node_new(g, (Loc){0}, &op_Concat, n, in);
	node_set_int(g, c, "axis", 0);
	return node_done(g, c);
}

static int64_t from(const Problem *p, const Value *v, const Value *whole)
{
	const Storage *s = &p->storage[p->of[v->id]];
	const Storage *t = &p->storage[p->of[whole->id]];
	cr_assert_eq(s->body, t->body);
	return s->at - t->at;
}

static bool is_skipped(const Problem *p, const Value *v)
{
	for (int t = 0; t < p->ntasks; t++)
		if (p->task[t].node == v->def)
			return p->task[t].skipped;
	return false;
}

/* What is concatenated again, with more behind it, is where it was; what stands
 * there twice is copied once; a slice is a window, of a variable too. */
Test(views, places)
{
	Unit u = test_unit();
	Maker *m = small_maker(&u);
	Graph *g = m->g;
	Variable *var = model_variable(g->model, "w", VAR_PARAMETER, DT_F32,
	                               rows_shape(6));
	var->data = random_data(m, var->shape);
	Value *x = graph_input(g, "x", IN_DATA, DT_F32, rows_shape(4));
	Value *a = APPLY(g, (Loc){0}, op_Relu, x);
	Value *b = APPLY(g, (Loc){0}, op_Tanh, a);
	Value *ab = concat(g, 2, (Value *[]){a, b});
	Value *c = APPLY(g, (Loc){0}, op_Abs, ab);
	Value *abc = concat(g, 3, (Value *[]){a, b, c});
	Value *twice = concat(g, 2, (Value *[]){c, c});
	Node *s = NEW(g, (Loc){0}, op_Slice, graph_variable(g, var));
	node_set_ints(g, s, "starts", 1, (int64_t[]){2});
	node_set_ints(g, s, "ends", 1, (int64_t[]){6});
	Value *w = node_done(g, s);
	Value *y = APPLY(g, (Loc){0}, op_Add, APPLY(g, (Loc){0}, op_Neg, abc),
	                 twice);
	graph_output(g, "y", OUT_DATA, y);
	graph_output(g, "z", OUT_DATA, APPLY(g, (Loc){0}, op_Mul, w, x));
	Problem *p = problem_with_views(u.arena, g, arena_array(u.arena, bool,
	                                                        g->nnodes));
	int64_t rows = VIEW_COLUMNS * 4;
	cr_expect_eq(from(p, a, abc), 0);
	cr_expect_eq(from(p, b, abc), 4 * rows);
	cr_expect_eq(from(p, ab, abc), 0);
	cr_expect_eq(from(p, c, abc), 8 * rows);
	cr_expect(is_skipped(p, ab) && is_skipped(p, abc));
	cr_expect_eq(from(p, c, twice), 0);
	cr_expect(!is_skipped(p, twice));
	cr_expect_eq(p->storage[p->of[w->id]].region, REGION_CONST);
	cr_expect_eq(p->at[w->id], 2 * rows);
	cr_expect(is_skipped(p, w));
	Results want = run_apart(g), got = run_planned(plan_memory(g, NULL), 0);
	cr_expect(same_results(g, &want, &got));
	arena_destroy(u.arena);
}

/* ---- as C ---- */

/* All outputs and the state after one call, one behind the other. */
static unsigned char *run_emitted(Unit *u, Plan *plan, WeightsForm weights,
                                  const char *compiler, int64_t *bytes)
{
	Program *p = program_of(plan, NULL, NULL);
	const Graph *g = plan->graph;
	EmitOptions o = {.weights = weights};
	char *dir = new_directory(u->arena);
	cr_assert(emit_c(p, &o, dir));
	emit_glue_file(u->arena, p, dir);
	Loaded l = load_program(p, dir, compiler);
	Instance k = new_instance(&l);
	for (int i = 0; i < g->ninputs; i++)
		fill_input(g->input[i], instance_value(&k, plan, g->input[i]));
	cr_assert_eq(l.call(k.context, 0), 0);
	*bytes = p->state_bytes;
	for (int i = 0; i < g->noutputs; i++)
		*bytes += bytes_of(g->output[i].value);
	unsigned char *all = arena_alloc(u->arena, (size_t)*bytes), *to = all;
	for (int i = 0; i < g->noutputs; i++) {
		const Value *v = g->output[i].value;
		memcpy(to, instance_value(&k, plan, v), (size_t)bytes_of(v));
		to += bytes_of(v);
	}
	for (int i = 0; i < g->model->nvars; i++) {
		const Variable *v = g->model->var[i];
		if (v->mutable)
			memcpy(to + p->offset[i], k.state + p->offset[i],
			       (size_t)shape_bytes(v->shape, v->dtype));
	}
	dlclose(l.library);
	remove_directory(u->arena, dir);
	return all;
}

static void check_output(const Plan *p, const Results *want,
                         const unsigned char *got)
{
	for (int i = 0; i < p->graph->noutputs; i++) {
		const Value *v = p->graph->output[i].value;
		for (int64_t k = 0; k < numel(v->shape); k++, got += 4) {
			float x, y = ((const float *)want->output[i])[k];
			memcpy(&x, got, 4);
			cr_assert(x == y || (isnan(x) && isnan(y)) ||
			          fabsf(x - y) <= 1e-5f * fmaxf(1, fabsf(y)),
			          "%s[%d]: %g, expected %g",
			          p->graph->output[i].name, (int)k, (double)x,
			          (double)y);
		}
	}
}

/* C with values inside of others, C without, and the interpreter. */
Test(views, same_bits_in_c)
{
	for (uint64_t seed = 0; seed < 6; seed++) {
		Unit u = test_unit();
		int64_t n, m;
		WeightsForm form = seed % 2 ? WEIGHTS_C : WEIGHTS_BIN;
		Plan *p = plan_views(&u, seed, 30, true);
		Plan *q = plan_views(&u, seed, 30, false);
		Results want = run_apart(p->graph);
		const char *cc = compilers[seed % 2];
		unsigned char *x = run_emitted(&u, p, form, cc, &n);
		unsigned char *y = run_emitted(&u, q, form, cc, &m);
		cr_assert_eq(n, m);
		cr_assert_arr_eq(x, y, (size_t)n, "seed %d", (int)seed);
		check_output(p, &want, x);
		arena_destroy(u.arena);
	}
}

/* In no order, if nothing is written over anything. */
Test(views, no_order_needs_more)
{
	int less = 0;
	for (uint64_t seed = 0; seed < 100; seed++) {
		Unit u = test_unit();
		Graph *g = views_graph(&u, seed, 30);
		pass_outputs.run(g, NULL);
		Arena *a = arena_create();
		bool *copies = arena_array(a, bool, g->nnodes);
		Problem *p = problem_with_views(a, g, copies);
		Problem *q = problem_create(a, g);
		for (int t = 0; t < p->ntasks; t++)
			p->task[t].nreuses = q->task[t].nreuses = 0;
		for (int i = 0; i < nschedulers; i++) {
			int *order = arena_array(a, int, p->ntasks);
			all_schedulers[i](q, order);
			int64_t with = order_peak(a, p, order, NULL);
			int64_t without = order_peak(a, q, order, NULL);
			cr_assert_leq(with, without, "seed %d", (int)seed);
			cr_assert_geq(layout_create(p, order, 8)->peak, with);
			less += with < without;
		}
		arena_destroy(a);
		arena_destroy(u.arena);
	}
	cr_expect_gt(less, 200, "%d", less);
}

/* ---- sabotage ---- */

/* A value that shares its buffer with another of the same memory. */
static const Value *pick_part(const Plan *p, Random *r)
{
	const Node *n = p->step[random_int(r, p->nsteps)];
	const Value *v = n->out[random_int(r, n->nout)];
	const Place *at = &p->place[v->id];
	return at->region == REGION_ARENA && at->base != v ? v : NULL;
}

static void shift_part(Plan *p, Random *r)
{
	const Value *v = pick_part(p, r);
	if (v)
		p->place[v->id].offset += random_int(r, 2) ? 4 : 16;
}

/* Where another of the same body is. */
static void misplace_part(Plan *p, Random *r)
{
	const Value *v = pick_part(p, r), *w = pick_part(p, r);
	if (v && w && bytes_of(v) == bytes_of(w))
		p->place[v->id] = p->place[w->id];
}

/* With all its values a buffer goes to where it may be in the way. */
static void move_body(Plan *p, Random *r)
{
	const Value *v = pick_part(p, r);
	int b = v ? p->place[v->id].buffer : 0;
	int64_t by = v ? 64 * random_int(r, 4) - p->buffer[b].offset : 0;
	p->buffer[b].offset += by;
	for (int i = 0; i < p->graph->nvalues; i++)
		if (p->place[i].region == REGION_ARENA &&
		    p->place[i].buffer == b)
			p->place[i].offset += by;
}

static Plan *plan_parts(Unit *u, uint64_t seed)
{
	Graph *g = views_graph(u, seed, 25);
	pass_outputs.run(g, NULL);
	return plan_memory(g, NULL);
}

Test(views, sabotage)
{
	static void (*const kinds[])(Plan *, Random *) = {
		shift_part, misplace_part, move_step, move_body,
	};
	int differ = 0, found = 0;
	for (uint64_t seed = 0; seed < 16; seed++) {
		Unit u = test_unit();
		Plan *p = plan_parts(&u, seed);
		Results a = run_apart(p->graph);
		for (int i = 0; i < 60; i++) {
			Random r = {seed * 100 + (uint64_t)i};
			Plan q = *p;
			q.place = arena_array(u.arena, Place,
			                      p->graph->nvalues);
			q.step = arena_array(u.arena, Node *, p->nsteps);
			q.buffer = arena_array(u.arena, Buffer, p->nbuffers);
			memcpy(q.buffer, p->buffer, sizeof *q.buffer *
			       (size_t)p->nbuffers);
			memcpy(q.place, p->place, sizeof *q.place *
			       (size_t)p->graph->nvalues);
			memcpy(q.step, p->step,
			       sizeof *q.step * (size_t)p->nsteps);
			kinds[i % 4](&q, &r);
			if (i / 4 % 2)
				merge_buffers(&q);
			Results b = run_planned(&q, 4096);
			bool same = same_results(p->graph, &a, &b);
			const char *wrong = plan_check(u.arena, &q);
			cr_assert(same || wrong, "seed %d, %d", (int)seed, i);
			differ += !same;
			found += wrong != NULL;
		}
		arena_destroy(u.arena);
	}
	cr_expect_gt(differ, 90, "%d", differ);
	cr_expect_geq(found, differ);
}

/* The buffer of what this step reads dies before it. */
static bool shorten_life(Plan *p, const Node *n)
{
	for (int i = 0; i < n->nin; i++) {
		const Place *at = &p->place[n->in[i]->id];
		Buffer *b = &p->buffer[at->buffer];
		int k = b->nwindows - 1;
		if (at->region != REGION_ARENA || b->last == b->first ||
		    p->step[b->last] != n || at->base == n->in[i])
			continue;
		if (k >= 0 && b->window[k].first == b->window[k].last)
			b->nwindows--;
		else if (k >= 0)
			b->window[k].last--;
		b->last--;
		return true;
	}
	return false;
}

/* No bit changes when a buffer says that it lives for a shorter time, but the
 * plan is wrong. */
Test(views, lives_too_short)
{
	int shortened = 0;
	for (uint64_t seed = 0; seed < 30; seed++) {
		Unit u = test_unit();
		Plan *p = plan_parts(&u, seed);
		bool done = false;
		for (int s = 0; s < p->nsteps && !done; s++)
			done = !plan_skips(p, p->step[s]) &&
			       shorten_life(p, p->step[s]);
		shortened += done;
		cr_expect(!done || plan_check(u.arena, p), "seed %d",
		          (int)seed);
		arena_destroy(u.arena);
	}
	cr_expect_gt(shortened, 12, "%d", shortened);
}
