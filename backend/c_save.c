/* NAME_save and NAME_load: what is saved, in terms of runtime/store.c. */
#include "backend/c_program.h"
#include "backend/c_slice.h"

#include <string.h>

static uint32_t hash_text(uint32_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* Tells apart programs of one model whose state is laid out differently. */
static uint32_t layout_hash(const CProgram *c)
{
	const Model *m = c->p->model;
	uint32_t h = 2166136261u;
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->mutable)
			h = hash_text(h, arena_printf(
				c->arena, "%s %s %lld %lld\n", m->var[i]->name,
				dtype_name(m->var[i]->dtype),
				(long long)numel(m->var[i]->shape),
				(long long)c->p->offset[i]));
	for (int i = 0; i < c->nhypers; i++)
		h = hash_text(h, c->hyper[i].onnx);
	return h;
}

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

static void put_common(Writer *w, const CProgram *c)
{
	const char *u = c->upper;
	put_model_id(w, c);
	w_comment(w, "What a save consists of.");
	w_line(w, "static rt_saved %s_saved(const %s_t *k, float *hyper)",
	       c->name, c->name);
	w_open(w, "{");
	w_line(w, "rt_saved s;");
	w_line(w, "memset(&s, 0, sizeof(s));");
	w_line(w, "s.model = %s_model;", c->name);
	w_line(w, "s.layout = 0x%08xu;", (unsigned)layout_hash(c));
	w_line(w, "s.step = k->step;");
	w_line(w, "s.seed = k->seed;");
	w_line(w, "s.part[0] = k->state;");
	w_line(w, "s.bytes[0] = %s_STATE_BYTES;", u);
	for (int i = 0; i < c->nhypers; i++)
		w_line(w, "hyper[%d] = k->%s;", i, c->hyper[i].name);
	w_line(w, "s.part[1] = hyper;");
	w_line(w, "s.bytes[1] = %d * sizeof(float);", c->nhypers);
	w_line(w, "return s;");
	w_close(w, "}");
	w_raw(w, "\n");
	w_comment(w, "Of what rt_save and rt_load return.");
	w_line(w, "static %s_status %s_store_status(int result)", c->name,
	       c->name);
	w_open(w, "{");
	w_line(w, "static const %s_status of[] = {%s_OK, %s_ERROR_SIZE, "
	       "%s_ERROR_STORAGE, %s_ERROR_CORRUPT, %s_ERROR_MODEL};", c->name,
	       u, u, u, u, u);
	w_line(w, "return of[result];");
	w_close(w, "}");
	w_raw(w, "\n");
}

static void put_start(Writer *w, const CProgram *c)
{
	int n = c->nhypers ? c->nhypers : 1;
	w_line(w, "float hyper[%d] = {0};", n);
	w_line(w, "rt_store st;");
	w_line(w, "rt_saved s;");
	w_open(w, "if (!k || !k->arena || !store || !store->read || "
	       "!store->write)");
	w_line(w, "return %s_ERROR_NULL;", c->upper);
	w->indent--;
	c_put_slice_check(w, c);
	w_line(w, "st.user = store->user;");
	w_line(w, "st.read = store->read;");
	w_line(w, "st.write = store->write;");
	w_line(w, "st.erase = store->erase;");
	w_line(w, "st.capacity = store->capacity;");
	w_line(w, "s = %s_saved(k, hyper);", c->name);
}

void c_put_save(Writer *w, const CProgram *c)
{
	const char *n = c->name;
	if (!c->p->train)
		return;
	put_common(w, c);
	w_line(w, "%s_status %s_save(const %s_t *k, const %s_store *store)", n,
	       n, n, n);
	w_open(w, "{");
	put_start(w, c);
	w_line(w, "return %s_store_status(rt_save(&s, &st));", n);
	w_close(w, "}");
	w_raw(w, "\n");
	w_line(w, "%s_status %s_load(%s_t *k, const %s_store *store)", n, n, n,
	       n);
	w_open(w, "{");
	w_line(w, "int result;");
	put_start(w, c);
	w_line(w, "result = rt_load(&s, &st);");
	w_open(w, "if (result == RT_STORE_OK) {");
	w_line(w, "k->step = s.step;");
	w_line(w, "k->seed = s.seed;");
	for (int i = 0; i < c->nhypers; i++)
		w_line(w, "k->%s = hyper[%d];", c->hyper[i].name, i);
	w_close(w, "}");
	w_line(w, "return %s_store_status(result);", n);
	w_close(w, "}");
	w_raw(w, "\n");
}
