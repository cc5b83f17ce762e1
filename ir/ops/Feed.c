/* Feed: y = x, for an x that the caller keeps (Value.fed). It is asked for the
 * elements each time; so to feed again is to compute again, at the price of a
 * copy. Made by feed_inputs() only, where nothing is left to differentiate. */
#include "ir/op.h"

static void lower(Kernel *k, const Node *n)
{
	int i = k_for(k, numel(n->out[0]->shape));
	k_store_flat(k, n->out[0], k_at(i),
	             k_load_flat(k, n->in[0], k_at(i)));
	k_end(k);
}

/* Not elementwise by name: no kernel that is fused with it could ask. */
const OpDef op_Feed = {
	.name = "Feed", .min_in = 1, .max_in = 1,
	.lower = lower,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(2, 3)}}}, {.in = {{DIMS(4), DT_I64, -9, 9}}}),
};
