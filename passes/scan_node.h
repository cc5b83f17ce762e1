/* The Scan that stands for a run of nodes. */
#ifndef PASSES_SCAN_NODE_H
#define PASSES_SCAN_NODE_H

#include "ir/graph.h"

typedef struct Run {
	int n;
	Node **node;          /* in the order in which they run */
	const bool *rows;     /* by value id: it comes in parts */
	int64_t parts;
	bool in_order;        /* sums go on from part to part where they can */
} Run;

/* NULL if there is nothing to win. Else it defines what is read of the run's
 * outputs, and is in no list; the graph needs FACT_USES. */
Node *scan_node(Graph *, const Run *);

#endif
