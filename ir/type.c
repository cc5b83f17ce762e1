#include "ir/type.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *name, *ctype;
	int size;
	DClass class;
	int onnx;
} types[] = {
#define D(id, name, ctype, bytes, class, onnx) \
	[DT_##id] = {name, #ctype, bytes, class, onnx},
#include "ir/dtypes.def"
#undef D
};

const char *dtype_name(DType t) { return types[t].name; }
const char *dtype_ctype(DType t) { return types[t].ctype; }
int dtype_size(DType t) { return types[t].size; }
bool dtype_is_float(DType t) { return types[t].class == DC_FLOAT; }
int dtype_to_onnx(DType t) { return types[t].onnx; }

bool dtype_from_name(const char *name, DType *out)
{
	for (int t = 0; t < NDTYPE; t++)
		if (!strcmp(types[t].name, name)) {
			*out = (DType)t;
			return true;
		}
	return false;
}

bool dtype_from_onnx(int32_t onnx, DType *out)
{
	for (int t = 0; t < NDTYPE; t++)
		if (onnx && types[t].onnx == onnx) {
			*out = (DType)t;
			return true;
		}
	return false;
}

int64_t int64_of(double x)
{
	const double end = 9223372036854775808.0;   /* exact: a power of two */
	if (isnan(x))
		return 0;
	return x >= end ? INT64_MAX : x < -end ? INT64_MIN : (int64_t)x;
}

float f16_to_f32(uint16_t h)
{
	int exponent = h >> 10 & 31, fraction = h & 1023;
	float x;
	if (exponent == 31)
		x = fraction ? NAN : INFINITY;
	else if (exponent)
		x = ldexpf((float)(1024 + fraction), exponent - 25);
	else
		x = ldexpf((float)fraction, -24);
	return h & 0x8000 ? -x : x;
}

/* Round to nearest even, by scaling so that one half-precision ulp is 1. */
uint16_t f32_to_f16(float x)
{
	uint16_t sign = signbit(x) ? 0x8000 : 0;
	float a = fabsf(x);
	if (isnan(x))
		return sign | 0x7e00;
	if (a >= 65520.0f)
		return sign | 0x7c00;
	int e;
	frexpf(a, &e);
	if (a == 0 || e < -13)
		e = -13;
	int fraction = (int)nearbyintf(ldexpf(a, 11 - e));
	return (uint16_t)(sign + (uint16_t)(((e + 13) << 10) + fraction));
}

static float bf16_to_f32(uint16_t b)
{
	uint32_t bits = (uint32_t)b << 16;
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static uint16_t f32_to_bf16(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	if (isnan(x))
		return (uint16_t)(bits >> 16 | 64);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

Scalar dtype_get(DType t, const void *data, int64_t i)
{
	switch (t) {
	case DT_F32:  return (Scalar){.f = (double)((const float *)data)[i]};
	case DT_F64:  return (Scalar){.f = ((const double *)data)[i]};
	case DT_F16:
		return (Scalar){.f = (double)f16_to_f32(((const uint16_t *)data)[i])};
	case DT_BF16:
		return (Scalar){.f = (double)bf16_to_f32(((const uint16_t *)data)[i])};
	case DT_BOOL:
	case DT_U8:   return (Scalar){.i = ((const uint8_t *)data)[i]};
	case DT_BIT:
		return (Scalar){.i = ((const uint8_t *)data)[i / 8] >> i % 8 & 1};
	case DT_I8:   return (Scalar){.i = ((const int8_t *)data)[i]};
	case DT_U16:  return (Scalar){.i = ((const uint16_t *)data)[i]};
	case DT_I16:  return (Scalar){.i = ((const int16_t *)data)[i]};
	case DT_U32:  return (Scalar){.i = ((const uint32_t *)data)[i]};
	case DT_I32:  return (Scalar){.i = ((const int32_t *)data)[i]};
	case DT_U64:
	case DT_I64:
	case NDTYPE:  break;
	}
	return (Scalar){.i = ((const int64_t *)data)[i]};
}

static void put_bit(uint8_t *byte, int i, int64_t x)
{
	*byte = (uint8_t)((*byte & ~(1 << i)) | (int)(x & 1) << i);
}

void dtype_put(DType t, void *data, int64_t i, Scalar x)
{
	switch (t) {
	case DT_F32:  ((float *)data)[i] = (float)x.f; return;
	case DT_F64:  ((double *)data)[i] = x.f; return;
	case DT_F16:  ((uint16_t *)data)[i] = f32_to_f16((float)x.f); return;
	case DT_BF16: ((uint16_t *)data)[i] = f32_to_bf16((float)x.f); return;
	case DT_BOOL:
	case DT_U8:   ((uint8_t *)data)[i] = (uint8_t)x.i; return;
	case DT_BIT:
		put_bit((uint8_t *)data + i / 8, (int)(i % 8), x.i);
		return;
	case DT_I8:   ((int8_t *)data)[i] = (int8_t)x.i; return;
	case DT_U16:  ((uint16_t *)data)[i] = (uint16_t)x.i; return;
	case DT_I16:  ((int16_t *)data)[i] = (int16_t)x.i; return;
	case DT_U32:  ((uint32_t *)data)[i] = (uint32_t)x.i; return;
	case DT_I32:  ((int32_t *)data)[i] = (int32_t)x.i; return;
	case DT_U64:
	case DT_I64:
	case NDTYPE:  break;
	}
	((int64_t *)data)[i] = x.i;
}

int64_t numel(Shape s)
{
	int64_t n = 1;
	for (int i = 0; i < s.rank; i++)
		n *= s.dim[i];
	return n;
}

int64_t shape_bytes(Shape s, DType t)
{
	int64_t n = numel(s);
	return t == DT_BIT ? (n + 7) / 8 : n * types[t].size;
}

bool shape_equal(Shape a, Shape b)
{
	return a.rank == b.rank &&
	       !memcmp(a.dim, b.dim, sizeof(a.dim[0]) * (size_t)a.rank);
}

bool shape_broadcast(Shape a, Shape b, Shape *out)
{
	Shape s = {.rank = a.rank > b.rank ? a.rank : b.rank};
	for (int i = 0; i < s.rank; i++) {
		int ia = i - (s.rank - a.rank), ib = i - (s.rank - b.rank);
		int64_t da = ia < 0 ? 1 : a.dim[ia], db = ib < 0 ? 1 : b.dim[ib];
		if (da != db && da != 1 && db != 1)
			return false;
		s.dim[i] = da == 1 ? db : da;
	}
	*out = s;
	return true;
}

const char *shape_text(Arena *a, Shape s)
{
	const char *text = "";
	for (int i = 0; i < s.rank; i++)
		text = arena_printf(a, "%s%s%lld", text, i ? "," : "",
		                    (long long)s.dim[i]);
	return arena_printf(a, "[%s]", text);
}

bool shape_valid(Shape s)
{
	const int64_t most = INT64_C(1) << 37;
	int64_t n = 1;
	for (int i = 0; i < s.rank; i++) {
		if (s.dim[i] < 0)
			return false;
		if (s.dim[i] && n > most / s.dim[i])
			return false;
		n *= s.dim[i] ? s.dim[i] : 1;
	}
	return true;
}

void shape_strides(Shape s, int64_t stride[MAX_RANK])
{
	int64_t step = 1;
	for (int i = s.rank - 1; i >= 0; i--) {
		stride[i] = step;
		step *= s.dim[i];
	}
}
