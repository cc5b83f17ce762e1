/*
 * The pass batch-first: recurrent layers of random shapes, of one direction or
 * two, give what they gave before; and the Transposes of data that have the
 * batch first are gone when the sink pass has run.
 */
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

static const Loc loc = {0};

typedef struct Layers {
	Random random;
	Graph *g;
	int64_t batch, steps, hidden;
} Layers;

static Value *input(Layers *l, Shape s)
{
	const char *name = arena_printf(l->g->unit->arena, "x%d",
	                                l->g->ninputs);
	return graph_input(l->g, name, IN_DATA, DT_F32, s);
}

static Value *reshape(Layers *l, Value *x, Shape to)
{
	Node *n = NEW(l->g, loc, op_Reshape, x);
	node_set_ints(l->g, n, "shape", to.rank, to.dim);
	return node_done(l->g, n);
}

static Value *swap(Layers *l, Value *x)
{
	Node *n = NEW(l->g, loc, op_Transpose, x);
	node_set_ints(l->g, n, "perm", 3, (int64_t[]){1, 0, 2});
	return node_done(l->g, n);
}

static Value *direction(Layers *l, Value *x, const OpDef *op, bool reverse)
{
	static const struct {
		const OpDef *op;
		int gates, nout, states;
	} of[] = {
		{&op_LSTMRecurrence, 4, 4, 2}, {&op_GRURecurrence, 3, 3, 1},
		{&op_RNNRecurrence, 1, 3, 1},
	};
	int k = op == of[0].op ? 0 : op == of[1].op ? 1 : 2;
	int64_t width = of[k].gates * l->hidden, inputs = x->shape.dim[2];
	Value *w = input(l, (Shape){2, {inputs, width}});
	Value *r = input(l, (Shape){2, {width, l->hidden}});
	Value *h = random_int(&l->random, 2)
	         ? input(l, (Shape){2, {l->batch, l->hidden}}) : NULL;
	x = reshape(l, x, (Shape){2, {l->steps * l->batch, inputs}});
	x = reshape(l, APPLY(l->g, loc, op_MatMul, x, w),
	            (Shape){3, {l->steps, l->batch, width}});
	Node *n = NEW(l->g, loc, *op, x, r, NULL, h);
	node_set_int(l->g, n, "reverse", reverse);
	node_set_outputs(l->g, n, of[k].nout);
	node_done(l->g, n);
	graph_output(l->g, arena_printf(l->g->unit->arena, "h%d", n->id),
	             OUT_DATA, n->out[0]);
	return n->out[of[k].states];
}

static Value *layer(Layers *l, Value *x)
{
	static const OpDef *const ops[] = {
		&op_LSTMRecurrence, &op_GRURecurrence, &op_RNNRecurrence,
	};
	const OpDef *op = ops[random_int(&l->random, 3)];
	Value *y = direction(l, x, op, random_int(&l->random, 2));
	if (random_int(&l->random, 2))
		return y;
	Node *n = NEW(l->g, loc, op_Concat, y, direction(l, x, op, true));
	node_set_int(l->g, n, "axis", 2);
	return node_done(l->g, n);
}

/* The same elements are dropped. */
static Value *dropout(Layers *l, Value *x)
{
	Value *seed = graph_scalar_input(l->g, "seed", IN_SEED, DT_U32, 0);
	Node *n = NEW(l->g, loc, op_Dropout, x, seed);
	node_set_int(l->g, n, "id", n->id);
	return node_done(l->g, n);
}

static Graph *layers(Unit *u, uint64_t seed)
{
	Layers l = {.random = {seed}};
	l.g = graph_create(model_create(u, "m"), "infer");
	l.batch = 2 + random_int(&l.random, 3);
	l.steps = 2 + random_int(&l.random, 4);
	l.hidden = 1 + random_int(&l.random, 5);
	Value *x = swap(&l, input(&l, (Shape){3, {l.batch, l.steps, 3}}));
	x = layer(&l, x);
	if (random_int(&l.random, 2))
		x = dropout(&l, x);
	x = layer(&l, x);
	graph_output(l.g, "y", OUT_DATA, swap(&l, x));
	return l.g;
}

static int count_transposes(const Graph *g)
{
	int count = 0;
	for (const Node *n = g->first; n; n = n->next)
		count += n->op == &op_Transpose;
	return count;
}

Test(batch_first, same_bits_without_transposes)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		Unit u = test_unit();
		Graph *g = layers(&u, seed);
		Results before = run_apart(g);
		cr_assert_eq(count_transposes(g), 2);
		graph_have(g, FACT_USES);
		cr_assert(pass_batch_first.run(g, &(Options){0}));
		pass_sink.run(g, &(Options){0});
		pass_simplify.run(g, &(Options){0});
		graph_verify(g);
		cr_expect_eq(count_transposes(g), 0, "seed %d", (int)seed);
		Results after = run_apart(g);
		cr_expect(same_results(g, &before, &after), "seed %d",
		          (int)seed);
		cr_expect_not(pass_batch_first.run(g, &(Options){0}));
		arena_destroy(u.arena);
	}
}
