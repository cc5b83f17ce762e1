/* Which nodes the scan pass puts together. */
#ifndef PASSES_SCAN_H
#define PASSES_SCAN_H

#include "ir/graph.h"
#include "ir/options.h"

/* Items run one after the other: nodes that run as they are, and runs of nodes
 * that may be computed part by part. */
typedef struct Runs {
	int nitems;
	int *item;            /* by node id */
	Node **order;         /* all nodes, by item */
	int n;
	bool *in_parts;       /* by node id */
	bool *rows;           /* by value id: it comes in parts, */
	bool *in_momentum;    /*   or is added to momentum, or to a
	                       *   parameter, and never whole */
} Runs;

Runs scan_runs(Arena *, Graph *, const Options *);

/* Makes a Scan of each run that is given: of the graph's nodes in their order,
 * item[i] is the item of the i-th, as scan_runs() has them. */
void scan_follow(Graph *, const Options *, const int item[]);

/* Makes a Scan of the members, by node id, where rows[] says by value id what
 * comes in parts; what depends on them comes behind it. True if it did. */
bool scan_members(Graph *, int64_t parts, const bool member[],
                  const bool rows[]);

#endif
