/*
 * Initializers. A floating-point one is a variable under its own name: a
 * parameter, or a buffer if only a BatchNormalization reads it as a running
 * statistic. Scalars, integers, attention masks, and what the exporter declares to
 * be no parameter are constants.
 */
#include "frontend/import.h"

#include <math.h>
#include <string.h>

typedef struct Scan {
	int64_t nan, infinite, nonzero;   /* elements of each kind */
} Scan;

static Scan scan_values(const OnnxTensor *t)
{
	Scan s = {0};
	int64_t n = numel(t->shape);
	for (int64_t i = 0; i < n; i++) {
		double x = dtype_get(t->dtype, t->data, i).f;
		s.nan += isnan(x) != 0;
		s.infinite += isinf(x) != 0;
		s.nonzero += x < 0 || x > 0;
	}
	return s;
}

/* False after an error. *mask: its elements are 0 and infinity, so it is there
 * to be added to the scores of an attention, and cannot be trained. */
static bool check_values(Import *im, const OnnxTensor *t, bool *mask)
{
	Scan s = scan_values(t);
	*mask = s.infinite && !s.nan && s.infinite == s.nonzero;
	if (*mask || (!s.nan && !s.infinite))
		return true;
	error_at(im->u, (Loc){0}, "initializer '%s' has %lld elements that are "
	         "%s", t->name, (long long)(s.nan ? s.nan : s.infinite),
	         s.nan ? "NaN" : "infinite");
	return false;
}

/* A training algorithm's own initializers, and counters, are an optimizer's. */
static VariableRole role_for(unsigned uses, bool algorithm)
{
	if (algorithm)
		return VAR_OPTIMIZER;
	return uses & USE_STATISTIC && !(uses & USE_VALUE) ? VAR_BUFFER
	                                                   : VAR_PARAMETER;
}

static Value *add_variable(Import *im, const char *name, VariableRole role,
                           DType dtype, Shape shape, const void *data)
{
	Variable *v = model_variable(im->model, name, role, dtype, shape);
	v->data = data;
	return graph_variable(im->g, v);
}

static bool is_variable(const Import *im, const OnnxTensor *t, const Name *n,
                        bool mask)
{
	if (im->initializing)
		return false;
	if (n->uses & USE_STATE)
		return true;
	if (!dtype_is_float(t->dtype))
		return false;
	if (n->uses & USE_LEAF)
		return true;
	bool constant = n->declared == DECLARED_CONSTANT &&
	                !(n->uses & USE_STATISTIC);
	return n->init < im->m->own.inits && t->shape.rank > 0 && !mask &&
	       !constant;
}

static bool import_one(Import *im, const OnnxTensor *t, Name *n)
{
	bool mask = false;
	if (dtype_is_float(t->dtype) && !check_values(im, t, &mask)) {
		n->failed = true;
		return false;
	}
	if (!n->uses)
		return true;
	bool algorithm = n->init >= im->m->own.inits;
	if (is_variable(im, t, n, mask))
		n->value = add_variable(im, t->name,
		                        role_for(n->uses, algorithm ||
		                                 !dtype_is_float(t->dtype)),
		                        t->dtype, t->shape, t->data);
	else if (algorithm && import_is_hyper(im, t, n))
		n->value = graph_scalar_input(im->g, t->name, IN_HYPER, DT_F32,
		                              dtype_get(DT_F32, t->data, 0).f);
	else
		n->value = graph_const(im->g, t->name, t->dtype, t->shape,
		                       t->data);
	return true;
}

bool import_initializers(Import *im)
{
	bool ok = true;
	for (int i = 0; i < im->m->ninits; i++) {
		Name *n = names_find(im->names, im->m->init[i].name);
		if (n->init == i && !n->failed)
			ok &= import_one(im, &im->m->init[i], n);
	}
	return ok;
}

Value *import_own_variable(Import *im, Value *v, const char *name)
{
	VariableRole role = role_for(names_find(im->names, name)->uses, false);
	return add_variable(im, name, role, v->dtype, v->shape, v->var->data);
}

Value *import_new_variable(Import *im, const char *name, const Value *v)
{
	return add_variable(im, name, VAR_PARAMETER, v->dtype, v->shape,
	                    v->data);
}

Value *import_new_buffer(Import *im, const char *name, const Value *v)
{
	while (names_find(im->names, name) || model_find(im->model, name))
		name = arena_printf(im->u->arena, "%s_", name);
	return add_variable(im, name, VAR_BUFFER, v->dtype, v->shape,
	                    v->var->data);
}

void import_drop_unread(Import *im)
{
	Graph *g = im->g;
	Model *m = im->model;
	graph_have(g, FACT_USES);
	int values = 0;
	m->nvars = 0;
	for (int i = 0; i < g->nvarvalues; i++) {
		Value *v = g->varvalue[i];
		const Name *n = names_find(im->names, v->var->name);
		if (!v->nuses && !(n && n->uses & USE_STATE))
			continue;
		g->varvalue[values++] = v;
		v->var->id = m->nvars;
		m->var[m->nvars++] = v->var;
	}
	g->nvarvalues = values;
}

/* ---- what an export for inference has lost ---- */

static bool has_op(const Import *im, const char *op)
{
	for (int i = 0; i < im->m->nnodes; i++)
		if (!strcmp(im->m->node[i].op, op))
			return true;
	return false;
}

/* The exporter's own names, "onnx::Conv_123", are given to weights that it
 * computed from others. */
void import_explain_folding(Import *im)
{
	const char *conv = NULL, *matmul = NULL;
	for (int i = 0; i < im->model->nvars; i++) {
		const char *name = im->model->var[i]->name;
		if (!conv && !strncmp(name, "onnx::Conv_", 11))
			conv = name;
		if (!matmul && !strncmp(name, "onnx::MatMul_", 13))
			matmul = name;
	}
	if (conv && !has_op(im, "BatchNormalization"))
		warn_at(im->u, (Loc){0}, "the exporter folded BatchNorm into the "
		        "convolutions: weights such as '%s' have lost their names, "
		        "and the model trains without normalisation; export with "
		        "training=TrainingMode.PRESERVE (or TRAINING) and "
		        "do_constant_folding=False to keep it", conv);
	if (matmul)
		warn_at(im->u, (Loc){0}, "the exporter transposed weights such as "
		        "'%s': they have lost their names; export with "
		        "do_constant_folding=False to keep them", matmul);
}
