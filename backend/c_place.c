#include "backend/c_place.h"

static bool same_base(const Place *a, const Place *b)
{
	return a->base == b->base ||
	       (a->base->var && a->base->var == b->base->var);
}

static bool ranges_meet(const Place *pa, const Value *a, const Place *pb,
                        const Value *b)
{
	return pa->offset < pb->offset + value_bytes(b) &&
	       pb->offset < pa->offset + value_bytes(a);
}

/* An output of a Scan may have been placed over an input of it. */
bool place_overlap(const Plan *p, const Value *a, const Value *b)
{
	const Place *pa = &p->place[a->id], *pb = &p->place[b->id];
	if (pa->region != pb->region)
		return false;
	if (pa->region == REGION_OUTER && !same_base(pa, pb))
		return pa->base->kind != pb->base->kind;
	return (pa->region == REGION_ARENA || same_base(pa, pb)) &&
	       ranges_meet(pa, a, pb, b);
}

bool place_same(const Plan *p, const Value *a, const Value *b)
{
	const Place *pa = &p->place[a->id], *pb = &p->place[b->id];
	if (a->dtype != b->dtype || pa->region != pb->region)
		return false;
	return (pa->region == REGION_ARENA || same_base(pa, pb)) &&
	       pa->offset == pb->offset;
}
