/* Scan: nodes that run for one part of the batch after the other; see ir/scan.h.
 * Made by the scan pass only. */
#include "ir/op.h"
#include "ir/scan.h"

enum { PARTS, IN_PARTS };

/* The members were inferred before they were put together. */
static bool infer(Unit *u, Node *n)
{
	return true;
}

const OpDef op_Scan = {
	.name = "Scan", .min_in = 0, .max_in = VARIADIC,
	.min_out = 1, .max_out = 1 << 20,
	ATTRS([PARTS] = {"parts", ATTR_INT}, [IN_PARTS] = {"in_parts", ATTR_INTS}),
	.infer = infer,
};
