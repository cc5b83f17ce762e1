/* Nodes with some inputs in parts, and what must come of them: a table. */
#ifndef TESTS_UNIT_PARTS_FORMS_H
#define TESTS_UNIT_PARTS_FORMS_H

#include "ir/parts.h"

typedef enum Answer {
	NO = -1, WHOLE = PART_WHOLE, ROWS = PART_ROWS, SUM = PART_SUM,
	MEAN = PART_MEAN,
} Answer;

typedef struct Form {
	const char *inputs;   /* types, for %a, %b, ... */
	const char *parts;    /* of them: p, or . for one that is whole */
	Answer answer;
	const char *node;
} Form;

static const Form forms[] = {
	{"f32[4,3] f32[4,3]", "pp", ROWS, "%y f32[4,3] = Add(%a, %b)"},
	{"f32[4,3] f32[4,3]", "p.", NO, "%y f32[4,3] = Add(%a, %b)"},
	{"f32[4,3] f32[3]", "p.", ROWS, "%y f32[4,3] = Mul(%a, %b)"},
	{"f32[4,1] f32[1,3]", "p.", ROWS, "%y f32[4,3] = Mul(%a, %b)"},
	{"f32[4,1] f32[4]", ".p", NO, "%y f32[4,4] = Mul(%a, %b)"},
	{"f32[4] f32[4,4]", "pp", NO, "%y f32[4,4] = Sub(%a, %b)"},
	{"f32[4] f32[4]", "..", WHOLE, "%y f32[4] = Sub(%a, %b)"},
	{"bool[4,1] f32[4,3] f32[]", "pp.", ROWS,
	 "%y f32[4,3] = Where(%a, %b, %c)"},
	{"f32[4,3]", "p", ROWS, "%y i32[4,3] = Cast(%a) {to=6}"},
	{"f32[6,3]", "p", ROWS, "%y f32[6,3] = Relu(%a)"},
	{"f32[5,3]", "p", NO, "%y f32[5,3] = Relu(%a)"},
	{"f32[]", "p", NO, "%y f32[] = Relu(%a)"},
	/* shapes */
	{"f32[4,3,2]", "p", ROWS, "%y f32[12,2] = Reshape(%a) {shape=[12, 2]}"},
	{"f32[8,3]", "p", ROWS, "%y f32[4,6] = Reshape(%a) {shape=[4, 6]}"},
	{"f32[4,3]", "p", NO, "%y f32[3,4] = Reshape(%a) {shape=[3, 4]}"},
	{"f32[4,3]", "p", NO, "%y f32[1,12] = Reshape(%a) {shape=[1, 12]}"},
	{"f32[4,3]", "p", ROWS, "%y f32[4,3] = Identity(%a)"},
	{"f32[4,3,2]", "p", ROWS,
	 "%y f32[4,2,3] = Transpose(%a) {perm=[0, 2, 1]}"},
	{"f32[4,2]", "p", NO, "%y f32[2,4] = Transpose(%a)"},
	{"f32[4,2,2]", "p", NO, "%y f32[2,4,2] = Transpose(%a) {perm=[1, 0, 2]}"},
	{"f32[4]", "p", ROWS, "%y f32[4] = Transpose(%a)"},
	{"f32[4,1]", "p", ROWS, "%y f32[4,3] = Expand(%a) {shape=[4, 3]}"},
	{"f32[4,1]", "p", ROWS, "%y f32[4,3] = Expand(%a) {shape=[3]}"},
	{"f32[4,3]", "p", ROWS, "%y f32[4,3] = Expand(%a) {shape=[1, 3]}"},
	{"f32[4,3]", "p", NO, "%y f32[2,4,3] = Expand(%a) {shape=[2, 4, 3]}"},
	{"f32[4,2] f32[4,3]", "pp", ROWS,
	 "%y f32[4,5] = Concat(%a, %b) {axis=1}"},
	{"f32[4,2] f32[4,3]", "p.", NO, "%y f32[4,5] = Concat(%a, %b) {axis=1}"},
	{"f32[4,2] f32[4,2]", "pp", NO, "%y f32[8,2] = Concat(%a, %b) {axis=0}"},
	{"f32[4,4] f32[4,2]", "pp", NO,
	 "%y f32[8,4] = Concat(%a, %a) {axis=-2}"},
	{"f32[4,5]", "p", ROWS,
	 "%y f32[4,2], %z f32[4,3] = Split(%a) {axis=-1, split=[2, 3]}"},
	{"f32[4,5]", "p", NO,
	 "%y f32[2,5], %z f32[2,5] = Split(%a) {split=[2, 2]}"},
	{"f32[4,5]", "p", ROWS,
	 "%y f32[4,2] = Slice(%a) {starts=[1], ends=[3], axes=[1]}"},
	{"f32[4,5]", "p", NO, "%y f32[2,5] = Slice(%a) {starts=[1], ends=[3]}"},
	{"f32[4,2]", "p", ROWS, "%y f32[4,5] = SliceGrad(%a) "
	 "{starts=[1], ends=[3], axes=[-1], shape=[4, 5]}"},
	{"f32[2,5]", "p", NO, "%y f32[4,5] = SliceGrad(%a) "
	 "{starts=[1], ends=[3], axes=[-2], shape=[4, 5]}"},
	{"f32[4,3]", "p", ROWS, "%y f32[4,5] = Pad(%a) {pads=[0, 1, 0, 1]}"},
	{"f32[4,3]", "p", ROWS,
	 "%y f32[4,5] = Pad(%a) {pads=[0, 1, 0, 1], mode=\"reflect\"}"},
	{"f32[4,3]", "p", NO, "%y f32[6,3] = Pad(%a) {pads=[1, 0, 1, 0]}"},
	{"f32[4,3]", "p", NO, "%y f32[4,3] = Pad(%a) {pads=[1, 0, -1, 0]}"},
	{"f32[4,3,3]", "p", ROWS, "%y f32[4,3,3] = Trilu(%a)"},
	{"f32[4,4]", "p", NO, "%y f32[4,4] = Trilu(%a)"},
	/* reductions */
	{"f32[4,3]", "p", SUM, "%y f32[3] = SumTo(%a) {shape=[3]}"},
	{"f32[4,3]", "p", SUM, "%y f32[1,3] = SumTo(%a) {shape=[1, 3]}"},
	{"f32[4,3]", "p", ROWS, "%y f32[4,1] = SumTo(%a) {shape=[4, 1]}"},
	{"f32[4,3]", "p", SUM, "%y f32[] = ReduceSum(%a) {keepdims=0}"},
	{"f32[4,3]", "p", SUM, "%y f32[1,3] = ReduceSumSquare(%a) {axes=[-2]}"},
	{"f32[4,3]", "p", ROWS,
	 "%y f32[4] = ReduceSum(%a) {axes=[1], keepdims=0}"},
	{"f32[4,3]", "p", MEAN, "%y f32[] = ReduceMean(%a) {keepdims=0}"},
	{"f32[4,3]", "p", ROWS, "%y f32[4,1] = ReduceMean(%a) {axes=[1]}"},
	{"i32[4,3]", "p", NO, "%y i32[1,3] = ReduceMean(%a) {axes=[0]}"},
	{"f32[4,3]", "p", ROWS, "%y f32[4,1] = ReduceMax(%a) {axes=[1]}"},
	{"f32[4,3]", "p", NO, "%y f32[1,3] = ReduceMin(%a) {axes=[0]}"},
	{"f32[4,3]", "p", ROWS, "%y i64[4,1] = ArgMax(%a) {axis=1}"},
	{"f32[4,3]", "p", NO, "%y i64[1,3] = ArgMax(%a) {axis=-2}"},
	{"f32[4,3]", "p", ROWS, "%y f32[4,3] = Softmax(%a)"},
	{"f32[4,3]", "p", NO, "%y f32[4,3] = LogSoftmax(%a) {axis=0}"},
	{"f32[4,3] f32[4,3]", "pp", ROWS,
	 "%y f32[4,3] = LogSoftmaxGrad(%a, %b)"},
	{"f32[4,3] f32[4,3]", "p.", NO, "%y f32[4,3] = SoftmaxGrad(%a, %b)"},
	/* products */
	{"f32[4,3] f32[3,2]", "p.", ROWS, "%y f32[4,2] = MatMul(%a, %b)"},
	{"f32[3,4] f32[2,4]", "..", WHOLE,
	 "%y f32[3,2] = MatMul(%a, %b) {transB=1}"},
	{"f32[4,4] f32[2,4]", "p.", ROWS,
	 "%y f32[4,2] = MatMul(%a, %b) {transB=1}"},
	{"f32[4,4] f32[4,2]", "pp", NO, "%y f32[4,2] = MatMul(%a, %b)"},
	{"f32[4,3] f32[4,2]", "pp", SUM,
	 "%y f32[3,2] = MatMul(%a, %b) {transA=1}"},
	{"f32[4,3] f32[4,2]", "p.", NO,
	 "%y f32[3,2] = MatMul(%a, %b) {transA=1}"},
	{"f32[4,4] f32[4,4]", ".p", NO,
	 "%y f32[4,4] = MatMul(%a, %b) {transB=1}"},
	{"f32[4] f32[4,2]", "pp", SUM, "%y f32[2] = MatMul(%a, %b)"},
	{"f32[4] f32[4]", "pp", SUM, "%y f32[] = MatMul(%a, %b)"},
	{"f32[3] f32[4,3]", ".p", ROWS, "%y f32[4] = MatMul(%a, %b) {transB=1}"},
	{"f32[4,5,3] f32[3,2]", "p.", ROWS, "%y f32[4,5,2] = MatMul(%a, %b)"},
	{"f32[4,3,5] f32[3,2]", "p.", ROWS,
	 "%y f32[4,5,2] = MatMul(%a, %b) {transA=1}"},
	{"f32[4,5,3] f32[4,3,2]", "pp", ROWS, "%y f32[4,5,2] = MatMul(%a, %b)"},
	{"f32[4,5,3] f32[4,3,2]", "p.", NO, "%y f32[4,5,2] = MatMul(%a, %b)"},
	{"f32[4,2,5,3] f32[2,3,2]", "p.", ROWS,
	 "%y f32[4,2,5,2] = MatMul(%a, %b)"},
	{"f32[1,5,3] f32[4,3,2]", ".p", ROWS, "%y f32[4,5,2] = MatMul(%a, %b)"},
	{"f32[4,3] f32[2,3,2]", "p.", NO, "%y f32[2,4,2] = MatMul(%a, %b)"},
	{"f32[3,2,2] f32[2,2]", ".p", NO, "%y f32[3,2,2] = MatMul(%a, %b)"},
	{"f32[4,3] f32[2,3] f32[2]", "p..", ROWS,
	 "%y f32[4,2] = Gemm(%a, %b, %c) {transB=1}"},
	{"f32[4,3] f32[3,2] f32[4,1]", "p.p", ROWS,
	 "%y f32[4,2] = Gemm(%a, %b, %c)"},
	{"f32[4,3] f32[3,2] f32[4,1]", "p..", NO,
	 "%y f32[4,2] = Gemm(%a, %b, %c)"},
	{"f32[4,3] f32[4,2]", "pp", SUM,
	 "%y f32[3,2] = Gemm(%a, %b) {alpha=0.5, transA=1}"},
	{"f32[4,3] f32[4,2] f32[2]", "pp.", NO,
	 "%y f32[3,2] = Gemm(%a, %b, %c) {transA=1}"},
	{"f32[4,3] f32[4,2] f32[2]", "pp.", SUM,
	 "%y f32[3,2] = Gemm(%a, %b, %c) {beta=0, transA=1}"},
	{"f32[4,4] f32[4,4]", "p.", NO, "%y f32[4,4] = Gemm(%a, %b) {transA=1}"},
	{"f32[4,4] f32[4,4]", ".p", NO, "%y f32[4,4] = Gemm(%a, %b) {transB=1}"},
	{"f32[4,4] f32[4,4]", "pp", NO,
	 "%y f32[4,4] = Gemm(%a, %b) {transA=1, transB=1}"},
	/* convolutions and pools */
	{"f32[4,2,5] f32[3,2,3] f32[3]", "p..", ROWS,
	 "%y f32[4,3,3] = Conv(%a, %b, %c)"},
	{"f32[4,2,5] f32[2,2,3] f32[2]", "ppp", NO,
	 "%y f32[4,2,3] = Conv(%a, %b, %c)"},
	{"f32[4,2,3] f32[2,3,3]", "p.", ROWS,
	 "%y f32[4,3,5] = ConvTranspose(%a, %b)"},
	{"f32[4,3] f32[4,2]", "pp", SUM,
	 "%y f32[3,2] = MatMulGradWeight(%a, %b)"},
	{"f32[4,3] f32[4,2]", "p.", NO,
	 "%y f32[3,2] = MatMulGradWeight(%a, %b)"},
	{"f32[4,3] f32[4,2] f32[3,2]", "pp.", NO,
	 "%y f32[3,2] = MatMulGradWeight(%a, %b, %c)"},
	{"f32[4,3,3] f32[3,2,3]", "p.", ROWS,
	 "%y f32[4,2,5] = ConvGradInput(%a, %b) {shape=[4, 2, 5]}"},
	{"f32[4,2,5] f32[4,4,3]", "pp", SUM,
	 "%y f32[4,2,3] = ConvGradWeight(%a, %b) {shape=[4, 2, 3]}"},
	{"f32[4,2,5] f32[4,4,3]", "p.", NO,
	 "%y f32[4,2,3] = ConvGradWeight(%a, %b) {shape=[4, 2, 3]}"},
	{"f32[4,2,4]", "p", ROWS, "%y f32[4,2,2], %z u8[4,2,2] = MaxPool(%a) "
	 "{kernel_shape=[2], strides=[2]}"},
	{"f32[4,2,2] u8[4,2,2]", "pp", ROWS, "%y f32[4,2,4] = "
	 "MaxPoolGrad(%a, %b) {kernel_shape=[2], strides=[2], shape=[4, 2, 4]}"},
	{"f32[4,2,2]", "p", ROWS, "%y f32[4,2,4] = AveragePoolGrad(%a) "
	 "{kernel_shape=[2], strides=[2], shape=[4, 2, 4]}"},
	{"f32[4,2,4]", "p", ROWS, "%y f32[4,2,1] = GlobalAveragePool(%a)"},
	/* normalisation */
	{"f32[4,3,2] f32[3] f32[3] f32[3] f32[3]", "p....", ROWS,
	 "%y f32[4,3,2] = BatchNormalization(%a, %b, %c, %d, %e)"},
	{"f32[4,3,2] f32[4,3,2] f32[3]", "pp.", SUM, "%y f32[3], "
	 "%z f32[3] = BatchNormalizationSums(%a, %b, %c)"},
	{"f32[4,3,2]", "p", MEAN, "%y f64[2,3] = BatchNormalizationMoments(%a)"},
	{"f64[2,4] f32[4] f32[4]", "ppp", NO, "%y f32[4], %z f32[4], %u f32[4], "
	 "%v f32[4] = BatchNormalizationFinish(%a, %b, %c) {count=4}"},
	{"f32[4,4] f32[4] f32[4]", "p..", NO, "%y f32[4], %z f32[4], %u f32[4], "
	 "%v f32[4] = BatchNormalizationStatistics(%a, %b, %c)"},
	{"f32[4,4] f32[4,4] f32[4] f32[4] f32[4]", "pp...", NO, "%y f32[4,4], "
	 "%z f32[4], %u f32[4] = BatchNormalizationGrad(%a, %b, %c, %d, %e)"},
	{"f32[4,3,2] f32[4,3,2] f32[3,1] f32[3,1] f32[3,1] f32[3,1] f32[3,1]",
	 "pp.....", ROWS, "%y f32[4,3,2] = BatchNormalizationGradApply("
	 "%a, %b, %c, %d, %e, %f, %g) {count=8}"},
	{"f32[4,3] f32[3] f32[3]", "p..", ROWS, "%y f32[4,3], %z f32[4,1], "
	 "%u f32[4,1] = LayerNormalization(%a, %b, %c)"},
	{"f32[4,3] f32[4,3]", "pp", ROWS,
	 "%y f32[4,3] = LayerNormalization(%a, %b)"},
	{"f32[4,3] f32[4,3]", "pp", NO,
	 "%y f32[4,3] = LayerNormalization(%a, %b) {axis=0}"},
	{"f32[4,3] f32[4,3] f32[3] f32[4,1] f32[4,1]", "pp.pp", ROWS,
	 "%y f32[4,3] = LayerNormalizationGrad(%a, %b, %c, %d, %e)"},
	{"f32[4,3] f32[4,3] f32[4,1] f32[4,1]", "pppp", SUM, "%y f32[3] = "
	 "LayerNormalizationGradScale(%a, %b, %c, %d) {shape=[3]}"},
	{"f32[4,3] f32[4,3] f32[4,1] f32[4,1]", "pppp", ROWS, "%y f32[4,1] = "
	 "LayerNormalizationGradScale(%a, %b, %c, %d) {shape=[4, 1]}"},
	/* indices */
	{"f32[5,3] i32[4,2]", ".p", ROWS, "%y f32[4,2,3] = Gather(%a, %b)"},
	{"f32[4,5] i32[2]", "p.", ROWS, "%y f32[4,2] = Gather(%a, %b) {axis=1}"},
	{"f32[4,5] i32[2]", "p.", NO, "%y f32[2,5] = Gather(%a, %b)"},
	{"f32[2,5] i32[4]", ".p", NO, "%y f32[2,4] = Gather(%a, %b) {axis=-1}"},
	{"f32[4,2,3] i32[4,2]", "pp", SUM,
	 "%y f32[4,3] = GatherGrad(%a, %b) {shape=[4, 3]}"},
	{"f32[4,2] i32[2]", "p.", ROWS,
	 "%y f32[4,5] = GatherGrad(%a, %b) {axis=1, shape=[4, 5]}"},
	{"f32[4,2] i32[4]", "p.", NO,
	 "%y f32[3,2] = GatherGrad(%a, %b) {shape=[3, 2]}"},
	/* chance */
	{"f32[4,5] u32[]", "p.", ROWS, "%y f32[4,5] = Dropout(%a, %b) {id=3}"},
	{"f32[4,5] u32[] i32[]", "p..", NO,
	 "%y f32[4,5] = Dropout(%a, %b, %c)"},
	/* losses */
	{"f32[4,3] i32[4]", "pp", NO,
	 "%y f32[] = SoftmaxCrossEntropyLoss(%a, %b)"},
	{"f32[4,3] i32[4]", "pp", SUM, "%y f32[] = "
	 "SoftmaxCrossEntropyLoss(%a, %b) {reduction=\"sum\"}"},
	{"f32[4,3] i32[4]", "pp", ROWS, "%y f32[4] = "
	 "NegativeLogLikelihoodLoss(%a, %b) {reduction=\"none\"}"},
	{"f32[4,3] i32[4] f32[3] f32[]", "pp..", SUM, "%y f32[] = "
	 "SoftmaxCrossEntropyLoss(%a, %b, %c, %d) {ignore_index=1}"},
	{"f32[4,3] i32[4] f32[]", "pp.", SUM,
	 "%y f32[] = NegativeLogLikelihoodLoss(%a, %b, _, %c)"},
	{"f32[4,4] i32[4]", "pp", NO, "%y f32[] = "
	 "SoftmaxCrossEntropyLoss(%a, %b) {axis=0, reduction=\"sum\"}"},
	{"f32[4,3] i32[4] f32[] f32[3] f32[]", "pp...", ROWS, "%y f32[4,3] = "
	 "SoftmaxCrossEntropyGrad(%a, %b, %c, %d, %e) {label_smoothing=0.1}"},
	{"f32[4,3] i32[4] f32[] f32[]", "pp..", ROWS,
	 "%y f32[4,3] = NegativeLogLikelihoodGrad(%a, %b, %c, _, %d)"},
	{"f32[4,3] i32[4] f32[]", "pp.", NO,
	 "%y f32[4,3] = SoftmaxCrossEntropyGrad(%a, %b, %c)"},
	{"f32[4,3,2] i32[4,2] f32[4,2]", "ppp", ROWS, "%y f32[4,3,2] = "
	 "SoftmaxCrossEntropyGrad(%a, %b, %c) {reduction=\"none\"}"},
	{"i32[4]", "p", NO, "%y f32[] = ClassWeightTotal(%a) {classes=3}"},
	{"f32[4,3] f32[4,3]", "pp", ROWS,
	 "%y f32[4,3] = BinaryCrossEntropyWithLogits(%a, %b)"},
	{"f32[4,3] f32[4,3] f32[4,3]", "ppp", ROWS,
	 "%y f32[4,3] = HuberLossGrad(%a, %b, %c)"},
	/* several in one */
	{"f32[4,3] f32[3]", "p.", ROWS, "%y f32[4,3] = Fused(%a, %b) {\n"
	 "  %s f32[4,3] = Mul(%a, %b)\n  %y f32[4,3] = Relu(%s)\n}"},
	{"f32[4,3] f32[1,3]", "p.", ROWS, "%y f32[4,3] = Fused(%b, %a) {\n"
	 "  %s f32[4,3] = Expand(%b) {shape=[4, 3]}\n"
	 "  %y f32[4,3] = Sub(%s, %a)\n}"},
	{"f32[4,3] f32[4,3]", "p.", NO, "%y f32[4,3] = Fused(%a, %b) {\n"
	 "  %s f32[4,3] = Mul(%a, %b)\n  %y f32[4,3] = Relu(%s)\n}"},
	{"f32[4,3] f32[]", "..", WHOLE, "%y f32[4,3] = Fused(%b, %a) {\n"
	 "  %s f32[4,3] = Expand(%b) {shape=[4, 3]}\n"
	 "  %y f32[4,3] = Sub(%s, %a)\n}"},
};

enum { NFORMS = (int)(sizeof forms / sizeof forms[0]) };

#endif
