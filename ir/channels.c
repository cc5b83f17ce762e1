#include "ir/channels.h"

#include "ir/build.h"

Channels channels_of(Shape x)
{
	Channels t = {.n = x.dim[0], .c = x.dim[1], .s = 1};
	for (int i = 2; i < x.rank; i++)
		t.s *= x.dim[i];
	return t;
}

bool channels_check(Unit *u, const Node *n, int first, int last)
{
	const Value *x = n->in[0];
	if (x->shape.rank < 2 || !dtype_is_float(x->dtype)) {
		error_at(u, n->loc, "input is %s%s, expected floats [N,C,..]",
		         dtype_name(x->dtype), shape_text(u->arena, x->shape));
		return false;
	}
	for (int i = first; i <= last; i++) {
		const Value *v = n->in[i];
		if (v->dtype == x->dtype && v->shape.rank == 1 &&
		    v->shape.dim[0] == x->shape.dim[1])
			continue;
		error_at(u, n->loc, "input %d is %s%s, expected %s[%lld]", i,
		         dtype_name(v->dtype), shape_text(u->arena, v->shape),
		         dtype_name(x->dtype), (long long)x->shape.dim[1]);
		return false;
	}
	return true;
}

void channels_infer(Node *n, int o)
{
	n->out[o]->dtype = n->in[0]->dtype;
	n->out[o]->shape = (Shape){1, {n->in[0]->shape.dim[1]}};
}

void channels_open(Kernel *k, Channels *t)
{
	t->outer = k_for(k, t->n);
	t->inner = k_for(k, t->s);
}

Index channels_at(const Channels *t, int c)
{
	return k_sum(k_scaled(k_at(t->outer), t->c * t->s),
	             k_sum(k_scaled(k_at(c), t->s), k_at(t->inner)));
}

void channels_close(Kernel *k)
{
	k_end_n(k, 2);
}

/* Sum of x - shift, or of its square if there is a shift; a scalar variable. */
static int sum_over(Kernel *k, const Value *x, Channels *t, int c, int shift)
{
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	channels_open(k, t);
	Expr *term = k_load_flat(k, x, channels_at(t, c));
	if (shift >= 0) {
		term = k_get(k, k_var(k, k_sub(k, term, k_get(k, shift))));
		term = k_mul(k, term, term);
	}
	k_set(k, sum, k_add(k, k_get(k, sum), term));
	channels_close(k);
	return sum;
}

ChannelStatistics channels_statistics(Kernel *k, const Value *x, Channels *t,
                                      int c, double epsilon, bool unbiased)
{
	ChannelStatistics s;
	double count = (double)(t->n * t->s);
	double less = unbiased && count > 1 ? count - 1 : count;
	int sum = sum_over(k, x, t, c, -1);
	s.mean = k_var(k, k_div(k, k_get(k, sum), k_num(k, count)));
	int squares = sum_over(k, x, t, c, s.mean);
	Expr *var = k_div(k, k_get(k, squares), k_num(k, count));
	Expr *deviation = k_sqrt(k, k_add(k, var, k_num(k, epsilon)));
	s.inverse = k_var(k, k_div(k, k_num(k, 1), deviation));
	s.variance = k_var(k, k_div(k, k_get(k, squares), k_num(k, less)));
	return s;
}

static Shape column(Shape x)
{
	Shape s = {.rank = x.rank - 1, .dim = {x.dim[1]}};
	for (int i = 1; i < s.rank; i++)
		s.dim[i] = 1;
	return s;
}

Value *channels_stretch(Graph *g, Loc loc, Value *v, Shape x)
{
	return build_reshape(g, loc, v, column(x));
}

Value *channels_sum(Graph *g, Loc loc, Value *dx)
{
	return build_reshape(g, loc,
	                     build_sum_to(g, loc, dx, column(dx->shape)),
	                     (Shape){1, {dx->shape.dim[1]}});
}
