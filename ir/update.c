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

bool update_check(Unit *u, const Node *n, int ntensors)
{
	Shape w = n->in[0]->shape;
	for (int i = 0; i < n->nin; i++) {
		bool tensor = i < ntensors;
		if ((!tensor || i < 2 || n->in[i]) &&
		    !check_input(u, n, i, tensor ? w : (Shape){0}))
			return false;
	}
	return true;
}

bool update_infer(Unit *u, Node *n, int nstate)
{
	int o = 0;
	if (!update_check(u, n, 2 + nstate))
		return false;
	for (int i = 0; i < 2 + nstate; i++) {
		if (i == 1 || !n->in[i])
			continue;
		if (o < n->nout)
			infer_like(n, o, i);
		o++;
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
