/*
 * The model's inputs: every dimension becomes a number, from the file, from
 * --dim NAME=N, or, the first one, from --batch N.
 */
#include "frontend/import.h"

#include <string.h>

static int64_t *find_binding(const Import *im, const char *name)
{
	for (int i = 0; i < im->opt->ndims; i++)
		if (!strcmp(im->opt->dim[i].name, name))
			return (int64_t *)(uintptr_t)&im->opt->dim[i].size;
	return NULL;
}

const KnownInput *import_known(const Import *im, const char *name)
{
	for (int i = 0; i < im->opt->nknown; i++)
		if (!strcmp(im->opt->known[i].name, name))
			return &im->opt->known[i];
	return NULL;
}

/* The name of the batch dimension: --batch binds it wherever it stands. */
static bool is_batch_param(const Import *im, const char *param)
{
	for (int i = 0; i < im->m->ninputs; i++) {
		const OnnxPort *p = &im->m->input[i];
		if (p->rank > 0 && p->dim[0].param &&
		    !strcmp(p->dim[0].param, param))
			return true;
	}
	return false;
}

static void report_unbound(Import *im, const OnnxPort *p, int axis)
{
	const char *param = p->dim[axis].param;
	const char *batch = axis == 0 ? "--batch N" : "";
	const char *dim = param ? arena_printf(im->u->arena, "--dim %s=N", param)
	                        : "";
	Loc loc = {.node = p->name};
	if (!param && axis)
		error_at(im->u, loc, "dimension %d of this input has neither size "
		         "nor name: export it with one", axis);
	else
		error_at(im->u, loc, "dimension %d of this input%s%s%s has no "
		         "size: give %s%s%s", axis, param ? " ('" : "",
		         param ? param : "", param ? "')" : "", dim,
		         *dim && *batch ? " or " : "", batch);
}

/* As the first import found it. */
static int batch_axis(const Import *im, const OnnxPort *p)
{
	const Name *n = names_find(im->before, p->name);
	return n && n->value ? n->value->batch_axis : 0;
}

/* 0 after an error. */
static int64_t bind(Import *im, const OnnxPort *p, int axis)
{
	const OnnxDim *d = &p->dim[axis];
	const int64_t *given = d->param ? find_binding(im, d->param) : NULL;
	if (given)
		return *given;
	if (d->size)
		return im->new_batch && axis == batch_axis(im, p) &&
		       d->size == im->old_batch ? im->new_batch : d->size;
	bool batch = axis == 0 || (d->param && is_batch_param(im, d->param));
	if (batch && im->opt->batch)
		return im->opt->batch;
	report_unbound(im, p, axis);
	return 0;
}

/* 64-bit labels and indices are for data sets that no device holds. */
static DType input_type(const Name *n, DType t)
{
	bool narrow = n->uses & USE_INDEX && !(n->uses & USE_VALUE);
	return narrow && (t == DT_I64 || t == DT_U64) ? DT_I32 : t;
}

static bool import_one(Import *im, const OnnxPort *p, Name *n)
{
	DType t;
	Loc loc = {.node = p->name};
	n->failed = true;
	if (!p->type || !dtype_from_onnx(p->type, &t)) {
		error_at(im->u, loc, "this input is not a tensor of a supported "
		         "type");
		return false;
	}
	if (p->rank < 0) {
		error_at(im->u, loc, "this input has no shape");
		return false;
	}
	const KnownInput *k = import_known(im, p->name);
	if (k && k->dtype == t && p->rank == 1 && !numel(k->shape)) {
		/* No axes, say: a list that will always be empty. */
		n->value = graph_const(im->g, p->name, t, k->shape, k->data);
		n->failed = false;
		return true;
	}
	Shape s = {.rank = p->rank};
	bool ok = true;
	for (int i = 0; i < s.rank; i++)
		ok &= (s.dim[i] = bind(im, p, i)) > 0;
	if (ok && !shape_valid(s)) {
		error_at(im->u, loc, "this input has the impossible shape %s",
		         shape_text(im->u->arena, s));
		ok = false;
	}
	if (!ok)
		return false;
	bool data = p - im->m->input < im->m->own.inputs;
	n->value = graph_input(im->g, p->name, data ? IN_DATA : IN_TARGET,
	                       input_type(n, t), s);
	n->failed = false;
	return true;
}

static bool has_param(const Import *im, const char *name)
{
	for (int i = 0; i < im->m->ninputs; i++)
		for (int d = 0; d < im->m->input[i].rank; d++)
			if (im->m->input[i].dim[d].param &&
			    !strcmp(im->m->input[i].dim[d].param, name))
				return true;
	return false;
}

static bool check_bindings(Import *im)
{
	bool ok = true;
	for (int i = 0; i < im->opt->ndims; i++)
		if (!has_param(im, im->opt->dim[i].name)) {
			error_at(im->u, (Loc){0}, "no input has a dimension called "
			         "'%s'", im->opt->dim[i].name);
			ok = false;
		}
	return ok;
}

bool import_inputs(Import *im)
{
	bool ok = check_bindings(im);
	for (int i = 0; i < im->m->ninputs; i++) {
		Name *n = names_find(im->names, im->m->input[i].name);
		if (n->input && !n->value && !n->failed)
			ok &= import_one(im, &im->m->input[i], n);
	}
	return ok;
}
