/*
 * The operators of ai.onnx.ml that are arithmetic: what linear models, scalers
 * and perceptrons of scikit-learn consist of. Coefficients are attributes there,
 * and parameters here, named after the node: NODE.coefficients.
 */
#include "frontend/import_rules.h"

#include <string.h>

static Value *apply2(Site *s, const char *op, Value *a, Value *b)
{
	return a && b ? site_apply(s, op, 2, (Value *[]){a, b}) : NULL;
}

static const OnnxAttr *floats(const Site *s, const char *name)
{
	const OnnxAttr *a = site_attr(s, name);
	return a && a->kind == OA_FLOATS ? a : NULL;
}

/* The list as a constant of that shape, whose elements it has. */
static Value *floats_value(Site *s, const OnnxAttr *a, Shape shape)
{
	float *x = site_constant(s, DT_F32, shape);
	for (int64_t i = 0; x && i < numel(shape); i++)
		x[i] = (float)a->floats[i];
	return x ? graph_const(s->im->g, NULL, DT_F32, shape, x) : NULL;
}

/* Input 0 as [N, F] of f32; NULL after an error. */
static Value *samples(Site *s)
{
	Value *x = site_in(s, 0);
	if (!x || x->shape.rank != 2) {
		site_error(s, "its input has the shape %s, expected [N,F]",
		           x ? shape_text(s->im->u->arena, x->shape) : "?");
		return NULL;
	}
	return site_cast(s, x, DT_F32);
}

/* One number for each feature of x, from a list of as many, or of one. NULL
 * after an error. */
static Value *per_feature(Site *s, const Value *x, const char *name)
{
	const OnnxAttr *a = floats(s, name);
	int64_t features = x->shape.dim[x->shape.rank - 1];
	if (a && (a->n == 1 || a->n == features))
		return floats_value(s, a, (Shape){1, {a->n}});
	site_error(s, "%s has %d numbers, expected one, or one for each of %lld "
	           "features", name, a ? a->n : 0, (long long)features);
	return NULL;
}

/* ---- before a model ---- */

bool convert_scaler(Site *s)
{
	Value *x = samples(s);
	Value *offset = x ? per_feature(s, x, "offset") : NULL;
	Value *scale = offset ? per_feature(s, x, "scale") : NULL;
	s->out[0] = scale ? apply2(s, "Mul", apply2(s, "Sub", x, offset), scale)
	                  : NULL;
	return s->out[0] != NULL;
}

/* What is missing is NaN, or a number that stands for it. */
bool convert_imputer(Site *s)
{
	Value *x = samples(s);
	Value *other = x ? per_feature(s, x, "imputed_value_floats") : NULL;
	double missing = site_float(s, "replaced_value_float", 0);
	if (!other)
		return false;
	Value *is = missing != missing
	          ? site_apply(s, "IsNaN", 1, &x)
	          : apply2(s, "Equal", x, graph_scalar(s->im->g, DT_F32,
	                                               missing));
	s->out[0] = is ? site_apply(s, "Where", 3, (Value *[]){is, other, x})
	               : NULL;
	return s->out[0] != NULL;
}

bool convert_binarizer(Site *s)
{
	Value *x = samples(s);
	Value *above = x ? apply2(s, "Greater", x, graph_scalar(
		s->im->g, DT_F32, site_float(s, "threshold", 0))) : NULL;
	s->out[0] = above ? site_cast(s, above, DT_F32) : NULL;
	return s->out[0] != NULL;
}

static Value *reduced(Site *s, const char *name, Value *x)
{
	const OpDef *op = site_op(s, name);
	Node *n = op ? node_new(s->im->g, s->loc, op, 1, &x) : NULL;
	if (!n)
		return NULL;
	node_set_ints(s->im->g, n, "axes", 1, (int64_t[]){1});
	node_set_int(s->im->g, n, "keepdims", 1);
	return site_done(s, n);
}

/* Each row by its norm; one of zeros stays. What Softmax makes sums to 1. */
bool convert_normalizer(Site *s)
{
	Value *x = samples(s);
	const char *norm = site_string(s, "norm", "MAX");
	const char *op = !strcmp(norm, "L1") ? "ReduceL1"
	               : !strcmp(norm, "L2") ? "ReduceL2"
	               : !strcmp(norm, "MAX") ? "ReduceMax" : NULL;
	if (x && !op)
		site_error(s, "norm is '%s', expected MAX, L1 or L2", norm);
	if (!x || !op)
		return false;
	if (x->def && x->def->op == &op_Softmax && !strcmp(norm, "L1")) {
		s->out[0] = x;
		return true;
	}
	Value *size = apply2(s, "Max", reduced(s, op, x),
	                     graph_scalar(s->im->g, DT_F32, 1e-30));
	s->out[0] = apply2(s, "Div", x, size);
	return s->out[0] != NULL;
}

/* ---- linear models ---- */

static Value *parameter(Site *s, const OnnxAttr *a, Shape shape)
{
	Value *v = floats_value(s, a, shape);
	return v ? import_new_variable(
		s->im, arena_printf(s->im->u->arena, "%s.%s", s->loc.node,
		                    a->name), v) : NULL;
}

/* x times the coefficients, plus the intercepts; NULL after an error. */
static Value *linear(Site *s)
{
	Value *x = samples(s);
	const OnnxAttr *w = floats(s, "coefficients");
	const OnnxAttr *b = floats(s, "intercepts");
	int64_t features = x ? x->shape.dim[1] : 0;
	int64_t rows = w && features ? w->n / features : 0;
	if (!x)
		return NULL;
	if (!rows || rows * features != w->n || (b && b->n && b->n != rows)) {
		site_error(s, "has %d coefficients and %d intercepts for %lld "
		           "features", w ? w->n : 0, b ? b->n : 0,
		           (long long)features);
		return NULL;
	}
	const OpDef *op = site_op(s, "Gemm");
	Value *in[3] = {x, parameter(s, w, (Shape){2, {rows, features}})};
	if (b && b->n)
		in[2] = parameter(s, b, (Shape){1, {rows}});
	Node *n = op && in[1] ? node_new(s->im->g, s->loc, op, in[2] ? 3 : 2, in)
	                      : NULL;
	if (!n)
		return NULL;
	node_set_int(s->im->g, n, "transB", 1);
	return site_done(s, n);
}

bool convert_linear_regressor(Site *s)
{
	const char *then = site_string(s, "post_transform", "NONE");
	if (strcmp(then, "NONE")) {
		site_error(s, "post_transform is '%s', expected NONE", then);
		return false;
	}
	s->out[0] = linear(s);
	return s->out[0] != NULL;
}

/* Two rows of which one is the other's negative: scikit-learn's way to write one
 * decision of two classes. */
static bool is_decision(const Site *s)
{
	const char *const lists[] = {"coefficients", "intercepts"};
	for (int l = 0; l < 2; l++) {
		const OnnxAttr *a = floats(s, lists[l]);
		int half = a ? a->n / 2 : 0;
		for (int i = 0; i < half; i++)
			if (a->floats[i] + a->floats[half + i] != 0)
				return false;
	}
	return true;
}

/* The numbers of the classes. With z and -z for the scores, sigmoid is the
 * softmax of half of them, which a cross-entropy can be taken of. */
static Value *scores(Site *s, Value *z)
{
	const char *then = site_string(s, "post_transform", "NONE");
	if (!strcmp(then, "NONE"))
		return z;
	if (!strcmp(then, "LOGISTIC") &&
	    (z->shape.dim[1] != 2 || !is_decision(s)))
		return site_apply(s, "Sigmoid", 1, &z);
	if (!strcmp(then, "LOGISTIC"))
		z = apply2(s, "Mul", z, graph_scalar(s->im->g, DT_F32, 0.5));
	else if (strcmp(then, "SOFTMAX")) {
		site_error(s, "post_transform is '%s', expected NONE, SOFTMAX or "
		           "LOGISTIC", then);
		return NULL;
	}
	const OpDef *op = site_op(s, "Softmax");
	Node *n = op && z ? node_new(s->im->g, s->loc, op, 1, &z) : NULL;
	if (!n)
		return NULL;
	node_set_int(s->im->g, n, "axis", 1);
	return site_done(s, n);
}

/* The label of the greatest in each row; its index where labels are strings. */
static Value *label(Site *s, Value *z)
{
	int n;
	const int64_t *labels = site_ints(s, "classlabels_ints", &n);
	const OpDef *op = site_op(s, "ArgMax");
	Node *most = op ? node_new(s->im->g, s->loc, op, 1, &z) : NULL;
	if (!most)
		return NULL;
	node_set_int(s->im->g, most, "axis", 1);
	node_set_int(s->im->g, most, "keepdims", 0);
	Value *index = site_done(s, most);
	if (site_attr(s, "classlabels_strings"))
		site_warn(s, "its labels are strings: output 0 is the place of "
		          "one among them, from 0 on");
	if (n != z->shape.dim[1])
		return index;
	return apply2(s, "Gather", site_ints_value(s, n, labels, 1), index);
}

bool convert_linear_classifier(Site *s)
{
	Value *z = linear(s);
	if (z && z->shape.dim[1] == 1) {   /* the second class's alone */
		Value *other = site_apply(s, "Neg", 1, &z);
		z = other ? site_concat(s, 1, 2, (Value *[]){other, z}) : NULL;
	}
	if (!z)
		return false;
	if (site_wants(s, 0))
		s->out[0] = label(s, z);
	if (s->nout > 1)
		s->out[1] = scores(s, z);
	return s->nout < 2 || s->out[1];
}

/* ---- behind a model ---- */

/* Those elements of the last axis. */
bool convert_array_feature_extractor(Site *s)
{
	Value *x = site_in(s, 0), *at = site_in(s, 1);
	const OpDef *op = site_op(s, "Gather");
	if (!x || !at || !op || !x->shape.rank)
		return false;
	at = site_reshape(s, at, (Shape){1, {numel(at->shape)}});
	if (x->shape.rank == 1)
		x = site_reshape(s, x, (Shape){2, {1, x->shape.dim[0]}});
	Node *n = at && x ? node_new(s->im->g, s->loc, op, 2,
	                             (Value *[]){x, at}) : NULL;
	if (!n)
		return false;
	node_set_int(s->im->g, n, "axis", -1);
	return site_result(s, n);
}

/* A map from labels to columns for each row: the columns. */
bool convert_zip_map(Site *s)
{
	site_warn(s, "its output is no map here, but a column for each label");
	s->out[0] = site_in(s, 0);
	return s->out[0] != NULL;
}
