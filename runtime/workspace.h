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
#define RT_KC 192		/* steps of a block of k */

/* Columns of a packed panel: whole vectors of 16, at most 3. */
static inline int64_t rt_panel_columns(int64_t n)
{
	return n > 32 ? 48 : n > 16 ? 32 : 16;
}

/* One panel of a block of b, or of a where the product is turned. */
static inline int64_t rt_gemm_workspace(int32_t m, int32_t n, int32_t k)
{
	const int64_t kc = k < RT_KC ? k : RT_KC;

	return kc * rt_panel_columns(m > n ? m : n) * (int64_t)sizeof(float);
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
