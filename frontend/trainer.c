#include "frontend/trainer.h"

#include "frontend/files.h"
#include "ir/batch_axis.h"
#include "passes/train.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- the schedule ---- */

bool schedule_parse(const char *text, Schedule *s)
{
	char rest;
	long long every;
	*s = (Schedule){.gamma = 1};
	if (!strcmp(text, "constant"))
		return true;
	if (!strcmp(text, "cosine")) {
		s->kind = SCHEDULE_COSINE;
		return true;
	}
	if (sscanf(text, "step:every=%lld,gamma=%lf%c", &every, &s->gamma,
	           &rest) != 2)
		return false;
	s->kind = SCHEDULE_STEP;
	s->every = every;
	return every > 0 && s->gamma > 0;
}

double schedule_factor(const Schedule *s, int64_t step, int64_t total,
                       int64_t steps_per_epoch)
{
	const double pi = 3.14159265358979323846;
	switch (s->kind) {
	case SCHEDULE_STEP:
		return pow(s->gamma, (double)(step / (s->every *
		                                      steps_per_epoch)));
	case SCHEDULE_COSINE:
		return 0.5 * (1 + cos(pi * (double)step / (double)total));
	default:
		return 1;
	}
}

/* ---- checks ---- */

static int input_count(const Plan *p, InputRole role)
{
	int n = 0;
	while (plan_input(p, role, n))
		n++;
	return n;
}

/* Which carry fills the input; -1: it is data. */
static int carry_of(const Trainer *t, const Value *input)
{
	for (int i = 0; i < t->ncarries; i++)
		if (!strcmp(t->carry[i].input, input->name))
			return i;
	return -1;
}

/* The nth input that is data. */
static const Value *data_input(const Trainer *t, const Plan *p, int nth)
{
	const Value *v;
	for (int i = 0; (v = plan_input(p, IN_DATA, i)); i++)
		if (carry_of(t, v) < 0 && nth-- == 0)
			return v;
	return NULL;
}

static int data_count(const Trainer *t)
{
	int n = 0;
	while (data_input(t, t->program->train, n))
		n++;
	return n;
}

const Array *trainer_target(const Trainer *t, const DataSet *d)
{
	const Plan *p = t->program->train;
	if (!plan_input(p, IN_TARGET, 0))
		return NULL;
	int inputs = data_count(t);
	return &d->column[d->ncolumns > inputs ? inputs : 0];
}

static bool compares_values(const LossOptions *o)
{
	return o->kind != LOSS_CROSS_ENTROPY && o->kind != LOSS_GRAPH &&
	       o->kind != LOSS_FILE;
}

static bool check_columns(Trainer *t, const DataSet *d, const char *name)
{
	const Plan *p = t->program->train;
	int inputs = data_count(t);
	int targets = input_count(p, IN_TARGET), want = inputs + targets;
	if (targets > 1) {
		error_at(t->unit, (Loc){0}, "the file's training step has %d "
		         "inputs beside the model's; here one can be filled, so "
		         "compile it and train in C", targets);
		return false;
	}
	if (d->ncolumns == want)
		return true;
	/* An autoencoder: the input is what it is compared with. */
	if (d->ncolumns == inputs && compares_values(t->loss))
		return true;
	file_error(t->unit, name, "gives %d arrays; the model has %d input%s "
	           "and the loss %s", d->ncolumns, inputs,
	           inputs == 1 ? "" : "s",
	           want > inputs ? "compares with one more" : "adds none");
	return false;
}

static bool check_size(Trainer *t, const Array *a, const Value *v,
                       const char *name)
{
	int64_t have = numel(a->shape) / a->shape.dim[0];
	int64_t want = numel(v->shape) / t->batch;
	if (have == want)
		return true;
	Shape one = a->shape;
	one.rank--;
	memmove(one.dim, one.dim + 1, sizeof one.dim - sizeof one.dim[0]);
	file_error(t->unit, name, "a sample has the shape %s; '%s', %s for a "
	           "batch of %lld, needs %lld elements",
	           shape_text(t->unit->arena, one), v->name,
	           shape_text(t->unit->arena, v->shape),
	           (long long)t->batch, (long long)want);
	return false;
}

static bool check_sizes(Trainer *t, const DataSet *d, const char *name)
{
	const Plan *p = t->program->train;
	const Value *v;
	for (int i = 0; (v = data_input(t, p, i)); i++) {
		int axis = v->batch_axis;
		if (!v->shape.rank || v->shape.dim[axis] != t->batch) {
			error_at(t->unit, (Loc){0}, "input '%s' is %s: its "
			         "dimension %d is not the batch of %lld, so no "
			         "samples can fill it", v->name,
			         shape_text(t->unit->arena, v->shape), axis,
			         (long long)t->batch);
			return false;
		}
		if (!check_size(t, &d->column[i], v, name))
			return false;
	}
	v = plan_input(p, IN_TARGET, 0);
	return !v || check_size(t, trainer_target(t, d), v, name);
}

const Value *trainer_logits(const Trainer *t)
{
	const Output *o = find_loss_output(t->program->infer->graph, t->loss);
	return o ? o->value : NULL;
}

static int64_t class_count(const Trainer *t)
{
	const Value *y = trainer_logits(t);
	int64_t axis = t->loss->axis;
	if (!y)
		return INT64_MAX;
	return y->shape.dim[axis < 0 ? axis + y->shape.rank : axis];
}

static bool check_labels(Trainer *t, const DataSet *d, const char *name)
{
	const Array *a = trainer_target(t, d);
	if (t->loss->kind != LOSS_CROSS_ENTROPY || !a)
		return true;
	int64_t classes = class_count(t);
	for (int64_t i = 0; i < numel(a->shape); i++) {
		Scalar x = dtype_get(a->dtype, a->data, i);
		double label = dtype_is_float(a->dtype) ? x.f : (double)x.i;
		if ((label >= 0 && label < (double)classes) ||
		    label == (double)t->loss->ignore_index)
			continue;
		file_error(t->unit, name, "label %g of sample %lld is not a "
		           "class: there are %lld, from 0", label,
		           (long long)(i / (numel(a->shape) / d->rows)),
		           (long long)classes);
		return false;
	}
	return true;
}

static bool check_set(Trainer *t, const DataSet *d, const char *name)
{
	return check_columns(t, d, name) && check_sizes(t, d, name) &&
	       check_labels(t, d, name);
}

/* The last rows, as samples of their own. */
static void split(Trainer *t, double part)
{
	int64_t n = (int64_t)((double)t->train.rows * part);
	if (t->ncarries)
		n -= n % t->batch;
	t->val = t->train;
	t->val.rows = n;
	t->train.rows -= n;
	for (int i = 0; i < t->val.ncolumns; i++) {
		Array *v = &t->val.column[i], *a = &t->train.column[i];
		int64_t row = array_nbytes(a) / a->shape.dim[0];
		v->data = (char *)v->data + row * t->train.rows;
		v->shape.dim[0] = n;
		a->shape.dim[0] = t->train.rows;
	}
}

/* A seeded permutation first: files are often sorted by class. */
static void shuffle_rows(Trainer *t)
{
	Arena *arena = t->unit->arena;
	int64_t *row = arena_array(arena, int64_t, t->train.rows);
	data_order(t->train.rows, true, t->seed, -1, row);
	for (int i = 0; i < t->train.ncolumns; i++) {
		Array *a = &t->train.column[i];
		Array b = *a;
		size_t size = (size_t)(array_nbytes(a) / a->shape.dim[0]);
		b.data = arena_alloc(arena, (size_t)array_nbytes(a) + 1);
		for (int64_t r = 0; r < t->train.rows; r++)
			memcpy((char *)b.data + (size_t)r * size,
			       (char *)a->data + (size_t)row[r] * size, size);
		*a = b;
	}
}

/* What the schedule scales: "lr", or the only one. False after an error. */
static bool find_rate(Trainer *t)
{
	const Plan *p = t->program->train;
	const Value *v, *only = plan_input(p, IN_HYPER, 0);
	if (input_count(p, IN_HYPER) != 1)
		only = NULL;
	for (int i = 0; (v = plan_input(p, IN_HYPER, i)); i++)
		if (!strcmp(v->name, "lr"))
			only = v;
	t->rate = only ? only->name : NULL;
	t->base_lr = only ? only->initial : 0;
	if (only || t->schedule.kind == SCHEDULE_CONSTANT)
		return true;
	error_at(t->unit, (Loc){0}, "--lr-schedule: the file's training step "
	         "has no scalar initializer 'lr'");
	return false;
}

static bool find_batch(Trainer *t)
{
	t->batch = graph_batch(t->program->train->graph);
	if (t->batch)
		return true;
	error_at(t->unit, (Loc){0}, "the model has no input with a batch");
	return false;
}

/* What is a stream becomes samples as long as the model's. */
static bool cut_streams(Trainer *t)
{
	const Value *x = data_input(t, t->program->train, 0);
	int64_t length = numel(x->shape) / t->batch;
	int64_t streams = t->ncarries ? t->batch : 1;
	return !t->stream ||
	       (data_windows(t->unit, t->train_name, length, streams,
	                     &t->train) &&
	        (!t->val.rows ||
	         data_windows(t->unit, t->val_name, length, streams,
	                      &t->val)));
}

/* Room for what is carried; batches then follow each other as in the file. */
static void make_carried(Trainer *t)
{
	const Value *v;
	t->carried = arena_array(t->unit->arena, void *, t->ncarries);
	for (int i = 0; (v = plan_input(t->program->train, IN_DATA, i)); i++)
		if (carry_of(t, v) >= 0)
			t->carried[carry_of(t, v)] = arena_alloc(
				t->unit->arena, (size_t)value_bytes(v) + 1);
	if (t->ncarries)
		t->shuffle = false;
}

bool trainer_check(Trainer *t, double val_split)
{
	make_carried(t);
	if (!find_rate(t) || !find_batch(t) || !cut_streams(t) ||
	    !check_set(t, &t->train, t->train_name) ||
	    (t->val.rows && !check_set(t, &t->val, t->val_name)))
		return false;
	if (val_split > 0 && !t->val.rows) {
		if (t->shuffle)
			shuffle_rows(t);
		split(t, val_split);
		t->val_name = t->train_name;
	}
	if (t->train.rows < t->batch) {
		file_error(t->unit, t->train_name, "has %lld samples to train "
		           "on, fewer than the batch of %lld",
		           (long long)t->train.rows, (long long)t->batch);
		return false;
	}
	return true;
}

void trainer_plan(Trainer *t, int64_t epochs, int64_t max_steps)
{
	t->steps_per_epoch = t->train.rows / t->batch;
	t->steps = epochs > INT32_MAX / t->steps_per_epoch
	           ? INT32_MAX : epochs * t->steps_per_epoch;
	if (max_steps && (!epochs || max_steps < t->steps))
		t->steps = max_steps;
	t->curve = arena_array(t->unit->arena, double, t->steps);
}

/* ---- running ---- */

static bool fill(Trainer *t, const Plan *p, const Value *v, const Array *a,
                 const Scaling *s, const char *name, const int64_t *row)
{
	Batch b = {t->batch, 1, row};
	for (int d = 0; d < v->batch_axis; d++)
		b.outer *= v->shape.dim[d];
	return data_fill(t->unit, a, &b, s, v->dtype,
	                 executor_value(t->executor, p, v), name);
}

static void give_carried(const Trainer *t, const Plan *p, const Value *v)
{
	int64_t bad;
	Array a = {v->dtype, value_model_shape(v), t->carried[carry_of(t, v)]};
	array_give(&a, v, executor_value(t->executor, p, v), &bad);
}

bool trainer_fill(Trainer *t, const Plan *p, const DataSet *d,
                  const char *name, const int64_t *row)
{
	const Value *v;
	for (int i = 0; (v = data_input(t, p, i)); i++)
		if (!fill(t, p, v, &d->column[i], &t->scaling, name, row))
			return false;
	for (int i = 0; (v = plan_input(p, IN_DATA, i)); i++)
		if (carry_of(t, v) >= 0)
			give_carried(t, p, v);
	v = plan_input(p, IN_TARGET, 0);
	const Array *a = trainer_target(t, d);
	const Scaling *s = a == &d->column[0] ? &t->scaling : NULL;
	return !v || fill(t, p, v, a, s, name, row);
}

static const Value *carry_output(const Plan *p, const Carry *c)
{
	const Graph *g = p->graph;
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].role == OUT_DATA &&
		    !strcmp(g->output[i].name, c->output))
			return g->output[i].value;
	BUG("output '%s' is not carried", c->output);
}

void trainer_forget(const Trainer *t)
{
	for (int i = 0; i < t->ncarries; i++)
		memset(t->carried[i], 0, (size_t)value_bytes(carry_output(
			t->program->train, &t->carry[i])));
}

void trainer_carry(const Trainer *t, const Plan *p)
{
	for (int i = 0; i < t->ncarries; i++) {
		const Value *v = carry_output(p, &t->carry[i]);
		memcpy(t->carried[i], executor_value(t->executor, p, v),
		       (size_t)value_bytes(v));
	}
}

static bool step(Trainer *t, const int64_t *row)
{
	const Plan *p = t->program->train;
	const Value *loss = plan_output(p, OUT_LOSS, 0);
	if (t->schedule.kind != SCHEDULE_CONSTANT)
		executor_set_hyper(t->executor, t->rate, t->base_lr *
		                   schedule_factor(&t->schedule, t->done,
		                                   t->steps,
		                                   t->steps_per_epoch));
	if (!trainer_fill(t, p, &t->train, t->train_name, row) ||
	    !executor_call(t->executor, p))
		return false;
	double x = dtype_get(loss->dtype,
	                     executor_value(t->executor, p, loss), 0).f;
	t->curve[t->done++] = x;
	trainer_carry(t, p);
	if (isfinite(x))
		return true;
	error_at(t->unit, (Loc){0}, "the loss of step %lld is %g: try a "
	         "smaller learning rate", (long long)t->done, x);
	return false;
}

/* True if the user asked to stop since the last time. The signals are blocked
 * meanwhile, so a step is never cut in two. */
static bool interrupted(const sigset_t *signals)
{
	struct timespec now = {0};
	return sigtimedwait(signals, NULL, &now) > 0;
}

bool trainer_run(Trainer *t, void (*after_step)(void *, const Trainer *),
                 void *user)
{
	sigset_t signals, before;
	int64_t *order = arena_array(t->unit->arena, int64_t, t->train.rows);
	ending_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, &before);
	bool good = true;
	while (good && t->done < t->steps && !interrupted(&signals)) {
		int64_t epoch = t->done / t->steps_per_epoch;
		int64_t at = t->done % t->steps_per_epoch;
		if (at == 0) {
			data_order(t->train.rows, t->shuffle, t->seed, epoch,
			           order);
			trainer_forget(t);
		}
		good = step(t, order + at * t->batch);
		after_step(user, t);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return good;
}

void trainer_weights(const Trainer *t, Weights *w)
{
	const Model *m = t->program->model;
	*w = (Weights){0};
	w->item = arena_array(t->unit->arena, NamedArray, m->nvars + 1);
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		if (v->role != VAR_OPTIMIZER)
			w->item[w->n++] = (NamedArray){v->name, {
				v->dtype, v->shape,
				executor_variable(t->executor, v)}};
	}
}
