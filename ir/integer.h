/*
 * Products of quantized integers: y = sum over k of (a - za) (b - zb), added up
 * in 32 bits. What ConvInteger, MatMulInteger, QLinearConv and QLinearMatMul
 * share: their loop nests are here and nowhere else, and so is the way back to
 * the integers of y's type (ir/quantize.h),
 *
 *   y = min(hi, max(lo, round(sum (sa sb / sy)) + zy)),
 *
 * in this order, which is ONNX Runtime's, and to the nearest even. a and b are i8
 * or u8. Zero points and scales stretch to y's shape. With b of i8, and its
 * scales and zero points of all or of an output channel or column, the runtime has
 * a function for it.
 */
#ifndef IR_INTEGER_H
#define IR_INTEGER_H

#include "ir/conv.h"

/* The inputs of the QLinear operators. */
enum {
	QL_A, QL_A_SCALE, QL_A_ZERO, QL_B, QL_B_SCALE, QL_B_ZERO,
	QL_Y_SCALE, QL_Y_ZERO, QL_BIAS,
};

typedef struct IntegerProduct {
	const Node *node;
	const Value *a, *b, *a_zero, *b_zero;   /* zero points; NULL: 0 */
	/* Stores what becomes of a sum, in y at that place. */
	void (*store)(Kernel *, const Node *, const Index at[], Expr *sum);
} IntegerProduct;

/* Of an operator that gives the sums, and of a QLinear one. */
IntegerProduct integer_sums(const Node *);
IntegerProduct integer_requantized(const Node *);

/* Checks the types and gives y's, when y has its shape. False after
 * error_at(). */
bool integer_infer(Unit *, Node *, const IntegerProduct *);
/* y's shape, of a[..,m,k] b[..,k,n]. False after error_at(). */
bool integer_matrices(Unit *, const Node *, Shape a, Shape b, Shape *y);

/* Bytes that its function needs. */
int64_t integer_conv_workspace(const IntegerProduct *, const Conv *);
int64_t integer_matmul_workspace(const IntegerProduct *);
void k_integer_conv(Kernel *, const IntegerProduct *, const Conv *);
void k_integer_matmul(Kernel *, const IntegerProduct *);

/* Rows of a, if nothing else has lines for them. */
bool integer_rows(const Node *, const Value *b, const bool part[],
                  PartKind out[]);

#endif
