/*
 * The protobuf side of the reader. Only onnx_scan.c, onnx_file.c,
 * onnx_tensor.c and onnx_decode.c include this header, and through it the
 * generated onnx.pb-c.h.
 */
#ifndef FRONTEND_ONNX_PROTO_H
#define FRONTEND_ONNX_PROTO_H

#include "frontend/onnx_external.h"
#include "frontend/onnx_model.h"
#include "frontend/weights.h"

#include "onnx.pb-c.h"

/*
 * Walks the bytes by the schema, without allocating, and refuses what
 * protobuf-c cannot take: deep nesting (it recurses), a singular message given
 * twice (it merges, in quadratic time), and more memory than `budget`. Returns
 * NULL, or why the file is refused.
 */
const char *onnx_scan(const ProtobufCMessageDescriptor *, const uint8_t *bytes,
                      size_t size, uint64_t budget);

/* A file in memory, read-only. */
typedef struct OnnxBytes {
	const uint8_t *data;
	size_t size;
} OnnxBytes;

bool onnx_map(Unit *, const char *path, OnnxBytes *);
void onnx_unmap(OnnxBytes);

/* The dictionary form of a message, scanned first; NULL after an error. It
 * points into nothing of the file's. */
ProtobufCMessage *onnx_unpack(Unit *, const char *path,
                              const ProtobufCMessageDescriptor *, OnnxBytes);
void onnx_unpacked_free(ProtobufCMessage *);

/* Writes the file with these weights, and then with what `make` changes of it:
 * fields of the model and of its graph, whose lists it copies. */
typedef struct OnnxChange {
	bool (*make)(Unit *, Onnx__ModelProto *, void *user);
	void *user;
} OnnxChange;

bool onnx_write_changed(Unit *, const char *out, const Weights *,
                        const OnnxChange *);

/* An input or output; the name is not copied. */
Onnx__ValueInfoProto *onnx_port(Unit *, const char *name, DType, Shape);

/* Decodes a tensor from whichever field holds it. False after an error. */
bool onnx_tensor(Unit *, Loc, const Onnx__TensorProto *, External *,
                 OnnxTensor *out);

#endif
