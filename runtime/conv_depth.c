/* SPDX-License-Identifier: 0BSD */
/* Depthwise convolution: picks the way to compute it. */
#include "runtime/rt.h"

RT_API void rt_depth_forward(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y)
{
#if RT_VL
	if (rt_depth_forward_tile(d, x, w, bias, y))
		return;
#endif
	rt_depth_forward_plain(d, x, w, bias, y);
}

RT_API void rt_depth_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
#if RT_VL
	if (rt_depth_grad_input_tile(d, dy, w, dx))
		return;
#endif
	rt_depth_grad_input_plain(d, dy, w, dx);
}

RT_API void rt_depth_grad_weight(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
#if RT_VL
	if (rt_depth_grad_weight_tile(d, alpha, x, dy, rt_beta_apart(beta),
			dw))
		return;
#endif
	rt_depth_grad_weight_plain(d, alpha, x, dy, beta, dw);
}
