/*
 * Every operator on every one of its examples: what the interpreter computes is
 * finite, and the same in place. What is compiled is a program of its own,
 * ops_compiled.c, so that this one begins without LLVM.
 */
#include "ir/lanes.h"
#include "ir/verify.h"
#include "tests/unit/op_case.h"

Test(ops, all_have_examples)
{
	for (int i = 0; i < nops; i++)
		cr_expect(all_ops[i]->nexamples > 0 || all_ops[i] == &op_Fused ||
		          op_fuses_gradients(all_ops[i]) ||
		          all_ops[i] == &op_Scan || all_ops[i] == &op_Gradient,
		          "%s has no example", all_ops[i]->name);
}

static void check_verifies_and_is_finite(Case *c)
{
	void **buf = buffers_make(c, false);
	graph_verify(c->g);
	run_node(c, c->n, buf, false);
	for (int o = 0; o < c->n->nout; o++) {
		const Value *v = c->n->out[o];
		for (int64_t e = 0; e < numel(v->shape); e++)
			cr_expect(!dtype_is_float(v->dtype) ||
			          (isfinite(element(v, buf, false, e).f) &&
			           fabs(element(v, buf, false, e).f) < 1e30),
			          "%s, example %d: element %lld of output %d is "
			          "%g", c->op->name, c->index, (long long)e, o,
			          element(v, buf, false, e).f);
	}
}
FOR_EACH_OPERATOR(verifies_and_is_finite)

static void check_costs_something(Case *c)
{
	Cost cost = kernel_cost(kernel_of(c->unit.arena, c->n));
	cr_expect(cost.flops > 0 || cost.bytes > 0 ||
	          numel(c->n->out[0]->shape) == 0,
	          "%s, example %d costs nothing", c->op->name, c->index);
}
FOR_EACH_OPERATOR(costs_something)

static void compare_in_place(Case *c, const Value *in, const Value *out)
{
	void **apart = buffers_make(c, false);
	void **shared = buffers_make(c, false);
	run_node(c, c->n, apart, false);
	shared[out->id] = shared[in->id];
	run_node(c, c->n, shared, false);
	for (int o = 0; o < c->n->nout; o++)
		expect_same(c, "in place", c->n->out[o], shared, c->n->out[o],
		            apart, 0);
}

static void check_in_place(Case *c)
{
	const Kernel *k = kernel_of(c->unit.arena, c->n);
	for (int i = 0; i < c->n->nin; i++)
		for (int o = 0; o < c->n->nout; o++)
			if (c->n->in[i] &&
			    kernel_in_place(k, c->n->in[i], c->n->out[o]))
				compare_in_place(c, c->n->in[i], c->n->out[o]);
}
FOR_EACH_OPERATOR(in_place)

static void compare_lanes(Case *c, int lanes)
{
	void **plain = buffers_make(c, false), **split = buffers_make(c, false);
	Kernel *k = kernel_of(c->unit.arena, c->n);
	run_node(c, c->n, plain, false);
	node_buffers(c, c->n, split, false);
	kernel_split_sums(k, lanes);
	kernel_eval(k, split, false);
	for (int o = 0; o < c->n->nout; o++)
		expect_same(c, "with sums in lanes", c->n->out[o], split,
		            c->n->out[o], plain, 1e-5);
}

static void check_lanes(Case *c)
{
	compare_lanes(c, 2);
	compare_lanes(c, 4);
}
FOR_EACH_OPERATOR(lanes)
