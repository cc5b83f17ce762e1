#include "passes/scan_node.h"

#include "ir/op.h"
#include "ir/scan.h"

#include <string.h>

/* By value id: the nodes of the run that read it. */
static int *count_reads(Arena *a, const Graph *g, const Run *r)
{
	int *reads = arena_array(a, int, g->nvalues);
	for (int i = 0; i < r->n; i++)
		for (int k = 0; k < r->node[i]->nin; k++)
			if (r->node[i]->in[k])
				reads[r->node[i]->in[k]->id]++;
	return reads;
}

/* Fills the Scan's outputs; returns the bytes that are smaller inside. */
static int64_t find_outputs(const Run *r, const int reads[], Value **out,
                            int *nout)
{
	int64_t inside = 0;
	*nout = 0;
	for (int i = 0; i < r->n; i++)
		for (int o = 0; o < r->node[i]->nout; o++) {
			Value *v = r->node[i]->out[o];
			if (v->memory == MEM_WORKSPACE ||
			    (!v->nuses && !v->var))
				continue;
			if (v->nuses > reads[v->id] || v->var)
				out[(*nout)++] = v;
			else if (!r->node[i]->op->view && r->rows[v->id])
				inside += value_bytes(v);
		}
	return inside;
}

/* What is read and not computed, each once. */
static int find_inputs(Arena *a, const Graph *g, const Run *r, Value **in)
{
	bool *known = arena_array(a, bool, g->nvalues);
	int nin = 0;
	for (int i = 0; i < r->n; i++) {
		const Node *n = r->node[i];
		for (int k = 0; k < n->nin; k++) {
			if (!n->in[k] || known[n->in[k]->id])
				continue;
			known[n->in[k]->id] = true;
			in[nin++] = n->in[k];
		}
		for (int o = 0; o < n->nout; o++)
			known[n->out[o]->id] = true;
	}
	return nin;
}

static int most_values(const Run *r, bool inputs)
{
	int n = 1;
	for (int i = 0; i < r->n; i++)
		n += inputs ? r->node[i]->nin : r->node[i]->nout;
	return n;
}

static Node *new_scan(Graph *g, const Run *r, int nin, Value **in, int nout,
                      Value **out)
{
	Arena *a = g->unit->arena;
	Node *n = node_new(g, r->node[r->n - 1]->loc, &op_Scan, nin, in);
	bool *in_part = arena_array(a, bool, nin + 1);
	int64_t *list = arena_array(a, int64_t, nin + 1);
	for (int i = 0; i < nin; i++)
		list[i] = in_part[i] = r->rows[in[i]->id];
	node_set_int(g, n, "parts", r->parts);
	node_set_ints(g, n, "in_parts", nin, list);
	n->id = g->nnodes++;
	n->nbody = r->n;
	n->body = arena_array(a, Node *, r->n);
	memcpy(n->body, r->node, sizeof(Node *) * (size_t)r->n);
	n->nout = nout;
	n->out = arena_array(a, Value *, nout + 1);
	memcpy(n->out, out, sizeof(Value *) * (size_t)nout);
	return scan_build(g, n, r->parts, in_part, r->in_order) ? n : NULL;
}

static Node *make_scan(Arena *scratch, Graph *g, const Run *r)
{
	enum { LEAST = 256 };   /* bytes; less is not worth a loop */
	Value **in = arena_array(scratch, Value *, most_values(r, true));
	Value **out = arena_array(scratch, Value *, most_values(r, false));
	int nout, nin = find_inputs(scratch, g, r, in);
	int64_t inside = find_outputs(r, count_reads(scratch, g, r), out, &nout);
	if (inside < LEAST || nout == 0)
		return NULL;
	Node *n = new_scan(g, r, nin, in, nout, out);
	for (int o = 0; n && o < nout; o++)
		out[o]->def = n;
	return n;
}

Node *scan_node(Graph *g, const Run *r)
{
	Arena *scratch = arena_create();
	Node *n = make_scan(scratch, g, r);
	arena_destroy(scratch);
	return n;
}
