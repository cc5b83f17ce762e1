/*
 * What the reader makes of each storage form of a tensor and each form of an
 * operator, by its effect: the interpreter's output against numpy's, which is
 * in the model file.
 */
#include "tests/unit/onnx_test.h"

#include <dirent.h>
#include <math.h>

static const OnnxTensor *find_init(const OnnxModel *m, const char *name)
{
	for (int i = 0; i < m->ninits; i++)
		if (!strcmp(m->init[i].name, name))
			return &m->init[i];
	cr_assert_fail("no initializer '%s'", name);
	return NULL;
}

static double element(DType t, const void *data, int64_t i)
{
	Scalar x = dtype_get(t, data, i);
	return dtype_is_float(t) ? x.f : (double)x.i;
}

static void compare(const char *path, const Output *got, const void *data,
                    const OnnxTensor *want)
{
	const Value *v = got->value;
	cr_expect(shape_equal(v->shape, want->shape) &&
	          v->dtype == want->dtype, "%s: shape or type", path);
	if (!shape_equal(v->shape, want->shape))
		return;
	for (int64_t i = 0; i < numel(v->shape); i++) {
		double a = element(v->dtype, data, i);
		double b = element(want->dtype, want->data, i);
		cr_expect(fabs(a - b) <= 2e-6 * (1 + fabs(b)),
		          "%s: element %d is %g, expected %g", path, (int)i, a,
		          b);
	}
}

static void check_case(const char *path)
{
	Loaded *l = load(path);
	cr_expect_not_null(l->g, "%s", l->said);
	if (l->g) {
		cr_expect_eq(l->u.nwarnings, 0, "%s", l->said);
		const OnnxModel *m = onnx_read(&l->u);
		const void *in[] = {find_init(m, "for x")->data};
		cr_assert_eq(l->g->ninputs, 1);
		void **buf = run_graph(l->g, in);
		const Output *y = &l->g->output[0];
		compare(path, y, buf[y->value->id], find_init(m, "of y"));
		cr_expect_null(model_find(l->g->model, "for x"),
		               "%s: a variable that nobody reads", path);
	}
	unload(l);
}

Test(onnx_values, as_numpy)
{
	DIR *dir = opendir(MODELS "values");
	int cases = 0;
	cr_assert_not_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		char path[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, MODELS "values/%s", e->d_name);
		check_case(path);
		cases++;
	}
	closedir(dir);
	cr_expect_gt(cases, 80);
}
