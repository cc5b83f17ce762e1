/* SPDX-License-Identifier: 0BSD */
/*
 * Matrix by vector and outer product: the matrix is streamed once, nothing
 * is packed.  Rows that are contiguous are reduced four at a time; a matrix
 * that is contiguous the other way is added to y, four columns at a time by
 * vectors, else 16 sums in registers over all columns.  No less than an
 * element takes is its load and its product: two instructions, and 1/2 on
 * Helium; of an outer product, its product and its store.  On RISC-V's vectors
 * only that one is apart from other products.
 */
#include "runtime/rt.h"
#include "runtime/rvv.h"
#include "runtime/tile4.h"

#if RT_RVV

/* n columns from j on. */
RT_INLINED void gemv_outer_wide(const rt_prod *g, float alpha, float beta,
	int32_t j, size_t n)
{
	const rt_wide m = rt_wide_load(g->b.p + j, n);
	const float *z = g->a.p;
	float *y = g->y + j;

	for (int32_t i = g->m; i > 0; i--, z += g->a.rs, y += g->yrs)
		rt_wide_put(y, 1, alpha, rt_wide_mul(*z, m, n), beta, n);
}

/* With those of alpha and beta that are common as constants. */
RT_APART void gemv_outer(const rt_prod *g)
{
	const float alpha = g->alpha;
	size_t n;

	for (int32_t j = 0; j < g->n; j += (int32_t)n) {
		n = rt_wide_lanes(g->n - j, g->n);
		if (g->beta == 1)
			gemv_outer_wide(g, alpha, 1, j, n);
		else if (alpha == 1 && g->beta == 0)
			gemv_outer_wide(g, 1, 0, j, n);
		else
			gemv_outer_wide(g, alpha, g->beta, j, n);
	}
}

RT_API int rt_gemv(const rt_prod *g)
{
	if (g->k != 1 || g->b.cs != 1)
		return 0;
	gemv_outer(g);
	return 1;
}

#else

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

RT_API void rt_dot4(const float *const m[4], const float *x, int32_t k,
	float *out)
{
	const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3];
	float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	int32_t p = 0;

	if (k >= RT_VL) {
		p = k / RT_VL * RT_VL;
		gemv_dot_vec(m, x, p, out);
		s0 = out[0], s1 = out[1], s2 = out[2], s3 = out[3];
	}
	for (; p < k; p++) {
		const float z = x[p];
		s0 += m0[p] * z, s1 += m1[p] * z;
		s2 += m2[p] * z, s3 += m3[p] * z;
	}
	out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;
}

/* The dot products of x and count rows from m on, rs apart. */
static void gemv_dots(const float *m, ptrdiff_t rs, int32_t count,
	const float *x, int32_t k, float out[4])
{
	const float *row[4];

	for (int32_t r = 0; r < 4; r++)
		row[r] = m + (r < count ? r : count - 1) * rs;
	rt_dot4(row, x, k, out);
}

/* y[0 .. n) = the four columns at m, step apart, times z, + beta * y. */
static void gemv_columns(int32_t n, const float *m, ptrdiff_t step,
	const float z[4], float beta, float *y)
{
	const float *m1 = m + step, *m2 = m1 + step, *m3 = m2 + step;
	int32_t i = 0;

	for (; i + RT_VL <= n; i += RT_VL) {
		const rt_vec s = RT_LOAD(m + i) * z[0] + RT_LOAD(m1 + i) * z[1]
			+ RT_LOAD(m2 + i) * z[2] + RT_LOAD(m3 + i) * z[3];
		RT_STORE(y + i, beta == 0 ? s : s + beta * RT_LOAD(y + i));
	}
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

	for (; i + RT_VL <= n; i += RT_VL) {
		const rt_vec s = RT_LOAD(m + i) * z * alpha;
		RT_STORE(y + i, beta == 0 ? s : s + beta * RT_LOAD(y + i));
	}
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

#else

#if RT_HELIUM
#include "runtime/gemv_helium.h"
#else
/* None by themselves. */
RT_INLINED int32_t gemv_by_eight(const GemvForm *f)
{
	(void)f;
	return 0;
}

RT_INLINED int32_t gemv_by_sixteen(const GemvForm *f)
{
	(void)f;
	return 0;
}
#endif

/* The dot products of x and count rows from m on, rs apart. */
RT_APART void gemv_dots(const float *m, ptrdiff_t rs, int32_t count,
	const float *x, int32_t k, float out[4])
{
	rt_lanes z = rt_lanes_at(m, rs, count);
	rt_four t = rt_four_of(0);

#if RT_HELIUM
	for (int32_t i = k / 4; i > 0; i--, x += 4) {
		const rt_pair u = rt_pair_load(x), v = rt_pair_load(x + 2);
		t = rt_four_add(t, u.a, rt_lanes_ahead(&z, 0));
		t = rt_four_add(t, u.b, rt_lanes_ahead(&z, 1));
		t = rt_four_add(t, v.a, rt_lanes_ahead(&z, 2));
		t = rt_four_add(t, v.b, rt_lanes_ahead(&z, 3));
		rt_lanes_move(&z, 4);
	}
	k %= 4;
#elif RT_BY_TWO
	for (int32_t i = k / 2; i > 0; i--) {
		const rt_pair u = rt_pair_next(&x);
		rt_four z0, z1;
		rt_lanes_two(&z, &z0, &z1);
		t = rt_four_add(t, u.a, z0);
		t = rt_four_add(t, u.b, z1);
	}
	k %= 2;
#endif
	RT_UNROLL4
	for (; k > 0; k--) {
		t = rt_four_add(t, *x++, rt_lanes_load(&z));
		rt_lanes_next(&z);
		RT_KEEP(x);
	}
	rt_four_store(out, t);
}

/* The sums of 16 rows, four of them, and one. */
RT_APART void gemv_sixteen(const GemvForm *f, int32_t i, float out[16])
{
	const float *m = f->m + i, *x = f->x;
	rt_tile4 t = rt_tile4_zero();

	RT_UNROLL2
	for (int32_t k = f->k; k > 0; k--, m += f->cs, x += f->xs) {
		const float z = *x;
		t.r0 = rt_four_add(t.r0, z, rt_four_load(m));
		t.r1 = rt_four_add(t.r1, z, rt_four_load(m + 4));
		t.r2 = rt_four_add(t.r2, z, rt_four_load(m + 8));
		t.r3 = rt_four_add(t.r3, z, rt_four_load(m + 12));
	}
	rt_tile4_store(out, 4, &t);
}

RT_APART void gemv_four(const GemvForm *f, int32_t i, float out[4])
{
	const float *m = f->m + i, *x = f->x;
	rt_four t = rt_four_of(0);

	for (int32_t k = f->k; k > 0; k--, m += f->cs, x += f->xs)
		t = rt_four_add(t, *x, rt_four_load(m));
	rt_four_store(out, t);
}

RT_APART void gemv_one(const GemvForm *f, int32_t i, float *out)
{
	const float *m = f->m + i, *x = f->x;
	float t = 0;

	for (int32_t k = f->k; k > 0; k--, m += f->cs, x += f->xs)
		t = RT_FMA(*x, *m, t);
	*out = t;
}

static void gemv_by_columns(const GemvForm *f)
{
	int32_t count;

	for (int32_t i = gemv_by_sixteen(f); i < f->n; i += count) {
		float t[16];
		count = !RT_HELIUM && f->n - i >= 16 ? 16 : f->n - i >= 4 ? 4 : 1;
		if (count == 16)
			gemv_sixteen(f, i, t);
		else if (count == 4)
			gemv_four(f, i, t);
		else
			gemv_one(f, i, t);
		for (int32_t r = 0; r < count; r++)
			f->y[i + r] = rt_blend(f->alpha, t[r], f->beta,
				f->y + i + r);
	}
}

/* y = z * m, or y = alpha * (z * m) + y, of four columns. */
RT_INLINED float *gemv_outer_four(int add, float alpha, rt_four m, float z,
	float *y)
{
	rt_four t = rt_four_mul(z, m);

	if (add)
		t = rt_four_sum(rt_four_mul(alpha, t), rt_four_load(y));
	rt_four_store(y, t);
	return y + 4;
}

/* The rows i .. i + 3, as far as there are four columns. */
RT_INLINED void gemv_outer_rows(const rt_prod *g, int add, int32_t i)
{
	const float *z = g->a.p + i * g->a.rs, *x = g->b.p;
	const float z0 = z[0], z1 = z[g->a.rs];
	const float z2 = z[2 * g->a.rs], z3 = z[3 * g->a.rs];
	const float alpha = g->alpha;
	float *y0 = g->y + i * g->yrs, *y1 = y0 + g->yrs;
	float *y2 = y1 + g->yrs, *y3 = y2 + g->yrs;

	int32_t left = g->n / 4;

#if RT_HELIUM
	for (int32_t j = left / 2; j > 0; j--, x += 8) {
		const rt_four m = rt_four_load(x), n = rt_four_load(x + 4);
		y0 = gemv_outer_four(add, alpha, m, z0, y0);
		y0 = gemv_outer_four(add, alpha, n, z0, y0);
		y1 = gemv_outer_four(add, alpha, m, z1, y1);
		y1 = gemv_outer_four(add, alpha, n, z1, y1);
		y2 = gemv_outer_four(add, alpha, m, z2, y2);
		y2 = gemv_outer_four(add, alpha, n, z2, y2);
		y3 = gemv_outer_four(add, alpha, m, z3, y3);
		y3 = gemv_outer_four(add, alpha, n, z3, y3);
	}
	left %= 2;
#endif
	RT_UNROLL2
	for (; left > 0; left--, x += 4) {
		const rt_four m = rt_four_load(x);
		y0 = gemv_outer_four(add, alpha, m, z0, y0);
		y1 = gemv_outer_four(add, alpha, m, z1, y1);
		y2 = gemv_outer_four(add, alpha, m, z2, y2);
		y3 = gemv_outer_four(add, alpha, m, z3, y3);
	}
}

RT_APART void gemv_outer_put(const rt_prod *g, int32_t i)
{
	gemv_outer_rows(g, 0, i);
}

RT_APART void gemv_outer_add(const rt_prod *g, int32_t i)
{
	gemv_outer_rows(g, 1, i);
}

/* Columns from j on of row i. */
RT_APART void gemv_outer_row(const rt_prod *g, int32_t i, int32_t j)
{
	const float z = g->a.p[i * g->a.rs];
	float *y = g->y + i * g->yrs;

	for (; j < g->n; j++)
		y[j] = rt_blend(g->alpha, g->b.p[j] * z, g->beta, y + j);
}

static void gemv_outer(const rt_prod *g)
{
	const int put = g->alpha == 1 && g->beta == 0, add = g->beta == 1;
	const int32_t whole = put || add ? g->m / 4 * 4 : 0;

	for (int32_t i = 0; i < whole; i += 4)
		(put ? gemv_outer_put : gemv_outer_add)(g, i);
	for (int32_t i = g->n % 4 ? 0 : whole; i < g->m; i++)
		gemv_outer_row(g, i, i < whole ? g->n / 4 * 4 : 0);
}
#endif

static void gemv_by_rows(const GemvForm *f)
{
#if RT_VL
	int32_t i = 0;
#else
	int32_t i = gemv_by_eight(f);
#endif

	for (; i < f->n; i += 4) {
		const int32_t rows = f->n - i < 4 ? f->n - i : 4;
		float t[4];
		gemv_dots(f->m + i * f->rs, f->rs, rows, f->x, f->k, t);
		for (int32_t r = 0; r < rows; r++) {
			float *y = f->y + (i + r) * f->ys;
			*y = rt_blend(f->alpha, t[r], f->beta, y);
		}
	}
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

#endif
