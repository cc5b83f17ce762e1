/* SPDX-License-Identifier: 0BSD */
/*
 * Matrix by vector and outer product: the matrix is streamed once, nothing
 * is packed.  Rows that are contiguous are reduced four at a time; a matrix
 * that is contiguous the other way is added to y four columns at a time.
 */
#include "runtime/rt.h"

/* y[i * ys] = alpha * (m x)[i] + beta * y[i * ys], where m is the matrix of
 * m[i * rs + p * cs] and x the vector of x[p * xs]. */
typedef struct GemvForm {
	int32_t n, k;
	const float *m, *x;
	ptrdiff_t rs, cs, xs, ys;
	float alpha, beta;
	float *y;
} GemvForm;

#if RT_VL
/* The lanes of four sums, each summed up. */
static void gemv_reduce(const rt_vec s[4], float *out)
{
	float t[4][RT_VL];

	for (int i = 0; i < 4; i++) {
		rt_vec4 v = { 0 };
		RT_STORE(t[i], s[i]);
		for (int j = 0; j < RT_VL; j += 4)
			v += RT_LOAD4(t[i] + j);
		out[i] = (v[0] + v[1]) + (v[2] + v[3]);
	}
}

/* The dot products of four rows over p < k (a multiple of RT_VL). */
static void gemv_dot_vec(const float *const m[4], const float *x, int32_t k,
	float *out)
{
	const rt_vec zero = { 0 };
	const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3];
	rt_vec s0 = zero, s1 = zero, s2 = zero, s3 = zero;
	rt_vec u0 = zero, u1 = zero, u2 = zero, u3 = zero;
	rt_vec s[4];
	int32_t p = 0;

	for (; p + 2 * RT_VL <= k; p += 2 * RT_VL) {
		const rt_vec x0 = RT_LOAD(x + p), x1 = RT_LOAD(x + p + RT_VL);
		s0 += RT_LOAD(m0 + p) * x0, u0 += RT_LOAD(m0 + p + RT_VL) * x1;
		s1 += RT_LOAD(m1 + p) * x0, u1 += RT_LOAD(m1 + p + RT_VL) * x1;
		s2 += RT_LOAD(m2 + p) * x0, u2 += RT_LOAD(m2 + p + RT_VL) * x1;
		s3 += RT_LOAD(m3 + p) * x0, u3 += RT_LOAD(m3 + p + RT_VL) * x1;
	}
	if (p < k) {
		const rt_vec x0 = RT_LOAD(x + p);
		s0 += RT_LOAD(m0 + p) * x0, s1 += RT_LOAD(m1 + p) * x0;
		s2 += RT_LOAD(m2 + p) * x0, s3 += RT_LOAD(m3 + p) * x0;
	}
	s[0] = s0 + u0, s[1] = s1 + u1, s[2] = s2 + u2, s[3] = s3 + u3;
	gemv_reduce(s, out);
}
#endif

RT_API void rt_dot4(const float *const m[4], const float *x, int32_t k,
	float *out)
{
	const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3];
	float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	int32_t p = 0;

#if RT_VL
	if (k >= RT_VL) {
		p = k / RT_VL * RT_VL;
		gemv_dot_vec(m, x, p, out);
		s0 = out[0], s1 = out[1], s2 = out[2], s3 = out[3];
	}
#endif
	for (; p < k; p++) {
		const float z = x[p];
		s0 += m0[p] * z, s1 += m1[p] * z;
		s2 += m2[p] * z, s3 += m3[p] * z;
	}
	out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;
}

static void gemv_by_rows(const GemvForm *f)
{
	for (int32_t i = 0; i < f->n; i += 4) {
		const int32_t rows = f->n - i < 4 ? f->n - i : 4;
		const float *m[4];
		float t[4];
		for (int32_t r = 0; r < 4; r++)
			m[r] = f->m + (i + (r < rows ? r : rows - 1)) * f->rs;
		rt_dot4(m, f->x, f->k, t);
		for (int32_t r = 0; r < rows; r++) {
			float *y = f->y + (i + r) * f->ys;
			*y = rt_blend(f->alpha, t[r], f->beta, y);
		}
	}
}

/* y[0 .. n) = the four columns at m, step apart, times z, + beta * y. */
static void gemv_columns(int32_t n, const float *m, ptrdiff_t step,
	const float z[4], float beta, float *y)
{
	const float *m1 = m + step, *m2 = m1 + step, *m3 = m2 + step;
	int32_t i = 0;

#if RT_VL
	for (; i + RT_VL <= n; i += RT_VL) {
		const rt_vec s = RT_LOAD(m + i) * z[0] + RT_LOAD(m1 + i) * z[1]
			+ RT_LOAD(m2 + i) * z[2] + RT_LOAD(m3 + i) * z[3];
		RT_STORE(y + i, beta == 0 ? s : s + beta * RT_LOAD(y + i));
	}
#endif
	for (; i < n; i++) {
		const float s = m[i] * z[0] + m1[i] * z[1] + m2[i] * z[2]
			+ m3[i] * z[3];
		y[i] = rt_blend(1, s, beta, y + i);
	}
}

/* y[0 .. n) = alpha * (m * z) + beta * y. */
static void gemv_column(int32_t n, const float *m, float z, float alpha,
	float beta, float *y)
{
	int32_t i = 0;

#if RT_VL
	for (; i + RT_VL <= n; i += RT_VL) {
		const rt_vec s = RT_LOAD(m + i) * z * alpha;
		RT_STORE(y + i, beta == 0 ? s : s + beta * RT_LOAD(y + i));
	}
#endif
	for (; i < n; i++)
		y[i] = rt_blend(alpha, m[i] * z, beta, y + i);
}

static void gemv_by_columns(const GemvForm *f)
{
	float beta = f->beta;
	int32_t p = 0;

	for (; p + 4 <= f->k; p += 4, beta = 1) {
		float z[4];
		for (int32_t i = 0; i < 4; i++)
			z[i] = f->alpha * f->x[(p + i) * f->xs];
		gemv_columns(f->n, f->m + p * f->cs, f->cs, z, beta, f->y);
	}
	for (; p < f->k; p++, beta = 1)
		gemv_column(f->n, f->m + p * f->cs, f->alpha * f->x[p * f->xs],
			1, beta, f->y);
}

static void gemv_outer(const rt_prod *g)
{
	for (int32_t i = 0; i < g->m; i++)
		gemv_column(g->n, g->b.p, g->a.p[i * g->a.rs], g->alpha,
			g->beta, g->y + i * g->yrs);
}

RT_API int rt_gemv(const rt_prod *g)
{
	const GemvForm row = { g->n, g->k, g->b.p, g->a.p, g->b.cs, g->b.rs,
		g->a.cs, g->ycs, g->alpha, g->beta, g->y };
	const GemvForm col = { g->m, g->k, g->a.p, g->b.p, g->a.rs, g->a.cs,
		g->b.rs, g->yrs, g->alpha, g->beta, g->y };
	const GemvForm *f = g->m == 1 ? &row : &col;

	if (g->k == 1 && g->b.cs == 1) {
		gemv_outer(g);
		return 1;
	}
	if (g->m != 1 && g->n != 1)
		return 0;
	if (f->cs == 1 && f->xs == 1)
		gemv_by_rows(f);
	else if (f->rs == 1 && f->ys == 1)
		gemv_by_columns(f);
	else
		return 0;
	return 1;
}
