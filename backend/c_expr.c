/* Indexes and expressions of kernels as C. The text of each scalar operation
 * is in ir/scalar.def; here operands are put in its place. */
#include "backend/c_kernel.h"
#include "backend/c_text.h"
#include "ir/op.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const text[NSCALAR][3] = {
#define S(name, arity, result, f32, f64, integer, fvalue, ivalue) \
	[S_##name] = {f32, f64, integer},
#include "ir/scalar.def"
#undef S
};

int c_param_of(const CKernel *c, const Value *v)
{
	for (int i = 0; i < c->nvalues; i++)
		if (c->value[i] == v)
			return c->of[i];
	BUG("%s '%s' touches %%%s, which is not its own", c->k->node->op->name,
	    c->k->node->loc.node, v->name);
}

const char *c_param_name(const CKernel *c, const Value *v)
{
	return c->param[c_param_of(c, v)].name;
}

/* ---- indexes ---- */

/* A loop that runs once is not printed; its variable is 0. */
static bool is_zero(const CKernel *c, const Term *t)
{
	return t->mul == 0 || (!t->scalar && c->k->extent[t->var] == 1);
}

/* The terms that are not zero, the largest stride first. */
static int sort_terms(const CKernel *c, const Index *at, Term term[])
{
	int n = 0;
	for (int t = 0; t < at->nterms; t++) {
		if (is_zero(c, &at->term[t]))
			continue;
		int i = n++;
		for (; i > 0 && llabs(term[i - 1].mul) < llabs(at->term[t].mul);
		     i--)
			term[i] = term[i - 1];
		term[i] = at->term[t];
	}
	return n;
}

/* How a scalar variable takes part in index arithmetic: as the loops do once
 * it is known to be in range, else in 64 bits, so that nothing overflows. */
static const char *scalar_cast(const CKernel *c, const Term *t, bool checked,
                               bool alone)
{
	DType type = c->k->type[t->var];
	if (checked)
		return c->wide == (type == DT_I64) ? "" :
		       c->wide ? "(int64_t)" : "(int32_t)";
	return alone || type == DT_I64 ? "" : "(int64_t)";
}

static void put_terms(Writer *w, const CKernel *c, const Index *at,
                      bool checked)
{
	Term term[MAX_TERMS];
	int n = sort_terms(c, at, term);
	bool alone = n == 1 && term[0].mul == 1 && at->add == 0;
	for (int i = 0; i < n; i++) {
		int64_t mul = term[i].mul;
		if (i)
			w_put(w, mul < 0 ? " - " : " + ");
		else if (mul < 0)
			w_put(w, "-");
		if (llabs(mul) != 1)
			w_put(w, "%lld*", llabs(mul));
		if (term[i].scalar)
			w_put(w, "%s", scalar_cast(c, &term[i], checked, alone));
		w_put(w, "%c%d", term[i].scalar ? 't' : 'i', term[i].var);
	}
	if (n == 0)
		w_put(w, "%lld", (long long)at->add);
	else if (at->add)
		w_put(w, " %c %lld", at->add < 0 ? '-' : '+', llabs(at->add));
}

void c_put_index(Writer *w, const CKernel *c, const Index *at)
{
	put_terms(w, c, at, true);
}

/* The two comparisons, each only if the index may fail it. */
static void put_guard(Writer *w, const CKernel *c, const Guard *g, bool *any)
{
	int64_t lo, hi;
	bool known = c_index_range(c, &g->at, &lo, &hi);
	if (!known || lo < 0) {
		w_put(w, *any ? " && " : "");
		put_terms(w, c, &g->at, false);
		w_put(w, " >= 0");
		*any = true;
	}
	if (!known || hi >= g->extent) {
		w_put(w, *any ? " && " : "");
		put_terms(w, c, &g->at, false);
		w_put(w, " < %lld", (long long)g->extent);
		*any = true;
	}
}

bool c_put_guards(Writer *w, const CKernel *c, const Access *a)
{
	bool any = false;
	for (int g = 0; g < a->nguards; g++)
		put_guard(w, c, &a->guard[g], &any);
	return any;
}

/* ---- expressions ---- */

/* How a stored element becomes a number to compute with. */
static const char *widening(DType t)
{
	switch (t) {
	case DT_F16:
		return "rt_f16_to_f32(";
	case DT_BF16:
		return "rt_bf16_to_f32(";
	case DT_U32: case DT_U64:
		return "(int64_t)";
	case DT_BOOL: case DT_U8: case DT_I8: case DT_U16: case DT_I16:
		return "(int32_t)";
	default:
		return "";
	}
}

bool c_split_bit(const CKernel *c, const Index *at, Index *byte, Index *bit)
{
	int64_t lo, hi;
	*byte = k_const(at->add / 8);
	*bit = k_const(at->add % 8);
	for (int t = 0; t < at->nterms; t++) {
		Term m = at->term[t];
		Index *part = m.mul % 8 ? bit : byte;
		m.mul /= m.mul % 8 ? 1 : 8;
		part->term[part->nterms++] = m;
	}
	return c_index_range(c, bit, &lo, &hi) && lo >= 0 && hi < 8;
}

static void put_bit(Writer *w, const CKernel *c, const Access *a)
{
	Index byte, bit;
	w_put(w, "((%s[", c_param_name(c, a->v));
	if (c_split_bit(c, &a->at, &byte, &bit)) {
		c_put_index(w, c, &byte);
		w_put(w, "] >> (");
		c_put_index(w, c, &bit);
	} else {
		w_put(w, "(");
		c_put_index(w, c, &a->at);
		w_put(w, ") >> 3] >> ((");
		c_put_index(w, c, &a->at);
		w_put(w, ") & 7");
	}
	w_put(w, ")) & 1)");
}

static void put_element(Writer *w, const CKernel *c, const Expr *e)
{
	const Access *a = &e->u.load;
	if (a->v->kind == V_CONST && numel(a->v->shape) == 1) {
		Scalar x = dtype_get(a->v->dtype, a->v->data, 0);
		w_put(w, "%s", c_number(c->arena, e->type, x));
		return;
	}
	if (a->v->dtype == DT_BIT) {
		put_bit(w, c, a);
		return;
	}
	const char *widen = widening(a->v->dtype);
	w_put(w, "%s%s[", widen, c_param_name(c, a->v));
	c_put_index(w, c, &a->at);
	w_put(w, strchr(widen, '_') && widen[0] == 'r' ? "])" : "]");
}

static void put_load(Writer *w, const CKernel *c, const Expr *e)
{
	const Access *a = &e->u.load;
	Scalar outside = dtype_is_float(e->type)
		? (Scalar){.f = a->outside}
		: (Scalar){.i = (int64_t)a->outside};
	size_t start = w->length;
	w_put(w, "(");
	if (!c_put_guards(w, c, a)) {
		w->length = start;
		put_element(w, c, e);
		return;
	}
	w_put(w, " ? ");
	put_element(w, c, e);
	w_put(w, " : %s)", c_number(c->arena, e->type, outside));
}

static void put_cast(Writer *w, const CKernel *c, const Expr *e)
{
	const Expr *x = e->u.cast;
	if (dtype_is_float(x->type) && !dtype_is_float(e->type)) {
		w_put(w, "rt_%s_to_%s(", dtype_name(x->type),
		      dtype_name(e->type));
		size_t start = w->length;
		c_put_expr(w, c, x);
		w_strip_parens(w, start);
		w_put(w, ")");
		return;
	}
	w_put(w, "(%s)", dtype_ctype(e->type));
	c_put_expr(w, c, x);
}

static bool is_comparison(const Expr *e)
{
	if (e->kind != E_SCALAR)
		return false;
	ScalarOp op = e->u.scalar.op;
	return (op >= S_lt && op <= S_ne) || op == S_not;
}

/* A number as a condition: compilers warn about some, so compare it. */
static void put_condition(Writer *w, const CKernel *c, const Expr *e)
{
	if (is_comparison(e)) {
		c_put_expr(w, c, e);
		return;
	}
	w_put(w, "(");
	c_put_expr(w, c, e);
	w_put(w, " != 0)");
}

/* The text for this operand type. A constant divisor needs no test for 0. */
static const char *template(const Expr *e)
{
	ScalarOp op = e->u.scalar.op;
	const Expr *last = e->u.scalar.arg[scalar_arity(op) - 1];
	DType type = op == S_uniform ? DT_I32 : last->type;
	bool integer = !dtype_is_float(type);
	if (integer && last->kind == E_NUM && (op == S_div || op == S_mod)) {
		if (last->u.num.i == 0)
			return "(0 * $a)";
		if (last->u.num.i == -1)
			return op == S_div ? text[S_neg][2] : "(0 * $a)";
		return op == S_div ? "($a / $b)" : "($a % $b)";
	}
	const char *t = text[op][integer ? 2 : type == DT_F64];
	if (!t)
		BUG("%s is not defined on %s", scalar_name(op), dtype_name(type));
	return t;
}

/* $a is put by the caller; $t and $u are types. */
static bool put_type(Writer *w, const Expr *e, char which)
{
	if (which != 't' && which != 'u')
		return false;
	w_put(w, "%s%s", which == 'u' ? "u" : "", dtype_ctype(e->type));
	return true;
}

static void put_scalar(Writer *w, const CKernel *c, const Expr *e)
{
	const char *from = template(e);
	bool function = isalpha((unsigned char)from[0]);
	for (const char *s = from; *s; s++) {
		if (*s != '$') {
			w_put(w, "%c", *s);
			continue;
		}
		if (put_type(w, e, *++s))
			continue;
		const Expr *x = e->u.scalar.arg[*s - 'a'];
		size_t start = w->length;
		if (e->u.scalar.op == S_sel && *s == 'a')
			put_condition(w, c, x);
		else
			c_put_expr(w, c, x);
		if (function && s[-2] != ')')
			w_strip_parens(w, start);
	}
}

/* Always a primary or unary expression: safe as an operand of anything. */
void c_put_expr(Writer *w, const CKernel *c, const Expr *e)
{
	switch (e->kind) {
	case E_NUM:
		w_put(w, "%s", c_number(c->arena, e->type, e->u.num));
		break;
	case E_VAR:
		w_put(w, "t%d", e->u.var);
		break;
	case E_INDEX:
		w_put(w, c->wide ? "(int32_t)(" : "(");
		c_put_index(w, c, &e->u.index);
		w_put(w, ")");
		break;
	case E_LOAD:
		put_load(w, c, e);
		break;
	case E_CAST:
		put_cast(w, c, e);
		break;
	case E_SCALAR:
		put_scalar(w, c, e);
		break;
	}
}
