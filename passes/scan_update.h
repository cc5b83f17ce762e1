/*
 * Updates between the loops over the parts of a batch. What a loop adds up is
 * whole until the update has read it: so updates come as soon as nobody reads
 * the old parameter any more, and a loop may end there and the next begin.
 *
 * A parameter that SGD updates can itself be the sum (SGDAccumulate): once all
 * its readers are done for all of the batch, a loop of its own takes part after
 * part of the gradient from it. Then no gradient is ever whole; but one of the
 * values that it is computed from, the last, must be, as it was computed with
 * parameters that are replaced by then. (That an update can be applied part by
 * part, where nothing is left to be read, is the idea of Lv et al., "Full
 * Parameter Fine-tuning for Large Language Models with Limited Resources", 2023,
 * carried from layers to parts of a batch, for which it is exact.)
 */
#ifndef PASSES_SCAN_UPDATE_H
#define PASSES_SCAN_UPDATE_H

#include "ir/graph.h"
#include "ir/options.h"

/* By value id: the node that reads the value, if it is the only one and an
 * SGDUpdate. The graph needs FACT_USES. */
Node **sgd_readers(Arena *, const Graph *);

Value *sgd_gradient(const Node *update);
/* What is computed last of what the node reads in parts; NULL: nothing. The
 * rest comes of the forward pass, and can be computed again. `rows`: by value
 * id, it comes in parts. */
Value *sgd_kept(const Graph *, const Node *, const bool rows[]);
/* Is it better to add up gradient g in the parameter? */
bool sgd_pays(const Graph *, const Value *g, const bool rows[]);

/* All parameters that are updated. */
int64_t bytes_of_updates(const Graph *);
/* Are their gradients much of what the arena of the batch in parts has in it? In
 * momentum's own buffer they are not, unless sums are to keep their order. */
bool sums_are_much(const Options *, int64_t bytes, int64_t arena_bytes);

/* Puts the graph's nodes into an order in which updates come as early as may
 * be. */
void order_updates(Arena *, const Graph *, Node *node[]);

#endif
