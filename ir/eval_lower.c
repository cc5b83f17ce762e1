#include "ir/eval.h"

#include <string.h>

typedef struct Lower {
	Arena *arena;
	const Kernel *k;
	void *const *buf;
	bool wide;
	Scalar *var;          /* the kernel's scalar variables */
	Action **loop;        /* by loop variable: the one around, or NULL */
} Lower;

static void follow(Lower *l, Action *loop, int64_t *at, int64_t mul)
{
	int n = loop->u.loop.nadvances, most = loop->u.loop.maxadvances;
	if (n == most) {
		Advance *more = arena_array(l->arena, Advance, 2 * most + 4);
		if (n)
			memcpy(more, loop->u.loop.advance,
			       sizeof *more * (size_t)n);
		loop->u.loop.advance = more;
		loop->u.loop.maxadvances = 2 * most + 4;
	}
	loop->u.loop.advance[loop->u.loop.nadvances++] = (Advance){at, mul};
}

/* Into *p, which stays where it is. */
static void lower_index(Lower *l, const Index *i, Position *p)
{
	*p = (Position){.at = i->add};
	for (int t = 0; t < i->nterms; t++)
		p->nindirect += i->term[t].scalar;
	if (p->nindirect)
		p->indirect = arena_array(l->arena, Indirect, p->nindirect);
	for (int t = 0, n = 0; t < i->nterms; t++) {
		const Term *m = &i->term[t];
		if (m->scalar) {
			p->indirect[n++] = (Indirect){&l->var[m->var], m->mul};
			continue;
		}
		if (!l->loop[m->var])
			BUG("an index outside of its loop %d", m->var);
		follow(l, l->loop[m->var], &p->at, m->mul);
	}
}

static DType stored_type(const Lower *l, DType t)
{
	return l->wide && dtype_is_float(t) ? DT_F64 : t;
}

static Scalar number(DType type, double x)
{
	return dtype_is_float(type) ? (Scalar){.f = x}
	                            : (Scalar){.i = int64_of(x)};
}

static void lower_access(Lower *l, const Access *a, Cell *c)
{
	const Value *v = a->v;
	*c = (Cell){
		.v = v, .data = l->buf[v->id],
		.type = a->byte ? DT_U8 : stored_type(l, v->dtype),
		.end = a->byte ? value_bytes(v) : numel(v->shape),
		.nbounds = a->nguards, .outside = number(v->dtype, a->outside),
	};
	lower_index(l, &a->at, &c->at);
	if (a->nguards)
		c->bound = arena_array(l->arena, Bound, a->nguards);
	for (int g = 0; g < a->nguards; g++) {
		c->bound[g].extent = a->guard[g].extent;
		lower_index(l, &a->guard[g].at, &c->bound[g].at);
	}
}

static Code *lower_expr(Lower *l, const Expr *e);

static void lower_scalar(Lower *l, const Expr *e, Code *c)
{
	ScalarOp op = e->u.scalar.op;
	int arity = scalar_arity(op);
	bool floats = dtype_is_float(e->u.scalar.arg[arity - 1]->type);
	c->u.scalar.op = op;
	c->u.scalar.arity = arity;
	c->u.scalar.floats = floats;
	c->u.scalar.comparison = e->type == DT_I32 && floats;
	c->u.scalar.single = e->type == DT_F32 && !l->wide;
	for (int i = 0; i < arity; i++)
		c->u.scalar.arg[i] = lower_expr(l, e->u.scalar.arg[i]);
}

static Code *lower_expr(Lower *l, const Expr *e)
{
	Code *c = arena_new(l->arena, Code);
	c->kind = e->kind;
	c->type = e->type;
	switch (e->kind) {
	case E_NUM:
		c->u.num = eval_narrow(e->type, l->wide, e->u.num);
		break;
	case E_VAR:
		c->u.var = &l->var[e->u.var];
		break;
	case E_INDEX:
		lower_index(l, &e->u.index, &c->u.index);
		break;
	case E_LOAD:
		lower_access(l, &e->u.load, &c->u.load);
		break;
	case E_CAST:
		c->u.cast.from = e->u.cast->type;
		c->u.cast.x = lower_expr(l, e->u.cast);
		break;
	case E_SCALAR:
		lower_scalar(l, e, c);
		break;
	}
	return c;
}

static Action *lower_stmts(Lower *l, const Stmt *s);

static void lower_loop(Lower *l, const Stmt *s, Action *a)
{
	Action **around = &l->loop[s->u.loop.var];
	if (*around)
		BUG("a loop inside of itself: %d", s->u.loop.var);
	*around = a;
	a->u.loop.extent = s->u.loop.extent;
	a->u.loop.body = lower_stmts(l, s->u.loop.body);
	*around = NULL;
}

static void lower_stmt(Lower *l, const Stmt *s, Action *a)
{
	a->kind = s->kind;
	switch (s->kind) {
	case ST_FOR:
		lower_loop(l, s, a);
		break;
	case ST_STORE:
		lower_access(l, &s->u.store.to, &a->u.store.to);
		a->u.store.add = s->u.store.add;
		a->u.store.x = lower_expr(l, s->u.store.x);
		break;
	case ST_SET:
		a->u.set.var = &l->var[s->u.set.var];
		a->u.set.x = lower_expr(l, s->u.set.x);
		break;
	case ST_CALL:
		a->u.body = lower_stmts(l, s->u.call.body);
		break;
	}
}

static Action *lower_stmts(Lower *l, const Stmt *s)
{
	Action *first = NULL, **end = &first;
	for (; s; s = s->next, end = &(*end)->next) {
		*end = arena_new(l->arena, Action);
		lower_stmt(l, s, *end);
	}
	return first;
}

const Action *eval_lower(Arena *a, const Kernel *k, void *const buf[], bool wide)
{
	Lower l = {
		.arena = a, .k = k, .buf = buf, .wide = wide,
		.var = arena_array(a, Scalar, k->nvars + 1),
		.loop = arena_array(a, Action *, k->nloops + 1),
	};
	return lower_stmts(&l, k->body);
}
