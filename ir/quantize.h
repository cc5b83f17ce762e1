/*
 * Affine quantization to the integers of a type, what several operators share:
 * q(x) = min(hi, max(lo, round(x / scale) + zero)), to the nearest even. The
 * inputs scale and zero (optional: 0) stretch to x's shape; the attribute `to`
 * is ONNX's number of the integer type.
 */
#ifndef IR_QUANTIZE_H
#define IR_QUANTIZE_H

#include "ir/op.h"

enum { QUANTIZE_TO };
#define QUANTIZE_ATTRS ATTRS([QUANTIZE_TO] = {"to", ATTR_INT, true, .i = 2})

/* The integer type, if inputs `x` (real), x + 1 and x + 2 fit it. False after
 * error_at(). */
bool quantize_type(Unit *, const Node *, int x, DType *);
/* round(x / scale) + zero, and the least and the greatest integer. */
Expr *quantize_place(Kernel *, Expr *x, Expr *scale, Expr *zero);
double quantize_least(DType), quantize_greatest(DType);

#endif
