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
 * Of two convolutions that read one x the members of the other follow, and an Add
 * of both dx, the last. In each block the other comes first: its dx[c] lies apart
 * until that of the first has taken the place of x[c], and is added to it; it has
 * one group. Outputs are a tile for each, what lies apart, the sum, and what the
 * updates give.
 *
 * An update that is linear in the gradient (see linear.h) is made of old in the
 * tile, to which the function that computes the gradient adds: then no part of
 * a gradient is ever in memory.
 */
#include "ir/op.h"

#include "ir/conv.h"
#include "ir/linear.h"

enum { CHANNELS };

enum { INPUT, WEIGHT, NGRADIENTS };   /* members, of one convolution */
enum { TILE, DX };                    /* outputs, of one */
enum { APART = 2, TWO_OWN };          /*   and of two, behind their tiles */

/* The first member of the second convolution; 0: there is only one. */
static int second(const Node *n)
{
	for (int b = NGRADIENTS; b < n->nbody; b++)
		if (n->body[b]->op == &op_ConvGradInput)
			return b;
	return 0;
}

static int convolutions(const Node *n)
{
	return second(n) ? 2 : 1;
}

static const Value *input_gradient(const Node *n)
{
	return n->body[second(n) ? n->nbody - 1 : INPUT]->out[0];
}

/* The node with the members of that convolution only. */
static Node one_of(const Node *n, int which)
{
	Node one = *n;
	int at = second(n);
	if (which) {
		one.body += at;
		one.nbody -= at + 1;
	} else if (at) {
		one.nbody = at;
	}
	return one;
}

static Conv whole(const Node *n)
{
	const Node *p = n->body[WEIGHT];
	return conv_of(p, p->in[0], p->out[0], p->in[1]);
}

/* Enough sums to be worth a packed panel; and yet several blocks: two where each
 * packs the output's gradient anew. */
int64_t fused_conv_grad_channels(const Node *weight, bool workspace)
{
	enum { LEAST_CHANNELS = 4, LEAST_ROWS = 16 };
	int64_t found = 0;
	Conv c = conv_of(weight, weight->in[0], weight->out[0], weight->in[1]);
	int64_t all = c.x->shape.dim[1], unit = c.w->shape.dim[1];
	int64_t cells = numel(c.w->shape) / (c.w->shape.dim[0] * unit);
	unit = c.groups > 1 ? unit : 1;
	bool packs = workspace && c.groups == 1 && cells > 1;
	for (int64_t d = unit; 2 * d <= all && (packs || !found); d += unit)
		if (all % d == 0 && d >= LEAST_CHANNELS &&
		    d * cells >= LEAST_ROWS)
			found = d;
	return found;
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

static Block block_of(const Node *n, const Value *tile)
{
	Block b = {.conv = whole(n), .channels = attr_int(n, CHANNELS)};
	Conv *c = &b.conv;
	int64_t rows = rows_of(c, b.channels);
	int64_t width = numel(c->w->shape) / c->w->shape.dim[0];
	b.half = numel(tile->shape) / 2;
	b.rows = c->groups > 1 ? 1 : rows;
	b.run = b.half / b.rows;
	b.step = b.run;
	b.stride = width;
	c->rows = rows;
	c->w = tile;
	return b;
}

static Conv block_of_input(const Block *b, const Value *dx)
{
	Conv c = b->conv;
	c.x = dx;
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

/* Which group a channel is in could not be told from its place in a block. */
bool fused_conv_grad_may_follow(const Node *weight, int64_t channels)
{
	Conv c = conv_of(weight, weight->in[0], weight->out[0], weight->in[1]);
	return c.groups == 1 && divides(&c, channels);
}

static bool fits(const Node *n, int64_t channels)
{
	if (n->nbody <= NGRADIENTS || n->body[WEIGHT]->op != &op_ConvGradWeight)
		return false;
	Conv c = whole(n);
	return c.x->shape.dim[0] == 1 && is_gradient_of_input(n, &c) &&
	       divides(&c, channels);
}

/* Do both read one x, and is the last member the sum of what they give? */
static bool fit_each_other(const Node *n, const Node *other, int64_t channels)
{
	const Node *last = n->body[n->nbody - 1];
	const Value *a = n->body[INPUT]->out[0], *b = other->body[INPUT]->out[0];
	return last->op == &op_Add &&
	       fused_conv_grad_may_follow(other->body[WEIGHT], channels) &&
	       n->body[WEIGHT]->in[0] == other->body[WEIGHT]->in[0] &&
	       ((last->in[0] == a && last->in[1] == b) ||
	        (last->in[0] == b && last->in[1] == a));
}

static void infer_tile(const Node *n, Value *tile, int64_t channels)
{
	Conv c = whole(n);
	tile->dtype = c.w->dtype;
	tile->shape = c.w->shape;
	tile->shape.dim[0] = 2 * rows_of(&c, channels);
	if (c.groups == 1)
		tile->shape.dim[1] = channels;
}

/* The members were inferred before they were fused. */
static bool infer(Unit *u, Node *n)
{
	int64_t channels = attr_int(n, CHANNELS);
	int count = convolutions(n);
	Node a = one_of(n, 0), b = count > 1 ? one_of(n, 1) : a;
	if (!fits(&a, channels) || !fits(&b, channels) ||
	    (count > 1 && (n->nout < TWO_OWN || !fit_each_other(n, &b, channels)))) {
		error_at(u, n->loc, "%lld channels of no convolution of one "
		         "image, with both its gradients",
		         (long long)channels);
		return false;
	}
	infer_tile(&a, n->out[TILE], channels);
	if (count > 1) {
		infer_tile(&b, n->out[TILE + 1], channels);
		n->out[APART]->dtype = whole(n).x->dtype;
		n->out[APART]->shape = whole(n).x->shape;
		n->out[APART]->shape.dim[1] = channels;
	}
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
	const Value *tile = b->conv.w;
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
	Expr *x = k_load_flat(k, b->conv.w, k_plus(in_tile, b->half));
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

/* One convolution, in every block. */
typedef struct Turn {
	Node node;
	Block block;
	Linear linear;        /* to: NULL, if it is not */
	Expr *alpha, *beta;   /* of one that is; or NULL */
} Turn;

/* In front of the loops. */
static Turn begin(Kernel *k, const Node *n, int which)
{
	Turn t = {.node = one_of(n, which)};
	const Node update = update_of(&t.node);
	t.block = block_of(&t.node, n->out[TILE + which]);
	if (linear_update(k, &update, 1, &t.linear)) {
		t.alpha = bound(k, t.linear.alpha[0]);
		t.beta = bound(k, t.linear.beta);
	}
	return t;
}

/* dx: all of it, or a block's. */
static void take(Kernel *k, const Turn *t, Index number, const Value *dx)
{
	const Block *b = &t->block;
	Conv back = block_of_input(b, dx);
	ConvPart part = {.c = &b->conv,
	                 .channel = k_scaled(number, b->channels)};
	if (b->conv.groups > 1)
		part.row = k_scaled(number, b->conv.rows);
	ConvPart input = part;
	input.c = &back;
	if (dx->shape.dim[1] == b->channels)
		input.channel = k_const(0);
	copy_weights(k, &t->node, b, number, t->beta);
	k_conv_grad_weight(k, &part, b->conv.w, b->conv.rows, t->alpha);
	k_conv_grad_input(k, &input);
	update_weights(k, &t->node, b, number,
	               t->beta ? t->linear.to : NULL);
}

static void add_apart(Kernel *k, const Node *n, Index number)
{
	const Value *sum = input_gradient(n), *apart = n->out[APART];
	int64_t size = numel(apart->shape);
	Index i = k_at(k_for(k, size)), at = k_sum(k_scaled(number, size), i);
	k_store_flat(k, sum, at, k_add(k, k_load_flat(k, sum, at),
	                               k_load_flat(k, apart, i)));
	k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	int count = convolutions(n);
	Turn first = begin(k, n, 0), other = first;
	if (count > 1)
		other = begin(k, n, 1);
	Index number = k_at(k_for(k, whole(n).x->shape.dim[1] /
	                          attr_int(n, CHANNELS)));
	if (count > 1)
		take(k, &other, number, n->out[APART]);
	take(k, &first, number, input_gradient(n));
	if (count > 1)
		add_apart(k, n, number);
	k_end(k);
	hoist_invariants(k);
}

bool fused_conv_grad_is_linear(const Node *n, int which)
{
	Arena *scratch = arena_create();
	const Node one = one_of(n, which), update = update_of(&one);
	Linear l;
	bool linear = linear_update(kernel_create(scratch, n), &update, 1, &l);
	arena_destroy(scratch);
	return linear;
}

bool fused_conv_grad_has(const Node *n, const OpDef *op)
{
	return n->op == &op_FusedConvGrad &&
	       (op == &op_ConvGradInput || op == &op_ConvGradWeight);
}

int fused_conv_grad_own(const Node *n)
{
	return second(n) ? TWO_OWN : DX;
}

static int64_t workspace(const Node *n)
{
	int64_t most = 0;
	for (int i = 0; i < convolutions(n); i++) {
		const Node one = one_of(n, i);
		Block b = block_of(&one, n->out[TILE + i]);
		Conv back = block_of_input(
			&b, second(n) && i ? n->out[APART] : input_gradient(n));
		int64_t weight = conv_workspace(&b.conv, CONV_GRAD_WEIGHT);
		int64_t input = conv_workspace(&back, CONV_GRAD_INPUT);
		most = weight > most ? weight : most;
		most = input > most ? input : most;
	}
	return most;
}

const OpDef op_FusedConvGrad = {
	.name = "FusedConvGrad", .min_in = 0, .max_in = VARIADIC,
	.min_out = 1, .max_out = 1 << 20,
	ATTRS([CHANNELS] = {"channels", ATTR_INT}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
};
