/* Of the ways to compile the training step, those with the batch in parts. */
#ifndef PASSES_BUDGET_PARTS_H
#define PASSES_BUDGET_PARTS_H

#include "passes/budget_variant.h"

/* Makes the variants with the batch in parts, once. */
void budget_divide(Budget *);
/* Such a variant once more, without workspaces, for where nothing else fits. */
void budget_add_parts_without_workspace(Budget *, int variant);
/* A plan of such a variant that fits, or that came near; NULL: none. */
Plan *budget_fit_parts(Budget *, int variant, int64_t arena_bytes,
                       int64_t effort);
/* Looks for its smallest plans. */
void budget_shrink_parts(Budget *, int variant);

#endif
