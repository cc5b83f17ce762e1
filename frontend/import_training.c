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

static OnnxTensor *find_init(OnnxModel *m, const char *name)
{
	for (int i = 0; i < m->ninits; i++)
		if (!strcmp(m->init[i].name, name))
			return &m->init[i];
	return NULL;
}

static void set_first(Unit *u, OnnxModel *m, const OnnxTraining *t,
                      const OnnxBinding *b, Import *im)
{
	Loc loc = {.node = b->init};
	OnnxTensor *init = find_init(m, b->init);
	const Name *n = names_find(im->names, b->value);
	const Value *v = n ? n->value : NULL;
	init = init ? init : find_init(t->algorithm, b->init);
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
	for (int i = 0; i < t->nfirst; i++)
		set_first(u, m, t, &t->first[i], &im);
}

bool import_initialization(Unit *u, OnnxModel *m)
{
	int before = u->nerrors;
	for (int i = 0; i < m->ntrainings; i++)
		if (m->training[i].nfirst)
			initialize(u, m, &m->training[i]);
	return u->nerrors == before;
}

/* ---- uses ---- */

bool import_is_gradient(const OnnxNode *n)
{
	return !strcmp(n->op, "Gradient") &&
	       !strcmp(n->domain, TRAINING_DOMAIN);
}

static const OnnxAttr *find_attr(const OnnxNode *n, const char *name)
{
	for (int i = 0; i < n->nattr; i++)
		if (!strcmp(n->attr[i].name, name))
			return &n->attr[i];
	return NULL;
}

static const char *target_of(const OnnxNode *n)
{
	const OnnxAttr *y = find_attr(n, "y");
	return y && y->kind == OA_STRING ? y->s : "";
}

static void use(Import *im, const char *name, unsigned uses)
{
	Name *n = names_find(im->names, name);
	if (n)
		n->uses |= USE_ANY | uses;
}

static void use_all(Import *im, const OnnxAttr *names, unsigned uses)
{
	for (int i = 0; names && names->kind == OA_STRINGS && i < names->n; i++)
		use(im, names->strings[i], uses);
}

void import_use_gradient(Import *im, const OnnxNode *n)
{
	use(im, target_of(n), USE_VALUE);
	use_all(im, find_attr(n, "xs"), USE_LEAF);
	use_all(im, find_attr(n, "zs"), 0);
	for (int i = 0; i < n->nin; i++)
		use(im, n->in[i], 0);
}

void import_use_updates(Import *im)
{
	const OnnxTraining *t = im->m->joined;
	for (int i = 0; t && i < t->nupdates; i++) {
		use(im, t->update[i].init, USE_STATE);
		use(im, t->update[i].value, USE_VALUE);
	}
}

/* Does the optimizer's arithmetic, and nothing else, read it? */
static bool is_coefficient(const Import *im, const char *name)
{
	static const char *const ops[] = {
		"Adam", "Adagrad", "Momentum", "Add", "Sub", "Mul", "Div", "Sum",
		"Neg", "Pow",
	};
	bool read = false;
	for (int i = 0; i < im->m->nnodes; i++) {
		const OnnxNode *n = &im->m->node[i];
		bool known = !strcmp(n->domain, OWN_DOMAIN);
		for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
			known |= !strcmp(n->op, ops[k]);
		for (int j = 0; j < n->nin; j++) {
			if (strcmp(n->in[j], name))
				continue;
			if (!known)
				return false;
			read = true;
		}
	}
	return read;
}

bool import_is_hyper(const Import *im, const OnnxTensor *t)
{
	enum { MOST = 16 };   /* the others are constants */
	int n = 0;
	for (int i = 0; i < im->g->ninputs; i++)
		n += im->g->input[i]->role == IN_HYPER;
	return n < MOST && t->dtype == DT_F32 && t->shape.rank == 0 &&
	       is_coefficient(im, t->name);
}

/* ---- what the step gives ---- */

static bool is_number(const Name *n)
{
	return n && n->value && dtype_is_float(n->value->dtype) &&
	       numel(n->value->shape) == 1;
}

static bool is_bound(const OnnxTraining *t, const char *value)
{
	for (int i = 0; i < t->nupdates; i++)
		if (!strcmp(t->update[i].value, value))
			return true;
	return false;
}

/* What the last Gradient is of (those before may be parts of that loss); or a
 * number that the algorithm gives out and binds to nothing. */
static Name *find_loss(Import *im)
{
	const OnnxModel *m = im->m;
	for (int i = m->nnodes - 1; i >= 0; i--) {
		if (!im->live[i] || !import_is_gradient(&m->node[i]))
			continue;
		Name *n = names_find(im->names, target_of(&m->node[i]));
		if (is_number(n))
			return n;
	}
	for (int i = m->own.outputs; i < m->noutputs; i++) {
		Name *n = names_find(im->names, m->output[i].name);
		if (is_number(n) && !is_bound(m->joined, n->text))
			return n;
	}
	return NULL;
}

static void output_update(Import *im, const OnnxBinding *b)
{
	Loc loc = {.node = b->init};
	const Name *var = names_find(im->names, b->init);
	const Name *n = names_find(im->names, b->value);
	if (!var || var->init < 0)
		error_at(im->u, loc, "update_binding names it, but it is no "
		         "initializer");
	if (!n)
		error_at(im->u, loc, "update_binding takes it from '%s', which "
		         "nothing computes", b->value);
	if (!var || !var->value || !n || !n->value)
		return;
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

static void check_twice(Import *im, const OnnxTraining *t)
{
	for (int i = 0; i < t->nupdates; i++)
		for (int j = 0; j < i; j++)
			if (!strcmp(t->update[i].init, t->update[j].init))
				error_at(im->u, (Loc){.node = t->update[i].init},
				         "update_binding names it twice");
}

void import_step(Import *im)
{
	const OnnxTraining *t = im->m->joined;
	if (!t)
		return;
	check_twice(im, t);
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
