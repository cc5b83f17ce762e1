/* thimble export: trained weights back into the ONNX file, or the training step
 * that the options describe. */
#include "frontend/cmd_common.h"
#include "frontend/cmd_saves.h"
#include "frontend/files.h"
#include "passes/train.h"

#include <string.h>

enum { KEY_TRAINING_GRAPH = 512 };

typedef struct Export {
	Args args;
	const char *weights, *out;
	bool training;
	Session session;
} Export;

static const struct argp_child children[] = {
	ARGS_READING, {&args_training, 0, "With --training-graph:", 0}, {0}
};

static bool is_not_in_onnx(const OptimizerOptions *o)
{
	return o->blockwise || o->kind == OPT_LION || o->kind == OPT_SM3 ||
	       o->kind == OPT_ADAFACTOR;
}

static void check_usage(struct argp_state *state, const Export *e)
{
	const Options *o = &e->args.options;
	if (!e->args.model || !e->out || (!e->weights && !e->training))
		argp_error(state, "MODEL, WEIGHTS and -o OUT are needed");
	if (e->weights && e->training)
		argp_error(state, "--training-graph takes no WEIGHTS");
	if (e->training && !e->args.loss)
		argp_error(state, "--training-graph needs --loss");
	if (e->training && o->loss.kind == LOSS_NONE)
		argp_error(state, "--training-graph: --loss none is no step");
	if (!e->training && e->args.loss)
		argp_error(state, "--loss needs --training-graph");
	if (o->freeze_bn || o->train_bn)
		argp_error(state, "--freeze-bn and --train-bn are not in an ONNX "
		           "file: export the model that way");
	if (is_not_in_onnx(&o->optimizer))
		argp_error(state, "--optimizer %s: lion, sm3, adafactor and "
		           "8-bit state are not written as ONNX",
		           e->args.optimizer);
	if (o->nlow_ranks || o->nsketches)
		argp_error(state, "--low-rank and --sketch are not in ONNX's "
		           "optimizers");
	if (o->loss.label_smoothing > 0)
		argp_error(state, "label_smoothing is not in ONNX's loss");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	Export *e = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		args_share(state, children, &e->args);
		return 0;
	case 'o':
		e->out = args_path(state, "-o", text);
		return 0;
	case KEY_TRAINING_GRAPH:
		e->training = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			e->args.model = text;
		else if (state->arg_num == 1)
			e->weights = text;
		else
			argp_error(state, "'%s' is one argument too many", text);
		return 0;
	case ARGP_KEY_SUCCESS:
		check_usage(state, e);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{0, 0, 0, 0, "Results:", 0},
		{"output", 'o', "OUT", 0, "The new ONNX file", 0},
		{"training-graph", KEY_TRAINING_GRAPH, 0, 0, "Write the training "
		 "step into it (training_info), instead of weights", 0},
		{0}
	},
	.parser = parse,
	.args_doc = "MODEL WEIGHTS -o OUT\nMODEL --training-graph -o OUT",
	.children = children,
	.doc = "Writes a copy of an ONNX model that has the weights of a "
	       "safetensors file, as `thimble train -o` makes it, or of the "
	       "newest save in a dump of a device's storage, under the same "
	       "names. External data comes into the copy. Or a copy that says "
	       "itself how it is trained: the loss, its Gradient and the "
	       "optimizer as ONNX's training_info, which thimble reads as "
	       "well.\v"
	       "Examples:\n"
	       "  thimble train model.onnx --data x.npy,y.npy -o w.safetensors\n"
	       "  thimble export model.onnx w.safetensors -o tuned.onnx\n"
	       "  thimble export model.onnx flash.bin -o learned.onnx\n"
	       "  thimble export model.onnx --training-graph -o step.onnx \\\n"
	       "    --loss cross-entropy --optimizer adam:lr=1e-3",
};

/* ---- the training step ---- */

static void find_variables(const Model *m, Arena *a, OnnxStep *s, Weights *w)
{
	s->parameter = arena_array(a, const Variable *, m->nvars + 1);
	s->statistic = arena_array(a, const Variable *, m->nvars + 1);
	w->item = arena_array(a, NamedArray, m->nvars + 1);
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		if (v->role == VAR_PARAMETER && v->mutable)
			s->parameter[s->n++] = v;
		if (v->role == VAR_BUFFER && v->mutable)
			s->statistic[s->nstatistics++] = v;
		if (v->role != VAR_OPTIMIZER && v->data)
			w->item[w->n++] = (NamedArray){v->name, {
				v->dtype, v->shape,
				(void *)(uintptr_t)v->data}};
	}
}

static void export_training(Export *e)
{
	Session *s = &e->session;
	Weights w = {0};
	if (!session_build(s))
		return;
	const Program *p = s->program;
	const Graph *g = p->infer->graph;
	const Output *y = find_loss_output(g, &e->args.options.loss);
	OnnxStep step = {
		.options = &e->args.options, .output_name = y->name,
		.output = y->value, .probabilities = p->of_probabilities,
		.target = plan_input(p->train, IN_TARGET, 0),
		.input = arena_array(e->args.arena, const char *,
		                     g->ninputs + 1),
	};
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == IN_DATA)
			step.input[step.ninputs++] = g->input[i]->name;
	find_variables(p->model, e->args.arena, &step, &w);
	onnx_write_training(&s->unit, e->out, &w, &step);
}

/* Shapes are not in a save: they are the model's. */
static bool read_saves(Export *e, const unsigned char *byte, size_t size,
                       Weights *w)
{
	Unit *u = &e->session.unit;
	OnnxInfo info;
	Graph *g = load_onnx(u, &e->args.options);
	return g && onnx_info(u, &info) &&
	       saves_weights(u, e->weights, byte, size, info.sha256, g, w);
}

static void export_weights(Export *e)
{
	Unit *u = &e->session.unit;
	Weights w;
	size_t size;
	const unsigned char *byte = file_read(u, e->weights, &size);
	if (byte && (saves_count(byte, size)
	             ? read_saves(e, byte, size, &w)
	             : weights_parse(u, e->weights, byte, size, &w)))
		onnx_write_weights(u, e->out, &w);
}

int cmd_export(int argc, char **argv)
{
	Export e = {.args = {.arena = arena_create()}};
	command_parse(&argp, argc, argv, &e);
	session_open(&e.session, &e.args, e.args.model);
	(e.training ? export_training : export_weights)(&e);
	return session_close(&e.session);
}
