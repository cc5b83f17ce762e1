/*
 * The model's inputs: every dimension becomes a number, from the file, from
 * --dim NAME=N, from --input-shape INPUT=N,.., or, the first one, from --batch N.
 */
#include "frontend/import.h"

#include <string.h>

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

/* What binds it: "--dim H=N", "--batch N", or "--input-shape x=N,..". */
static const char *what_binds(const Import *im, const OnnxPort *p, int axis)
{
	const char *param = p->dim[axis].param;
	if (param)
		return arena_printf(im->u->arena, "--dim %s=N%s", param,
		                    axis ? "" : " or --batch N");
	if (!axis)
		return "--batch N";
	return arena_printf(im->u->arena, "--input-shape %s=N,..", p->name);
}

static void report_unbound(Import *im, const OnnxPort *p, int axis)
{
	const char *param = p->dim[axis].param;
	error_at(im->u, (Loc){.node = p->name}, "dimension %d of this input"
	         "%s%s%s has no size: give %s", axis, param ? " ('" : "",
	         param ? param : "", param ? "')" : "",
	         what_binds(im, p, axis));
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
	const Shape *told = import_told_shape(im, p->name);
	int64_t given = d->param ? import_told_size(im, d->param) : 0;
	if (given)
		return given;
	if (told && !d->size)
		return told->dim[axis];
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

/* False after an error. */
static bool find_sizes(Import *im, const OnnxPort *p, Shape *s)
{
	Loc loc = {.node = p->name};
	const Shape *told = import_told_shape(im, p->name);
	if (p->rank < 0 && !told) {
		error_at(im->u, loc, "this input has no shape: give "
		         "--input-shape %s=N,..", p->name);
		return false;
	}
	bool ok = true;
	*s = p->rank < 0 ? *told : (Shape){.rank = p->rank};
	for (int i = 0; i < p->rank; i++)
		ok &= (s->dim[i] = bind(im, p, i)) > 0;
	if (ok && !shape_valid(*s)) {
		error_at(im->u, loc, "this input has the impossible shape %s",
		         shape_text(im->u->arena, *s));
		return false;
	}
	return ok;
}

static bool import_one(Import *im, const OnnxPort *p, Name *n)
{
	DType t;
	Shape s;
	n->failed = true;
	if (!p->type || !dtype_from_onnx(p->type, &t)) {
		error_at(im->u, (Loc){.node = p->name}, "this input is not a "
		         "tensor of a supported type");
		return false;
	}
	const KnownInput *k = import_known(im, p->name);
	if (k && k->dtype == t && p->rank == 1 && !numel(k->shape)) {
		/* No axes, say: a list that will always be empty. */
		n->value = graph_const(im->g, p->name, t, k->shape, k->data);
		n->failed = false;
		return true;
	}
	if (!find_sizes(im, p, &s))
		return false;
	const Told *c = import_told_constant(im, p->name);
	if (c) {
		n->value = import_told_value(im, c, t, s);
		n->failed = !n->value;
		return n->value;
	}
	bool data = p - im->m->input < im->m->own.inputs;
	n->value = graph_input(im->g, p->name, data ? IN_DATA : IN_TARGET,
	                       input_type(n, t), s);
	n->failed = false;
	return true;
}

bool import_inputs(Import *im)
{
	bool ok = import_told(im);
	for (int i = 0; i < im->m->ninputs; i++) {
		Name *n = names_find(im->names, im->m->input[i].name);
		if (n->input && !n->value && !n->failed)
			ok &= import_one(im, &im->m->input[i], n);
	}
	return ok;
}
