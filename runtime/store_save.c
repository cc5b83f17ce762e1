/* SPDX-License-Identifier: 0BSD */
/*
 * Writing a slot: heads away, mark, parts, heads. A sector of the slot whose
 * bytes are already right is left alone, if the slot had a whole head: then
 * they were right when an earlier save ended, and nothing was begun on them
 * since. Without an erase, the same goes for each granule.
 */
#include "runtime/store.h"

#include <string.h>

/* ---- the parts as one row of bytes ---- */

/* The granule `from` of it, to be filled. */
typedef struct StoreView {
	unsigned char *to;
	uint32_t from, size, at;
} StoreView;

static void store_piece(StoreView *v, const void *src, uint32_t n)
{
	const uint32_t end = v->from + v->size;
	const uint32_t a = v->at > v->from ? v->at : v->from;
	const uint32_t b = v->at + n < end ? v->at + n : end;

	if (a < b)
		(void)memcpy(v->to + (a - v->from),
			(const unsigned char *)src + (a - v->at), b - a);
	v->at += n;
}

static void store_entry(StoreView *v, const rt_part *p, const void *data)
{
	rt_entry e;

	(void)memset(&e, 0, sizeof(e));
	if (v->at + sizeof(e) > v->from) {
		e.bytes = (uint32_t)p->bytes;
		e.crc = rt_crc(0, data, p->bytes);
		(void)memcpy(e.dtype, p->dtype, sizeof(e.dtype));
		e.name_bytes = (uint16_t)strlen(p->name);
		e.kind = p->kind;
	}
	store_piece(v, &e, sizeof(e));
}

static void store_padded(StoreView *v, const void *src, size_t n)
{
	static const unsigned char zero[4] = {0};

	store_piece(v, src, (uint32_t)n);
	store_piece(v, zero, rt_pad(n, 4) - (uint32_t)n);
}

/* Fills the buffer with the granule that begins at byte `from`. */
static void store_fill(const rt_slots *g, uint32_t from)
{
	const rt_saved *s = g->saved;
	StoreView v;

	v.to = g->buffer, v.from = from, v.size = g->granule, v.at = 0;
	(void)memset(v.to, g->blank, v.size);
	for (int i = 0; i < s->parts && v.at < from + v.size; i++) {
		const rt_part *p = &s->part[i];
		if (!rt_wants(g, p))
			continue;
		store_entry(&v, p, rt_part_at(s, p));
		store_padded(&v, p->name, strlen(p->name));
		store_padded(&v, rt_part_at(s, p), p->bytes);
	}
}

static uint32_t store_sum(const rt_slots *g)
{
	uint32_t crc = 0;

	for (uint32_t at = 0; at < g->bytes; at += g->granule) {
		const uint32_t left = g->bytes - at;
		store_fill(g, at);
		crc = rt_crc(crc, g->buffer,
			left < g->granule ? left : g->granule);
	}
	return crc;
}

/* Do n bytes from `offset` in the slot on hold what is to be there? */
static int store_holds(const rt_slots *g, uint32_t slot, uint32_t offset,
	uint32_t n)
{
	const uint32_t parts = (1 + RT_HEADS) * g->granule;
	uint32_t end = offset + n < g->slot_bytes ? offset + n : g->slot_bytes;
	unsigned char block[64];

	for (; offset < end; offset += g->granule) {
		store_fill(g, offset - parts);
		for (uint32_t i = 0; i < g->granule; i += 64) {
			const uint32_t left = g->granule - i;
			const uint32_t some = left < 64 ? left : 64;
			if (g->store->read(g->store->user, rt_slot_at(g, slot)
				+ offset + i, block, some)
				|| memcmp(block, g->buffer + i, some))
				return 0;
		}
	}
	return 1;
}

/* ---- one slot ---- */

static int store_program(const rt_slots *g, uint32_t at)
{
	return g->store->program(g->store->user, at, g->buffer,
		g->granule) ? RT_STORE_FAILED : RT_STORE_OK;
}

static int store_erase(const rt_slots *g, uint32_t at)
{
	const rt_store *st = g->store;

	return st->erase && st->erase(st->user, at, st->sector_bytes)
		? RT_STORE_FAILED : RT_STORE_OK;
}

/* The sectors in which heads lie; or blank heads, which no checksum fits. */
static int store_clear(const rt_slots *g, uint32_t at)
{
	const uint32_t heads = (1 + RT_HEADS) * g->granule;
	const uint32_t step = g->store->erase ? g->store->sector_bytes
		: g->granule;
	int status = RT_STORE_OK;

	(void)memset(g->buffer, g->blank, g->granule);
	for (uint32_t o = 0; o < heads && status == RT_STORE_OK; o += step)
		status = g->store->erase ? store_erase(g, at + o)
			: store_program(g, at + o);
	return status;
}

/* Every bit of the mark is programmed: that, a part with checked words allows
 * even where such a mark was begun before and reads as if it were not. */
static int store_mark(const rt_slots *g, uint32_t at)
{
	if (g->per_group == 1)
		return RT_STORE_OK;
	(void)memset(g->buffer, g->blank ^ 0xff, g->granule);
	return store_program(g, at);
}

static int store_put_parts(const rt_slots *g, uint32_t slot, int reuse)
{
	const uint32_t at = rt_slot_at(g, slot);
	const uint32_t parts = (1 + RT_HEADS) * g->granule;
	const uint32_t step = g->store->erase ? g->store->sector_bytes
		: g->granule;
	int keep = 0, status = RT_STORE_OK;

	for (uint32_t o = parts; o < g->slot_bytes; o += g->granule) {
		if (g->per_group == 1 && o % step == 0) {
			keep = reuse && store_holds(g, slot, o, step);
			status = keep ? RT_STORE_OK : store_erase(g, at + o);
		}
		if (status == RT_STORE_OK && !keep) {
			store_fill(g, o - parts);
			status = store_program(g, at + o);
		}
		if (status != RT_STORE_OK)
			return status;
	}
	return RT_STORE_OK;
}

static int store_put_heads(const rt_slots *g, uint32_t slot, const rt_head *h)
{
	const unsigned all = (1u << RT_HEADS_WRITTEN) - 1;
	rt_found f;
	int status = RT_STORE_OK;

	for (int i = 0; i < RT_HEADS_WRITTEN && status == RT_STORE_OK; i++)
		status = rt_put_head(g, slot, i, h);
	if (status == RT_STORE_OK && (rt_look(g, slot, &f) || f.copies != all))
		status = RT_STORE_FAILED;
	return status;
}

/* What cannot be read back is not committed. */
static int store_write(const rt_slots *g, uint32_t slot, const rt_head *h)
{
	const uint32_t at = rt_slot_at(g, slot);
	rt_found old;
	const int reuse = rt_look(g, slot, &old) == RT_STORE_OK;
	int status = RT_STORE_OK;

	if (slot % g->per_group == 0)
		status = store_clear(g, at);
	if (status == RT_STORE_OK)
		status = store_mark(g, at);
	if (status == RT_STORE_OK)
		status = store_put_parts(g, slot, reuse);
	if (status == RT_STORE_OK && rt_check_parts(g, slot, h->crc))
		status = RT_STORE_FAILED;
	return status == RT_STORE_OK ? store_put_heads(g, slot, h) : status;
}

/* ---- which slot ---- */

/* The newest head, and the newest save that lasts; if there is none, the
 * newest that is whole. */
static int store_survey(const rt_slots *g, rt_found *top, rt_found *last)
{
	rt_found older;
	int lasts;

	(void)memset(top, 0, sizeof(*top));
	(void)memset(last, 0, sizeof(*last));
	top->slot = g->slots - 1;
	if (rt_find(g, top) != RT_STORE_OK)
		top->slot = g->slots - 1;
	lasts = rt_find_whole(g, last) == RT_STORE_OK
		&& rt_confirm(g, last) == RT_STORE_OK;
	older = *last;
	if (last->any && !lasts && rt_find_whole(g, &older) == RT_STORE_OK)
		*last = older;
	return lasts;
}

/* How often the sector of the slot was erased, this time included: as its slots
 * say, or else as those before it in the ring. */
static uint32_t store_wear(const rt_slots *g, uint32_t slot,
	const rt_found *top)
{
	const int round = slot / g->per_group <= top->slot / g->per_group;
	uint32_t most = top->head.erases + (top->any ? round != 0 : 1);

	for (uint32_t i = slot; i < slot + g->per_group; i++) {
		rt_found x;
		(void)rt_look(g, i, &x);
		if (x.head.erases >= most)
			most = x.head.erases + 1;
	}
	return most;
}

static int store_same(const rt_slots *g, const rt_found *f, const rt_head *h)
{
	const uint32_t parts = (1 + RT_HEADS) * g->granule;

	return f->head.crc == h->crc && f->head.step == h->step
		&& f->head.seed == h->seed && store_holds(g, f->slot, parts,
			g->slot_bytes);
}

static void store_describe(const rt_slots *g, const rt_found *top, rt_head *h)
{
	const rt_saved *s = g->saved;

	(void)memset(h, 0, sizeof(*h));
	h->magic = RT_STORE_MAGIC, h->version = RT_STORE_VERSION_NOW;
	(void)memcpy(h->model, s->model, sizeof(h->model));
	h->layout = g->layout, h->step = s->step, h->seed = s->seed;
	h->erases = top->head.erases, h->saves = top->head.saves + 1;
	h->bytes = g->bytes, h->crc = store_sum(g);
	h->parts = g->parts, h->granule = g->granule;
	h->flags = g->store->weights_only ? RT_WEIGHTS_ONLY : 0;
}

/* A slot that cannot be written is stepped over; one behind another in its
 * sector can be only if that sector was erased, and nothing begun there. */
RT_API int rt_save(const rt_saved *s, const rt_store *st)
{
	rt_slots g;
	rt_found top, last;
	rt_head h;
	int lasts, broken = 0, status = rt_measure(&g, s, st);

	if (status != RT_STORE_OK)
		return status;
	lasts = store_survey(&g, &top, &last);
	store_describe(&g, &top, &h);
	if (lasts && store_same(&g, &last, &h))
		return RT_STORE_OK;
	for (uint32_t i = 1; i <= g.slots; i++) {
		const uint32_t slot = (top.slot + i) % g.slots;
		const int first = slot % g.per_group == 0;
		if (first ? last.any && slot / g.per_group
				== last.slot / g.per_group
			: broken || !rt_is_all(&g, rt_slot_at(&g, slot),
				g.slot_bytes, g.blank))
			continue;
		if (first != 0)
			h.erases = store_wear(&g, slot, &top);
		h.sequence = top.head.sequence + i;
		h.head_crc = rt_crc(0, &h, offsetof(rt_head, head_crc));
		status = store_write(&g, slot, &h);
		if (status == RT_STORE_OK)
			return status;
		broken = first;
	}
	return RT_STORE_FAILED;
}
