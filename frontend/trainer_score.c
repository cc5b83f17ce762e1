/*
 * How good the model is on a data set: mean loss, and accuracy where there are
 * classes.
 *
 * The last batch may have fewer samples than the program takes. It is filled up
 * with copies, whose share is taken out again: labels of copies become
 * ignore_index in a cross-entropy; any other loss is a mean (or sum) over
 * samples, so a batch of nothing but that copy tells what one adds.
 */
#include "frontend/trainer.h"
#include "ir/batch_axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Scorer {
	Trainer *t;
	const DataSet *data;
	const char *name;
	Score *score;
	int64_t *row;          /* of the batch */
	double sum, weight;    /* of the losses */
} Scorer;

static double label_weight(const LossOptions *o, int64_t label)
{
	if (label == o->ignore_index)
		return 0;
	return label >= 0 && label < o->nweights ? o->weights[label] : 1;
}

/* How far apart its elements are. */
static int64_t stride_of(Shape s, int axis)
{
	int64_t n = 1;
	for (int d = axis + 1; d < s.rank; d++)
		n *= s.dim[d];
	return n;
}

static double run_loss(Scorer *s)
{
	const Program *p = s->t->program;
	const Value *loss = plan_output(p->evaluate, OUT_LOSS, 0);
	if (!executor_call(s->t->executor, p->evaluate))
		return NAN;
	return dtype_get(loss->dtype, executor_value(s->t->executor,
	                                             p->evaluate, loss), 0).f;
}

/* Marks the labels of copies; returns the weight of the others. */
static double mark_copies(Scorer *s, int64_t real)
{
	const Trainer *t = s->t;
	const Plan *p = t->program->evaluate;
	const Value *v = plan_input(p, IN_TARGET, 0);
	void *label = executor_value(t->executor, p, v);
	int64_t inner = value_batch_run(v, t->batch);
	double weight = 0;
	for (int64_t i = 0; i < numel(v->shape); i++)
		if (i / inner % t->batch < real)
			weight += label_weight(
				t->loss, dtype_get(v->dtype, label, i).i);
		else
			dtype_put(v->dtype, label, i,
			          (Scalar){.i = t->loss->ignore_index});
	return weight;
}

/* The sum of the losses of `real` samples of the batch, and their weight. */
static bool add_loss(Scorer *s, int64_t real)
{
	Trainer *t = s->t;
	const Plan *p = t->program->evaluate;
	int64_t copies = t->batch - real;
	if (!trainer_fill(t, p, s->data, s->name, s->row))
		return false;
	if (t->loss->kind == LOSS_CROSS_ENTROPY) {
		double w = mark_copies(s, real), x = run_loss(s);
		trainer_carry(t, p);
		s->weight += w;
		s->sum += w == 0 ? 0 : t->loss->sum ? x : x * w;
		return true;
	}
	double scale = t->loss->sum ? 1 : (double)t->batch;
	double all = run_loss(s) * scale, one = 0;
	trainer_carry(t, p);
	if (copies) {
		for (int64_t i = 0; i < t->batch; i++)
			s->row[i] = s->row[t->batch - 1];
		if (!trainer_fill(t, p, s->data, s->name, s->row))
			return false;
		one = run_loss(s) * scale / (double)t->batch;
	}
	s->sum += all - (double)copies * one;
	s->weight += (double)real;
	return true;
}

/* ---- accuracy ---- */

/* The largest of n elements that are `stride` apart. */
static int64_t arg_max(DType type, const void *x, int64_t first, int64_t n,
                       int64_t stride)
{
	int64_t best = 0;
	double most = -INFINITY;
	for (int64_t i = 0; i < n; i++) {
		double v = dtype_get(type, x, first + i * stride).f;
		if (v > most) {
			most = v;
			best = i;
		}
	}
	return best;
}

/* The label that belongs to element i of the batch's labels, whose samples are
 * `inner` apart. */
static int64_t label_at(const Scorer *s, int64_t i, int64_t inner)
{
	const Array *a = trainer_target(s->t, s->data);
	int64_t batch = s->t->batch, n = numel(a->shape) / a->shape.dim[0];
	int64_t at = i / (inner * batch) * inner + i % inner;
	Scalar l = dtype_get(a->dtype, a->data,
	                     s->row[i / inner % batch] * n + at);
	return dtype_is_float(a->dtype) ? (int64_t)l.f : l.i;
}

/* How far apart samples are as inference has them; the target of an evaluation
 * that is fed has one behind the other. */
static int64_t label_run(const Trainer *t)
{
	const Value *v = plan_input(t->program->evaluate, IN_TARGET, 0);
	int64_t run = value_batch_run(v, t->batch);
	for (int a = v->batch_axis; a < v->model_axis; a++)
		run /= v->shape.dim[a + 1];
	return run;
}

static Shape without(Shape s, int axis)
{
	for (int d = axis; d + 1 < s.rank; d++)
		s.dim[d] = s.dim[d + 1];
	s.rank--;
	return s;
}

static bool add_accuracy(Scorer *s, int64_t real)
{
	Trainer *t = s->t;
	const Plan *p = t->program->infer;
	const Value *y = trainer_logits(t);
	int axis = (int)t->loss->axis;
	axis += axis < 0 ? y->shape.rank : 0;
	int64_t classes = y->shape.dim[axis];
	int64_t stride = stride_of(y->shape, axis);
	Shape labels = without(y->shape, axis);
	int64_t inner = label_run(t);
	if (!trainer_fill(t, p, s->data, s->name, s->row) ||
	    !executor_call(t->executor, p))
		return false;
	const void *x = executor_value(t->executor, p, y);
	for (int64_t i = 0; i < numel(labels); i++) {
		int64_t first = i / stride * stride * classes + i % stride;
		int64_t label = label_at(s, i, inner);
		if (i / inner % t->batch >= real ||
		    label == t->loss->ignore_index)
			continue;
		s->score->counted++;
		s->score->right += arg_max(y->dtype, x, first, classes,
		                           stride) == label;
	}
	return true;
}

bool trainer_score(Trainer *t, const DataSet *d, const char *name, Score *score)
{
	Scorer s = {.t = t, .data = d, .name = name, .score = score};
	s.row = arena_array(t->unit->arena, int64_t, t->batch);
	*score = (Score){.has_accuracy = t->loss->kind == LOSS_CROSS_ENTROPY};
	trainer_forget(t);
	for (int64_t first = 0; first < d->rows; first += t->batch) {
		int64_t real = d->rows - first;
		real = real < t->batch ? real : t->batch;
		for (int64_t i = 0; i < t->batch; i++)
			s.row[i] = first + (i < real ? i : real - 1);
		if (score->has_accuracy && !add_accuracy(&s, real))
			return false;
		if (!add_loss(&s, real))
			return false;
	}
	score->loss = s.weight > 0 ? s.sum / s.weight : 0;
	return true;
}
