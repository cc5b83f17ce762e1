#include "ir/integer.h"

#include "ir/product.h"
#include "ir/quantize.h"

static const Value *input(const Node *n, int i)
{
	return i < n->nin ? n->in[i] : NULL;
}

/* The element of v, which stretches to y, at that place of y. */
static Expr *stretched(Kernel *k, const Node *n, const Value *v,
                       const Index at[])
{
	Index of[MAX_RANK];
	at += n->out[0]->shape.rank - v->shape.rank;
	for (int d = 0; d < v->shape.rank; d++)
		of[d] = v->shape.dim[d] == 1 ? k_const(0) : at[d];
	return k_load_at(k, v, of);
}

/* ---- what becomes of a sum ---- */

static void store_sum(Kernel *k, const Node *n, const Index at[], Expr *sum)
{
	k_store_at(k, n->out[0], at, sum);
}

static void store_requantized(Kernel *k, const Node *n, const Index at[],
                              Expr *sum)
{
	static const int of[] = {QL_A_SCALE, QL_B_SCALE, QL_Y_SCALE};
	const Value *y = n->out[0];
	Expr *scale[3];
	for (int i = 0; i < 3; i++)
		scale[i] = stretched(k, n, n->in[of[i]], at);
	Expr *all = k_div(k, k_mul(k, scale[0], scale[1]), scale[2]);
	Expr *x = k_rint(k, k_mul(k, k_cast(k, all->type, sum), all));
	Expr *zero = stretched(k, n, n->in[QL_Y_ZERO], at);
	x = k_add(k, x, k_cast(k, x->type, zero));
	x = k_min(k, k_max(k, x, k_num(k, quantize_least(y->dtype))),
	          k_num(k, quantize_greatest(y->dtype)));
	k_store_at(k, y, at, k_cast(k, DT_I32, x));
}

IntegerProduct integer_sums(const Node *n)
{
	return (IntegerProduct){n, n->in[0], n->in[1], input(n, 2), input(n, 3),
	                        store_sum};
}

IntegerProduct integer_requantized(const Node *n)
{
	return (IntegerProduct){n, n->in[QL_A], n->in[QL_B], n->in[QL_A_ZERO],
	                        n->in[QL_B_ZERO], store_requantized};
}

/* ---- types and shapes ---- */

static bool is_byte(DType t)
{
	return t == DT_I8 || t == DT_U8;
}

static bool check_operand(Unit *u, const Node *n, const Value *v,
                          const Value *zero)
{
	if (is_byte(v->dtype) && (!zero || zero->dtype == v->dtype))
		return true;
	error_at(u, n->loc, "an operand is %s, its zero point %s; expected two "
	         "of one type, i8 or u8", dtype_name(v->dtype),
	         zero ? dtype_name(zero->dtype) : "missing");
	return false;
}

static bool stretches(Unit *u, const Node *n, int i)
{
	Shape y = n->out[0]->shape, both;
	if (!n->in[i] || (shape_broadcast(n->in[i]->shape, y, &both) &&
	                  shape_equal(both, y)))
		return true;
	error_at(u, n->loc, "input %d, a scale or a zero point, has the shape "
	         "%s, which does not stretch to the result's, %s", i,
	         shape_text(u->arena, n->in[i]->shape),
	         shape_text(u->arena, y));
	return false;
}

static bool check_scale(Unit *u, const Node *n, int i)
{
	if (n->in[i] && n->in[i]->dtype == n->in[QL_A_SCALE]->dtype &&
	    dtype_is_float(n->in[i]->dtype))
		return stretches(u, n, i);
	error_at(u, n->loc, "input %d, a scale, is %s; expected one "
	         "floating-point type for all", i,
	         n->in[i] ? dtype_name(n->in[i]->dtype) : "missing");
	return false;
}

static bool infer_requantized(Unit *u, Node *n)
{
	const Value *zero = n->in[QL_Y_ZERO];
	n->out[0]->dtype = zero->dtype;
	return check_operand(u, n, zero, NULL) &&
	       check_scale(u, n, QL_A_SCALE) && check_scale(u, n, QL_B_SCALE) &&
	       check_scale(u, n, QL_Y_SCALE) && stretches(u, n, QL_A_ZERO) &&
	       stretches(u, n, QL_B_ZERO) && stretches(u, n, QL_Y_ZERO);
}

bool integer_infer(Unit *u, Node *n, const IntegerProduct *p)
{
	if (!check_operand(u, n, p->a, p->a_zero) ||
	    !check_operand(u, n, p->b, p->b_zero))
		return false;
	if (p->store == store_requantized)
		return infer_requantized(u, n);
	n->out[0]->dtype = DT_I32;
	return (n->nin < 3 || stretches(u, n, 2)) &&
	       (n->nin < 4 || stretches(u, n, 3));
}

bool integer_matrices(Unit *u, const Node *n, Shape a, Shape b, Shape *y)
{
	Shape as = a, bs = b;
	as.rank -= 2;
	bs.rank -= 2;
	bool fits = a.rank >= 2 && b.rank >= 2 &&
	            a.dim[a.rank - 1] == b.dim[b.rank - 2] &&
	            shape_broadcast(as, bs, y);
	if (!fits) {
		error_at(u, n->loc, "cannot multiply %s by %s",
		         shape_text(u->arena, a), shape_text(u->arena, b));
		return false;
	}
	y->dim[y->rank++] = a.dim[a.rank - 2];
	y->dim[y->rank++] = b.dim[b.rank - 1];
	return true;
}

/* ---- loop nests ---- */

/* A zero point as an i32 variable; -1: there is none. */
static int zero_of(Kernel *k, const Node *n, const Value *zero,
                   const Index at[])
{
	if (!zero || value_is_scalar_const(zero, 0))
		return -1;
	return k_var(k, stretched(k, n, zero, at));
}

static Expr *centred(Kernel *k, Expr *x, int zero)
{
	return zero < 0 ? x : k_sub(k, x, k_get(k, zero));
}

static int begin_sum(Kernel *k)
{
	return k_var(k, k_typed(k, DT_I32, 0));
}

static void add(Kernel *k, int sum, Expr *a, Expr *b)
{
	k_set(k, sum, k_add(k, k_get(k, sum), k_mul(k, a, b)));
}

/* Is the element of x in its spatial dimensions? NULL: it always is. */
static Expr *inside(Kernel *k, const Conv *c, const ConvAt *at)
{
	Expr *all = NULL, *zero = k_typed(k, DT_I32, 0);
	for (int d = 0; d < c->win.rank; d++) {
		if (!c->win.begin[d] && !c->win.end[d])
			continue;
		int64_t size = c->x->shape.dim[2 + d];
		Expr *i = k_index(k, at->x[2 + d]);
		Expr *in = k_mul(k, k_ge(k, i, zero),
		                 k_lt(k, i, k_typed(k, DT_I32, (double)size)));
		all = all ? k_mul(k, all, in) : in;
	}
	return all;
}

/* The padding is x's zero point: it adds nothing. */
static Expr *centred_input(Kernel *k, const Conv *c, const ConvAt *at, int zero)
{
	Expr *x = centred(k, k_load_padded(k, c->x, at->x, 0), zero);
	Expr *in = zero < 0 ? NULL : inside(k, c, at);
	return in ? k_mul(k, x, in) : x;
}

static Expr *with_bias(Kernel *k, const Node *n, const ConvAt *at, Expr *sum)
{
	const Value *bias = input(n, QL_BIAS);
	return bias ? k_add(k, sum, k_load_at(k, bias, &at->y[1])) : sum;
}

static void conv_loops(Kernel *k, const IntegerProduct *p, const Conv *c)
{
	const Node *n = p->node;
	ConvLoop l;
	l.n = k_for(k, c->y->shape.dim[0]);
	l.g = k_for(k, c->groups);
	l.o = k_for(k, c->y->shape.dim[1] / c->groups);
	window_for_outputs(k, &c->win, c->y->shape, l.out);
	l.c = 0;
	for (int d = 0; d < c->win.rank; d++)
		l.cell[d] = 0;
	ConvAt at = conv_at(c, &l);
	int x_zero = zero_of(k, n, p->a_zero, at.y);
	int w_zero = zero_of(k, n, p->b_zero, at.y);
	int sum = begin_sum(k);
	l.c = k_for(k, c->w->shape.dim[1]);
	window_for_cells(k, &c->win, l.cell);
	at = conv_at(c, &l);
	add(k, sum, centred_input(k, c, &at, x_zero),
	    centred(k, k_load_at(k, c->w, at.w), w_zero));
	k_end_n(k, 1 + c->win.rank);
	p->store(k, n, at.y, with_bias(k, n, &at, k_get(k, sum)));
	k_end_n(k, 3 + c->win.rank);
}

/* ---- calls ---- */

/* What the runtime is given: NULL where all are 0, which it is better at. */
static const Value *zeros(const Value *v)
{
	if (!v || v->kind != V_CONST)
		return v;
	for (int64_t i = 0; i < numel(v->shape); i++)
		if (dtype_get(v->dtype, v->data, i).i)
			return v;
	return NULL;
}

static bool is_one(const Value *v)
{
	return !v || numel(v->shape) == 1;
}

/* One number, or one for each place along that axis of y. */
static bool is_along(const Value *v, const Value *y, int axis)
{
	if (is_one(v))
		return true;
	axis -= y->shape.rank - v->shape.rank;
	return axis >= 0 && numel(v->shape) == v->shape.dim[axis];
}

static bool is_float(const Value *v)
{
	return v->dtype == DT_F32;
}

static bool requantizes(const IntegerProduct *p)
{
	return p->store == store_requantized;
}

static bool scales_fit(const Node *n, int axis)
{
	return is_float(n->in[QL_A_SCALE]) && is_one(n->in[QL_A_SCALE]) &&
	       is_one(n->in[QL_Y_SCALE]) && is_one(n->in[QL_Y_ZERO]) &&
	       is_along(n->in[QL_B_SCALE], n->out[0], axis);
}

/* Are the types and scales such that the runtime has a function? Those of b go
 * along that axis of y. */
static bool is_callable(const IntegerProduct *p, int axis)
{
	const Node *n = p->node;
	return p->b->dtype == DT_I8 && is_one(p->a_zero) &&
	       is_along(p->b_zero, n->out[0], axis) &&
	       (!requantizes(p) || scales_fit(n, axis));
}

/* NULL: there is none. */
static const char *conv_function(const IntegerProduct *p, const Conv *c)
{
	return is_callable(p, 1) ? conv_integer_function(c) : NULL;
}

int64_t integer_conv_workspace(const IntegerProduct *p, const Conv *c)
{
	return conv_function(p, c) ? conv_integer_workspace(c) : 0;
}

/* rt_s8. */
static Arg kinds(const IntegerProduct *p)
{
	const Value *scale = requantizes(p) ? p->node->in[QL_B_SCALE] : NULL;
	return (Arg){.kind = ARG_STRUCT, .type = "rt_s8", .n = 4, .field = {
		p->a->dtype == DT_U8, p->node->out[0]->dtype == DT_U8,
		scale ? numel(scale->shape) : 1,
		zeros(p->b_zero) ? numel(p->b_zero->shape) : 1}};
}

static Arg operand(const IntegerProduct *p, int i)
{
	return (Arg){.v = requantizes(p) ? input(p->node, i) : NULL};
}

/* Parts of x and y that go in order: images, or planes where there is no
 * workspace. */
static int64_t conv_call_parts(const Conv *c, const Value *columns)
{
	return c->x->shape.dim[0] * (columns ? 1 : c->x->shape.dim[1]);
}

void k_integer_conv(Kernel *k, const IntegerProduct *p, const Conv *c)
{
	const char *fn = conv_function(p, c);
	const Value *columns = node_workspace(p->node);
	bool call = fn && (columns || !conv_integer_workspace(c));
	int64_t parts = conv_call_parts(c, columns);
	if (call)
		k_call(k, fn, columns ? 13 : 12, (Arg[]){
			conv_struct(c), kinds(p), {.v = c->x, .parts = parts},
			{.v = p->a_zero}, operand(p, QL_A_SCALE), {.v = c->w},
			{.v = zeros(p->b_zero)}, operand(p, QL_B_SCALE),
			operand(p, QL_BIAS), operand(p, QL_Y_SCALE),
			operand(p, QL_Y_ZERO), {.v = c->y, .parts = parts},
			{.v = columns}});
	conv_loops(k, p, c);
	if (call)
		k_end(k);
}

/* The matrix's element: its batch goes with that of y. */
static Expr *element(Kernel *k, const Node *n, const Value *v, const Index at[],
                     Index row, Index column)
{
	Index of[MAX_RANK];
	int rank = v->shape.rank;
	at += n->out[0]->shape.rank - rank;
	for (int d = 0; d < rank - 2; d++)
		of[d] = v->shape.dim[d] == 1 ? k_const(0) : at[d];
	of[rank - 2] = row;
	of[rank - 1] = column;
	return k_load_at(k, v, of);
}

/* Rows of a, and columns and rows of b; false if there is no function. */
static bool matmul_callable(const IntegerProduct *p, int64_t *m, int64_t *n,
                            int64_t *k)
{
	Shape b = p->b->shape, y = p->node->out[0]->shape;
	*m = *n = *k = 0;
	if (b.rank != 2 || !numel(y) || !is_callable(p, y.rank - 1))
		return false;
	*k = b.dim[0], *n = b.dim[1], *m = numel(y) / *n;
	return *k > 0 && *m <= INT32_MAX && *n <= INT32_MAX && *k <= INT32_MAX;
}

int64_t integer_matmul_workspace(const IntegerProduct *p)
{
	int64_t m, n, k;
	return matmul_callable(p, &m, &n, &k) ? product_integer_workspace(k)
	                                      : 0;
}

static void matmul_loops(Kernel *k, const IntegerProduct *p)
{
	const Node *n = p->node;
	Shape y = n->out[0]->shape;
	int loop[MAX_RANK];
	Index at[MAX_RANK];
	k_for_shape(k, y, loop);
	for (int d = 0; d < y.rank; d++)
		at[d] = k_at(loop[d]);
	int a_zero = zero_of(k, n, p->a_zero, at);
	int b_zero = zero_of(k, n, p->b_zero, at);
	int sum = begin_sum(k);
	int i = k_for(k, p->a->shape.dim[p->a->shape.rank - 1]);
	add(k, sum,
	    centred(k, element(k, n, p->a, at, at[y.rank - 2], k_at(i)), a_zero),
	    centred(k, element(k, n, p->b, at, k_at(i), at[y.rank - 1]),
	            b_zero));
	k_end(k);
	p->store(k, n, at, k_get(k, sum));
	k_end_n(k, y.rank);
}

void k_integer_matmul(Kernel *k, const IntegerProduct *p)
{
	const Value *row = node_workspace(p->node), *y = p->node->out[0];
	int64_t rows, columns, steps;
	bool call = row && matmul_callable(p, &rows, &columns, &steps);
	if (call)
		k_call(k, "rt_gemm_s8", 14, (Arg[]){
			kinds(p), {.kind = ARG_INT, .i = rows},
			{.kind = ARG_INT, .i = columns},
			{.kind = ARG_INT, .i = steps},
			{.v = p->a, .parts = rows}, {.v = p->a_zero},
			operand(p, QL_A_SCALE), {.v = p->b},
			{.v = zeros(p->b_zero)},
			operand(p, QL_B_SCALE), operand(p, QL_Y_SCALE),
			operand(p, QL_Y_ZERO), {.v = y, .parts = rows},
			{.v = row}});
	matmul_loops(k, p);
	if (call)
		k_end(k);
}

/* ---- parts ---- */

bool integer_rows(const Node *n, const Value *b, const bool part[],
                  PartKind out[])
{
	int rank = n->out[0]->shape.rank;
	for (int i = 1; i < n->nin; i++) {
		const Value *v = n->in[i];
		if (v && v != b && v->shape.rank == rank &&
		    v->shape.dim[0] != 1)
			return false;
	}
	return parts_first(n, part, out);
}
