/*
 * Real exports: the reference models that lie beside the checkout, in the
 * folder that THIMBLE_SHARED names or in ../shared. Without them these tests
 * say so and pass.
 */
#include "tests/unit/onnx_test.h"

#include <dirent.h>

static void check_model(const char *path)
{
	Loaded *l = load(path);
	bool folded = strstr(path, "eval") && !strstr(path, "lenet");
	cr_expect_not_null(l->g, "%s", l->said);
	cr_expect_eq(l->u.nwarnings, folded, "%s: %s", path, l->said);
	unload(l);
}

Test(onnx_reference, all_models_load)
{
	const char *dir = reference_models();
	DIR *d = dir ? opendir(dir) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[8192];
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (strstr(path, ".onnx"))
			check_model(path);
	}
	if (d)
		closedir(d);
}

/* ---- --batch 32 on the export at 1 is the export at 32 ---- */

static void same_nodes(const Loaded *a, const Loaded *b, const char *name)
{
	const Node *p = a->g->first, *q = b->g->first;
	int n = 0;
	for (; p && q; p = p->next, q = q->next, n++) {
		cr_expect_eq(p->op, q->op, "%s: node %d", name, n);
		cr_expect_str_eq(p->out[0]->name, q->out[0]->name);
		for (int o = 0; o < p->nout; o++)
			cr_expect(shape_equal(p->out[o]->shape,
			                      q->out[o]->shape),
			          "%s: %s is %s, expected %s", name,
			          p->out[o]->name,
			          shape_text(a->u.arena, p->out[o]->shape),
			          shape_text(b->u.arena, q->out[o]->shape));
	}
	cr_expect(!p && !q, "%s: not as many nodes", name);
	cr_expect_gt(n, 0);
}

static void compare_batches(const char *dir, const char *name)
{
	char one[8192], many[8192];
	snprintf(one, sizeof one, "%s/%s_b1_op17_train.onnx", dir, name);
	snprintf(many, sizeof many, "%s/%s_b32_op17_train.onnx", dir, name);
	Loaded *a = load_with(one, (Options){.batch = 32});
	Loaded *b = load(many), *c = load_with(many, (Options){.batch = 1});
	Loaded *d = load(one);
	cr_assert(a->g && b->g && c->g && d->g, "%s: %s%s", name, a->said,
	          b->said);
	same_nodes(a, b, name);
	same_nodes(c, d, name);
	unload(a);
	unload(b);
	unload(c);
	unload(d);
}

Test(onnx_reference, batch_is_rebound)
{
	static const char *const names[] = {
		"mlp", "lenet5", "resnet8", "ds_cnn", "mbv1_025",
		"fc_ae_nobn", "tfm2_cls", "lightconv_cls",
	};
	const char *dir = reference_models();
	for (size_t i = 0; dir && i < sizeof names / sizeof *names; i++)
		compare_batches(dir, names[i]);
}

/* ---- truncation of a large file ---- */

Test(onnx_reference, cut_at_every_kilobyte, .timeout = 100)
{
	const char *dir = reference_models();
	char path[8192], cut[] = "thimble-cut-XXXXXX";
	if (!dir)
		return;
	snprintf(path, sizeof path, "%s/resnet8_b1_op17_train.onnx", dir);
	FILE *in = fopen(path, "rb"), *out = fdopen(mkstemp(cut), "wb");
	cr_assert(in && out);
	char block[1024];
	for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;) {
		Loaded *l = load(cut);
		cr_expect_null(l->g);
		cr_expect_geq(l->u.nerrors, 1);
		unload(l);
		fwrite(block, 1, n, out);
		fflush(out);
	}
	Loaded *whole = load(cut);
	cr_expect_not_null(whole->g, "%s", whole->said);
	unload(whole);
	fclose(in);
	fclose(out);
	remove(cut);
}
