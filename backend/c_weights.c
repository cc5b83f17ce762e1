/* The numbers that a program carries, as C or as the bytes of one image. */
#include "backend/c_program.h"

#include <string.h>

int64_t array_bytes(const CArray *a)
{
	return shape_bytes(a->shape, a->dtype);
}

/* True if all elements have the same bits: then they need not be stored. */
bool variable_is_filled(const Variable *v, Scalar *with)
{
	size_t size = (size_t)dtype_size(v->dtype);
	const char *data = v->data;
	if (!data) {
		*with = dtype_is_float(v->dtype)
			? (Scalar){.f = v->fill}
			: (Scalar){.i = (int64_t)v->fill};
		return true;
	}
	for (int64_t i = 1; i < numel(v->shape); i++)
		if (memcmp(data, data + size * (size_t)i, size))
			return false;
	if (numel(v->shape))
		*with = dtype_get(v->dtype, data, 0);
	return true;
}

/* ---- which ---- */

static CArray *add_array(CProgram *c, const char *onnx, DType dtype, Shape shape,
                         const void *data)
{
	if (c->narrays == c->maxarrays) {
		int max = 2 * c->maxarrays + 16;
		CArray *bigger = arena_array(c->arena, CArray, max);
		if (c->narrays)
			memcpy(bigger, c->array,
			       sizeof *bigger * (size_t)c->narrays);
		c->array = bigger;
		c->maxarrays = max;
	}
	CArray *a = &c->array[c->narrays++];
	a->onnx = onnx;
	a->dtype = dtype;
	a->shape = shape;
	a->data = data;
	a->name = arena_printf(c->arena, "%s_%s", c->name,
	                       names_unique(&c->names, onnx));
	return a;
}

static void find_variables(CProgram *c)
{
	const Model *m = c->p->model;
	c->of_var = arena_array(c->arena, int, m->nvars);
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		Scalar with;
		c->of_var[i] = -1;
		if (c->p->offset[i] < 0 ||
		    (v->mutable && variable_is_filled(v, &with)))
			continue;
		c->of_var[i] = c->narrays;
		CArray *a = add_array(c, v->name, v->dtype, v->shape, v->data);
		a->fill = v->fill;
	}
}

static bool same_contents(const CArray *a, const Value *v)
{
	return a->data && a->dtype == v->dtype &&
	       array_bytes(a) == value_bytes(v) &&
	       (a->data == v->data ||
	        !memcmp(a->data, v->data, (size_t)array_bytes(a)));
}

CArray *c_array_of(const CProgram *c, const Value *v)
{
	for (int i = 0; i < c->narrays; i++)
		if (same_contents(&c->array[i], v))
			return &c->array[i];
	return NULL;
}

static void find_constants(CProgram *c, const Plan *plan)
{
	for (int s = 0; s < plan->nsteps; s++)
		for (int i = 0; i < plan->step[s]->nin; i++) {
			const Value *v = plan->step[s]->in[i];
			if (!v || plan->place[v->id].region != REGION_CONST)
				continue;
			v = plan->place[v->id].base;
			if (v->kind != V_CONST || numel(v->shape) == 1 ||
			    c_array_of(c, v))
				continue;
			CArray *a = add_array(c, v->name, v->dtype, v->shape,
			                      v->data);
			a->small = array_bytes(a) <= SMALL_ARRAY;
		}
}

static void place_arrays(CProgram *c)
{
	for (int i = 0; i < c->narrays; i++) {
		CArray *a = &c->array[i];
		if (a->small)
			continue;
		a->offset = (c->image_bytes + WEIGHTS_ALIGN - 1) /
		            WEIGHTS_ALIGN * WEIGHTS_ALIGN;
		c->image_bytes = a->offset + array_bytes(a);
	}
}

void c_find_arrays(CProgram *c)
{
	find_variables(c);
	for (int f = 0; f < c->nfns; f++)
		find_constants(c, c->fn[f].plan);
	place_arrays(c);
}

/* ---- as C ---- */

static Scalar element(const CArray *a, int64_t i)
{
	if (a->data)
		return dtype_get(a->dtype, a->data, i);
	return dtype_is_float(a->dtype) ? (Scalar){.f = a->fill}
	                                : (Scalar){.i = (int64_t)a->fill};
}

/* Halves are stored as their bits. */
static void element_text(const CArray *a, int64_t i, Arena *scratch,
                         char text[static 48])
{
	Scalar x = element(a, i);
	uint16_t bits;
	switch (a->dtype) {
	case DT_F32:
		c_decimal((float)x.f, text);
		strcat(text, strpbrk(text, "IN") ? "" : "f");
		break;
	case DT_F16: case DT_BF16:
		dtype_put(a->dtype, &bits, 0, x);
		snprintf(text, 48, "0x%04x", bits);
		break;
	case DT_F64: case DT_I64: case DT_I32:
		snprintf(text, 48, "%s", c_number(scratch, a->dtype, x));
		break;
	case DT_U64:
		snprintf(text, 48, "%lluull", (unsigned long long)x.i);
		break;
	default:
		snprintf(text, 48, "%lld", (long long)x.i);
	}
}

/* Filled up to 80 columns; not through the Writer, which is slower. */
static void put_elements(FILE *out, const CArray *a, Arena *scratch)
{
	char text[48];
	int column = 0;
	for (int64_t i = 0; i < numel(a->shape); i++) {
		element_text(a, i, scratch, text);
		int n = (int)strlen(text) + 1;
		if (column == 0 || column + n + 1 > 80) {
			fputs(i ? "\n\t" : "\t", out);
			column = 8;
		} else {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%s,", text);
		column += n;
	}
	fputs("\n};\n\n", out);
}

static void put_array(Writer *w, const CProgram *c, const CArray *a,
                      const char *storage)
{
	Arena *scratch = arena_create();
	int64_t n = numel(a->shape);
	w_comment(w, arena_printf(c->arena, "%s %s", c_comment(c->arena, a->onnx),
	                          shape_text(c->arena, a->shape)));
	w_raw(w, "%s%s %s[%lld] = {\n", storage, dtype_ctype(a->dtype), a->name,
	      (long long)(n ? n : 1));
	if (n)
		put_elements(w->out, a, scratch);
	else
		w_raw(w, "\t0\n};\n\n");
	arena_destroy(scratch);
}

void c_put_small_arrays(Writer *w, const CProgram *c)
{
	for (int i = 0; i < c->narrays; i++)
		if (c->array[i].small && c->array[i].used)
			put_array(w, c, &c->array[i], "static const ");
}

void c_put_array_names(Writer *w, const CProgram *c)
{
	for (int i = 0; i < c->narrays; i++) {
		const CArray *a = &c->array[i];
		int64_t n = numel(a->shape);
		if (!a->small)
			w_raw(w, "extern const %s %s[%lld];\n",
			      dtype_ctype(a->dtype), a->name,
			      (long long)(n ? n : 1));
	}
	w_raw(w, "\n");
}

/* NAME_weights.c. A program may say where flash is by defining NAME_FLASH. */
void c_put_arrays(Writer *w, const CProgram *c)
{
	w_raw(w, "%s\n#include <math.h>\n#include <stdint.h>\n\n",
	      c->model_comment);
	w_comment(w, "What goes before each definition, such as an attribute "
	             "that names a section.");
	w_raw(w, "#ifndef %s_FLASH\n#define %s_FLASH\n#endif\n\n", c->upper,
	      c->upper);
	c_put_array_names(w, c);
	if (c->image_bytes == 0)
		w_raw(w, "typedef int %s_no_weights;\n", c->name);
	for (int i = 0; i < c->narrays; i++)
		if (!c->array[i].small)
			put_array(w, c, &c->array[i],
			          arena_printf(c->arena, "%s_FLASH const ",
			                       c->upper));
}

/* ---- as bytes ---- */

void c_weights_image(const CProgram *c, void *dst)
{
	memset(dst, 0, (size_t)c->image_bytes);
	for (int i = 0; i < c->narrays; i++) {
		const CArray *a = &c->array[i];
		char *to = (char *)dst + a->offset;
		if (a->small)
			continue;
		if (a->data)
			memcpy(to, a->data, (size_t)array_bytes(a));
		for (int64_t e = 0; !a->data && e < numel(a->shape); e++)
			dtype_put(a->dtype, to, e, element(a, e));
	}
}
