/* What is common to the nodes that a gradient and its update are fused into. */
#ifndef PASSES_MEMBERS_H
#define PASSES_MEMBERS_H

#include "ir/graph.h"

/* What computes v, if v, and all viewed on the way, have one reader. */
Node *members_source(const Value *v);
/* Does every value that c reads or gives have one element, or one for each of
 * the gradient's? Then they all lie alike, whatever views are between. */
bool members_lie_alike(const Node *c, int64_t elements);

/* Appends v to the node's inputs, unless it is among them; how many there are
 * then. */
int members_input(Value **in, int nin, Value *v);
/* The views behind p, down to v; and how many there are. */
void members_add_views(Node *, const Value *v, const Node *p);
int members_count_views(const Value *v, const Node *p);
/* Does it add what two convolutions give their inputs? */
bool members_sum_of_inputs(const Node *);

/* c, or its members if it has some. */
void members_add(Node *, Node *c);

#endif
