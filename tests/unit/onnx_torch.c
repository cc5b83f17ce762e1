/* What PyTorch's exporter notes beside the graph: roles, the mode of a
 * BatchNorm, what its optimizer did and what the reader undoes of it. The models
 * are tests/tools/make_exports.py's. */
#include "tests/unit/onnx_test.h"

#define EXPORT(name) SOURCE_DIR "/tests/models/exports/" name ".onnx"

static Loaded *good(const char *path)
{
	Loaded *l = load(path);
	cr_assert_not_null(l->g, "%s: %s", path, l->said);
	return l;
}

static int count(const char *text, const char *what)
{
	int n = 0;
	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void check_said(const char *path, int warnings, const char *what)
{
	Loaded *l = good(path);
	cr_expect_eq(count(l->said, "warning"), warnings, "%s", l->said);
	cr_expect_not_null(strstr(l->said, what), "%s", l->said);
	unload(l);
}

Test(onnx_torch, says_what_is_lost)
{
	check_said(EXPORT("dynamo-residual"), 0, "");
	check_said(EXPORT("dynamo-causal"), 0, "");
	check_said(EXPORT("optimized-attention"), 1,
	           "such as 'first.weight', which is now 'val_0'");
	check_said(EXPORT("optimized-residual"), 1, "Conv 'node_Conv_30': the "
	           "exporter folded the BatchNorm of 'bn.weight' into it");
	check_said(EXPORT("optimized-gates"), 3,
	           "computed 'slice_2' from 'old.bias' and others");
	check_said(EXPORT("optimized-layers"), 2, "it read another parameter "
	           "instead of 'encoder.layers.1.self_attn.in_proj_weight'");
}

static int operators(const Loaded *l, const OpDef *op)
{
	int n = 0;
	for (const Node *i = l->g->first; i; i = i->next)
		n += i->op == op;
	return n;
}

Test(onnx_torch, batch_norm_in_training_mode)
{
	Loaded *l = good(EXPORT("dynamo-residual"));
	cr_expect_eq(operators(l, &op_BatchNormalizationTrain), 2);
	const Variable *mean = model_find(l->g->model, "bn.running_mean");
	cr_assert_not_null(mean);
	cr_expect(mean->mutable);
	cr_expect_eq(mean->role, VAR_BUFFER);
	unload(l);
}

/* What the gates begin from is no parameter, nor what was computed with some. */
Test(onnx_torch, constants_do_not_train)
{
	Loaded *l = good(EXPORT("optimized-gates"));
	cr_expect_null(model_find(l->g->model, "zeros"));
	cr_expect_null(model_find(l->g->model, "slice_2"));
	cr_expect_eq(l->g->model->nvars, 6);
	unload(l);
}

/* The head is a transposed copy of the embedding in the file, by either exporter. */
static void check_tied(const char *path, const char *name)
{
	const DimBinding dim[] = {{"sequence_length", 7}};
	bool symbolic = strstr(path, "folded") != NULL;
	Loaded *l = load_with(path, (Options){.batch = 3, .ndims = symbolic,
	                                      .dim = dim});
	int values = 0;
	cr_assert_not_null(l->g, "%s", l->said);
	const Variable *v = model_find(l->g->model, name);
	cr_assert_not_null(v, "%s: %s", path, name);
	for (int i = 0; i < l->g->nvarvalues; i++)
		values += l->g->varvalue[i]->shape.rank == 2 &&
		          numel(l->g->varvalue[i]->shape) == numel(v->shape);
	cr_expect_eq(values, 1, "%s", path);
	unload(l);
}

Test(onnx_torch, tied_weights_are_one)
{
	check_tied(EXPORT("optimized-causal"), "embed.weight");
	check_tied(EXPORT("folded-causal"), "head.weight");
}

/* Equal by chance, as what begins as an identity is, is not copied. */
Test(onnx_torch, fingerprints)
{
	Arena *a = arena_create();
	float x[] = {1, 2, 3, 4, 5, 6}, y[] = {1, 4, 2, 5, 3, 6};
	float identity[] = {1, 0, 0, 1};
	OnnxTensor tall = {.dtype = DT_F32, .shape = {2, {2, 3}}, .data = x};
	OnnxTensor wide = {.dtype = DT_F32, .shape = {2, {3, 2}}, .data = y};
	OnnxTensor unit = {.dtype = DT_F32, .shape = {2, {2, 2}},
	                   .data = identity};
	cr_expect(onnx_transposed(&tall, &wide));
	cr_expect_str_eq(onnx_fingerprint(a, &tall, false),
	                 onnx_fingerprint(a, &wide, true));
	cr_expect_str_neq(onnx_fingerprint(a, &tall, false),
	                  onnx_fingerprint(a, &wide, false));
	cr_expect_null(onnx_fingerprint(a, &unit, true));
	y[1] = 7;
	cr_expect_not(onnx_transposed(&tall, &wide));
	cr_expect_str_neq(onnx_fingerprint(a, &tall, false),
	                  onnx_fingerprint(a, &wide, true));
	arena_destroy(a);
}

/* A class token and what is looked up for every word are one, or one for each
 * place, and have no batch in them. */
Test(onnx_torch, copies_are_one)
{
	Loaded *l = load_with(EXPORT("optimized-copies"),
	                      (Options){.batch = 5});
	static const struct { const char *name; int64_t rows; } one[] = {
		{"expand_1", 1}, {"embedding_2", 1}, {"embedding_1", 7},
	};
	cr_assert_not_null(l->g, "%s", l->said);
	for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
		const Variable *v = model_find(l->g->model, one[i].name);
		cr_assert_not_null(v, "%s", one[i].name);
		cr_expect_eq(numel(v->shape), 8 * one[i].rows, "%s",
		             one[i].name);
	}
	cr_expect_eq(l->g->output[0].value->shape.dim[0], 5);
	unload(l);
}

/* Norms that all begin as ones and zeros, and biases that begin as zeros. */
Test(onnx_torch, equal_parameters_part)
{
	Loaded *l = good(EXPORT("optimized-encoder"));
	static const char *const names[] = {
		"encoder.layers.0.norm1.weight", "encoder.layers.0.norm2.weight",
		"encoder.layers.0.norm1.bias", "encoder.layers.0.norm2.bias",
		"encoder.layers.0.self_attn.out_proj.bias",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		cr_expect_not_null(model_find(l->g->model, names[i]), "%s",
		                   names[i]);
	unload(l);
}
