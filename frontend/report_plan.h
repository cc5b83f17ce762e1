/* One function's Plan in the memory report: its steps and its buffers. */
#ifndef FRONTEND_REPORT_PLAN_H
#define FRONTEND_REPORT_PLAN_H

#include "ir/plan.h"

#include <jansson.h>

/* The function that the report is about: the largest there is to say
 * something about: the training step, or else inference. */
const Plan *report_plan(const Program *);

/* By buffer: the first node that writes it; NULL: the caller does. */
const Node **plan_writers(Arena *, const Plan *);
/* The buffer's name; or, of what the compiler has made up, operator and ONNX node
 * of its writer. */
const char *plan_title(Arena *, const Buffer *, const Node *writer);

/*
 * Each buffer: name, class, bytes, offset, first and last step, and the op and
 * ONNX node that write it first (both empty: the caller does).
 */
json_t *plan_buffers_json(const Plan *);

/*
 * Each step: op, ONNX node, flops, bytes that live in the arena, the buffers
 * that it reads and writes (indexes), the variables that it updates (names),
 * the operators of a fused one, the ONNX nodes that it computes a second time
 * and the flops for that; whether it overwrites an input, and whether it is a
 * view, for which no code is needed.
 *
 * A Scan has besides the number of parts, the buffer that is its workspace, and
 * the steps and buffers for one part, with offsets from the workspace's start;
 * each of those steps the buffers around the Scan that it writes to.
 */
json_t *plan_steps_json(const Plan *);

/* A string for JSON; bytes that are no UTF-8 become question marks. */
json_t *text_json(const char *);

/* The arena over time in letters, twelve lines of it. */
void plan_picture(FILE *, const Plan *);

#endif
