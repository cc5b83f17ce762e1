/* The nodes of a tiling: step by step, what each node of the region computes of
 * its result's new rows; see tile.c. */
#include "passes/tile.h"

#include "ir/op.h"

typedef struct Held {
	Value *v;             /* these rows of a value; NULL: none */
	Band rows;
} Held;

typedef struct Builder {
	const Tiling *t;
	Graph *g;
	Held *held;           /* by id of the value, of those there were */
} Builder;

/* ---- rows ---- */

/* Of what is held, `rows`. */
static Value *slice(Builder *b, Loc loc, const Held *from, const Value *of,
                    Band rows)
{
	Band in = {rows.first - from->rows.first, rows.end - from->rows.first};
	if (rows.first == from->rows.first && rows.end == from->rows.end)
		return from->v;
	Node *n = NEW(b->g, loc, op_Slice, from->v);
	band_slice(b->g, n, in);
	Value *y = node_done(b->g, n);
	value_serve(y, of);
	return y;
}

/* New rows, behind those that are held. */
static void hold(Builder *b, Loc loc, const Value *of, Value *fresh, Band rows)
{
	Held *h = &b->held[of->id];
	if (!h->v) {
		*h = (Held){fresh, rows};
		return;
	}
	Node *n = NEW(b->g, loc, op_Concat, h->v, fresh);
	node_set_int(b->g, n, "axis", BAND_AXIS);
	h->v = node_done(b->g, n);
	h->rows.end = rows.end;
	value_serve(h->v, of);
}

/* Rows that no step from `k` on reads are forgotten. */
static void forget(Builder *b, Loc loc, const Value *of, int k)
{
	Held *h = &b->held[of->id];
	int64_t keep = b->t->step[of->id][k].keep;
	if (!h->v || keep <= h->rows.first)
		return;
	if (keep >= h->rows.end) {
		*h = (Held){0};
		return;
	}
	Band rows = {keep, h->rows.end};
	*h = (Held){slice(b, loc, h, of, rows), rows};
}

/* ---- nodes ---- */

static bool is_inside(const Builder *b, const Value *v)
{
	return v->kind == V_RESULT && b->t->inside[v->def->id];
}

static Value *read_rows(Builder *b, const Node *n, Value *v, Band rows)
{
	Held whole = {v, {0, v->shape.dim[BAND_AXIS]}};
	return slice(b, n->loc, is_inside(b, v) ? &b->held[v->id] : &whole, v,
	             rows);
}

static Value *compute(Builder *b, const Node *n, Band fresh)
{
	Value **in = arena_array(b->t->scratch, Value *, n->nin);
	Band *rows = arena_array(b->t->scratch, Band, n->nin);
	node_band(n, fresh, rows);
	for (int i = 0; i < n->nin; i++)
		in[i] = band_is_empty(rows[i])
		        ? n->in[i] : read_rows(b, n, n->in[i], rows[i]);
	return node_make_band(b->g, n, fresh, in);
}

static void forget_inputs(Builder *b, const Node *n, int k)
{
	for (int i = 0; i < n->nin; i++) {
		const Value *v = n->in[i];
		if (v && b->t->step[v->id] && b->t->last[v->id] == n &&
		    is_inside(b, v))
			forget(b, n->loc, v, k + 1);
	}
}

/* The band in its place of the result, of which the first step makes the rest
 * zeros: they are written over. */
static Value *put(Builder *b, Value *result, Value *band, Band rows)
{
	const Value *to = b->t->to;
	Loc loc = to->def->loc;
	Node *n = result ? NEW(b->g, loc, op_UpdateSlice, result, band)
	                 : NEW(b->g, loc, op_SliceGrad, band);
	band_slice(b->g, n, rows);
	if (!result)
		node_set_ints(b->g, n, "shape", to->shape.rank, to->shape.dim);
	Value *y = node_done(b->g, n);
	value_serve(y, to);
	return y;
}

static Value *build_step(Builder *b, int k, Value *result)
{
	const Tiling *t = b->t;
	for (int i = 0; i < t->n; i++) {
		const Node *n = t->node[i];
		const Value *y = n->out[0];
		Band fresh = t->step[y->id][k].fresh;
		if (!band_is_empty(fresh)) {
			Value *band = compute(b, n, fresh);
			if (y == t->to)
				result = put(b, result, band, fresh);
			else
				hold(b, n->loc, y, band, fresh);
		}
		forget_inputs(b, n, k);
	}
	return result;
}

Value *tile_build(const Tiling *t)
{
	Builder b = {t, t->g, arena_array(t->scratch, Held, t->g->nvalues)};
	Value *result = NULL;
	t->g->at = t->to->def;
	for (int k = 0; k < t->nsteps; k++)
		result = build_step(&b, k, result);
	t->g->at = NULL;
	result->name = t->to->name;
	return result;
}
