/*
 * The graphs of the model's functions, each a copy of the forward graph with what
 * belongs to it: a step of training, inference, the loss without an update. NULL
 * after reported errors.
 */
#ifndef PASSES_GRAPHS_H
#define PASSES_GRAPHS_H

#include "ir/graph.h"
#include "ir/options.h"

/* again: of a forward graph in another form; what was said is not repeated. */
Graph *train_graph(const Graph *forward, const Options *, bool again);
Graph *infer_graph(const Graph *forward, const Options *);
Graph *evaluate_graph(const Graph *forward, const Options *);

#endif
