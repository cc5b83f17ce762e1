#include "ir/sketch.h"

Shape sketch_shape(int64_t width, int64_t d)
{
	return (Shape){3, {SKETCH_DEPTH, width, d}};
}

static bool all_there(Unit *u, const Node *n, int ninputs, int noutputs)
{
	bool all = n->nin == ninputs && n->nout == noutputs;
	for (int i = 0; i < n->nin; i++)
		all = all && (n->in[i] || i == SKETCH_ROWS);
	if (!all)
		error_at(u, n->loc, "an input or an output is missing");
	return all;
}

bool sketch_infer(Unit *u, Node *n, int ninputs, int noutputs)
{
	if (!all_there(u, n, ninputs, noutputs))
		return false;
	const Value *rows = n->in[SKETCH_ROWS];
	Shape w = n->in[SKETCH_W]->shape, g = n->in[SKETCH_G]->shape;
	Shape b = n->in[SKETCH_BINS]->shape;
	int64_t d = w.rank ? w.dim[w.rank - 1] : 0;
	if (g.rank != 2 || b.rank != 3 || (rows && w.rank != 2) ||
	    g.dim[1] != d || b.dim[2] != d || b.dim[0] != SKETCH_DEPTH ||
	    (rows ? g.dim[0] != numel(rows->shape)
	          : g.dim[0] * d != numel(w))) {
		error_at(u, n->loc, "a gradient of %s and a sketch of %s do not "
		         "fit %s", shape_text(u->arena, g),
		         shape_text(u->arena, b), shape_text(u->arena, w));
		return false;
	}
	return infer_like(n, 0, SKETCH_W) && infer_like(n, 1, SKETCH_BINS);
}

static Expr *bind(Kernel *k, Expr *x)
{
	return k_get(k, k_var(k, x));
}

void sketch_begin(Kernel *k, const Value *was, const Value *is)
{
	int i = k_for(k, numel(was->shape));
	k_store_flat(k, is, k_at(i), k_load_flat(k, was, k_at(i)));
	k_end(k);
}

Expr *sketch_scalar(Kernel *k, const Node *n, int i)
{
	return bind(k, k_load_flat(k, n->in[i], k_const(0)));
}

/* ---- hashes ---- */

/* Odd multipliers and offsets, one pair for each table: digits of pi. */
static const double multiplier[2 * SKETCH_DEPTH] = {
	0x243f6a89u, 0x85a308d3u, 0x13198a2fu, 0x03707345u, 0xa4093823u,
	0x299f31d1u,
};
static const double offset[2 * SKETCH_DEPTH] = {
	0x082efa98u, 0xec4e6c89u, 0x452821e6u, 0x38d01377u, 0xbe5466cfu,
	0x34e90c6cu,
};

static Expr *word(Kernel *k, double x)
{
	return k_typed(k, DT_I64, x);
}

static Expr *low(Kernel *k, Expr *x)
{
	return bind(k, k_and(k, x, word(k, 0xffffffffu)));
}

static Expr *shifted(Kernel *k, Expr *h, int bits)
{
	return bind(k, k_xor(k, h, k_shr(k, h, word(k, bits))));
}

/* Other seeds begin elsewhere; with 0 at the offset itself. */
static double start_of(uint32_t seed, int which)
{
	return (uint32_t)offset[which] ^ (seed * UINT32_C(0x9e3779b1));
}

/* The finalizer of MurmurHash3 (Appleby), of row * multiplier + offset. */
static Expr *hash(Kernel *k, Expr *row, int which, uint32_t seed)
{
	Expr *h = k_mul(k, k_cast(k, DT_I64, row), word(k, multiplier[which]));
	h = low(k, k_add(k, h, word(k, start_of(seed, which))));
	h = low(k, k_mul(k, shifted(k, h, 16), word(k, 0x85ebca6bu)));
	h = low(k, k_mul(k, shifted(k, h, 13), word(k, 0xc2b2ae35u)));
	return shifted(k, h, 16);
}

/* The high word of hash * width: in [0, width), evenly. */
static Expr *bucket_of(Kernel *k, Expr *row, int j, int64_t width, uint32_t seed)
{
	Expr *at = k_mul(k, hash(k, row, j, seed), word(k, (double)width));
	return k_cast(k, DT_I32, k_shr(k, at, word(k, 32)));
}

SketchRow sketch_row(Kernel *k, const Node *n, Index t)
{
	const Value *rows = n->in[SKETCH_ROWS];
	Shape bins = n->in[SKETCH_BINS]->shape;
	int64_t width = bins.dim[1];
	SketchRow r = {
		.all = !rows, .number = t, .d = bins.dim[2],
		.seed = (uint32_t)attr_int(n, op_attr(n->op, "seed")),
	};
	Expr *row = bind(k, rows ? k_load_flat(k, rows, t) : k_index(k, t));
	if (rows)
		r.number = k_indirect(row->u.var);
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Expr *at = bucket_of(k, row, j, width, r.seed);
		if (rows)
			at = k_sel(k, k_ge(k, row, k_typed(k, DT_I32, 0)), at,
			           k_typed(k, DT_I32, -1));
		r.bucket[j] = k_var(k, at);
	}
	return r;
}

void sketch_signs(Kernel *k, const SketchRow *r, Expr *sign[SKETCH_DEPTH])
{
	Expr *row = bind(k, k_index(k, r->number));
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Expr *bit = k_and(k, hash(k, row, SKETCH_DEPTH + j, r->seed),
		                  word(k, 1));
		Expr *odd = k_eq(k, bit, word(k, 1));
		sign[j] = bind(k, k_sel(k, odd, k_num(k, 1), k_num(k, -1)));
	}
}

/* ---- tables ---- */

void sketch_bin(const SketchRow *r, int j, int column, Index at[3])
{
	at[0] = k_const(j);
	at[1] = k_indirect(r->bucket[j]);
	at[2] = k_at(column);
}

void sketch_bucket(const SketchRow *r, int j, Index at[2])
{
	at[0] = k_const(j);
	at[1] = k_indirect(r->bucket[j]);
}

/* Where all rows are, w may have its rows in more dimensions than one. */
static Index flat_element(const SketchRow *r, int column)
{
	return k_sum(k_scaled(r->number, r->d), k_at(column));
}

Expr *sketch_element(Kernel *k, const SketchRow *r, const Value *w, int column)
{
	Index at[2] = {r->number, k_at(column)};
	return bind(k, r->all ? k_load_flat(k, w, flat_element(r, column))
	                      : k_load_padded(k, w, at, 0));
}

void sketch_set_element(Kernel *k, const SketchRow *r, const Value *w,
                        int column, Expr *x)
{
	Index at[2] = {r->number, k_at(column)};
	if (r->all)
		k_store_flat(k, w, flat_element(r, column), x);
	else
		k_store_padded(k, w, at, x);
}

Expr *sketch_load(Kernel *k, const SketchRow *r, const Value *v,
                  const Index at[])
{
	return bind(k, r->all ? k_load_at(k, v, at)
	                      : k_load_padded(k, v, at, 0));
}

void sketch_store(Kernel *k, const SketchRow *r, const Value *v,
                  const Index at[], Expr *x)
{
	if (r->all)
		k_store_at(k, v, at, x);
	else
		k_store_padded(k, v, at, x);
}

bool sketch_takes_all(const Node *n)
{
	return !n->in[SKETCH_ROWS];
}

Expr *sketch_least(Kernel *k, Expr *const x[SKETCH_DEPTH])
{
	return bind(k, k_min(k, k_min(k, x[0], x[1]), x[2]));
}

Expr *sketch_median(Kernel *k, Expr *const x[SKETCH_DEPTH])
{
	Expr *low = bind(k, k_min(k, x[0], x[1]));
	Expr *high = bind(k, k_max(k, x[0], x[1]));
	return bind(k, k_max(k, low, k_min(k, high, x[2])));
}
