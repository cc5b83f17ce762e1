/* SPDX-License-Identifier: 0BSD */
/* Convolution and its gradients: picks the way to compute them. */
#include "runtime/rt.h"

RT_API void rt_conv_forward(const rt_conv *d, const float *x, const float *w,
	const float *bias, float *y, float *ws)
{
	(void)ws;
	rt_conv_forward_plain(d, x, w, bias, y);
}

RT_API void rt_conv_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx, float *ws)
{
	(void)ws;
	rt_conv_grad_input_plain(d, dy, w, dx);
}

RT_API void rt_conv_grad_weight(const rt_conv *d, const float *x,
	const float *dy, float *dw, float *ws)
{
	(void)ws;
	rt_conv_grad_weight_plain(d, x, dy, dw);
}
