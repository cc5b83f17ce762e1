/*
 * The ways to compile the training step that budget.c chooses from, and what was
 * found of each.
 */
#ifndef PASSES_BUDGET_VARIANT_H
#define PASSES_BUDGET_VARIANT_H

#include "passes/batch.h"
#include "passes/budget.h"
#include "passes/remat.h"

/* Of a search, in what batch.h and remat.h count. */
enum { EFFORT = 40000000, TRY_EFFORT = 4000000 };

enum { MAX_VARIANTS = 26 };

typedef struct Variant {
	const char *name;     /* of the technique that it adds; NULL: none, */
	int to;               /*   to which variant */
	Plan *plan;
	Remat *remat;         /* made when it is first needed */
	bool last;            /* only where nothing else fits */
	int share;            /* of the effort that one in so many is for it */
	Options options;
	const Graph *form;    /* what was compiled; NULL: the batch in parts, */
	Batch *batch;         /*   with the items that this makes */
	int64_t missed;       /* the largest target that was not reached */
} Variant;

/* A plan, and the variant that it came from. */
typedef struct Found {
	Plan *plan;
	int variant;
} Found;

struct Budget {
	Arena *arena;
	const Options *options;
	bool search;          /* values may be computed twice */
	int nvariants, plain; /* plain: the one without a budget */
	Variant variant[MAX_VARIANTS];
	int nfound, maxfound;
	Found *found;
	StepForms forms;
	int64_t loss_parts;   /* of the variants with the loss in parts */
	int tiled;            /* variant with feature maps in bands; 0: none */
	int64_t tiled_for;    /* the arena that it was looked for with */
	bool divided;         /* the variants in parts were made */
	bool shrunk;          /* the smallest was looked for */
	Plan *smallest;
};

/* The plan counts as found. */
void budget_remember(Budget *, Plan *, int variant);

#endif
