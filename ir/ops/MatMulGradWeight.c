/*
 * MatMulGradWeight(a, b, from): a^T b, the gradient of what rows are multiplied
 * by; its sums begin with `from`, or 0. A MatMul or Gemm that is to go on from one
 * part of its rows to the next: see split_batch.c, which makes it.
 */
#include "ir/op.h"

#include "ir/product.h"

enum { A, B, FROM };

static Product product_of(const Node *n)
{
	const Value *a = n->in[A], *b = n->in[B];
	return (Product){
		.ta = true, .alpha = 1, .from = node_sum_from(n, 0),
		.m = a->shape.dim[1], .n = b->shape.dim[1], .k = a->shape.dim[0],
		.a.v = a, .b.v = b, .y.v = n->out[0],
	};
}

static bool infer(Unit *u, Node *n)
{
	const Value *a = n->in[A], *b = n->in[B];
	if (a->dtype != b->dtype || a->shape.rank != 2 || b->shape.rank != 2 ||
	    a->shape.dim[0] != b->shape.dim[0]) {
		error_at(u, n->loc, "%s %s and %s %s are not rows by rows",
		         dtype_name(a->dtype), shape_text(u->arena, a->shape),
		         dtype_name(b->dtype), shape_text(u->arena, b->shape));
		return false;
	}
	n->out[0]->dtype = a->dtype;
	n->out[0]->shape = (Shape){2, {a->shape.dim[1], b->shape.dim[1]}};
	return true;
}

static int64_t workspace(const Node *n)
{
	Product p = product_of(n);
	return product_workspace(&p);
}

static void lower(Kernel *k, const Node *n)
{
	Product p = product_of(n);
	k_product(k, &p);
}

static int64_t rows_unit(const Node *n, bool workspace)
{
	return node_sum_from(n, 0) ? 0 : product_rows_unit(workspace);
}

static void lower_rows(Kernel *k, const Node *n, Index first, int64_t count,
                       const Value *to)
{
	Product p = product_rows(product_of(n), first, count, to);
	k_product(k, &p);
}

static int64_t rows_workspace(const Node *n, int64_t count)
{
	Product p = product_rows(product_of(n), k_const(0), count, n->out[0]);
	return product_workspace(&p);
}

const OpDef op_MatMulGradWeight = {
	.name = "MatMulGradWeight", .min_in = 2, .max_in = 3,
	.goes_on = FROM,
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.rows = &(const RowsDef){
		.unit = rows_unit, .lower = lower_rows,
		.workspace = rows_workspace},
	.parts = parts_all_sum,
	EXAMPLES({.in = {{DIMS(4, 3)}, {DIMS(4, 5)}}},
	         {.nin = 3, .in = {{DIMS(6, 4)}, {DIMS(6, 9)}, {DIMS(4, 9)}}},
	         {.nin = 3, .in = {{DIMS(1, 4)}, {DIMS(1, 5)}, {DIMS(4, 5)}}},
	         {.in = {{DIMS(2, 3), DT_F64}, {DIMS(2, 2), DT_F64}}}),
};
