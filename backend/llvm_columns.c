/*
 * Loops over columns: what each iteration does goes from row to row, far apart
 * in memory, and the next iteration does the same one element on. A block of
 * iterations then runs side by side, statement by statement, so that LLVM, which
 * makes vectors of innermost loops alone, makes one of each statement. No sum
 * changes its order.
 */
#include "backend/llvm_kernel.h"

/* ---- is it one? ---- */

enum { MAX_LOADS = 256 };

typedef struct Check {
	const LlvmKernel *k;
	int column;         /* the loop's variable */
	bool *own;          /* by scalar variable: begins anew in each iteration */
	bool *inner;        /* by loop: it is inside */
	const Access *store;   /* the only one there is; NULL: none yet */
	int nloads;
	const Access *load[MAX_LOADS];
	bool apart;         /* something is one element on in the next one, */
	bool rows;          /*   and in a loop inside of it many */
} Check;

static int64_t factor_of(const Index *at, int var)
{
	for (int t = 0; t < at->nterms; t++)
		if (!at->term[t].scalar && at->term[t].var == var)
			return at->term[t].mul;
	return 0;
}

/* A whole vector lies in a row, or all of it is one element. */
static bool suits_access(Check *c, const Access *a)
{
	int64_t by = factor_of(&a->at, c->column);
	if (a->nguards || a->byte || a->v->dtype != DT_F32 ||
	    (by != 1 && by != 0))
		return false;
	for (int t = 0; t < a->at.nterms; t++) {
		const Term *term = &a->at.term[t];
		if (term->scalar)
			return false;
		if (by == 1 && c->inner[term->var])
			c->rows |= term->mul >= LLVM_COLUMNS;
	}
	c->apart |= by == 1;
	return true;
}

static bool suits_load(Check *c, const Access *a)
{
	if (c->nloads == MAX_LOADS || !suits_access(c, a))
		return false;
	c->load[c->nloads++] = a;
	return true;
}

/* Each column has an element of its own, which no loop inside changes. */
static bool suits_store(Check *c, const Access *a)
{
	if (c->store || !suits_access(c, a) ||
	    factor_of(&a->at, c->column) != 1)
		return false;
	for (int t = 0; t < a->at.nterms; t++)
		if (c->inner[a->at.term[t].var])
			return false;
	c->store = a;
	return true;
}

static bool same_index(const Index *a, const Index *b)
{
	if (a->nterms != b->nterms || a->add != b->add)
		return false;
	for (int t = 0; t < a->nterms; t++)
		if (a->term[t].var != b->term[t].var ||
		    a->term[t].mul != b->term[t].mul)
			return false;
	return true;
}

/* What is stored, no other column loads. */
static bool is_independent(const Check *c)
{
	const CKernel *kernel = c->k->c;
	if (!c->store)
		return false;
	int to = c_param_of(kernel, c->store->v);
	if (kernel->param[to].overlaps)
		return false;
	for (int i = 0; i < c->nloads; i++)
		if (c_param_of(kernel, c->load[i]->v) == to &&
		    !same_index(&c->load[i]->at, &c->store->at))
			return false;
	return true;
}

static bool suits_expr(Check *c, const Expr *e)
{
	switch (e->kind) {
	case E_NUM:
		return true;
	case E_VAR:
		return e->type == DT_F32;
	case E_LOAD:
		return suits_load(c, &e->u.load);
	case E_SCALAR:
		for (int i = 0; i < scalar_arity(e->u.scalar.op); i++)
			if (!suits_expr(c, e->u.scalar.arg[i]))
				return false;
		return e->u.scalar.op == S_add || e->u.scalar.op == S_sub ||
		       e->u.scalar.op == S_mul;
	case E_INDEX: case E_CAST:
		return false;
	}
	BUG("expression kind %d", e->kind);
}

static bool suits(Check *c, const Stmt *s)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case ST_SET:
			if (!suits_expr(c, s->u.set.x) ||
			    !(s->u.set.first || c->own[s->u.set.var]))
				return false;
			c->own[s->u.set.var] = true;
			break;
		case ST_STORE:
			if (!suits_expr(c, s->u.store.x) ||
			    !suits_store(c, &s->u.store.to))
				return false;
			break;
		case ST_FOR:
			c->inner[s->u.loop.var] = true;
			if (s->u.loop.lanes || !suits(c, s->u.loop.body))
				return false;
			break;
		case ST_CALL:
			return false;
		}
	return true;
}

static bool has_loop(const Stmt *s)
{
	while (s && s->kind != ST_FOR)
		s = s->next;
	return s != NULL;
}

/* Which variables are an iteration's own; NULL: it is no such loop. */
static const bool *find_own(const LlvmKernel *k, const Stmt *s)
{
	Check c = {.k = k, .column = s->u.loop.var};
	c.own = arena_array(k->m->arena, bool, k->c->k->nvars + 1);
	c.inner = arena_array(k->m->arena, bool, k->c->k->nloops + 1);
	bool is = s->u.loop.extent % LLVM_COLUMNS == 0 && !s->u.loop.lanes &&
	          has_loop(s->u.loop.body) && suits(&c, s->u.loop.body) &&
	          c.apart && c.rows && is_independent(&c);
	return is ? c.own : NULL;
}

/* ---- the code ---- */

bool llvm_add_columns(LlvmKernel *k, const Stmt *loop)
{
	const Module *m = k->m;
	const bool *own = m->wants_size ? NULL : find_own(k, loop);
	LLVMTypeRef all = LLVMArrayType2(m->f32, LLVM_COLUMNS);
	if (!own)
		return false;
	for (int i = 0; i < k->c->k->nvars; i++)
		if (own[i] && k->c->live[i])
			k->column[i] = LLVMBuildAlloca(m->at, all, "");
	return true;
}

bool llvm_is_columns(const LlvmKernel *k, const Stmt *loop)
{
	return !k->m->wants_size && find_own(k, loop);
}

/* One statement for all columns of the block. */
static void put_side_by_side(LlvmKernel *k, const Stmt *s, int var,
                             LLVMValueRef from)
{
	const Module *m = k->m;
	For columns = module_for(m, LLVM_COLUMNS);
	k->loop[var] = LLVMBuildNSWAdd(m->at, from, columns.i, "");
	for (int i = 0; i < k->c->k->nvars; i++)
		if (k->column[i])
			k->var[i] = LLVMBuildInBoundsGEP2(
				m->at, m->f32, k->column[i], &columns.i, 1, "");
	llvm_put_stmt(k, s);
	llvm_hint_lanes(m, module_end_for(m, &columns), LLVM_COLUMNS);
}

static void put_block(LlvmKernel *k, const Stmt *s, int var, LLVMValueRef from)
{
	for (; s; s = s->next) {
		int i = s->u.loop.var;
		if (s->kind != ST_FOR) {
			put_side_by_side(k, s, var, from);
			continue;
		}
		if (s->u.loop.extent == 1) {
			put_block(k, s->u.loop.body, var, from);
			continue;
		}
		For rows = module_for(k->m, s->u.loop.extent);
		k->loop[i] = rows.i;
		put_block(k, s->u.loop.body, var, from);
		k->loop[i] = NULL;
		module_end_for(k->m, &rows);
	}
}

void llvm_put_columns(LlvmKernel *k, const Stmt *s)
{
	const Module *m = k->m;
	int i = s->u.loop.var;
	For blocks = module_for(m, s->u.loop.extent / LLVM_COLUMNS);
	put_block(k, s->u.loop.body, i, LLVMBuildNSWMul(
		m->at, blocks.i, module_int(m, LLVM_COLUMNS), ""));
	k->loop[i] = NULL;
	module_end_for(m, &blocks);
}
