/*
 * Lowering of elementwise nodes, single or fused: one loop nest over the
 * broadcast shape. Adjacent dimensions that every operand walks alike are
 * merged, so that the usual case is one flat loop. That loop is taken eight
 * elements at a time, and then the rest, where some are bits: a byte of them is
 * then read once, and stored once, when it is complete.
 */
#include "ir/kernel.h"

#include "ir/op.h"

typedef struct Nest {
	int rank;
	int64_t dim[MAX_RANK];
	Index at[MAX_RANK];    /* place in each */
	int last[MAX_RANK];    /* of the merged dimensions, as axes of `shape` */
	Shape shape;
} Nest;

/* Stride of v along axis `a` of the broadcast shape; 0 where v is stretched. */
static int64_t stride_of(const Value *v, Shape shape, int a)
{
	int64_t stride[MAX_RANK];
	int i = a - (shape.rank - v->shape.rank);
	if (i < 0 || v->shape.dim[i] == 1)
		return 0;
	shape_strides(v->shape, stride);
	return stride[i];
}

/* May axis a be merged with the outer one: does every operand walk the two as
 * one? */
static bool mergeable(const Node *n, Shape shape, int outer, int a)
{
	for (int i = 0; i < n->nin + n->nout; i++) {
		const Value *v = i < n->nin ? n->in[i] : n->out[i - n->nin];
		if (v && stride_of(v, shape, outer) !=
		         stride_of(v, shape, a) * shape.dim[a])
			return false;
	}
	return true;
}

static Nest nest_of(const Node *n, Shape shape)
{
	Nest t = {.shape = shape};
	for (int a = 0; a < shape.rank; a++) {
		if (shape.dim[a] == 1)
			continue;
		bool merge = t.rank &&
		             mergeable(n, shape, t.last[t.rank - 1], a);
		t.rank += !merge;
		t.dim[t.rank - 1] = merge ? t.dim[t.rank - 1] * shape.dim[a]
		                          : shape.dim[a];
		t.last[t.rank - 1] = a;
	}
	return t;
}

/* The element of v at the nest's place. The stride along merged axes is that
 * of the last of them. */
static Index element(const Nest *t, const Value *v)
{
	Index at = {0};
	for (int r = 0; r < t->rank; r++) {
		int64_t stride = stride_of(v, t->shape, t->last[r]);
		if (stride)
			at = k_sum(at, k_scaled(t->at[r], stride));
	}
	return at;
}

typedef struct Known {
	const Value *v;
	Expr *x;
} Known;

static Expr *find_known(const Known *list, int n, const Value *v)
{
	for (int i = n - 1; i >= 0; i--)
		if (list[i].v == v)
			return list[i].x;
	return NULL;
}

static Expr *known(const Known *list, int n, const Value *v)
{
	Expr *x = find_known(list, n, v);
	if (x)
		return x;
	BUG("a fused node reads %%%s, which it does not compute", v->name);
}

/* One member of a fused node, or the node itself. Results are bound to scalar
 * variables: a member may read them more than once. */
static int apply(Kernel *k, const Node *n, Known *list, int count)
{
	if (n->op->view) {
		list[count] = (Known){n->out[0], known(list, count, n->in[0])};
		return count + 1;
	}
	Expr **x = arena_array(k->arena, Expr *, n->nin + 1);
	Expr **y = arena_array(k->arena, Expr *, n->nout);
	for (int i = 0; i < n->nin; i++)
		x[i] = n->in[i] ? known(list, count, n->in[i]) : NULL;
	n->op->scalar(k, n, x, y);
	for (int o = 0; o < n->nout; o++) {
		if (!y[o])
			BUG("%s gives no output %d", n->op->name, o);
		if (y[o]->kind != E_VAR && y[o]->kind != E_NUM)
			y[o] = k_get(k, k_var(k, y[o]));
		list[count++] = (Known){n->out[o], y[o]};
	}
	return count;
}

static int count_results(const Node *n)
{
	int count = n->nin + n->nout;
	for (int b = 0; b < n->nbody; b++)
		count += n->body[b]->nout;
	return count;
}

static Shape iteration_shape(const Node *n)
{
	Shape s = n->out[0]->shape;
	for (int o = 1; o < n->nout; o++)
		if (!shape_broadcast(s, n->out[o]->shape, &s))
			BUG("%s: outputs of different shapes", n->op->name);
	return s;
}

/* What the node computes at the nest's place. */
static Expr **results(Kernel *k, const Node *n, const Nest *t)
{
	Known *list = arena_array(k->arena, Known, count_results(n));
	Expr **y = arena_array(k->arena, Expr *, n->nout);
	int count = 0;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i]) {
			Expr *x = k_load_flat(k, n->in[i], element(t, n->in[i]));
			list[count++] = (Known){n->in[i], k_get(k, k_var(k, x))};
		}
	if (n->nbody == 0)
		count = apply(k, n, list, count);
	for (int b = 0; b < n->nbody; b++)
		count = apply(k, n->body[b], list, count);
	for (int o = 0; o < n->nout; o++)
		y[o] = known(list, count, n->out[o]);
	return y;
}

static bool has_bits(const Node *n)
{
	bool any = false;
	for (int i = 0; i < n->nin; i++)
		any |= n->in[i] && n->in[i]->dtype == DT_BIT;
	for (int o = 0; o < n->nout; o++)
		any |= n->out[o]->dtype == DT_BIT;
	return any;
}

/* As many elements as a byte has bits, or fewer at the end. */
static void lower_byte(Kernel *k, const Node *n, Nest *t, Index byte, int bits)
{
	int *packed = arena_array(k->arena, int, n->nout);
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->dtype == DT_BIT)
			packed[o] = k_var(k, k_typed(k, DT_I32, 0));
	int i = k_for(k, bits);
	t->at[0] = k_sum(k_scaled(byte, 8), k_at(i));
	Expr **y = results(k, n, t);
	for (int o = 0; o < n->nout; o++) {
		const Value *v = n->out[o];
		if (v->dtype == DT_BIT)
			k_set(k, packed[o],
			      k_or(k, k_get(k, packed[o]),
			           k_shl(k, y[o], k_index(k, k_at(i)))));
		else
			k_store_flat(k, v, element(t, v), y[o]);
	}
	k_end(k);
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->dtype == DT_BIT)
			k_store_byte(k, n->out[o], byte, k_get(k, packed[o]));
}

static void lower_bytes(Kernel *k, const Node *n, Nest *t)
{
	int64_t count = numel(t->shape);
	if (count >= 8) {
		int b = k_for(k, count / 8);
		lower_byte(k, n, t, k_at(b), 8);
		k_end(k);
	}
	if (count % 8)
		lower_byte(k, n, t, k_const(count / 8), (int)(count % 8));
}

static void lower_elements(Kernel *k, const Node *n, Nest *t)
{
	for (int r = 0; r < t->rank; r++)
		t->at[r] = k_at(k_for(k, t->dim[r]));
	Expr **y = results(k, n, t);
	for (int o = 0; o < n->nout; o++)
		k_store_flat(k, n->out[o], element(t, n->out[o]), y[o]);
	k_end_n(k, t->rank);
}

void lower_elementwise(Kernel *k, const Node *n)
{
	Nest t = nest_of(n, iteration_shape(n));
	if (has_bits(n) && t.rank <= 1)
		lower_bytes(k, n, &t);
	else
		lower_elements(k, n, &t);
	hoist_invariants(k);
}

/* What the member reads and no other has computed or read. */
static int load_inputs(Kernel *k, const Node *member, Known *list, int count,
                       int64_t elements, Index at)
{
	for (int i = 0; i < member->nin; i++) {
		const Value *v = member->in[i];
		if (!v || find_known(list, count, v))
			continue;
		Expr *x = k_load_flat(k, v, numel(v->shape) == elements
		                            ? at : k_const(0));
		list[count++] = (Known){v, k_get(k, k_var(k, x))};
	}
	return count;
}

void k_members(Kernel *k, const Node *n, int first, int64_t elements, Index at,
               const Value *given, Expr *x)
{
	Known *list = arena_array(k->arena, Known, count_results(n) + 1);
	int count = 1;
	list[0] = (Known){given, k_get(k, k_var(k, x))};
	for (int b = first; b < n->nbody; b++) {
		count = load_inputs(k, n->body[b], list, count, elements, at);
		count = apply(k, n->body[b], list, count);
	}
	for (int o = 0; o < n->nout; o++) {
		Expr *y = find_known(list, count, n->out[o]);
		if (y)
			k_store_flat(k, n->out[o], at, y);
	}
}

Kernel *kernel_create(Arena *a, const Node *n)
{
	Kernel *k = arena_new(a, Kernel);
	k->arena = a;
	k->node = n;
	k->tail = &k->body;
	return k;
}

/* Loops of nothing but empty loops are empty, too: around a dimension of 0 the
 * others may be of any size. True: the statements do nothing. */
static bool shut_empty_loops(Kernel *k, Stmt *s)
{
	bool empty = true;
	for (; s; s = s->next) {
		if (s->kind == ST_FOR && shut_empty_loops(k, s->u.loop.body))
			s->u.loop.extent = k->extent[s->u.loop.var] = 0;
		empty &= s->kind == ST_FOR && s->u.loop.extent == 0;
	}
	return empty;
}

static Kernel *lower(Arena *a, const Node *n)
{
	Kernel *k = kernel_create(a, n);
	if (n->op->lower)
		n->op->lower(k, n);
	else
		lower_elementwise(k, n);
	if (k->depth)
		BUG("%s leaves %d loops open", n->op->name, k->depth);
	shut_empty_loops(k, k->body);
	return k;
}

Kernel *kernel_of(Arena *a, const Node *n)
{
	Kernel *k = lower(a, n);
	if (k->misfit)
		BUG("%s: %s", n->op->name, k->misfit);
	return k;
}

const char *kernel_misfit(Arena *a, const Node *n)
{
	return lower(a, n)->misfit;
}
