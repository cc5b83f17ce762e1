/* What CumSum and CumProd share: each place along an axis gets the sum, or the
 * product, of those up to it. */
#ifndef IR_CUMULATE_H
#define IR_CUMULATE_H

#include "ir/op.h"

enum { CUMULATE_AXIS, CUMULATE_EXCLUSIVE, CUMULATE_REVERSE };
#define CUMULATE_ATTRS \
	ATTRS([CUMULATE_AXIS] = {"axis", ATTR_INT}, \
	      [CUMULATE_EXCLUSIVE] = {"exclusive", ATTR_INT, true}, \
	      [CUMULATE_REVERSE] = {"reverse", ATTR_INT, true})

typedef Expr *Combine(Kernel *, Expr *, Expr *);

bool cumulate_infer(Unit *, Node *);
bool cumulate_parts(const Node *, const bool part[], PartKind out[]);
void cumulate_lower(Kernel *, const Node *, double empty, Combine *);

/* Loops over all other dimensions of in[0], in which a scalar variable begins as
 * `empty`, and then along the axis: in the node's direction or, where `backward`,
 * against it. Returns the variable; at: the place. Close with k_end_n(rank). */
int cumulate_open(Kernel *, const Node *, bool backward, double empty,
                  Index at[]);

#endif
