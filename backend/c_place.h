/* Where values live, as the emitted functions see it. */
#ifndef BACKEND_C_PLACE_H
#define BACKEND_C_PLACE_H

#include "ir/plan.h"

/* Same memory and type / any byte in common. */
bool place_same(const Plan *, const Value *, const Value *);
bool place_overlap(const Plan *, const Value *, const Value *);

#endif
