/* SPDX-License-Identifier: 0BSD */
/*
 * The register tile under matrix product and convolution.  A step multiplies
 * RT_MR broadcast values by three vectors.  Both are found through a table of
 * offsets, so one loop serves matrices in place, packed panels, and the taps
 * of a convolution over padded planes.  The sums are named scalars of vector
 * type, not arrays: they stay in registers at every optimisation level.
 */
#include "runtime/rt.h"

#if RT_VL

#define TILE_2(x) x(0) x(1)
#define TILE_4(x) TILE_2(x) x(2) x(3)
#define TILE_8(x) TILE_4(x) x(4) x(5) x(6) x(7)

#define TILE_ROW(i) const float *const a##i = t->a[i];

#define TILE_B1 const float *const b0 = t->b[0];
#define TILE_B2 TILE_B1 const float *const b1 = t->b[1];
#define TILE_B3 TILE_B2 const float *const b2 = t->b[2];

#define TILE_LOAD1 const rt_vec x0 = RT_LOAD(b0 + b);
#define TILE_LOAD2 TILE_LOAD1 const rt_vec x1 = RT_LOAD(b1 + b);
#define TILE_LOAD3 TILE_LOAD2 const rt_vec x2 = RT_LOAD(b2 + b);

#define TILE_SUM1(i) rt_vec s##i##0 = { 0 };
#define TILE_SUM2(i) TILE_SUM1(i) rt_vec s##i##1 = { 0 };
#define TILE_SUM3(i) TILE_SUM2(i) rt_vec s##i##2 = { 0 };

#define TILE_MUL1(i) { const float z = a##i[a]; s##i##0 += z * x0; }
#define TILE_MUL2(i) { const float z = a##i[a]; \
	s##i##0 += z * x0; s##i##1 += z * x1; }
#define TILE_MUL3(i) { const float z = a##i[a]; \
	s##i##0 += z * x0; s##i##1 += z * x1; s##i##2 += z * x2; }

#define TILE_SCALE1(i) s##i##0 *= alpha;
#define TILE_SCALE2(i) TILE_SCALE1(i) s##i##1 *= alpha;
#define TILE_SCALE3(i) TILE_SCALE2(i) s##i##2 *= alpha;

#define TILE_ADD1(i) s##i##0 += beta * RT_LOAD(t->y[0] + i * ldy);
#define TILE_ADD2(i) TILE_ADD1(i) s##i##1 += beta * RT_LOAD(t->y[1] + i * ldy);
#define TILE_ADD3(i) TILE_ADD2(i) s##i##2 += beta * RT_LOAD(t->y[2] + i * ldy);

#define TILE_OUT1(i) RT_STORE(t->y[0] + i * ldy, s##i##0);
#define TILE_OUT2(i) TILE_OUT1(i) RT_STORE(t->y[1] + i * ldy, s##i##1);
#define TILE_OUT3(i) TILE_OUT2(i) RT_STORE(t->y[2] + i * ldy, s##i##2);

#define TILE_KERNEL(rows, vecs) \
static void tile_##rows##x##vecs(const rt_tile *t) \
{ \
	const ptrdiff_t ldy = t->ldy; \
	const float alpha = t->alpha, beta = t->beta; \
	const rt_step *off = t->off, *const end = off + t->k; \
	TILE_##rows(TILE_ROW) \
	TILE_B##vecs \
	TILE_##rows(TILE_SUM##vecs) \
	for (; off < end; off++) { \
		const ptrdiff_t a = off->a, b = off->b; \
		TILE_LOAD##vecs \
		TILE_##rows(TILE_MUL##vecs) \
	} \
	if (alpha != 1) { \
		TILE_##rows(TILE_SCALE##vecs) \
	} \
	if (beta != 0) { \
		TILE_##rows(TILE_ADD##vecs) \
	} \
	TILE_##rows(TILE_OUT##vecs) \
}

TILE_KERNEL(2, 1)
TILE_KERNEL(2, 2)
TILE_KERNEL(2, 3)
TILE_KERNEL(4, 1)
TILE_KERNEL(4, 2)
TILE_KERNEL(4, 3)
#if RT_MR == 8
TILE_KERNEL(8, 1)
TILE_KERNEL(8, 2)
TILE_KERNEL(8, 3)
#endif

typedef void TileKernel(const rt_tile *);

RT_API void rt_tile_run(const rt_tile *t, int32_t rows, int32_t vecs)
{
	static TileKernel *const kernel[][RT_NV] = {
		{ tile_2x1, tile_2x2, tile_2x3 },
		{ tile_4x1, tile_4x2, tile_4x3 },
#if RT_MR == 8
		{ tile_8x1, tile_8x2, tile_8x3 },
#endif
	};
	rt_tile twice;

	if (rows == 1) {	/* runs as two rows that are the same */
		twice = *t;
		twice.a[1] = twice.a[0];
		twice.ldy = 0;
		t = &twice;
	}
	kernel[rows / 4][vecs - 1](t);
}

RT_API int32_t rt_tile_rows(int32_t count)
{
	if (count >= RT_MR)
		return RT_MR;
	return count >= 4 ? 4 : count >= 2 ? 2 : 1;
}

RT_API int32_t rt_tile_vecs(int32_t count)
{
	return count == 4 || count == 2 ? 2 : count < 3 ? 1 : 3;
}

RT_API void rt_tile_transpose4(float *dst, ptrdiff_t ld,
	const float *const s[4])
{
	const rt_vec4 a = RT_LOAD4(s[0]);
	const rt_vec4 b = RT_LOAD4(s[1]);
	const rt_vec4 c = RT_LOAD4(s[2]);
	const rt_vec4 d = RT_LOAD4(s[3]);
	const rt_vec4 e = RT_SHUFFLE4(a, b, 0, 4, 1, 5);
	const rt_vec4 f = RT_SHUFFLE4(c, d, 0, 4, 1, 5);
	const rt_vec4 g = RT_SHUFFLE4(a, b, 2, 6, 3, 7);
	const rt_vec4 h = RT_SHUFFLE4(c, d, 2, 6, 3, 7);

	RT_STORE4(dst, RT_SHUFFLE4(e, f, 0, 1, 4, 5));
	RT_STORE4(dst + ld, RT_SHUFFLE4(e, f, 2, 3, 6, 7));
	RT_STORE4(dst + 2 * ld, RT_SHUFFLE4(g, h, 0, 1, 4, 5));
	RT_STORE4(dst + 3 * ld, RT_SHUFFLE4(g, h, 2, 3, 6, 7));
}

RT_API void rt_tile_transpose(float *dst, ptrdiff_t ld, const float *src,
	ptrdiff_t step, int32_t k, int32_t count)
{
	for (int32_t j = 0; j < RT_VL; j += 4) {
		const float *s[4];
		int32_t p = 0;
		for (int32_t i = 0; i < 4; i++)
			s[i] = src + (j + i < count ? j + i : count - 1) * step;
		for (; p + 4 <= k; p += 4) {
			rt_tile_transpose4(dst + p * ld + j, ld, s);
			s[0] += 4, s[1] += 4, s[2] += 4, s[3] += 4;
		}
		for (; p < k; p++)
			for (int32_t i = 0; i < 4; i++)
				dst[p * ld + j + i] = *s[i]++;
	}
}

#endif
