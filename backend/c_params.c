/* The table of variables: where each is, for programs that look inside. */
#include "backend/c_program.h"

static const char *const roles[] = {
	[VAR_PARAMETER] = "PARAMETER", [VAR_BUFFER] = "BUFFER",
	[VAR_OPTIMIZER] = "OPTIMIZER",
};

void c_put_param_type(Writer *w, const CProgram *c)
{
	const char *n = c->name, *u = c->upper;
	w_raw(w, "typedef enum %s_dtype {\n", n);
	for (int t = 0; t < NDTYPE; t++)
		if (t != DT_BIT)   /* no variable is of bits */
			w_raw(w, "\t%s_%s,\n", u,
			      c_upper(c->arena, dtype_name((DType)t)));
	w_raw(w, "} %s_dtype;\n\n", n);
	w_raw(w, "typedef enum %s_role {\n"
	      "\t%s_PARAMETER,\t/* a weight of the model */\n"
	      "\t%s_BUFFER,\t/* a running statistic */\n"
	      "\t%s_OPTIMIZER\t/* state of the optimizer */\n"
	      "} %s_role;\n\n", n, u, u, u, n);
	w_raw(w, "/* One variable of the model. */\n"
	      "typedef struct %s_param {\n"
	      "\tconst char *name;\t/* in the ONNX file */\n"
	      "\t%s_dtype dtype;\n"
	      "\t%s_role role;\n"
	      "\tint trainable;\t\t/* the train step changes it */\n"
	      "\tint in_state;\t\t/* in the state, else constant */\n"
	      "\tint rank;\n"
	      "\tuint32_t shape[%d];\n"
	      "\tsize_t offset;\t\t/* in the state if in_state, else in\n"
	      "\t\t\t\t * %s_weights.bin; bytes */\n"
	      "\tsize_t bytes;\n"
	      "\tsize_t first;\t\t/* offset in %s_weights.bin of its first\n"
	      "\t\t\t\t * contents; (size_t)-1: they are not there */\n"
	      "} %s_param;\n\n", n, n, n, MAX_RANK, n, n, n);
}

static void put_param(Writer *w, const CProgram *c, const Variable *v)
{
	int array = c->of_var[v->id];
	bool bin = c_weights_bin(c) && array >= 0;
	int64_t first = array >= 0 ? c->array[array].offset : 0;
	int64_t at = v->mutable ? c->p->offset[v->id] : bin ? first : 0;
	w_put(w, "{%s, %s_%s, %s_%s, %d, %d, %d, {", c_string(c->arena, v->name),
	      c->upper, c_upper(c->arena, dtype_name(v->dtype)), c->upper,
	      roles[v->role], v->mutable && v->role == VAR_PARAMETER, v->mutable,
	      v->shape.rank);
	for (int i = 0; i < MAX_RANK; i++)
		w_put(w, "%s%lldu", i ? ", " : "",
		      i < v->shape.rank ? (long long)v->shape.dim[i] : 0);
	w_line(w, "}, %s, %s, %s},", c_bytes(c, at),
	       c_bytes(c, shape_bytes(v->shape, v->dtype)),
	       bin ? c_bytes(c, first) : "(size_t)-1");
}

void c_put_params(Writer *w, const CProgram *c)
{
	const Model *m = c->p->model;
	if (m->nvars == 0)
		return;
	w_open(w, "const %s_param %s_params[%s_NPARAMS] = {", c->name, c->name,
	       c->upper);
	for (int i = 0; i < m->nvars; i++)
		put_param(w, c, m->var[i]);
	w_close(w, "};");
	w_raw(w, "\n");
}
