/* Kernels of made-up operators: guards, indirect indexes, costs, text. */
#include "ir/kernel.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

/* ---- one node of a made-up operator ---- */

static bool infer_nothing(Unit *u, Node *n)
{
	n->out[0]->shape = n->in[0]->shape;
	n->out[0]->dtype = n->in[0]->dtype;
	return true;
}

typedef struct Single {
	Unit *unit;
	Graph *g;
	Node *n;
	const Kernel *k;
} Single;

static Single single(const OpDef *op, int nin, Value *(*input)(Graph *, int))
{
	Single s;
	Unit u = test_unit();
	Value *in[4];
	s.unit = arena_new(u.arena, Unit);
	*s.unit = u;
	s.g = graph_create(model_create(s.unit, "m"), "g");
	for (int i = 0; i < nin; i++)
		in[i] = input(s.g, i);
	s.n = node_new(s.g, (Loc){"n", "Test"}, op, nin, in);
	node_done(s.g, s.n);
	s.k = kernel_of(u.arena, s.n);
	return s;
}

static Value *row_of_four(Graph *g, int i)
{
	return graph_input(g, i ? "index" : "x", IN_DATA, i ? DT_I32 : DT_F32,
	                   (Shape){1, {4}});
}

/* y[i] = x[i - 2], 9 outside: a load with a guard. */
static void lower_shift(Kernel *k, const Node *n)
{
	int i = k_for(k, 4);
	Index at = k_plus(k_at(i), -2);
	k_store(k, n->out[0], &i, k_load_padded(k, n->in[0], &at, 9));
	k_end(k);
}

/* y[i + 1] += x[i] after y = 1: a store with a guard. */
static void lower_scatter(Kernel *k, const Node *n)
{
	k_fill(k, n->out[0], 1);
	int i = k_for(k, 4);
	Index at = k_plus(k_at(i), 1);
	k_accumulate_padded(k, n->out[0], &at, k_load(k, n->in[0], &i));
	k_end(k);
}

/* y[i] = x[index[i]], 0 where the index is wrong. */
static void lower_gather(Kernel *k, const Node *n)
{
	int i = k_for(k, 4);
	int index = k_var(k, k_load(k, n->in[1], &i));
	Index at = k_indirect(index);
	k_store(k, n->out[0], &i, k_load_at(k, n->in[0], &at));
	k_end(k);
}

/* Row sums: y[i] = sum of x * x, stored after an inner loop of 4. */
static void lower_sums(Kernel *k, const Node *n)
{
	int i = k_for(k, 4);
	int sum = k_var(k, k_num(k, 0));
	int j = k_for(k, 4);
	Expr *x = k_load(k, n->in[0], &j);
	k_set(k, sum, k_add(k, k_get(k, sum), k_mul(k, x, x)));
	k_end(k);
	k_store(k, n->out[0], &i, k_get(k, sum));
	k_end(k);
}

/* y = 1, and in 2^61 empty loops 2. */
static void lower_nothing(Kernel *k, const Node *n)
{
	int loop[3];
	k_fill(k, n->out[0], 1);
	k_for_shape(k, (Shape){3, {1 << 30, (int64_t)1 << 31, 0}}, loop);
	k_store_flat(k, n->out[0], k_at(loop[2]), k_num(k, 2));
	k_end_n(k, 3);
}

#define TEST_OP(lowering, inputs) {.name = "Test", .min_in = inputs, \
	.max_in = inputs, .infer = infer_nothing, .lower = lowering}

static const OpDef op_shift = TEST_OP(lower_shift, 1);
static const OpDef op_scatter = TEST_OP(lower_scatter, 1);
static const OpDef op_gather = TEST_OP(lower_gather, 2);
static const OpDef op_sums = TEST_OP(lower_sums, 1);
static const OpDef op_nothing = TEST_OP(lower_nothing, 1);

static void eval(const Single *s, void *x, void *index, void *y)
{
	void *buf[3] = {x};
	if (s->n->nin > 1)
		buf[s->n->in[1]->id] = index;
	buf[s->n->out[0]->id] = y;
	kernel_eval(s->k, buf, false);
}

Test(kernel, guarded_load)
{
	Single s = single(&op_shift, 1, row_of_four);
	float x[4] = {1, 2, 3, 4}, y[4], want[4] = {9, 9, 1, 2};
	eval(&s, x, NULL, y);
	cr_expect_arr_eq(y, want, sizeof y);
	cr_expect_not(kernel_in_place(s.k, s.n->in[0], s.n->out[0]));
	arena_destroy(s.unit->arena);
}

Test(kernel, guarded_store)
{
	Single s = single(&op_scatter, 1, row_of_four);
	float x[4] = {1, 2, 3, 4}, y[4], want[4] = {1, 2, 3, 4};
	eval(&s, x, NULL, y);
	cr_expect_arr_eq(y, want, sizeof y);
	cr_expect_not(kernel_in_place(s.k, s.n->in[0], s.n->out[0]));
	arena_destroy(s.unit->arena);
}

/* Not even the worst index reads elsewhere. */
Test(kernel, indirect_load)
{
	Single s = single(&op_gather, 2, row_of_four);
	float x[4] = {1, 2, 3, 4}, y[4], want[4] = {4, 0, 0, 1};
	int32_t index[4] = {3, -1, INT32_MAX, 0};
	eval(&s, x, index, y);
	cr_expect_arr_eq(y, want, sizeof y);
	cr_expect_not(kernel_in_place(s.k, s.n->in[0], s.n->out[0]));
	cr_expect(kernel_reads(s.k, s.n->in[1]));
	arena_destroy(s.unit->arena);
}

Test(kernel, loops_around_nothing)
{
	Single s = single(&op_nothing, 1, row_of_four);
	float x[4], y[4] = {0}, want[4] = {1, 1, 1, 1};
	eval(&s, x, NULL, y);
	cr_expect_arr_eq(y, want, sizeof y);
	arena_destroy(s.unit->arena);
}

Test(kernel, costs_are_counted)
{
	Single s = single(&op_sums, 1, row_of_four);
	Cost c = kernel_cost(s.k);
	/* 16 times a multiplication, an addition and one load of x, which is
	 * bound to a variable first; 4 stores. */
	cr_expect_eq(c.flops, 32);
	cr_expect(c.bytes == 16 * 4 + 4 * 4 || c.bytes == 2 * 16 * 4 + 4 * 4);
	cr_expect_not(kernel_in_place(s.k, s.n->in[0], s.n->out[0]));
	arena_destroy(s.unit->arena);
}

Test(kernel, prints)
{
	Single s = single(&op_shift, 1, row_of_four);
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	kernel_print(f, s.k);
	fclose(f);
	cr_expect_str_eq(text,
		"kernel Test 'n'\n"
		"  for i0 in 0..4\n"
		"    %_1[i0] = %x[i0 + -2] if i0 + -2 in 0..4 else 9\n");
	free(text);
	arena_destroy(s.unit->arena);
}
