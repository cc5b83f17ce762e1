/*
 * The gradient of every operator on shapes and attributes drawn at random,
 * against finite differences; of some of its outputs, to some of its inputs.
 *
 * THIMBLE_SEED and THIMBLE_DRAWS ask for other draws, or for more; THIMBLE_SHOW
 * prints each. What fails is printed as an example for the operator's file, and
 * is, the first draws being the smallest, a small one.
 */
#include "tests/unit/draw_layers.h"
#include "tests/unit/draw_ops.h"
#include "tests/unit/op_gradient.h"

#include <stdlib.h>

enum { DRAWS = 150, POINTS = 24 };

#define DRAW(name, how) .op = &op_##name, .draw = draw_##how
#define FIRST(from, to) .lo = from, .hi = to
#define OTHERS(from, to) .lo2 = from, .hi2 = to
#define NEVER_EMPTY .full = true
#define NO_NUMBER .reason = "its result is no real number"

static const Row rows[] = {
	{DRAW(Abs, unary)},
	{DRAW(Acos, unary), FIRST(-0.9, 0.9)},
	{DRAW(Acosh, unary), FIRST(1.2, 4)},
	{DRAW(Add, broadcast)},
	{.op = &op_And, NO_NUMBER},
	{.op = &op_ArgMax, NO_NUMBER},
	{.op = &op_ArgMin, NO_NUMBER},
	{DRAW(Asin, unary), FIRST(-0.9, 0.9)},
	{DRAW(Asinh, unary)},
	{DRAW(Atan, unary)},
	{DRAW(Atanh, unary), FIRST(-0.9, 0.9)},
	{DRAW(AveragePool, pool)},
	{DRAW(BatchNormalization, batch_norm)},
	{DRAW(BatchNormalizationTrain, batch_norm_train), NEVER_EMPTY},
	{DRAW(BinaryCrossEntropyWithLogits, broadcast), FIRST(-5, 5), OTHERS(0, 1)},
	{.op = &op_BitShift, NO_NUMBER},
	{.op = &op_BitwiseAnd, NO_NUMBER},
	{.op = &op_BitwiseNot, NO_NUMBER},
	{.op = &op_BitwiseOr, NO_NUMBER},
	{.op = &op_BitwiseXor, NO_NUMBER},
	{DRAW(Cast, cast)},
	{DRAW(Ceil, unary), FIRST(-5, 5)},
	{DRAW(Celu, unary)},
	{DRAW(Clip, clip)},
	{DRAW(Concat, concat)},
	{DRAW(Conv, conv)},
	{.op = &op_ConvInteger, NO_NUMBER},
	{DRAW(ConvTranspose, conv_transpose), NEVER_EMPTY},
	{DRAW(Copy, unary)},
	{DRAW(Cos, unary)},
	{DRAW(Cosh, unary)},
	{DRAW(CumProd, axis)},
	{DRAW(CumSum, axis)},
	{.op = &op_DequantizeLinear, .reason = "it stops where integers begin"},
	{DRAW(Div, broadcast), FIRST(-2, 2), OTHERS(0.5, 2)},
	{DRAW(Dropout, dropout)},
	{DRAW(Elu, unary)},
	{.op = &op_Equal, NO_NUMBER},
	{DRAW(Erf, unary)},
	{DRAW(Exp, unary)},
	{DRAW(Expand, expand)},
	{.op = &op_FakeQuantize, .reason = "its gradient is not its slope"},
	{DRAW(Floor, unary), FIRST(-5, 5)},
	{DRAW(GRURecurrence, gru), NEVER_EMPTY},
	{DRAW(Gather, gather)},
	{DRAW(GatherElements, gather_elements)},
	{DRAW(GatherElementsGrad, gather_elements)},
	{DRAW(GatherGrad, gather)},
	{DRAW(GatherND, gather_nd)},
	{DRAW(GatherNDGrad, gather_nd)},
	{DRAW(Gelu, gelu)},
	{DRAW(Gemm, gemm)},
	{DRAW(GlobalAveragePool, global_pool), NEVER_EMPTY},
	{DRAW(GlobalMaxPool, global_pool), NEVER_EMPTY},
	{.op = &op_Greater, NO_NUMBER},
	{.op = &op_GreaterOrEqual, NO_NUMBER},
	{DRAW(HardSigmoid, unary), FIRST(-5, 5)},
	{DRAW(HardSwish, unary), FIRST(-5, 5)},
	{DRAW(HuberLoss, broadcast)},
	{DRAW(Identity, unary)},
	{.op = &op_IsInf, NO_NUMBER},
	{.op = &op_IsNaN, NO_NUMBER},
	{DRAW(LSTMRecurrence, lstm), NEVER_EMPTY},
	{DRAW(LayerNormalization, layer_norm), NEVER_EMPTY},
	{DRAW(LeakyRelu, unary)},
	{.op = &op_Less, NO_NUMBER},
	{.op = &op_LessOrEqual, NO_NUMBER},
	{DRAW(Log, unary), FIRST(0.1, 5)},
	{DRAW(LogSoftmax, axis), NEVER_EMPTY},
	{DRAW(LpPool, lp_pool)},
	{DRAW(MatMul, matmul)},
	{.op = &op_MatMulInteger, NO_NUMBER},
	{DRAW(Max, broadcast)},
	{DRAW(MaxPool, pool)},
	{.op = &op_MaxPoolIndices, NO_NUMBER},
	{DRAW(Min, broadcast)},
	{DRAW(Mish, unary)},
	{DRAW(Mod, mod), FIRST(-9, 9), OTHERS(1, 3)},
	{DRAW(Mul, broadcast)},
	{DRAW(Neg, unary)},
	{DRAW(NegativeLogLikelihoodLoss, class_loss)},
	{.op = &op_Not, NO_NUMBER},
	{DRAW(OneHot, one_hot)},
	{.op = &op_Or, NO_NUMBER},
	{DRAW(PRelu, prelu)},
	{.op = &op_PackBits, NO_NUMBER},
	{DRAW(Pad, padding)},
	{DRAW(Pow, pow), FIRST(0.5, 2), OTHERS(-2.5, 2.5)},
	{.op = &op_QLinearConv, NO_NUMBER},
	{.op = &op_QLinearMatMul, NO_NUMBER},
	{.op = &op_QuantizeLinear, NO_NUMBER},
	{DRAW(RMSNormalization, layer_norm), NEVER_EMPTY},
	{DRAW(RNNRecurrence, rnn), NEVER_EMPTY},
	{.op = &op_RandomUniform, NO_NUMBER},
	{.op = &op_RandomUniformLike, NO_NUMBER},
	{DRAW(Reciprocal, unary), FIRST(0.5, 3)},
	{DRAW(ReduceL1, reduce)},
	{DRAW(ReduceL2, reduce)},
	{DRAW(ReduceLogSum, reduce), FIRST(0.5, 2), NEVER_EMPTY},
	{DRAW(ReduceLogSumExp, reduce), NEVER_EMPTY},
	{DRAW(ReduceMax, reduce), NEVER_EMPTY},
	{DRAW(ReduceMean, reduce), NEVER_EMPTY},
	{DRAW(ReduceMin, reduce), NEVER_EMPTY},
	{DRAW(ReduceProd, reduce)},
	{DRAW(ReduceSum, reduce)},
	{DRAW(ReduceSumSquare, reduce)},
	{DRAW(Relu, unary)},
	{DRAW(Reshape, reshape)},
	{DRAW(Resize, resize), NEVER_EMPTY},
	{DRAW(ReverseSequence, reverse_sequence), NEVER_EMPTY},
	{DRAW(Round, unary), FIRST(-5, 5)},
	{DRAW(ScatterElements, scatter_elements)},
	{DRAW(ScatterND, scatter_nd)},
	{DRAW(Selu, unary)},
	{DRAW(Shrink, unary)},
	{DRAW(Sigmoid, unary)},
	{DRAW(Sign, unary)},
	{DRAW(Sin, unary)},
	{DRAW(Sinh, unary)},
	{DRAW(Slice, slice)},
	{DRAW(SliceGrad, slice_grad)},
	{DRAW(Softmax, axis), NEVER_EMPTY},
	{DRAW(SoftmaxCrossEntropyLoss, class_loss)},
	{DRAW(Softplus, unary)},
	{DRAW(Softsign, unary)},
	{DRAW(Split, split)},
	{DRAW(Sqrt, unary), FIRST(0.1, 4)},
	{DRAW(Sub, broadcast)},
	{DRAW(Sum, broadcast)},
	{DRAW(SumTo, sum_to)},
	{DRAW(Swish, unary)},
	{DRAW(Tan, unary), FIRST(-1.2, 1.2)},
	{DRAW(Tanh, unary)},
	{DRAW(ThresholdedRelu, unary)},
	{DRAW(TopK, top_k)},
	{DRAW(Transpose, transpose)},
	{DRAW(Trilu, trilu)},
	{DRAW(Where, where)},
	{.op = &op_Xor, NO_NUMBER},
};

enum { NROWS = sizeof rows / sizeof *rows };

Test(ops_random, every_gradient_is_drawn)
{
	for (int i = 0; i < nops; i++) {
		int found = 0;
		for (int r = 0; r < NROWS; r++)
			found += rows[r].op == all_ops[i];
		cr_expect_eq(found, all_ops[i]->grad || all_ops[i]->stops,
		             "%s is in %d rows of ops_random.c",
		             all_ops[i]->name, found);
	}
	for (int r = 0; r < NROWS; r++)
		cr_expect_neq(rows[r].draw != NULL, rows[r].reason != NULL);
}

static int64_t setting(const char *name, int64_t otherwise)
{
	const char *s = getenv(name);
	return s ? strtoll(s, NULL, 10) : otherwise;
}

/* One draw depends on nothing but its number, the seed and the operator. */
static Draw draw_number(const Row *row, int64_t i, int64_t n)
{
	Draw d = {.row = row, .size = (int)(2 + i * 5 / n)};
	d.random = (uint64_t)setting("THIMBLE_SEED", 1) << 32 | (uint64_t)i;
	for (const char *s = row->op->name; *s; s++)
		d.random = d.random * 31 + (uint64_t)*s;
	random_unit(&d.random);
	d.real = one_in(&d, 8) ? DT_F64 : DT_F32;
	row->draw(&d);
	return d;
}

/* Points of each input, and those of them at which there is no kink. */
typedef struct Points {
	int all[16], checked[16];
} Points;

static bool check_draw(Draw *d, int64_t i, Points *p)
{
	Case *c = case_of(d->row->op, &d->e, (int)i, d->random);
	Loss f = {.c = c, .most = POINTS};
	if (one_in(d, 3))
		f.inputs = (unsigned)draw_int(d, 1, 15);
	if (one_in(d, 3))
		f.outputs = (unsigned)draw_int(d, 1, 7);
	bool right = gradients_are_right(&f);
	for (int x = 0; x < 16; x++) {
		p->all[x] += f.points[x];
		p->checked[x] += f.checked[x];
	}
	case_free(c);
	return right;
}

static void check_row(const Row *row)
{
	int64_t n = setting("THIMBLE_DRAWS", DRAWS);
	bool right = true;
	Points p = {{0}, {0}};
	for (int64_t i = 0; row->draw && right && i < n; i++) {
		Draw d = draw_number(row, i, n);
		if (getenv("THIMBLE_SHOW"))
			draw_print(&d);
		right = check_draw(&d, i, &p);
		if (!right)
			draw_print(&d);
	}
	for (int x = 0; x < 16; x++)
		cr_expect(2 * p.checked[x] >= p.all[x], "%s: only %d of %d "
		          "gradients of input %d could be checked",
		          row->op->name, p.checked[x], p.all[x], x);
	cr_expect(!row->draw || p.all[0] + p.all[1] > 0,
	          "%s: nothing was checked", row->op->name);
}

ParameterizedTestParameters(ops_random, gradients)
{
	return params_of(NROWS);
}

ParameterizedTest(int *first, ops_random, gradients)
{
	for (int i = *first; i < NROWS && i < *first + TOGETHER; i++)
		check_row(&rows[i]);
}
