/* What the forms of low rank share, and those in files of their own. */
#ifndef PASSES_LOW_RANK_FORM_H
#define PASSES_LOW_RANK_FORM_H

#include "ir/op.h"
#include "passes/project_form.h"
#include "passes/train.h"

typedef struct LowRankUpdate {
	Graph *g;
	Loc loc;
	Variable *w;
	Value *grad;
	const LowRank *l;
	const OptimizerOptions *o;
	const char *owner;     /* of the state: "fc.weight/low_rank" */
	bool whole;            /* the gradient is, until it is projected */
} LowRankUpdate;

/* State [r, n]; at first 0, or orthonormal rows. */
Value *low_rank_state(const LowRankUpdate *, const char *what, int64_t n,
                      bool basis);
/* The basis times the gradient, or its transpose. */
Value *low_rank_gradient(const LowRankUpdate *, Value *basis, Side);
/* One step of SubspaceIteration; with rate 1 the rows of `product`, orthonormal. */
Value *low_rank_subspace(const LowRankUpdate *, Value *basis, Value *product,
                         double rate);
/* A condition: this step is one of each `refresh`. */
Value *low_rank_is_refresh(const LowRankUpdate *);
/* w becomes w (1 - lr weight_decay) + a^T b. */
void low_rank_add(const LowRankUpdate *, Value *a, Value *b);
/* The rows of a, then those of b. */
Value *low_rank_stack(const LowRankUpdate *, Value *a, Value *b);

/* low_rank_factored.c: the forms that keep a sum of gradients as u^T s v. */
void append_streaming(const LowRankUpdate *);
void append_mofasgd(const LowRankUpdate *);
/* Is the gradient streamed sample by sample? */
bool streams_samples(const Value *grad);

#endif
