#include "ir/conv.h"

/* Elements of one channel of one image. */
static int64_t plane(const Value *v)
{
	Shape s = v->shape;
	s.dim[0] = s.dim[1] = 1;
	return numel(s);
}

static int64_t rows_of(const Conv *c)
{
	return c->rows ? c->rows : c->y->shape.dim[1];
}

static ConvAt part_at(const ConvPart *p, const ConvLoop *l)
{
	ConvAt at = conv_at(p->c, l);
	at.x[1] = k_sum(at.x[1], p->channel);
	at.y[1] = k_sum(at.y[1], p->row);
	return at;
}

/* All of x, or the channels in question of its only image. */
static Arg input_arg(const ConvPart *p)
{
	const Conv *c = p->c;
	int64_t channels = conv_row_groups(c) * c->w->shape.dim[1];
	int64_t size = plane(c->x);
	return (Arg){.v = c->x, .at = k_scaled(p->channel, size),
	             .count = c->x->shape.dim[0] > 1 ? 0 : channels * size};
}

static Arg output_arg(const ConvPart *p)
{
	const Conv *c = p->c;
	return (Arg){.v = c->y, .at = k_scaled(p->row, plane(c->y))};
}

/* ---- of the weight ---- */

static Arg factor(const Expr *alpha)
{
	if (!alpha)
		return (Arg){.kind = ARG_FLOAT, .epilogue = EP_ALPHA, .f = 1};
	if (alpha->kind == E_NUM)
		return (Arg){.kind = ARG_FLOAT, .f = alpha->u.num.f};
	return (Arg){.kind = ARG_SCALAR, .var = alpha->u.var};
}

static Arg beta_of(const Expr *alpha)
{
	return (Arg){.kind = ARG_FLOAT, .epilogue = EP_BETA,
	             .f = alpha ? 1 : 0};
}

static Expr *beginning(Kernel *k, const ConvPart *p, const ConvLoop *l)
{
	if (p->from)
		return k_load_at(k, p->from, part_at(p, l).w);
	return k_typed(k, compute_type(p->c->w->dtype), 0);
}

static void weight_loops(Kernel *k, const ConvPart *p, const Value *to,
                         int64_t to_row, Expr *alpha)
{
	const Conv *c = p->c;
	int64_t groups = conv_row_groups(c);
	ConvLoop l = {0};
	l.g = k_for(k, groups);
	l.o = k_for(k, rows_of(c) / groups);
	l.c = k_for(k, c->w->shape.dim[1]);
	window_for_cells(k, &c->win, l.cell);
	int sum = k_var(k, beginning(k, p, &l));
	l.n = k_for(k, c->x->shape.dim[0]);
	window_for_outputs(k, &c->win, c->y->shape, l.out);
	ConvAt at = part_at(p, &l);
	Expr *product = k_mul(k, k_load_at(k, c->y, at.y),
	                      k_load_padded(k, c->x, at.x, 0));
	k_set(k, sum, k_add(k, k_get(k, sum), product));
	k_end_n(k, 1 + c->win.rank);
	at.w[0] = k_plus(at.w[0], to_row);
	if (alpha)
		k_accumulate(k, to, at.w, k_mul(k, alpha, k_get(k, sum)));
	else
		k_store_at(k, to, at.w, k_get(k, sum));
	k_end_n(k, 3 + c->win.rank);
}

void k_conv_grad_weight(Kernel *k, const ConvPart *p, const Value *to,
                        int64_t to_row, Expr *alpha)
{
	const Conv *c = p->c;
	bool call = conv_callable(c);
	int64_t row = c->w->shape.dim[1];
	for (int d = 0; d < c->win.rank; d++)
		row *= c->win.cells[d];
	if (call)
		k_conv_call(k, c, CONV_GRAD_WEIGHT, 7, (Arg[]){
			conv_struct(c), factor(alpha),
			input_arg(p), output_arg(p),
			p->from ? conv_go_on(c) : beta_of(alpha),
			{.epilogue = EP_RESULT, .v = to, .over = p->from,
			 .at = k_const(to_row * row)},
			{.v = node_workspace(k->node)}});
	weight_loops(k, p, to, to_row, alpha);
	if (call)
		k_end(k);
}

/* ---- of the input ---- */

/* x of one image and group is 0. */
static void clear(Kernel *k, const ConvPart *p, const ConvLoop *l)
{
	const Conv *c = p->c;
	int64_t channels = c->w->shape.dim[1];
	Index first = k_sum(k_scaled(k_at(l->n), c->x->shape.dim[1]),
	                    k_scaled(k_at(l->g), channels));
	k_fill_part(k, c->x, k_scaled(k_sum(first, p->channel), plane(c->x)),
	            channels * plane(c->x), 0);
}

/* Scatters: every y adds to the x that it was computed from. Image by image, so
 * that x may lie over what has been read of y. */
static void scatter(Kernel *k, const ConvPart *p)
{
	const Conv *c = p->c;
	int64_t groups = conv_row_groups(c);
	ConvLoop l;
	l.n = k_for(k, c->y->shape.dim[0]);
	l.g = k_for(k, groups);
	clear(k, p, &l);
	l.o = k_for(k, rows_of(c) / groups);
	l.c = k_for(k, c->w->shape.dim[1]);
	window_for_cells(k, &c->win, l.cell);
	window_for_outputs(k, &c->win, c->y->shape, l.out);
	ConvAt at = part_at(p, &l);
	k_accumulate_padded(k, c->x, at.x,
	                    k_mul(k, k_load_at(k, c->y, at.y),
	                          k_load_at(k, c->w, at.w)));
	k_end_n(k, 4 + 2 * c->win.rank);
}

static bool is_whole(const Conv *c)
{
	return conv_row_groups(c) * c->w->shape.dim[1] == c->x->shape.dim[1];
}

void k_conv_grad_input(Kernel *k, const ConvPart *p)
{
	const Conv *c = p->c;
	bool call = conv_callable(c);
	if (call) {
		int64_t parts = is_whole(c) ? conv_parts(c, CONV_GRAD_INPUT) : 0;
		Arg y = output_arg(p), x = input_arg(p);
		x.parts = y.parts = parts;
		k_conv_call(k, c, CONV_GRAD_INPUT, 5, (Arg[]){
			conv_struct(c), y, {.v = c->w}, x,
			{.v = node_workspace(k->node)}});
	}
	scatter(k, p);
	if (call)
		k_end(k);
}
