/*
 * What the optimizers' updates share. Inputs: the parameter w, its gradient g,
 * `nstate` tensors of state (some optional), then scalars; outputs: the new w
 * and the new state. Scalars are f32 (the step: i32) and taken as w's type.
 * What depends on them alone is bound to variables, which the loops leave out.
 */
#ifndef IR_UPDATE_H
#define IR_UPDATE_H

#include "ir/op.h"

/* The first `ntensors` inputs must have the shape of the first (those behind the
 * second may be absent), the others none. */
bool update_check(Unit *, const Node *, int ntensors);
/* Shapes and types. All `nstate` inputs have w's shape; there is an output for
 * each one that is present. */
bool update_infer(Unit *, Node *, int nstate);

/* A hyper-parameter, among the inputs of an example. */
#define HYPER {{0}, .lo = 0.01, .hi = 0.5}

/* Scalar input as a variable of w's type. */
Expr *update_scalar(Kernel *, Expr *const x[], int i);
/* Binds an expression to a variable. */
Expr *update_bind(Kernel *, Expr *);
/* g + weight_decay w. */
Expr *update_decayed(Kernel *, Expr *const x[], Expr *decay);

#endif
