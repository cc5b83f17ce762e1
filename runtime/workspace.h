/* SPDX-License-Identifier: 0BSD */
/*
 * Workspace of each kernel in bytes: functions of the shapes alone, the same
 * for every target, so that the compiler can place the workspace and the
 * kernel can rely on what was placed.
 */
#ifndef RT_WORKSPACE_H
#define RT_WORKSPACE_H

#include "runtime/rt.h"

#define RT_WS_FLOATS 10240	/* no kernel asks for more */

static inline int64_t rt_gemm_workspace(int32_t m, int32_t n, int32_t k)
{
	(void)m, (void)n, (void)k;
	return (int64_t)RT_WS_FLOATS * (int64_t)sizeof(float);
}

static inline int64_t rt_conv_forward_workspace(const rt_conv *d)
{
	(void)d;
	return (int64_t)RT_WS_FLOATS * (int64_t)sizeof(float);
}

static inline int64_t rt_conv_grad_input_workspace(const rt_conv *d)
{
	(void)d;
	return (int64_t)RT_WS_FLOATS * (int64_t)sizeof(float);
}

static inline int64_t rt_conv_grad_weight_workspace(const rt_conv *d)
{
	(void)d;
	return (int64_t)RT_WS_FLOATS * (int64_t)sizeof(float);
}

#endif
