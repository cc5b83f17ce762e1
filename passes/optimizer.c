/*
 * Parameter updates: one node per parameter, elementwise for most optimizers,
 * whose outputs replace the parameter and its optimizer state. Semantics and names
 * are torch.optim's, or the papers'; every hyper-parameter is a run-time input.
 */
#include "ir/blockwise.h"
#include "passes/project.h"
#include "passes/train.h"

#include <string.h>

Value *hyper_parameter(Graph *g, const char *name, double initial)
{
	return graph_scalar_input(g, name, IN_HYPER, DT_F32, initial);
}

Value *optimizer_state(Graph *g, const char *owner, const char *what,
                       DType type, Shape shape)
{
	const char *name = arena_printf(g->unit->arena, "%s/%s", owner, what);
	Variable *v = model_find(g->model, name);
	if (!v) {
		v = model_variable(g->model, name, VAR_OPTIMIZER, type, shape);
		v->mutable = true;
	}
	return graph_variable(g, v);
}

void node_replaces(Node *n, int o, Variable *v)
{
	n->out[o]->var = v;
	n->out[o]->memory = v->role == VAR_OPTIMIZER ? MEM_OPTIMIZER
	                                             : MEM_PARAMETER;
	v->mutable = true;
}

typedef struct Update {
	const char *owner;   /* of the state */
	const OpDef *op;
	bool blockwise;      /* state in 8-bit codes */
	int nstate, nin;     /* nstate: variables, each of which is an input */
	Value *in[14];
} Update;

static void add(Update *u, Value *v)
{
	u->in[u->nin++] = v;
}

static void add_shaped(Graph *g, Update *u, const char *what, Shape shape,
                       double fill)
{
	Value *v = optimizer_state(g, u->owner, what, u->in[0]->dtype, shape);
	v->var->fill = fill;
	add(u, v);
	u->nstate++;
}

static Value *table_of(Graph *g, bool has_sign)
{
	float *table = arena_array(g->unit->arena, float, CODES);
	blockwise_table(has_sign, table);
	return graph_const(g, NULL, DT_F32, (Shape){1, {CODES}}, table);
}

/* Codes, scales, and what the codes mean. */
static void add_coded(Graph *g, Update *u, const char *what, bool has_sign)
{
	Shape w = u->in[0]->shape, blocks = {1, {block_count(numel(w))}};
	const char *scale = arena_printf(g->unit->arena, "%s_scale", what);
	add(u, optimizer_state(g, u->owner, what, DT_U8, w));
	add(u, optimizer_state(g, u->owner, scale, DT_F32, blocks));
	add(u, table_of(g, has_sign));
	u->nstate += 2;
}

/* A block's scale and what its codes mean take too much of less. */
static bool is_coded(const OptimizerOptions *o, int64_t elements)
{
	return o->blockwise && elements >= BLOCK;
}

int64_t optimizer_state_bytes(const OptimizerOptions *o, DType type,
                              int64_t elements)
{
	if (is_coded(o, elements))
		return elements + block_count(elements) * dtype_size(DT_F32);
	return elements * dtype_size(type);
}

Value *decoded_state(Graph *g, const char *owner, const char *what, Value *like,
                     const OptimizerOptions *o)
{
	Update u = {.owner = owner, .nin = 1, .in = {like}};
	if (!is_coded(o, numel(like->shape)))
		return optimizer_state(g, owner, what, like->dtype, like->shape);
	add_coded(g, &u, what, true);
	return APPLY(g, ((Loc){owner, "BlockwiseDecode"}), op_BlockwiseDecode,
	             u.in[1], u.in[2], u.in[3]);
}

/* What has the parameter's shape. */
static void add_state(Graph *g, Update *u, const char *what, double fill)
{
	if (u->blockwise)
		add_coded(g, u, what, strcmp(what, "exp_avg_sq") != 0);
	else
		add_shaped(g, u, what, u->in[0]->shape, fill);
}

/* One for each dimension. */
static void add_accumulators(Graph *g, Update *u)
{
	Shape w = u->in[0]->shape;
	for (int d = 0; d < w.rank || d == 0; d++)
		add_shaped(g, u, arena_printf(g->unit->arena, "accumulator_%d",
		                              d),
		           (Shape){1, {w.rank ? w.dim[d] : 1}}, 0);
}

/* By row and by column of what is a matrix. */
static void add_factored(Graph *g, Update *u)
{
	const Value *w = u->in[0];
	int64_t m = gradient_rows(w), n = gradient_columns(w);
	if (m < 2 || n < 2) {
		add_state(g, u, "exp_avg_sq", 0);
		add(u, NULL);
		return;
	}
	add_shaped(g, u, "exp_avg_sq_row", (Shape){1, {m}}, 0);
	add_shaped(g, u, "exp_avg_sq_col", (Shape){1, {n}}, 0);
}

static void describe(Graph *g, const OptimizerOptions *o, Update *u,
                     bool decays)
{
	Value *lr = hyper_parameter(g, "lr", o->lr);
	Value *decay = decays ? hyper_parameter(g, "weight_decay",
	                                        o->weight_decay)
	                      : graph_scalar(g, DT_F32, 0);
	Value *step = graph_scalar_input(g, "step", IN_STEP, DT_I32, 1);
	switch (o->kind) {
	case OPT_SGD:
		u->op = &op_SGDUpdate;
		add(u, lr), add(u, decay);
		return;
	case OPT_MOMENTUM:
	case OPT_NESTEROV:
		u->op = &op_MomentumUpdate;
		add_state(g, u, "momentum_buffer", 0);
		add(u, lr), add(u, hyper_parameter(g, "momentum", o->momentum));
		add(u, hyper_parameter(g, "dampening", o->dampening));
		add(u, decay), add(u, step);
		return;
	case OPT_ADAM:
	case OPT_ADAMW:
		u->op = &op_AdamUpdate;
		add_state(g, u, "exp_avg", 0);
		add_state(g, u, "exp_avg_sq", 0);
		add(u, lr), add(u, hyper_parameter(g, "beta1", o->beta1));
		add(u, hyper_parameter(g, "beta2", o->beta2));
		add(u, hyper_parameter(g, "eps", o->eps));
		add(u, decay), add(u, step);
		return;
	case OPT_RMSPROP:
		u->op = &op_RMSpropUpdate;
		add_state(g, u, "square_avg", 0);
		if (o->momentum > 0)
			add_state(g, u, "momentum_buffer", 0);
		else
			add(u, NULL);
		add(u, lr), add(u, hyper_parameter(g, "alpha", o->alpha));
		add(u, hyper_parameter(g, "eps", o->eps)), add(u, decay);
		add(u, hyper_parameter(g, "momentum", o->momentum));
		return;
	case OPT_ADAGRAD:
		u->op = &op_AdagradUpdate;
		add_state(g, u, "sum", o->initial_accumulator_value);
		add(u, lr), add(u, hyper_parameter(g, "lr_decay", o->lr_decay));
		add(u, hyper_parameter(g, "eps", o->eps)), add(u, decay), add(u, step);
		return;
	case OPT_LION:
		u->op = &op_LionUpdate;
		add_state(g, u, "exp_avg", 0);
		add(u, lr), add(u, hyper_parameter(g, "beta1", o->beta1));
		add(u, hyper_parameter(g, "beta2", o->beta2)), add(u, decay);
		return;
	case OPT_SM3:
		u->op = &op_SM3Update;
		add_accumulators(g, u);
		add(u, lr), add(u, decay);
		return;
	case OPT_ADAFACTOR:
		u->op = &op_AdafactorUpdate;
		add_factored(g, u);
		add(u, lr), add(u, hyper_parameter(g, "clip_threshold",
		                                   o->clip_threshold));
		add(u, hyper_parameter(g, "decay_rate", o->decay_rate));
		add(u, hyper_parameter(g, "eps", o->eps)), add(u, decay);
		add(u, step);
		return;
	case OPT_NONE:
		break;
	}
	BUG("an update without an optimizer");
}

static Node *begin_update(Graph *g, const Update *u, int variant)
{
	const OpDef *op = u->blockwise ? &op_BlockwiseUpdate : u->op;
	Node *n = node_new(g, (Loc){u->owner, u->op->name}, op, u->nin,
	                   (Value *const *)u->in);
	if (u->blockwise) {
		node_set_string(g, n, "update", u->op->name);
		node_set_int(g, n, "variant", variant);
	} else if (u->op->nattrs) {
		node_set_int(g, n, u->op->attrs[0].name, variant);
	}
	node_set_outputs(g, n, 1 + u->nstate);
	return n;
}

Node *update_node(Graph *g, const char *owner, Value *w, Value *grad,
                  bool decays, const OptimizerOptions *o)
{
	Update u = {.owner = owner, .blockwise = is_coded(o, numel(w->shape)),
	            .nin = 2, .in = {w, grad}};
	describe(g, o, &u, decays);
	Node *n = begin_update(g, &u, o->kind == OPT_NESTEROV ||
	                              o->kind == OPT_ADAMW);
	if (!node_done(g, n))
		return NULL;
	for (int i = 2, output = 1; output <= u.nstate; i++)
		if (u.in[i] && u.in[i]->kind == V_VARIABLE)
			node_replaces(n, output++, u.in[i]->var);
	return n;
}

int optimizer_states(const OptimizerOptions *o)
{
	switch (o->kind) {
	case OPT_ADAM:
	case OPT_ADAMW:
		return 2;
	case OPT_RMSPROP:
		return o->momentum > 0 ? 2 : 1;
	case OPT_MOMENTUM:
	case OPT_NESTEROV:
	case OPT_ADAGRAD:
	case OPT_LION:
		return 1;
	case OPT_SGD:
	case OPT_SM3:
	case OPT_ADAFACTOR:
	case OPT_NONE:
		break;
	}
	return 0;
}
