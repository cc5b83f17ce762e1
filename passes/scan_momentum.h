/*
 * Momentum as the sum over the parts of a batch. Where the parts of a gradient
 * would be added up for a MomentumUpdate alone, they are added to the momentum
 * buffer instead, which is there anyway (MomentumAccumulate), and behind the
 * loop the update only takes a multiple of that from the parameter (SGDUpdate).
 * Then no gradient is ever whole.
 *
 * Nesterov's update needs the gradient itself besides, and other optimizers need
 * functions of its sum; they keep a buffer for it. So does what clips gradients:
 * then an update does not read them alone, or not them at all.
 */
#ifndef PASSES_SCAN_MOMENTUM_H
#define PASSES_SCAN_MOMENTUM_H

#include "ir/graph.h"

/* By value id: the node that reads the value, if it is the only one and a
 * MomentumUpdate that needs no more than the sum of what it reads. */
Node **momentum_readers(Arena *, const Graph *);

/* Splits the reader of gradient g: it becomes the update behind the loop; the
 * node that adds up is returned, and is not in the graph's list. */
Node *momentum_split(Graph *, Value *g, Node *reader);

#endif
