/* How a function of NAME.h is declared, and defined. */
#include "backend/c_program.h"

void c_put_signature(Writer *w, const CProgram *c, const CFunction *f)
{
	w_put(w, "%s_status %s_%s(%s_t *k", c->name, c->name, f->name, c->name);
	bool feeds = c_feeds(c, f);
	if (feeds)
		w_put(w, ", const %s_feed *feed", c->name);
	for (int i = 0; i < f->nargs; i++)
		if (!feeds || !f->arg[i].fed)
			w_put(w, ", %s%s *%s", f->arg[i].input 
			      ? "const " : "",
			      dtype_ctype(f->arg[i].v->dtype), f->arg[i].name);
	w_put(w, ")");
}

void c_put_init_signature(Writer *w, const CProgram *c)
{
	w_put(w, "%s_status %s_init(%s_t *k, void *arena, size_t arena_bytes, "
	      "void *state, size_t state_bytes%s)", c->name, c->name, c->name,
	      c_weights_bin(c) ? ", const void *weights, size_t weights_bytes"
	                       : "");
}
