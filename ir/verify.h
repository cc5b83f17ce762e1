/* What must hold of a graph after every pass. A violation is a BUG, named by
 * the node it was found at. */
#ifndef IR_VERIFY_H
#define IR_VERIFY_H

#include "ir/graph.h"

/*
 * Checks: every value is defined once and before it is read; names are unique;
 * types and shapes are what the operator infers; inputs and outputs are within
 * the operator's counts; a replaced variable has its value's type and size, is
 * replaced once, and no node reads the old contents afterwards.
 */
void graph_verify(const Graph *);

#endif
