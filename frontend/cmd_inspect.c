/* thimble inspect: what is in a model, and all that stands in the way. */
#include "frontend/cmd_common.h"
#include "ir/memo.h"
#include "ir/op.h"
#include "passes/pass.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const struct argp_child children[] = {
	{&args_json, 0, "Results:", 0}, ARGS_READING, ARGS_TRAINING, {0}
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT) {
		args_share(state, children, state->input);
		return 0;
	}
	return args_model(key, text, state, state->input);
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "MODEL",
	.children = children,
	.doc = "Shows what an ONNX file holds: version, inputs, outputs, "
	       "operators, parameters and whether each would train. All "
	       "problems are listed in one run, and the exit status is 1 if "
	       "there is one. With --loss, or where the file has a training "
	       "step, the training graph is made too, and problems of "
	       "gradients are among them.\v"
	       "Examples:\n"
	       "  thimble inspect model.onnx\n"
	       "  thimble inspect model.onnx --freeze 'features.*' --loss mse\n"
	       "  thimble inspect model.onnx --json | jq '.parameters[].name'",
};

typedef struct Inspect {
	Args args;
	Session session;
	OnnxInfo info;
	Graph *graph;         /* NULL: the model cannot be read */
} Inspect;

static const char *matching(const NameList *list, const char *name)
{
	for (int i = 0; i < list->n; i++)
		if (!fnmatch(list->name[i], name, 0))
			return list->name[i];
	return NULL;
}

/* NULL: it trains. */
static const char *why_not(const Inspect *in, const Variable *v)
{
	const Options *o = &in->args.options;
	const char *pattern = matching(&o->freeze, v->name);
	if (v->role == VAR_BUFFER)
		return "a running statistic";
	if (o->train.n && !matching(&o->train, v->name))
		return "no --train pattern matches";
	if (pattern)
		return arena_printf(in->args.arena, "--freeze %s", pattern);
	if (in->session.program && !v->mutable)
		return "no gradient reaches it";
	return NULL;
}

static bool is_file_variable(const Variable *v)
{
	return v->role != VAR_OPTIMIZER;
}

/* ---- JSON ---- */

static json_t *shape_json(Shape s)
{
	json_t *list = json_array();
	for (int d = 0; d < s.rank; d++)
		json_array_append_new(list, json_integer(s.dim[d]));
	return list;
}

static json_t *value_json(const char *name, const Value *v)
{
	return json_pack("{s:s, s:s, s:o}", "name", name, "dtype",
	                 dtype_name(v->dtype), "shape", shape_json(v->shape));
}

static json_t *variable_json(const Inspect *in, const Variable *v)
{
	const char *why = why_not(in, v);
	json_t *o = json_pack("{s:s, s:s, s:o, s:b}", "name", v->name, "dtype",
	                      dtype_name(v->dtype), "shape",
	                      shape_json(v->shape), "trains", why == NULL);
	if (why)
		json_object_set_new(o, "why", json_string(why));
	return o;
}

static void operators_json(const Inspect *in, json_t *o)
{
	json_t *ops = json_object(), *unsupported = json_array();
	for (int i = 0; i < in->info.nops; i++) {
		const OnnxOpCount *c = &in->info.op[i];
		json_object_set_new(ops, c->op, json_integer(c->count));
		if (!onnx_supports(c->op))
			json_array_append_new(unsupported, json_string(c->op));
	}
	json_object_set_new(o, "operators", ops);
	json_object_set_new(o, "unsupported", unsupported);
}

static void graph_json(const Inspect *in, json_t *o)
{
	const Graph *g = in->graph;
	json_t *inputs = json_array(), *outputs = json_array();
	json_t *parameters = json_array();
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == IN_DATA)
			json_array_append_new(inputs, value_json(
				g->input[i]->name, g->input[i]));
	for (int i = 0; i < g->noutputs; i++)
		json_array_append_new(outputs, value_json(
			g->output[i].name, g->output[i].value));
	for (int i = 0; i < g->model->nvars; i++)
		if (is_file_variable(g->model->var[i]))
			json_array_append_new(parameters, variable_json(
				in, g->model->var[i]));
	json_object_set_new(o, "inputs", inputs);
	json_object_set_new(o, "outputs", outputs);
	json_object_set_new(o, "parameters", parameters);
}

/* The diagnostics' lines: errors and warnings. */
static json_t *problems_json(const char *text)
{
	json_t *list = json_array();
	while (*text) {
		size_t len = strcspn(text, "\n");
		json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] != '\0');
	}
	return list;
}

static void print_json(const Inspect *in, const char *problems)
{
	const OnnxInfo *f = &in->info;
	json_t *o = json_pack(
		"{s:s, s:I, s:I, s:s, s:s, s:s}", "model", in->args.model,
		"ir_version", (json_int_t)f->ir_version,
		"opset", (json_int_t)f->opset,
		"producer", f->producer ? f->producer : "",
		"producer_version", f->producer_version ? f->producer_version
		                                        : "",
		"sha256", f->sha256);
	if (!o)   /* a string that is no UTF-8 */
		o = json_object();
	operators_json(in, o);
	if (in->graph)
		graph_json(in, o);
	json_object_set_new(o, "errors",
	                    json_integer(in->session.unit.nerrors));
	json_object_set_new(o, "messages", problems_json(problems));
	json_print(stdout, o);
}

/* ---- text ---- */

static void print_parameters(const Inspect *in)
{
	const Model *m = in->graph->model;
	int64_t trains = 0, all = 0;
	printf("\nparameters\n");
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		if (!is_file_variable(v))
			continue;
		const char *why = why_not(in, v);
		all += numel(v->shape);
		trains += why ? 0 : numel(v->shape);
		printf("  %-36s %-4s %-16s %s%s\n", v->name,
		       dtype_name(v->dtype),
		       shape_text(in->args.arena, v->shape),
		       !why ? "trains" : v->role == VAR_BUFFER ? "" : "frozen: ",
		       why ? why : "");
	}
	printf("  %lld elements, %lld of them train\n", (long long)all,
	       (long long)trains);
}

static const char *support_of(const char *op)
{
	if (!strcmp(op, "If"))
		return "  where its condition is constant";
	if (!strcmp(op, "Loop"))
		return "  where its trip count is constant";
	return onnx_supports(op) ? "" : "  not supported";
}

static void print_operators(const OnnxInfo *f)
{
	printf("\noperators\n");
	for (int i = 0; i < f->nops; i++)
		printf("  %-36s %4d%s\n", f->op[i].op, f->op[i].count,
		       support_of(f->op[i].op));
}

static void print_value(const Inspect *in, const char *name, const Value *v)
{
	printf("  %-36s %-4s %s\n", name, dtype_name(v->dtype),
	       shape_text(in->args.arena, v->shape));
}

static void print_text(const Inspect *in)
{
	const OnnxInfo *f = &in->info;
	const Graph *g = in->graph;
	if (f->producer)   /* it could be decoded */
		printf("%s: opset %lld, IR version %lld%s%s %s\n",
		       in->args.model, (long long)f->opset,
		       (long long)f->ir_version, *f->producer ? ", by " : "",
		       f->producer, f->producer_version);
	if (f->nops)
		print_operators(f);
	if (!g)
		return;
	printf("\ninputs\n");
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == IN_DATA)
			print_value(in, g->input[i]->name, g->input[i]);
	printf("\noutputs\n");
	for (int i = 0; i < g->noutputs; i++)
		print_value(in, g->output[i].name, g->output[i].value);
	print_parameters(in);
}

static void look(Inspect *in)
{
	Session *s = &in->session;
	if (!onnx_info(&s->unit, &in->info))
		return;
	in->graph = load_onnx(&s->unit, &in->args.options);
	if (!in->graph)
		return;
	if (s->unit.nerrors)
		return;
	session_settle(s, in->graph);
	if (in->args.options.loss.kind != LOSS_NONE)
		s->program = build_program(in->graph, &in->args.options);
}

int cmd_inspect(int argc, char **argv)
{
	Inspect in = {.args = {.arena = arena_create()}};
	Memo said;
	command_parse(&argp, argc, argv, &in.args);
	session_open(&in.session, &in.args, in.args.model);
	memo_open(&said);
	in.session.unit.messages = said.f;
	look(&in);
	const char *text = memo_close(&said, in.args.arena);
	if (in.args.json)
		print_json(&in, text);
	else
		print_text(&in);
	fflush(stdout);
	if (!in.args.json)
		fputs(text, stderr);
	return session_close(&in.session);
}
