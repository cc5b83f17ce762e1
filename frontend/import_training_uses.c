/* What the training step of a file reads, and how: names that are attributes of
 * a Gradient, bindings of state, coefficients of updates. */
#include "frontend/import.h"

#include <string.h>

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

const char *import_gradient_of(const OnnxNode *n)
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
	use(im, import_gradient_of(n), USE_VALUE);
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
		/* A new state, as the loss is not. */
		use(im, t->update[i].value, USE_VALUE | USE_STATE);
	}
}

/* Arithmetic of an update? */
static bool is_update(const OnnxNode *n)
{
	static const char *const ops[] = {
		"Adam", "Adagrad", "Momentum", "Add", "Sub", "Mul", "Div", "Sum",
		"Neg", "Pow",
	};
	if (!strcmp(n->domain, OWN_DOMAIN))
		return true;
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (!strcmp(n->op, ops[i]))
			return true;
	return false;
}

unsigned import_use_coefficient(const OnnxNode *n)
{
	return is_update(n) ? USE_COEFFICIENT : USE_ELSEWHERE;
}

/* What nothing but the arithmetic of updates reads. */
bool import_is_hyper(const Import *im, const OnnxTensor *t, const Name *name)
{
	enum { MOST = 16 };   /* the others are constants */
	if (t->dtype != DT_F32 || t->shape.rank ||
	    !(name->uses & USE_COEFFICIENT) || name->uses & USE_ELSEWHERE)
		return false;
	int n = 0;
	for (int i = 0; i < im->g->ninputs; i++)
		n += im->g->input[i]->role == IN_HYPER;
	return n < MOST;
}
