/* SPDX-License-Identifier: 0BSD */
/*
 * Convolution and its gradients: picks the way to compute them.  1x1 at
 * stride 1 is a matrix product per image and group.  Depthwise is apart, so
 * that a program that has none does not carry it.
 */
#include "runtime/rt.h"
#include "runtime/workspace.h"

RT_API void rt_conv_forward(const rt_conv *d, const float *x, const float *w,
	const float *bias, float *y, float *ws)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t size = d->h * d->w;

	if (rt_conv_kind(d) == RT_CONV_POINTWISE) {
		for (int32_t i = 0; i < d->n * d->groups; i++) {
			const int32_t o = i % d->groups * og;
			float *to = y + (ptrdiff_t)i * og * size;
			if (bias)
				rt_conv_bias(bias + o, og, size, to);
			rt_gemm(0, 0, og, size, cg, 1,
				w + (ptrdiff_t)o * cg, cg,
				x + (ptrdiff_t)i * cg * size, size,
				bias ? 1.0f : 0.0f, to, size, ws);
		}
		return;
	}
#if RT_VL
	if (ws && rt_conv_forward_workspace(d) > 0) {
		rt_conv_forward_tile(d, x, w, bias, y, ws);
		return;
	}
#endif
	rt_conv_forward_plain(d, x, w, bias, y);
}

RT_API void rt_conv_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx, float *ws)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t size = d->h * d->w;

	if (rt_conv_kind(d) == RT_CONV_POINTWISE) {
		for (int32_t i = 0; i < d->n * d->groups; i++)
			rt_gemm(1, 0, cg, size, og, 1,
				w + (ptrdiff_t)(i % d->groups) * og * cg, cg,
				dy + (ptrdiff_t)i * og * size, size, 0,
				dx + (ptrdiff_t)i * cg * size, size, ws);
		return;
	}
#if RT_VL
	if (ws && rt_conv_grad_input_tile(d, dy, w, dx, ws))
		return;
#endif
	rt_conv_grad_input_plain(d, dy, w, dx);
}

RT_API void rt_conv_grad_weight(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw, float *ws)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t size = d->h * d->w;

	if (rt_conv_kind(d) == RT_CONV_POINTWISE) {
		for (int32_t i = 0; i < d->n * d->groups; i++)
			rt_gemm(0, 1, og, cg, size, alpha,
				dy + ((ptrdiff_t)(i / d->groups)
					* rt_conv_dyc(d)
					+ i % d->groups * og) * size, size,
				x + (ptrdiff_t)i * cg * size, size,
				i < d->groups ? rt_beta_apart(beta) : 1.0f,
				dw + (ptrdiff_t)(i % d->groups) * og * cg, cg,
				ws);
		return;
	}
#if RT_VL
	if (ws && rt_conv_grad_weight_tile(d, alpha, x, dy,
			rt_beta_apart(beta), dw, ws))
		return;
#endif
	rt_conv_grad_weight_plain(d, alpha, x, dy, beta, dw);
}
