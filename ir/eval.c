/*
 * The interpreter of kernels: the oracle that backends are compared with, and
 * what folds constants.
 *
 * f32 arithmetic is done in f64 and rounded after each operation, which gives
 * the same bits as f32 for + - * / and sqrt (53 >= 2 * 24 + 2 digits). The
 * elementary functions of f32 are those that emitted C carries.
 */
#include "ir/kernel.h"
#include "runtime/math.h"

#include <math.h>

typedef struct Frame {
	const Kernel *k;
	void *const *buf;
	bool wide;
	int64_t *loop;
	Scalar *var;
} Frame;

#define WRAP(op) (int64_t)((uint64_t)p op (uint64_t)q)
#define MATH(fn) (single ? (double)rt_##fn##f((float)a) : fn(a))
#define POWER (single ? (double)rt_powf((float)a, (float)b) : pow(a, b))

static int64_t int_neg(int64_t p)
{
	return (int64_t)(0 - (uint64_t)p);
}

static int64_t int_div(int64_t p, int64_t q)
{
	return q == 0 ? 0 : q == -1 ? int_neg(p) : p / q;
}

static int64_t int_rem(int64_t p, int64_t q)
{
	return q == 0 || q == -1 ? 0 : p % q;
}

/* The counter-based generator of runtime/random.c; a test holds them equal. */
static double uniform(uint32_t seed, uint32_t counter)
{
	uint32_t h = counter * 0x9e3779b9u ^ seed;
	h = (h ^ h >> 16) * 0x7feb352du;
	h = (h ^ h >> 15) * 0x846ca68bu;
	h ^= h >> 16;
	h = (h + seed) * 0x9e3779b9u;
	h ^= h >> 15;
	return (double)(h >> 8) / 16777216.0;
}

static Scalar narrow(const Frame *f, DType type, Scalar x)
{
	if (type == DT_F32 && !f->wide)
		x.f = (double)(float)x.f;
	else if (type == DT_I32)
		x.i = (int32_t)(uint32_t)(uint64_t)x.i;
	return x;
}

static DType stored_type(const Frame *f, DType t)
{
	return f->wide && dtype_is_float(t) ? DT_F64 : t;
}

static int64_t eval_index(const Frame *f, const Index *at)
{
	int64_t i = at->add;
	for (int t = 0; t < at->nterms; t++) {
		const Term *m = &at->term[t];
		i += m->mul * (m->scalar ? f->var[m->var].i : f->loop[m->var]);
	}
	return i;
}

static bool inside(const Frame *f, const Access *a)
{
	for (int g = 0; g < a->nguards; g++) {
		int64_t i = eval_index(f, &a->guard[g].at);
		if (i < 0 || i >= a->guard[g].extent)
			return false;
	}
	return true;
}

static Scalar number(DType type, double x)
{
	return dtype_is_float(type) ? (Scalar){.f = x}
	                            : (Scalar){.i = int64_of(x)};
}

static Scalar eval_load(const Frame *f, const Access *a)
{
	const Value *v = a->v;
	if (!inside(f, a))
		return number(v->dtype, a->outside);
	int64_t i = eval_index(f, &a->at);
	if (i < 0 || i >= numel(v->shape))
		BUG("%s '%s' reads element %lld of %%%s, which has %lld",
		    f->k->node->loc.op, f->k->node->loc.node, (long long)i,
		    v->name, (long long)numel(v->shape));
	return dtype_get(stored_type(f, v->dtype), f->buf[v->id], i);
}

/* Out of range saturates: C leaves it undefined. */
static int64_t to_int(double x, DType type)
{
	int64_t i = int64_of(x);
	if (type != DT_I32)
		return i;
	return i > INT32_MAX ? INT32_MAX : i < INT32_MIN ? INT32_MIN : i;
}

static Scalar cast(const Frame *f, DType to, DType from, Scalar x)
{
	if (dtype_is_float(from) && !dtype_is_float(to))
		x.i = to_int(x.f, to);
	else if (!dtype_is_float(from) && dtype_is_float(to))
		x.f = (double)x.i;
	return narrow(f, to, x);
}

static Scalar eval_expr(const Frame *f, const Expr *e);

static Scalar eval_scalar(const Frame *f, const Expr *e)
{
	Scalar v[3] = {{0}};
	int arity = scalar_arity(e->u.scalar.op);
	for (int i = 0; i < arity; i++)
		v[i] = eval_expr(f, e->u.scalar.arg[i]);
	bool floats = dtype_is_float(e->u.scalar.arg[arity - 1]->type);
	double a = v[0].f, b = v[1].f, c = v[2].f;
	int64_t p = v[0].i, q = v[1].i, r = v[2].i;
	bool comparison = e->type == DT_I32 && floats;
	bool single = e->type == DT_F32 && !f->wide;
	double x = 0;
	int64_t y = 0;
	(void)c, (void)r;
	if (e->u.scalar.op == S_uniform)
		return (Scalar){.f = uniform((uint32_t)p, (uint32_t)q)};
	switch (e->u.scalar.op) {
#define S(name, n, result, f32, f64, integer, fvalue, ivalue) \
	case S_##name: \
		if (floats) \
			x = (fvalue); \
		else \
			y = (ivalue); \
		break;
#include "ir/scalar.def"
#undef S
	case NSCALAR:
		BUG("scalar op %d", e->u.scalar.op);
	}
	if (comparison)
		return (Scalar){.i = x != 0};
	return narrow(f, e->type, floats ? (Scalar){.f = x} : (Scalar){.i = y});
}

static Scalar eval_expr(const Frame *f, const Expr *e)
{
	switch (e->kind) {
	case E_NUM:
		return narrow(f, e->type, e->u.num);
	case E_VAR:
		return f->var[e->u.var];
	case E_INDEX:
		return (Scalar){.i = eval_index(f, &e->u.index)};
	case E_LOAD:
		return eval_load(f, &e->u.load);
	case E_CAST:
		return cast(f, e->type, e->u.cast->type,
		            eval_expr(f, e->u.cast));
	case E_SCALAR:
		return eval_scalar(f, e);
	}
	BUG("expression kind %d", e->kind);
}

static void eval_store(const Frame *f, const Stmt *s)
{
	const Access *to = &s->u.store.to;
	const Value *v = to->v;
	DType type = stored_type(f, v->dtype);
	if (!inside(f, to))
		return;
	int64_t i = eval_index(f, &to->at);
	int64_t end = to->byte ? value_bytes(v) : numel(v->shape);
	if (i < 0 || i >= end)
		BUG("%s '%s' writes %s %lld of %%%s, which has %lld",
		    f->k->node->loc.op, f->k->node->loc.node,
		    to->byte ? "byte" : "element", (long long)i, v->name,
		    (long long)end);
	Scalar x = eval_expr(f, s->u.store.x);
	if (to->byte)
		type = DT_U8;
	if (s->u.store.add) {
		Scalar old = dtype_get(type, f->buf[v->id], i);
		if (dtype_is_float(type))
			x.f += old.f;
		else
			x.i = (int64_t)((uint64_t)x.i + (uint64_t)old.i);
	}
	dtype_put(type, f->buf[v->id], i, x);
}

static void eval_stmts(Frame *f, const Stmt *s)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case ST_FOR: {
			int64_t *i = &f->loop[s->u.loop.var];
			for (*i = 0; *i < s->u.loop.extent; ++*i)
				eval_stmts(f, s->u.loop.body);
			break;
		}
		case ST_STORE:
			eval_store(f, s);
			break;
		case ST_SET:
			f->var[s->u.set.var] = eval_expr(f, s->u.set.x);
			break;
		case ST_CALL:
			eval_stmts(f, s->u.call.body);
			break;
		}
}

void kernel_eval(const Kernel *k, void *const buf[], bool wide)
{
	Arena *scratch = arena_create();
	Frame f = {
		.k = k, .buf = buf, .wide = wide,
		.loop = arena_array(scratch, int64_t, k->nloops + 1),
		.var = arena_array(scratch, Scalar, k->nvars + 1),
	};
	eval_stmts(&f, k->body);
	arena_destroy(scratch);
}
