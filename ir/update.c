#include "ir/update.h"

static bool check_input(Unit *u, const Node *n, int i, Shape want)
{
	const Value *v = n->in[i];
	if (v && shape_equal(v->shape, want))
		return true;
	error_at(u, n->loc, "input %d has shape %s, expected %s", i,
	         v ? shape_text(u->arena, v->shape) : "none",
	         shape_text(u->arena, want));
	return false;
}

bool update_infer(Unit *u, Node *n, int nstate)
{
	Shape w = n->in[0]->shape;
	int o = 0;
	for (int i = 0; i < n->nin; i++) {
		bool state = i >= 2 && i < 2 + nstate;
		if (state && !n->in[i])
			continue;
		if (!check_input(u, n, i, i < 2 + nstate ? w : (Shape){0}))
			return false;
		if ((i == 0 || state) && o < n->nout)
			infer_like(n, o, i);
		o += i == 0 || state;
	}
	if (o == n->nout)
		return true;
	error_at(u, n->loc, "has %d outputs, expected %d", n->nout, o);
	return false;
}

Expr *update_bind(Kernel *k, Expr *x)
{
	return k_get(k, k_var(k, x));
}

Expr *update_scalar(Kernel *k, Expr *const x[], int i)
{
	return x[i]->type == x[0]->type
	       ? x[i] : update_bind(k, k_cast(k, x[0]->type, x[i]));
}

Expr *update_decayed(Kernel *k, Expr *const x[], Expr *decay)
{
	return update_bind(k, k_add(k, x[1], k_mul(k, decay, x[0])));
}
