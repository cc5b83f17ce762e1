/*
 * Bits instead of values. Of what it reads in the forward pass, the gradient of
 * Relu, and of what else is made of straight pieces, wants to know only on which
 * piece each element is: one bit (the "binarize" of Jain et al., "Gist: Efficient
 * Data Encoding for Deep Neural Network Training", 2018).
 *
 * Where nothing else of the backward pass reads the value, the bits are taken
 * where it is computed, and only they are kept. Where the gradients of weights
 * read it too, they are taken there: the value is gone before the gradient that
 * they mask is computed, which is as large. That pays if what those others
 * compute, and what then waits in memory instead, is smaller than the value.
 */
#include "ir/op.h"
#include "passes/pass.h"
#include "passes/readers.h"
#include "passes/train.h"

enum { DY, V, MIN_BYTES = 1024 };

typedef struct Mask {
	Graph *g;
	const Node *loss;   /* the backward pass follows it */
	bool *early;        /* by node id: up to the loss */
	Readers *readers;
	int64_t parts;      /* in which the batch runs */
} Mask;

static double number(const Node *n, const char *attr)
{
	return n->attr[op_attr(n->op, attr)].f;
}

static Value *compared(Graph *g, const Node *n, const OpDef *op, double x)
{
	Value *v = n->in[V];
	return graph_apply(g, n->loc, op, 2,
	                   (Value *[]){v, graph_scalar(g, v->dtype, x)});
}

/* ---- what each gradient asks, and what it does with the answer ---- */

static Value *is_positive(Graph *g, const Node *n)
{
	return compared(g, n, &op_Greater, 0);
}

static Value *is_in_bounds(Graph *g, const Node *n)
{
	Value *above = NULL, *below = NULL;
	if (n->attr[op_attr(n->op, "min")].set)
		above = compared(g, n, &op_GreaterOrEqual, number(n, "min"));
	if (n->attr[op_attr(n->op, "max")].set)
		below = compared(g, n, &op_LessOrEqual, number(n, "max"));
	return above && below ? APPLY(g, n->loc, op_And, above, below)
	     : above ? above : below;
}

static Value *is_in_unit(Graph *g, const Node *n)
{
	Value *above = compared(g, n, &op_Greater, 0);
	Value *below = compared(g, n, &op_Less, 1);
	return APPLY(g, n->loc, op_And, above, below);
}

static Value *dy(Graph *g, const Node *n)
{
	return n->in[DY];
}

static Value *scaled_dy(Graph *g, const Node *n)
{
	return APPLY(g, n->loc, op_Mul, n->in[DY],
	             graph_scalar(g, n->in[DY]->dtype, number(n, "alpha")));
}

static Value *zero(Graph *g, const Node *n)
{
	return graph_scalar(g, n->in[DY]->dtype, 0);
}

typedef Value *Part(Graph *, const Node *);

static const struct Rule {
	const OpDef *op;
	Part *question, *yes, *no;
} rules[] = {
	{&op_ReluGrad, is_positive, dy, zero},
	{&op_LeakyReluGrad, is_positive, dy, scaled_dy},
	{&op_ClipGrad, is_in_bounds, dy, zero},
	{&op_HardSigmoidGrad, is_in_unit, scaled_dy, zero},
};

static const struct Rule *rule_of(const Node *n)
{
	for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++)
		if (rules[r].op == n->op)
			return &rules[r];
	return NULL;
}

/* ---- where ---- */

/* Of a value of the forward pass, an element for each of dy's. In f32 and f64
 * only: with fewer bits, alpha dy is rounded where it becomes a value. */
static bool fits(const Mask *m, const Node *n)
{
	const Value *v = n->in[V];
	return v->kind == V_RESULT && m->early[v->def->id] &&
	       (v->dtype == DT_F32 || v->dtype == DT_F64) &&
	       v->dtype == n->in[DY]->dtype &&
	       shape_equal(v->shape, n->in[DY]->shape) &&
	       value_bytes(v) >= MIN_BYTES;
}

/* The first of the backward pass to read n's value, n too, if others than n do;
 * they add what they compute to `made`. */
static Node *first_reader(const Mask *m, Node *n, int64_t *made)
{
	const Value *root = value_viewed(n->in[V]);
	Node *first = NULL;
	FOR_READERS(m->readers, r, readers_of(m->readers, root)) {
		Node *o = r->node;
		if (o == n || o->op->view ||
		    !readers_precede(m->readers, m->loss, o))
			continue;
		for (int i = 0; i < o->nout; i++)
			*made += value_bytes(o->out[i]);
		first = !first || readers_precede(m->readers, o, first)
			? o : first;
	}
	return first && readers_precede(m->readers, n, first) ? n : first;
}

/* The node that the bits are to be taken before; NULL: they do not pay. */
static Node *place_for_bits(const Mask *m, Node *n)
{
	const Value *v = n->in[V];
	int64_t made = 0;
	Node *first = first_reader(m, n, &made);
	if (!first)
		return v->def->next;
	return made < value_bytes(v) ? first : NULL;
}

/* All that is new behind `from` and before `to`. */
static void note_new(const Mask *m, const Node *from, const Node *to)
{
	Node *n = from ? from->next : m->g->first;
	for (; n != to; n = n->next)
		readers_add(m->readers, m->g, n);
}

/* Bits of a part end where a byte does, or all of them are computed at once. */
static bool divides(const Mask *m, const Value *v)
{
	return m->parts < 2 || numel(v->shape) % (8 * m->parts) == 0;
}

static bool mask(Mask *m, Node *n, const struct Rule *rule)
{
	Graph *g = m->g;
	g->at = fits(m, n) && divides(m, n->in[V]) ? place_for_bits(m, n) : NULL;
	Node *place = g->at, *before = place ? place->prev : NULL;
	Value *answer = g->at ? rule->question(g, n) : NULL;
	if (answer) {
		Value *bits = APPLY(g, n->loc, op_PackBits, answer);
		note_new(m, before, place);
		before = n->prev;
		g->at = n;
		Value *yes = rule->yes(g, n), *no = rule->no(g, n);
		Value *dx = APPLY(g, n->loc, op_Where, bits, yes, no);
		value_serve(dx, n->out[0]);
		note_new(m, before, n);
		graph_replace(g, n->out[0], dx);
		readers_remove(m->readers, n);
		graph_remove(g, n);
	}
	g->at = NULL;
	return answer != NULL;
}

static bool run(Graph *g, const Options *o)
{
	Arena *scratch = arena_create();
	Mask m = {g, loss_node(g), arena_array(scratch, bool, g->nnodes),
	          readers_create(scratch, g), o->parts};
	bool changed = false;
	for (Node *n = m.loss ? g->first : NULL; n != NULL; n = n->next) {
		m.early[n->id] = true;
		if (n == m.loss)
			break;
	}
	for (Node *n = m.loss ? m.loss->next : NULL, *next; n; n = next) {
		next = n->next;
		const struct Rule *rule = rule_of(n);
		changed |= rule && mask(&m, n, rule);
	}
	arena_destroy(scratch);
	return changed;
}

const Pass pass_mask = {
	"mask", "keep a bit where the gradient needs no more",
	.needs = FACT_USES, .run = run,
};
