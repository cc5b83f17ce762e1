/*
 * Transposes that cancel across other nodes. Frameworks export attention with
 * the sequence first: [B,S,D] is transposed to [S,B,D], projected row by row,
 * cut, split into heads and transposed again. A Transpose of leading axes
 * changes places with a node that works row by row, only in which order the
 * rows come, so no element's arithmetic changes:
 *
 *   sink    f(T(x)) = T(f(x)), down to the next Transposes
 *   hoist   T(Reshape(f(Reshape(T'(x))))), f on rows of a matrix: T goes up
 *   join    Concat(T(x), T(y), ..) = T(Concat(x, y, ..)) along another axis
 *   merge   T(Reshape(T'(x))) = Reshape(T"(Reshape(x))), where both shapes
 *           are products of runs of the same factors: then T' only permutes
 *           these, and so does T
 *   lift, absorb   at the data and at the loss: see sink_ends.c
 *
 * sink and hoist are done only where every path ends in one of the last three.
 * What this gains is the batch as the first dimension all the way, and a
 * Transpose less, or one of data.
 */
#include "passes/pass.h"
#include "passes/sink_ends.h"
#include "passes/sink_rows.h"

static bool is_output(const Graph *g, const Value *v)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == v)
			return true;
	return v->var != NULL;
}

static Value *reshaped(Graph *g, Loc loc, Value *x, Shape to)
{
	if (shape_equal(x->shape, to))
		return x;
	Node *r = node_new(g, loc, &op_Reshape, 1, &x);
	node_set_ints(g, r, "shape", to.rank, to.dim);
	return node_done(g, r);
}

/* The node with another input i. */
static Node *copy_with(Graph *g, const Node *n, int i, Value *x)
{
	Node *f = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, f, n);
	f->in[i] = x;
	return f;
}

static Value *apply_to(Graph *g, const Node *n, int i, Value *x)
{
	return node_done(g, copy_with(g, n, i, x));
}

/* ---- merge ---- */

/* The factors that two shapes of as many elements have in common, and of which
 * axis of each they are; axes of length 1 have none. */
typedef struct Factors {
	int n;
	int64_t dim[MAX_RANK];
	int of[2][MAX_RANK];
} Factors;

static bool factor(Shape a, Shape b, Factors *f)
{
	int i = 0, j = 0;
	f->n = 0;
	while (i < a.rank && j < b.rank) {
		int64_t d = a.dim[i] < b.dim[j] ? a.dim[i] : b.dim[j];
		if (d < 1 || a.dim[i] % d || b.dim[j] % d)
			return false;
		if (d > 1 && f->n == MAX_RANK)
			return false;
		if (d > 1) {
			f->dim[f->n] = d;
			f->of[0][f->n] = i;
			f->of[1][f->n++] = j;
		}
		a.dim[i] /= d;
		b.dim[j] /= d;
		bool next = a.dim[i] == 1, other = b.dim[j] == 1;
		i += next;
		j += other;
	}
	return f->n > 0;
}

/* The factors in the order of the axes that perm lists, in shape `side`. */
static int ordered(const Factors *f, int side, int rank, const int64_t *perm,
                   int order[MAX_RANK])
{
	int n = 0;
	for (int a = 0; a < rank; a++)
		for (int k = 0; k < f->n; k++)
			if (f->of[side][k] == perm[a])
				order[n++] = k;
	return n;
}

static const Node *behind_reshapes(const Value *v)
{
	const Node *n = v->def;
	while (n && n->op == &op_Reshape)
		n = n->in[0]->def;
	return n;
}

/* Can a Transpose of x, read as that shape, be merged with one before? */
static bool merges(const Value *x, Shape as)
{
	const Node *before = behind_reshapes(x);
	Factors f;
	return sink_perm(before) && factor(before->out[0]->shape, as, &f);
}

static Value *merge(Graph *g, Node *n)
{
	const int64_t *perm = sink_perm(n);
	if (!perm || !merges(n->in[0], n->in[0]->shape))
		return NULL;
	const Node *before = behind_reshapes(n->in[0]);
	Shape a = before->out[0]->shape, b = n->in[0]->shape;
	Factors f;
	factor(a, b, &f);
	int64_t inverse[MAX_RANK], both[MAX_RANK];
	for (int i = 0; i < a.rank; i++)
		inverse[sink_perm(before)[i]] = i;
	int from[MAX_RANK], to[MAX_RANK], place[MAX_RANK];
	ordered(&f, 0, a.rank, inverse, from);
	ordered(&f, 1, b.rank, perm, to);
	Shape split = {.rank = f.n};
	for (int i = 0; i < f.n; i++) {
		split.dim[i] = f.dim[from[i]];
		place[from[i]] = i;
	}
	for (int i = 0; i < f.n; i++)
		both[i] = place[to[i]];
	Value *x = reshaped(g, n->loc, before->in[0], split);
	return reshaped(g, n->loc, sink_transposed(g, n->loc, x, both),
	                n->out[0]->shape);
}

/* ---- sink ---- */

static bool only_transposes_read(const Graph *g, const Value *v)
{
	int readers = 0;
	for (const Node *n = g->first; n; n = n->next)
		readers += sink_perm(n) && n->in[0] == v;
	return readers > 0 && readers == v->nuses;
}

static bool drains(const Graph *g, const Value *v, int k);

static bool reader_drains(const Graph *g, const Node *n, int i, int k)
{
	Factors f;
	if (sink_perm(n))
		return factor(n->in[0]->shape, n->in[0]->shape, &f);
	if (n->op == &op_Reshape)
		return factor(n->in[0]->shape, n->out[0]->shape, &f) &&
		       only_transposes_read(g, n->out[0]);
	return sink_absorbs(n, i, k) ||
	       (sink_row_wise(n, i, k) && drains(g, n->out[0], k));
}

/* Does every path from v, of which k leading axes are permuted, come to a
 * Transpose that takes the permutation in? */
static bool drains(const Graph *g, const Value *v, int k)
{
	bool read = false;
	for (const Node *n = g->first; n; n = n->next)
		for (int i = 0; i < n->nin; i++) {
			if (n->in[i] != v)
				continue;
			if (!reader_drains(g, n, i, k))
				return false;
			read = true;
		}
	return read && !is_output(g, v);
}

/* What comes behind a Dropout may be hoisted to it: there it costs the same. */
static bool passes(const Node *n, int i, int k)
{
	return sink_drops_across(n, i, k) && n->in[i]->nuses == 1;
}

static Value *sink(Graph *g, Node *n)
{
	for (int i = 0; i < n->nin; i++) {
		const Node *t = n->in[i] ? n->in[i]->def : NULL;
		int k = sink_leading(t);
		if (!k || !sink_row_wise(n, i, k) ||
		    !(drains(g, n->out[0], k) || passes(n, i, k)))
			continue;
		Node *f = copy_with(g, n, i, t->in[0]);
		if (sink_drops_across(n, i, k))
			node_set_int(g, f, "across", t->in[0]->shape.dim[0]);
		for (int j = 0; j < n->nin; j++)
			if (n->in[j] && j != i && sink_goes_along(n, i, j, k))
				f->in[j] = sink_taken_along(g, n, j, t);
		return sink_transposed(g, n->loc, node_done(g, f), sink_perm(t));
	}
	return NULL;
}

/* ---- join ---- */

/* Are all inputs transposed alike, and for the Concat alone? Then how many
 * leading axes; else 0. */
static int all_leading(const Node *n)
{
	int k = n->in[0] ? sink_leading(n->in[0]->def) : 0;
	for (int i = 0; i < n->nin && k; i++) {
		const Node *t = n->in[i]->def;
		if (sink_leading(t) != k || n->in[i]->nuses != 1)
			return 0;
		for (int a = 0; a < k; a++)
			if (sink_perm(t)[a] != sink_perm(n->in[0]->def)[a])
				return 0;
	}
	return k;
}

static Value *join(Graph *g, Node *n)
{
	int k = n->op == &op_Concat ? all_leading(n) : 0;
	int64_t axis = k ? n->attr[op_attr(n->op, "axis")].i : -1;
	if (axis < 0)
		axis += n->out[0]->shape.rank;
	if (!k || axis < k)
		return NULL;
	const int64_t *perm = sink_perm(n->in[0]->def);
	Node *c = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, c, n);
	for (int i = 0; i < n->nin; i++)
		c->in[i] = n->in[i]->def->in[0];
	return sink_transposed(g, n->loc, node_done(g, c), perm);
}

/* ---- hoist ---- */

/* The same leading axes, with the last of another value. */
static Shape with_last(Shape s, const Value *v)
{
	s.dim[s.rank - 1] = v->shape.dim[v->shape.rank - 1];
	return s;
}

static bool springs_from_data(const Value *x, Shape as)
{
	while (x->def && x->def->op == &op_Reshape && !shape_equal(x->shape, as))
		x = x->def->in[0];
	return shape_equal(x->shape, as) && sink_rises(x, as.rank - 1);
}

/* The input of v's node along whose rows it works, up to a Transpose with
 * which one of v, read as `as`, merges, or to data; -1: there is none. */
static int spring(const Value *v, Shape as)
{
	const Node *n = v->def;
	if (!n || v->nuses != 1)
		return -1;
	for (int i = 0; i < n->nin; i++) {
		if (!sink_row_wise(n, i, 1))
			continue;
		const Value *x = n->in[i];
		Shape s = with_last(as, x);
		if (merges(x, s) || springs_from_data(x, s) ||
		    spring(x, s) >= 0)
			return i;
	}
	return -1;
}

/* Is v, a matrix, read as that shape, computed row by row from what a Transpose
 * of leading axes gives? */
static bool springs(const Value *v, Shape as)
{
	return v->shape.rank == 2 && shape_equal(with_last(as, v), as) &&
	       spring(v, as) >= 0;
}

static Value *hoist(Graph *g, Node *n)
{
	const Node *r = sink_leading(n) ? n->in[0]->def : NULL;
	if (!r || r->op != &op_Reshape || r->out[0]->nuses != 1)
		return NULL;
	Value *v = r->in[0];
	Shape as = r->out[0]->shape;
	if (!springs(v, as))
		return NULL;
	int i = spring(v, as);
	Value *x = v->def->in[i];
	Shape matrix = x->shape;
	x = reshaped(g, n->loc, x, with_last(as, x));
	x = sink_transposed(g, n->loc, x, sink_perm(n));
	x = reshaped(g, n->loc, x, matrix);
	return reshaped(g, n->loc, apply_to(g, v->def, i, x), n->out[0]->shape);
}

/* ---- the pass ---- */

/* Counts who reads what, and only who is read: a dead reader would hold back
 * the next rule. */
static void settle(Graph *g, const Options *o)
{
	g->facts &= ~(unsigned)FACT_USES;
	graph_have(g, FACT_USES);
	pass_dce.run(g, o);
}

/* Then the Transpose of the logits goes up. */
static Value *turn_loss(Graph *g, Node *n)
{
	const Value *x = n->in[0];
	bool up = sink_may_turn_loss(n) && springs(x->def->in[0], x->shape);
	return up ? sink_turn_loss(g, n) : NULL;
}

static bool rewrite(Graph *g, Node *n)
{
	if (!n->nin || !n->in[0] || n->out[0]->var)
		return false;
	g->at = n;
	Value *v = merge(g, n);
	v = v ? v : sink(g, n);
	v = v ? v : hoist(g, n);
	v = v ? v : join(g, n);
	v = v ? v : sink_lift(g, n);
	v = v ? v : sink_absorb(g, n);
	v = v ? v : turn_loss(g, n);
	g->at = NULL;
	if (!v)
		return false;
	graph_replace(g, n->out[0], v);
	graph_remove(g, n);
	return true;
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	settle(g, o);
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (!rewrite(g, n))
			continue;
		changed = true;
		settle(g, o);
		next = g->first;   /* what is behind may apply before */
	}
	return changed;
}

const Pass pass_sink = {
	"sink", "merge transposes across what works row by row", .run = run,
};
