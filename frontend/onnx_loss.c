/* The loss of a training step, in ONNX's operators. */
#include "frontend/onnx_build.h"

#include <string.h>

typedef struct Writer {
	Build *b;
	const OnnxStep *step;
	const char *target;
} Writer;

static const char *reduced(Writer *w, const char *each)
{
	const char *loss = build_name(w->b, "loss");
	bool sum = w->step->options->loss.sum;
	Onnx__NodeProto *n = build_node(w->b, "", sum ? "ReduceSum"
	                                : "ReduceMean", NAMES(each),
	                                NAMES(loss));
	build_int(w->b, n, "keepdims", 0);
	return loss;
}

/* The class axis second, as ONNX wants it. */
static const char *with_classes_second(Writer *w, const char *y)
{
	int rank = w->step->output->shape.rank;
	int axis = (int)w->step->options->loss.axis;
	int64_t perm[MAX_RANK];
	axis += axis < 0 ? rank : 0;
	if (axis == 1)
		return y;
	for (int i = 0, from = 0; i < rank; i++) {
		from += from == axis;
		perm[i] = i == 1 ? axis : from++;
	}
	const char *name = build_name(w->b, "classes_second");
	Onnx__NodeProto *n = build_node(w->b, "", "Transpose", NAMES(y),
	                                NAMES(name));
	build_ints(w->b, n, "perm", rank, perm);
	return name;
}

static const char *log_of(Writer *w, const char *y)
{
	const char *least = build_constant(w->b, "least", LEAST_PROBABILITY);
	y = build_value(w->b, "Max", "at_least", NAMES(y, least));
	return build_value(w->b, "Log", "log", NAMES(y));
}

/* The logits of probabilities. */
static const char *logits_of(Writer *w, const char *y)
{
	const char *yes = log_of(w, y), *one, *no;
	if (w->step->options->loss.kind != LOSS_BCE_WITH_LOGITS)
		return yes;
	one = build_constant(w->b, "one", 1);
	no = log_of(w, build_value(w->b, "Sub", "rest", NAMES(one, y)));
	return build_value(w->b, "Sub", "logits", NAMES(yes, no));
}

static const char *cross_entropy(Writer *w, const char *y)
{
	const LossOptions *l = &w->step->options->loss;
	const char *loss = build_name(w->b, "loss"), *weights = NULL;
	if (l->nweights) {
		weights = build_name(w->b, "class_weights");
		build_init(w->b, weights, DT_F32,
		           (Shape){1, {l->nweights}}, 1);
		Onnx__GraphProto *g = w->b->g;
		uint8_t *to = g->initializer[g->n_initializer - 1]->raw_data.data;
		for (int i = 0; i < l->nweights; i++)
			dtype_put(DT_F32, to, i, (Scalar){.f = l->weights[i]});
	}
	y = with_classes_second(w, y);
	Onnx__NodeProto *n = build_node(
		w->b, "", "SoftmaxCrossEntropyLoss",
		NAMES(y, w->target, weights), NAMES(loss));
	build_string(w->b, n, "reduction", l->sum ? "sum" : "mean");
	build_int(w->b, n, "ignore_index", l->ignore_index);
	return loss;
}

/* h (|d| - h / 2) with h = min(|d|, delta): one form for both parts. */
static const char *huber(Writer *w, const char *d)
{
	Build *b = w->b;
	const char *a = build_value(b, "Abs", "distance", NAMES(d));
	const char *delta = build_constant(b, "delta", w->step->options->loss.delta);
	const char *h = build_value(b, "Min", "near", NAMES(a, delta));
	const char *half = build_constant(b, "half", 0.5);
	half = build_value(b, "Mul", "half_near", NAMES(h, half));
	const char *rest = build_value(b, "Sub", "rest", NAMES(a, half));
	return build_value(b, "Mul", "each", NAMES(h, rest));
}

static const char *each_loss(Writer *w, const char *y)
{
	Build *b = w->b;
	const char *d, *t = w->target;
	if (w->step->options->loss.kind == LOSS_BCE_WITH_LOGITS) {
		const char *soft = build_value(b, "Softplus", "softplus",
		                               NAMES(y));
		d = build_value(b, "Mul", "product", NAMES(y, t));
		return build_value(b, "Sub", "each", NAMES(soft, d));
	}
	d = build_value(b, "Sub", "difference", NAMES(y, t));
	return w->step->options->loss.kind == LOSS_MSE
	       ? build_value(b, "Mul", "each", NAMES(d, d))
	       : w->step->options->loss.kind == LOSS_L1
	       ? build_value(b, "Abs", "each", NAMES(d)) : huber(w, d);
}

const char *onnx_write_loss(Build *b, const OnnxStep *step, const char *target)
{
	const char *y = step->output_name;
	Writer w = {b, step, target};
	if (step->options->loss.kind == LOSS_GRAPH)
		return y;
	if (step->probabilities)
		y = logits_of(&w, y);
	const char *loss = step->options->loss.kind == LOSS_CROSS_ENTROPY
	                 ? cross_entropy(&w, y) : reduced(&w, each_loss(&w, y));
	build_output(b, loss, step->output->dtype, (Shape){0});
	return loss;
}
