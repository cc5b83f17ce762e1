/*
 * Tensors of 8-bit codes with a scale for each block (Dettmers et al. 2022, "8-bit
 * Optimizers via Block-wise Quantization"): an element is scale table[code], where
 * the scale is the largest magnitude in the block, and the table has the 256
 * numbers of dynamic tree quantization, in ascending order: more of them where they
 * are small, with 0 and 1 among them.
 */
#ifndef IR_BLOCKWISE_H
#define IR_BLOCKWISE_H

#include "ir/op.h"

enum { BLOCK = 256, CODES = 256 };

/* Of a tensor with so many elements; the last may be shorter. */
int64_t block_count(int64_t elements);

/* For numbers in [-1, 1] or, if they have no sign, in [0, 1]. */
void blockwise_table(bool has_sign, float table[CODES]);

/* The table's number for a code, an i32. */
Expr *blockwise_decode(Kernel *, const Value *table, Expr *code);
/* The code whose number is nearest to x; of two as near the lower. Among numbers
 * without a sign it is 0's for 0 alone: Adam divides by the root of such, and what
 * was small would be a step without bound. */
Expr *blockwise_encode(Kernel *, const Value *table, Expr *x);

#endif
