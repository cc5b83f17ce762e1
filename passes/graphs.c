/* The graphs of the model's functions, from its forward graph. */
#include "passes/graphs.h"

#include "ir/build.h"
#include "ir/op.h"
#include "passes/autodiff.h"
#include "passes/pass.h"
#include "passes/train.h"

#include <string.h>

/* A variable lives in the state exactly if some node replaces it. */
static void find_mutable(const Graph *g)
{
	for (const Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				n->out[o]->var->mutable = true;
}

static const Value *find_input(const Graph *g, const char *name)
{
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == IN_DATA &&
		    !strcmp(g->input[i]->name, name))
			return g->input[i];
	return NULL;
}

static const Output *find_output(const Graph *g, const char *name)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].role == OUT_DATA &&
		    !strcmp(g->output[i].name, name))
			return &g->output[i];
	return NULL;
}

static void check_carry(const Graph *g, const Carry *c)
{
	const Value *in = find_input(g, c->input);
	const Output *out = find_output(g, c->output);
	if (!in || !out)
		error_at(g->unit, (Loc){0}, "--carry %s=%s: the model has no "
		         "%s '%s'", c->input, c->output,
		         in ? "output" : "input", in ? c->output : c->input);
	else if (in->dtype != out->value->dtype ||
	         !shape_equal(in->shape, out->value->shape))
		error_at(g->unit, (Loc){0}, "--carry %s=%s: the input is %s%s, "
		         "the output %s%s", c->input, c->output,
		         dtype_name(in->dtype),
		         shape_text(g->unit->arena, in->shape),
		         dtype_name(out->value->dtype),
		         shape_text(g->unit->arena, out->value->shape));
}

static bool check_carries(const Graph *g, const Options *o)
{
	int before = g->unit->nerrors;
	for (int i = 0; i < o->ncarries; i++)
		check_carry(g, &o->carry[i]);
	return g->unit->nerrors == before;
}

/* The loss, and of the model's outputs those that are carried. */
static void set_outputs(Graph *g, Value *loss, const Options *o)
{
	Output *kept = arena_array(g->unit->arena, Output, o->ncarries + 1);
	for (int i = 0; i < o->ncarries; i++)
		kept[i] = *find_output(g, o->carry[i].output);
	g->noutputs = 0;
	g->facts = 0;
	graph_output(g, "loss", OUT_LOSS, loss);
	for (int i = 0; i < o->ncarries; i++)
		graph_output(g, kept[i].name, OUT_DATA, kept[i].value);
}

/* Updates are the training step's; with the loss, all that the file says of
 * one. */
static void drop_step(Graph *g, bool loss)
{
	int kept = 0;
	for (int i = 0; i < g->noutputs; i++) {
		OutputRole role = g->output[i].role;
		if (role == OUT_DATA || (role == OUT_LOSS && !loss))
			g->output[kept++] = g->output[i];
	}
	g->noutputs = kept;
	g->facts = 0;
}

/* Gradients of `loss` by variable id. */
static Value **parameter_gradients(Graph *g, Value *loss, const bool *trainable)
{
	Arena *a = g->unit->arena;
	Value **grad = arena_array(a, Value *, g->model->nvars);
	Value *one = graph_scalar(g, loss->dtype, 1);
	one = loss->shape.rank == 0 ? one
	    : graph_const(g, NULL, loss->dtype, loss->shape, one->data);
	bool *wanted = arena_array(a, bool, g->nvalues);
	for (int i = 0; i < g->nvarvalues; i++)
		wanted[g->varvalue[i]->id] = trainable[g->varvalue[i]->var->id];
	Value **all = differentiate(g, &loss, &one, 1, wanted);
	for (int i = 0; i < g->nvarvalues; i++) {
		const Value *v = g->varvalue[i];
		if (!wanted[v->id])
			continue;
		grad[v->var->id] = all[v->id];
		if (!all[v->id])
			continue;
		all[v->id]->memory = MEM_GRADIENT;
		/* A gradient that is a constant still needs a place. */
		if (all[v->id]->kind != V_RESULT)
			grad[v->var->id] = APPLY(g, ((Loc){v->name, "Gradient"}),
			                         op_Copy, all[v->id]);
	}
	return grad;
}

/* The reason why a parameter may not train. */
static void warn_of_integers(const Graph *g)
{
	static const OpDef *const ops[] = {
		&op_ConvInteger, &op_MatMulInteger, &op_QLinearConv,
		&op_QLinearMatMul,
	};
	const Node *found = NULL;
	for (const Node *n = g->first; n && !found; n = n->next)
		for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
			found = n->op == ops[i] ? n : found;
	if (found)
		warn_at(g->unit, found->loc, "computes with integers: no "
		        "gradient passes. Train the model before it is "
		        "quantized, or one that has QuantizeLinear and "
		        "DequantizeLinear around operators on real numbers "
		        "(QDQ)");
}

static void warn_unreached(Graph *g, Value *const grad[], const bool *trainable)
{
	const Model *m = g->model;
	int reached = 0, wanted = 0;
	for (int i = 0; i < m->nvars; i++) {
		reached += grad[i] != NULL;
		wanted += trainable[i];
	}
	if (reached < wanted || !reached)
		warn_of_integers(g);
	if (!reached) {
		error_at(g->unit, (Loc){0}, "the loss does not depend on any "
		         "parameter that trains");
		return;
	}
	for (int i = 0; i < m->nvars; i++)
		if (trainable[i] && !grad[i])
			warn_at(g->unit, (Loc){m->var[i]->name, NULL}, "no "
			        "gradient reaches this parameter; it stays as "
			        "it is");
}

static void output_gradients(Graph *g, Value *const grad[])
{
	const Model *m = g->model;
	for (int i = 0; i < m->nvars; i++)
		if (grad[i])
			graph_output(g, m->var[i]->name, OUT_GRADIENT, grad[i]);
}

/* Before it is differentiated. */
static void rearrange(Graph *g, const Options *o)
{
	Options quiet = *o;
	quiet.dump_after = NULL;
	find_mutable(g);   /* passes verify what is there already */
	if (o->batch_first)
		run_pipeline(g, STAGE_DIVIDED, &quiet);
	if (o->segment)
		run_pipeline(g, STAGE_SEGMENTED, &quiet);
}

/* The step that the options describe: gradients of the loss by all that trains,
 * then one optimizer. `again`: what there is to warn of has been said. */
static void append_step(Graph *g, const bool *trainable, const Options *o,
                        bool again)
{
	Value *loss = append_loss(g, o);
	if (!again)
		warn_of_loss(g, loss, o);
	if (!loss || g->unit->nerrors)
		return;
	set_outputs(g, loss, o);
	rearrange(g, o);
	if (!expand_gradients(g))   /* the loss may have some of its own */
		return;
	Value **grad = parameter_gradients(g, g->output[0].value, trainable);
	if (g->unit->nerrors)
		return;
	if (!again)
		warn_unreached(g, grad, trainable);
	if (o->keep_gradients)
		output_gradients(g, grad);
	if (!o->no_update)
		append_updates(g, grad, o);
}

/* The step that the file describes. */
static void obey_step(Graph *g, const bool *trainable, const Options *o)
{
	rearrange(g, o);
	Value **grad = expand_gradients(g);
	if (!grad)
		return;
	Value *loss = append_loss(g, o);
	bind_updates(g, trainable);
	set_outputs(g, loss, o);
	if (o->keep_gradients)
		output_gradients(g, grad);
}

Graph *train_graph(const Graph *forward, const Options *o, bool again)
{
	if (!check_carries(forward, o))
		return NULL;
	Graph *g = graph_clone(forward, "train", NULL);
	set_mode(g, MODE_TRAIN, o);
	bool *trainable = choose_trainable(g, o);
	if (g->unit->nerrors)
		warn_of_integers(g);
	if (o->loss.kind == LOSS_FILE && o->optimizer.kind == OPT_NONE)
		obey_step(g, trainable, o);
	else
		append_step(g, trainable, o, again);
	find_mutable(g);
	if (g->unit->nerrors)
		return NULL;
	if (o->feed)
		feed_inputs(g);
	return g;
}

/* What the loss would be of, from rows of a matrix. */
static void show_rows(Graph *g, const Options *o)
{
	const Output *out = find_loss_output(g, &o->loss);
	if (!out)
		return;
	Output *shown = &g->output[out - g->output];
	shown->value = build_reshape(g, (Loc){"loss", "Loss"},
	                             loss_rows(g, out->value),
	                             out->value->shape);
}

Graph *infer_graph(const Graph *forward, const Options *o)
{
	Graph *g = graph_clone(forward, "infer", NULL);
	drop_step(g, true);   /* statistics that it keeps are no outputs */
	if (o->loss_parts > 1)
		show_rows(g, o);
	set_mode(g, MODE_INFER, o);
	rearrange(g, o);
	if (o->feed)
		keep_inputs(g);
	return expand_gradients(g) ? g : NULL;
}

Graph *evaluate_graph(const Graph *forward, const Options *o)
{
	Graph *g = graph_clone(forward, "evaluate", NULL);
	drop_step(g, false);
	set_mode(g, MODE_INFER, o);
	Value *loss = append_loss(g, o);
	if (!loss)
		return NULL;
	set_outputs(g, loss, o);
	rearrange(g, o);
	if (!expand_gradients(g))
		return NULL;
	if (o->feed)
		feed_inputs(g);
	return g;
}
