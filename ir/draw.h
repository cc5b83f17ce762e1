/*
 * Random numbers that nobody keeps: uniform in [0, 1), each a function of a seed
 * (which differs for each step), of the id of the node that draws, and of the
 * element's own number. Drawn again, they are the same.
 */
#ifndef IR_DRAW_H
#define IR_DRAW_H

#include "ir/graph.h"
#include "ir/kernel.h"

/* Are these inputs a u32 seed and, where there is one, an i32 part's number?
 * false after an error. */
bool draw_check(Unit *, const Node *, const Value *seed, const Value *part);

/* Names the node's sequence: a variable, set before any loop is open. */
int draw_sequence(Kernel *, const Value *seed, int64_t id);
/* The number of a part's first element, parts being of `elements`; 0 if `part`
 * is NULL. Before any loop is open. */
Index draw_first(Kernel *, const Value *part, int64_t elements);
/* The number in [0, 1) of the element that has this number. */
Expr *draw_uniform(Kernel *, int sequence, Index number);

#endif
