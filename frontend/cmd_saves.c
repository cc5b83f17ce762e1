#include "frontend/cmd_saves.h"

#include "backend/backend.h"
#include "frontend/files.h"
#include "runtime/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding one in a dump ---- */

typedef struct Dump {
	const unsigned char *byte;
	size_t size;
} Dump;

static bool head_at(const Dump *d, size_t at, rt_head *h)
{
	if (d->size < sizeof *h || at > d->size - sizeof *h)
		return false;
	memcpy(h, d->byte + at, sizeof *h);
	return h->magic == RT_STORE_MAGIC &&
	       h->head_crc == rt_crc(0, h, offsetof(rt_head, head_crc));
}

int saves_count(const unsigned char *byte, size_t size)
{
	Dump d = {byte, size};
	rt_head h;
	int n = 0;
	for (size_t at = 0; at < size; at++)
		n += byte[at] == (RT_STORE_MAGIC & 255) && head_at(&d, at, &h);
	return n;
}

static void model_id(const char *sha256, unsigned char id[8])
{
	for (int i = 0; i < 8; i++) {
		char two[3] = {sha256[2 * i], sha256[2 * i + 1], 0};
		id[i] = (unsigned char)strtoul(two, NULL, 16);
	}
}

typedef struct Search {
	int heads, others, newer;   /* whole ones; of other models, versions */
	rt_head head;
	size_t parts;               /* of the newest; 0: there is none */
	uint64_t summed;            /* bytes, to find out what is whole */
} Search;

/* A region has three heads for each of its slots, any of which may be the
 * third: what wants twice the checksums of that is made up. */
enum { SUMS = 2 * RT_HEADS * RT_HEADS };

/* Where the parts under this copy of a head begin; 0: they are not whole. Which
 * copy it is, it does not say. */
static size_t parts_of(Search *s, const Dump *d, size_t at, const rt_head *h)
{
	for (size_t copy = 0; copy < RT_HEADS; copy++) {
		size_t parts = at + (RT_HEADS - copy) * (size_t)h->granule;
		if (parts > d->size || h->bytes > d->size - parts ||
		    s->summed > SUMS * (uint64_t)d->size)
			continue;
		s->summed += h->bytes;
		if (rt_crc(0, d->byte + parts, h->bytes) == h->crc)
			return parts;
	}
	return 0;
}

static void consider(Search *s, const Dump *d, size_t at, const rt_head *h,
                     const unsigned char id[8])
{
	size_t parts;
	s->heads++;
	if (h->version != RT_STORE_VERSION_NOW) {
		s->newer++;
		return;
	}
	if (memcmp(h->model, id, sizeof h->model) != 0) {
		s->others++;
		return;
	}
	bool older = s->parts && h->sequence - s->head.sequence > INT32_MAX;
	if (older || !(parts = parts_of(s, d, at, h)))
		return;
	s->head = *h;
	s->parts = parts;
}

static bool find_newest(Unit *u, const char *path, const Dump *d,
                        const char *sha256, Search *s)
{
	unsigned char id[8];
	rt_head h;
	model_id(sha256, id);
	*s = (Search){0};
	for (size_t at = 0; at < d->size; at++)
		if (d->byte[at] == (RT_STORE_MAGIC & 255) && head_at(d, at, &h))
			consider(s, d, at, &h, id);
	if (s->parts)
		return true;
	if (s->others)
		file_error(u, path, "a save of another model than this one, "
		           "whose sha256 begins with %.16s", sha256);
	else if (s->newer)
		file_error(u, path, "a save in another version of the format "
		           "than %u", RT_STORE_VERSION_NOW);
	else
		file_error(u, path, "no whole save is in it: %d heads",
		           s->heads);
	return false;
}

/* ---- its parts ---- */

typedef struct Part {
	rt_entry entry;
	const char *name;
	const unsigned char *data;
} Part;

/* The part at *at, which moves behind it; false: it has no such form. */
static bool next_part(Arena *a, const Dump *d, size_t end, size_t *at, Part *p)
{
	if (end - *at < sizeof p->entry)
		return false;
	memcpy(&p->entry, d->byte + *at, sizeof p->entry);
	size_t name = *at + sizeof p->entry;
	size_t data = name + rt_pad(p->entry.name_bytes, 4);
	if (data > end || p->entry.bytes > end - data)
		return false;
	p->name = arena_strndup(a, (const char *)d->byte + name,
	                        p->entry.name_bytes);
	p->data = d->byte + data;
	*at = data + rt_pad(p->entry.bytes, 4);
	return *at <= end &&
	       rt_crc(0, p->data, p->entry.bytes) == p->entry.crc;
}

typedef struct Parts {
	rt_head head;
	int n;
	Part *part;
} Parts;

static bool read_parts(Unit *u, const char *path, const Dump *d,
                       const char *sha256, Parts *p)
{
	Search s;
	if (!find_newest(u, path, d, sha256, &s))
		return false;
	size_t at = s.parts, end = at + s.head.bytes;
	p->head = s.head;
	p->n = 0;
	p->part = arena_array(u->arena, Part,
	                      s.head.bytes / sizeof(rt_entry) + 1);
	while (at < end)
		if (!next_part(u->arena, d, end, &at, &p->part[p->n++])) {
			file_error(u, path, "the save is not in the form it "
			           "says: part %d", p->n);
			return false;
		}
	return true;
}

static const Part *find_part(const Parts *p, const char *name, bool setting)
{
	for (int i = 0; i < p->n; i++)
		if (!strcmp(p->part[i].name, name) &&
		    (p->part[i].entry.kind == RT_SETTING) == setting)
			return &p->part[i];
	return NULL;
}

static bool fits(Unit *u, const char *path, const Part *p, const Variable *v)
{
	int64_t bytes = shape_bytes(v->shape, v->dtype);
	if (!strncmp(p->entry.dtype, dtype_name(v->dtype), 4) &&
	    p->entry.bytes == bytes)
		return true;
	file_error(u, path, "'%s' is %" PRIu32 " bytes of %.4s, in the model "
	           "%s%s, %" PRId64 " bytes", v->name, p->entry.bytes,
	           p->entry.dtype, dtype_name(v->dtype),
	           shape_text(u->arena, v->shape), bytes);
	return false;
}

/* ---- into the ONNX file ---- */

static const Variable *find_variable(const Model *m, const char *name)
{
	for (int i = 0; i < m->nvars; i++)
		if (!strcmp(m->var[i]->name, name))
			return m->var[i];
	return NULL;
}

bool saves_weights(Unit *u, const char *path, const unsigned char *byte,
                   size_t size, const char *sha256, const Graph *g, Weights *w)
{
	Dump d = {byte, size};
	Parts p;
	bool good = read_parts(u, path, &d, sha256, &p);
	*w = (Weights){0};
	w->item = arena_array(u->arena, NamedArray, good ? p.n + 1 : 1);
	for (int i = 0; good && i < p.n; i++) {
		const Part *x = &p.part[i];
		if (x->entry.kind != RT_PARAMETER && x->entry.kind != RT_BUFFER)
			continue;
		const Variable *v = find_variable(g->model, x->name);
		if (!v)
			file_error(u, path, "the model has no '%s'", x->name);
		good = v && fits(u, path, x, v);
		if (!good)
			break;
		w->item[w->n++] = (NamedArray){x->name, {
			v->dtype, v->shape, (void *)(uintptr_t)x->data}};
	}
	return good;
}

/* ---- into an executor, and from it ---- */

static bool resume_variable(Unit *u, const char *path, const Parts *p,
                            const Variable *v, void *to, int *missing)
{
	const Part *x = find_part(p, v->name, false);
	if (!x && v->role == VAR_OPTIMIZER) {
		++*missing;
		return true;
	}
	if (!x) {
		file_error(u, path, "'%s' trains and is not in the save",
		           v->name);
		return false;
	}
	if (!fits(u, path, x, v))
		return false;
	memcpy(to, x->data, x->entry.bytes);
	return true;
}

bool saves_resume(Unit *u, const char *path, const char *sha256, Executor *e)
{
	const Model *m = e->program->model;
	Dump d = {0};
	Parts p;
	int missing = 0;
	d.byte = file_read(u, path, &d.size);
	if (!d.byte || !read_parts(u, path, &d, sha256, &p))
		return false;
	bool good = true;
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->mutable && e->program->offset[i] >= 0)
			good &= resume_variable(
				u, path, &p, m->var[i],
				e->state + e->program->offset[i], &missing);
	/* Updates count steps, so with their state that begins anew. */
	e->step = missing ? 0 : p.head.step;
	e->seed = p.head.seed;
	if (missing)
		warn_at(u, (Loc){0}, "%s has no state of the optimizer, which "
		        "begins anew", path);
	return good;
}

/* Storage in memory: one slot is used, and two are asked for. */
typedef struct Image {
	unsigned char *byte;
} Image;

static int image_read(void *user, uint32_t at, void *dst, size_t n)
{
	memcpy(dst, ((Image *)user)->byte + at, n);
	return 0;
}

static int image_program(void *user, uint32_t at, const void *src, size_t n)
{
	memcpy(((Image *)user)->byte + at, src, n);
	return 0;
}

static rt_part part_of(const SavedPart *s, const Program *p, int setting)
{
	static const unsigned char kinds[] = {
		[VAR_PARAMETER] = RT_PARAMETER, [VAR_BUFFER] = RT_BUFFER,
		[VAR_OPTIMIZER] = RT_OPTIMIZER,
	};
	if (!s->var)
		return (rt_part){s->name, "f32", RT_SETTING,
		                 sizeof(float) * (size_t)setting,
		                 sizeof(float)};
	rt_part part = {
		s->name, "", kinds[s->var->role],
		(size_t)p->offset[s->var->id],
		(size_t)shape_bytes(s->var->shape, s->var->dtype),
	};
	snprintf(part.dtype, sizeof part.dtype, "%s",
	         dtype_name(s->var->dtype));
	return part;
}

/* The parts, and the settings in the order they have there. */
static rt_saved describe(Unit *u, const Executor *e, float *setting)
{
	SavedPart *list;
	int n = saved_parts(u->arena, e->program, &list), nsettings = 0;
	rt_part *part = arena_array(u->arena, rt_part, n + 1);
	for (int i = 0; i < n; i++) {
		part[i] = part_of(&list[i], e->program, nsettings);
		for (int h = 0; !list[i].var && h < e->nhyper; h++)
			if (!strcmp(e->hyper_name[h], list[i].name))
				setting[nsettings] = e->hyper[h];
		nsettings += !list[i].var;
	}
	return (rt_saved){
		.part = part, .parts = n, .state = e->state,
		.settings = (unsigned char *)setting, .step = e->step,
		.seed = e->seed,
	};
}

bool saves_write(Unit *u, const char *path, const char *sha256, uint32_t unit,
                 const Executor *e)
{
	unsigned char id[8], buffer[4096];
	float setting[MAX_HYPER + 1] = {0};
	Image image = {0};
	rt_store st = {.user = &image, .read = image_read, .sectors = 1,
	               .program = image_program, .unit = unit,
	               .sector_bytes = 1u << 31};
	rt_saved s = describe(u, e, setting);
	rt_slots slots;
	model_id(sha256, id);
	s.model = id;
	s.buffer = buffer;
	s.buffer_bytes = sizeof buffer;
	if (rt_measure(&slots, &s, &st)) {
		file_error(u, path, "cannot write: the state is too large for "
		           "a save");
		return false;
	}
	st.sector_bytes = 2 * slots.slot_bytes;
	image.byte = arena_alloc(u->arena, st.sector_bytes);
	memset(image.byte, 0xff, st.sector_bytes);
	if (rt_save(&s, &st))
		BUG("a save to memory failed");
	return file_write(u, path, image.byte, slots.slot_bytes);
}
