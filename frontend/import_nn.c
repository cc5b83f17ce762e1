/* Conv, pooling, BatchNormalization: attributes completed, and what a training
 * step updates is tied to its variables. */
#include "frontend/import_rules.h"
#include "ir/build.h"

#include <string.h>

/* ---- windows ---- */

enum { MAX_SPATIAL = 3 };

typedef struct Window {
	int rank;   /* spatial dimensions */
	int64_t kernel[MAX_SPATIAL], stride[MAX_SPATIAL], dilation[MAX_SPATIAL];
	int64_t pads[2 * MAX_SPATIAL];   /* begins, then ends */
} Window;

/* A list attribute of `want` numbers in [lo, 2^31), or `otherwise` for all. */
static bool window_list(Site *s, const char *name, int want, int64_t lo,
                        int64_t otherwise, int64_t out[])
{
	int n;
	const int64_t *x = site_ints(s, name, &n);
	if (x && n != want) {
		site_error(s, "attribute '%s' has %d numbers, expected %d", name,
		           n, want);
		return false;
	}
	for (int i = 0; i < want; i++) {
		out[i] = x ? x[i] : otherwise;
		if (out[i] < lo || out[i] > INT32_MAX) {
			site_error(s, "attribute '%s' has the number %lld, "
			           "expected %lld or more, below 2^31", name,
			           (long long)out[i], (long long)lo);
			return false;
		}
	}
	return true;
}

/* SAME_UPPER, SAME_LOWER: as many outputs as strides fit; an odd cell of
 * padding goes to the end or the beginning. */
static void same_pads(Window *w, const int64_t dim[], bool lower)
{
	for (int i = 0; i < w->rank; i++) {
		int64_t out = (dim[i] + w->stride[i] - 1) / w->stride[i];
		int64_t span = (w->kernel[i] - 1) * w->dilation[i] + 1;
		int64_t pad = (out - 1) * w->stride[i] + span - dim[i];
		if (pad < 0)
			pad = 0;
		w->pads[i] = lower ? pad - pad / 2 : pad / 2;
		w->pads[w->rank + i] = pad - w->pads[i];
	}
}

static bool window_pads(Site *s, Window *w, const int64_t dim[])
{
	const char *mode = site_string(s, "auto_pad", "NOTSET");
	if (!strcmp(mode, "NOTSET"))
		return window_list(s, "pads", 2 * w->rank, 0, 0, w->pads);
	memset(w->pads, 0, sizeof w->pads);
	if (!strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER"))
		same_pads(w, dim, mode[5] == 'L');
	else if (strcmp(mode, "VALID")) {
		site_error(s, "auto_pad is '%s', expected NOTSET, SAME_UPPER, "
		           "SAME_LOWER or VALID", mode);
		return false;
	}
	return true;
}

static bool read_rank(Site *s, Shape x, Window *w)
{
	w->rank = x.rank - 2;
	if (w->rank >= 1 && w->rank <= MAX_SPATIAL)
		return true;
	site_error(s, "has an input of the shape %s; 1 to %d spatial dimensions "
	           "are supported", shape_text(s->im->u->arena, x),
	           MAX_SPATIAL);
	return false;
}

/* All but the pads. kernel: the weight's spatial dimensions; NULL: the attribute
 * says. */
static bool read_cells(Site *s, Shape x, const int64_t *kernel, Window *w)
{
	if (!read_rank(s, x, w))
		return false;
	if (!kernel && !site_attr(s, "kernel_shape")) {
		site_error(s, "has no attribute 'kernel_shape'");
		return false;
	}
	if (!window_list(s, "kernel_shape", w->rank, 1, 1, w->kernel) ||
	    !window_list(s, "strides", w->rank, 1, 1, w->stride) ||
	    !window_list(s, "dilations", w->rank, 1, 1, w->dilation))
		return false;
	for (int i = 0; kernel && i < w->rank; i++) {
		if (site_attr(s, "kernel_shape") && w->kernel[i] != kernel[i]) {
			site_error(s, "kernel_shape says %lld, the weight has "
			           "%lld", (long long)w->kernel[i],
			           (long long)kernel[i]);
			return false;
		}
		w->kernel[i] = kernel[i];
	}
	return true;
}

static bool read_window(Site *s, Shape x, const int64_t *kernel, Window *w)
{
	return read_cells(s, x, kernel, w) && window_pads(s, w, x.dim + 2);
}

static void set_window(Site *s, Node *n, const Window *w)
{
	Graph *g = s->im->g;
	node_set_ints(g, n, "kernel_shape", w->rank, w->kernel);
	node_set_ints(g, n, "strides", w->rank, w->stride);
	node_set_ints(g, n, "dilations", w->rank, w->dilation);
	node_set_ints(g, n, "pads", 2 * w->rank, w->pads);
}

/* The input and the weight of a convolution fit together. */
static bool check_weight(Site *s, int i)
{
	const Value *x = site_in(s, 0), *weight = site_in(s, i);
	if (x && weight && weight->shape.rank == x->shape.rank)
		return true;
	site_error(s, "its weight has %d dimensions, its input %d, expected as "
	           "many", weight ? weight->shape.rank : 0,
	           x ? x->shape.rank : 0);
	return false;
}

Node *site_conv(Site *s, int weight)
{
	Window w;
	if (!check_weight(s, weight) ||
	    !read_window(s, s->in[0]->shape, s->in[weight]->shape.dim + 2, &w))
		return NULL;
	Node *n = site_node(s, s->nin);
	if (!n)
		return NULL;
	set_window(s, n, &w);
	node_set_int(s->im->g, n, "group", site_int(s, "group", 1));
	return n;
}

bool convert_conv(Site *s)
{
	Node *n = site_conv(s, 1);
	return n && site_result(s, n);
}

/* Pads such that the output has the size `out`; what is missing is added at the
 * end. */
static void pads_for_size(Site *s, Window *w, const int64_t in[],
                          const int64_t out[], int64_t extra[])
{
	bool upper = !strcmp(site_string(s, "auto_pad", ""), "SAME_UPPER");
	for (int i = 0; i < w->rank; i++) {
		int64_t span = (w->kernel[i] - 1) * w->dilation[i] + 1;
		int64_t pad = (in[i] - 1) * w->stride[i] + span + extra[i] -
		              out[i];
		if (pad < 0) {
			extra[i] -= pad;
			pad = 0;
		}
		w->pads[i] = upper ? pad / 2 : pad - pad / 2;
		w->pads[w->rank + i] = pad - w->pads[i];
	}
}

static bool transposed_pads(Site *s, Window *w, const int64_t in[],
                            int64_t extra[])
{
	int64_t out[MAX_SPATIAL];
	bool same = !strncmp(site_string(s, "auto_pad", ""), "SAME_", 5);
	if (!same && !site_attr(s, "output_shape"))
		return window_pads(s, w, in);
	if (!window_list(s, "output_shape", w->rank, 1, 1, out))
		return false;
	for (int i = 0; same && i < w->rank; i++)
		out[i] = in[i] * w->stride[i];
	pads_for_size(s, w, in, out, extra);
	return true;
}

bool convert_conv_transpose(Site *s)
{
	Window w;
	int64_t extra[MAX_SPATIAL];
	if (!check_weight(s, 1) ||
	    !read_cells(s, s->in[0]->shape, s->in[1]->shape.dim + 2, &w) ||
	    !window_list(s, "output_padding", w.rank, 0, 0, extra) ||
	    !transposed_pads(s, &w, s->in[0]->shape.dim + 2, extra))
		return false;
	Node *n = site_node(s, s->nin);
	if (!n)
		return false;
	set_window(s, n, &w);
	node_set_int(s->im->g, n, "group", site_int(s, "group", 1));
	node_set_ints(s->im->g, n, "output_padding", w.rank, extra);
	return site_result(s, n);
}

/* MaxPool's second output, from the place in its window that the node also
 * gives. */
static bool max_indices(Site *s, Node *n)
{
	Graph *g = s->im->g;
	const OpDef *op = site_op(s, "MaxPoolIndices");
	if (!op)
		return false;
	Node *i = node_new(g, s->loc, op, 1, &n->out[1]);
	Shape x = n->in[0]->shape;
	node_copy_attrs(g, i, n);
	node_set_ints(g, i, "shape", x.rank, x.dim);
	node_set_int(g, i, "storage_order", site_int(s, "storage_order", 0));
	s->out[1] = site_done(s, i);
	return s->out[1] != NULL;
}

bool convert_pool(Site *s)
{
	Value *x = site_in(s, 0);
	Window w;
	if (!x || !read_window(s, x->shape, NULL, &w))
		return false;
	Node *n = site_node(s, 1);
	if (!n)
		return false;
	set_window(s, n, &w);
	node_set_int(s->im->g, n, "ceil_mode", site_int(s, "ceil_mode", 0));
	if (op_attr(n->op, "count_include_pad") >= 0)
		node_set_int(s->im->g, n, "count_include_pad",
		             site_int(s, "count_include_pad", 0));
	if (op_attr(n->op, "p") >= 0)
		node_set_int(s->im->g, n, "p", site_int(s, "p", 2));
	if (!site_wants(s, 1) || n->op->max_out < 2)
		return site_result(s, n);
	node_set_outputs(s->im->g, n, 2);
	return site_result(s, n) && max_indices(s, n);
}

/* A window of the input's size. */
bool convert_global_lp_pool(Site *s)
{
	Window w = {.rank = 0};
	Value *x = site_in(s, 0);
	const OpDef *op = site_op(s, "LpPool");
	if (!x || !op || !read_rank(s, x->shape, &w))
		return false;
	for (int i = 0; i < w.rank; i++) {
		w.kernel[i] = x->shape.dim[2 + i];
		w.stride[i] = w.dilation[i] = 1;
	}
	Node *n = node_new(s->im->g, s->loc, op, 1, &x);
	set_window(s, n, &w);
	node_set_int(s->im->g, n, "p", site_int(s, "p", 2));
	return site_result(s, n);
}

/* Each window had a place of its own. */
static bool unpooled_shape(Site *s, Shape x, Shape *y)
{
	Window w;
	*y = x;
	if (!read_window(s, x, NULL, &w))
		return false;
	for (int d = 0; d < w.rank; d++)
		y->dim[2 + d] = (x.dim[2 + d] - 1) * w.stride[d] + w.kernel[d] -
		                w.pads[d] - w.pads[w.rank + d];
	return shape_valid(*y);
}

/* Zeros at the ends, up to the shape that input 2 asks for. */
static Value *pad_ends(Site *s, Value *x)
{
	Shape want = x->shape;
	int64_t pads[2 * MAX_RANK] = {0};
	if (site_in(s, 2) && !site_shape(s, 2, &want))
		return NULL;
	bool fits = want.rank == x->shape.rank;
	for (int d = 0; fits && d < want.rank; d++) {
		pads[want.rank + d] = want.dim[d] - x->shape.dim[d];
		fits = pads[want.rank + d] >= 0;
	}
	if (!fits) {
		site_error(s, "output_shape is %s, less than the windows' %s",
		           shape_text(s->im->u->arena, want),
		           shape_text(s->im->u->arena, x->shape));
		return NULL;
	}
	if (shape_equal(want, x->shape))
		return x;
	const OpDef *op = site_op(s, "Pad");
	Node *n = op ? node_new(s->im->g, s->loc, op, 1, &x) : NULL;
	if (!n)
		return NULL;
	node_set_ints(s->im->g, n, "pads", 2 * want.rank, pads);
	return site_done(s, n);
}

/* Zeros, and x where MaxPool's indices, counted over all of what it read, say. */
bool convert_max_unpool(Site *s)
{
	Graph *g = s->im->g;
	Value *x = site_in(s, 0), *indices = site_in(s, 1);
	const OpDef *op = site_op(s, "ScatterElements");
	Shape y, flat = {.rank = 1}, all = {.rank = 1};
	if (!x || !indices || !op || !unpooled_shape(s, x->shape, &y))
		return false;
	flat.dim[0] = numel(x->shape);
	all.dim[0] = numel(y);
	Value *zero = graph_scalar(g, x->dtype, 0);
	Value *in[] = {build_expand(g, s->loc, zero, all),
	               site_reshape(s, indices, flat),
	               site_reshape(s, x, flat)};
	if (!in[0] || !in[1] || !in[2])
		return false;
	Value *v = site_done(s, node_new(g, s->loc, op, 3, in));
	v = v ? site_reshape(s, v, y) : NULL;
	s->out[0] = v ? pad_ends(s, v) : NULL;
	return s->out[0] != NULL;
}

/* ---- BatchNormalization ---- */

/* Until opset 13 the number of outputs says it, then an attribute; PyTorch's
 * exporter of today says it beside the graph only. */
static bool is_training(const Site *s)
{
	if (torch_norm_trains(s->n))
		return true;
	if (s->opset >= 14)
		return site_int(s, "training_mode", 0) != 0;
	int named = 0;
	for (int o = 0; o < s->n->nout; o++)
		named += *s->n->out[o] != 0;
	return named > 1;
}

/* A module that is called twice updates its statistics twice: the second node
 * continues from the result of the first. */
static Value *current_statistic(Graph *g, Value *v, Variable **var)
{
	*var = v->kind == V_VARIABLE ? v->var : NULL;
	for (Node *n = *var && (*var)->mutable ? g->last : NULL; n; n = n->prev)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var == *var) {
				n->out[o]->var = NULL;
				return n->out[o];
			}
	return v;
}

/* An exporter may keep one of several equal initializers, so that what one node
 * updates as a statistic is another's weight, or its other statistic: here the
 * two part. */
static Value *own_statistic(Site *s, Value *v, const Value *other,
                            const char *what)
{
	bool own = v->kind == V_VARIABLE && v->var->role == VAR_BUFFER;
	if (v->kind != V_VARIABLE || (own && v != other))
		return v;
	const char *name = arena_printf(s->im->u->arena, "%s.%s", s->loc.node,
	                                what);
	return import_new_buffer(s->im, name, v);
}

static void update_variable(Value *result, Variable *var)
{
	if (!var)
		return;
	var->mutable = true;
	result->var = var;
}

static bool convert_training(Site *s)
{
	Graph *g = s->im->g;
	Variable *mean, *var;
	const OpDef *op = site_op(s, "BatchNormalizationTrain");
	if (!op)
		return false;
	s->in[3] = own_statistic(s, s->in[3], NULL, "running_mean");
	s->in[4] = own_statistic(s, s->in[4], s->in[3], "running_var");
	s->in[3] = current_statistic(g, s->in[3], &mean);
	s->in[4] = current_statistic(g, s->in[4], &var);
	Node *n = node_new(g, s->loc, op, 5, s->in);
	node_set_float(g, n, "epsilon", site_float(s, "epsilon", 1e-5));
	node_set_float(g, n, "momentum", site_float(s, "momentum", 0.9));
	/* PyTorch's, whatever ONNX says of its files. */
	node_set_int(g, n, "unbiased", torch_made(s->im));
	node_set_outputs(g, n, 5);
	if (!site_done(s, n))
		return false;
	update_variable(n->out[3], mean);
	update_variable(n->out[4], var);
	s->out[0] = n->out[0];
	for (int o = 1; o < 3 && o < s->nout; o++)
		s->out[o] = n->out[2 + o];
	return true;
}

bool convert_batch_norm(Site *s)
{
	for (int i = 0; i < 5; i++)
		if (!site_in(s, i)) {
			site_error(s, "input %d is missing", i);
			return false;
		}
	if (site_int(s, "spatial", 1) != 1) {
		site_error(s, "spatial=0 is not supported: export with opset 9 or later");
		return false;
	}
	if (is_training(s))
		return convert_training(s);
	Node *n = site_node(s, 5);
	if (!n)
		return false;
	node_set_float(s->im->g, n, "epsilon", site_float(s, "epsilon", 1e-5));
	return site_result(s, n);
}
