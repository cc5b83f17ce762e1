/*
 * Gemm: y = alpha op(a) op(b) + beta c, where c broadcasts and op transposes.
 * da = alpha dy op(b)^T, db = alpha op(a)^T dy, dc = beta dy.
 */
#include "ir/op.h"

#include "ir/build.h"
#include "ir/product.h"

enum { ALPHA, BETA, TRANS_A, TRANS_B };

/* c where it counts. */
static const Value *addend(const Node *n)
{
	return n->nin > 2 && attr_float(n, BETA) != 0 ? n->in[2] : NULL;
}

static Product product_of(const Node *n)
{
	const Value *a = n->in[0], *b = n->in[1];
	bool ta = attr_int(n, TRANS_A), tb = attr_int(n, TRANS_B);
	return (Product){
		.ta = ta, .tb = tb, .add = addend(n),
		.m = a->shape.dim[ta ? 1 : 0], .n = b->shape.dim[tb ? 0 : 1],
		.k = a->shape.dim[ta ? 0 : 1], .alpha = attr_float(n, ALPHA),
		.a.v = a, .b.v = b, .y.v = n->out[0],
	};
}

static bool infer(Unit *u, Node *n)
{
	const Value *a = n->in[0], *b = n->in[1];
	const Value *c = n->nin > 2 ? n->in[2] : NULL;
	bool tb = attr_int(n, TRANS_B);
	Shape y = {.rank = 2}, with;
	if (a->shape.rank != 2 || b->shape.rank != 2 ||
	    product_of(n).k != b->shape.dim[tb ? 1 : 0]) {
		error_at(u, n->loc, "cannot multiply %s%s by %s%s",
		         shape_text(u->arena, a->shape),
		         attr_int(n, TRANS_A) ? " transposed" : "",
		         shape_text(u->arena, b->shape), tb ? " transposed" : "");
		return false;
	}
	y.dim[0] = product_of(n).m;
	y.dim[1] = product_of(n).n;
	if (c && (!shape_broadcast(y, c->shape, &with) ||
	          !shape_equal(y, with))) {
		error_at(u, n->loc, "input 2 of shape %s does not broadcast to "
		         "%s", shape_text(u->arena, c->shape),
		         shape_text(u->arena, y));
		return false;
	}
	if (b->dtype != a->dtype || (c && c->dtype != a->dtype)) {
		error_at(u, n->loc, "inputs are %s, %s%s%s; expected one type",
		         dtype_name(a->dtype), dtype_name(b->dtype),
		         c ? ", " : "", c ? dtype_name(c->dtype) : "");
		return false;
	}
	n->out[0]->dtype = a->dtype;
	n->out[0]->shape = y;
	return true;
}

static int64_t workspace(const Node *n)
{
	Product p = product_of(n);
	return product_workspace(&p);
}

static void start_from(Kernel *k, const Node *n, const Value *c)
{
	const Value *y = n->out[0];
	int loop[2];
	k_for_shape(k, y->shape, loop);
	Expr *x = k_load(k, c, loop + 2 - c->shape.rank);
	if (attr_float(n, BETA) != 1)
		x = k_mul(k, x, k_num(k, attr_float(n, BETA)));
	k_store(k, y, loop, x);
	k_end_n(k, 2);
}

static void lower(Kernel *k, const Node *n)
{
	Product p = product_of(n);
	if (addend(n))
		start_from(k, n, addend(n));
	k_product(k, &p);
}

static int64_t rows_unit(const Node *n, bool workspace)
{
	return addend(n) ? 0 : product_rows_unit(workspace);
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

static Value *multiply(Graph *g, Node *n, Value *a, bool ta, Value *b, bool tb)
{
	Node *d = NEW(g, n->loc, op_Gemm, a, b);
	node_set_float(g, d, "alpha", attr_float(n, ALPHA));
	node_set_int(g, d, "transA", ta);
	node_set_int(g, d, "transB", tb);
	return node_done(g, d);
}

static void grad(Graph *g, Node *n, Value *const dys[], const bool want[],
                 Value *dx[])
{
	Value *a = n->in[0], *b = n->in[1], *dy = dys[0];
	bool ta = attr_int(n, TRANS_A), tb = attr_int(n, TRANS_B);
	if (want[0])
		dx[0] = ta ? multiply(g, n, b, tb, dy, true)
		           : multiply(g, n, dy, false, b, !tb);
	if (want[1])
		dx[1] = tb ? multiply(g, n, dy, true, a, ta)
		           : multiply(g, n, a, !ta, dy, false);
	if (addend(n) && want[2])
		dx[2] = build_scale(g, n->loc, build_sum_to(g, n->loc, dy,
		                    n->in[2]->shape), attr_float(n, BETA));
}

/* Rows of the left matrix, or terms of the sums. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	bool ta = attr_int(n, TRANS_A), tb = attr_int(n, TRANS_B);
	bool row = n->nin > 2 && n->in[2] && n->in[2]->shape.rank == 2 &&
	           n->in[2]->shape.dim[0] != 1;
	if (part[1])
		return part[0] && ta && !tb && !addend(n) &&
		       (n->nin < 3 || !part[2]) && parts_give(n, PART_SUM, out);
	return part[0] && !ta && (n->nin < 3 || part[2] == row) &&
	       parts_give(n, PART_ROWS, out);
}

const OpDef op_Gemm = {
	.name = "Gemm", .since = 11, .min_in = 2, .max_in = 3,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1},
	      [BETA] = {"beta", ATTR_FLOAT, true, .f = 1},
	      [TRANS_A] = {"transA", ATTR_INT, true, 0},
	      [TRANS_B] = {"transB", ATTR_INT, true, 0}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.workspace = workspace,
	.rows = &(const RowsDef){
		.unit = rows_unit, .lower = lower_rows,
		.workspace = rows_workspace},
	.parts = parts,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(3, 4)}}},
	         {.nin = 3, .in = {{DIMS(2, 3)}, {DIMS(4, 3)}, {DIMS(4)}},
	          .attr = {{"transB", 1}}},
	         {.nin = 3, .in = {{DIMS(3, 2)}, {DIMS(3, 4)}, {DIMS(2, 1)}},
	          .attr = {{"transA", 1}, {"alpha", .f = 0.5},
	                   {"beta", .f = -2}}},
	         {.nin = 3, .in = {{DIMS(3, 5)}, {DIMS(2, 3)}, {{0}}},
	          .attr = {{"transA", 1}, {"transB", 1}, {"alpha", .f = 3}}},
	         {.nin = 3, .in = {{DIMS(2, 2)}, {DIMS(2, 2)}, {DIMS(2, 2)}},
	          .attr = {{"beta", .f = 0}}}),
};
