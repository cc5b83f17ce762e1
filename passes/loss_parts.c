/*
 * The loss in parts of its rows. A model of many classes has nothing larger than
 * its logits, one line of them for each word of each example, and their gradient;
 * but a row of either is only wanted until the next. So the product that makes
 * them, the loss, its gradient and the products of that become members of a Scan
 * over the rows: of what has the logits' size there is then never more than a
 * part (as in Liger's fused linear cross-entropy; Hsu et al., 2024). Nothing is
 * computed twice. What is summed over rows, the gradient of the weights, is
 * summed part by part, which is another order of the same sum.
 *
 * Unless the weights are larger than the logits: their gradient would be whole
 * while the loop runs. Then the products of the gradient come behind it, and
 * read that whole; it may lie over a target of its size. Of the two and the
 * logits there are then never more than one and parts, and the sums keep their
 * order.
 *
 * Wide is what has the size of the logits. Members are the nodes that compute or
 * read what is wide, up to the product that it comes from.
 */
#include "ir/op.h"
#include "ir/parts.h"
#include "passes/pass.h"
#include "passes/scan.h"
#include "passes/train.h"

typedef struct Head {
	Graph *g;
	Arena *scratch;
	int64_t parts;
	Shape shape;          /* [rows,classes] */
	bool *wide, *rows;    /* by value id: rows: is given in parts */
	bool *member;         /* by node id */
	bool product;         /* one was found, */
	bool apart;           /*   and those of the gradient are no members */
} Head;

/* ---- where it begins ---- */

/* What the loss is of, of which there is most. */
static Value *largest_input(const Node *loss)
{
	Value *most = NULL;
	for (int i = 0; i < loss->nin; i++)
		if (loss->in[i] && loss->in[i]->kind == V_RESULT &&
		    (!most || value_bytes(loss->in[i]) > value_bytes(most)))
			most = loss->in[i];
	return most;
}

/* A mean is a quotient of what is added up. */
static const Value *largest_of_loss(const Node *loss)
{
	const Value *most = largest_input(loss);
	while (most && most->def && numel(most->shape) == 1)
		most = largest_input(most->def);
	return most;
}

static const Value *last_wide(const Graph *g, const Options *o)
{
	const Node *loss = loss_node(g);
	const Output *out = loss ? NULL : find_loss_output(g, &o->loss);
	return loss ? largest_of_loss(loss)
	            : out ? value_viewed(out->value) : NULL;
}

static bool is_product(const Head *h, const Node *n)
{
	return (n->op == &op_MatMul || n->op == &op_Gemm) &&
	       n->in[0]->shape.rank == 2 &&
	       n->in[0]->shape.dim[0] == h->shape.dim[0] &&
	       !attr_int(n, op_attr(n->op, "transA"));
}

/* Is it computed from what has its own shape, or by a product? */
static bool leads_up(const Head *h, const Node *n)
{
	bool found = n && is_product(h, n);
	for (int i = 0; n && i < n->nin; i++)
		found |= n->in[i] && shape_equal(n->in[i]->shape, h->shape);
	return found;
}

static void mark_inputs(Head *h, const Node *n)
{
	for (int i = 0; i < n->nin; i++) {
		const Value *v = n->in[i];
		if (!v || !shape_equal(v->shape, h->shape))
			continue;
		h->rows[v->id] = true;
		h->wide[v->id] = leads_up(h, v->def);
	}
}

/* From the loss back to the product. */
static void find_forward(Head *h)
{
	for (const Node *n = h->g->last; n; n = n->prev) {
		if (!n->nout || !h->wide[n->out[0]->id])
			continue;
		h->member[n->id] = true;
		if (!is_product(h, n)) {
			mark_inputs(h, n);
			continue;
		}
		h->rows[n->in[0]->id] = h->product = true;
		h->apart |= value_bytes(n->in[1]) > value_bytes(n->out[0]);
	}
}

/* ---- where it ends ---- */

static bool reads_wide(const Head *h, const Node *n)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && h->wide[n->in[i]->id])
			return true;
	return false;
}

/* The caller gets it whole, in another shape. */
static bool only_shows(const Node *n)
{
	return n->op->view && n->out[0]->nuses == 1;
}

static bool is_output(const Graph *g, const Value *v)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == v)
			return true;
	return false;
}

static bool divide(Head *h, const Node *n, bool part[], PartKind kind[])
{
	for (int i = 0; i < n->nin; i++)
		part[i] = n->in[i] && h->rows[n->in[i]->id];
	return node_divide(n, part, h->parts, kind);
}

/* False: it reads what is wide, and cannot be divided. */
static bool take(Head *h, const Node *n)
{
	bool *part = arena_array(h->scratch, bool, n->nin + 1);
	PartKind *kind = arena_array(h->scratch, PartKind, n->nout + 1);
	if (!divide(h, n, part, kind))
		return only_shows(n) && is_output(h->g, n->out[0]);
	h->member[n->id] = true;
	for (int i = 0; i < n->nin; i++)
		if (part[i])
			h->rows[n->in[i]->id] = true;
	for (int o = 0; o < n->nout; o++) {
		const Value *v = n->out[o];
		h->rows[v->id] = kind[o] == PART_ROWS;
		h->wide[v->id] = kind[o] == PART_ROWS &&
		                 shape_equal(v->shape, h->shape);
	}
	return true;
}

/* What one member reads in parts, does every other so? */
static bool agree(const Head *h)
{
	for (const Node *n = h->g->first; n; n = n->next) {
		bool *part = arena_array(h->scratch, bool, n->nin + 1);
		PartKind *kind = arena_array(h->scratch, PartKind,
		                             n->nout + 1);
		for (int i = 0; i < n->nin; i++)
			part[i] = n->in[i] && h->rows[n->in[i]->id];
		if (h->member[n->id] &&
		    !node_parts(n, part, h->parts, kind))
			return false;
	}
	return true;
}

static bool is_member(const Head *h, const Node *n)
{
	return n && h->member[n->id];
}

/* Does nothing come between them? A member reads what is there before all of
 * them, or another's result row by row. */
static bool stand_together(const Head *h)
{
	bool *behind = arena_array(h->scratch, bool, h->g->nvalues);
	for (const Node *n = h->g->first; n; n = n->next) {
		bool member = is_member(h, n), late = false;
		for (int i = 0; i < n->nin; i++)
			late |= n->in[i] &&
				(behind[n->in[i]->id] ||
			         (!member && is_member(h, n->in[i]->def)));
		if (member && late)
			return false;
		for (int o = 0; o < n->nout; o++)
			behind[n->out[o]->id] =
				late || (member && !h->rows[n->out[o]->id]);
	}
	return true;
}

static bool stays_out(const Head *h, const Node *n)
{
	return h->apart && (n->op == &op_MatMul || n->op == &op_Gemm);
}

static bool find_members(Head *h)
{
	find_forward(h);
	if (!h->product)
		return false;
	for (const Node *n = h->g->first; n; n = n->next)
		if ((h->member[n->id] ||
		     (reads_wide(h, n) && !stays_out(h, n))) && !take(h, n))
			return false;
	return agree(h) && stand_together(h);
}

/* ---- the pass ---- */

/* False: the rows are not to be divided, or cannot. */
static bool open_head(Head *h, Graph *g, const Options *o, Arena *scratch)
{
	const Value *wide = o->loss_parts > 1 && o->parts < 2
		? last_wide(g, o) : NULL;
	*h = (Head){
		.g = g, .scratch = scratch, .parts = o->loss_parts,
		.wide = arena_array(scratch, bool, g->nvalues),
		.rows = arena_array(scratch, bool, g->nvalues),
		.member = arena_array(scratch, bool, g->nnodes),
	};
	if (!wide || wide->shape.rank != 2 || wide->shape.dim[0] % h->parts)
		return false;
	h->shape = wide->shape;
	h->wide[wide->id] = leads_up(h, wide->def);
	return true;
}

bool *loss_head(Arena *a, Graph *g, const Options *o)
{
	Head h;
	if (open_head(&h, g, o, a))
		find_forward(&h);
	return h.member;
}

static bool run(Graph *g, const Options *o)
{
	Arena *scratch = arena_create();
	Head h;
	bool changed = open_head(&h, g, o, scratch) && find_members(&h) &&
	               scan_members(g, h.parts, h.member, h.rows);
	arena_destroy(scratch);
	return changed;
}

const Pass pass_loss_parts = {
	"loss-parts", "compute the loss one part of its rows after the other",
	.needs = FACT_USES, .run = run,
};
