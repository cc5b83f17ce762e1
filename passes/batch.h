/*
 * The batch in parts, under a budget. What the scan pass makes of a training
 * step is a list of items: Scans, and nodes that run as they are. Memory is what
 * lives from one item to another; inside a Scan, values are as small as a part.
 * So recomputation is decided for items: a value that an item reads and that was
 * not kept until then is computed again by that item, part by part, from what
 * was kept. Then neither the value nor what leads to it is ever whole.
 *
 *   batch.c         items, and the graph that a choice of recomputations means
 *   batch_measure.c what it costs
 *   batch_choice.c  what one more recomputation means; choices as lists
 *   batch_search.c  the choice (greedy by operations for each byte over the
 *                   budget, at the item with the most; then what is not needed
 *                   is taken back)
 *   batch_anneal.c  in between, changes at random
 */
#ifndef PASSES_BATCH_H
#define PASSES_BATCH_H

#include "ir/options.h"
#include "passes/planner.h"
#include "passes/scan.h"

typedef struct Item {
	int n;
	Node **node;          /* in the order in which they run */
	bool scan;            /* part by part */
} Item;

/* A value is whole from item `start` to item `last`. The clock ticks with every
 * node: in parts, one place can be had by two values at one item, and better if
 * the one is not read any more when the other is written. */
typedef struct Whole {
	int root, start, last;
	int written, read;    /* ticks: at the start, for the last time */
	int next;             /* of those that end at the same item; -1: none */
	int follows;          /*   that start there and are no larger */
	int earlier;          /* of the same root; -1: none */
	bool taken;           /* another begins in its place */
} Whole;

/* A node runs, as it is or for one part. */
typedef struct Tick {
	const Node *node;
	int item;
	int64_t bytes;        /* inside of the item, more than a tick before */
	bool born, dies;      /* what it computes; something of that size */
} Tick;

/* The root's value is computed again by the item, if that wants it. */
typedef struct BatchPair {
	int root, item;
} BatchPair;

/* Which are, of all pairs. */
typedef struct Choice {
	int n, max;
	BatchPair *pair;
} Choice;

typedef struct Batch {
	Arena *arena;
	Graph *graph;         /* through the pipeline, but not scanned */
	const Options *options;   /* with its `parts` */
	Runs runs;
	int nitems, nvalues;
	Item *item;
	int *root;            /* by value id: whose memory it is; -1: of none that
	                       * counts */
	Value **value;        /* by value id */
	int *made;            /* by root: the item that computes it; -1: none */
	bool *may_repeat;     /* by root */
	int *replaced;        /* by variable id: the item that replaces it */
	int64_t *bytes, *flops;   /* by root: of it, of its node */
	int *nreaders, **reader;  /* by root: the items that read it, ascending */
	bool *in_place;       /* by node id: over any input of its size */
	int64_t *aside;       /* by node id: bytes while it runs */
	int64_t work;         /* nodes looked at: the search's clock */
	int *mark, marks;     /* by root: closures that were looked at */

	/* The choice: again[root][item], and what was measured of it. */
	bool **again;
	int64_t target;
	int nwholes, maxwholes;
	Whole *whole;
	int *ends;            /* by item: the first of those that end there, */
	int *starts;          /*   that start there and come in parts */
	int *latest;          /* by root: its last; -1: none */
	int64_t *live;        /* by item */
	Whole *life;          /* by root: its latest, whole or not */
	int nticks, maxticks;
	Tick *tick;
	int *tick_of;         /* by item: its first */
	int *stamp;           /* by root: the last item that had it */
	int64_t peak, excess, extra_flops;
	int peak_item;
	Choice found;         /* by the last search */
} Batch;

/* NULL if nothing of the graph can be run in parts, or it is too large. */
Batch *batch_create(Arena *, Graph *, const Options *);
void batch_measure(Batch *);
int64_t batch_flops(const Batch *);   /* of all nodes, once */
/* May that item compute the root's value again? */
bool batch_may_repeat(const Batch *, int root, int item);
/* The graph that the choice means: a Scan for each item that has more than one
 * node. */
Graph *batch_graph(const Batch *);

/* Lists the pairs that computing the root again there means: with what it is
 * computed from and is not there anyway. Returns their number. */
int batch_close(Batch *, int root, int item, BatchPair pair[], int max);
void batch_save(const Batch *, Choice *);
void batch_load(Batch *, const Choice *);   /* and measures it */
/* Makes the choice that was measured better. */
void batch_anneal(Batch *, int64_t effort, uint64_t seed);

/* Chooses so that no item exceeds the target, if it can. */
bool batch_search(Batch *, int64_t target, int64_t effort);
/* The next search begins as the first did. */
void batch_forget(Batch *);

#endif
