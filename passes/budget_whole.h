/* Of the ways to compile the training step, those that leave the batch whole. */
#ifndef PASSES_BUDGET_WHOLE_H
#define PASSES_BUDGET_WHOLE_H

#include "passes/budget_variant.h"

/* Makes the variants that there always are. */
void budget_add_whole(Budget *);
/* One with the loss in as many parts as there may be, if there are more. */
void budget_add_finest_loss(Budget *);
/* One for an arena of that size; if that does not fit, or is asked for less later,
 * one that is as small as it gets. */
void budget_add_tiles(Budget *, int64_t arena_bytes);
bool budget_tiles_fit(const Budget *, int64_t arena_bytes);
/* Such a variant once more, without workspaces, for where nothing else fits. */
void budget_add_without_workspace(Budget *, int variant);

#endif
