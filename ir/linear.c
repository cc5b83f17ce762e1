#include "ir/linear.h"

/* An expression as a sum: gradients times a factor each, w times one, and the
 * rest. NULL is 0; the factors have scalars in them alone. */
enum { W = MOST_GRADIENTS, REST, NTERMS };

typedef struct Terms {
	Expr *of[NTERMS];
} Terms;

typedef struct Analysis {
	Kernel *k;
	const Node *node;
	int ngradients;
	const Stmt *sets;         /* what the update binds to variables */
	const Expr *gradient;     /* the first; the others are loaded */
	const Value *from;
} Analysis;

/* ---- factors ---- */

static bool is_number(const Expr *e, double x)
{
	return e && e->kind == E_NUM && e->u.num.f == x;
}

static Expr *times(Kernel *k, Expr *a, Expr *b)
{
	if (!a || !b)
		return NULL;
	return is_number(a, 1) ? b : is_number(b, 1) ? a : k_mul(k, a, b);
}

static Expr *plus(Kernel *k, Expr *a, Expr *b)
{
	return !a ? b : !b ? a : k_add(k, a, b);
}

static Expr *minus(Kernel *k, Expr *a, Expr *b)
{
	if (!b)
		return a;
	return a ? k_sub(k, a, b) : k_neg(k, b);
}

static Expr *over(Kernel *k, Expr *a, Expr *b)
{
	return a ? k_div(k, a, b) : NULL;
}

static Expr *chosen(Kernel *k, Expr *which, Expr *a, Expr *b)
{
	a = is_number(a, 0) ? NULL : a;
	b = is_number(b, 0) ? NULL : b;
	if ((!a && !b) || (is_number(a, 1) && is_number(b, 1)))
		return a;
	return k_sel(k, which, a ? a : k_typed(k, b->type, 0),
	             b ? b : k_typed(k, a->type, 0));
}

/* ---- terms ---- */

static bool terms_of(const Analysis *, Expr *, Terms *);

static bool is_scalar(const Terms *t)
{
	for (int i = 0; i < REST; i++)
		if (t->of[i])
			return false;
	return t->of[REST] != NULL;
}

static Terms scaled(Kernel *k, Terms t, Expr *by)
{
	for (int i = 0; i < NTERMS; i++)
		t.of[i] = times(k, t.of[i], by);
	return t;
}

static Terms divided(Kernel *k, Terms t, Expr *by)
{
	for (int i = 0; i < NTERMS; i++)
		t.of[i] = over(k, t.of[i], by);
	return t;
}

/* Of an operation that is linear in its operands. */
static bool combine(Kernel *k, ScalarOp op, const Terms x[3], Terms *t)
{
	const Terms *a = &x[0], *b = &x[1], *c = &x[2];
	switch (op) {
	case S_add:
		for (int i = 0; i < NTERMS; i++)
			t->of[i] = plus(k, a->of[i], b->of[i]);
		return true;
	case S_sub:
		for (int i = 0; i < NTERMS; i++)
			t->of[i] = minus(k, a->of[i], b->of[i]);
		return true;
	case S_neg:
		for (int i = 0; i < NTERMS; i++)
			t->of[i] = minus(k, NULL, a->of[i]);
		return true;
	case S_mul:
		*t = is_scalar(b) ? scaled(k, *a, b->of[REST])
		                  : scaled(k, *b, a->of[REST]);
		return is_scalar(a) || is_scalar(b);
	case S_div:
		*t = is_scalar(b) ? divided(k, *a, b->of[REST]) : *a;
		return is_scalar(b);
	case S_sel:
		if (!is_scalar(a))
			return false;
		for (int i = 0; i < NTERMS; i++)
			t->of[i] = chosen(k, a->of[REST], b->of[i], c->of[i]);
		return true;
	default:
		return false;
	}
}

static bool terms_of_scalar(const Analysis *l, Expr *e, Terms *t)
{
	Terms x[3] = {{{0}}};
	Expr *arg[3] = {NULL, NULL, NULL};
	bool scalars = true;
	for (int i = 0; i < scalar_arity(e->u.scalar.op); i++) {
		if (!terms_of(l, e->u.scalar.arg[i], &x[i]))
			return false;
		scalars &= is_scalar(&x[i]);
		arg[i] = x[i].of[REST];
	}
	if (!scalars)
		return combine(l->k, e->u.scalar.op, x, t);
	t->of[REST] = k_scalar(l->k, e->u.scalar.op, arg[0], arg[1], arg[2]);
	return true;
}

/* What the update binds, in a variable that other statements do not set. */
static bool terms_of_variable(const Analysis *l, int var, Terms *t)
{
	Expr *x = NULL;
	for (const Stmt *s = l->sets; s; s = s->next) {
		if (s->kind != ST_SET || s->u.set.var != var)
			continue;
		if (x)
			return false;
		x = s->u.set.x;
	}
	return x && terms_of(l, x, t);
}

/* Which term a load is; -1: none. */
static int term_of_load(const Analysis *l, const Value *v)
{
	if (v == l->from)
		return W;
	for (int i = 1; i < l->ngradients; i++)
		if (v == l->node->body[i]->out[0])
			return i;
	return numel(v->shape) == 1 ? REST : -1;
}

static bool terms_of(const Analysis *l, Expr *e, Terms *t)
{
	int which;
	*t = (Terms){0};
	if (e == l->gradient) {
		t->of[0] = k_typed(l->k, e->type, 1);
		return true;
	}
	switch (e->kind) {
	case E_NUM:
		t->of[REST] = e;
		return true;
	case E_VAR:
		return terms_of_variable(l, e->u.var, t);
	case E_LOAD:
		which = term_of_load(l, e->u.load.v);
		if (which >= 0)
			t->of[which] = which == REST
			               ? e : k_typed(l->k, e->type, 1);
		return which >= 0;
	case E_CAST:
		if (!terms_of(l, e->u.cast, t) || !is_scalar(t))
			return false;
		t->of[REST] = k_cast(l->k, e->type, t->of[REST]);
		return true;
	case E_SCALAR:
		return terms_of_scalar(l, e, t);
	case E_INDEX:
		return false;
	}
	return false;
}

/* ---- the update ---- */

/* What `to` is written over: the variable that it replaces, or a sum. */
static const Value *replaced_by(const Node *n, const Value *to)
{
	for (int i = 0; i < n->nin; i++) {
		const Value *v = n->in[i];
		if (v->kind == V_VARIABLE ? v->var == to->var
		    : v->kind == V_INPUT && v->total == to)
			return v;
	}
	return NULL;
}

static bool is_plain(const Value *v, const Value *g)
{
	return v && v->dtype == DT_F32 && numel(v->shape) == numel(g->shape);
}

/* The statement that stores the result, if that is all which is stored. */
static const Stmt *only_store(const Stmt *s)
{
	const Stmt *store = NULL;
	for (; s; s = s->next) {
		if (s->kind == ST_STORE && store)
			return NULL;
		if (s->kind == ST_STORE)
			store = s;
	}
	return store;
}

/* Each gradient counts, and nothing stands alone. */
static bool is_update(const Terms *t, int ngradients)
{
	for (int i = 0; i < ngradients; i++)
		if (!t->of[i])
			return false;
	return !t->of[REST];
}

bool linear_update(Kernel *k, const Node *n, int ngradients, Linear *l)
{
	const Value *g = n->body[0]->out[0];
	Stmt *update = NULL, **tail = k->tail;
	Expr *x = k_typed(k, DT_F32, 0);
	if (numel(g->shape) < 2 || ngradients > MOST_GRADIENTS)
		return false;
	for (int i = 0; i < ngradients; i++)
		if (!is_plain(n->body[i]->out[0], g))
			return false;
	k->tail = &update;
	k_members(k, n, ngradients, numel(g->shape), k_const(0), g, x);
	k->tail = tail;
	const Stmt *store = only_store(update);
	l->to = store ? store->u.store.to.v : NULL;
	l->from = l->to ? replaced_by(n, l->to) : NULL;
	if (!is_plain(l->to, g) || !is_plain(l->from, g))
		return false;
	Terms t;
	const Analysis a = {k, n, ngradients, update, x, l->from};
	if (!terms_of(&a, store->u.store.x, &t) || !is_update(&t, ngradients))
		return false;
	for (int i = 0; i < ngradients; i++)
		l->alpha[i] = t.of[i];
	l->beta = t.of[W] ? t.of[W] : k_typed(k, DT_F32, 0);
	return true;
}
