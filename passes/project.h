/*
 * A gradient times a thin matrix, without the gradient.
 *
 * The gradient G [m, n] of a parameter (its first dimension against all others, or
 * its rows, where it has those of several directions, one after the other)
 * is a sum over samples, positions or tokens of dy x^T, so what it is multiplied
 * by may meet x, or dy, first: G b^T = dy^T (x b^T) costs r (m + n) operations a
 * sample where r rows are wanted, and no memory of G's size. What it takes instead
 * is x b^T, r elements a sample: of a convolution, whose samples are all positions
 * of all examples, that may be more.
 */
#ifndef PASSES_PROJECT_H
#define PASSES_PROJECT_H

#include "ir/graph.h"

/* Which of G's dimensions the basis runs along. */
typedef enum Side { SIDE_ROWS, SIDE_COLUMNS } Side;

/* G's dimensions m and n: of what it is computed as, where its shape has more. */
int64_t gradient_rows(const Value *grad);
int64_t gradient_columns(const Value *grad);

/* NULL if `grad` is made of products that can be re-associated, else why not. */
const char *project_refuses(const Value *grad);

/* SIDE_COLUMNS: basis [r, n] G^T, which is [r, m]; SIDE_ROWS: basis [r, m] G,
 * which is [r, n]. The gradient must not be refused. It is left where it is, for
 * others to read or to be dropped. */
Value *project(Graph *, Value *grad, Value *basis, Side);
/* The same from the gradient as it is. */
Value *project_whole(Graph *, Value *grad, Value *basis, Side);
/* The sum over how many samples it is: of the longest, if it is a sum of such. */
int64_t project_samples(const Value *grad);

#endif
