/* Inference, and the loss without an update: what computes nothing twice. */
#ifndef PASSES_OTHERS_H
#define PASSES_OTHERS_H

#include "ir/graph.h"
#include "ir/options.h"
#include "ir/plan.h"

typedef Graph *MakeGraph(const Graph *forward, const Options *);

bool has_recurrence(const Graph *);
/* The graph with the batch first in its recurrences. */
Graph *make_batch_first(MakeGraph *, const Graph *forward, const Options *);
/* Can what the loss is of be computed in parts of its rows, if asked to? */
bool may_divide_loss(const Graph *forward, const Options *);

/* Planned; in parts also with the batch first. NULL after reported errors. */
Plan *plan_other(MakeGraph *, const Graph *forward, const Options *);
/* With large feature maps in bands, if the plan's arena is larger than that, and
 * that makes it smaller. */
Plan *tile_other(Plan *, MakeGraph *, const Graph *forward, const Options *,
                 int64_t arena);
/* The plan or, if its arena is larger than that, one that fits, or the smallest. */
Plan *fit_other(Plan *, MakeGraph *, const Graph *forward, const Options *,
                int64_t arena);

#endif
