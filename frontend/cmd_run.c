/*
 * thimble run: a model on given arrays, and what came of it as files.
 *
 * With --steps it trains on the one batch and dumps losses, the first step's
 * gradients and the last parameters by ONNX name: how thimble is compared with
 * another program. Symbolic dimensions and the batch follow from the arrays.
 */
#include "frontend/array.h"
#include "frontend/cmd_common.h"
#include "frontend/files.h"
#include "frontend/onnx_model.h"
#include "frontend/report_plan.h"
#include "ir/batch_axis.h"
#include "ir/memo.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_INPUT = 512, KEY_DUMP, KEY_STEPS, KEY_TARGET_FILE,
       KEY_NO_GRADIENTS, KEY_CALLS };

typedef struct Given {
	const char *name, *path;
	Array array;
} Given;

/* An output as the file declares it. */
typedef struct Declared {
	const char *name;
	int32_t type;
} Declared;

typedef struct Run {
	Args args;
	const char *dump;
	int64_t steps, calls;
	bool no_gradients;
	Given target;
	int ninputs, noutputs;
	Given *input;
	Declared *output;
	Session session;
	Executor *executor;
} Run;

static void add_input(struct argp_state *state, Run *r, const char *text)
{
	Arena *a = r->args.arena;
	const char *equal = strrchr(text, '=');
	if (!equal || equal == text || !equal[1])
		argp_error(state, "--input: '%s' is not NAME=FILE", text);
	Given *bigger = args_grow(a, r->input, r->ninputs, sizeof *bigger);
	bigger[r->ninputs++] = (Given){
		.name = arena_strndup(a, text, (size_t)(equal - text)),
		.path = equal + 1,
	};
	r->input = bigger;
}

static void check_usage(struct argp_state *state, Run *r)
{
	if (r->args.model && !r->dump)
		argp_error(state, "no --dump DIR is given");
	if (!r->steps && (r->target.path || r->args.loss))
		argp_error(state, "--target and --loss need --steps");
	if (r->steps && r->calls)
		argp_error(state, "--calls is for inference, and not with "
		           "--steps");
}

static const struct argp_child children[] = {
	ARGS_READING, ARGS_TRAINING, ARGS_BUDGET,
	{&args_executor, 0, "Machine:", 0}, {&args_blas, 0, 0, 0}, ARGS_PASSES,
	{0}
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	Run *r = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		args_share(state, children, &r->args);
		return 0;
	case KEY_INPUT:
		add_input(state, r, text);
		return 0;
	case KEY_DUMP:
		r->dump = args_path(state, "--dump", text);
		return 0;
	case KEY_STEPS:
		r->steps = args_number(state, "--steps", text, 1, INT32_MAX);
		return 0;
	case KEY_CALLS:
		r->calls = args_number(state, "--calls", text, 1, INT32_MAX);
		return 0;
	case KEY_NO_GRADIENTS:
		r->no_gradients = true;
		return 0;
	case KEY_TARGET_FILE:
		r->target.path = text;
		return 0;
	case ARGP_KEY_SUCCESS:
		check_usage(state, r);
		return 0;
	default:
		return args_model(key, text, state, &r->args);
	}
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{0, 0, 0, 0, "Data and results:", 0},
		{"input", KEY_INPUT, "NAME=FILE", 0, "An input: a .npy file or "
		 "an ONNX TensorProto (.pb); one option for each", 0},
		{"dump", KEY_DUMP, "DIR", 0, "Where results go: output/NAME.npy; "
		 "with --steps: loss.npy, grad/, param/, buffer/, optimizer/",
		 0},
		{"steps", KEY_STEPS, "N", 0, "Train N steps on these arrays", 0},
		{"calls", KEY_CALLS, "N", 0, "Infer N times (default 1); the "
		 "results are those of the last", 0},
		{"no-gradients", KEY_NO_GRADIENTS, NULL, 0, "With --steps: no "
		 "grad/; the step is then the one that compile emits", 0},
		{"target", KEY_TARGET_FILE, "FILE", 0, "What the loss compares "
		 "the output with", 0},
		{0}
	},
	.parser = parse,
	.args_doc = "MODEL --input NAME=FILE... --dump DIR",
	.children = children,
	.doc = "Runs a model on given arrays: inference, or training steps.\v"
	       "Examples:\n"
	       "  thimble run model.onnx --input x=x.npy --dump out\n"
	       "  thimble run model.onnx --input x=x.npy --target y.npy \\\n"
	       "    --steps 10 --loss cross-entropy --optimizer adam "
	       "--dump out\n"
	       "The second writes out/loss.npy with one value per step, each "
	       "before its update. An input that says a shape, an axis or a "
	       "bound is taken as a constant.",
};

/* ---- the model takes the arrays' sizes ---- */

static Given *find_given(const Run *r, const char *name)
{
	for (int i = 0; i < r->ninputs; i++)
		if (!strcmp(r->input[i].name, name))
			return &r->input[i];
	return NULL;
}

static bool bound(const Options *o, const char *name)
{
	for (int i = 0; i < o->ndims; i++)
		if (!strcmp(o->dim[i].name, name))
			return true;
	return false;
}

/* Another first dimension, and all others as the file has them. */
static bool other_batch(const OnnxPort *p, Shape s)
{
	for (int d = 1; d < s.rank; d++)
		if (p->dim[d].size && p->dim[d].size != s.dim[d])
			return false;
	return s.rank && s.dim[0] > 0 && p->dim[0].size != s.dim[0];
}

static bool told(const Options *o, const char *input)
{
	for (int i = 0; i < o->nshapes; i++)
		if (!strcmp(o->shape[i].name, input))
			return true;
	return false;
}

/* Has it dimensions that --input-shape alone could bind? */
static bool is_open(const OnnxPort *p)
{
	bool open = p->rank < 0;
	for (int d = 1; d < p->rank; d++)
		open |= !p->dim[d].param && !p->dim[d].size;
	return open;
}

static void follow_array(Run *r, const OnnxPort *p, Shape s)
{
	Options *o = &r->args.options;
	if (is_open(p) && numel(s) && !told(o, p->name))
		args_add_shape(&r->args, arena_printf(r->args.arena, "%s",
		                                      p->name), s);
	if (p->rank != s.rank)
		return;
	for (int d = 0; d < s.rank; d++) {
		const char *name = p->dim[d].param;
		if (name && !bound(o, name) && s.dim[d] > 0)
			args_add_dim(&r->args, arena_printf(
				r->args.arena, "%s", name), s.dim[d]);
	}
	if (!o->batch && !(p->rank && p->dim[0].param) && other_batch(p, s))
		o->batch = s.dim[0];
}

static void check_names(Run *r, const OnnxModel *m)
{
	for (int i = 0; i < r->ninputs; i++) {
		bool found = false;
		for (int k = 0; k < m->ninputs; k++)
			found |= !strcmp(m->input[k].name, r->input[i].name);
		if (!found)
			error_at(&r->session.unit, (Loc){0}, "there is no input "
			         "'%s'; `thimble inspect` lists them",
			         r->input[i].name);
	}
}

static void keep_outputs(Run *r, const OnnxModel *m)
{
	Arena *a = r->args.arena;
	r->noutputs = m->noutputs;
	r->output = arena_array(a, Declared, m->noutputs);
	for (int i = 0; i < m->noutputs; i++)
		r->output[i] = (Declared){
			arena_printf(a, "%s", m->output[i].name),
			m->output[i].type,
		};
}

static void look_at(Run *r, const OnnxModel *m)
{
	check_names(r, m);
	keep_outputs(r, m);
	for (int i = 0; i < m->ninputs; i++) {
		const Given *given = find_given(r, m->input[i].name);
		if (given)
			follow_array(r, &m->input[i], given->array.shape);
	}
}

/* Errors in the file are left to the reader of the graph, which finds more. */
static void follow_arrays(Run *r)
{
	Unit probe = {.path = r->args.model, .arena = arena_create()};
	Memo unsaid;
	memo_open(&unsaid);
	probe.messages = unsaid.f;
	OnnxModel *m = onnx_read(&probe);
	if (m && (r->args.options.ignore_step || onnx_join(&probe, m)))
		look_at(r, m);
	memo_close(&unsaid, probe.arena);
	arena_destroy(probe.arena);
}

/* ---- arrays in ---- */

static bool read_given(Run *r)
{
	Unit *u = &r->session.unit;
	bool good = true;
	for (int i = 0; i < r->ninputs; i++)
		good &= array_read(u, r->input[i].path, &r->input[i].array);
	if (r->target.path)
		good &= array_read(u, r->target.path, &r->target.array);
	return good;
}

static bool fill(Run *r, const Plan *p, const Value *v, const Given *given)
{
	int64_t bad;
	if (array_give(&given->array, v, executor_value(r->executor, p, v),
	               &bad))
		return true;
	file_error(&r->session.unit, given->path, "element %lld cannot be an "
	           "element of '%s', which is %s", (long long)bad, v->name,
	           dtype_name(v->dtype));
	return false;
}

static bool fill_input(Run *r, const Plan *p, const Value *v)
{
	Unit *u = &r->session.unit;
	const Given *given = find_given(r, v->name);
	if (!given) {
		error_at(u, (Loc){0}, "input '%s' is missing: it is %s%s and "
		         "is given by --input %s=FILE", v->name,
		         dtype_name(v->dtype), shape_text(u->arena, v->shape),
		         v->name);
		return false;
	}
	Shape want = value_model_shape(v);
	if (!shape_equal(given->array.shape, want)) {
		file_error(u, given->path, "input '%s' has the shape %s, the "
		           "model expects %s", v->name,
		           shape_text(u->arena, given->array.shape),
		           shape_text(u->arena, want));
		return false;
	}
	return fill(r, p, v, given);
}

static bool fill_target(Run *r, const Plan *p, const Value *v)
{
	Unit *u = &r->session.unit;
	const Given *given = find_given(r, v->name);
	given = given ? given : &r->target;
	Shape s = given->array.shape;
	if (numel(s) != numel(v->shape)) {
		file_error(u, given->path, "the target has the shape %s, the "
		           "loss expects %s", shape_text(u->arena, s),
		           shape_text(u->arena, v->shape));
		return false;
	}
	return fill(r, p, v, given);
}

/* Before each call: a step may overwrite its inputs. */
static bool fill_all(Run *r, const Plan *p)
{
	const Value *v;
	bool good = true;
	for (int i = 0; (v = plan_input(p, IN_DATA, i)); i++)
		good &= fill_input(r, p, v);
	for (int i = 0; (v = plan_input(p, IN_TARGET, i)); i++)
		good &= fill_target(r, p, v);
	return good;
}

/* ---- arrays out ---- */

static bool dump(Run *r, const char *folder, const char *name, const Array *a)
{
	Unit *u = &r->session.unit;
	char *dir = arena_printf(u->arena, "%s/%s", r->dump, folder);
	char *path = file_for_name(u, dir, name, ".npy");
	return path && npy_write(u, path, a);
}

/* The file's declared type, where the graph computes in another. */
static Array as_declared(Run *r, const char *name, Array a)
{
	DType t = a.dtype;
	for (int i = 0; i < r->noutputs; i++)
		if (!strcmp(r->output[i].name, name))
			dtype_from_onnx(r->output[i].type, &t);
	if (t == a.dtype || dtype_is_float(t) != dtype_is_float(a.dtype))
		return a;
	Array b = {t, a.shape, NULL};
	b.data = arena_alloc(r->args.arena, (size_t)array_nbytes(&b) + 1);
	for (int64_t i = 0; i < numel(a.shape); i++)
		dtype_put(t, b.data, i, dtype_get(a.dtype, a.data, i));
	return b;
}

static bool dump_outputs(Run *r, const Plan *p, OutputRole role,
                         const char *folder)
{
	const Graph *g = p->graph;
	bool good = true;
	for (int i = 0; i < g->noutputs; i++) {
		const Output *o = &g->output[i];
		if (o->role != role)
			continue;
		Array a = {o->value->dtype, o->value->shape,
		           executor_value(r->executor, p, o->value)};
		if (role == OUT_DATA)
			a = as_declared(r, o->name, a);
		good &= dump(r, folder, o->name, &a);
	}
	return good;
}

static bool dump_variables(Run *r)
{
	static const char *const folder[] = {
		[VAR_PARAMETER] = "param", [VAR_BUFFER] = "buffer",
		[VAR_OPTIMIZER] = "optimizer",
	};
	const Model *m = r->session.program->model;
	bool good = true;
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		/* The file's, if another optimizer is in its place. */
		if (v->role == VAR_OPTIMIZER && r->session.program->offset[i] < 0)
			continue;
		Array a = {v->dtype, v->shape,
		           executor_variable(r->executor, v)};
		good &= dump(r, folder[v->role], v->name, &a);
	}
	return good;
}

/* ---- the two things to do ---- */

static bool call(Run *r, const Plan *p)
{
	executor_paint(r->executor);
	return fill_all(r, p) && executor_call(r->executor, p);
}

static bool infer(Run *r)
{
	const Plan *p = r->session.program->infer;
	bool good = call(r, p);
	for (int64_t i = 1; good && i < r->calls; i++)
		good = call(r, p);
	return good && dump_outputs(r, p, OUT_DATA, "output");
}

static bool train(Run *r)
{
	const Plan *p = r->session.program->train;
	const Value *loss = plan_output(p, OUT_LOSS, 0);
	double *curve = arena_array(r->args.arena, double, r->steps);
	for (int64_t i = 0; i < r->steps; i++) {
		if (!call(r, p))
			return false;
		curve[i] = dtype_get(loss->dtype, executor_value(
			r->executor, p, loss), 0).f;
		if (i == 0 && !dump_outputs(r, p, OUT_GRADIENT, "grad"))
			return false;
	}
	Array a = {DT_F64, {1, {r->steps}}, curve};
	return dump(r, ".", "loss", &a) && dump_variables(r);
}

/* Shapes, axes and bounds may come as arrays too. */
static void tell_reader(Run *r)
{
	KnownInput *k = arena_array(r->args.arena, KnownInput, r->ninputs);
	for (int i = 0; i < r->ninputs; i++)
		k[i] = (KnownInput){
			r->input[i].name, r->input[i].array.dtype,
			r->input[i].array.shape, r->input[i].array.data,
		};
	r->args.options.nknown = r->ninputs;
	r->args.options.known = k;
}

/* --target is for the one target that no --input names. */
static void check_step(Run *r)
{
	const Plan *p = r->session.program->train;
	const Value *v, *missing = NULL;
	if (!r->steps)
		return;
	if (!p)
		session_usage(&r->session, "--steps", "--loss");
	for (int i = 0; (v = plan_input(p, IN_TARGET, i)); i++) {
		if (find_given(r, v->name))
			continue;
		if (!r->target.path || missing)
			error_at(&r->session.unit, (Loc){0}, "the training "
			         "step's input '%s' is missing: give --input "
			         "%s=FILE%s", v->name, v->name,
			         missing ? "" : " or --target FILE");
		missing = v;
	}
}

static void run(Run *r)
{
	Session *s = &r->session;
	r->args.options.keep_gradients = r->steps > 0 && !r->no_gradients;
	if (!read_given(r))
		return;
	follow_arrays(r);
	tell_reader(r);
	if (s->unit.nerrors || !session_build(s))
		return;
	check_step(r);
	if (s->unit.nerrors)
		return;
	r->executor = session_executor(s, report_plan(s->program),
	                               r->steps ? r->steps : 1);
	if (!r->executor || !dir_make(&s->unit, r->dump))
		return;
	if (r->steps)
		train(r);
	else
		infer(r);
}

int cmd_run(int argc, char **argv)
{
	Run r = {.args = {.arena = arena_create()}};
	command_parse(&argp, argc, argv, &r);
	session_open(&r.session, &r.args, r.args.model);
	run(&r);
	executor_close(r.executor);
	return session_close(&r.session);
}
