#include "passes/budget_variant.h"

#include <string.h>

void budget_remember(Budget *b, Plan *plan, int variant)
{
	if (b->nfound == b->maxfound) {
		b->maxfound = b->maxfound ? 2 * b->maxfound : 64;
		Found *more = arena_array(b->arena, Found, b->maxfound);
		if (b->nfound)
			memcpy(more, b->found,
			       sizeof *more * (size_t)b->nfound);
		b->found = more;
	}
	b->found[b->nfound++] = (Found){plan, variant};
	if (!b->smallest || plan->arena_bytes < b->smallest->arena_bytes)
		b->smallest = plan;
}
