/*
 * What of a kernel must be printed: an operator may bind a load that nobody
 * reads, and a compiler with warnings on objects to unused variables.
 */
#include "backend/c_kernel.h"
#include "backend/c_runtime.h"

static int param_of(const CKernel *c, const Value *v)
{
	int i = 0;
	while (c->value[i] != v)
		i++;
	return c->of[i];
}

bool c_is_call(const CKernel *c, const Stmt *s)
{
	if (s->kind != ST_CALL || !runtime_has(s->u.call.fn))
		return false;
	for (int i = 0; i < s->u.call.narg; i++) {
		const Arg *a = &s->u.call.arg[i];
		if (a->over && param_of(c, a->over) != param_of(c, a->v))
			return false;
	}
	return true;
}

static const Stmt *body_of(const Stmt *s)
{
	return s->kind == ST_FOR ? s->u.loop.body : s->u.call.body;
}

bool c_emits(const CKernel *c, const Stmt *s)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case ST_STORE:
			return true;
		case ST_SET:
			if (c->live[s->u.set.var])
				return true;
			break;
		case ST_FOR:
			if (s->u.loop.extent == 0)
				break;
			/* fall through */
		case ST_CALL:
			if (c_is_call(c, s) || c_emits(c, body_of(s)))
				return true;
			break;
		}
	return false;
}

static void touch(CKernel *c, const Value *v, bool write)
{
	for (int i = 0; v && i < c->nvalues; i++)
		if (c->value[i] == v) {
			c->param[c->of[i]].touched = true;
			c->param[c->of[i]].written |= write;
		}
}

static void use_index(CKernel *c, const Index *at)
{
	for (int t = 0; t < at->nterms; t++)
		if (at->term[t].scalar)
			c->live[at->term[t].var] = true;
}

static void use_access(CKernel *c, const Access *a, bool write)
{
	touch(c, a->v, write);
	use_index(c, &a->at);
	for (int g = 0; g < a->nguards; g++)
		use_index(c, &a->guard[g].at);
}

static void use_expr(CKernel *c, const Expr *e)
{
	switch (e->kind) {
	case E_NUM:
		break;
	case E_VAR:
		c->live[e->u.var] = true;
		break;
	case E_INDEX:
		use_index(c, &e->u.index);
		break;
	case E_LOAD:
		use_access(c, &e->u.load, false);
		break;
	case E_CAST:
		use_expr(c, e->u.cast);
		break;
	case E_SCALAR:
		for (int i = 0; i < scalar_arity(e->u.scalar.op); i++)
			use_expr(c, e->u.scalar.arg[i]);
		break;
	}
}

static void use_args(CKernel *c, const Stmt *s)
{
	const Node *n = c->k->node;
	for (int i = 0; i < s->u.call.narg; i++) {
		const Arg *a = &s->u.call.arg[i];
		bool out = false;
		if (a->kind == ARG_SCALAR)
			c->live[a->var] = true;
		if (a->kind != ARG_VALUE || !a->v)
			continue;
		for (int o = 0; o < n->nout; o++)
			out |= n->out[o] == a->v;
		touch(c, a->v, out);
		use_index(c, &a->at);
	}
}

static void use_stmts(CKernel *c, const Stmt *s)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case ST_STORE:
			use_access(c, &s->u.store.to, true);
			use_expr(c, s->u.store.x);
			break;
		case ST_SET:
			if (c->live[s->u.set.var])
				use_expr(c, s->u.set.x);
			break;
		case ST_FOR:
			if (s->u.loop.extent)
				use_stmts(c, s->u.loop.body);
			break;
		case ST_CALL:
			if (c_is_call(c, s))
				use_args(c, s);
			else
				use_stmts(c, s->u.call.body);
			break;
		}
}

static int count_live(const CKernel *c)
{
	int n = 0;
	for (int i = 0; i < c->k->nvars; i++)
		n += c->live[i];
	return n;
}

/* A variable is live if a store reads it, or what sets a live one. Reads come
 * after sets, so this takes one round per link of the longest chain. */
void c_find_live(CKernel *c)
{
	int before;
	do {
		before = count_live(c);
		use_stmts(c, c->k->body);
	} while (count_live(c) != before);
}

bool c_index_range(const CKernel *c, const Index *at, int64_t *lo, int64_t *hi)
{
	*lo = *hi = at->add;
	for (int t = 0; t < at->nterms; t++) {
		const Term *m = &at->term[t];
		if (m->scalar)
			return false;
		int64_t most = (c->k->extent[m->var] - 1) * m->mul;
		*(most < 0 ? lo : hi) += most;
	}
	return true;
}

/* No index exceeds the elements of its array, or the sum of its loops'. */
void c_need_wide(CKernel *c)
{
	for (int i = 0; i < c->k->nloops; i++)
		c->wide |= c->k->extent[i] > INT32_MAX;
	for (int i = 0; i < c->nvalues; i++)
		c->wide |= numel(c->value[i]->shape) > INT32_MAX;
}
