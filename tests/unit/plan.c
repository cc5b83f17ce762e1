/*
 * The planner: random graphs give the same bits in one planned arena as with
 * memory for every value; small arenas are as small as they can be.
 */
#include "passes/pass.h"
#include "passes/planner.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>
#include <signal.h>


static Plan *plan_random(Unit *u, uint64_t seed, int n, const char *target)
{
	Options options = {.target = target_find(target)};
	Graph *g = random_graph(u, seed, n);
	pass_outputs.run(g, &options);
	graph_verify(g);
	return plan_memory(g, &options);
}

static int64_t sum_of_values(const Graph *g)
{
	int64_t sum = 0;
	for (const Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			sum += bytes_of(n->out[o]);
	return sum;
}

Test(plan, same_bits_in_one_arena)
{
	int64_t planned = 0, apart = 0;
	for (uint64_t seed = 0; seed < 600; seed++) {
		Unit u = test_unit();
		Plan *p = plan_random(&u, seed, 4 + (int)(seed % 60),
		                      seed % 2 ? "host" : "generic");
		Results a = run_apart(p->graph), b = run_planned(p, 0);
		cr_expect(same_results(p->graph, &a, &b), "seed %d",
		          (int)seed);
		cr_expect_geq(p->arena_bytes, p->lower_bound);
		int64_t parts = 0;
		for (int c = 0; c < NMEMCLASS; c++)
			parts += p->peak[c];
		cr_expect_eq(parts, p->lower_bound);
		planned += p->arena_bytes;
		apart += sum_of_values(p->graph);
		arena_destroy(u.arena);
	}
	cr_expect_lt(3 * planned, apart, "%lld of %lld bytes",
	             (long long)planned, (long long)apart);
}

/* The schedule as given, laid out by the same code, is never better. */
Test(plan, never_worse_than_the_given_order)
{
	int better = 0;
	for (uint64_t seed = 0; seed < 200; seed++) {
		Unit u = test_unit();
		Plan *p = plan_random(&u, seed, 50, "host");
		Arena *scratch = arena_create();
		Problem *q = problem_create(scratch, (Graph *)p->graph);
		int *order = arena_array(scratch, int, q->ntasks);
		all_schedulers[0](q, order);
		Layout *l = layout_create(q, order, 64);
		int64_t bytes = place_buffers(scratch, l->nbuffers, l->buffer);
		cr_expect_leq(p->arena_bytes, bytes);
		better += p->arena_bytes < bytes;
		arena_destroy(scratch);
		arena_destroy(u.arena);
	}
	cr_expect_gt(better, 20);
}

static char *text_of(Arena *a, const Plan *p)
{
	char *text = NULL, *copy;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	plan_print(f, p);
	fclose(f);
	copy = arena_strndup(a, text, len);
	free(text);
	return copy;
}

Test(plan, same_plan_each_time)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		Unit u = test_unit(), v = test_unit();
		const char *a = text_of(u.arena,
		                        plan_random(&u, seed, 80, "host"));
		arena_alloc(v.arena, 4000);   /* other addresses */
		const char *b = text_of(v.arena,
		                        plan_random(&v, seed, 80, "host"));
		cr_expect_str_eq(a, b);
		arena_destroy(u.arena);
		arena_destroy(v.arena);
	}
}

/* ---- what goes where ---- */

typedef struct Small {
	Unit u;
	Graph *g;
	Value *x;
} Small;

static Small small(void)
{
	Small s = {.u = test_unit()};
	/* The unit's address must outlive this function. */
	Unit *u = arena_new(s.u.arena, Unit);
	*u = s.u;
	s.g = graph_create(model_create(u, "m"), "train");
	s.x = graph_input(s.g, "x", IN_DATA, DT_F32, (Shape){1, {100}});
	return s;
}

static Value *mutable_variable(Small *s, const char *name, Shape shape)
{
	Variable *var = model_variable(s->g->model, name, VAR_PARAMETER, DT_F32,
	                               shape);
	var->mutable = true;
	return graph_variable(s->g, var);
}

Test(plan, a_chain_of_elementwise_nodes_needs_one_buffer)
{
	Small s = small();
	Value *y = s.x;
	for (int i = 0; i < 10; i++)
		y = APPLY(s.g, (Loc){0}, op_Relu, y);
	graph_output(s.g, "y", OUT_DATA, y);
	Plan *p = plan_memory(s.g, NULL);
	cr_expect_eq(p->nbuffers, 1);
	cr_expect_eq(p->arena_bytes, 400);
	cr_expect_eq(p->cost.flops, 1000);
	arena_destroy(s.u.arena);
}

Test(plan, dead_input_has_a_place)
{
	Small s = small();
	Value *t = graph_input(s.g, "t", IN_TARGET, DT_I64, (Shape){1, {3}});
	graph_output(s.g, "y", OUT_DATA, APPLY(s.g, (Loc){0}, op_Relu, s.x));
	Plan *p = plan_memory(s.g, NULL);
	cr_expect_eq(p->place[t->id].region, REGION_ARENA);
	cr_expect_geq(p->arena_bytes, 424);
	arena_destroy(s.u.arena);
}

Test(plan, regions)
{
	Small s = small();
	Value *w = mutable_variable(&s, "w", (Shape){1, {100}});
	Value *lr = graph_scalar_input(s.g, "lr", IN_HYPER, DT_F32, 0.1);
	Value *half = graph_scalar(s.g, DT_F32, 0.5);
	Value *frozen = graph_variable(s.g, model_variable(
		s.g->model, "f", VAR_PARAMETER, DT_F32, (Shape){1, {100}}));
	Value *y = APPLY(s.g, (Loc){0}, op_Mul, s.x, half);
	y = APPLY(s.g, (Loc){0}, op_Mul, y, lr);
	y = APPLY(s.g, (Loc){0}, op_Mul, y, frozen);
	Value *new = APPLY(s.g, (Loc){0}, op_Sub, w, y);
	new->var = w->var;
	graph_output(s.g, "y", OUT_DATA, y);
	Plan *p = plan_memory(s.g, NULL);
	cr_expect_eq(p->place[w->id].region, REGION_STATE);
	cr_expect_eq(p->place[new->id].region, REGION_STATE);
	cr_expect_eq(p->place[new->id].base->var, w->var);
	cr_expect_eq(p->place[lr->id].region, REGION_CONTEXT);
	cr_expect_eq(p->place[half->id].region, REGION_NONE);
	cr_expect_eq(p->place[frozen->id].region, REGION_CONST);
	cr_expect_eq(p->arena_bytes, 400);

	Program program = {.model = s.g->model, .train = p, .align = 64};
	program_layout(&program);
	cr_expect_eq(program.arena_bytes, 400);
	cr_expect_eq(program.state_bytes, 400);
	cr_expect_eq(program.const_bytes, 400);
	cr_expect_eq(program.offset[w->var->id], 0);
	cr_expect_eq(program.offset[frozen->var->id], 0);
	arena_destroy(s.u.arena);
}

/* A view of a variable is the variable, until it is replaced. */
Test(plan, views_of_variables)
{
	for (int late = 0; late < 2; late++) {
		Small s = small();
		Value *w = mutable_variable(&s, "w", (Shape){2, {10, 10}});
		Node *n = NEW(s.g, (Loc){0}, op_Reshape, w);
		node_set_ints(s.g, n, "shape", 1, (int64_t[]){100});
		Value *view = node_done(s.g, n);
		Value *y = APPLY(s.g, (Loc){0}, op_Add, s.x, view);
		Value *new = APPLY(s.g, (Loc){0}, op_Mul, w, w);
		new->var = w->var;
		if (late)
			y = APPLY(s.g, (Loc){0}, op_Sub, y, view);
		graph_output(s.g, "y", OUT_DATA, y);
		graph_verify(s.g);
		Plan *p = plan_memory(s.g, NULL);
		cr_expect_eq(plan_skips(p, n), !late);
		cr_expect_eq(p->place[view->id].region,
		             late ? REGION_ARENA : REGION_STATE);
		Results a = run_apart(s.g), b = run_planned(p, 0);
		cr_expect(same_results(s.g, &a, &b));
		arena_destroy(s.u.arena);
	}
}

Test(plan, outputs_are_copied_into_the_arena)
{
	Small s = small();
	Value *w = mutable_variable(&s, "w", (Shape){1, {100}});
	Value *new = APPLY(s.g, (Loc){0}, op_Mul, w, s.x);
	new->var = w->var;
	float *c = arena_array(s.u.arena, float, 3);
	c[1] = 7;
	graph_output(s.g, "old", OUT_DATA, w);
	graph_output(s.g, "new", OUT_DATA, new);
	graph_output(s.g, "x", OUT_DATA, s.x);
	graph_output(s.g, "c", OUT_DATA,
	             graph_const(s.g, "c", DT_F32, (Shape){1, {3}}, c));
	Results a = run_apart(s.g);
	cr_assert(pass_outputs.run(s.g, NULL));
	cr_expect_not(pass_outputs.run(s.g, NULL));
	graph_verify(s.g);
	Plan *p = plan_memory(s.g, NULL);
	Results b = run_planned(p, 0);
	cr_expect(same_results(s.g, &a, &b));
	for (int i = 0; i < 4; i++)
		cr_expect_eq(p->place[s.g->output[i].value->id].region,
		             REGION_ARENA);
	arena_destroy(s.u.arena);
}

/* w = w x w^T cannot be computed in place. */
static Small squared(void)
{
	Small s = small();
	Value *w = mutable_variable(&s, "w", (Shape){2, {5, 5}});
	Value *new = APPLY(s.g, (Loc){0}, op_MatMul, w, w);
	float *data = arena_array(s.u.arena, float, 25);
	for (int i = 0; i < 25; i++)
		data[i] = (float)(i % 7);
	w->var->data = data;
	new->var = w->var;
	return s;
}

Test(plan, a_replacement_that_cannot_be_in_place_is_copied)
{
	Small s = squared();
	Results a = run_apart(s.g);
	cr_assert(pass_outputs.run(s.g, NULL));
	graph_verify(s.g);
	Results b = run_planned(plan_memory(s.g, NULL), 0);
	cr_expect(same_results(s.g, &a, &b));
	arena_destroy(s.u.arena);
}

Test(plan, a_replacement_that_cannot_be_in_place_is_a_bug,
     .signal = SIGABRT)
{
	Small s = squared();
	plan_memory(s.g, NULL);
}

Test(plan, an_output_out_of_the_arena_is_a_bug, .signal = SIGABRT)
{
	Small s = small();
	graph_output(s.g, "w", OUT_DATA,
	             mutable_variable(&s, "w", (Shape){1, {5}}));
	plan_memory(s.g, NULL);
}

Test(plan, an_empty_graph)
{
	Small s = small();
	graph_output(s.g, "y", OUT_DATA, s.x);
	Plan *p = plan_memory(s.g, NULL);
	cr_expect_eq(p->nsteps, 0);
	cr_expect_eq(p->arena_bytes, 400);
	arena_destroy(s.u.arena);
}

/* Which a planner of another order of growth would not end. */
Test(plan, ten_thousand_nodes, .timeout = 600)
{
	Unit u = test_unit();
	Plan *p = plan_random(&u, 1, 10000, "host");
	cr_expect_geq(p->nsteps, 10000);
	arena_destroy(u.arena);
}

/* Updates run as soon as they can: gradients do not pile up. */
Test(plan, updates_come_early)
{
	Small s = small();
	Value *grad[20], *w[20], *y = s.x;
	for (int i = 0; i < 20; i++) {
		w[i] = mutable_variable(&s, arena_printf(s.u.arena, "w%d", i),
		                        (Shape){1, {100}});
		y = APPLY(s.g, (Loc){0}, op_Tanh, y);
		grad[i] = APPLY(s.g, (Loc){0}, op_Mul, y, y);
	}
	for (int i = 0; i < 20; i++) {
		Value *new = APPLY(s.g, (Loc){0}, op_Sub, w[i], grad[i]);
		new->var = w[i]->var;
	}
	Plan *p = plan_memory(s.g, NULL);
	cr_expect_leq(p->lower_bound, 3 * 400);
	arena_destroy(s.u.arena);
}

/* ---- placement against brute force ---- */

static bool clash(const Buffer *a, const Buffer *b)
{
	return a->first <= b->last && b->first <= a->last &&
	       a->offset < b->offset + b->bytes &&
	       b->offset < a->offset + a->bytes;
}

/* Some order of lowest-fit insertions is optimal: try them all. */
static int64_t lowest(Buffer buffer[], int n, int placed, int64_t height)
{
	int64_t best = INT64_MAX;
	if (placed == n)
		return height;
	for (int i = placed; i < n; i++) {
		Buffer b = buffer[i];
		buffer[i] = buffer[placed];
		b.offset = 0;
		for (int j = 0; j < placed; j++)
			if (clash(&b, &buffer[j])) {
				int64_t top = buffer[j].offset + buffer[j].bytes;
				b.offset = (top + b.align - 1) / b.align *
				           b.align;
				j = -1;
			}
		buffer[placed] = b;
		int64_t top = b.offset + b.bytes;
		int64_t h = lowest(buffer, n, placed + 1,
		                   top > height ? top : height);
		best = h < best ? h : best;
		buffer[placed] = buffer[i];
		buffer[i] = b;
	}
	return best;
}

Test(place, against_brute_force)
{
	Random r = {1};
	for (int k = 0; k < 300; k++) {
		Arena *a = arena_create();
		Buffer b[6], copy[6];
		int n = 1 + random_int(&r, 6);
		for (int i = 0; i < n; i++) {
			int first = random_int(&r, 6);
			b[i] = (Buffer){"b", MEM_ACTIVATION,
			                1 + random_int(&r, 40), 4, 0, first,
			                first + random_int(&r, 4), 0, NULL};
			copy[i] = b[i];
		}
		int64_t height = place_buffers(a, n, b);
		int64_t best = lowest(copy, n, 0, 0);
		/* Offsets are multiples of 4; where the top one ends is chance. */
		cr_expect_geq(height, best);
		cr_expect_eq((height + 3) / 4, (best + 3) / 4);
		for (int i = 0; i < n; i++)
			for (int j = 0; j < i; j++)
				cr_expect_not(clash(&b[i], &b[j]));
		arena_destroy(a);
	}
}

/* Each is where it was placed first, and what is like none before is placed. */
Test(place, once)
{
	Arena *a = arena_create();
	BufferWindow w[2][2] = {{{0, 1, 0, 8}, {2, 3, 0, 4}},
	                        {{0, 1, 0, 8}, {2, 3, 4, 8}}};
	Placed *placed = NULL;
	Buffer like[][2] = {
		{{"a", MEM_ACTIVATION, 8, 4, -1, 0, 3, 0, NULL},
		 {"b", MEM_ACTIVATION, 4, 4, -1, 2, 3, 0, NULL}},
		{{"a", MEM_ACTIVATION, 8, 4, -1, 0, 3, 2, w[0]},
		 {"b", MEM_ACTIVATION, 4, 4, -1, 2, 3, 0, NULL}},
		{{"a", MEM_ACTIVATION, 8, 4, -1, 0, 3, 2, w[1]},
		 {"b", MEM_ACTIVATION, 4, 4, -1, 2, 3, 0, NULL}},
	};
	int64_t bytes[] = {12, 8, 8};
	for (int i = 0; i < 3; i++) {
		Buffer *again = arena_array(a, Buffer, 2);
		memcpy(again, like[i], sizeof like[i]);
		cr_expect_eq(place_once(&placed, a, 2, like[i]), bytes[i]);
		cr_expect_eq(place_once(&placed, a, 2, again), bytes[i]);
		for (int k = 0; k < 2; k++) {
			cr_expect_geq(again[k].offset, 0);
			cr_expect_eq(again[k].offset, like[i][k].offset);
		}
	}
	cr_expect_eq(like[1][0].offset, 0);
	cr_expect_eq(like[1][1].offset, 4);
	cr_expect_eq(like[2][0].offset, 0);
	cr_expect_eq(like[2][1].offset, 0);
	arena_destroy(a);
}
