#include "ir/recurrence.h"

#include <string.h>

/* ---- shapes ---- */

Recurrence recurrence_of(const Node *n, const Value *gates, int ngates,
                         const Value *lengths)
{
	const Shape *s = &gates->shape;
	const Attr *order = &n->attr[RECURRENCE_ORDER];
	bool batch_first = attr_int(n, RECURRENCE_LAYOUT) != 0;
	Recurrence r = {
		.node = n, .steps = s->dim[batch_first],
		.batch = s->dim[!batch_first], .batch_first = batch_first,
		.hidden = s->dim[2] / ngates, .width = s->dim[2],
		.lengths = lengths,
		.reverse = attr_int(n, RECURRENCE_REVERSE) != 0,
	};
	r.step = batch_first ? 1 : r.batch;
	r.sample = batch_first ? r.steps : 1;
	for (int g = 0; g < ngates; g++)
		r.block[g] = (order->set ? order->ints[g] : g) * r.hidden;
	return r;
}

Shape recurrence_states(const Recurrence *r)
{
	if (r->batch_first)
		return (Shape){3, {r->batch, r->steps, r->hidden}};
	return (Shape){3, {r->steps, r->batch, r->hidden}};
}

Shape recurrence_state(const Recurrence *r)
{
	return (Shape){2, {r->batch, r->hidden}};
}

void recurrence_output(const Node *n, int o, Shape s)
{
	n->out[o]->dtype = n->in[0]->dtype;
	n->out[o]->shape = s;
}

Value *recurrence_in(const Node *n, int i)
{
	return i < n->nin ? n->in[i] : NULL;
}

int recurrence_states_output(const Node *n)
{
	if (n->op == &op_LSTMRecurrence)
		return 2;
	return n->op == &op_GRURecurrence || n->op == &op_RNNRecurrence ? 1
	                                                                : -1;
}

const Value *recurrence_saved(const Node *n, int o)
{
	return o < n->nout && n->out[o]->memory != MEM_WORKSPACE ? n->out[o]
	                                                         : NULL;
}

void recurrence_save(Graph *g, Node *n, int nout, const Shape shape[])
{
	for (int o = n->nout; o < nout; o++)
		node_add_output(g, n, n->in[0]->dtype, shape[o]);
}

bool recurrence_input(Unit *u, const Node *n, int i, Shape want)
{
	const Value *v = recurrence_in(n, i);
	if (!v || (shape_equal(v->shape, want) && v->dtype == n->in[0]->dtype))
		return true;
	error_at(u, n->loc, "input %d is %s%s, expected %s%s", i,
	         dtype_name(v->dtype), shape_text(u->arena, v->shape),
	         dtype_name(n->in[0]->dtype), shape_text(u->arena, want));
	return false;
}

static bool order_valid(const Attr *order, int ngates)
{
	int seen = 0;
	if (!order->set)
		return true;
	for (int g = 0; g < order->n && order->n == ngates; g++)
		if (order->ints[g] >= 0 && order->ints[g] < ngates)
			seen |= 1 << order->ints[g];
	return seen == (1 << ngates) - 1;
}

bool recurrence_infer(Unit *u, const Node *n, const Value *gates, int ngates,
                      const Value *weight, const Value *lengths)
{
	const Shape *z = &gates->shape, *w = &weight->shape;
	bool batch_first = attr_int(n, RECURRENCE_LAYOUT) != 0;
	if (z->rank != 3 || w->rank != 2 || z->dim[2] != w->dim[0] ||
	    w->dim[0] != ngates * w->dim[1] || z->dim[batch_first] < 1) {
		error_at(u, n->loc, "its gates are %s and its recurrent weight "
		         "is %s, expected [%s,%dH] and [%dH,H]",
		         shape_text(u->arena, *z), shape_text(u->arena, *w),
		         batch_first ? "N,T" : "T,N", ngates, ngates);
		return false;
	}
	if (lengths && (lengths->dtype != DT_I32 || lengths->shape.rank != 1 ||
	                lengths->shape.dim[0] != z->dim[!batch_first])) {
		error_at(u, n->loc, "its sequence lengths are %s%s, expected "
		         "i32[%lld]", dtype_name(lengths->dtype),
		         shape_text(u->arena, lengths->shape),
		         (long long)z->dim[!batch_first]);
		return false;
	}
	if (!order_valid(&n->attr[RECURRENCE_ORDER], ngates)) {
		error_at(u, n->loc, "'order' is no order of %d gates", ngates);
		return false;
	}
	return true;
}

bool recurrence_parts(const Node *n, const bool part[], unsigned weights,
                      PartKind out[])
{
	if (!attr_int(n, RECURRENCE_LAYOUT))
		return false;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && part[i] != !(weights >> i & 1))
			return false;
	return parts_give(n, PART_ROWS, out);
}

/* ---- time ---- */

static Index time_at(const Recurrence *r, int s, bool falling)
{
	return falling ? k_plus(k_scaled(k_at(s), -1), r->steps - 1) : k_at(s);
}

Index recurrence_time(const Recurrence *r, int s)
{
	return time_at(r, s, r->reverse);
}

Index recurrence_time_back(const Recurrence *r, int s)
{
	return time_at(r, s, !r->reverse);
}

void recurrence_start(Kernel *k, const Recurrence *r, const Value *to,
                      const Value *from)
{
	int i = k_for(k, r->batch * r->hidden);
	k_store_flat(k, to, k_at(i), from ? k_load_flat(k, from, k_at(i))
	                                  : k_num(k, 0));
	k_end(k);
}

Index recurrence_line(const Recurrence *r, Index time, int64_t width)
{
	return k_scaled(time, r->step * width);
}

/* ---- cells ---- */

Cell cell_open(Kernel *k, const Recurrence *r, Index time)
{
	Cell c = {.r = r, .time = time, .alive = -1};
	c.n = k_for(k, r->batch);
	if (r->lengths) {
		Expr *length = k_load_flat(k, r->lengths, k_at(c.n));
		c.alive = k_var(k, k_lt(k, k_index(k, time), length));
	}
	c.j = k_for(k, r->hidden);
	return c;
}

void cell_close(Kernel *k)
{
	k_end_n(k, 2);
}

/* Column `first` + j of line n of a step, or of line n alone. */
static Index column(const Cell *c, bool of_step, int64_t width, int64_t first)
{
	Index line = k_at(c->n);
	if (of_step)
		line = k_sum(k_scaled(c->time, c->r->step),
		             k_scaled(line, c->r->sample));
	return k_plus(k_sum(k_scaled(line, width), k_at(c->j)), first);
}

Index cell_state(const Cell *c)
{
	return column(c, false, c->r->hidden, 0);
}

Index cell_step(const Cell *c)
{
	return column(c, true, c->r->hidden, 0);
}

Index cell_gate(const Cell *c, int gate)
{
	return column(c, true, c->r->width, c->r->block[gate]);
}

Index cell_product(const Cell *c, int gate)
{
	return column(c, false, c->r->width, c->r->block[gate]);
}

Expr *cell_bind(Kernel *k, Expr *x)
{
	return k_get(k, k_var(k, x));
}

Expr *cell_select(Kernel *k, const Cell *c, Expr *x, Expr *y)
{
	return c->alive < 0 ? x : k_sel(k, k_get(k, c->alive), x, y);
}

Expr *cell_previous(Kernel *k, const Cell *c, int s, const Value *states,
                    const Value *initial)
{
	Index before = k_plus(c->time, c->r->reverse ? 1 : -1);
	Index at[] = {before, before, k_at(c->j)};
	at[!c->r->batch_first] = k_at(c->n);
	Expr *x = k_load_padded(k, states, at, 0);
	if (!initial)
		return cell_bind(k, x);
	Expr *last = k_eq(k, k_index(k, k_at(s)),
	                  k_typed(k, DT_I32, (double)(c->r->steps - 1)));
	Expr *first = k_load_flat(k, initial, cell_state(c));
	return cell_bind(k, k_sel(k, last, first, x));
}

Expr *cell_gradient(Kernel *k, const Cell *c, const Value *later,
                    const Value *states)
{
	Expr *d = k_load_flat(k, later, cell_state(c));
	if (states)
		d = k_add(k, d, k_load_flat(k, states, cell_step(c)));
	return cell_bind(k, d);
}

Expr *cell_sigmoid(Kernel *k, Expr *x)
{
	Expr *one = k_num(k, 1);
	return k_div(k, one, k_add(k, one, k_exp(k, k_neg(k, x))));
}

Expr *cell_sigmoid_slope(Kernel *k, Expr *y)
{
	return k_mul(k, y, k_sub(k, k_num(k, 1), y));
}

Expr *cell_tanh_slope(Kernel *k, Expr *y)
{
	return k_sub(k, k_num(k, 1), k_mul(k, y, y));
}

/* ---- products ---- */

Product recurrence_product(const Recurrence *r, const Value *x, Index at,
                           const Value *weight, int64_t row, int64_t count,
                           Matrix y)
{
	return (Product){
		.tb = true, .m = r->batch, .n = count, .k = r->hidden,
		.alpha = 1, .a = {x, at},
		.b = {weight, k_const(row * r->hidden)}, .y = y,
	};
}

Product recurrence_product_back(const Recurrence *r, const Value *dy, Index at,
                                int64_t width, const Value *weight, int64_t row,
                                int64_t count, Matrix dx)
{
	return (Product){
		.add = true, .m = r->batch, .n = r->hidden, .k = count,
		.alpha = 1, .a = {dy, at}, .lda = r->sample * width,
		.b = {weight, k_const(row * r->hidden)}, .y = dx,
	};
}
