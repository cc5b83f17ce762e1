/*
 * ai.onnx.preview.training.Gradient: the gradient of y, a value of the graph, as
 * a function of xs and zs, at the values that the node's inputs are.
 *
 * Usually these are xs and zs themselves. Where one of xs is the result of a
 * node, a Copy behind that node takes its place, so that no rewrite can lose
 * it; and where other values are given, what y is computed from is copied to
 * read those.
 */
#include "frontend/import_rules.h"

#include <string.h>

typedef struct Differentiation {
	Site *s;
	int nxs, nzs;
	const char **xs, **zs;
} Differentiation;

static const char **names_of(const Site *s, const char *attr, int *n)
{
	const OnnxAttr *a = site_attr(s, attr);
	*n = a ? a->n : 0;
	return a ? a->strings : NULL;
}

static const char *name_at(const Differentiation *d, int i)
{
	return i < d->nxs ? d->xs[i] : d->zs[i - d->nxs];
}

/* The value that the attributes name; NULL: reported, or broken before. */
static Value *named(Differentiation *d, const char *text)
{
	Name *n = names_find(d->s->im->names, text);
	if (!n)
		site_error(d->s, "'%s' is no value of the graph", text);
	else if (n->producer >= d->s->n - d->s->im->m->node)
		site_error(d->s, "'%s' is produced later", text);
	return n ? n->value : NULL;
}

static bool check_counts(const Differentiation *d)
{
	if (!d->nxs || d->nxs + d->nzs != d->s->n->nin)
		site_error(d->s, "has %d inputs for %d names in xs and %d in zs",
		           d->s->n->nin, d->nxs, d->nzs);
	else if (d->s->n->nout > d->nxs)
		site_error(d->s, "has %d outputs for %d names in xs",
		           d->s->n->nout, d->nxs);
	else
		return true;
	return false;
}

/* ---- what y is a function of ---- */

static bool is_leaf(const Value *v)
{
	return v->kind == V_VARIABLE || v->kind == V_INPUT ||
	       (v->kind == V_RESULT && v->def->op == &op_Copy);
}

/* A Copy that everything behind v reads instead. */
static Value *leaf_behind(Import *im, Value *v)
{
	Graph *g = im->g;
	g->at = v->def->next;
	Value *copy = APPLY(g, v->def->loc, op_Copy, v);
	g->at = NULL;
	graph_replace(g, v, copy);
	copy->def->in[0] = v;
	return copy;
}

static bool depends(const Graph *g, const Value *on, const Value *v)
{
	Arena *scratch = arena_create();
	bool *marked = arena_array(scratch, bool, g->nvalues);
	marked[on->id] = true;
	for (const Node *n = g->first; n; n = n->next)
		for (int i = 0; i < n->nin; i++)
			if (n->in[i] && marked[n->in[i]->id])
				for (int o = 0; o < n->nout; o++)
					marked[n->out[o]->id] = true;
	bool found = marked[v->id];
	arena_destroy(scratch);
	return found;
}

/* "Variables that can be generated from inputs cannot be included." */
static bool check_independent(Differentiation *d, Value *const x[])
{
	for (int i = 0; i < d->nxs + d->nzs; i++)
		for (int j = 0; j < d->nxs + d->nzs; j++)
			if (i != j && x[i] != x[j] && x[j]->kind == V_RESULT &&
			    depends(d->s->im->g, x[i], x[j])) {
				site_error(d->s, "'%s' is computed from '%s': "
				           "xs and zs must be independent",
				           name_at(d, j), name_at(d, i));
				return false;
			}
	return true;
}

static bool find_leaves(Differentiation *d, Value *x[])
{
	Import *im = d->s->im;
	for (int i = 0; i < d->nxs + d->nzs; i++)
		if (!(x[i] = named(d, name_at(d, i))))
			return false;
	if (!check_independent(d, x))
		return false;
	for (int i = 0; i < d->nxs; i++) {
		if (x[i]->kind == V_CONST || !dtype_is_float(x[i]->dtype)) {
			site_error(d->s, "'%s' is %s, so nothing can be "
			           "differentiated by it", d->xs[i],
			           x[i]->kind == V_CONST ? "constant"
			           : dtype_name(x[i]->dtype));
			return false;
		}
		if (is_leaf(x[i]))
			continue;
		x[i] = leaf_behind(im, x[i]);
		names_find(im->names, d->xs[i])->value = x[i];
	}
	return true;
}

/* ---- at other values ---- */

static Value *copy_node(Graph *g, const Node *n, Value *const in[],
                        Value **map)
{
	Node *copy = node_new(g, n->loc, n->op, n->nin, in);
	node_copy_attrs(g, copy, n);
	node_set_outputs(g, copy, n->nout);
	if (!node_done(g, copy))
		return NULL;
	for (int o = 0; o < n->nout; o++)
		map[n->out[o]->id] = copy->out[o];
	return copy->out[0];
}

/* y as it would be if map[] were there instead; values by id, NULL: as it is. */
static Value *evaluate_at(Graph *g, const Value *y, Value **map)
{
	const Node *last = g->last;
	for (const Node *n = g->first; n; n = n == last ? NULL : n->next) {
		Value **in = arena_array(g->unit->arena, Value *, n->nin);
		bool other = false;
		for (int i = 0; i < n->nin; i++) {
			in[i] = n->in[i] && map[n->in[i]->id]
			        ? map[n->in[i]->id] : n->in[i];
			other |= in[i] != n->in[i];
		}
		if (other && !copy_node(g, n, in, map))
			return NULL;
	}
	return map[y->id];
}

/* Leaves of their own for the values that are given; y of those. */
static Value *move_point(Differentiation *d, Value *y, Value *x[])
{
	Graph *g = d->s->im->g;
	Value **map = arena_array(g->unit->arena, Value *, g->nvalues);
	bool other = false;
	for (int i = 0; i < d->nxs + d->nzs; i++) {
		Value *given = site_in(d->s, i);
		if (!given || !shape_equal(given->shape, x[i]->shape)) {
			site_error(d->s, "input %d is not of the shape of '%s'",
			           i, name_at(d, i));
			return NULL;
		}
		if (!strcmp(d->s->n->in[i], name_at(d, i)))
			continue;
		other = true;
		given = site_cast(d->s, given, x[i]->dtype);
		x[i] = map[x[i]->id] =
			i < d->nxs ? APPLY(g, d->s->loc, op_Copy, given) : given;
	}
	if (!other)
		return y;
	Value *moved = evaluate_at(g, y, map);
	return moved ? moved : y;
}

/* ---- the node ---- */

static bool emit(Differentiation *d, Value *y, Value *const x[])
{
	Site *s = d->s;
	Graph *g = s->im->g;
	Value **in = arena_array(g->unit->arena, Value *, d->nxs + 1);
	int *to = arena_array(g->unit->arena, int, d->nxs + 1), n = 0;
	in[0] = y;
	for (int o = 0; o < s->n->nout; o++)
		if (*s->n->out[o]) {
			to[n] = o;
			in[++n] = x[o];
		}
	Node *node = node_new(g, s->loc, &op_Gradient, n + 1, in);
	node_set_outputs(g, node, n);
	if (!node_done(g, node))
		return false;
	for (int i = 0; i < n; i++)
		s->out[to[i]] = node->out[i];
	return true;
}

bool convert_gradient(Site *s)
{
	Differentiation d = {.s = s};
	d.xs = names_of(s, "xs", &d.nxs);
	d.zs = names_of(s, "zs", &d.nzs);
	if (!check_counts(&d))
		return false;
	const char *target = site_string(s, "y", "");
	Value **x = arena_array(s->im->u->arena, Value *, s->n->nin);
	if (!named(&d, target) || !find_leaves(&d, x))
		return false;
	Value *y = names_find(s->im->names, target)->value;
	if (!dtype_is_float(y->dtype)) {
		site_error(s, "y, '%s', is %s", target, dtype_name(y->dtype));
		return false;
	}
	y = move_point(&d, y, x);
	return y && emit(&d, y, x);
}
