/* MatMulInteger(a, b, za, zb): the sums of a matrix product of integers, see
 * ir/integer.h. */
#include "ir/integer.h"

static bool infer(Unit *u, Node *n)
{
	IntegerProduct p = integer_sums(n);
	return integer_matrices(u, n, p.a->shape, p.b->shape,
	                        &n->out[0]->shape) &&
	       integer_infer(u, n, &p);
}

static int64_t workspace(const Node *n)
{
	IntegerProduct p = integer_sums(n);
	return integer_matmul_workspace(&p);
}

static void lower(Kernel *k, const Node *n)
{
	IntegerProduct p = integer_sums(n);
	k_integer_matmul(k, &p);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return n->in[1]->shape.rank == 2 &&
	       integer_rows(n, n->in[1], part, out);
}

const OpDef op_MatMulInteger = {
	.name = "MatMulInteger", .since = 10, .min_in = 2, .max_in = 4,
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.needs_workspace = true,
	.stops = true,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(4, 3), DT_U8, 0, 255},
	                 {DIMS(3, 2), DT_I8, -128, 127}}},
	         {.nin = 4,
	          .in = {{DIMS(4, 3), DT_I8, -128, 127},
	                 {DIMS(3, 2), DT_U8, 0, 255},
	                 {DIMS(4, 1), DT_I8, -9, 9}, {DIMS(2), DT_U8, 1, 200}}},
	         {.nin = 4,
	          .in = {{DIMS(2, 1, 4, 3), DT_U8, 0, 255},
	                 {DIMS(3, 3, 5), DT_U8, 0, 255}, {.absent = true},
	                 {DIMS(3, 1, 5), DT_U8, 1, 200}}}),
};
