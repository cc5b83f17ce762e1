/* SPDX-License-Identifier: 0BSD */
/*
 * A 4x4 tile of sums in sixteen scalars, for machines without vector
 * registers: a step loads 8 values for 16 products.  Named scalars stay in
 * registers at every optimisation level, arrays may not.
 */
#ifndef RT_TILE4_H
#define RT_TILE4_H

#define RT_TILE4_SUMS \
	float t00 = 0, t01 = 0, t02 = 0, t03 = 0; \
	float t10 = 0, t11 = 0, t12 = 0, t13 = 0; \
	float t20 = 0, t21 = 0, t22 = 0, t23 = 0; \
	float t30 = 0, t31 = 0, t32 = 0, t33 = 0;

#define RT_TILE4_STEP(a0, a1, a2, a3, b0, b1, b2, b3) do { \
	const float x0 = a0, x1 = a1, x2 = a2, x3 = a3; \
	const float z0 = b0, z1 = b1, z2 = b2, z3 = b3; \
	t00 += x0 * z0; t01 += x0 * z1; t02 += x0 * z2; t03 += x0 * z3; \
	t10 += x1 * z0; t11 += x1 * z1; t12 += x1 * z2; t13 += x1 * z3; \
	t20 += x2 * z0; t21 += x2 * z1; t22 += x2 * z2; t23 += x2 * z3; \
	t30 += x3 * z0; t31 += x3 * z1; t32 += x3 * z2; t33 += x3 * z3; \
} while (0)

#define RT_TILE4_OUT(t) do { \
	t[0] = t00; t[1] = t01; t[2] = t02; t[3] = t03; \
	t[4] = t10; t[5] = t11; t[6] = t12; t[7] = t13; \
	t[8] = t20; t[9] = t21; t[10] = t22; t[11] = t23; \
	t[12] = t30; t[13] = t31; t[14] = t32; t[15] = t33; \
} while (0)

#endif
