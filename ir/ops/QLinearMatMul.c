/* QLinearMatMul(a, sa, za, b, sb, zb, sy, zy): a matrix product of integers,
 * brought to the scale of y, see ir/integer.h. */
#include "ir/integer.h"

static bool infer(Unit *u, Node *n)
{
	IntegerProduct p = integer_requantized(n);
	return integer_matrices(u, n, p.a->shape, p.b->shape,
	                        &n->out[0]->shape) &&
	       integer_infer(u, n, &p);
}

static int64_t workspace(const Node *n)
{
	IntegerProduct p = integer_requantized(n);
	return integer_matmul_workspace(&p);
}

static void lower(Kernel *k, const Node *n)
{
	IntegerProduct p = integer_requantized(n);
	k_integer_matmul(k, &p);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return n->in[QL_B]->shape.rank == 2 &&
	       integer_rows(n, n->in[QL_B], part, out);
}

const OpDef op_QLinearMatMul = {
	.name = "QLinearMatMul", .since = 10, .min_in = 8, .max_in = 8,
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.needs_workspace = true,
	.stops = true,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(4, 3), DT_U8, 0, 255},
	                 {{0}, .lo = 0.01, .hi = 0.02}, {{0}, DT_U8, 1, 200},
	                 {DIMS(3, 2), DT_I8, -128, 127},
	                 {{0}, .lo = 0.01, .hi = 0.02}, {{0}, DT_I8, -9, 9},
	                 {{0}, .lo = 0.03, .hi = 0.04}, {{0}, DT_U8, 1, 200}}},
	         {.in = {{DIMS(2, 4, 3), DT_I8, -128, 127},
	                 {DIMS(4, 1), .lo = 0.01, .hi = 0.02},
	                 {DIMS(4, 1), DT_I8, -9, 9},
	                 {DIMS(2, 3, 5), DT_U8, 0, 255},
	                 {DIMS(5), .lo = 0.01, .hi = 0.02},
	                 {DIMS(5), DT_U8, 1, 200},
	                 {DIMS(4, 1), .lo = 0.03, .hi = 0.04},
	                 {DIMS(4, 1), DT_I8, -9, 9}}},
	         {.in = {{DIMS(2, 3, 7), DT_I8, -128, 127},
	                 {{0}, .lo = 0.01, .hi = 0.02}, {{0}, DT_I8, -9, 9},
	                 {DIMS(7, 9), DT_I8, -128, 127},
	                 {DIMS(9), .lo = 0.01, .hi = 0.02},
	                 {DIMS(9), DT_I8, -9, 9},
	                 {{0}, .lo = 0.3, .hi = 0.4}, {{0}, DT_U8, 1, 200}}}),
};
