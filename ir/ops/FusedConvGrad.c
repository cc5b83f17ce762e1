/*
 * FusedConvGrad: both gradients of a convolution of one image, and the update
 * of its weight, a few input channels c at a time:
 *
 *     old = w[:, c]
 *     g   = gradient of w[:, c], from x[c] and dy
 *     dx[c] = gradient of the input, from dy and old
 *     w[:, c] = update of old by g
 *
 * What x[c] is wanted for is done before dx[c] is stored: so dx may lie over x,
 * and yet the gradient of the weight is never whole in memory, though the
 * input's needs the old weight, and the weight's needs x. Of several groups the
 * blocks are whole groups. Node.body[0] is the ConvGradInput, body[1] the
 * ConvGradWeight, the rest, views and elementwise, updates. Outputs: a tile,
 * with old in its first half and g in the other, then dx and what the update
 * gives. Made by the fuse-conv-grad pass only.
 *
 * An update that is linear in the gradient (see linear.h) is made of old in the
 * tile, to which the function that computes the gradient adds: then no part of
 * a gradient is ever in memory.
 */
#include "ir/op.h"

#include "ir/conv.h"
#include "ir/linear.h"

enum { CHANNELS };

enum { INPUT, WEIGHT, NGRADIENTS };   /* members */
enum { TILE, DX };                    /* outputs */

static Conv whole(const Node *n)
{
	const Node *p = n->body[WEIGHT];
	return conv_of(p, p->in[0], p->out[0], p->in[1]);
}

/* Enough sums to be worth a packed panel; and yet several blocks. */
int64_t fused_conv_grad_channels(const Node *weight)
{
	enum { LEAST_CHANNELS = 4, LEAST_ROWS = 16 };
	Conv c = conv_of(weight, weight->in[0], weight->out[0], weight->in[1]);
	int64_t all = c.x->shape.dim[1], unit = c.w->shape.dim[1];
	int64_t cells = numel(c.w->shape) / (c.w->shape.dim[0] * unit);
	unit = c.groups > 1 ? unit : 1;
	for (int64_t d = unit; 2 * d <= all; d += unit)
		if (all % d == 0 && d >= LEAST_CHANNELS &&
		    d * cells >= LEAST_ROWS)
			return d;
	return 0;
}

/* ---- a block ---- */

/* Where its weights are: `rows` times `run` elements that lie together. */
typedef struct Block {
	Conv conv;               /* w: the tile, which is as wide as the block */
	int64_t channels;
	int64_t rows, run;
	int64_t step, stride;    /* in w: to the next block, to the next row */
	int64_t half;            /* elements of the tile */
} Block;

/* Rows of w that a block has. */
static int64_t rows_of(const Conv *c, int64_t channels)
{
	int64_t rows = c->y->shape.dim[1] / c->groups;
	return c->groups > 1 ? channels / c->w->shape.dim[1] * rows : rows;
}

static Block block_of(const Node *n)
{
	Block b = {.conv = whole(n), .channels = attr_int(n, CHANNELS)};
	Conv *c = &b.conv;
	int64_t rows = rows_of(c, b.channels);
	int64_t width = numel(c->w->shape) / c->w->shape.dim[0];
	b.half = numel(n->out[TILE]->shape) / 2;
	b.rows = c->groups > 1 ? 1 : rows;
	b.run = b.half / b.rows;
	b.step = b.run;
	b.stride = width;
	c->rows = rows;
	c->w = n->out[TILE];
	return b;
}

static Conv block_of_input(const Node *n, const Block *b)
{
	Conv c = b->conv;
	c.x = n->body[INPUT]->out[0];
	return c;
}

static bool is_gradient_of_input(const Node *n, const Conv *c)
{
	const Node *p = n->body[INPUT];
	return p->op == &op_ConvGradInput && p->in[0] == c->y &&
	       shape_equal(p->in[1]->shape, c->w->shape) &&
	       shape_equal(p->out[0]->shape, c->x->shape);
}

static bool divides(const Conv *c, int64_t channels)
{
	int64_t unit = c->groups > 1 ? c->w->shape.dim[1] : 1;
	return channels > 0 && channels % unit == 0 &&
	       c->x->shape.dim[1] % channels == 0;
}

/* The members were inferred before they were fused. */
static bool infer(Unit *u, Node *n)
{
	int64_t channels = attr_int(n, CHANNELS);
	bool fits = n->nbody > NGRADIENTS &&
	            n->body[WEIGHT]->op == &op_ConvGradWeight;
	Conv c = fits ? whole(n) : (Conv){0};
	if (!fits || !is_gradient_of_input(n, &c) || !divides(&c, channels) ||
	    c.x->shape.dim[0] != 1) {
		error_at(u, n->loc, "%lld channels of no convolution of one "
		         "image, with both its gradients",
		         (long long)channels);
		return false;
	}
	n->out[TILE]->dtype = c.w->dtype;
	n->out[TILE]->shape = c.w->shape;
	n->out[TILE]->shape.dim[0] = 2 * rows_of(&c, channels);
	if (c.groups == 1)
		n->out[TILE]->shape.dim[1] = channels;
	return true;
}

/* ---- the loops ---- */

/* Opens loops over a block's weights: where one is in w, and in the tile. */
static Index for_weights(Kernel *k, const Block *b, Index number,
                         Index *in_tile)
{
	int row = k_for(k, b->rows), i = k_for(k, b->run);
	*in_tile = k_sum(k_scaled(k_at(row), b->run), k_at(i));
	return k_sum(k_sum(k_scaled(number, b->step),
	                   k_scaled(k_at(row), b->stride)), k_at(i));
}

/* beta: what is left of the old weights where the update is linear, or NULL. */
static void copy_weights(Kernel *k, const Node *n, const Block *b, Index number,
                         Expr *beta)
{
	const Value *tile = n->out[TILE];
	Index to, from = for_weights(k, b, number, &to);
	Expr *w = k_load_flat(k, n->body[INPUT]->in[1], from);
	if (beta) {
		w = k_get(k, k_var(k, w));
		k_store_flat(k, tile, k_plus(to, b->half), k_mul(k, beta, w));
	}
	k_store_flat(k, tile, to, w);
	k_end_n(k, 2);
}

/* As a FusedUpdate would: its members begin with the weight's gradient. */
static Node update_of(const Node *n)
{
	Node update = *n;
	update.body += WEIGHT;
	update.nbody -= WEIGHT;
	return update;
}

static void update_weights(Kernel *k, const Node *n, const Block *b,
                           Index number, const Value *linear)
{
	const Node update = update_of(n);
	const Value *g = n->body[WEIGHT]->out[0];
	Index in_tile, at = for_weights(k, b, number, &in_tile);
	Expr *x = k_load_flat(k, n->out[TILE], k_plus(in_tile, b->half));
	if (linear)
		k_store_flat(k, linear, at, x);
	else
		k_members(k, &update, 1, numel(g->shape), at, g, x);
	k_end_n(k, 2);
}

static Expr *bound(Kernel *k, Expr *x)
{
	return x->kind == E_NUM ? x : k_get(k, k_var(k, x));
}

static void lower(Kernel *k, const Node *n)
{
	Block b = block_of(n);
	Conv back = block_of_input(n, &b);
	const Node update = update_of(n);
	Linear l = {0};
	bool linear = linear_update(k, &update, 1, &l);
	Expr *alpha = linear ? bound(k, l.alpha[0]) : NULL;
	Expr *beta = linear ? bound(k, l.beta) : NULL;
	int64_t groups = b.conv.groups;
	Index number = k_at(k_for(k, whole(n).x->shape.dim[1] / b.channels));
	ConvPart part = {&b.conv, k_const(0), k_scaled(number, b.channels)};
	if (groups > 1)
		part.row = k_scaled(number, b.conv.rows);
	ConvPart input = part;
	input.c = &back;
	copy_weights(k, n, &b, number, beta);
	k_conv_grad_weight(k, &part, n->out[TILE], b.conv.rows, alpha);
	k_conv_grad_input(k, &input);
	update_weights(k, n, &b, number, linear ? l.to : NULL);
	k_end(k);
	hoist_invariants(k);
}

bool fused_conv_grad_is_linear(const Node *n)
{
	Arena *scratch = arena_create();
	const Node update = update_of(n);
	Linear l;
	bool linear = linear_update(kernel_create(scratch, n), &update, 1, &l);
	arena_destroy(scratch);
	return linear;
}

static int64_t workspace(const Node *n)
{
	Block b = block_of(n);
	Conv back = block_of_input(n, &b);
	int64_t weight = conv_workspace(&b.conv, CONV_GRAD_WEIGHT);
	int64_t input = conv_workspace(&back, CONV_GRAD_INPUT);
	return weight > input ? weight : input;
}

const OpDef op_FusedConvGrad = {
	.name = "FusedConvGrad", .min_in = 0, .max_in = VARIADIC,
	.min_out = 1, .max_out = 1 << 20,
	ATTRS([CHANNELS] = {"channels", ATTR_INT}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
};
