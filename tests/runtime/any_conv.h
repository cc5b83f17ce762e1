/*
 * What the compiler does for a program: the functions for depthwise
 * convolutions or those for the others, by the shape.
 */
#ifndef ANY_CONV_H
#define ANY_CONV_H

#include "runtime/rt.h"
#include "runtime/workspace.h"

static inline void any_conv_forward(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y, float *ws)
{
	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		rt_depth_forward(d, x, w, bias, y);
	else
		rt_conv_forward(d, x, w, bias, y, ws);
}

static inline void any_conv_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx, float *ws)
{
	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		rt_depth_grad_input(d, dy, w, dx);
	else
		rt_conv_grad_input(d, dy, w, dx, ws);
}

static inline void any_conv_grad_weight(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw, float *ws)
{
	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		rt_depth_grad_weight(d, alpha, x, dy, beta, dw);
	else
		rt_conv_grad_weight(d, alpha, x, dy, beta, dw, ws);
}

#endif
