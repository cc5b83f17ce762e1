/*
 * TensorProto: nine element types in eight fields, or in raw bytes, or in
 * another file. Whatever the form, the result is the elements in row-major
 * order in the arena, aligned, in this machine's byte order.
 */
#include "frontend/onnx_proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "raw_data is little-endian and copied as it is");

typedef struct Source {
	Unit *u;
	Loc loc;
	const Onnx__TensorProto *t;
	const char *name;   /* for messages */
	External *files;
	DType dtype;
	int64_t count, bytes;
} Source;

static const char *onnx_type_name(int32_t type)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
		&onnx__tensor_proto__data_type__descriptor, type);
	return v ? v->name : "unknown";
}

static bool read_shape(Source *s, Shape *shape)
{
	const Onnx__TensorProto *t = s->t;
	if (t->n_dims > MAX_RANK) {
		error_at(s->u, s->loc, "tensor '%s' has %zu dimensions, at most "
		         "%d are supported", s->name, t->n_dims, MAX_RANK);
		return false;
	}
	shape->rank = (int)t->n_dims;
	for (int i = 0; i < shape->rank; i++)
		shape->dim[i] = t->dims[i];
	if (!shape_valid(*shape)) {
		error_at(s->u, s->loc, "tensor '%s' has the impossible shape %s",
		         s->name, shape_text(s->u->arena, *shape));
		return false;
	}
	return true;
}

/* ---- raw bytes ---- */

static void normalise_bool(uint8_t *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = x[i] != 0;
}

static const void *from_raw(Source *s)
{
	const ProtobufCBinaryData *raw = &s->t->raw_data;
	if ((uint64_t)s->bytes != raw->len) {
		error_at(s->u, s->loc, "tensor '%s' has %zu bytes of data, its "
		         "shape and type need %lld", s->name, raw->len,
		         (long long)s->bytes);
		return NULL;
	}
	void *data = arena_alloc(s->u->arena, raw->len + 1);
	if (raw->len)
		memcpy(data, raw->data, raw->len);
	return data;
}

/* ---- another file ---- */

static const char *external_entry(const Source *s, const char *key)
{
	for (size_t i = 0; i < s->t->n_external_data; i++) {
		const Onnx__StringStringEntryProto *e = s->t->external_data[i];
		if (e->key && !strcmp(e->key, key))
			return e->value;
	}
	return NULL;
}

/* False if the entry is there and not a plain number. */
static bool external_number(const Source *s, const char *key, int64_t *out)
{
	const char *text = external_entry(s, key);
	char *end;
	if (!text)
		return true;
	errno = 0;
	long long x = strtoll(text, &end, 10);
	*out = x;
	return *text && !*end && !errno && x >= 0;
}

static const void *from_file(Source *s)
{
	const char *location = external_entry(s, "location"), *why = NULL;
	int64_t offset = 0, length = s->bytes;
	const void *data = NULL;
	if (!external_number(s, "offset", &offset) ||
	    !external_number(s, "length", &length))
		why = "has an offset or length that is not a number";
	else if (length != s->bytes)
		why = arena_printf(s->u->arena, "gives %lld bytes, its shape and "
		                   "type need %lld", (long long)length,
		                   (long long)s->bytes);
	else
		data = external_read(s->files, location ? location : "",
		                     offset, s->bytes, &why);
	if (!data)
		error_at(s->u, s->loc, "tensor '%s': external data '%s': %s",
		         s->name, location ? location : "", why);
	return data;
}

/* ---- typed fields ---- */

static const void *wrong_count(Source *s, size_t have)
{
	error_at(s->u, s->loc, "tensor '%s' has %zu elements of data, its shape "
	         "needs %lld", s->name, have, (long long)s->count);
	return NULL;
}

static const void *copy_field(Source *s, const void *field, size_t have)
{
	if (have != (uint64_t)s->count)
		return wrong_count(s, have);
	void *data = arena_alloc(s->u->arena, (size_t)s->bytes + 1);
	if (s->bytes)
		memcpy(data, field, (size_t)s->bytes);
	return data;
}

/* int32_data holds every type of up to 32 bits; f16 and bf16 as their bits. */
static const void *from_int32(Source *s)
{
	size_t n = s->t->n_int32_data;
	if (n != (uint64_t)s->count)
		return wrong_count(s, n);
	DType as = dtype_is_float(s->dtype) ? DT_U16 : s->dtype;
	void *data = arena_alloc(s->u->arena, (size_t)s->bytes + 1);
	for (size_t i = 0; i < n; i++)
		dtype_put(as, data, (int64_t)i,
		          (Scalar){.i = s->t->int32_data[i]});
	return data;
}

static const void *from_uint64(Source *s)
{
	size_t n = s->t->n_uint64_data;
	if (n != (uint64_t)s->count)
		return wrong_count(s, n);
	void *data = arena_alloc(s->u->arena, (size_t)s->bytes + 1);
	for (size_t i = 0; i < n; i++)
		dtype_put(s->dtype, data, (int64_t)i,
		          (Scalar){.i = (int64_t)s->t->uint64_data[i]});
	return data;
}

/* Strings are names of classes: one stands for its place among them. */
static const void *from_strings(Source *s)
{
	size_t n = s->t->n_string_data;
	if (n != (uint64_t)s->count)
		return wrong_count(s, n);
	int64_t *place = arena_array(s->u->arena, int64_t, s->count + 1);
	for (int64_t i = 0; i < s->count; i++)
		place[i] = i;
	warn_at(s->u, s->loc, "tensor '%s' has strings: each stands for its "
	        "place among them, from 0 on", s->name);
	return place;
}

static const void *from_fields(Source *s)
{
	const Onnx__TensorProto *t = s->t;
	switch (s->dtype) {
	case DT_F32:
		return copy_field(s, t->float_data, t->n_float_data);
	case DT_F64:
		return copy_field(s, t->double_data, t->n_double_data);
	case DT_I64:
		return copy_field(s, t->int64_data, t->n_int64_data);
	case DT_U32:
	case DT_U64:
		return from_uint64(s);
	default:
		return from_int32(s);
	}
}

static bool has_strings(const Onnx__TensorProto *t)
{
	return t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
}

static const void *read_data(Source *s)
{
	if (has_strings(s->t))
		return from_strings(s);
	if (s->t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
		return from_file(s);
	if (s->t->has_raw_data && (s->t->raw_data.len || !s->count))
		return from_raw(s);
	return from_fields(s);
}

bool onnx_tensor(Unit *u, Loc loc, const Onnx__TensorProto *t, External *files,
                 OnnxTensor *out)
{
	Source s = {.u = u, .loc = loc, .t = t, .files = files};
	s.name = t->name ? t->name : "";
	*out = (OnnxTensor){.name = arena_strndup(u->arena, s.name,
	                                          strlen(s.name))};
	if (has_strings(t)) {
		s.dtype = DT_I64;
	} else if (!dtype_from_onnx(t->data_type, &s.dtype)) {
		error_at(u, loc, "tensor '%s' has the element type %s, which is "
		         "not supported", s.name, onnx_type_name(t->data_type));
		return false;
	}
	if (t->segment) {
		error_at(u, loc, "tensor '%s' is stored in segments, which is not "
		         "supported", s.name);
		return false;
	}
	if (!read_shape(&s, &out->shape))
		return false;
	s.count = numel(out->shape);
	s.bytes = s.count * dtype_size(s.dtype);
	out->dtype = s.dtype;
	out->data = read_data(&s);
	if (out->data && s.dtype == DT_BOOL)
		normalise_bool((uint8_t *)(uintptr_t)out->data, s.count);
	return out->data != NULL;
}

bool onnx_read_tensor(Unit *u, const char *path, OnnxTensor *out)
{
	OnnxBytes b;
	if (!onnx_map(u, path, &b))
		return false;
	ProtobufCMessage *m = onnx_unpack(u, path,
	                                  &onnx__tensor_proto__descriptor, b);
	External files = external_open(u, ".");
	bool ok = m && onnx_tensor(u, (Loc){.node = path},
	                           (Onnx__TensorProto *)m, &files, out);
	if (m)
		onnx_unpacked_free(m);
	onnx_unmap(b);
	return ok;
}
