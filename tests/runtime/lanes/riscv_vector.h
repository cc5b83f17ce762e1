/*
 * What runtime/rvv.h calls of RISC-V's vectors, on any machine: VLMAX lanes,
 * where those past the last have what no sum must contain.
 */
#ifndef RISCV_VECTOR_H
#define RISCV_VECTOR_H

#include <stddef.h>

#define VLMAX 4
#define TAIL (-0x1p100f)

typedef float vfloat32m4_t __attribute__((vector_size(VLMAX * sizeof(float))));

static inline size_t __riscv_vsetvlmax_e32m4(void)
{
	return VLMAX;
}

static inline size_t __riscv_vsetvl_e32m4(size_t n)
{
	return n < VLMAX ? n : VLMAX;
}

static inline vfloat32m4_t __riscv_vfmv_v_f_f32m4(float x, size_t n)
{
	const vfloat32m4_t v = { x, n > 1 ? x : TAIL, n > 2 ? x : TAIL,
		n > 3 ? x : TAIL };
	return v;
}

static inline vfloat32m4_t __riscv_vlse32_v_f32m4_tu(vfloat32m4_t v,
	const float *p, ptrdiff_t bytes, size_t n)
{
	const ptrdiff_t step = bytes / (ptrdiff_t)sizeof(float);
	for (size_t i = 0; i < n; i++)
		v[i] = p[(ptrdiff_t)i * step];
	return v;
}

static inline vfloat32m4_t __riscv_vlse32_v_f32m4(const float *p,
	ptrdiff_t bytes, size_t n)
{
	const vfloat32m4_t tail = { TAIL, TAIL, TAIL, TAIL };
	return __riscv_vlse32_v_f32m4_tu(tail, p, bytes, n);
}

static inline vfloat32m4_t __riscv_vle32_v_f32m4(const float *p, size_t n)
{
	return __riscv_vlse32_v_f32m4(p, sizeof(float), n);
}

static inline void __riscv_vsse32_v_f32m4(float *p, ptrdiff_t bytes,
	vfloat32m4_t v, size_t n)
{
	const ptrdiff_t step = bytes / (ptrdiff_t)sizeof(float);
	for (size_t i = 0; i < n; i++)
		p[(ptrdiff_t)i * step] = v[i];
}

static inline void __riscv_vse32_v_f32m4(float *p, vfloat32m4_t v, size_t n)
{
	__riscv_vsse32_v_f32m4(p, sizeof(float), v, n);
}

static inline vfloat32m4_t __riscv_vfmul_vf_f32m4(vfloat32m4_t a, float x,
	size_t n)
{
	(void)n;
	return a * x;
}

static inline vfloat32m4_t __riscv_vfmul_vv_f32m4(vfloat32m4_t a,
	vfloat32m4_t b, size_t n)
{
	(void)n;
	return a * b;
}

static inline vfloat32m4_t __riscv_vfadd_vv_f32m4(vfloat32m4_t a,
	vfloat32m4_t b, size_t n)
{
	(void)n;
	return a + b;
}

static inline vfloat32m4_t __riscv_vfslide1up_vf_f32m4(vfloat32m4_t a, float x,
	size_t n)
{
	(void)n;
	return (vfloat32m4_t){ x, a[0], a[1], a[2] };
}

static inline vfloat32m4_t __riscv_vfslide1down_vf_f32m4(vfloat32m4_t a,
	float x, size_t n)
{
	vfloat32m4_t v = { a[1], a[2], a[3], TAIL };
	v[n - 1] = x;
	return v;
}

#endif
