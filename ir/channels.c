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
