#include "ir/kernel.h"

#include "ir/op.h"

#include <stdarg.h>
#include <string.h>

typedef enum Result { ARITH, COMPARE, SELECT, UNIFORM } Result;

static const struct {
	const char *name;
	int arity;
	Result result;
	const char *text, *integer;   /* NULL: not on that class */
} scalars[] = {
#define S(name, arity, result, f32, f64, integer, fvalue, ivalue) \
	[S_##name] = {#name, arity, result, f32, integer},
#include "ir/scalar.def"
#undef S
};

int scalar_arity(ScalarOp op) { return scalars[op].arity; }
const char *scalar_name(ScalarOp op) { return scalars[op].name; }

DType compute_type(DType t)
{
	switch (t) {
	case DT_F64:
		return DT_F64;
	case DT_F32: case DT_F16: case DT_BF16:
		return DT_F32;
	case DT_I64: case DT_U32: case DT_U64:
		return DT_I64;
	default:
		return DT_I32;
	}
}

/* ---- statements ---- */

static Stmt *push(Kernel *k, StmtKind kind)
{
	Stmt *s = arena_new(k->arena, Stmt);
	s->kind = kind;
	*k->tail = s;
	k->tail = &s->next;
	return s;
}

static void open_body(Kernel *k, Stmt **body)
{
	if (k->depth == (int)(sizeof k->outer / sizeof k->outer[0]))
		BUG("loops nested too deeply in %s", k->node->op->name);
	k->outer[k->depth++] = k->tail;
	k->tail = body;
}

int k_for(Kernel *k, int64_t extent)
{
	if (k->nloops == k->maxloops) {
		int max = k->maxloops ? 2 * k->maxloops : 16;
		int64_t *bigger = arena_array(k->arena, int64_t, max);
		if (k->nloops)
			memcpy(bigger, k->extent,
			       sizeof *bigger * (size_t)k->nloops);
		k->extent = bigger;
		k->maxloops = max;
	}
	Stmt *s = push(k, ST_FOR);
	s->u.loop.var = k->nloops;
	s->u.loop.extent = k->extent[k->nloops] = extent;
	open_body(k, &s->u.loop.body);
	return k->nloops++;
}

void k_call(Kernel *k, const char *fn, int narg, const Arg arg[])
{
	Stmt *s = push(k, ST_CALL);
	s->u.call.fn = fn;
	s->u.call.narg = narg;
	s->u.call.arg = arena_array(k->arena, Arg, narg);
	memcpy(s->u.call.arg, arg, sizeof(Arg) * (size_t)narg);
	open_body(k, &s->u.call.body);
}

void k_end(Kernel *k)
{
	if (!k->depth)
		BUG("k_end without a loop in %s", k->node->op->name);
	k->tail = k->outer[--k->depth];
}

void k_end_n(Kernel *k, int n)
{
	for (int i = 0; i < n; i++)
		k_end(k);
}

void k_for_shape(Kernel *k, Shape s, int loop[])
{
	for (int i = 0; i < s.rank; i++)
		loop[i] = k_for(k, s.dim[i]);
}

/* ---- indexes ---- */

Index k_at(int loop)
{
	return (Index){.nterms = 1, .term = {{.var = loop, .mul = 1}}};
}

Index k_const(int64_t add)
{
	return (Index){.add = add};
}

Index k_indirect(int var)
{
	return (Index){.nterms = 1,
	               .term = {{.scalar = true, .var = var, .mul = 1}}};
}

Index k_scaled(Index at, int64_t mul)
{
	if (mul == 0)
		return (Index){0};
	at.add *= mul;
	for (int t = 0; t < at.nterms; t++)
		at.term[t].mul *= mul;
	return at;
}

Index k_plus(Index at, int64_t add)
{
	at.add += add;
	return at;
}

static void add_term(Index *at, Term term)
{
	for (int t = 0; t < at->nterms; t++)
		if (at->term[t].var == term.var &&
		    at->term[t].scalar == term.scalar) {
			at->term[t].mul += term.mul;
			return;
		}
	if (at->nterms == MAX_TERMS)
		BUG("an index of more than %d terms", MAX_TERMS);
	at->term[at->nterms++] = term;
}

Index k_sum(Index a, Index b)
{
	a.add += b.add;
	for (int t = 0; t < b.nterms; t++)
		add_term(&a, b.term[t]);
	return a;
}

/* Range of an index over its loops; false if a scalar variable is in it. */
static bool index_range(const Kernel *k, const Index *at, int64_t *lo,
                        int64_t *hi)
{
	*lo = *hi = at->add;
	for (int t = 0; t < at->nterms; t++) {
		if (at->term[t].scalar)
			return false;
		int64_t most = (k->extent[at->term[t].var] - 1) * at->term[t].mul;
		*(most < 0 ? lo : hi) += most;
	}
	return true;
}

/* Row-major element for one index per dimension. Indexes that may leave their
 * dimension get a guard if `guarded`; indirect ones always do. */
static Access access_of(Kernel *k, const Value *v, const Index at[], bool guarded)
{
	Access a = {.v = v};
	int64_t stride = 1;
	a.guard = arena_array(k->arena, Guard, v->shape.rank);
	for (int i = v->shape.rank - 1; i >= 0; i--) {
		int64_t lo, hi, dim = v->shape.dim[i];
		a.at = k_sum(a.at, k_scaled(at[i], stride));
		stride *= dim;
		if (!index_range(k, &at[i], &lo, &hi) ||
		    (guarded && (lo < 0 || hi >= dim)))
			a.guard[a.nguards++] = (Guard){at[i], dim};
	}
	return a;
}

static Access access_plain(Kernel *k, const Value *v, const int loop[])
{
	Index at[MAX_RANK];
	for (int i = 0; i < v->shape.rank; i++)
		at[i] = v->shape.dim[i] == 1 ? k_const(0) : k_at(loop[i]);
	return access_of(k, v, at, false);
}

/* ---- expressions ---- */

static Expr *new_expr(Kernel *k, ExprKind kind, DType type)
{
	Expr *e = arena_new(k->arena, Expr);
	e->kind = kind;
	e->type = type;
	return e;
}

Expr *k_typed(Kernel *k, DType type, double x)
{
	Expr *e = new_expr(k, E_NUM, type);
	e->u.num = dtype_is_float(type) ? (Scalar){.f = x}
	                                : (Scalar){.i = int64_of(x)};
	return e;
}

Expr *k_num(Kernel *k, double x)
{
	return k_typed(k, DT_F32, x);
}

Expr *k_index(Kernel *k, Index at)
{
	Expr *e = new_expr(k, E_INDEX, DT_I32);
	e->u.index = at;
	return e;
}

Expr *k_cast(Kernel *k, DType to, Expr *x)
{
	if (x->type == to)
		return x;
	Expr *e = new_expr(k, E_CAST, to);
	e->u.cast = x;
	return e;
}

/* A constant of one element is its number. */
static Expr *load(Kernel *k, Access a)
{
	const Value *v = a.v;
	if (v->kind == V_CONST && numel(v->shape) == 1 && !a.nguards) {
		Expr *e = new_expr(k, E_NUM, compute_type(v->dtype));
		e->u.num = dtype_get(v->dtype, v->data, 0);
		return e;
	}
	Expr *e = new_expr(k, E_LOAD, compute_type(a.v->dtype));
	e->u.load = a;
	return e;
}

Expr *k_load(Kernel *k, const Value *v, const int loop[])
{
	return load(k, access_plain(k, v, loop));
}

Expr *k_load_at(Kernel *k, const Value *v, const Index at[])
{
	return load(k, access_of(k, v, at, false));
}

Expr *k_load_padded(Kernel *k, const Value *v, const Index at[], double outside)
{
	Access a = access_of(k, v, at, true);
	a.outside = outside;
	return load(k, a);
}

Expr *k_load_flat(Kernel *k, const Value *v, Index at)
{
	return load(k, (Access){.v = v, .at = at});
}

static Expr *retype_number(Kernel *k, Expr *e, DType type)
{
	if (e->kind != E_NUM || e->type == type)
		return e;
	return k_typed(k, type, dtype_is_float(e->type) ? e->u.num.f
	                                                : (double)e->u.num.i);
}

static void misfit(Kernel *k, const char *what, DType a, const char *how,
                   DType b)
{
	if (!k->misfit)
		k->misfit = arena_printf(k->arena, "%s %s%s%s", what,
		                         dtype_name(a), how,
		                         *how ? dtype_name(b) : "");
}

/* A number takes the other operand's type, of two numbers one of k_num() that of
 * one of k_typed(); otherwise the types must agree. */
static void unify(Kernel *k, ScalarOp op, Expr **a, Expr **b)
{
	bool both = (*a)->kind == E_NUM && (*b)->kind == E_NUM;
	if ((*a)->kind == E_NUM && !(both && (*b)->type == DT_F32))
		*a = retype_number(k, *a, (*b)->type);
	else
		*b = retype_number(k, *b, (*a)->type);
	if ((*a)->type == DT_I32 && (*b)->type == DT_I64)
		*a = k_cast(k, DT_I64, *a);
	if ((*a)->type == DT_I64 && (*b)->type == DT_I32)
		*b = k_cast(k, DT_I64, *b);
	if ((*a)->type == (*b)->type)
		return;
	misfit(k, arena_printf(k->arena, "%s of", scalars[op].name),
	       (*a)->type, " and ", (*b)->type);
	*b = k_cast(k, (*a)->type, *b);
}

/* An operand that the text names twice must not be computed twice. */
static Expr *bind_repeated(Kernel *k, ScalarOp op, int i, Expr *e)
{
	const char name[] = {'$', (char)('a' + i), 0};
	const char *text = scalars[op].text ? scalars[op].text
	                                    : scalars[op].integer;
	const char *once = strstr(text, name);
	if (e->kind == E_NUM || e->kind == E_VAR || !once ||
	    !strstr(once + 1, name))
		return e;
	return k_get(k, k_var(k, e));
}

Expr *k_scalar(Kernel *k, ScalarOp op, Expr *a, Expr *b, Expr *c)
{
	Expr *arg[3] = {a, b, c};
	Result result = scalars[op].result;
	if (result == SELECT)
		unify(k, op, &arg[1], &arg[2]);
	else if (scalars[op].arity == 2 && result != UNIFORM)
		unify(k, op, &arg[0], &arg[1]);
	for (int i = 0; i < scalars[op].arity; i++)
		arg[i] = bind_repeated(k, op, i, arg[i]);
	DType of = arg[scalars[op].arity - 1]->type;
	if (!(dtype_is_float(of) ? scalars[op].text : scalars[op].integer))
		misfit(k, arena_printf(k->arena, "%s of", scalars[op].name), of,
		       "", of);
	DType type = result == COMPARE ? DT_I32
	           : result == UNIFORM ? DT_F32
	           : arg[result == SELECT]->type;
	Expr *e = new_expr(k, E_SCALAR, type);
	e->u.scalar.op = op;
	memcpy(e->u.scalar.arg, arg, sizeof arg);
	return e;
}

int k_var(Kernel *k, Expr *x)
{
	if (k->nvars == k->maxvars) {
		int max = k->maxvars ? 2 * k->maxvars : 16;
		DType *bigger = arena_array(k->arena, DType, max);
		if (k->nvars)
			memcpy(bigger, k->type, sizeof *bigger * (size_t)k->nvars);
		k->type = bigger;
		k->maxvars = max;
	}
	k->type[k->nvars] = x->type;
	Stmt *s = push(k, ST_SET);
	s->u.set.var = k->nvars;
	s->u.set.first = true;
	s->u.set.x = x;
	return k->nvars++;
}

Expr *k_get(Kernel *k, int var)
{
	Expr *e = new_expr(k, E_VAR, k->type[var]);
	e->u.var = var;
	return e;
}

void k_set(Kernel *k, int var, Expr *x)
{
	x = retype_number(k, x, k->type[var]);
	if (x->type != k->type[var]) {
		misfit(k, "a variable of", k->type[var], " set to ", x->type);
		x = k_cast(k, k->type[var], x);
	}
	Stmt *s = push(k, ST_SET);
	s->u.set.var = var;
	s->u.set.x = x;
}

/* ---- stores ---- */

static void store(Kernel *k, Access to, bool add, Expr *x)
{
	DType want = compute_type(to.v->dtype);
	if ((to.v->dtype == DT_BIT) != to.byte)
		BUG("%s: %%%s is stored by the %s", k->node->op->name,
		    to.v->name, to.byte ? "byte" : "element");
	x = retype_number(k, x, want);
	if (!dtype_is_float(want) && !dtype_is_float(x->type))
		x = k_cast(k, want, x);
	if (x->type != want) {
		misfit(k, "a result of", x->type, " stored as ", to.v->dtype);
		x = k_cast(k, want, x);
	}
	Stmt *s = push(k, ST_STORE);
	s->u.store.to = to;
	s->u.store.add = add;
	s->u.store.x = x;
}

void k_store(Kernel *k, const Value *v, const int loop[], Expr *x)
{
	store(k, access_plain(k, v, loop), false, x);
}

void k_store_at(Kernel *k, const Value *v, const Index at[], Expr *x)
{
	store(k, access_of(k, v, at, false), false, x);
}

void k_store_flat(Kernel *k, const Value *v, Index at, Expr *x)
{
	store(k, (Access){.v = v, .at = at}, false, x);
}

void k_store_byte(Kernel *k, const Value *v, Index byte, Expr *x)
{
	store(k, (Access){.v = v, .at = byte, .byte = true}, false, x);
}

void k_store_padded(Kernel *k, const Value *v, const Index at[], Expr *x)
{
	store(k, access_of(k, v, at, true), false, x);
}

void k_accumulate(Kernel *k, const Value *v, const Index at[], Expr *x)
{
	store(k, access_of(k, v, at, false), true, x);
}

void k_accumulate_padded(Kernel *k, const Value *v, const Index at[], Expr *x)
{
	store(k, access_of(k, v, at, true), true, x);
}

void k_fill_part(Kernel *k, const Value *v, Index first, int64_t count,
                 double x)
{
	int i = k_for(k, count);
	k_store_flat(k, v, k_sum(first, k_at(i)), k_num(k, x));
	k_end(k);
}

void k_fill(Kernel *k, const Value *v, double x)
{
	k_fill_part(k, v, k_const(0), numel(v->shape), x);
}
