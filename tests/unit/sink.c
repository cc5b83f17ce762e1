/*
 * The pass sink: attention with the sequence first, of random shapes and with
 * random parts left out, gives the same bits with it, by fewer transposes.
 */
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

static const Loc loc = {0};

typedef struct Attention {
	Random random;
	Graph *g;
	int64_t batch, length, heads, each;   /* each: width of a head */
} Attention;

static Value *input(Attention *a, const char *name, Shape s)
{
	return graph_input(a->g, name, IN_DATA, DT_F32, s);
}

static Value *reshape(Attention *a, Value *x, Shape to)
{
	Node *n = NEW(a->g, loc, op_Reshape, x);
	node_set_ints(a->g, n, "shape", to.rank, to.dim);
	return node_done(a->g, n);
}

static Value *transpose(Attention *a, Value *x, const int64_t perm[3])
{
	Node *n = NEW(a->g, loc, op_Transpose, x);
	node_set_ints(a->g, n, "perm", 3, perm);
	return node_done(a->g, n);
}

static Value *cut(Attention *a, Value *x, int64_t from, int64_t to)
{
	Node *n = NEW(a->g, loc, op_Slice, x);
	node_set_ints(a->g, n, "starts", 1, &from);
	node_set_ints(a->g, n, "ends", 1, &to);
	node_set_ints(a->g, n, "axes", 1, (int64_t[]){2});
	node_set_ints(a->g, n, "steps", 1, (int64_t[]){1});
	return node_done(a->g, n);
}

static bool coin(Attention *a)
{
	return random_int(&a->random, 2);
}

/* What may stand between a product and the next reshaping. */
static Value *bent(Attention *a, Value *x)
{
	if (coin(a))
		x = APPLY(a->g, loc, op_Tanh, x);
	if (coin(a))
		x = APPLY(a->g, loc, op_Mul, x,
		          graph_scalar(a->g, DT_F32, 0.5));
	return x;
}

static const int64_t swap[] = {1, 0, 2}, turn[] = {1, 2, 0};

static Value *head(Attention *a, Value *x, int which, const int64_t *perm)
{
	int64_t width = a->heads * a->each;
	Shape s = {3, {a->length, a->batch * a->heads, a->each}};
	x = bent(a, cut(a, x, which * width, (which + 1) * width));
	return transpose(a, reshape(a, x, s), perm);
}

static Value *projected(Attention *a)
{
	int64_t width = a->heads * a->each;
	Value *x = input(a, "x", (Shape){3, {a->batch, a->length, width}});
	Value *w = input(a, "w", (Shape){2, {width, 3 * width}});
	Value *b = input(a, "b", (Shape){1, {3 * width}});
	x = APPLY(a->g, loc, op_MatMul, transpose(a, x, swap), w);
	return bent(a, APPLY(a->g, loc, op_Add, b, x));
}

static Value *returned(Attention *a, Value *x)
{
	int64_t width = a->heads * a->each, rows = a->length * a->batch;
	Value *w = input(a, "out", (Shape){2, {width, 5}});
	Value *b = input(a, "bias", (Shape){1, {5}});
	x = reshape(a, transpose(a, x, swap), (Shape){2, {rows, width}});
	x = coin(a) ? APPLY(a->g, loc, op_Gemm, x, w, b)
	            : APPLY(a->g, loc, op_MatMul, x, w);
	x = reshape(a, bent(a, x), (Shape){3, {a->length, a->batch, 5}});
	return transpose(a, x, swap);
}

static Graph *attention(Unit *u, uint64_t seed)
{
	Attention a = {.random = {seed}};
	a.g = graph_create(model_create(u, "m"), "infer");
	a.batch = 1 + random_int(&a.random, 4);
	a.length = 1 + random_int(&a.random, 6);
	a.heads = 1 + random_int(&a.random, 4);
	a.each = 1 + random_int(&a.random, 5);
	Value *x = projected(&a);
	Value *k = head(&a, x, 0, turn), *v = head(&a, x, 1, swap);
	Value *p = APPLY(a.g, loc, op_MatMul, head(&a, x, 2, swap), k);
	Value *y = APPLY(a.g, loc, op_MatMul, p, v);
	graph_output(a.g, "y", OUT_DATA, returned(&a, y));
	if (coin(&a))   /* the pass must then leave it where it is */
		graph_output(a.g, "x", OUT_DATA, x);
	return a.g;
}

static int count_transposes(const Graph *g)
{
	int count = 0;
	for (const Node *n = g->first; n; n = n->next)
		count += n->op == &op_Transpose;
	return count;
}

Test(sink, same_bits_of_attention)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		Unit u = test_unit();
		Graph *g = attention(&u, seed);
		int all = count_transposes(g), most = all;
		Results before = run_apart(g);
		cr_assert_eq(all, 6);
		if (numel(g->input[0]->shape) > 1)
			most = g->noutputs == 1 ? 4 : 5;
		cr_assert(pass_sink.run(g, &(Options){0}) || most == all);
		graph_verify(g);
		cr_expect_leq(count_transposes(g), most, "seed %d", (int)seed);
		Results after = run_apart(g);
		cr_expect(same_results(g, &before, &after), "seed %d",
		          (int)seed);
		arena_destroy(u.arena);
	}
}
