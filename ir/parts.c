#include "ir/parts.h"

#include "ir/op.h"

#include <string.h>

/* ---- rules ---- */

bool parts_give(const Node *n, PartKind kind, PartKind out[])
{
	for (int o = 0; o < n->nout; o++)
		out[o] = kind;
	return true;
}

bool parts_are_first(const Node *n, const bool part[], int count)
{
	for (int i = 0; i < n->nin; i++)
		if (part[i] != (i < count))
			return false;
	return true;
}

bool parts_align(const Node *n, const bool part[], Shape whole)
{
	for (int i = 0; i < n->nin; i++) {
		if (!n->in[i])
			continue;
		Shape s = n->in[i]->shape;
		bool along = s.rank == whole.rank && s.rank > 0 &&
		             s.dim[0] == whole.dim[0] && s.dim[0] != 1;
		if (part[i] != along)
			return false;
	}
	return true;
}

bool parts_elementwise(const Node *n, const bool part[], PartKind out[])
{
	for (int o = 1; o < n->nout; o++)
		if (!shape_equal(n->out[o]->shape, n->out[0]->shape))
			return false;
	return parts_align(n, part, n->out[0]->shape) &&
	       parts_give(n, PART_ROWS, out);
}

bool parts_first(const Node *n, const bool part[], PartKind out[])
{
	return parts_are_first(n, part, 1) && parts_give(n, PART_ROWS, out);
}

bool parts_all(const Node *n, const bool part[], PartKind out[])
{
	return parts_are_first(n, part, n->nin) &&
	       parts_give(n, PART_ROWS, out);
}

bool parts_all_sum(const Node *n, const bool part[], PartKind out[])
{
	return parts_are_first(n, part, n->nin) && parts_give(n, PART_SUM, out);
}

/* ---- the question ---- */

/* Rows of bits must end where bytes do. */
static bool divides(const Value *v, int64_t parts)
{
	return v && v->shape.rank > 0 && v->shape.dim[0] > 0 &&
	       v->shape.dim[0] % parts == 0 &&
	       (v->dtype != DT_BIT || numel(v->shape) / parts % 8 == 0);
}

/* Outputs without the workspace, which belongs to the target. */
static int count_results(const Node *n)
{
	return n->nout - (node_workspace(n) != NULL);
}

static bool replaces_variable(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var)
			return true;
	return false;
}

const Value *node_sum_from(const Node *n, int o)
{
	int i = n->op->goes_on + o;
	return n->op->goes_on && i < n->nin ? n->in[i] : NULL;
}

void node_go_on(Graph *g, Node *n, Value *const from[])
{
	int nin = n->op->goes_on + count_results(n);
	Value **in = arena_array(g->unit->arena, Value *, nin);
	memcpy(in, n->in, sizeof *in * (size_t)n->nin);
	for (int o = 0; o < count_results(n); o++) {
		const Value *v = in[n->op->goes_on + o] = from[o];
		if (v && (v->dtype != n->out[o]->dtype ||
		          !shape_equal(v->shape, n->out[o]->shape)))
			BUG("%s '%s' cannot go on from %%%s", n->op->name,
			    n->loc.node, v->name);
	}
	n->in = in;
	n->nin = nin;
}

bool node_parts(const Node *node, const bool part[], int64_t parts,
                PartKind out[])
{
	Node n = *node;
	bool any = false;
	parts_give(&n, PART_WHOLE, out);
	n.nout = count_results(node);
	for (int i = 0; i < n.nin; i++) {
		if (part[i] && !divides(n.in[i], parts))
			return false;
		any |= part[i];
	}
	if (!any)
		return true;
	if (n.op->goes_on && n.nin > n.op->goes_on)
		return false;
	PartsRule *rule = n.op->parts ? n.op->parts
	                : n.op->scalar ? parts_elementwise : NULL;
	if (!rule || replaces_variable(&n) || !rule(&n, part, out))
		return false;
	for (int o = 0; o < n.nout; o++)
		if (out[o] == PART_ROWS && !divides(n.out[o], parts))
			return false;
	return true;
}

enum { MAX_CHOICES = 8 };

/* Inputs that are whole but have the first dimension of one in parts. */
static int find_choices(const Node *n, const bool part[], int choice[])
{
	int count = 0;
	int64_t dim = 0;
	for (int i = 0; i < n->nin && !dim; i++)
		if (part[i] && n->in[i]->shape.rank > 0)
			dim = n->in[i]->shape.dim[0];
	for (int i = 0; i < n->nin && count < MAX_CHOICES; i++)
		if (!part[i] && n->in[i] && n->in[i]->shape.rank > 0 &&
		    n->in[i]->shape.dim[0] == dim)
			choice[count++] = i;
	return count;
}

bool node_divide(const Node *n, bool part[], int64_t parts, PartKind out[])
{
	int choice[MAX_CHOICES], count = find_choices(n, part, choice);
	for (unsigned mask = 0; mask < 1u << count; mask++) {
		for (int c = 0; c < count; c++)
			part[choice[c]] = mask >> c & 1;
		if (node_parts(n, part, parts, out))
			return true;
	}
	for (int c = 0; c < count; c++)
		part[choice[c]] = false;
	return false;
}

/* ---- the node ---- */

/* An attribute `shape` that is that of the result is now that of its rows. */
static void divide_shape(Graph *g, Node *p, const Node *n, int64_t parts)
{
	int which = op_attr(n->op, "shape");
	const Shape y = n->out[0]->shape;
	if (which < 0 || n->attr[which].n != y.rank ||
	    n->attr[which].ints[0] != y.dim[0])
		return;
	int64_t dim[MAX_RANK];
	memcpy(dim, n->attr[which].ints, sizeof *dim * (size_t)y.rank);
	dim[0] /= parts;
	node_set_ints(g, p, "shape", y.rank, dim);
}

static Node *build(Graph *g, const Node *n, int nin, Value *const in[],
                   int64_t parts, bool rows)
{
	Node *p = node_new(g, n->loc, n->op, nin, in);
	node_copy_attrs(g, p, n);
	if (rows)
		divide_shape(g, p, n, parts);
	node_set_outputs(g, p, count_results(n));
	if (!node_done(g, p))
		BUG("%s '%s' has no part of %lld", n->op->name, n->loc.node,
		    (long long)parts);
	for (int o = 0; o < p->nout; o++)
		value_serve(p->out[o], n->out[o]);
	return p;
}

/* What stands for the values of the whole node. */
typedef struct Standin {
	const Value *whole;
	Value *part;
} Standin;

static Value *find(const Standin *list, int n, const Value *whole)
{
	while (n > 0)
		if (list[--n].whole == whole)
			return list[n].part;
	BUG("a fused node reads %%%s, which it does not compute", whole->name);
}

static int count_values(const Node *n)
{
	int count = n->nin;
	for (int b = 0; b < n->nbody; b++)
		count += n->body[b]->nout;
	return count;
}

/* A member's part, which is not in the graph's list. */
static Node *build_member(Graph *g, const Node *m, const Standin *list,
                          int count, int64_t parts, bool rows)
{
	Value **in = arena_array(g->unit->arena, Value *, m->nin);
	for (int i = 0; i < m->nin; i++)
		in[i] = m->in[i] ? find(list, count, m->in[i]) : NULL;
	Node *p = build(g, m, m->nin, in, parts, rows);
	graph_remove(g, p);
	return p;
}

/* All members have the node's shape: if that is in rows, so are they. */
static Node *build_fused(Graph *g, const Node *n, Value *const in[],
                         int64_t parts, bool rows)
{
	Arena *a = g->unit->arena;
	Standin *list = arena_array(a, Standin, count_values(n));
	int count = 0;
	for (int i = 0; i < n->nin; i++)
		list[count++] = (Standin){n->in[i], in[i]};
	Node *p = node_new(g, n->loc, n->op, n->nin, in);
	p->nbody = n->nbody;
	p->body = arena_array(a, Node *, n->nbody);
	for (int b = 0; b < n->nbody; b++) {
		const Node *m = n->body[b];
		Node *own = build_member(g, m, list, count, parts, rows);
		p->body[b] = own;
		for (int o = 0; o < m->nout; o++)
			list[count++] = (Standin){m->out[o], own->out[o]};
	}
	node_set_outputs(g, p, n->nout);
	node_done(g, p);
	for (int o = 0; o < n->nout; o++) {
		p->out[o] = find(list, count, n->out[o]);
		p->out[o]->def = p;
		value_serve(p->out[o], n->out[o]);
	}
	return p;
}

static void check_shapes(const Node *n, Value *const in[], const bool part[],
                         int64_t parts)
{
	for (int i = 0; i < n->nin; i++) {
		if (!n->in[i])
			continue;
		Shape want = n->in[i]->shape;
		if (part[i])
			want.dim[0] /= parts;
		if (!in[i] || in[i]->dtype != n->in[i]->dtype ||
		    !shape_equal(in[i]->shape, want))
			BUG("%s '%s': input %d is no part of %lld",
			    n->op->name, n->loc.node, i, (long long)parts);
	}
}

Node *node_part(Graph *g, const Node *n, Value *const in[], const bool part[],
                int64_t parts, Value *index)
{
	Arena *a = g->unit->arena;
	PartKind *kind = arena_array(a, PartKind, n->nout);
	if (!node_parts(n, part, parts, kind))
		BUG("%s '%s' cannot be divided", n->op->name, n->loc.node);
	check_shapes(n, in, part, parts);
	bool rows = kind[0] == PART_ROWS;
	if (n->op == &op_Fused)
		return build_fused(g, n, in, parts, rows);
	if (!n->op->wants_part || kind[0] == PART_WHOLE)
		return build(g, n, n->nin, in, parts, rows);
	Value **more = arena_array(a, Value *, n->nin + 1);
	memcpy(more, in, sizeof *in * (size_t)n->nin);
	more[n->nin] = index;
	return build(g, n, n->nin + 1, more, parts, rows);
}
