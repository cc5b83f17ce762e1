/*
 * The interpreter of kernels: the oracle that backends are compared with, and
 * what folds constants.
 *
 * f32 arithmetic is done in f64 and rounded after each operation, which gives
 * the same bits as f32 for + - * / and sqrt (53 >= 2 * 24 + 2 digits). The
 * elementary functions of f32 are those that emitted C carries.
 */
#include "ir/eval.h"
#include "runtime/math.h"

#include <math.h>

typedef struct Run {
	const Kernel *k;
	bool wide;
} Run;

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

Scalar eval_narrow(DType type, bool wide, Scalar x)
{
	if (type == DT_F32 && !wide)
		x.f = (double)(float)x.f;
	else if (type == DT_I32)
		x.i = (int32_t)(uint32_t)(uint64_t)x.i;
	return x;
}

static int64_t position(const Position *p)
{
	int64_t i = p->at;
	for (int n = 0; n < p->nindirect; n++)
		i += p->indirect[n].mul * p->indirect[n].var->i;
	return i;
}

static bool inside(const Cell *c)
{
	for (int n = 0; n < c->nbounds; n++) {
		int64_t i = position(&c->bound[n].at);
		if (i < 0 || i >= c->bound[n].extent)
			return false;
	}
	return true;
}

static Scalar get(DType type, const void *data, int64_t i)
{
	return type == DT_F32 ? (Scalar){.f = (double)((const float *)data)[i]}
	                      : dtype_get(type, data, i);
}

static Scalar eval_load(const Run *r, const Cell *c)
{
	if (c->nbounds && !inside(c))
		return c->outside;
	int64_t i = position(&c->at);
	if (i < 0 || i >= c->end)
		BUG("%s '%s' reads element %lld of %%%s, which has %lld",
		    r->k->node->loc.op, r->k->node->loc.node, (long long)i,
		    c->v->name, (long long)c->end);
	return get(c->type, c->data, i);
}

/* Out of range saturates: C leaves it undefined. */
static int64_t to_int(double x, DType type)
{
	int64_t i = int64_of(x);
	if (type != DT_I32)
		return i;
	return i > INT32_MAX ? INT32_MAX : i < INT32_MIN ? INT32_MIN : i;
}

static Scalar cast(const Run *r, DType to, DType from, Scalar x)
{
	if (dtype_is_float(from) && !dtype_is_float(to))
		x.i = to_int(x.f, to);
	else if (!dtype_is_float(from) && dtype_is_float(to))
		x.f = (double)x.i;
	return eval_narrow(to, r->wide, x);
}

static Scalar eval_code(const Run *r, const Code *c);

static Scalar eval_scalar(const Run *run, const Code *code)
{
	const Code *const *arg = code->u.scalar.arg;
	int arity = code->u.scalar.arity;
	Scalar none = {0};
	Scalar first = eval_code(run, arg[0]);
	Scalar second = arity > 1 ? eval_code(run, arg[1]) : none;
	Scalar third = arity > 2 ? eval_code(run, arg[2]) : none;
	bool floats = code->u.scalar.floats, single = code->u.scalar.single;
	double a = first.f, b = second.f, c = third.f;
	int64_t p = first.i, q = second.i, r = third.i;
	double x = 0;
	int64_t y = 0;
	(void)c, (void)r;
	if (code->u.scalar.op == S_uniform)
		return (Scalar){.f = uniform((uint32_t)p, (uint32_t)q)};
	switch (code->u.scalar.op) {
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
		BUG("scalar op %d", code->u.scalar.op);
	}
	if (code->u.scalar.comparison)
		return (Scalar){.i = x != 0};
	return eval_narrow(code->type, run->wide,
	                   floats ? (Scalar){.f = x} : (Scalar){.i = y});
}

static Scalar eval_code(const Run *r, const Code *c)
{
	switch (c->kind) {
	case E_NUM:
		return c->u.num;
	case E_VAR:
		return *c->u.var;
	case E_INDEX:
		return (Scalar){.i = position(&c->u.index)};
	case E_LOAD:
		return eval_load(r, &c->u.load);
	case E_CAST:
		return cast(r, c->type, c->u.cast.from,
		            eval_code(r, c->u.cast.x));
	case E_SCALAR:
		return eval_scalar(r, c);
	}
	BUG("expression kind %d", c->kind);
}

static void eval_store(const Run *r, const Action *s)
{
	const Cell *to = &s->u.store.to;
	if (to->nbounds && !inside(to))
		return;
	int64_t i = position(&to->at);
	if (i < 0 || i >= to->end)
		BUG("%s '%s' writes element %lld of %%%s, which has %lld",
		    r->k->node->loc.op, r->k->node->loc.node, (long long)i,
		    to->v->name, (long long)to->end);
	Scalar x = eval_code(r, s->u.store.x);
	if (s->u.store.add) {
		Scalar old = get(to->type, to->data, i);
		if (dtype_is_float(to->type))
			x.f += old.f;
		else
			x.i = (int64_t)((uint64_t)x.i + (uint64_t)old.i);
	}
	dtype_put(to->type, to->data, i, x);
}

static void eval_actions(const Run *r, const Action *s);

static void eval_loop(const Run *r, const Action *s)
{
	int n = s->u.loop.nadvances;
	const Advance *advance = s->u.loop.advance;
	for (int64_t i = 0; i < s->u.loop.extent; i++) {
		eval_actions(r, s->u.loop.body);
		for (int k = 0; k < n; k++)
			*advance[k].at += advance[k].mul;
	}
	for (int k = 0; k < n; k++)
		*advance[k].at -= advance[k].mul * s->u.loop.extent;
}

static void eval_actions(const Run *r, const Action *s)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case ST_FOR:
			eval_loop(r, s);
			break;
		case ST_STORE:
			eval_store(r, s);
			break;
		case ST_SET:
			*s->u.set.var = eval_code(r, s->u.set.x);
			break;
		case ST_CALL:
			eval_actions(r, s->u.body);
			break;
		}
}

void kernel_eval(const Kernel *k, void *const buf[], bool wide)
{
	Arena *scratch = arena_create();
	Run r = {k, wide};
	eval_actions(&r, eval_lower(scratch, k, buf, wide));
	arena_destroy(scratch);
}
