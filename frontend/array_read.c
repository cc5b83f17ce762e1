/* Files of one array, whatever their format. */
#include "frontend/array.h"
#include "frontend/files.h"
#include "frontend/onnx_model.h"

bool array_read(Unit *u, const char *path, Array *a)
{
	OnnxTensor t;
	if (!path_has_suffix(path, ".pb"))
		return npy_read(u, path, a);
	if (!onnx_read_tensor(u, path, &t))
		return false;
	*a = (Array){t.dtype, t.shape, (void *)(uintptr_t)t.data};
	return true;
}
