/*
 * What kernel_in_place() claims: wherever it says yes, for any example of any
 * operator, overwriting the input must change no bit of any result.
 */
#include "tests/unit/op_case.h"

static size_t bytes_of(const Value *v)
{
	return (size_t)value_bytes(v);
}

static bool same_bits(const Node *n, void *const a[], void *const b[])
{
	for (int o = 0; o < n->nout; o++) {
		int id = n->out[o]->id;
		if (memcmp(a[id], b[id], bytes_of(n->out[o])))
			return false;
	}
	return true;
}

/* Runs the node with output o in the memory of input i. */
static bool same_over(Case *c, int i, int o)
{
	const Value *in = c->n->in[i], *out = c->n->out[o];
	void **apart = buffers_make(c, false), **over = buffers_make(c, false);
	run_node(c, c->n, apart, false);
	node_buffers(c, c->n, over, false);
	over[out->id] = over[in->id];
	kernel_eval(kernel_of(c->unit.arena, c->n), over, false);
	return same_bits(c->n, apart, over);
}

static bool proven(Case *c, int i, int o)
{
	return c->n->in[i] &&
	       kernel_in_place(kernel_of(c->unit.arena, c->n), c->n->in[i],
	                       c->n->out[o]);
}

/* Counts the pairs of an input and an output that are proven. */
static int check_example(const OpDef *op, int example)
{
	Case *c = case_make(op, example);
	int pairs = 0;
	for (int i = 0; i < c->n->nin; i++)
		for (int o = 0; o < c->n->nout; o++) {
			if (!proven(c, i, o))
				continue;
			pairs++;
			cr_expect(same_over(c, i, o),
			          "%s, example %d: output %d over input %d",
			          op->name, example, o, i);
		}
	case_free(c);
	return pairs;
}

Test(in_place, changes_no_bit)
{
	int pairs = 0;
	for (int p = 0; p < nops; p++)
		for (int e = 0; e < all_ops[p]->nexamples; e++)
			pairs += check_example(all_ops[p], e);
	cr_expect_gt(pairs, 100);
}

static bool op_proven(const char *name, int example, int i, int o)
{
	const OpDef *op = op_find(name);
	cr_assert(op, "%s", name);
	Case *c = case_make(op, example);
	bool yes = proven(c, i, o);
	case_free(c);
	return yes;
}

/* What the planner counts on. */
Test(in_place, is_proven_where_it_matters)
{
	cr_expect(op_proven("Add", 0, 0, 0));
	cr_expect(op_proven("Add", 0, 1, 0));
	cr_expect(op_proven("Relu", 0, 0, 0));
	cr_expect_not(op_proven("Add", 2, 1, 0));     /* a scalar */
	cr_expect_not(op_proven("MatMul", 0, 0, 0));
	for (int e = 0; e < 3; e++) {
		cr_expect(op_proven("BatchNormalizationTrain", e, 0, 0));
		cr_expect(op_proven("BatchNormalizationTrain", e, 3, 3));
		cr_expect(op_proven("BatchNormalizationTrain", e, 4, 4));
	}
	cr_expect(op_proven("Softmax", 0, 0, 0));
	/* Gates over Z, its gradient over the gates or the states' gradient. */
	cr_expect(op_proven("LSTMRecurrence", 1, 0, 5));
	cr_expect(op_proven("LSTMRecurrenceGrad", 0, 0, 0));
	cr_expect(op_proven("LSTMRecurrenceGrad", 1, 0, 0));
	cr_expect(op_proven("GRURecurrence", 1, 0, 3));
	cr_expect(op_proven("GRURecurrenceGrad", 1, 0, 0));
	cr_expect(op_proven("GRURecurrenceGrad", 1, 7, 1));
	cr_expect(op_proven("RNNRecurrenceGrad", 0, 4, 0));
}

/* Another loop around the store: the second round would read what the first
 * has written. */
static void lower_twice(Kernel *k, const Node *n)
{
	k_for(k, 2);
	int i = k_for(k, 3);
	k_store(k, n->out[0], &i, k_mul(k, k_load(k, n->in[0], &i),
	                                k_num(k, 3)));
	k_end_n(k, 2);
}

/* y[i + 3 j] = x[i + 3 j] + x[j + 3 i], in two statements. */
static void lower_mirrored(Kernel *k, const Node *n)
{
	int i = k_for(k, 3), j = k_for(k, 3);
	Index a = k_sum(k_at(i), k_scaled(k_at(j), 3));
	Index b = k_sum(k_at(j), k_scaled(k_at(i), 3));
	int t = k_var(k, k_load_flat(k, n->in[0], b));
	k_store_flat(k, n->out[0], a, k_add(k, k_get(k, t),
	                                    k_load_flat(k, n->in[0], a)));
	k_end_n(k, 2);
}

/* Rows of overlapping windows: the digits of 2 i + j are not digits. */
static void lower_overlapping(Kernel *k, const Node *n)
{
	int i = k_for(k, 3), j = k_for(k, 3);
	Index at = k_sum(k_scaled(k_at(i), 2), k_at(j));
	k_store_flat(k, n->out[0], at,
	             k_mul(k, k_load_flat(k, n->in[0], at), k_num(k, 3)));
	k_end_n(k, 2);
}

/* y[i] = x[i], then y[i] += x[i]: read again after the store. */
static void lower_read_after(Kernel *k, const Node *n)
{
	int i = k_for(k, 9);
	Expr *x = k_load_flat(k, n->in[0], k_at(i));
	k_store_flat(k, n->out[0], k_at(i), k_mul(k, x, k_num(k, 3)));
	int j = k_for(k, 2);
	k_var(k, k_load_flat(k, n->in[0], k_at(j)));
	k_end_n(k, 2);
}

/* y[i] = sum of x, whole: every row reads what earlier rows have stored. */
static void lower_sum_of_all(Kernel *k, const Node *n)
{
	int i = k_for(k, 9);
	int sum = k_var(k, k_num(k, 0));
	int j = k_for(k, 9);
	k_set(k, sum, k_add(k, k_get(k, sum),
	                    k_load_flat(k, n->in[0], k_at(j))));
	k_end(k);
	k_store_flat(k, n->out[0], k_at(i), k_get(k, sum));
	k_end(k);
}

/* Pairs swapped: both loads, then both stores. */
static void lower_swapped(Kernel *k, const Node *n)
{
	int i = k_for(k, 4);
	Index even = k_scaled(k_at(i), 2), odd = k_plus(even, 1);
	int a = k_var(k, k_load_flat(k, n->in[0], even));
	int b = k_var(k, k_load_flat(k, n->in[0], odd));
	k_store_flat(k, n->out[0], even, k_get(k, b));
	k_store_flat(k, n->out[0], odd, k_get(k, a));
	k_end(k);
}

/* The second load behind the first store. */
static void lower_swapped_late(Kernel *k, const Node *n)
{
	int i = k_for(k, 4);
	Index even = k_scaled(k_at(i), 2), odd = k_plus(even, 1);
	int a = k_var(k, k_load_flat(k, n->in[0], even));
	k_store_flat(k, n->out[0], even, k_load_flat(k, n->in[0], odd));
	k_store_flat(k, n->out[0], odd,
	             k_add(k, k_get(k, a), k_load_flat(k, n->in[0], even)));
	k_end(k);
}

/* Pairs that overlap: y[i + 1] is loaded by the next iteration. */
static void lower_overlapping_pairs(Kernel *k, const Node *n)
{
	int i = k_for(k, 8);
	Index at = k_at(i), next = k_plus(k_at(i), 1);
	int a = k_var(k, k_load_flat(k, n->in[0], at));
	int b = k_var(k, k_load_flat(k, n->in[0], next));
	k_store_flat(k, n->out[0], at, k_get(k, b));
	k_store_flat(k, n->out[0], next, k_get(k, a));
	k_end(k);
}

/* A body of pairs in a loop that runs twice. */
static void lower_swapped_twice(Kernel *k, const Node *n)
{
	k_for(k, 2);
	int i = k_for(k, 4);
	Index even = k_scaled(k_at(i), 2), odd = k_plus(even, 1);
	int a = k_var(k, k_load_flat(k, n->in[0], even));
	int b = k_var(k, k_load_flat(k, n->in[0], odd));
	k_store_flat(k, n->out[0], even, k_mul(k, k_get(k, b), k_num(k, 3)));
	k_store_flat(k, n->out[0], odd, k_get(k, a));
	k_end_n(k, 2);
}

static OpDef operator_of(void (*lower)(Kernel *, const Node *),
                         const Example *example)
{
	OpDef op = op_Copy;
	op.lower = lower;
	op.scalar = NULL;
	op.examples = example;
	op.nexamples = 1;
	return op;
}

Test(in_place, is_proven_of_a_body_that_loads_and_then_stores)
{
	Example e = {.in = {{.shape = {1, {8}}}}};
	OpDef op = operator_of(lower_swapped, &e);
	Case *c = case_make(&op, 0);
	cr_expect(proven(c, 0, 0));
	cr_expect(same_over(c, 0, 0));
	case_free(c);
}

Test(in_place, is_refused_where_it_would_be_wrong)
{
	void (*const lower[])(Kernel *, const Node *) = {
		lower_twice, lower_mirrored, lower_overlapping,
		lower_read_after, lower_sum_of_all, lower_swapped_late,
		lower_overlapping_pairs, lower_swapped_twice,
	};
	for (int i = 0; i < 8; i++) {
		Example e = {.in = {{.shape = {1, {i ? 9 : 3}}}}};
		OpDef op = operator_of(lower[i], &e);
		Case *c = case_make(&op, 0);
		cr_expect_not(proven(c, 0, 0), "%d", i);
		/* All but the harmless re-reading would show. */
		if (i != 3)
			cr_expect_not(same_over(c, 0, 0), "%d", i);
		case_free(c);
	}
}
