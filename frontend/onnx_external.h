/* Tensor data in a file beside the model. */
#ifndef FRONTEND_ONNX_EXTERNAL_H
#define FRONTEND_ONNX_EXTERNAL_H

#include "ir/unit.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads `size` bytes at `offset` of the file `location` in the folder `dir`
 * into the arena, which grows only once the file is known to have them. The
 * location must be a relative path without "..", and no link in it may lead out
 * of the folder. NULL with *why set after a failure.
 */
const void *external_read(Unit *, const char *dir, const char *location,
                          int64_t offset, int64_t size, const char **why);

#endif
