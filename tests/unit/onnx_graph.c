/* The structure of what the reader builds: variables and their roles, names,
 * types of inputs, BatchNormalization in all its forms. */
#include "tests/unit/onnx_test.h"

#define GRAPH(name) MODELS "graphs/" name ".onnx"

static Loaded *good(const char *path)
{
	Loaded *l = load(path);
	cr_assert_not_null(l->g, "%s: %s", path, l->said);
	return l;
}

static const Variable *variable(const Loaded *l, const char *name)
{
	const Variable *v = model_find(l->g->model, name);
	cr_assert_not_null(v, "no variable '%s'", name);
	return v;
}

/* ---- BatchNormalization ---- */

static void check_training(const char *path, int unbiased)
{
	Loaded *l = good(path);
	Node *n = find_node(l->g, "bn");
	cr_assert_eq(n->op, &op_BatchNormalizationTrain, "%s", path);
	cr_expect_float_eq(attr_of(n, "epsilon"), 1e-3, 1e-9);
	cr_expect_float_eq(attr_of(n, "momentum"), 0.8, 1e-6);
	cr_expect_eq(attr_of(n, "unbiased"), unbiased, "%s", path);
	cr_expect_eq(n->out[3]->var, variable(l, "bn.running_mean"));
	cr_expect_eq(n->out[4]->var, variable(l, "bn.running_var"));
	cr_expect(variable(l, "bn.running_mean")->mutable);
	cr_expect(variable(l, "bn.running_var")->mutable);
	cr_expect_not(variable(l, "bn.weight")->mutable);
	cr_expect_eq(variable(l, "bn.running_mean")->role, VAR_BUFFER);
	cr_expect_eq(variable(l, "bn.running_var")->role, VAR_BUFFER);
	cr_expect_eq(variable(l, "bn.weight")->role, VAR_PARAMETER);
	unload(l);
}

Test(onnx_graph, batch_norm_training)
{
	check_training(GRAPH("bn_train_13"), 1);
	check_training(GRAPH("bn_train_14"), 1);
	check_training(GRAPH("bn_train_onnx"), 0);
}

static void check_frozen(const char *path)
{
	Loaded *l = good(path);
	Node *n = find_node(l->g, "bn");
	cr_assert_eq(n->op, &op_BatchNormalization, "%s", path);
	cr_expect_float_eq(attr_of(n, "epsilon"), 1e-3, 1e-9);
	cr_expect_eq(n->nin, 5);
	cr_expect_not(variable(l, "bn.running_mean")->mutable);
	cr_expect_eq(variable(l, "bn.running_mean")->role, VAR_BUFFER);
	unload(l);
}

Test(onnx_graph, batch_norm_frozen)
{
	check_frozen(GRAPH("bn_frozen_13"));
	check_frozen(GRAPH("bn_frozen_14"));
}

/* The second call goes on from the statistics of the first. */
Test(onnx_graph, batch_norm_called_twice)
{
	Loaded *l = good(GRAPH("bn_called_twice"));
	Node *a = find_node(l->g, "1"), *b = find_node(l->g, "2");
	cr_expect_null(a->out[3]->var);
	cr_expect_eq(b->in[3], a->out[3]);
	cr_expect_eq(b->in[4], a->out[4]);
	cr_expect_eq(b->out[3]->var, variable(l, "bn.running_mean"));
	cr_expect_eq(l->g->model->nvars, 4);
	unload(l);
}

/* training_mode=1 with statistics that the graph computes: track_running_stats
 * was off, and there is nothing to update. */
Test(onnx_graph, batch_norm_without_statistics)
{
	Loaded *l = good(GRAPH("bn_batch_statistics"));
	Node *n = find_node(l->g, "bn");
	cr_assert_eq(n->op, &op_BatchNormalizationTrain);
	cr_expect_null(n->out[3]->var);
	cr_expect_null(n->out[4]->var);
	cr_expect_eq(n->in[3]->kind, V_RESULT);
	cr_expect_eq(l->g->model->nvars, 2);
	unload(l);
}

/* ---- recurrent layers ---- */

/* The blocks that the file puts into ONNX's order are taken as they are stored,
 * unless no recurrence has that order. */
Test(onnx_graph, gates_stay_in_the_stored_order)
{
	Loaded *l = good(GRAPH("gru_order"));
	Node *n = l->g->last;
	while (n->op != &op_GRURecurrence)
		n = n->prev;
	cr_expect_eq(n->in[1]->kind, V_VARIABLE);
	cr_expect_str_eq(n->in[1]->name, "r");
	cr_expect_eq(n->attr[op_attr(n->op, "order")].ints[0], 1);
	cr_expect_eq(n->attr[op_attr(n->op, "order")].ints[1], 0);
	unload(l);
	l = good(GRAPH("gru_other_order"));
	for (n = l->g->last; n->op != &op_GRURecurrence; n = n->prev)
		;
	cr_expect_eq(n->in[1]->kind, V_RESULT);
	cr_expect_eq(n->attr[op_attr(n->op, "order")].ints[0], 0);
	unload(l);
}

/* ---- storage of initializers ---- */

/* One initializer under four names is four variables of equal contents; the
 * one that really is shared (1.bias) is one. */
Test(onnx_graph, identity_has_storage_of_its_own)
{
	Loaded *l = good(GRAPH("aliases"));
	const Variable *w = variable(l, "1.weight");
	static const char *const names[] = {
		"1.weight", "1.running_var", "2.weight", "2.running_var",
		"1.bias", "1.running_mean",
	};
	cr_expect_eq(l->g->model->nvars, 6);
	for (int i = 0; i < 6; i++) {
		const Variable *v = variable(l, names[i]);
		cr_expect_eq(l->g->model->var[v->id], v);
		cr_expect_eq(v->mutable, strstr(v->name, "running") != NULL);
		cr_expect_eq(v->role, strstr(v->name, "running")
		                      ? VAR_BUFFER : VAR_PARAMETER);
		if (i < 4)
			cr_expect_eq(((const float *)v->data)[1], 1.0f);
	}
	Node *a = find_node(l->g, "1"), *b = find_node(l->g, "2");
	cr_expect_eq(a->in[1]->var, w);
	cr_expect_eq(b->in[1]->var, variable(l, "2.weight"));
	cr_expect_eq(a->in[4]->var, variable(l, "1.running_var"));
	cr_expect_eq(b->out[4]->var, variable(l, "2.running_var"));
	cr_expect_eq(a->in[2], b->in[2]);
	unload(l);
}

Test(onnx_graph, tied_weights_stay_tied)
{
	Loaded *l = good(GRAPH("tied"));
	cr_expect_eq(l->g->model->nvars, 1);
	cr_expect_eq(find_node(l->g, "first")->in[1],
	             find_node(l->g, "second")->in[1]);
	unload(l);
}

/* PyTorch's alone, outside of bodies, is a parameter of its own. */
Test(onnx_graph, an_identity_is_its_input)
{
	static const char *const tied[] = {
		GRAPH("loop_carries"), GRAPH("identity_another"),
	};
	for (int i = 0; i < 2; i++) {
		Loaded *l = good(tied[i]);
		cr_expect_eq(l->g->model->nvars, 1, "%s: %d", tied[i],
		             l->g->model->nvars);
		unload(l);
	}
	Loaded *l = good(GRAPH("identity_pytorch"));
	cr_expect_eq(l->g->model->nvars, 2);
	unload(l);
}

/* A file's only weights are parameters, however it writes them. */
Test(onnx_graph, constants_of_layers_are_weights)
{
	static const struct { const char *path; int nvars; } of[] = {
		{GRAPH("constant_weights"), 2}, {GRAPH("constant_beside"), 1},
		{GRAPH("constant_offset"), 0},
	};
	for (int i = 0; i < 3; i++) {
		Loaded *l = good(of[i].path);
		cr_expect_eq(l->g->model->nvars, of[i].nvars, "%s: %d",
		             of[i].path, l->g->model->nvars);
		unload(l);
	}
	Loaded *l = good(GRAPH("constant_weights"));
	const Variable *b = variable(l, "b");
	cr_expect_eq(((const float *)b->data)[1], 3.0f);
	cr_expect_eq(find_node(l->g, "product")->in[1]->var, variable(l, "w"));
	unload(l);
}

/* What is computed from a parameter stays computed: it has to be trained. */
Test(onnx_graph, weights_are_not_folded)
{
	Loaded *l = good(GRAPH("weight_path"));
	cr_expect_eq(find_node(l->g, "turn")->op, &op_Transpose);
	cr_expect_eq(find_node(l->g, "turn")->in[0]->var, variable(l, "w"));
	unload(l);
}

Test(onnx_graph, initializer_that_is_also_an_input)
{
	Loaded *l = good(GRAPH("initializer_is_input"));
	cr_expect_eq(l->g->ninputs, 1);
	cr_expect_eq(variable(l, "w")->role, VAR_PARAMETER);
	unload(l);
}

Test(onnx_graph, what_is_a_variable)
{
	Loaded *l = good(GRAPH("roles"));
	cr_expect_eq(l->g->model->nvars, 2);
	cr_expect_str_eq(l->g->model->var[0]->name, "b");
	cr_expect_str_eq(l->g->model->var[1]->name, "half");
	cr_expect_eq(find_node(l->g, "m")->in[1]->kind, V_CONST);
	cr_expect_str_eq(find_node(l->g, "m")->in[1]->name, "scale");
	/* _7 is a name that thimble gives: it is not taken from the file. */
	cr_expect_str_eq(find_node(l->g, "m")->out[0]->name, "onnx_7");
	cr_expect_str_eq(find_node(l->g, "a")->out[0]->name, "h");
	unload(l);
}

Test(onnx_graph, dead_nodes_are_not_looked_at)
{
	Loaded *l = good(GRAPH("dead"));
	cr_expect_eq(l->g->nnodes, 1);
	unload(l);
}

Test(onnx_graph, outputs_have_memory_of_their_own)
{
	Loaded *l = good(GRAPH("returns"));
	cr_assert_eq(l->g->noutputs, 2);
	cr_expect_eq(l->g->output[0].value->kind, V_RESULT);
	cr_expect_eq(l->g->output[1].value->kind, V_RESULT);
	cr_expect_str_eq(l->g->output[1].name, "w");
	unload(l);
}

Test(onnx_graph, folded_batch_norm_is_explained)
{
	Loaded *l = good(GRAPH("folded"));
	cr_expect_eq(l->u.nwarnings, 2);
	cr_expect_not_null(strstr(l->said, "'onnx::Conv_16'"), "%s", l->said);
	cr_expect_not_null(strstr(l->said, "'onnx::MatMul_18'"));
	unload(l);
}

Test(onnx_graph, external_data)
{
	Loaded *l = good(GRAPH("external"));
	const float *w = variable(l, "w")->data;
	for (int i = 0; i < 15; i++)
		cr_expect_eq(w[i], (float)i);
	unload(l);
}

/* ---- Dropout ---- */

Test(onnx_graph, dropouts_share_a_seed)
{
	Loaded *l = good(GRAPH("dropout_12"));
	Node *a = find_node(l->g, "one"), *b = find_node(l->g, "two");
	cr_expect_eq(a->op, &op_Dropout);
	cr_expect_eq(a->in[1], b->in[1]);
	cr_expect_eq(a->in[1]->role, IN_SEED);
	cr_expect_eq(a->in[1]->dtype, DT_U32);
	cr_expect_neq(attr_of(a, "id"), attr_of(b, "id"));
	cr_expect_eq(attr_of(a, "ratio"), 0.25);
	unload(l);
}

Test(onnx_graph, dropout_before_opset_12)
{
	Loaded *l = good(GRAPH("dropout_11"));
	cr_expect_eq(attr_of(find_node(l->g, "one"), "ratio"), 0.25);
	unload(l);
}

Test(onnx_graph, a_model_may_have_a_seed)
{
	Loaded *l = good(GRAPH("seed_taken"));
	const Value *seed = find_value(l->g, "seed");
	cr_expect_eq(seed->role, IN_DATA);
	cr_expect_eq(find_node(l->g, "one")->in[1]->role, IN_SEED);
	cr_expect_neq(find_node(l->g, "one")->in[1], seed);
	unload(l);
}

/* ---- inputs ---- */

/* 64 bits only where the values themselves are used. */
Test(onnx_graph, labels_and_indices_are_narrow)
{
	Loaded *l = good(GRAPH("labels"));
	cr_expect_eq(find_value(l->g, "tok")->dtype, DT_I32);
	cr_expect_eq(find_value(l->g, "label")->dtype, DT_I32);
	cr_expect_eq(find_value(l->g, "wide")->dtype, DT_I64);
	cr_expect_eq(attr_of(find_node(l->g, "loss"), "ignore_index"), -100);
	unload(l);
}

/* The batch's name binds it in every input. */
Test(onnx_graph, symbolic_dimensions)
{
	const DimBinding both[] = {{"T", 7}, {"N", 4}};
	Loaded *l = load_with(GRAPH("symbolic"),
	                      (Options){.ndims = 2, .dim = both});
	expect_shape(l, "y", (Shape){3, {4, 7, 3}});
	unload(l);
	l = load_with(GRAPH("symbolic"),
	              (Options){.ndims = 1, .dim = both, .batch = 3});
	expect_shape(l, "y", (Shape){3, {3, 7, 3}});
	expect_shape(l, "z", (Shape){2, {7, 3}});
	unload(l);
}

Test(onnx_graph, unknown_dimension_name)
{
	const DimBinding dims[] = {{"T", 7}, {"N", 4}, {"Q", 1}};
	Loaded *l = load_with(GRAPH("symbolic"),
	                      (Options){.ndims = 3, .dim = dims});
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "'Q'"), "%s", l->said);
	unload(l);
}

/* ---- --batch against Reshape constants ---- */

static float pattern(int64_t i)
{
	return (float)((i * 37 + 11) % 101) / 50.0f - 1.0f;
}

/* Sample by sample, the model of batch 4 gives what the model of the file's
 * batch gives. */
static void check_rebatch(const char *path, int64_t old)
{
	enum { NEW = 4 };
	Loaded *a = good(path);
	Loaded *b = load_with(path, (Options){.batch = NEW});
	cr_assert_not_null(b->g, "%s", b->said);
	expect_shape(b, "y", (Shape){3, {NEW, 5, 6}});
	expect_shape(b, "z", (Shape){2, {NEW, 30}});
	float x[NEW * 30];
	for (int i = 0; i < NEW * 30; i++)
		x[i] = pattern(i);
	void **big = run_graph(b->g, (const void *[]){x});
	const float *yb = big[b->g->output[0].value->id];
	for (int64_t part = 0; part < NEW; part += old) {
		void **small = run_graph(a->g, (const void *[]){x + part * 30});
		const float *ya = small[a->g->output[0].value->id];
		for (int64_t i = 0; i < old * 30; i++)
			cr_expect_eq(ya[i], yb[part * 30 + i], "%s: %d of part "
			             "%d", path, (int)i, (int)part);
	}
	unload(a);
	unload(b);
}

Test(onnx_graph, baked_batch_is_rewritten)
{
	check_rebatch(GRAPH("baked_1"), 1);
	check_rebatch(GRAPH("baked_2"), 2);
}

Test(onnx_graph, shape_as_large_as_the_batch_stays)
{
	Loaded *l = load_with(GRAPH("baked_not"), (Options){.batch = 2});
	cr_assert_not_null(l->g, "%s", l->said);
	expect_shape(l, "y", (Shape){4, {2, 4, 1, 1}});
	unload(l);
}

Test(onnx_graph, masks_without_their_batch)
{
	Loaded *l = load_with(GRAPH("baked_mask"), (Options){.batch = 4});
	cr_assert_not_null(l->g, "%s", l->said);
	cr_expect_eq(l->g->output[0].value->shape.dim[0], 4);
	unload(l);
	l = load_with(GRAPH("baked_mask_not"), (Options){.batch = 4});
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "does not broadcast"), "%s",
	                   l->said);
	unload(l);
}

/* At batch 1 the shapes alone cannot tell, and the user is told so, once. */
Test(onnx_graph, doubt_about_the_batch_is_said)
{
	Loaded *l = load_with(GRAPH("baked_1"), (Options){.batch = 4});
	cr_expect_eq(l->u.nwarnings, 1, "%s", l->said);
	cr_expect_not_null(strstr(l->said, "the file's batch is 1"));
	unload(l);
	l = load_with(GRAPH("baked_2"), (Options){.batch = 4});
	cr_expect_eq(l->u.nwarnings, 0, "%s", l->said);
	unload(l);
}

/* ---- the file ---- */

Test(onnx_graph, names_the_model_after_the_file)
{
	Loaded *l = good(GRAPH("bn_train_13"));
	cr_expect_str_eq(l->g->model->name, "bn_train_13");
	unload(l);
	l = load_with(GRAPH("tied"), (Options){.name = "net"});
	cr_expect_str_eq(l->g->model->name, "net");
	unload(l);
}

Test(onnx_graph, info)
{
	OnnxInfo info;
	Unit u = {.path = GRAPH("external"), .arena = arena_create(),
	          .messages = stderr};
	cr_assert(onnx_info(&u, &info));
	cr_expect_eq(info.ir_version, 8);
	cr_expect_eq(info.opset, 17);
	cr_expect_str_eq(info.producer, "pytorch");
	cr_expect_eq(strlen(info.sha256), 64);
	arena_destroy(u.arena);
}
