#include "ir/conv.h"

#include "runtime/workspace.h"

Conv conv_of(const Node *n, const Value *x, const Value *w, const Value *y)
{
	return (Conv){
		.win = window_of(n, w->shape, w->shape.dim + 2),
		.groups = attr_int(n, CONV_GROUP), .x = x, .w = w, .y = y,
	};
}

static bool check_channels(Unit *u, const Node *n, Shape x, Shape w)
{
	int64_t groups = attr_int(n, CONV_GROUP);
	if (groups < 1 || groups > x.dim[1] || x.dim[1] % groups ||
	    w.dim[0] % groups) {
		error_at(u, n->loc, "group is %lld, which does not divide %lld "
		         "input and %lld output channels", (long long)groups,
		         (long long)x.dim[1], (long long)w.dim[0]);
		return false;
	}
	if (w.dim[1] != x.dim[1] / groups) {
		error_at(u, n->loc, "weight has %lld input channels, input has "
		         "%lld%s", (long long)w.dim[1],
		         (long long)(x.dim[1] / groups),
		         groups > 1 ? " per group" : "");
		return false;
	}
	return true;
}

static bool check_weight(Unit *u, const Node *n, Shape x, Shape w)
{
	if (w.rank == x.rank)
		return true;
	error_at(u, n->loc, "weight has %d dimensions, input has %d", w.rank,
	         x.rank);
	return false;
}

bool conv_shape(Unit *u, const Node *n, Shape x, Shape w, Shape *y)
{
	if (!check_weight(u, n, x, w) ||
	    !window_check(u, n, x, w.dim + 2) || !check_channels(u, n, x, w))
		return false;
	Window win = window_of(n, x, w.dim + 2);
	if (!window_outputs(u, n, &win, x, false, y))
		return false;
	y->dim[0] = x.dim[0];
	y->dim[1] = w.dim[0];
	return true;
}

bool conv_check(Unit *u, const Node *n, Shape x, Shape w, Shape y)
{
	Shape want = {0};
	if (!conv_shape(u, n, x, w, &want))
		return false;
	if (!shape_equal(want, y)) {
		error_at(u, n->loc, "convolving %s with %s gives %s, found %s",
		         shape_text(u->arena, x), shape_text(u->arena, w),
		         shape_text(u->arena, want), shape_text(u->arena, y));
		return false;
	}
	return true;
}

const Value *conv_bias(const Node *n)
{
	return n->nin > 2 ? n->in[2] : NULL;
}

bool conv_inputs(Unit *u, const Node *n, int64_t channels)
{
	const Value *bias = conv_bias(n);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && (n->in[i]->dtype != n->in[0]->dtype ||
		                 !dtype_is_float(n->in[i]->dtype))) {
			error_at(u, n->loc, "input %d is %s, input 0 is %s; "
			         "expected one floating-point type", i,
			         dtype_name(n->in[i]->dtype),
			         dtype_name(n->in[0]->dtype));
			return false;
		}
	if (!bias ||
	    (bias->shape.rank == 1 && bias->shape.dim[0] == channels))
		return true;
	error_at(u, n->loc, "bias has shape %s, expected [%lld]",
	         shape_text(u->arena, bias->shape), (long long)channels);
	return false;
}

Value *conv_gradient(Graph *g, const Node *n, const OpDef *op, Value *a,
                     Value *b, Shape shape)
{
	Node *d = node_new(g, n->loc, op, 2, (Value *[]){a, b});
	node_copy_attrs(g, d, n);
	node_set_ints(g, d, "shape", shape.rank, shape.dim);
	return node_done(g, d);
}

/* Field `d` counts from the last spatial dimension; a missing one is 1 high. */
static int64_t from_end(const int64_t *dim, int rank, int d, int64_t missing)
{
	return d < rank ? dim[rank - 1 - d] : missing;
}

static int64_t rows_of(const Conv *c)
{
	return c->rows ? c->rows : c->y->shape.dim[1];
}

int64_t conv_row_groups(const Conv *c)
{
	return c->groups == 1 ? 1
	     : rows_of(c) / (c->y->shape.dim[1] / c->groups);
}

Arg conv_struct(const Conv *c)
{
	const Window *w = &c->win;
	const int64_t *x = c->x->shape.dim, *y = c->y->shape.dim;
	int64_t groups = conv_row_groups(c);
	Arg a = {.kind = ARG_STRUCT, .type = "rt_conv", .n = 17};
	int64_t field[] = {
		x[0], c->w->shape.dim[1] * groups,
		from_end(x + 2, w->rank, 1, 1), from_end(x + 2, w->rank, 0, 1),
		rows_of(c),
		from_end(y + 2, w->rank, 1, 1), from_end(y + 2, w->rank, 0, 1),
		from_end(w->cells, w->rank, 1, 1),
		from_end(w->cells, w->rank, 0, 1),
		from_end(w->stride, w->rank, 1, 1),
		from_end(w->stride, w->rank, 0, 1),
		from_end(w->begin, w->rank, 1, 0),
		from_end(w->begin, w->rank, 0, 0),
		from_end(w->dilation, w->rank, 1, 1),
		from_end(w->dilation, w->rank, 0, 1),
		groups, y[1],
	};
	for (int i = 0; i < a.n; i++)
		a.field[i] = field[i];
	return a;
}

/* Do its numbers fit rt_conv? */
static bool fits(const Conv *c)
{
	if (c->win.rank > 2)
		return false;
	Arg a = conv_struct(c);
	for (int i = 0; i < a.n; i++)
		if (a.field[i] > INT32_MAX)
			return false;
	return true;
}

bool conv_callable(const Conv *c)
{
	return c->x->dtype == DT_F32 && c->w->dtype == DT_F32 &&
	       c->y->dtype == DT_F32 && fits(c);
}

static rt_conv call_of(const Conv *c)
{
	Arg a = conv_struct(c);
	int32_t f[17];
	for (int i = 0; i < a.n; i++)
		f[i] = (int32_t)a.field[i];
	return (rt_conv){
		.n = f[0], .c = f[1], .h = f[2], .w = f[3], .o = f[4],
		.oh = f[5], .ow = f[6], .kh = f[7], .kw = f[8], .sh = f[9],
		.sw = f[10], .ph = f[11], .pw = f[12], .dh = f[13],
		.dw = f[14], .groups = f[15], .dyc = f[16],
	};
}

/* A product for each image adds to what those before left. */
Arg conv_go_on(const Conv *c)
{
	rt_conv d = call_of(c);
	Arg one = {.kind = ARG_FLOAT, .epilogue = EP_BETA, .f = 1};
	Arg on = {.kind = ARG_FLOAT, .epilogue = EP_BETA,
	          .f = (double)RT_GO_ON, .name = "RT_GO_ON"};
	return rt_conv_kind(&d) == RT_CONV_POINTWISE ? one : on;
}

bool conv_goes_on(const Arg *a)
{
	return a->kind == ARG_FLOAT && a->epilogue == EP_BETA && a->name;
}

int64_t conv_parts(const Conv *c, ConvKind kind)
{
	rt_conv d = call_of(c);
	return kind == CONV_FORWARD ? rt_conv_forward_parts(&d)
	                            : rt_conv_grad_input_parts(&d);
}

int64_t conv_workspace(const Conv *c, ConvKind kind)
{
	if (!conv_callable(c))
		return 0;
	rt_conv d = call_of(c);
	return kind == CONV_FORWARD ? rt_conv_forward_workspace(&d)
	     : kind == CONV_GRAD_INPUT ? rt_conv_grad_input_workspace(&d)
	     : rt_conv_grad_weight_workspace(&d);
}

const char *conv_integer_function(const Conv *c)
{
	if (!fits(c) || !numel(c->y->shape))
		return NULL;
	rt_conv d = call_of(c);
	return rt_conv_kind(&d) == RT_CONV_DEPTHWISE ? "rt_depth_s8"
	                                             : "rt_conv_s8";
}

int64_t conv_integer_workspace(const Conv *c)
{
	rt_conv d = call_of(c);
	return rt_conv_s8_workspace(&d);
}

bool conv_has_form(const int64_t number[CONV_NUMBERS])
{
	rt_conv d;
	int32_t each[CONV_NUMBERS];
	_Static_assert(sizeof d == sizeof each, "an rt_conv is these numbers");
	for (int i = 0; i < CONV_NUMBERS; i++)
		each[i] = (int32_t)number[i];
	memcpy(&d, each, sizeof d);
	return rt_conv_kind(&d) == RT_CONV_POINTWISE || rt_conv_fits_row(&d);
}

void k_conv_call(Kernel *k, const Conv *c, ConvKind kind, int narg,
                 const Arg arg[])
{
	static const char *const fn[][2] = {
		[CONV_FORWARD] = {"rt_conv_forward", "rt_depth_forward"},
		[CONV_GRAD_INPUT] = {"rt_conv_grad_input",
		                     "rt_depth_grad_input"},
		[CONV_GRAD_WEIGHT] = {"rt_conv_grad_weight",
		                      "rt_depth_grad_weight"},
	};
	rt_conv d = call_of(c);
	int depth = rt_conv_kind(&d) == RT_CONV_DEPTHWISE;
	k_call(k, fn[kind][depth], narg - depth, arg);
}

ConvAt conv_at(const Conv *c, const ConvLoop *l)
{
	int64_t xs = c->x->shape.dim[1] / c->groups;
	int64_t ys = c->y->shape.dim[1] / c->groups;
	Index o = k_sum(k_scaled(k_at(l->g), ys), k_at(l->o));
	ConvAt at = {
		.x = {k_at(l->n), k_sum(k_scaled(k_at(l->g), xs), k_at(l->c))},
		.w = {o, k_at(l->c)},
		.y = {k_at(l->n), o},
	};
	for (int d = 0; d < c->win.rank; d++) {
		Index out = k_at(l->out[d]), cell = k_at(l->cell[d]);
		at.x[2 + d] = window_at(&c->win, d, out, cell);
		at.w[2 + d] = cell;
		at.y[2 + d] = out;
	}
	return at;
}
