/*
 * What the user tells of the model's inputs: sizes of their dimensions (--dim,
 * --input-shape), and that they are constants (--constant).
 */
#include "frontend/array.h"
#include "frontend/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- sizes ---- */

const Shape *import_told_shape(const Import *im, const char *name)
{
	for (int i = 0; i < im->ntold; i++)
		if (im->told[i].has_shape && !strcmp(im->told[i].name, name))
			return &im->told[i].array.shape;
	return NULL;
}

const Told *import_told_constant(const Import *im, const char *name)
{
	for (int i = 0; i < im->ntold; i++)
		if (im->told[i].constant && !strcmp(im->told[i].name, name))
			return &im->told[i];
	return NULL;
}

static int64_t size_in_shape(const OnnxPort *p, const Shape *s,
                             const char *param)
{
	for (int d = 0; d < p->rank && d < s->rank; d++)
		if (p->dim[d].param && !strcmp(p->dim[d].param, param))
			return s->dim[d];
	return 0;
}

int64_t import_told_size(const Import *im, const char *param)
{
	for (int i = 0; i < im->opt->ndims; i++)
		if (!strcmp(im->opt->dim[i].name, param))
			return im->opt->dim[i].size;
	int64_t size = 0;
	for (int i = 0; i < im->m->ninputs && !size; i++) {
		const OnnxPort *p = &im->m->input[i];
		const Shape *s = import_told_shape(im, p->name);
		size = s ? size_in_shape(p, s, param) : 0;
	}
	return size;
}

/* ---- checks ---- */

static bool has_param(const Import *im, const char *name)
{
	for (int i = 0; i < im->m->ninputs; i++)
		for (int d = 0; d < im->m->input[i].rank; d++)
			if (im->m->input[i].dim[d].param &&
			    !strcmp(im->m->input[i].dim[d].param, name))
				return true;
	return false;
}

static bool check_dims(Import *im)
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

static const OnnxPort *find_input(const Import *im, const char *name)
{
	for (int i = 0; i < im->m->ninputs; i++)
		if (!strcmp(im->m->input[i].name, name))
			return &im->m->input[i];
	return NULL;
}

/* Against the file, and against what else is said of its dimensions. */
static bool check_size(Import *im, const OnnxPort *p, int axis, const Told *s)
{
	const OnnxDim *d = &p->dim[axis];
	int64_t size = s->array.shape.dim[axis];
	int64_t is = d->param ? import_told_size(im, d->param) : d->size;
	bool batch = !axis && size == im->opt->batch && !s->constant;
	if (!is || is == size || batch)
		return true;
	error_at(im->u, (Loc){.node = p->name}, "dimension %d of this "
	         "input is told to be %lld, but it is %lld in %s%s", axis, (long long)size,
	         (long long)is, d->param ? "all inputs that have "
	         : axis ? "the file" : "the file; --batch N changes it",
	         d->param ? d->param : "");
	return false;
}

static bool check_told(Import *im, const Told *s)
{
	const OnnxPort *p = find_input(im, s->name);
	if (!p) {
		error_at(im->u, (Loc){0}, "no input is called '%s'",
		         s->name);
		return false;
	}
	if (!s->has_shape)
		return true;
	if (p->rank >= 0 && p->rank != s->array.shape.rank) {
		error_at(im->u, (Loc){.node = p->name}, "this input has %d "
		         "dimensions, not the %d that it is told to have",
		         p->rank, s->array.shape.rank);
		return false;
	}
	bool ok = true;
	for (int d = 0; d < p->rank; d++)
		ok &= check_size(im, p, d, s);
	return ok;
}

/* ---- constants ---- */

static bool parse_number(const char *text, Told *t)
{
	char *end;
	errno = 0;
	t->number = strtod(text, &end);
	if (end == text || *end || errno)
		return false;
	errno = 0;
	t->whole = strtoll(text, &end, 0);
	t->is_whole = !*end && !errno;
	return true;
}

static bool read_constant(Import *im, const InputConstant *c, Told *t)
{
	*t = (Told){.name = c->name, .constant = c->is};
	if (parse_number(c->is, t))
		return true;
	t->has_shape = array_read(im->u, c->is, &t->array);
	return t->has_shape;
}

/* A number that the type has not is no reason to take another. */
static bool put_number(const Told *c, DType t, void *data)
{
	dtype_put(t, data, 0, dtype_is_float(t) ? (Scalar){.f = c->number}
	                                        : (Scalar){.i = c->whole});
	return dtype_is_float(t) ||
	       (c->is_whole && dtype_get(t, data, 0).i == c->whole);
}

static bool fill(Import *im, const Told *c, DType t, int64_t n, void *data)
{
	size_t size = (size_t)dtype_size(t);
	int64_t bad = 0;
	bool good = c->has_shape ? array_convert(&c->array, 0, n, t, data, &bad)
	                         : put_number(c, t, data);
	for (int64_t i = 1; good && !c->has_shape && i < n; i++)
		memcpy((char *)data + (size_t)i * size, data, size);
	if (!good)
		error_at(im->u, (Loc){.node = c->name}, "this input is %s, which "
		         "'%s' does not give%s", dtype_name(t), c->constant,
		         c->has_shape ? arena_printf(im->u->arena, " at element "
		                                     "%lld", (long long)bad)
		                      : "");
	return good;
}

Value *import_told_value(Import *im, const Told *c, DType t, Shape s)
{
	int64_t n = numel(s), size = dtype_size(t);
	if (c->has_shape && !shape_equal(s, c->array.shape)) {
		error_at(im->u, (Loc){.node = c->name}, "this input has the shape "
		         "%s here, but '%s' has the file's",
		         shape_text(im->u->arena, s), c->constant);
		return NULL;
	}
	if (n > (MOST_MADE_BYTES - im->made) / size) {
		error_at(im->u, (Loc){.node = c->name}, "the constant %s of this "
		         "input is too large", shape_text(im->u->arena, s));
		return NULL;
	}
	im->made += n * size;
	void *data = arena_calloc(im->u->arena, (size_t)n + 1, (size_t)size);
	if (!fill(im, c, t, n, data))
		return NULL;
	return graph_const(im->g, c->name, t, s, data);
}

/* ---- all ---- */

bool import_told(Import *im)
{
	const Options *o = im->opt;
	if (im->told)   /* by the first run */
		return true;
	im->told = arena_array(im->u->arena, Told,
	                       o->nshapes + o->nconstants + 1);
	for (int i = 0; i < o->nshapes; i++)
		im->told[im->ntold++] = (Told){
			.name = o->shape[i].name, .has_shape = true,
			.array.shape = o->shape[i].shape,
		};
	bool ok = true;
	for (int i = 0; i < o->nconstants; i++)
		ok &= read_constant(im, &o->constant[i],
		                    &im->told[im->ntold++]);
	ok = ok && check_dims(im);
	for (int i = 0; i < im->ntold && ok; i++)
		ok &= check_told(im, &im->told[i]);
	return ok;
}
