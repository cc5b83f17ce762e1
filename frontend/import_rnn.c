/*
 * LSTM, GRU, RNN: each direction becomes one product for the input's part of
 * all gates at all steps, and one recurrence (ir/recurrence.h); the rest is
 * reshapes.
 *
 * Exporters bring weights to ONNX's order of gates with Slice and Concat, which
 * would be copies to make, to keep, and to differentiate. Where the blocks of
 * all weights are found to be those of stored weights in one other order, the
 * recurrence takes these and that order instead.
 */
#include "frontend/import_rules.h"

#include <string.h>

enum { X, W, R, B, LENGTHS, H0, C0, P };
enum { Y, Y_H, Y_C };
enum { FORWARD, BACKWARD, MAX_DIRECTIONS };

typedef struct Layer {
	Site *s;
	const char *recurrence;     /* the operator's name */
	int blocks;                 /* gates */
	int64_t steps, batch, inputs, hidden;
	bool linear_before_reset;
	bool reverse[MAX_DIRECTIONS];
	int directions;
	const char *activation;     /* of an RNN */
	Value *x, *lengths;
	Value *y[MAX_DIRECTIONS], *h[MAX_DIRECTIONS], *c[MAX_DIRECTIONS];
} Layer;

/* ---- weights of one direction ---- */

/* `size` elements of v, from `at` on. */
static Value *part(Site *s, Value *v, int64_t at, int64_t size, Shape to)
{
	if (numel(v->shape) == size)
		return site_reshape(s, v, to);
	Value *y = site_reshape(s, v, (Shape){1, {numel(v->shape)}});
	y = y ? site_slice(s, y, 0, at, at + size, 1) : NULL;
	return y ? site_reshape(s, y, to) : NULL;
}

static Value *take(const Layer *l, const Blocks *b, Shape to)
{
	return b->source ? site_reshape(l->s, b->source, to)
	                 : part(l->s, b->v, b->at, numel(to), to);
}

enum { INPUT, RECURRENT, INPUT_BIAS, RECURRENT_BIAS, NWEIGHTS };

typedef struct Weights {
	Value *v[NWEIGHTS];          /* NULL: no bias */
	int64_t order[MAX_BLOCKS];
} Weights;

/* One order for all, and one that the recurrence takes: a GRU's new gate is the
 * last. */
static bool agree(const Layer *l, const Blocks b[], int n)
{
	for (int i = 0; i < n; i++)
		if (!b[i].source || memcmp(b[i].order, b[0].order,
		                           sizeof b[0].order))
			return false;
	return l->blocks != 3 || b[0].order[2] == 2;
}

static bool find_weights(const Layer *l, int d, Weights *w)
{
	Site *s = l->s;
	int64_t rows = l->blocks * l->hidden, in = l->inputs, h = l->hidden;
	Value *bias = site_in(s, B);
	int n = bias ? NWEIGHTS : INPUT_BIAS;
	Blocks b[NWEIGHTS] = {
		{s->in[W], d * rows * in, h * in, NULL, {0}},
		{s->in[R], d * rows * h, h * h, NULL, {0}},
		{bias, d * 2 * rows, h, NULL, {0}},
		{bias, d * 2 * rows + rows, h, NULL, {0}},
	};
	const Shape shape[NWEIGHTS] = {
		{2, {rows, in}}, {2, {rows, h}}, {1, {rows}}, {1, {rows}},
	};
	*w = (Weights){.order = {0, 1, 2, 3}};
	for (int i = 0; i < n; i++)
		blocks_find(&b[i], l->blocks);
	bool found = agree(l, b, n);
	for (int i = 0; i < n; i++) {
		if (!found)
			b[i].source = NULL;
		w->v[i] = take(l, &b[i], shape[i]);
		if (!w->v[i])
			return false;
	}
	if (found)
		memcpy(w->order, b[0].order, sizeof w->order);
	return true;
}

/* ---- one direction ---- */

static bool is_zero(const Value *v)
{
	bool zero = v->kind == V_CONST && dtype_is_float(v->dtype);
	for (int64_t i = 0; zero && i < numel(v->shape); i++)
		zero = dtype_get(v->dtype, v->data, i).f == 0;
	return zero;
}

/* v[.., N, H] as [.., 1, H], if it is the same for all examples: PyTorch repeats
 * a state that is learned for the batch. NULL: it is not. */
static Value *for_one_example(Site *s, Value *v)
{
	Node *n = v->def;
	Shape to = v->shape;
	to.dim[1] = 1;
	if (n && n->op == &op_Expand && shape_equal(n->in[0]->shape, to))
		return n->in[0];
	if (!n || n->op != &op_Slice)
		return NULL;
	const Attr *axes = &n->attr[op_attr(n->op, "axes")];
	Value *x = for_one_example(s, n->in[0]);
	if (!x || axes->n != 1 || axes->ints[0] != 0)
		return NULL;
	Node *slice = node_new(s->im->g, s->loc, n->op, 1, &x);
	node_copy_attrs(s->im->g, slice, n);
	return site_done(s, slice);
}

static Value *repeated(const Layer *l, Value *one, int d)
{
	Site *s = l->s;
	int64_t to[] = {l->batch, l->hidden};
	one = part(s, one, d * l->hidden, l->hidden, (Shape){2, {1, to[1]}});
	const OpDef *op = site_op(s, "Expand");
	if (!one || !op || l->batch == 1)
		return one;
	Node *n = node_new(s->im->g, s->loc, op, 1, &one);
	node_set_ints(s->im->g, n, "shape", 2, to);
	return site_done(s, n);
}

static Value *initial(const Layer *l, int input, int d)
{
	Site *s = l->s;
	Value *v = site_in(s, input);
	int64_t size = l->batch * l->hidden;
	if (!v || is_zero(v))
		return NULL;
	if (site_int(s, "layout", 0)) {
		v = site_transpose(s, v, (int[]){1, 0, 2});
		if (!v)
			return NULL;
	}
	Value *one = for_one_example(s, v);
	if (one)
		return repeated(l, one, d);
	return part(s, v, d * size, size, (Shape){2, {l->batch, l->hidden}});
}

/* Z = X W^T + b; the recurrent bias is added too, except where a GRU resets the
 * product that it is part of. */
static Value *gates(const Layer *l, const Weights *w)
{
	Site *s = l->s;
	Graph *g = s->im->g;
	Value *in[3] = {NULL, w->v[INPUT], w->v[INPUT_BIAS]};
	in[0] = site_reshape(s, l->x, (Shape){2, {l->steps * l->batch,
	                                          l->inputs}});
	if (in[2] && !l->linear_before_reset)
		in[2] = site_apply(s, "Add", 2, (Value *[]){
			in[2], w->v[RECURRENT_BIAS]});
	const OpDef *op = site_op(s, "Gemm");
	if (!op || !in[0] || (w->v[INPUT_BIAS] && !in[2]))
		return NULL;
	Node *n = node_new(g, s->loc, op, in[2] ? 3 : 2, in);
	node_set_int(g, n, "transB", 1);
	Value *z = site_done(s, n);
	return z ? site_reshape(s, z, (Shape){3, {l->steps, l->batch,
	                                          l->blocks * l->hidden}})
	         : NULL;
}

static Node *recurrence(const Layer *l, int d, const Weights *w, Value *z)
{
	Site *s = l->s;
	Graph *g = s->im->g;
	const OpDef *op = site_op(s, l->recurrence);
	Value *in[6] = {z, w->v[RECURRENT], l->lengths, initial(l, H0, d)};
	if (!op)
		return NULL;
	if (l->blocks == 4) {
		int64_t size = 3 * l->hidden;
		in[4] = initial(l, C0, d);
		in[5] = site_in(s, P) ? part(s, s->in[P], d * size, size,
		                             (Shape){1, {size}}) : NULL;
	} else if (l->linear_before_reset) {
		in[4] = w->v[RECURRENT_BIAS];
	}
	Node *n = node_new(g, s->loc, op, op->max_in, in);
	node_set_int(g, n, "reverse", l->reverse[d]);
	node_set_ints(g, n, "order", l->blocks, w->order);
	if (l->blocks == 3)
		node_set_int(g, n, "linear_before_reset",
		             l->linear_before_reset);
	if (l->activation)
		node_set_string(g, n, "activation", l->activation);
	return n;
}

static bool direction(Layer *l, int d)
{
	Weights w;
	if (!find_weights(l, d, &w))
		return false;
	Value *z = gates(l, &w);
	Node *n = z ? recurrence(l, d, &w, z) : NULL;
	if (!n || !site_done(l->s, n))
		return false;
	l->h[d] = n->out[0];
	if (l->blocks == 4)
		l->c[d] = n->out[1];
	l->y[d] = n->out[l->blocks == 4 ? 2 : 1];
	return true;
}

/* ---- what is asked for ---- */

static const char *name_at(const OnnxAttr *a, int i, const char *otherwise)
{
	return a && i < a->n ? a->strings[i] : otherwise;
}

static bool find_activations(Layer *l)
{
	static const char *const names[] = {"Sigmoid", "Tanh", "Tanh"};
	const OnnxAttr *a = site_attr(l->s, "activations");
	int each = l->blocks == 1 ? 1 : l->blocks == 3 ? 2 : 3;
	bool rnn = l->blocks == 1;
	if (rnn)
		l->activation = name_at(a, 0, "Tanh");
	for (int i = 0; a && i < a->n; i++) {
		const char *want = rnn ? l->activation : names[i % each];
		if (!strcmp(a->strings[i], want) &&
		    (!rnn || !strcmp(want, "Tanh") || !strcmp(want, "Relu")))
			continue;
		site_error(l->s, "its activation %d is '%s', expected %s", i,
		           a->strings[i],
		           rnn ? "Tanh or Relu, the same in both directions"
		               : names[i % each]);
		return false;
	}
	return true;
}

static bool find_directions(Layer *l)
{
	const char *name = site_string(l->s, "direction", "forward");
	if (!strcmp(name, "bidirectional")) {
		l->directions = 2;
		l->reverse[BACKWARD] = true;
		return true;
	}
	l->directions = 1;
	l->reverse[FORWARD] = !strcmp(name, "reverse");
	if (l->reverse[FORWARD] || !strcmp(name, "forward"))
		return true;
	site_error(l->s, "its direction is '%s', expected forward, reverse or "
	           "bidirectional", name);
	return false;
}

static bool check_input(const Layer *l, int i, Shape want)
{
	const Value *v = site_in(l->s, i);
	if (!v || shape_equal(v->shape, want))
		return true;
	site_error(l->s, "input %d has the shape %s, expected %s", i,
	           shape_text(l->s->im->u->arena, v->shape),
	           shape_text(l->s->im->u->arena, want));
	return false;
}

/* Zeros may be for the batch that the file was made with. */
static bool check_initial(const Layer *l, int i, Shape want)
{
	const Value *v = site_in(l->s, i);
	return (v && l->s->im->new_batch && is_zero(v)) ||
	       check_input(l, i, want);
}

static bool check_inputs(const Layer *l)
{
	int64_t d = l->directions, rows = l->blocks * l->hidden;
	Shape state = {3, {d, l->batch, l->hidden}};
	if (site_int(l->s, "layout", 0))
		state = (Shape){3, {l->batch, d, l->hidden}};
	return check_input(l, W, (Shape){3, {d, rows, l->inputs}}) &&
	       check_input(l, R, (Shape){3, {d, rows, l->hidden}}) &&
	       check_input(l, B, (Shape){2, {d, 2 * rows}}) &&
	       check_initial(l, H0, state) && check_initial(l, C0, state) &&
	       check_input(l, P, (Shape){2, {d, 3 * l->hidden}});
}

static bool find_sizes(Layer *l)
{
	Site *s = l->s;
	for (int i = X; i <= R; i++)
		if (!site_in(s, i) || s->in[i]->shape.rank != 3) {
			site_error(s, "input %d %s", i, site_in(s, i)
			           ? "has not three dimensions" : "is missing");
			return false;
		}
	l->x = s->in[X];
	if (site_int(s, "layout", 0))
		l->x = site_transpose(s, l->x, (int[]){1, 0, 2});
	if (!l->x)
		return false;
	l->steps = l->x->shape.dim[0];
	l->batch = l->x->shape.dim[1];
	l->inputs = l->x->shape.dim[2];
	l->hidden = s->in[R]->shape.dim[2];
	if (site_int(s, "hidden_size", l->hidden) != l->hidden) {
		site_error(s, "hidden_size is %lld, its weights have %lld",
		           (long long)site_int(s, "hidden_size", 0),
		           (long long)l->hidden);
		return false;
	}
	if (l->steps * l->batch * l->hidden * l->inputs == 0) {
		site_error(s, "has no elements: %lld steps, %lld sequences, %lld "
		           "inputs, hidden_size %lld", (long long)l->steps,
		           (long long)l->batch, (long long)l->inputs,
		           (long long)l->hidden);
		return false;
	}
	return true;
}

/* Lengths that are all of the sequence say nothing. */
static void find_lengths(Layer *l)
{
	Value *v = site_in(l->s, LENGTHS);
	bool full = v && v->kind == V_CONST;
	for (int64_t i = 0; full && i < numel(v->shape); i++)
		full = dtype_get(v->dtype, v->data, i).i == l->steps;
	l->lengths = full ? NULL : v;
}

static bool refuse_rest(const Layer *l)
{
	Site *s = l->s;
	if (site_attr(s, "clip") || site_int(s, "input_forget", 0)) {
		site_error(s, "%s is not supported", site_attr(s, "clip")
		           ? "'clip'" : "input_forget=1");
		return false;
	}
	return true;
}

/* ---- the outputs ---- */

/* 1 where step t of sample n counts: [T,N,1]. */
static Value *counting(const Layer *l)
{
	Site *s = l->s;
	int32_t *step = site_constant(s, DT_I32, (Shape){1, {l->steps}});
	if (!step)
		return NULL;
	for (int64_t t = 0; t < l->steps; t++)
		step[t] = (int32_t)t;
	Value *time = graph_const(s->im->g, NULL, DT_I32,
	                          (Shape){3, {l->steps, 1, 1}}, step);
	Value *length = site_reshape(s, l->lengths, (Shape){2, {l->batch, 1}});
	return length ? site_apply(s, "Less", 2, (Value *[]){time, length})
	              : NULL;
}

/* Behind the end of a sequence its states stand still, but Y is 0. */
static Value *ended(const Layer *l, Value *y)
{
	Value *alive = l->lengths ? counting(l) : NULL;
	if (!alive)
		return l->lengths ? NULL : y;
	Value *zero = graph_scalar(l->s->im->g, y->dtype, 0);
	return site_apply(l->s, "Where", 3, (Value *[]){alive, y, zero});
}

/* Directions side by side along a new axis; the layout's order of axes. */
static Value *side_by_side(const Layer *l, Value *const v[], int axis,
                           const int perm[])
{
	Site *s = l->s;
	Value *in[MAX_DIRECTIONS] = {NULL};
	Shape to = v[0]->shape;
	memmove(to.dim + axis + 1, to.dim + axis,
	        sizeof *to.dim * (size_t)(to.rank++ - axis));
	to.dim[axis] = 1;
	for (int d = 0; d < l->directions; d++)
		if (!(in[d] = site_reshape(s, v[d], to)))
			return NULL;
	Value *y = l->directions > 1 ? site_concat(s, axis, l->directions, in)
	                             : in[0];
	return y && site_int(s, "layout", 0) ? site_transpose(s, y, perm) : y;
}

/* Y: [T,D,N,H]. Of two directions it is a Transpose of [T,N,D,H], which others
 * undo: so the one stays beside the other for each sample. */
static Value *all_states(const Layer *l, const int perm[])
{
	Site *s = l->s;
	if (l->directions == 1)
		return side_by_side(l, l->y, 1, perm);
	Value *y = site_concat(s, 2, l->directions, (Value *[]){l->y[0],
	                                                       l->y[1]});
	y = y ? site_reshape(s, y, (Shape){4, {l->steps, l->batch, 2,
	                                       l->hidden}}) : NULL;
	if (!y || site_int(s, "layout", 0))
		return y ? site_transpose(s, y, (int[]){1, 0, 2, 3}) : NULL;
	return site_transpose(s, y, (int[]){0, 2, 1, 3});
}

static bool give(Layer *l)
{
	Site *s = l->s;
	static const int states[] = {2, 0, 1, 3}, state[] = {1, 0, 2};
	bool ok = true;
	for (int d = 0; d < l->directions && site_wants(s, Y); d++)
		if (!(l->y[d] = ended(l, l->y[d])))
			return false;
	if (site_wants(s, Y))
		ok &= (s->out[Y] = all_states(l, states)) != NULL;
	if (site_wants(s, Y_H))
		ok &= (s->out[Y_H] = side_by_side(l, l->h, 0, state)) != NULL;
	if (site_wants(s, Y_C) && l->c[0])
		ok &= (s->out[Y_C] = side_by_side(l, l->c, 0, state)) != NULL;
	return ok;
}

static bool convert(Layer *l)
{
	l->linear_before_reset = l->blocks == 3 &&
		site_int(l->s, "linear_before_reset", 0);
	if (!refuse_rest(l) || !find_activations(l) || !find_directions(l) ||
	    !find_sizes(l) || !check_inputs(l))
		return false;
	find_lengths(l);
	for (int d = 0; d < l->directions; d++)
		if (!direction(l, d))
			return false;
	return give(l);
}

bool convert_lstm(Site *s)
{
	return convert(&(Layer){.s = s, .recurrence = "LSTMRecurrence",
	                        .blocks = 4});
}

bool convert_gru(Site *s)
{
	return convert(&(Layer){.s = s, .recurrence = "GRURecurrence",
	                        .blocks = 3});
}

bool convert_rnn(Site *s)
{
	return convert(&(Layer){.s = s, .recurrence = "RNNRecurrence",
	                        .blocks = 1});
}
