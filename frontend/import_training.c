/*
 * A file that says itself how it is trained (TrainingInfoProto).
 *
 * The initialization graph has no inputs, so it is evaluated at once, and what
 * it binds becomes the contents of the initializers. The algorithm is read as
 * the rest of the inference graph: see onnx_join(). What update_binding names is
 * a variable; the y of a Gradient is the loss.
 */
#include "frontend/import.h"

#include <string.h>

/* ---- initialization ---- */

/* The initializers of both graphs, by name. */
typedef struct Contents {
	Unit *u;
	OnnxModel *part[2];
	Names *names[2];
} Contents;

static Names *index_of(Unit *u, const OnnxModel *m)
{
	Names *names = names_create(u->arena, (size_t)m->ninits);
	for (int i = 0; i < m->ninits; i++)
		names_add(names, m->init[i].name)->init = i;
	return names;
}

static OnnxTensor *find_init(const Contents *c, const char *name)
{
	for (int p = 0; p < 2; p++) {
		const Name *n = names_find(c->names[p], name);
		if (n)
			return &c->part[p]->init[n->init];
	}
	return NULL;
}

static void set_first(const Contents *c, const OnnxBinding *b, const Import *im)
{
	Unit *u = c->u;
	Loc loc = {.node = b->init};
	OnnxTensor *init = find_init(c, b->init);
	const Name *n = names_find(im->names, b->value);
	const Value *v = n ? n->value : NULL;
	if (!init)
		error_at(u, loc, "initialization_binding names it, but it is no "
		         "initializer");
	else if (!n)
		error_at(u, loc, "initialization_binding takes it from '%s', "
		         "which the initialization does not compute", b->value);
	else if (v && v->kind != V_CONST)
		error_at(u, loc, "'%s', its first value, is not constant",
		         b->value);
	else if (v && (v->dtype != init->dtype ||
	               !shape_equal(v->shape, init->shape)))
		error_at(u, loc, "is %s%s, its first value, '%s', is %s%s",
		         dtype_name(init->dtype),
		         shape_text(u->arena, init->shape), b->value,
		         dtype_name(v->dtype), shape_text(u->arena, v->shape));
	else if (v)
		init->data = v->data;
}

/* Everything is live that a binding takes. */
static OnnxModel *with_outputs(Unit *u, const OnnxTraining *t)
{
	OnnxModel *m = arena_new(u->arena, OnnxModel);
	*m = *t->initialization;
	m->noutputs = t->nfirst;
	m->output = arena_array(u->arena, OnnxPort, t->nfirst);
	for (int i = 0; i < t->nfirst; i++)
		m->output[i] = (OnnxPort){.name = t->first[i].value, .rank = -1};
	onnx_own(m);
	return m;
}

static void initialize(Unit *u, OnnxModel *m, const OnnxTraining *t)
{
	static const Options none;
	OnnxModel *first = with_outputs(u, t);
	Import im = {.u = u, .opt = &none, .m = first, .initializing = true};
	if (first->ninputs)
		error_at(u, (Loc){0}, "the training's initialization has inputs");
	import_nodes(&im, "initialization");
	Contents c = {u, {m, t->algorithm},
	              {index_of(u, m), index_of(u, t->algorithm)}};
	for (int i = 0; i < t->nfirst; i++)
		set_first(&c, &t->first[i], &im);
}

bool import_initialization(Unit *u, OnnxModel *m)
{
	int before = u->nerrors;
	for (int i = 0; i < m->ntrainings; i++)
		if (m->training[i].nfirst)
			initialize(u, m, &m->training[i]);
	return u->nerrors == before;
}

/* ---- what the step gives ---- */

static bool is_number(const Name *n)
{
	return n && n->value && dtype_is_float(n->value->dtype) &&
	       numel(n->value->shape) == 1;
}

/* What the last Gradient is of (those before may be parts of that loss); or a
 * number that the algorithm gives out and binds to nothing. */
static Name *find_loss(Import *im)
{
	const OnnxModel *m = im->m;
	for (int i = m->nnodes - 1; i >= 0; i--) {
		if (!im->live[i] || !import_is_gradient(&m->node[i]))
			continue;
		Name *n = names_find(im->names, import_gradient_of(&m->node[i]));
		if (is_number(n))
			return n;
	}
	for (int i = m->own.outputs; i < m->noutputs; i++) {
		Name *n = names_find(im->names, m->output[i].name);
		if (is_number(n) && !(n->uses & USE_STATE))
			return n;
	}
	return NULL;
}

static void output_update(Import *im, const OnnxBinding *b)
{
	Loc loc = {.node = b->init};
	Name *var = names_find(im->names, b->init);
	const Name *n = names_find(im->names, b->value);
	if (!var || var->init < 0)
		error_at(im->u, loc, "update_binding names it, but it is no "
		         "initializer");
	if (!n)
		error_at(im->u, loc, "update_binding takes it from '%s', which "
		         "nothing computes", b->value);
	if (!var || !var->value || !n || !n->value)
		return;
	if (var->updated)
		error_at(im->u, loc, "update_binding names it twice");
	var->updated = true;
	const Value *old = var->value, *v = n->value;
	if (old->dtype == v->dtype && shape_equal(old->shape, v->shape))
		graph_output(im->g, b->init, OUT_UPDATE, n->value);
	else
		error_at(im->u, loc, "is %s%s, its update, '%s', is %s%s",
		         dtype_name(old->dtype),
		         shape_text(im->u->arena, old->shape), b->value,
		         dtype_name(v->dtype),
		         shape_text(im->u->arena, v->shape));
}

void import_step(Import *im)
{
	const OnnxTraining *t = im->m->joined;
	if (!t)
		return;
	Name *loss = find_loss(im);
	if (loss)
		graph_output(im->g, loss->text, OUT_LOSS, loss->value);
	else
		error_at(im->u, (Loc){0}, "the training algorithm has no loss: "
		         "neither a Gradient of one number nor one number among "
		         "its outputs");
	if (!t->nupdates)
		error_at(im->u, (Loc){0}, "the training algorithm updates "
		         "nothing: its update_binding is empty");
	for (int i = 0; i < t->nupdates; i++)
		output_update(im, &t->update[i]);
}
