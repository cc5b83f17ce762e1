/* NAME_init: checks what it is given, and the first contents of the state. */
#include "backend/c_program.h"

#include <string.h>

static void put_check(Writer *w, const char *condition, const char *upper,
                      const char *status)
{
	w_open(w, "if (%s) {", condition);
	w_line(w, "return %s_ERROR_%s;", upper, status);
	w_close(w, "}");
}

/* Of one piece of memory; one of no bytes is not looked at. The arena is always
 * there: it tells an instance that init made. */
static void put_checks(Writer *w, const CProgram *c, const char *what,
                       const char *align, int64_t bytes)
{
	Arena *a = c->arena;
	if (bytes == 0) {
		w_line(w, "(void)%s_bytes;", what);
		return;
	}
	if (strcmp(what, "arena"))
		put_check(w, arena_printf(a, "%s == NULL", what), c->upper, "NULL");
	put_check(w, arena_printf(a, "%s_bytes < %s_%s_BYTES", what, c->upper,
	                          c_upper(a, what)), c->upper, "SIZE");
	put_check(w, arena_printf(a, "(uintptr_t)%s %% %s_%s != 0u", what,
	                          c->upper, align), c->upper, "ALIGN");
}

static bool any_fill(const CProgram *c)
{
	const Model *m = c->p->model;
	for (int i = 0; i < m->nvars; i++) {
		Scalar x = {.i = 0};
		if (m->var[i]->mutable && variable_is_filled(m->var[i], &x) &&
		    x.i != 0)
			return true;
	}
	return false;
}

static void put_fill_function(Writer *w, const CProgram *c)
{
	if (!any_fill(c))
		return;
	w_comment(w, "n copies of one element.");
	w_line(w, "static void %s_fill(unsigned char *dst, const void *element, "
	       "size_t size, size_t n)", c->name);
	w_open(w, "{");
	w_open(w, "for (size_t i = 0; i < n; i++) {");
	w_line(w, "(void)memcpy(dst + i * size, element, size);");
	w_close(w, "}");
	w_close(w, "}");
	w_raw(w, "\n");
}

/* x as a literal of a stored type. */
static const char *literal(Arena *a, DType t, Scalar x)
{
	uint16_t bits;
	if (t != DT_F16 && t != DT_BF16)
		return c_number(a, compute_type(t), x);
	dtype_put(t, &bits, 0, x);
	return arena_printf(a, "0x%04x", bits);
}

void c_put_variable(Writer *w, const CProgram *c, const Variable *v)
{
	const char *at = c_bytes(c, c->p->offset[v->id]);
	Scalar x = {.i = 0};
	if (c->of_var[v->id] >= 0) {
		const CArray *a = &c->array[c->of_var[v->id]];
		w_line(w, "(void)memcpy(k->state + %s, %s%s, %s);", at,
		       c_weights_bin(c) ? "k->weights + " : "",
		       c_weights_bin(c) ? c_bytes(c, a->offset) : a->name,
		       c_bytes(c, array_bytes(a)));
		return;
	}
	if (!variable_is_filled(v, &x) || x.i == 0)
		return;
	w_open(w, "{");
	w_line(w, "const %s x = %s;", dtype_ctype(v->dtype),
	       literal(c->arena, v->dtype, x));
	w_line(w, "%s_fill(k->state + %s, &x, sizeof(x), %s);", c->name, at,
	       c_bytes(c, numel(v->shape)));
	w_close(w, "}");
}

static void put_state(Writer *w, const CProgram *c)
{
	const Model *m = c->p->model;
	if (c->p->state_bytes)
		w_line(w, "(void)memset(state, 0, %s_STATE_BYTES);", c->upper);
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->mutable)
			c_put_variable(w, c, m->var[i]);
}

void c_put_init(Writer *w, const CProgram *c)
{
	put_fill_function(w, c);
	c_put_init_signature(w, c);
	w_end(w);
	w_open(w, "{");
	put_check(w, "k == NULL || arena == NULL", c->upper, "NULL");
	put_checks(w, c, "arena", "ALIGN", c->p->arena_bytes);
	put_checks(w, c, "state", "ALIGN", c->p->state_bytes);
	if (c_weights_bin(c))
		put_checks(w, c, "weights", "WEIGHTS_ALIGN", c->image_bytes);
	w_line(w, "(void)memset(k, 0, sizeof(*k));");
	w_line(w, "k->arena = arena;");
	w_line(w, "k->state = state;");
	if (c_weights_bin(c))
		w_line(w, "k->weights = weights;");
	w_line(w, "k->seed = 1u;");
	for (int i = 0; i < c->nhypers; i++)
		w_line(w, "k->%s = %s;", c->hyper[i].name,
		       c_number(c->arena, DT_F32,
		                (Scalar){.f = c->hyper[i].initial}));
	put_state(w, c);
	w_line(w, "return %s_OK;", c->upper);
	w_close(w, "}");
	w_raw(w, "\n");
}
