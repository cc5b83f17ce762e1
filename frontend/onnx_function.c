/*
 * Optimizers as functions of the domain "thimble", in operators of ONNX: what
 * the operators of the same names in ir/ops compute. A reader that knows the
 * name need not look inside.
 */
#include "frontend/onnx_build.h"

#include "frontend/frontend.h"
#include "frontend/import.h"

#include <string.h>

typedef struct Line {
	const char *op, *in, *out;   /* names between spaces */
} Line;

enum { MAX_LINES = 30 };

typedef struct Function {
	const char *name, *in, *out;
	Line line[MAX_LINES];
} Function;

#define ADAM_INPUTS "w g m v lr beta1 beta2 eps weight_decay step"
#define DECAYED {"Mul", "weight_decay w", "decay"}, {"Add", "g decay", "h"}
#define ADAM \
	{"CastLike", "step w", "t"}, \
	{"Mul", "beta1 m", "m_old"}, {"Sub", "one beta1", "rest1"}, \
	{"Mul", "rest1 h", "m_add"}, {"Add", "m_old m_add", "m_new"}, \
	{"Mul", "beta2 v", "v_old"}, {"Sub", "one beta2", "rest2"}, \
	{"Mul", "h h", "hh"}, {"Mul", "rest2 hh", "v_add"}, \
	{"Add", "v_old v_add", "v_new"}, \
	{"Pow", "beta1 t", "power1"}, {"Sub", "one power1", "bias1"}, \
	{"Pow", "beta2 t", "power2"}, {"Sub", "one power2", "bias2"}, \
	{"Sqrt", "bias2", "root2"}, {"Sqrt", "v_new", "root"}, \
	{"Div", "root root2", "norm"}, {"Add", "norm eps", "norm_eps"}, \
	{"Div", "m_new norm_eps", "d"}, {"Div", "lr bias1", "size"}, \
	{"Mul", "size d", "by"}

#define RMSPROP \
	DECAYED, \
	{"Mul", "alpha sq", "sq_old"}, {"Sub", "one alpha", "rest"}, \
	{"Mul", "h h", "hh"}, {"Mul", "rest hh", "sq_add"}, \
	{"Add", "sq_old sq_add", "sq_new"}, {"Sqrt", "sq_new", "root"}, \
	{"Add", "root eps", "norm"}, {"Div", "h norm", "d"}

static const Function functions[] = {
	{"AdamUpdate", ADAM_INPUTS, "w_new m_new v_new",
	 {DECAYED, ADAM, {"Sub", "w by", "w_new"}}},
	{"AdamWUpdate", ADAM_INPUTS, "w_new m_new v_new",
	 {{"Identity", "g", "h"}, ADAM, {"Mul", "lr weight_decay", "decay"},
	  {"Sub", "one decay", "keep"}, {"Mul", "keep w", "kept"},
	  {"Sub", "kept by", "w_new"}}},
	{"RMSpropUpdate", "w g sq lr alpha eps weight_decay", "w_new sq_new",
	 {RMSPROP, {"Mul", "lr d", "by"}, {"Sub", "w by", "w_new"}}},
	{"RMSpropMomentumUpdate",
	 "w g sq buf lr alpha eps weight_decay momentum", "w_new sq_new buf_new",
	 {RMSPROP, {"Mul", "momentum buf", "old"}, {"Add", "old d", "buf_new"},
	  {"Mul", "lr buf_new", "by"}, {"Sub", "w by", "w_new"}}},
};

static const char *const *words(Unit *u, const char *text)
{
	int n = 0;
	const char **list = arena_array(u->arena, const char *,
	                                (int)strlen(text) + 2);
	while (*text) {
		size_t len = strcspn(text, " ");
		list[n++] = arena_strndup(u->arena, text, len);
		text += len + (text[len] == ' ');
	}
	return list;
}

static size_t set_words(Unit *u, const char *text, char ***to)
{
	size_t n = 0;
	*to = (char **)(uintptr_t)words(u, text);
	while ((*to)[n])
		n++;
	return n;
}

static int64_t default_opset(const Onnx__ModelProto *m)
{
	for (size_t i = 0; i < m->n_opset_import; i++) {
		const char *d = m->opset_import[i]->domain;
		if (!d || !*d || !strcmp(d, "ai.onnx"))
			return m->opset_import[i]->version;
	}
	return 0;
}

static Onnx__FunctionProto *build(Unit *u, const Onnx__ModelProto *m,
                                  const Function *f)
{
	Onnx__FunctionProto *p = arena_new(u->arena, Onnx__FunctionProto);
	Build b = build_graph(u, f->name, names_create(u->arena, MAX_LINES));
	build_constant(&b, "one", 1);
	for (int i = 0; i < MAX_LINES && f->line[i].op; i++)
		build_node(&b, "", f->line[i].op, words(u, f->line[i].in),
		           words(u, f->line[i].out));
	onnx__function_proto__init(p);
	p->name = arena_printf(u->arena, "%s", f->name);
	p->domain = arena_printf(u->arena, "%s", OWN_DOMAIN);
	p->n_input = set_words(u, f->in, &p->input);
	p->n_output = set_words(u, f->out, &p->output);
	p->n_node = b.g->n_node;
	p->node = b.g->node;
	Onnx__OperatorSetIdProto *o = arena_new(u->arena,
	                                        Onnx__OperatorSetIdProto);
	onnx__operator_set_id_proto__init(o);
	o->domain = arena_printf(u->arena, "%s", "");
	o->has_version = 1;
	o->version = default_opset(m);
	p->n_opset_import = 1;
	p->opset_import = arena_new(u->arena, Onnx__OperatorSetIdProto *);
	p->opset_import[0] = o;
	return p;
}

void onnx_add_function(Unit *u, Onnx__ModelProto *m, const char *name)
{
	const Function *f = NULL;
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (!strcmp(functions[i].name, name))
			f = &functions[i];
	if (!f)
		BUG("there is no function %s", name);
	Onnx__FunctionProto **list = arena_array(
		u->arena, Onnx__FunctionProto *, m->n_functions + 1);
	if (m->n_functions)
		memcpy(list, m->functions, m->n_functions * sizeof *list);
	list[m->n_functions++] = build(u, m, f);
	m->functions = list;
	build_opset(u, m, OWN_DOMAIN);
}
