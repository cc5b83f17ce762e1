/* Normalizations that are one of ours over other axes: instances and groups of
 * channels are rows of LayerNormalization, with a scale for each. */
#include "frontend/import_rules.h"

/* The three inputs, scale and bias being of `channels` elements; NULL: not. */
static Value *checked_input(Site *s, int64_t channels)
{
	Value *x = site_in(s, 0);
	for (int i = 0; i < 3; i++)
		if (!site_in(s, i)) {
			site_error(s, "input %d is missing", i);
			return NULL;
		}
	for (int i = 1; i < 3; i++)
		if (s->in[i]->shape.rank != 1 ||
		    s->in[i]->shape.dim[0] != channels) {
			site_error(s, "input %d has the shape %s, expected [%lld]",
			           i, shape_text(s->im->u->arena,
			                         s->in[i]->shape),
			           (long long)channels);
			return NULL;
		}
	return x;
}

static bool has_channels(Site *s)
{
	const Value *x = site_in(s, 0);
	if (x && x->shape.rank >= 2)
		return true;
	if (x)
		site_error(s, "its input has the shape %s, expected [N,C,..]",
		           shape_text(s->im->u->arena, x->shape));
	else
		site_error(s, "input 0 is missing");
	return false;
}

/* x normalized from `axis` on; scale and bias are brought to the shape `each`. */
static Value *normalized(Site *s, Value *x, int axis, Shape each)
{
	Value *in[3] = {x, site_reshape(s, s->in[1], each),
	                site_reshape(s, s->in[2], each)};
	const OpDef *op = site_op(s, "LayerNormalization");
	if (!op || !in[1] || !in[2])
		return NULL;
	Node *n = node_new(s->im->g, s->loc, op, 3, in);
	node_set_int(s->im->g, n, "axis", axis);
	node_set_float(s->im->g, n, "epsilon", site_float(s, "epsilon", 1e-5));
	return site_done(s, n);
}

/* [N, C, ...]: one row for each example and channel. Without further dimensions
 * a row is one element. */
bool convert_instance_norm(Site *s)
{
	if (!has_channels(s))
		return false;
	Value *x = checked_input(s, s->in[0]->shape.dim[1]);
	if (!x)
		return false;
	Shape whole = x->shape, each = {.rank = whole.rank - 1};
	if (whole.rank == 2)
		whole.dim[whole.rank++] = each.dim[each.rank++] = 1;
	each.dim[0] = whole.dim[1];
	for (int i = 1; i < each.rank; i++)
		each.dim[i] = 1;
	Value *y = site_reshape(s, x, whole);
	y = y ? normalized(s, y, 2, each) : NULL;
	s->out[0] = y ? site_reshape(s, y, x->shape) : NULL;
	return s->out[0] != NULL;
}

/* [N, C, ...] as [N, groups, C / groups, rest]. Until opset 20 a scale is one
 * of a group, then of a channel. */
bool convert_group_norm(Site *s)
{
	int64_t groups = site_int(s, "num_groups", 0);
	if (!has_channels(s))
		return false;
	const Shape from = s->in[0]->shape;
	int64_t channels = from.dim[1], rest = 1;
	if (groups < 1 || channels % groups) {
		site_error(s, "cannot divide %lld channels into %lld groups",
		           (long long)channels, (long long)groups);
		return false;
	}
	bool by_group = s->opset < 21;
	Value *x = checked_input(s, by_group ? groups : channels);
	if (!x)
		return false;
	for (int i = 2; i < from.rank; i++)
		rest *= from.dim[i];
	Shape rows = {4, {from.dim[0], groups, channels / groups, rest}};
	Shape each = {3, {groups, by_group ? 1 : channels / groups, 1}};
	Value *y = site_reshape(s, x, rows);
	y = y ? normalized(s, y, 2, each) : NULL;
	s->out[0] = y ? site_reshape(s, y, from) : NULL;
	return s->out[0] != NULL;
}

/* ---- MeanVarianceNormalization, LpNormalization, LRN ---- */

static Value *reduced(Site *s, const char *name, Value *x, int n,
                      const int64_t *axes)
{
	const OpDef *op = site_op(s, name);
	if (!op)
		return NULL;
	Node *r = node_new(s->im->g, s->loc, op, 1, &x);
	node_set_ints(s->im->g, r, "axes", n, axes);
	node_set_int(s->im->g, r, "keepdims", 1);
	return site_done(s, r);
}

/* y = (x - mean) / (sqrt(mean of its square) + 1e-9). */
bool convert_mean_variance_norm(Site *s)
{
	static const int64_t usual[] = {0, 2, 3};
	Graph *g = s->im->g;
	int n, axis[MAX_RANK];
	const int64_t *axes = site_ints(s, "axes", &n);
	Value *x = site_in(s, 0);
	if (!axes) {
		axes = usual;
		n = 3;
	}
	if (!x || !site_axes(s, n, axes, x->shape.rank, axis))
		return false;
	Value *mean = reduced(s, "ReduceMean", x, n, axes);
	Value *c = mean ? site_apply(s, "Sub", 2, (Value *[]){x, mean}) : NULL;
	Value *square = c ? site_apply(s, "Mul", 2, (Value *[]){c, c}) : NULL;
	Value *v = square ? reduced(s, "ReduceMean", square, n, axes) : NULL;
	Value *size = v ? site_apply(s, "Sqrt", 1, &v) : NULL;
	if (!size)
		return false;
	size = site_apply(s, "Add", 2, (Value *[]){
		size, graph_scalar(g, x->dtype, 1e-9)});
	s->out[0] = size ? site_apply(s, "Div", 2, (Value *[]){c, size}) : NULL;
	return s->out[0] != NULL;
}

/* y = x / its norm along an axis; 0 where that is 0, as then all of x is. */
bool convert_lp_norm(Site *s)
{
	Value *x = site_in(s, 0);
	int64_t p = site_int(s, "p", 2), along;
	int axis;
	if (!x || !site_axis(s, site_int(s, "axis", -1), x->shape.rank, &axis))
		return false;
	if (p != 1 && p != 2) {
		site_error(s, "p is %lld, expected 1 or 2", (long long)p);
		return false;
	}
	along = axis;
	Value *norm = reduced(s, p == 1 ? "ReduceL1" : "ReduceL2", x, 1, &along);
	norm = norm ? site_apply(s, "Max", 2, (Value *[]){
		norm, graph_scalar(s->im->g, x->dtype, 1e-30)}) : NULL;
	s->out[0] = norm ? site_apply(s, "Div", 2, (Value *[]){x, norm}) : NULL;
	return s->out[0] != NULL;
}

/* [N, C, rest] as one image of C rows for each example, over whose windows of
 * `size` rows an average is taken. */
static Value *channel_average(Site *s, Value *x, int64_t size)
{
	Graph *g = s->im->g;
	Shape image = {4, {x->shape.dim[0], 1, x->shape.dim[1], 1}};
	for (int i = 2; i < x->shape.rank; i++)
		image.dim[3] *= x->shape.dim[i];
	const OpDef *op = site_op(s, "AveragePool");
	Value *y = op ? site_reshape(s, x, image) : NULL;
	if (!y)
		return NULL;
	int64_t before = (size - 1) / 2, after = size - 1 - before;
	Node *n = node_new(g, s->loc, op, 1, &y);
	node_set_ints(g, n, "kernel_shape", 2, (int64_t[]){size, 1});
	node_set_ints(g, n, "strides", 2, (int64_t[]){1, 1});
	node_set_ints(g, n, "dilations", 2, (int64_t[]){1, 1});
	node_set_ints(g, n, "pads", 4, (int64_t[]){before, 0, after, 0});
	node_set_int(g, n, "count_include_pad", 1);
	y = site_done(s, n);
	return y ? site_reshape(s, y, x->shape) : NULL;
}

/* y = x / (bias + alpha (mean over a window of channels of x^2))^beta. */
bool convert_lrn(Site *s)
{
	Graph *g = s->im->g;
	int64_t size = site_int(s, "size", 0);
	if (!has_channels(s))
		return false;
	if (size < 1 || size > INT32_MAX) {
		site_error(s, "its size is %lld, expected 1 to 2^31 - 1", (long long)size);
		return false;
	}
	Value *x = s->in[0];
	Value *square = site_apply(s, "Mul", 2, (Value *[]){x, x});
	Value *v = square ? channel_average(s, square, size) : NULL;
	v = v ? site_apply(s, "Mul", 2, (Value *[]){
		v, graph_scalar(g, x->dtype, site_float(s, "alpha", 1e-4))})
	      : NULL;
	v = v ? site_apply(s, "Add", 2, (Value *[]){
		v, graph_scalar(g, x->dtype, site_float(s, "bias", 1))}) : NULL;
	v = v ? site_apply(s, "Pow", 2, (Value *[]){
		v, graph_scalar(g, x->dtype, site_float(s, "beta", 0.75))})
	      : NULL;
	s->out[0] = v ? site_apply(s, "Div", 2, (Value *[]){x, v}) : NULL;
	return s->out[0] != NULL;
}
