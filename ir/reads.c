/* Which values a kernel reads. */
#include "ir/kernel.h"

static bool expr_reads(const Expr *e, const Value *v)
{
	if (e->kind == E_LOAD)
		return e->u.load.v == v;
	if (e->kind == E_CAST)
		return expr_reads(e->u.cast, v);
	for (int i = 0; e->kind == E_SCALAR &&
	                i < scalar_arity(e->u.scalar.op); i++)
		if (expr_reads(e->u.scalar.arg[i], v))
			return true;
	return false;
}

bool call_has(const Stmt *call, const Value *v)
{
	for (int i = 0; i < call->u.call.narg; i++)
		if (call->u.call.arg[i].kind == ARG_VALUE &&
		    call->u.call.arg[i].v == v && !call->u.call.arg[i].over)
			return true;
	return false;
}

static bool body_reads(const Stmt *s, const Value *v)
{
	for (; s; s = s->next)
		if (statement_reads(s, v))
			return true;
	return false;
}

bool statement_reads(const Stmt *s, const Value *v)
{
	switch (s->kind) {
	case ST_FOR:
		return body_reads(s->u.loop.body, v);
	case ST_CALL:
		return call_has(s, v) || body_reads(s->u.call.body, v);
	case ST_SET:
		return expr_reads(s->u.set.x, v);
	case ST_STORE:
		return expr_reads(s->u.store.x, v);
	}
	return false;
}

bool kernel_reads(const Kernel *k, const Value *v)
{
	return body_reads(k->body, v);
}
