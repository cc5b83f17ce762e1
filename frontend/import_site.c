/* What a conversion asks about the ONNX node in front of it. */
#include "frontend/import.h"

#include <stdarg.h>
#include <string.h>

static const char *format(const Site *s, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *text = arena_alloc(s->im->u->arena, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

void site_error(const Site *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	error_at(s->im->u, s->loc, "%s", format(s, fmt, ap));
	va_end(ap);
}

void site_warn(const Site *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!s->im->quiet)
		warn_at(s->im->u, s->loc, "%s", format(s, fmt, ap));
	va_end(ap);
}

/* ---- attributes ---- */

const OnnxAttr *site_attr(const Site *s, const char *name)
{
	for (int i = 0; i < s->n->nattr; i++)
		if (!strcmp(s->n->attr[i].name, name))
			return &s->n->attr[i];
	return NULL;
}

static const OnnxAttr *attr_of_kind(const Site *s, const char *name,
                                    OnnxAttrKind kind)
{
	const OnnxAttr *a = site_attr(s, name);
	return a && a->kind == kind ? a : NULL;
}

int64_t site_int(const Site *s, const char *name, int64_t otherwise)
{
	const OnnxAttr *a = attr_of_kind(s, name, OA_INT);
	return a ? a->i : otherwise;
}

double site_float(const Site *s, const char *name, double otherwise)
{
	const OnnxAttr *a = attr_of_kind(s, name, OA_FLOAT);
	return a ? a->f : otherwise;
}

const char *site_string(const Site *s, const char *name, const char *otherwise)
{
	const OnnxAttr *a = attr_of_kind(s, name, OA_STRING);
	return a ? a->s : otherwise;
}

const int64_t *site_ints(const Site *s, const char *name, int *n)
{
	const OnnxAttr *a = attr_of_kind(s, name, OA_INTS);
	*n = a ? a->n : -1;
	return a ? a->ints : NULL;
}

/* ---- inputs ---- */

Value *site_in(const Site *s, int i)
{
	return i < s->nin ? s->in[i] : NULL;
}

bool site_wants(const Site *s, int output)
{
	if (output >= s->n->nout || !*s->n->out[output])
		return false;
	return names_find(s->im->names, s->n->out[output])->uses != 0;
}

const void *known_data(const Value *v)
{
	return v->kind == V_CONST ? v->data
	       : v->kind == V_VARIABLE ? v->var->data : NULL;
}

static void not_constant(const Site *s, int i, const char *what)
{
	site_error(s, "input %d (%s), '%s', must be constant, but it depends on "
	           "the model's inputs or parameters: export with a number that "
	           "is fixed", i, what, s->n->in[i]);
}

/* An input of the model whose contents the user has told, as a constant. */
static const Value *known_input(const Site *s, const Value *v)
{
	const KnownInput *k = v->kind == V_INPUT
	                      ? import_known(s->im, v->name) : NULL;
	if (!k || !shape_equal(k->shape, v->shape))
		return v;
	return graph_const(s->im->g, NULL, k->dtype, k->shape, k->data);
}

enum { MOST_NUMBERS = 1 << 16 };

bool site_const_ints(const Site *s, int i, const char *what, int *n,
                     const int64_t **x)
{
	const Value *v = site_in(s, i);
	*n = -1;
	*x = NULL;
	if (!v)
		return true;
	v = known_input(s, v);
	if (v->kind != V_CONST || dtype_is_float(v->dtype)) {
		not_constant(s, i, what);
		return false;
	}
	if (numel(v->shape) > MOST_NUMBERS) {
		site_error(s, "input %d (%s) has %lld elements, at most %d are "
		           "supported", i, what, (long long)numel(v->shape),
		           MOST_NUMBERS);
		return false;
	}
	*x = const_ints(s->im->g, v, n);
	return true;
}

bool site_const_floats(const Site *s, int i, const char *what, int n,
                       double x[])
{
	const Value *v = site_in(s, i);
	if (!v)
		return true;
	v = known_input(s, v);
	const void *data = known_data(v);
	if (!data) {
		not_constant(s, i, what);
		return false;
	}
	if (numel(v->shape) != n) {
		site_error(s, "input %d (%s) has the shape %s, expected %d "
		           "number%s", i, what,
		           shape_text(s->im->u->arena, v->shape), n,
		           n == 1 ? "" : "s");
		return false;
	}
	for (int e = 0; e < n; e++) {
		Scalar y = dtype_get(v->dtype, data, e);
		x[e] = dtype_is_float(v->dtype) ? y.f : (double)y.i;
	}
	return true;
}

bool site_const_float(const Site *s, int i, const char *what, double *x)
{
	return site_const_floats(s, i, what, 1, x);
}

bool site_list(const Site *s, const char *name, int i, int *n,
               const int64_t **x)
{
	*x = site_ints(s, name, n);
	return *x || site_const_ints(s, i, name, n, x);
}

/* ---- axes ---- */

bool site_axis(const Site *s, int64_t axis, int rank, int *out)
{
	if (axis < -rank || axis >= rank) {
		site_error(s, "axis is %lld, but there are %d dimensions",
		           (long long)axis, rank);
		return false;
	}
	*out = (int)(axis < 0 ? axis + rank : axis);
	return true;
}

bool site_axes(const Site *s, int n, const int64_t *axes, int rank, int out[])
{
	bool seen[2 * MAX_RANK] = {false};
	if (n > rank) {
		site_error(s, "has %d axes for %d dimensions", n, rank);
		return false;
	}
	for (int i = 0; i < n; i++) {
		if (!site_axis(s, axes[i], rank, &out[i]))
			return false;
		if (seen[out[i]]) {
			site_error(s, "axis %d is given twice", out[i]);
			return false;
		}
		seen[out[i]] = true;
	}
	return true;
}
