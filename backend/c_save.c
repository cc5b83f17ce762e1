/* NAME_save and NAME_load: what is saved, in terms of runtime/store.c. */
#include "backend/c_program.h"
#include "backend/c_slice.h"

#include <string.h>

/* The first eight bytes of the model's hash. */
static void put_model_id(Writer *w, const CProgram *c)
{
	const char *hex = c->o->sha256;
	if (!hex || strlen(hex) < 16)
		hex = "0000000000000000";
	w_put(w, "static const unsigned char %s_model[8] = {", c->name);
	for (int i = 0; i < 8; i++)
		w_put(w, "%s0x%.2s", i ? ", " : "", hex + 2 * i);
	w_line(w, "};");
	w_raw(w, "\n");
}

int saved_parts(Arena *a, const Program *p, SavedPart **list)
{
	const CProgram *c = c_program(a, p, &(EmitOptions){0});
	const Model *m = p->model;
	int n = 0;
	SavedPart *part = *list = arena_array(a, SavedPart,
	                                      m->nvars + c->nhypers + 1);
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->mutable)
			part[n++] = (SavedPart){m->var[i]->name, m->var[i]};
	for (int i = 0; i < c->nhypers; i++)
		part[n++] = (SavedPart){c->hyper[i].onnx, NULL};
	return n;
}

static const char *const kinds[] = {
	[VAR_PARAMETER] = "RT_PARAMETER", [VAR_BUFFER] = "RT_BUFFER",
	[VAR_OPTIMIZER] = "RT_OPTIMIZER",
};

/* What is frozen is not among them: it never changes. */
static void put_parts(Writer *w, const CProgram *c)
{
	SavedPart *part;
	int n = saved_parts(c->arena, c->p, &part), hyper = 0;
	w_comment(w, "What a save consists of.");
	w_open(w, "static const rt_part %s_parts[] = {", c->name);
	if (n == 0)
		w_line(w, "{\"\", \"u8\", RT_SETTING, 0u, 0u},");
	for (int i = 0; i < n; i++) {
		const Variable *v = part[i].var;
		const char *name = c_string(c->arena, part[i].name);
		if (v)
			w_line(w, "{%s, \"%s\", %s, %s, %s},", name,
			       dtype_name(v->dtype), kinds[v->role],
			       c_bytes(c, c->p->offset[v->id]),
			       c_bytes(c, shape_bytes(v->shape, v->dtype)));
		else
			w_line(w, "{%s, \"f32\", RT_SETTING, "
			       "offsetof(%s_t, %s), 4u},", name, c->name,
			       c->hyper[hyper++].name);
	}
	w_close(w, "};");
	w_raw(w, "\n");
}

static void put_describe(Writer *w, const CProgram *c)
{
	static const char *const copied[] = {
		"user", "read", "program", "erase", "base", "sector_bytes",
		"sectors", "unit", "erases_to_zero", "weights_only",
	};
	w_line(w, "static void %s_describe(%s_t *k, const %s_store *store, "
	       "rt_saved *s, rt_store *st)", c->name, c->name, c->name);
	w_open(w, "{");
	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
		w_line(w, "st->%s = store->%s;", copied[i], copied[i]);
	w_line(w, "s->model = %s_model;", c->name);
	w_line(w, "s->part = %s_parts;", c->name);
	w_line(w, "s->parts = (int)(sizeof(%s_parts) / sizeof(%s_parts[0]));",
	       c->name, c->name);
	w_line(w, "s->state = k->state;");
	w_line(w, "s->settings = (unsigned char *)k;");
	w_line(w, "s->step = k->step;");
	w_line(w, "s->seed = k->seed;");
	w_line(w, "s->buffer = k->arena;");
	w_line(w, "s->buffer_bytes = %s_ARENA_BYTES;", c->upper);
	w_close(w, "}");
	w_raw(w, "\n");
}

static void put_status(Writer *w, const CProgram *c)
{
	static const char *const of[] = {   /* in the order of RT_STORE_... */
		"OK", "LOADED_WEIGHTS", "ERROR_EMPTY", "ERROR_MODEL",
		"ERROR_LAYOUT", "ERROR_VERSION", "ERROR_CORRUPT",
		"ERROR_STORAGE", "ERROR_SIZE",
	};
	w_line(w, "static %s_status %s_store_status(int result)", c->name,
	       c->name);
	w_open(w, "{");
	w_put(w, "static const %s_status of[] = {", c->name);
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
		w_put(w, "%s%s_%s", i ? ", " : "", c->upper, of[i]);
	w_line(w, "};");
	w_line(w, "return of[result];");
	w_close(w, "}");
	w_raw(w, "\n");
}

static void put_start(Writer *w, const CProgram *c, const char *needs)
{
	w_line(w, "rt_store st;");
	w_line(w, "rt_saved s;");
	w_open(w, "if (k == NULL || k->arena == NULL || store == NULL || "
	       "%s == NULL) {", needs);
	w_line(w, "return %s_ERROR_NULL;", c->upper);
	w_close(w, "}");
	c_put_slice_check(w, c);
}

static void put_save(Writer *w, const CProgram *c)
{
	const char *n = c->name;
	w_line(w, "%s_status %s_save(const %s_t *k, const %s_store *store)", n,
	       n, n, n);
	w_open(w, "{");
	w_line(w, "%s_t own;", n);
	put_start(w, c, "store->read == NULL || store->program");
	w_line(w, "own = *k;");
	w_line(w, "%s_describe(&own, store, &s, &st);", n);
	w_line(w, "return %s_store_status(rt_save(&s, &st));", n);
	w_close(w, "}");
	w_raw(w, "\n");
}

/* Of the optimizer's state, what does not begin as zeros. */
static bool begins_otherwise(const Variable *v)
{
	Scalar x = {.i = 0};
	return v->mutable && v->role == VAR_OPTIMIZER &&
	       (!variable_is_filled(v, &x) || x.i != 0);
}

static void put_reset(Writer *w, const CProgram *c)
{
	const Model *m = c->p->model;
	bool any = false;
	for (int i = 0; i < m->nvars; i++)
		any |= begins_otherwise(m->var[i]);
	if (!any)
		return;
	w_open(w, "if (result == RT_STORE_PARTIAL) {");
	for (int i = 0; i < m->nvars; i++)
		if (begins_otherwise(m->var[i]))
			c_put_variable(w, c, m->var[i]);
	w_close(w, "}");
}

static void put_load(Writer *w, const CProgram *c)
{
	const char *n = c->name;
	w_line(w, "%s_status %s_load(%s_t *k, const %s_store *store)", n, n, n,
	       n);
	w_open(w, "{");
	w_line(w, "int result;");
	put_start(w, c, "store->read");
	w_line(w, "%s_describe(k, store, &s, &st);", n);
	w_line(w, "result = rt_load(&s, &st);");
	w_line(w, "k->step = s.step;");
	w_line(w, "k->seed = s.seed;");
	put_reset(w, c);
	w_line(w, "return %s_store_status(result);", n);
	w_close(w, "}");
	w_raw(w, "\n");
}

static void put_inspect(Writer *w, const CProgram *c)
{
	static const char *const copied[] = {
		"slots", "slot_bytes", "slot", "saves", "step", "erases",
	};
	const char *n = c->name;
	w_line(w, "%s_status %s_inspect(const %s_t *k, const %s_store *store, "
	       "%s_store_info *info)", n, n, n, n, n);
	w_open(w, "{");
	w_line(w, "int result;");
	w_line(w, "rt_store_info x;");
	w_line(w, "%s_t own;", n);
	put_start(w, c, "store->read == NULL || info");
	w_line(w, "own = *k;");
	w_line(w, "%s_describe(&own, store, &s, &st);", n);
	w_line(w, "result = rt_inspect(&s, &st, &x);");
	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
		w_line(w, "info->%s = x.%s;", copied[i], copied[i]);
	w_line(w, "return %s_store_status(result);", n);
	w_close(w, "}");
	w_raw(w, "\n");
}

void c_put_save(Writer *w, const CProgram *c)
{
	if (!c->p->train)
		return;
	put_model_id(w, c);
	put_parts(w, c);
	put_describe(w, c);
	put_status(w, c);
	put_save(w, c);
	put_load(w, c);
	put_inspect(w, c);
}
