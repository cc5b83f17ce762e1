/* The p-norm of windows, p = 1, 2, ..: the power of an element, the root of
 * their sum, and the derivative of the norm y by an element x. */
#ifndef IR_LP_POOL_H
#define IR_LP_POOL_H

#include "ir/op.h"
#include "ir/pool.h"

enum { LP_P = POOL_NATTRS };
#define LP_ATTRS POOL_ATTRS, [LP_P] = {"p", ATTR_INT, true, .i = 2}

bool lp_check(Unit *, const Node *);   /* false after error_at() */
Expr *lp_power(Kernel *, Expr *x, int64_t p);
Expr *lp_root(Kernel *, Expr *sum, int64_t p);
Expr *lp_slope(Kernel *, Expr *x, Expr *y, int64_t p);   /* 0 at y == 0 */

#endif
