/* The glue between an emitted program and a host program that loads it. */
#include "backend/c_program.h"

static void put_init(Writer *w, const CProgram *c)
{
	w_line(w, "int thimble_glue_init(void *context, void *arena, "
	       "size_t arena_bytes, void *state, size_t state_bytes, "
	       "const void *weights, size_t weights_bytes)");
	w_open(w, "{");
	w_raw(w, "#ifdef %s_WEIGHTS_BYTES\n", c->upper);
	w_line(w, "return (int)%s_init(context, arena, arena_bytes, state, "
	       "state_bytes, weights, weights_bytes);", c->name);
	w_raw(w, "#else\n");
	w_line(w, "(void)weights;");
	w_line(w, "(void)weights_bytes;");
	w_line(w, "return (int)%s_init(context, arena, arena_bytes, state, "
	       "state_bytes);", c->name);
	w_raw(w, "#endif\n");
	w_close(w, "}");
	w_raw(w, "\n");
}

static void put_call(Writer *w, const CProgram *c)
{
	const Plan *plan[] = {c->p->train, c->p->infer, c->p->evaluate};
	c_put_glue_feeds(w, c);
	w_line(w, "int thimble_glue_call(void *context, int function, "
	       "void *const *fed)");
	w_open(w, "{");
	w_line(w, "(void)fed;");
	w_open(w, "switch (function) {");
	for (int i = 0, f = 0; i < 3; i++) {
		if (!plan[i])
			continue;
		w_line(w, "case %d: {", i);
		w->indent++;
		c_put_glue_call(w, c, &c->fn[f++]);
		w_close(w, "}");
	}
	w_line(w, "default:");
	w->indent++;
	w_line(w, "return -1;");
	w->indent--;
	w_close(w, "}");
	w_close(w, "}");
	w_raw(w, "\n");
}

static void put_hyper(Writer *w, const CProgram *c)
{
	w_line(w, "float *thimble_glue_hyper(void *context, const char *name)");
	w_open(w, "{");
	w_line(w, "%s_t *k = context;", c->name);
	for (int i = 0; i < c->nhypers; i++) {
		w_open(w, "if (!strcmp(name, %s))",
		       c_string(c->arena, c->hyper[i].onnx));
		w_line(w, "return &k->%s;", c->hyper[i].name);
		w->indent--;
	}
	w_line(w, "(void)k;");
	w_line(w, "(void)name;");
	w_line(w, "return NULL;");
	w_close(w, "}");
	w_raw(w, "\n");
}

void emit_glue(FILE *out, const Program *p)
{
	Arena *scratch = arena_create();
	CProgram *c = c_program(scratch, p, &(EmitOptions){0});
	Writer w = {.out = out, .arena = scratch};
	w_raw(&w, "#include \"%s.h\"\n\n#include <string.h>\n\n", c->name);
	w_raw(&w, "size_t thimble_glue_size(void)\n{\n"
	      "\treturn sizeof(%s_t);\n}\n\n", c->name);
	put_init(&w, c);
	put_call(&w, c);
	put_hyper(&w, c);
	w_raw(&w, "uint32_t *thimble_glue_step(void *context)\n{\n"
	      "\treturn &((%s_t *)context)->step;\n}\n\n", c->name);
	w_raw(&w, "uint32_t *thimble_glue_seed(void *context)\n{\n"
	      "\treturn &((%s_t *)context)->seed;\n}\n", c->name);
	arena_destroy(scratch);
}
