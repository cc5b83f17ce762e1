/*
 * BlockwiseUpdate: an elementwise update of w by the gradient g whose state is in
 * 8-bit codes (ir/blockwise.h). Block by block: the state is decoded, and the new
 * one, of which the block's largest magnitude becomes its scale, is computed; then
 * once more, to be encoded. What w gets is of the new state before it is rounded.
 *
 *   s = scale table[code];  w', s' = update(w, g, s, ..)
 *   scale' = max |s'| of the block;  code' = that of s' / scale'
 *
 * Attribute update: the update's operator; variant: its only attribute, if it has
 * one. Inputs w, g; for each state codes, scales, table; the update's scalars.
 * Outputs w'; for each state codes', scales'.
 */
#include "ir/blockwise.h"
#include "ir/update.h"

#include <string.h>

enum { VARIANT, UPDATE };
enum { W, G, STATES };
enum { MAX_STATES = 2, MAX_SCALARS = 8 };
enum { AT_CODES, AT_SCALES, AT_TABLE, PER_STATE };

static const OpDef *update_of(const Node *n)
{
	return op_find(n->attr[UPDATE].s);
}

/* One for each output of the update but w'. */
static int states(const Node *n)
{
	return update_of(n)->min_out - 1;
}

static const Value *state_input(const Node *n, int s, int which)
{
	return n->in[STATES + PER_STATE * s + which];
}

static bool fits(const Node *n, int s)
{
	Shape w = n->in[W]->shape;
	const Value *codes = state_input(n, s, AT_CODES);
	return codes->dtype == DT_U8 && shape_equal(codes->shape, w) &&
	       numel(state_input(n, s, AT_SCALES)->shape) ==
	       block_count(numel(w)) &&
	       numel(state_input(n, s, AT_TABLE)->shape) == CODES;
}

static bool infer(Unit *u, Node *n)
{
	const OpDef *op = update_of(n);
	bool good = op && op->scalar && states(n) <= MAX_STATES &&
	            n->nout == 1 + 2 * states(n) &&
	            n->nin == op->min_in + (PER_STATE - 1) * states(n) &&
	            shape_equal(n->in[W]->shape, n->in[G]->shape);
	for (int s = 0; good && s < states(n); s++)
		good = fits(n, s);
	if (!good) {
		error_at(u, n->loc, "its state does not fit %s", shape_text(
			u->arena, n->in[W]->shape));
		return false;
	}
	infer_like(n, 0, W);
	for (int o = 1; o < n->nout; o++)
		infer_like(n, o, STATES + PER_STATE * ((o - 1) / 2) +
		                 (o - 1) % 2);
	return true;
}

/* The element's state and parameter after the update, in y, which begins with the
 * parameter. */
static void update_element(Kernel *k, const Node *n, Index at,
                           Expr *const scale[], Expr *y[1 + MAX_STATES])
{
	const OpDef *op = update_of(n);
	Expr *x[2 + MAX_STATES + MAX_SCALARS];
	int count = states(n), nscalars = op->min_in - STATES - count;
	x[W] = update_bind(k, k_load_flat(k, n->in[W], at));
	x[G] = update_bind(k, k_load_flat(k, n->in[G], at));
	for (int s = 0; s < count; s++) {
		Expr *code = k_load_flat(k, state_input(n, s, AT_CODES), at);
		x[STATES + s] = update_bind(k, k_mul(k, scale[s],
			blockwise_decode(k, state_input(n, s, AT_TABLE),
			                 code)));
	}
	for (int i = 0; i < nscalars; i++)
		x[STATES + count + i] = update_bind(k, k_load_flat(
			k, state_input(n, count, i), k_const(0)));
	op->scalar(k, n, x, y);
	for (int s = 0; s < count; s++)
		y[1 + s] = update_bind(k, y[1 + s]);
}

/* The largest magnitudes of the block's new state. */
static void find_scales(Kernel *k, const Node *n, Index first, int64_t count,
                        Expr *const scale[], int most[])
{
	Expr *y[1 + MAX_STATES];
	DType type = compute_type(n->in[W]->dtype);
	for (int s = 0; s < states(n); s++)
		most[s] = k_var(k, k_typed(k, type, 0));
	int i = k_for(k, count);
	update_element(k, n, k_sum(first, k_at(i)), scale, y);
	for (int s = 0; s < states(n); s++)
		k_set(k, most[s], k_max(k, k_get(k, most[s]),
		                        k_abs(k, y[1 + s])));
	k_end(k);
}

static void store_block(Kernel *k, const Node *n, Index first, int64_t count,
                        Expr *const scale[], Expr *const inverse[])
{
	Expr *y[1 + MAX_STATES];
	int i = k_for(k, count);
	Index at = k_sum(first, k_at(i));
	update_element(k, n, at, scale, y);
	for (int s = 0; s < states(n); s++)
		k_store_flat(k, n->out[1 + 2 * s], at, blockwise_encode(
			k, state_input(n, s, AT_TABLE),
			k_mul(k, y[1 + s], inverse[s])));
	k_store_flat(k, n->out[0], at, y[0]);
	k_end(k);
}

static void update_block(Kernel *k, const Node *n, Index block, int64_t count)
{
	Expr *scale[MAX_STATES], *inverse[MAX_STATES], *zero = k_num(k, 0);
	Index first = k_scaled(block, BLOCK);
	int most[MAX_STATES];
	for (int s = 0; s < states(n); s++)
		scale[s] = update_bind(k, k_load_flat(
			k, state_input(n, s, AT_SCALES), block));
	find_scales(k, n, first, count, scale, most);
	for (int s = 0; s < states(n); s++) {
		Expr *x = k_get(k, most[s]);
		Expr *one = k_div(k, k_num(k, 1), x);
		inverse[s] = update_bind(k, k_sel(k, k_gt(k, x, zero), one,
		                                  zero));
	}
	store_block(k, n, first, count, scale, inverse);
	for (int s = 0; s < states(n); s++)
		k_store_flat(k, n->out[2 + 2 * s], block, k_get(k, most[s]));
}

/* A loop of one iteration, too: all of a part is then in one statement, by which it
 * is seen that the state may be written in place. */
static void update_blocks(Kernel *k, const Node *n, int64_t first,
                          int64_t count, int64_t size)
{
	if (!count || !size)
		return;
	int b = k_for(k, count);
	update_block(k, n, k_plus(k_at(b), first), size);
	k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	int64_t elements = numel(n->in[W]->shape), whole = elements / BLOCK;
	update_blocks(k, n, 0, whole, BLOCK);
	update_blocks(k, n, whole, 1, elements % BLOCK);
	hoist_invariants(k);
}

#define CODED(...) {DIMS(__VA_ARGS__), DT_U8, 0, 255}
#define SCALES(...) {DIMS(__VA_ARGS__), .lo = 0, .hi = 1}
#define TABLE {DIMS(CODES), .lo = 0, .hi = 1}

const OpDef op_BlockwiseUpdate = {
	.name = "BlockwiseUpdate", .min_in = STATES + PER_STATE,
	.max_in = STATES + MAX_STATES * PER_STATE + MAX_SCALARS,
	.min_out = 3, .max_out = 1 + 2 * MAX_STATES,
	ATTRS([VARIANT] = {"variant", ATTR_INT, true},
	      [UPDATE] = {"update", ATTR_STRING, true, .s = "LionUpdate"}),
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nin = 14, .nout = 5,
	          .in = {{DIMS(300)}, {DIMS(300)}, CODED(300), SCALES(2), TABLE,
	                 CODED(300), SCALES(2), TABLE, HYPER,
	                 {{0}, .lo = 0.8, .hi = 0.95},
	                 {{0}, .lo = 0.9, .hi = 0.999}, HYPER, HYPER,
	                 {{0}, DT_I32, 1, 99}},
	          .attr = {{"update", .s = "AdamUpdate"}, {"variant", 1}}},
	         {.nin = 10, .nout = 3,
	          .in = {{DIMS(256)}, {DIMS(256)}, CODED(256), SCALES(1), TABLE,
	                 HYPER, HYPER, HYPER, HYPER, {{0}, DT_I32, 2, 9}},
	          .attr = {{"update", .s = "MomentumUpdate"}}},
	         {.nin = 9, .nout = 3,
	          .in = {{DIMS(4, 5)}, {DIMS(4, 5)}, CODED(4, 5), SCALES(1),
	                 TABLE, HYPER, HYPER, HYPER, HYPER}}),
};
