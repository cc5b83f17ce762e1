/* Tensor data in a file beside the model. */
#ifndef FRONTEND_ONNX_EXTERNAL_H
#define FRONTEND_ONNX_EXTERNAL_H

#include "ir/table.h"
#include "ir/unit.h"

#include <stdint.h>

typedef struct External {
	Unit *unit;
	const char *dir;   /* of the model: the files are in it */
	Table *read;       /* how many bytes of each file were */
} External;

External external_open(Unit *, const char *dir);

/*
 * Reads `size` bytes at `offset` of the file `location` into the arena, which
 * grows only once the file is known to have them: tensors may share bytes, but
 * all that is read of a file is at most 16 times its size. The location must be
 * a relative path without "..", and no link in it may lead out of the folder.
 * NULL with *why set after a failure.
 */
const void *external_read(External *, const char *location, int64_t offset,
                          int64_t size, const char **why);

#endif
