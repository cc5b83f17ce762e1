/*
 * The scan that stands before protobuf-c, which has no limits of its own: a
 * walk over the wire format by the generated descriptors. What passes needs at
 * most `budget` bytes and MAX_DEPTH stack frames to unpack.
 */
#include "frontend/onnx_proto.h"

enum { MAX_DEPTH = 64, MAX_FIELDS = 64 };

typedef struct Scan {
	uint64_t used, budget;
	const char *why;
} Scan;

typedef struct Cursor {
	const uint8_t *p, *end;
} Cursor;

static bool refuse(Scan *s, const char *why)
{
	s->why = why;
	return false;
}

static bool spend(Scan *s, uint64_t bytes)
{
	s->used += bytes;
	return s->used <= s->budget ||
	       refuse(s, "it needs too much memory for its size");
}

static bool varint(Scan *s, Cursor *c, uint64_t *x)
{
	*x = 0;
	for (int shift = 0; shift < 70 && c->p < c->end; shift += 7) {
		uint8_t b = *c->p++;
		*x |= (uint64_t)(b & 127) << (shift < 63 ? shift : 63);
		if (!(b & 128))
			return true;
	}
	return refuse(s, c->p < c->end ? "a number is too long"
	                               : "it ends inside a number");
}

static bool skip(Scan *s, Cursor *c, uint64_t bytes)
{
	if (bytes > (uint64_t)(c->end - c->p))
		return refuse(s, "it ends too early");
	c->p += bytes;
	return true;
}

/* Bytes that the elements of a packed field need once unpacked. */
static uint64_t packed_cost(const ProtobufCFieldDescriptor *f, uint64_t bytes)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FIXED64:
		return bytes;
	default:
		return 8 * bytes;
	}
}

static bool scan(Scan *, const ProtobufCMessageDescriptor *, Cursor, int depth);

static bool submessage(Scan *s, const ProtobufCMessageDescriptor *d,
                       const ProtobufCFieldDescriptor *f, uint64_t *seen,
                       Cursor body, int depth)
{
	size_t index = (size_t)(f - d->fields);
	if (index >= MAX_FIELDS)
		return refuse(s, "a message has too many fields");
	if (f->label != PROTOBUF_C_LABEL_REPEATED && *seen >> index & 1)
		return refuse(s, "a message that must be single is given twice");
	*seen |= (uint64_t)1 << index;
	return spend(s, 16) && scan(s, f->descriptor, body, depth + 1);
}

static bool delimited(Scan *s, const ProtobufCMessageDescriptor *d,
                      const ProtobufCFieldDescriptor *f, uint64_t *seen,
                      Cursor *c, int depth)
{
	uint64_t size;
	if (!varint(s, c, &size))
		return false;
	Cursor body = {c->p, c->p};
	if (!skip(s, c, size))
		return false;
	body.end = c->p;
	if (f && f->type == PROTOBUF_C_TYPE_MESSAGE)
		return submessage(s, d, f, seen, body, depth);
	bool packed = f && f->label == PROTOBUF_C_LABEL_REPEATED &&
	              f->type != PROTOBUF_C_TYPE_STRING &&
	              f->type != PROTOBUF_C_TYPE_BYTES;
	return spend(s, 48 + (packed ? packed_cost(f, size) : size));
}

static bool field(Scan *s, const ProtobufCMessageDescriptor *d, uint64_t *seen,
                  Cursor *c, int depth)
{
	uint64_t key, x;
	if (!varint(s, c, &key))
		return false;
	uint64_t number = key >> 3;
	if (!number || number >> 29)
		return refuse(s, "a field has no valid number");
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field(d, (unsigned)number);
	/* Unknown fields are kept, each in a block of its own. */
	if (!spend(s, f ? 16 : 128))
		return false;
	switch (key & 7) {
	case 0:
		return varint(s, c, &x);
	case 1:
		return skip(s, c, 8);
	case 2:
		return delimited(s, d, f, seen, c, depth);
	case 5:
		return skip(s, c, 4);
	default:
		return refuse(s, "a field has no valid type");
	}
}

static bool scan(Scan *s, const ProtobufCMessageDescriptor *d, Cursor c,
                 int depth)
{
	uint64_t seen = 0;
	if (depth > MAX_DEPTH)
		return refuse(s, "messages are nested too deeply");
	if (!spend(s, d->sizeof_message + 32))
		return false;
	while (c.p < c.end)
		if (!field(s, d, &seen, &c, depth))
			return false;
	return true;
}

const char *onnx_scan(const ProtobufCMessageDescriptor *d, const uint8_t *bytes,
                      size_t size, uint64_t budget)
{
	Scan s = {.budget = budget};
	return scan(&s, d, (Cursor){bytes, bytes + size}, 0) ? NULL : s.why;
}
