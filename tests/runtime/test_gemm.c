/*
 * The kernels of matrix products against naive loops in double precision.  Every case
 * runs with the workspace it asks for and with none; outputs and workspace
 * lie between guard zones that must stay as they were, and inputs end where
 * their allocation ends, so that the sanitizers see a read past them.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/rt.h"
#include "runtime/workspace.h"
#include "tests/runtime/expect.h"

struct gemm_case {
	int ta, tb;
	int32_t m, n, k, pad;	/* pad: leading dimensions beyond the least */
	float alpha, beta;
};

static double gemm_at(const float *p, int t, int32_t ld, int32_t i, int32_t j)
{
	return t ? p[(ptrdiff_t)j * ld + i] : p[(ptrdiff_t)i * ld + j];
}

static void gemm_naive(const struct gemm_case *c, const float *a, int32_t lda,
	const float *b, int32_t ldb, int32_t ldy, float y0, struct expect *e)
{
	for (int32_t i = 0; i < c->m; i++) {
		for (int32_t j = 0; j < ldy; j++) {
			struct expect *at = &e[(ptrdiff_t)i * ldy + j];
			if (j >= c->n) {
				at->value = y0;
				continue;
			}
			for (int32_t p = 0; p < c->k; p++)
				expect_add(at, c->alpha
					* gemm_at(a, c->ta, lda, i, p)
					* gemm_at(b, c->tb, ldb, p, j));
			if (c->beta != 0)
				expect_add(at, c->beta * y0);
		}
	}
}

typedef void gemm_fn(int, int, int32_t, int32_t, int32_t, float,
	const float *, int32_t, const float *, int32_t, float, float *,
	int32_t, float *);

/* The last row ends with its last element, not with its leading dimension. */
static float *matrix_new(int32_t rows, int32_t ld, int32_t pad)
{
	return input_new(rows ? (size_t)rows * (size_t)ld - (size_t)pad : 0);
}

static void gemm_run(gemm_fn *fn, const struct gemm_case *c, int grant)
{
	const int32_t ar = c->ta ? c->k : c->m, ac = c->ta ? c->m : c->k;
	const int32_t br = c->tb ? c->n : c->k, bc = c->tb ? c->k : c->n;
	const int32_t lda = ac + c->pad, ldb = bc + c->pad, ldy = c->n + c->pad;
	const size_t ny = (size_t)c->m * (size_t)ldy;
	const size_t nws = (size_t)rt_gemm_workspace(c->ta, c->tb,
		c->m, c->n, c->k) / sizeof(float);
	const float y0 = c->beta == 0 ? NAN : 0.75f;
	float *a = matrix_new(ar, lda, c->pad);
	float *b = matrix_new(br, ldb, c->pad);
	float *y = guarded_new(ny, y0), *ws = guarded_new(nws, NAN);
	struct expect *e = expect_new(ny);

	gemm_naive(c, a, lda, b, ldb, ldy, y0, e);
	fn(c->ta, c->tb, c->m, c->n, c->k, c->alpha, a, lda, b, ldb, c->beta,
		y, ldy, grant ? ws : NULL);
	for (int32_t i = 0; i < c->m; i++) {
		const long bad = expect_check(&e[(ptrdiff_t)i * ldy],
			&y[(ptrdiff_t)i * ldy], (size_t)c->n);
		cr_assert(bad < 0, "gemm t%d%d m=%d n=%d k=%d ld+%d alpha=%g "
			"beta=%g ws=%d: y[%d][%ld] is %g, expected %g", c->ta,
			c->tb, c->m, c->n, c->k, c->pad, (double)c->alpha,
			(double)c->beta, grant, i, bad,
			(double)y[(ptrdiff_t)i * ldy + bad],
			e[(ptrdiff_t)i * ldy + bad].value);
		for (int32_t j = c->n; j < ldy; j++) {
			const float v = y[(ptrdiff_t)i * ldy + j];
			cr_assert(isnan(y0) ? isnan(v) : v == y0,
				"gemm m=%d n=%d wrote between rows", c->m,
				c->n);
		}
	}
	cr_assert(guards_intact(y, ny), "gemm wrote outside y");
	cr_assert(guards_intact(ws, nws), "gemm m=%d n=%d k=%d t%d%d wrote "
		"outside its %zu floats of workspace", c->m, c->n, c->k,
		c->ta, c->tb, nws);
	free(a), free(b), free(e), guarded_free(y), guarded_free(ws);
}

static void gemm_all_ways(struct gemm_case c)
{
	for (int t = 0; t < 4; t++) {
		c.ta = t & 1, c.tb = t >> 1;
		gemm_run(rt_gemm, &c, 0);
		gemm_run(rt_gemm, &c, 1);
	}
}

Test(gemm, edges_of_every_size)
{
	static const int32_t size[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31,
		33, 47, 48, 49, 65 };
	const int32_t count = (int32_t)(sizeof(size) / sizeof(size[0]));

	for (int32_t i = 0; i < count; i++)
		for (int32_t j = 0; j < count; j++)
			gemm_all_ways((struct gemm_case){ .m = size[i],
				.n = size[j], .pad = (i + j) % 3,
				.k = size[(i * 5 + j * 3) % count],
				.alpha = 1, .beta = 0 });
}

Test(gemm, scaled_and_accumulated)
{
	static const float alpha[] = { 1, -1, 0.5f, 0 }, beta[] = { 0, 1, -2 };

	for (int i = 0; i < 240; i++)
		gemm_all_ways((struct gemm_case){ .m = 1 + rng_below(70),
			.n = 1 + rng_below(70), .k = 1 + rng_below(70),
			.pad = rng_below(3), .alpha = alpha[i % 4],
			.beta = beta[i % 3] });
}

Test(gemm, vectors)
{
	for (int i = 0; i < 120; i++) {
		struct gemm_case c = { .m = 1 + rng_below(300),
			.n = 1 + rng_below(300), .k = 1 + rng_below(300),
			.pad = i & 1, .alpha = i & 2 ? -0.5f : 1,
			.beta = (float)(i / 3 % 3) };
		if (i % 3 == 0)
			c.m = 1;
		else if (i % 3 == 1)
			c.n = 1;
		else
			c.k = 1;
		gemm_all_ways(c);
	}
}

Test(gemm, beyond_the_blocks)
{
	gemm_all_ways((struct gemm_case){ .m = 61, .n = 150, .k = 700,
		.alpha = 1, .beta = 0 });
	gemm_all_ways((struct gemm_case){ .m = 150, .n = 35, .k = 421,
		.alpha = 2, .beta = 1 });
	gemm_all_ways((struct gemm_case){ .m = 32, .n = 256, .k = 784,
		.alpha = 1, .beta = 0 });
}

/* The other tests hold each product to its workspace; none asks for what no kernel
 * packs: rows side by side that few rows pass, and columns that turning avoids. */
Test(gemm, workspace_is_what_is_packed)
{
	const int64_t row = RT_KC * (int64_t)sizeof(float);

	cr_expect_eq(rt_gemm_workspace(0, 0, 16, 64, 1000), 0);
	cr_expect_eq(rt_gemm_workspace(1, 0, 8, 1000, 16), 0);
	cr_expect_eq(rt_gemm_workspace(0, 0, 64, 64, 1000), 32 * row);
	cr_expect_eq(rt_gemm_workspace(0, 1, 32, 64, 256), 32 * row);
	cr_expect_eq(rt_gemm_workspace(0, 1, 100, 100, 256), 48 * row);
	cr_expect_eq(rt_gemm_workspace(0, 1, 1, 64, 256), 0);
}

Test(gemm, empty_sum)
{
	gemm_all_ways((struct gemm_case){ .m = 5, .n = 19, .k = 0, .pad = 1,
		.alpha = 1, .beta = 0 });
	gemm_all_ways((struct gemm_case){ .m = 5, .n = 19, .k = 0, .pad = 1,
		.alpha = 1, .beta = 2 });
}

Test(gemm, blas_has_the_same_meaning)
{
	for (int i = 0; i < 40; i++) {
		const struct gemm_case c = { .ta = i & 1, .tb = i >> 1 & 1,
			.m = 1 + rng_below(40), .n = 1 + rng_below(40),
			.k = 1 + rng_below(40), .pad = i % 3, .alpha = 0.5f,
			.beta = (float)(i % 2) };
		gemm_run(rt_gemm_blas, &c, 0);
	}
}
