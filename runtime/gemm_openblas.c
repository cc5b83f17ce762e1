/* SPDX-License-Identifier: 0BSD */
/* Matrix product through OpenBLAS; the one file that needs its header. */
#include "runtime/rt.h"

#include <cblas.h>

RT_API void rt_gemm_blas(int ta, int tb, int32_t m, int32_t n, int32_t k,
	float alpha, const float *a, int32_t lda, const float *b, int32_t ldb,
	float beta, float *y, int32_t ldy, float *ws)
{
	(void)ws;
	cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans,
		tb ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, lda, b, ldb,
		rt_gemm_goes_on(beta) ? 1.0f : beta, y, ldy);
}
