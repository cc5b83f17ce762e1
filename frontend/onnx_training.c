/*
 * thimble's own training step as ONNX writes one (TrainingInfoProto): the file's
 * graph stays what it is, and an algorithm graph has the loss, a Gradient by all
 * that trains, and the optimizer.
 *
 * Momentum and Adagrad are ONNX's operators, where they are PyTorch's too. What
 * ONNX has in another form (its Adam adds epsilon elsewhere) is a function of the
 * domain "thimble" with a body in standard operators: another runtime computes
 * it, and thimble knows it by its name.
 */
#include "frontend/onnx_build.h"

#include "frontend/frontend.h"
#include "frontend/import.h"

#include <string.h>

typedef struct Writer {
	Unit *u;
	const OnnxStep *step;
	const Options *o;
	Onnx__ModelProto *m;
	Build b;
	Onnx__TrainingInfoProto *info;
	const char *loss, *target;
	const char **grad, **updated;   /* by parameter */
} Writer;

/* ---- gradients ---- */

static const char *named(Writer *w, const char *format, const Variable *v)
{
	return build_name(&w->b, arena_printf(w->u->arena, "%s/%s", v->name,
	                                      format));
}

static void write_gradient(Writer *w)
{
	const OnnxStep *s = w->step;
	Arena *a = w->u->arena;
	int others = s->ninputs + (w->target != NULL);
	const char **in = arena_array(a, const char *, s->n + others + 1);
	const char **xs = arena_array(a, const char *, s->n + 1);
	const char **zs = arena_array(a, const char *, others + 1);
	for (int i = 0; i < s->n; i++) {
		in[i] = xs[i] = s->parameter[i]->name;
		w->grad[i] = named(w, "grad", s->parameter[i]);
	}
	for (int i = 0; i < others; i++)
		in[s->n + i] = zs[i] = i < s->ninputs ? s->input[i] : w->target;
	Onnx__NodeProto *n = build_node(&w->b, TRAINING_DOMAIN, "Gradient", in,
	                                w->grad);
	build_strings(&w->b, n, "xs", xs);
	if (others)
		build_strings(&w->b, n, "zs", zs);
	build_string(&w->b, n, "y", w->loss);
}

/* A scalar that is set between steps. */
static const char *hyper(Writer *w, const char *name, double x)
{
	name = build_name(&w->b, name);
	build_init(&w->b, name, DT_F32, (Shape){0}, x);
	return name;
}

/* min(1, clip_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_. */
static void clip(Writer *w)
{
	Build *b = &w->b;
	const OnnxStep *s = w->step;
	const char **square = arena_array(w->u->arena, const char *, s->n + 1);
	if (!(w->o->optimizer.clip_norm > 0))
		return;
	const char *max = hyper(w, "clip_norm", w->o->optimizer.clip_norm);
	for (int i = 0; i < s->n; i++) {
		square[i] = named(w, "square", s->parameter[i]);
		build_int(b, build_node(b, "", "ReduceSumSquare",
		                        NAMES(w->grad[i]), NAMES(square[i])),
		          "keepdims", 0);
	}
	const char *norm = build_value(b, "Sum", "squares", square);
	norm = build_value(b, "Sqrt", "norm", NAMES(norm));
	const char *tiny = build_constant(b, "tiny", 1e-6);
	norm = build_value(b, "Add", "norm_and_more", NAMES(norm, tiny));
	const char *ratio = build_value(b, "Div", "ratio", NAMES(max, norm));
	const char *one = build_constant(b, "one", 1);
	const char *factor = build_value(b, "Min", "factor", NAMES(ratio, one));
	for (int i = 0; i < s->n; i++) {
		const char *to = named(w, "clipped", s->parameter[i]);
		build_node(b, "", "Mul", NAMES(w->grad[i], factor), NAMES(to));
		w->grad[i] = to;
	}
}

/* ---- state ---- */

static void bind(Writer *w, const char *init, const char *value, DType type,
                 Shape s)
{
	build_output(&w->b, value, type, s);
	build_pair(w->u, &w->info->n_update_binding, &w->info->update_binding,
	           init, value);
}

static const char *update_of(Writer *w, const char *init, DType type, Shape s)
{
	const char *to = build_name(&w->b, arena_printf(w->u->arena, "%s/new",
	                                                init));
	bind(w, init, to, type, s);
	return to;
}

/* The parameter's state; *updated: its name after the step. */
static const char *state(Writer *w, int i, const char *what, double fill,
                         const char **updated)
{
	const Variable *v = w->step->parameter[i];
	const char *name = named(w, what, v);
	build_init(&w->b, name, v->dtype, v->shape, fill);
	*updated = update_of(w, name, v->dtype, v->shape);
	return name;
}

/* Steps done, from 0; *next: with this one. */
static const char *counter(Writer *w, const char **next)
{
	const char *t = build_name(&w->b, "steps");
	const char *one = build_constant_int(&w->b, "one_step", 1);
	build_init(&w->b, t, DT_I64, (Shape){0}, 0);
	*next = update_of(w, t, DT_I64, (Shape){0});
	build_node(&w->b, "", "Add", NAMES(t, one), NAMES(*next));
	return t;
}

static void update_parameters(Writer *w)
{
	for (int i = 0; i < w->step->n; i++) {
		const Variable *v = w->step->parameter[i];
		w->updated[i] = update_of(w, v->name, v->dtype, v->shape);
	}
}

/* ---- optimizers ---- */

static void write_sgd(Writer *w)
{
	const OptimizerOptions *o = &w->o->optimizer;
	Build *b = &w->b;
	const char *lr = hyper(w, "lr", o->lr);
	const char *decay = o->weight_decay > 0
	                    ? hyper(w, "weight_decay", o->weight_decay) : NULL;
	for (int i = 0; i < w->step->n; i++) {
		const Variable *v = w->step->parameter[i];
		const char *g = w->grad[i];
		if (decay) {
			const char *d = named(w, "decay", v);
			build_node(b, "", "Mul", NAMES(decay, v->name), NAMES(d));
			const char *sum = named(w, "decayed", v);
			build_node(b, "", "Add", NAMES(g, d), NAMES(sum));
			g = sum;
		}
		const char *step = named(w, "step", v);
		build_node(b, "", "Mul", NAMES(lr, g), NAMES(step));
		build_node(b, "", "Sub", NAMES(v->name, step),
		           NAMES(w->updated[i]));
	}
}

/* ONNX's operators take R, T, then all tensors, all gradients, all states. */
static Onnx__NodeProto *write_joint(Writer *w, const char *op, const char *what,
                                    double fill)
{
	int n = w->step->n;
	const char **in = arena_array(w->u->arena, const char *, 3 * n + 3);
	const char **out = arena_array(w->u->arena, const char *, 2 * n + 1);
	const char *next;
	in[0] = hyper(w, "lr", w->o->optimizer.lr);
	in[1] = counter(w, &next);
	for (int i = 0; i < n; i++) {
		in[2 + i] = w->step->parameter[i]->name;
		in[2 + n + i] = w->grad[i];
		in[2 + 2 * n + i] = state(w, i, what, fill, &out[n + i]);
		out[i] = w->updated[i];
	}
	return build_node(&w->b, TRAINING_DOMAIN, op, in, out);
}

static void write_momentum(Writer *w)
{
	const OptimizerOptions *o = &w->o->optimizer;
	bool nesterov = o->kind == OPT_NESTEROV;
	Onnx__NodeProto *n = write_joint(w, "Momentum", "momentum_buffer", 0);
	build_float(&w->b, n, "alpha", o->momentum);
	build_float(&w->b, n, "beta", 1 - o->dampening);
	build_string(&w->b, n, "mode", nesterov ? "nesterov" : "standard");
	build_float(&w->b, n, "norm_coefficient", o->weight_decay);
}

static void write_adagrad(Writer *w)
{
	const OptimizerOptions *o = &w->o->optimizer;
	Onnx__NodeProto *n = write_joint(w, "Adagrad", "sum",
	                                 o->initial_accumulator_value);
	build_float(&w->b, n, "decay_factor", o->lr_decay);
	build_float(&w->b, n, "epsilon", o->eps);
	build_float(&w->b, n, "norm_coefficient", o->weight_decay);
}

static void write_adam(Writer *w)
{
	const OptimizerOptions *o = &w->o->optimizer;
	const char *lr = hyper(w, "lr", o->lr), *step;
	const char *beta1 = hyper(w, "beta1", o->beta1);
	const char *beta2 = hyper(w, "beta2", o->beta2);
	const char *eps = hyper(w, "eps", o->eps);
	const char *decay = hyper(w, "weight_decay", o->weight_decay);
	const char *op = o->kind == OPT_ADAMW ? "AdamWUpdate" : "AdamUpdate";
	counter(w, &step);
	for (int i = 0; i < w->step->n; i++) {
		const char *m2, *v2, *m, *v;
		m = state(w, i, "exp_avg", 0, &m2);
		v = state(w, i, "exp_avg_sq", 0, &v2);
		build_node(&w->b, OWN_DOMAIN, op,
		           NAMES(w->step->parameter[i]->name, w->grad[i], m, v,
		                 lr, beta1, beta2, eps, decay, step),
		           NAMES(w->updated[i], m2, v2));
	}
	onnx_add_function(w->u, w->m, op);
}

static void write_rmsprop(Writer *w)
{
	const OptimizerOptions *o = &w->o->optimizer;
	bool buffer = o->momentum > 0;
	const char *lr = hyper(w, "lr", o->lr);
	const char *alpha = hyper(w, "alpha", o->alpha);
	const char *eps = hyper(w, "eps", o->eps);
	const char *decay = hyper(w, "weight_decay", o->weight_decay);
	const char *momentum = buffer ? hyper(w, "momentum", o->momentum) : NULL;
	const char *op = buffer ? "RMSpropMomentumUpdate" : "RMSpropUpdate";
	for (int i = 0; i < w->step->n; i++) {
		const char *sq, *sq2, *buf = NULL, *buf2 = NULL;
		sq = state(w, i, "square_avg", 0, &sq2);
		if (buffer)
			buf = state(w, i, "momentum_buffer", 0, &buf2);
		const char *name = w->step->parameter[i]->name;
		const char *const *in =
			buffer ? NAMES(name, w->grad[i], sq, buf, lr, alpha, eps,
			               decay, momentum)
			       : NAMES(name, w->grad[i], sq, lr, alpha, eps, decay);
		build_node(&w->b, OWN_DOMAIN, op, in,
		           NAMES(w->updated[i], sq2, buf2));
	}
	onnx_add_function(w->u, w->m, op);
}

static void write_optimizer(Writer *w)
{
	switch (w->o->optimizer.kind) {
	case OPT_SGD:
		write_sgd(w);
		return;
	case OPT_MOMENTUM:
	case OPT_NESTEROV:
		write_momentum(w);
		return;
	case OPT_ADAM:
	case OPT_ADAMW:
		write_adam(w);
		return;
	case OPT_RMSPROP:
		write_rmsprop(w);
		return;
	case OPT_ADAGRAD:
		write_adagrad(w);
		return;
	case OPT_LION:
	case OPT_SM3:
	case OPT_ADAFACTOR:
	case OPT_NONE:
		break;
	}
	BUG("a step without an optimizer");
}

/* ---- statistics ---- */

/* The running statistics that a normalization replaces, by their outputs; what
 * has no name of its own is left to the reader. */
static void bind_statistics(Writer *w)
{
	for (size_t i = 0; i < w->m->graph->n_node; i++) {
		const Onnx__NodeProto *n = w->m->graph->node[i];
		if (!n->op_type || strcmp(n->op_type, "BatchNormalization") ||
		    n->n_input < 5)
			continue;
		for (size_t k = 1; k < n->n_output && k < 3; k++)
			for (int s = 0; s < w->step->nstatistics; s++) {
				const Variable *v = w->step->statistic[s];
				if (!*n->output[k] ||
				    strcmp(n->input[2 + k], v->name))
					continue;
				const char *to = update_of(w, v->name, v->dtype,
				                           v->shape);
				build_node(&w->b, "", "Identity",
				           NAMES(n->output[k]), NAMES(to));
			}
	}
}

/* ---- the whole ---- */

static Names *taken_names(Unit *u, const Onnx__GraphProto *g)
{
	Names *t = names_create(u->arena, g->n_node * 2 + g->n_initializer);
	for (size_t i = 0; i < g->n_input; i++)
		names_add(t, g->input[i]->name);
	for (size_t i = 0; i < g->n_initializer; i++)
		names_add(t, g->initializer[i]->name);
	for (size_t i = 0; i < g->n_node; i++)
		for (size_t o = 0; o < g->node[i]->n_output; o++)
			names_add(t, g->node[i]->output[o]);
	return t;
}

static bool check_opset(Unit *u, const Onnx__ModelProto *m)
{
	enum { FIRST = 12 };   /* with SoftmaxCrossEntropyLoss, value_float */
	int64_t version = 0;
	for (size_t i = 0; i < m->n_opset_import; i++) {
		const char *d = m->opset_import[i]->domain;
		if (!d || !*d || !strcmp(d, "ai.onnx"))
			version = m->opset_import[i]->version;
	}
	if (version >= FIRST)
		return true;
	error_at(u, (Loc){0}, "the file uses opset %lld; a training graph needs "
	         "%d or later: export it anew", (long long)version, FIRST);
	return false;
}

/* What ONNX's operators cannot say. */
static bool check_step(Unit *u, const OnnxStep *s)
{
	bool labels = s->options->loss.kind == LOSS_CROSS_ENTROPY;
	const Value *y = s->output;
	if (y->dtype != DT_F32)
		error_at(u, (Loc){0}, "the loss is of '%s', which is %s; a "
		         "training graph is written in f32", s->output_name,
		         dtype_name(y->dtype));
	else if (labels && y->shape.rank < 2)
		error_at(u, (Loc){0}, "'%s' has the shape %s; ONNX's "
		         "SoftmaxCrossEntropyLoss wants a batch", s->output_name,
		         shape_text(u->arena, y->shape));
	else
		return true;
	return false;
}

static bool has_initializer(const Onnx__GraphProto *g, const char *name)
{
	for (size_t i = 0; i < g->n_initializer; i++)
		if (g->initializer[i]->name &&
		    !strcmp(g->initializer[i]->name, name))
			return true;
	return false;
}

/* What a training_info can change. */
static bool check_parameters(Unit *u, const Onnx__GraphProto *g,
                             const OnnxStep *s)
{
	for (int i = 0; i < s->n; i++)
		if (!has_initializer(g, s->parameter[i]->name)) {
			error_at(u, (Loc){0}, "the weight '%s' is an attribute "
			         "of its node; a training graph changes "
			         "initializers only", s->parameter[i]->name);
			return false;
		}
	return true;
}

/* NULL: the loss has none. */
static const char *add_target(Writer *w)
{
	const Value *t = w->step->target;
	if (!t)
		return NULL;
	const char *name = build_name(&w->b, "target");
	build_input(&w->b, name, dtype_is_float(t->dtype) ? t->dtype : DT_I64,
	            t->shape);
	return name;
}

static bool make(Unit *u, Onnx__ModelProto *m, void *user)
{
	enum { IR_VERSION = 8 };   /* with functions */
	const OnnxStep *step = user;
	if (!check_opset(u, m) || !check_step(u, step) ||
	    !check_parameters(u, m->graph, step))
		return false;
	Writer w = {.u = u, .step = step, .o = step->options, .m = m};
	w.info = arena_new(u->arena, Onnx__TrainingInfoProto);
	onnx__training_info_proto__init(w.info);
	w.b = build_graph(u, "training", taken_names(u, m->graph));
	w.grad = arena_array(u->arena, const char *, step->n + 1);
	w.updated = arena_array(u->arena, const char *, step->n + 1);
	w.target = add_target(&w);
	w.loss = onnx_write_loss(&w.b, step, w.target);
	write_gradient(&w);
	clip(&w);
	update_parameters(&w);
	write_optimizer(&w);
	bind_statistics(&w);
	w.info->algorithm = w.b.g;
	m->n_training_info = 1;
	m->training_info = arena_new(u->arena, Onnx__TrainingInfoProto *);
	m->training_info[0] = w.info;
	m->ir_version = m->ir_version > IR_VERSION ? m->ir_version : IR_VERSION;
	m->has_ir_version = 1;
	build_opset(u, m, TRAINING_DOMAIN);
	return true;
}

bool onnx_write_training(Unit *u, const char *out, const Weights *weights,
                         const OnnxStep *step)
{
	OnnxChange change = {make, (void *)(uintptr_t)step};
	return onnx_write_changed(u, out, weights, &change);
}
