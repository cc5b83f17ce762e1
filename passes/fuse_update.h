/* What fuse_update.c would make one node of, and what that costs. */
#ifndef PASSES_FUSE_UPDATE_H
#define PASSES_FUSE_UPDATE_H

#include "ir/linear.h"
#include "passes/readers.h"

/* What computes a gradient, and its result, or a view of it: what is read. */
typedef struct Source {
	Node *p;
	const Value *read;
} Source;

typedef struct Candidate {
	Graph *g;
	Node *c;              /* reads the gradient, */
	int nsources;         /*   or several that it adds up, */
	Source source[MOST_GRADIENTS];
	int64_t rows;         /* of the tile; 0: single elements, */
	bool adds;            /*   or each is added to what is updated */
	int64_t tile_bytes;
	Readers *readers;
	Node **replaced_by;   /* by variable id */
	Leads *leads;
	Node *after;          /* the last that must come before the fused node */
} Candidate;

/* Is what must wait for the update no larger than what then is not in memory? */
bool fusing_pays(Candidate *);
/* Is there another reader of what the source reads that could write its result
 * over that, if it came last, and save more than the whole gradient needs? */
bool fusing_prevents_overlap(const Candidate *, int source);

#endif
