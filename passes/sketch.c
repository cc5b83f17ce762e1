/*
 * Optimizer state in count sketches, where --sketch asks for it: of parameters
 * [n, d] whose rows are classes, tokens or units. Adam, AdamW and RMSprop keep
 * squares of gradients (CountMinUpdate.c) and, Adam and AdamW where that is asked
 * for, the first moment; Adagrad sums of squares, momentum and nesterov the
 * momentum (CountSketchMomentumUpdate.c). Where only a
 * Gather reads the parameter, rows that it did not take are left alone, and there
 * is no gradient [n, d] at all (MergeRows.c). Where all rows have one, it need not
 * be whole: rows are updated one after the other (fuse_update.c).
 *
 * Weight decay is decoupled: w (1 - lr weight_decay), of the rows that change.
 */
#include "ir/build.h"
#include "ir/gather.h"
#include "ir/sketch.h"
#include "passes/project.h"
#include "passes/train.h"

#include <fnmatch.h>

static const SketchSpec *sketch_of(const Options *o, const char *name)
{
	for (int i = o->nsketches - 1; i >= 0; i--)
		if (!o->sketch[i].pattern ||
		    !fnmatch(o->sketch[i].pattern, name, 0))
			return &o->sketch[i];
	return NULL;
}

static bool has_first(const OptimizerOptions *o)
{
	return o->kind == OPT_ADAM || o->kind == OPT_ADAMW;
}

bool can_sketch(const OptimizerOptions *o)
{
	if (o->blockwise)
		return false;
	switch (o->kind) {
	case OPT_MOMENTUM:
	case OPT_NESTEROV:
	case OPT_ADAM:
	case OPT_ADAMW:
	case OPT_RMSPROP:
	case OPT_ADAGRAD:
		return true;
	case OPT_SGD:
	case OPT_LION:
	case OPT_SM3:
	case OPT_ADAFACTOR:
	case OPT_NONE:
		break;
	}
	return false;
}

bool check_sketches(Graph *g, const Options *o)
{
	int before = g->unit->nerrors;
	if (o->nsketches && !can_sketch(&o->optimizer))
		error_at(g->unit, (Loc){0}, "--sketch: there is no optimizer "
		         "with state that could be sketched; give --optimizer "
		         "adam, say");
	if (o->sketch_first_moment && !has_first(&o->optimizer))
		error_at(g->unit, (Loc){0}, "--sketch-first-moment: only adam "
		         "and adamw have one beside squares");
	for (int i = 0; i < o->nsketches; i++)
		if (o->sketch[i].pattern)
			check_pattern(g, o->sketch[i].pattern, "--sketch");
	return g->unit->nerrors == before;
}

static bool is_signed(const OptimizerOptions *o)
{
	return o->kind == OPT_MOMENTUM || o->kind == OPT_NESTEROV;
}

/* ---- whether ---- */

/* Its rows: of [1, rows, d], too, as ONNX has the weights of recurrences. */
static Shape matrix_of(const Value *grad)
{
	int64_t d = grad->shape.dim[grad->shape.rank - 1];
	return (Shape){2, {d ? numel(grad->shape) / d : 0, d}};
}

static bool has_rows(const Value *grad)
{
	const Shape *s = &grad->shape;
	return s->rank == 2 || gradient_columns(grad) == s->dim[s->rank - 1];
}

/* So that the tables together have the asked part of a state's elements. */
static int64_t width_of(const SketchSpec *s, int64_t rows)
{
	int64_t width = (int64_t)(s->ratio * (double)rows / SKETCH_DEPTH);
	return width > 0 ? width : 1;
}

static int64_t elements(const SketchSpec *s, const Options *o, Shape w)
{
	int64_t bucket = w.dim[1] + 2;
	if (o->sketch_first_moment)
		bucket += w.dim[1] + 1;
	return SKETCH_DEPTH * width_of(s, w.dim[0]) * bucket;
}

/* Elements of its state if that is whole. */
static int64_t whole(const Value *grad, const Options *o)
{
	return optimizer_states(&o->optimizer) * numel(grad->shape);
}

static const char *refuse(const Value *grad, const SketchSpec *s,
                          const Options *o)
{
	if (!has_rows(grad))
		return "it is no table of rows";
	return elements(s, o, matrix_of(grad)) >= whole(grad, o)
	       ? "it would not save memory" : NULL;
}

static const Thin *judge(Arena *a, const Value *grad, const SketchSpec *s,
                         const Options *o)
{
	Thin *t = arena_new(a, Thin);
	t->gradient = grad->gradient_of;
	t->why = refuse(grad, s, o);
	if (t->why)
		return t;
	t->width = width_of(s, matrix_of(grad).dim[0]);
	t->saved = (whole(grad, o) - elements(s, o, matrix_of(grad))) *
	           dtype_size(grad->dtype);
	return t;
}

/* ---- the update ---- */

typedef struct Rows {
	Value *grad, *number;   /* number NULL: all rows, in order */
} Rows;

/* As rows: what has been given a parameter's shape, before that. */
static Value *as_rows(Graph *g, Loc loc, Value *grad)
{
	Shape to = matrix_of(grad);
	while (grad->def && grad->def->op == &op_Reshape &&
	       !shape_equal(grad->shape, to))
		grad = grad->def->in[0];
	return build_reshape(g, loc, grad, to);
}

/* A table's gradient by the rows that were taken. */
static Rows rows_of(Graph *g, Loc loc, Value *grad)
{
	grad = as_rows(g, loc, grad);
	const Node *n = grad->def;
	if (!n || n->op != &op_GatherGrad || gather_axis(n, grad->shape) != 0)
		return (Rows){grad, NULL};
	Node *m = NEW(g, loc, op_MergeRows, n->in[0], n->in[1]);
	node_set_int(g, m, "rows", grad->shape.dim[0]);
	node_set_outputs(g, m, 2);
	Value *merged = node_done(g, m);
	merged->memory = MEM_GRADIENT;
	merged->gradient_of = grad->gradient_of;
	return (Rows){merged, m->out[1]};
}

static Value *table(Graph *g, const char *owner, const char *what, DType type,
                    Shape s)
{
	return optimizer_state(g, owner, what, type, s);
}

/* All variables among the inputs but the parameter, in the order of outputs. */
static void replace_state(Graph *g, Node *n)
{
	if (!node_done(g, n))
		return;
	for (int i = SKETCH_BINS, output = 1; i < n->nin; i++)
		if (n->in[i]->kind == V_VARIABLE)
			node_replaces(n, output++, n->in[i]->var);
}

static Node *momentum_node(Graph *g, Loc loc, const char *owner, Value *w,
                           Rows r, const SketchSpec *s, int64_t width,
                           const OptimizerOptions *o)
{
	Shape bins = sketch_shape(width, matrix_of(w).dim[1]);
	Shape buckets = {2, {SKETCH_DEPTH, width}};
	Value *in[] = {
		w, r.grad, r.number,
		table(g, owner, "momentum", w->dtype, bins),
		table(g, owner, "counts", w->dtype, buckets),
		table(g, owner, "last", DT_I32, buckets),
		hyper_parameter(g, "lr", o->lr),
		hyper_parameter(g, "momentum", o->momentum),
		hyper_parameter(g, "weight_decay", o->weight_decay),
		graph_scalar_input(g, "step", IN_STEP, DT_I32, 1),
	};
	Node *n = node_new(g, loc, &op_CountSketchMomentumUpdate, 10, in);
	node_set_int(g, n, "seed", s->seed);
	node_set_outputs(g, n, 4);
	replace_state(g, n);
	return n;
}

static Node *squares_node(Graph *g, Loc loc, const char *owner, Value *w,
                          Rows r, const SketchSpec *s, int64_t width,
                          const Options *options)
{
	const OptimizerOptions *o = &options->optimizer;
	Shape bins = sketch_shape(width, matrix_of(w).dim[1]);
	Shape buckets = {2, {SKETCH_DEPTH, width}};
	bool rms = o->kind == OPT_RMSPROP, first = options->sketch_first_moment;
	Value *in[] = {
		w, r.grad, r.number,
		table(g, owner, "squares", w->dtype, bins),
		table(g, owner, "weights", w->dtype, buckets),
		table(g, owner, "last", DT_I32, buckets),
		hyper_parameter(g, "lr", o->lr),
		hyper_parameter(g, rms ? "alpha" : "beta2",
		                rms ? o->alpha : o->beta2),
		hyper_parameter(g, "eps", o->eps),
		hyper_parameter(g, "weight_decay", o->weight_decay),
		graph_scalar_input(g, "step", IN_STEP, DT_I32, 1),
		first ? table(g, owner, "first", w->dtype, bins) : NULL,
		first ? table(g, owner, "counts", w->dtype, buckets) : NULL,
		first ? hyper_parameter(g, "beta1", o->beta1) : NULL,
	};
	int nin = (int)(sizeof in / sizeof in[0]) - (first ? 0 : 3);
	Node *n = node_new(g, loc, &op_CountMinUpdate, nin, in);
	node_set_int(g, n, "sum", o->kind == OPT_ADAGRAD);
	node_set_int(g, n, "clean", s->clean);
	node_set_float(g, n, "keep", s->keep);
	node_set_int(g, n, "biased", rms);
	node_set_int(g, n, "seed", s->seed);
	node_set_outputs(g, n, first ? 6 : 4);
	replace_state(g, n);
	return n;
}

/* What another seed's hashes filled is of no use: a save of it is refused, as its
 * names are others. */
static const char *owner_of(Arena *a, const Variable *w, const SketchSpec *s)
{
	return s->seed ? arena_printf(a, "%s/sketch.%lld", w->name,
	                              (long long)s->seed)
	               : arena_printf(a, "%s/sketch", w->name);
}

bool append_sketched_update(Graph *g, Variable *w, Value *grad,
                            const Options *options)
{
	const OptimizerOptions *o = &options->optimizer;
	const SketchSpec *s = grad->shape.rank < 2 ? NULL
	                                           : sketch_of(options, w->name);
	if (!s)
		return false;
	w->thin = judge(g->unit->arena, grad, s, options);
	if (w->thin->why)
		return false;
	Loc loc = {w->name, "CountSketch"};
	const char *owner = owner_of(g->unit->arena, w, s);
	Rows r = rows_of(g, loc, grad);
	Value *x = graph_variable(g, w);
	Node *n = is_signed(o)
	          ? momentum_node(g, loc, owner, x, r, s, w->thin->width, o)
	          : squares_node(g, loc, owner, x, r, s, w->thin->width,
	                         options);
	if (n->nout)
		node_replaces(n, 0, w);
	return true;
}
