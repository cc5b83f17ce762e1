/* Reading a report's own figures back, to draw them or to set them as text. */
#ifndef FRONTEND_REPORT_READ_H
#define FRONTEND_REPORT_READ_H

#include "ir/arena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A member of an object: 0 and "" if it is not there. */
int64_t json_count(const json_t *, const char *key);
const char *json_text(const json_t *, const char *key);

/* "Relu", or of what is fused or in a loop all of it: "Sub+Mul+Relu". */
const char *step_label(Arena *, const json_t *step);
bool step_is_view(const json_t *step);
bool step_repeats(const json_t *step);   /* computes something again */
/* The buffer's name; of what the compiler made up, operator and ONNX node. */
const char *buffer_label(Arena *, const json_t *buffer);

#endif
