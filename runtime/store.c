/* SPDX-License-Identifier: 0BSD */
#include "runtime/store.h"

#include <string.h>

RT_API uint32_t rt_crc(uint32_t crc, const void *data, size_t n)
{
	/* Four bits at a time. */
	static const uint32_t table[16] = {
		0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu,
		0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
		0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
		0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
	};
	const unsigned char *p = data;

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15u];
		crc = crc >> 4 ^ table[crc & 15u];
	}
	return ~crc;
}

/* ---- geometry ---- */

RT_API uint32_t rt_pad(size_t n, uint32_t to)
{
	return (uint32_t)((n + to - 1) / to * to);
}

/* Is the part in the saves of this storage? */
RT_API int rt_wants(const rt_slots *g, const rt_part *p)
{
	return !g->store->weights_only || p->kind == RT_PARAMETER
		|| p->kind == RT_BUFFER;
}

RT_API unsigned char *rt_part_at(const rt_saved *s, const rt_part *p)
{
	return (p->kind == RT_SETTING ? s->settings : s->state) + p->offset;
}

/* How many bytes the parts take, and the checksum that tells other parts. */
static int store_measure_parts(rt_slots *g)
{
	for (int i = 0; i < g->saved->parts; i++) {
		const rt_part *p = &g->saved->part[i];
		const size_t name = strlen(p->name);
		const uint32_t bytes = (uint32_t)p->bytes;
		if (!rt_wants(g, p))
			continue;
		if (name > 0xffffu || p->bytes > 0x3fffffffu
			|| g->bytes > 0x3fffffffu)
			return RT_STORE_SIZE;
		g->bytes += (uint32_t)sizeof(rt_entry) + rt_pad(name, 4)
			+ rt_pad(p->bytes, 4);
		g->layout = rt_crc(g->layout, p->name, name + 1);
		g->layout = rt_crc(g->layout, p->dtype, sizeof(p->dtype));
		g->layout = rt_crc(g->layout, &p->kind, 1);
		g->layout = rt_crc(g->layout, &bytes, sizeof(bytes));
		g->parts++;
	}
	return RT_STORE_OK;
}

/* Several slots in a sector, or whole sectors for each slot. */
static int store_measure_slots(rt_slots *g)
{
	const rt_store *st = g->store;
	const uint32_t sector = st->erase ? st->sector_bytes : g->slot_bytes;
	const uint32_t region = st->sector_bytes * st->sectors;

	if (sector % g->granule != 0)
		return RT_STORE_SIZE;
	g->per_group = sector / g->slot_bytes;
	if (g->per_group == 0)
		g->per_group = 1;
	g->group_bytes = rt_pad(g->slot_bytes, sector);
	g->slots = region / g->group_bytes * g->per_group;
	return g->slots / g->per_group < 2 ? RT_STORE_SIZE : RT_STORE_OK;
}

RT_API int rt_measure(rt_slots *g, const rt_saved *s, const rt_store *st)
{
	(void)memset(g, 0, sizeof(*g));
	g->saved = s, g->store = st;
	g->blank = st->erases_to_zero ? 0x00 : 0xff;
	if (st->unit == 0 || st->unit > 4096 || st->sector_bytes == 0
		|| st->sectors > 0xffffffffu / st->sector_bytes
		|| (st->erase && st->sector_bytes % st->unit != 0))
		return RT_STORE_SIZE;
	g->granule = rt_pad(sizeof(rt_head), st->unit);
	g->buffer = g->granule <= sizeof(g->small)
		? (unsigned char *)g->small : s->buffer;
	if ((g->buffer == s->buffer && s->buffer_bytes < g->granule)
		|| store_measure_parts(g))
		return RT_STORE_SIZE;
	g->slot_bytes = (1 + RT_HEADS) * g->granule
		+ rt_pad(g->bytes, g->granule);
	return store_measure_slots(g);
}

RT_API uint32_t rt_slot_at(const rt_slots *g, uint32_t slot)
{
	return g->store->base + slot / g->per_group * g->group_bytes
		+ slot % g->per_group * g->slot_bytes;
}

static uint32_t store_head_at(const rt_slots *g, uint32_t slot, int copy)
{
	return rt_slot_at(g, slot) + (1 + (uint32_t)copy) * g->granule;
}

static uint32_t store_parts_at(const rt_slots *g, uint32_t slot)
{
	return store_head_at(g, slot, RT_HEADS);
}

/* ---- reading ---- */

static int store_head(const rt_slots *g, uint32_t at, rt_head *h)
{
	const rt_saved *s = g->saved;

	if (g->store->read(g->store->user, at, h, sizeof(*h)) != 0)
		return RT_STORE_FAILED;
	if (h->magic != RT_STORE_MAGIC)
		return RT_STORE_EMPTY;
	if (h->head_crc != rt_crc(0, h, offsetof(rt_head, head_crc)))
		return RT_STORE_CORRUPT;
	if (h->version != RT_STORE_VERSION_NOW)
		return RT_STORE_VERSION;
	if (memcmp(h->model, s->model, sizeof(h->model)) != 0)
		return RT_STORE_MODEL;
	if (h->layout != g->layout || h->bytes != g->bytes
		|| h->granule != g->granule
		|| h->flags != (g->store->weights_only ? RT_WEIGHTS_ONLY : 0))
		return RT_STORE_LAYOUT;
	return RT_STORE_OK;
}

/* One slot: the copies of its head that are whole, or why none is. A head of
 * another model is filled in as well. That a copy cannot be read is no failure
 * of the storage: so do checked words read that were cut short. */
RT_API int rt_look(const rt_slots *g, uint32_t slot, rt_found *f)
{
	int failed = 0, status = RT_STORE_EMPTY;

	(void)memset(f, 0, sizeof(*f));
	f->slot = slot;
	for (int copy = 0; copy < RT_HEADS; copy++) {
		rt_head h;
		int seen = store_head(g, store_head_at(g, slot, copy), &h);
		if (seen == RT_STORE_FAILED)
			failed++, seen = RT_STORE_CORRUPT;
		if (seen == RT_STORE_OK)
			f->copies |= 1u << copy;
		if (seen == RT_STORE_OK || (!f->any
			&& (seen == RT_STORE_MODEL || seen == RT_STORE_LAYOUT)))
			f->head = h;
		if (seen == RT_STORE_OK)
			f->any = 1;
		if (seen == RT_STORE_OK || (!f->any && seen > status))
			status = seen;
	}
	return failed == RT_HEADS ? RT_STORE_FAILED : status;
}

static int store_older(const rt_found *a, const rt_found *b)
{
	return (b->head.sequence - a->head.sequence - 1) < 0x7fffffffu;
}

/* The newest slot with a whole head; if there is one in *f, the newest of those
 * that are older. */
RT_API int rt_find(const rt_slots *g, rt_found *f)
{
	const rt_found before = *f;
	int status = RT_STORE_EMPTY;

	f->any = 0;
	for (uint32_t slot = 0; slot < g->slots; slot++) {
		rt_found x;
		const int seen = rt_look(g, slot, &x);
		if (seen != RT_STORE_OK && !f->any && seen > status)
			status = seen;
		if (seen != RT_STORE_OK
			|| (before.any && !store_older(&x, &before))
			|| (f->any && !store_older(f, &x)))
			continue;
		status = RT_STORE_OK, *f = x;
	}
	return status;
}

/* Do the parts in the slot have this checksum? */
RT_API int rt_check_parts(const rt_slots *g, uint32_t slot, uint32_t crc)
{
	uint32_t at = store_parts_at(g, slot), left = g->bytes, seen = 0;
	unsigned char block[64];

	while (left > 0) {
		const uint32_t n = left < sizeof(block)
			? left : (uint32_t)sizeof(block);
		if (g->store->read(g->store->user, at, block, n) != 0)
			return RT_STORE_FAILED;
		seen = rt_crc(seen, block, n);
		at += n, left -= n;
	}
	return seen == crc ? RT_STORE_OK : RT_STORE_CORRUPT;
}

/* As rt_find, but with all that is under the head. */
RT_API int rt_find_whole(const rt_slots *g, rt_found *f)
{
	int worst = RT_STORE_OK;

	for (;;) {
		int seen = rt_find(g, f);
		if (seen != RT_STORE_OK)
			return seen > worst ? seen : worst;
		seen = rt_check_parts(g, f->slot, f->head.crc);
		if (seen == RT_STORE_OK)
			return seen;
		worst = seen > worst ? seen : worst;
	}
}

RT_API int rt_is_all(const rt_slots *g, uint32_t at, uint32_t n,
	unsigned char byte)
{
	unsigned char block[64];

	for (; n > 0; at += (uint32_t)sizeof(block)) {
		const uint32_t some = n < sizeof(block)
			? n : (uint32_t)sizeof(block);
		if (g->store->read(g->store->user, at, block, some) != 0)
			return 0;
		for (uint32_t i = 0; i < some; i++)
			if (block[i] != byte)
				return 0;
		n -= some;
	}
	return 1;
}

/* ---- the head that may be half written ---- */

RT_API int rt_put_head(const rt_slots *g, uint32_t slot, int copy,
	const rt_head *h)
{
	unsigned char *b = g->buffer;

	(void)memset(b, g->blank, g->granule);
	(void)memcpy(b, h, sizeof(*h));
	return g->store->program(g->store->user, store_head_at(g, slot, copy),
		b, g->granule) ? RT_STORE_FAILED : RT_STORE_OK;
}

/* A save whose power went while it wrote the head is made to last, or it is
 * said that it cannot. */
RT_API int rt_confirm(const rt_slots *g, const rt_found *f)
{
	if ((f->copies & (f->copies - 1)) != 0)
		return RT_STORE_OK;
	for (int copy = 0; copy < RT_HEADS; copy++)
		if (!(f->copies >> copy & 1u) && (!g->store->erase
			|| rt_is_all(g, store_head_at(g, f->slot, copy),
				g->granule, g->blank)))
			return rt_put_head(g, f->slot, copy, &f->head);
	return RT_STORE_CORRUPT;
}

/* The first copy of a head was begun here, and no other. */
static int store_is_begun(const rt_slots *g, uint32_t slot)
{
	rt_head h;

	if (!rt_is_all(g, store_head_at(g, slot, 1), g->granule, g->blank))
		return 0;
	return g->store->read(g->store->user, store_head_at(g, slot, 0), &h,
		sizeof(h)) || h.magic == RT_STORE_MAGIC
		|| memcmp(h.model, g->saved->model, sizeof(h.model)) == 0;
}

/* Where the power went while the first copy was written, and that is not what
 * is loaded, it must not read as whole another time: all its bits are
 * programmed. A save that ended has a second copy, so none is lost. */
static void store_silence(const rt_slots *g, const rt_found *but)
{
	for (uint32_t slot = 0; slot < g->slots; slot++) {
		if ((but->any && slot == but->slot) || !store_is_begun(g, slot))
			continue;
		(void)memset(g->buffer, g->blank ^ 0xff, g->granule);
		(void)g->store->program(g->store->user,
			store_head_at(g, slot, 0), g->buffer, g->granule);
	}
}

/* ---- loading ---- */

static int store_fetch_part(const rt_slots *g, const rt_part *p, uint32_t *at)
{
	const rt_store *st = g->store;
	unsigned char *to = rt_part_at(g->saved, p);
	rt_entry e;

	if (st->read(st->user, *at, &e, sizeof(e)) != 0)
		return RT_STORE_FAILED;
	*at += (uint32_t)sizeof(e) + rt_pad(strlen(p->name), 4);
	if (st->read(st->user, *at, to, p->bytes) != 0)
		return RT_STORE_FAILED;
	*at += rt_pad(p->bytes, 4);
	return rt_crc(0, to, p->bytes) == e.crc
		? RT_STORE_OK : RT_STORE_CORRUPT;
}

/* What was read is checked again: a second reading may be another. */
static int store_fetch(const rt_slots *g, const rt_found *f)
{
	uint32_t at = store_parts_at(g, f->slot);
	int status = RT_STORE_OK;

	for (int i = 0; i < g->saved->parts && status == RT_STORE_OK; i++)
		if (rt_wants(g, &g->saved->part[i]) != 0)
			status = store_fetch_part(g, &g->saved->part[i], &at);
	return status;
}

/* What the saves leave out of the state. */
static void store_reset(const rt_slots *g)
{
	for (int i = 0; i < g->saved->parts; i++) {
		const rt_part *p = &g->saved->part[i];
		if (!rt_wants(g, p) && p->kind == RT_OPTIMIZER)
			(void)memset(rt_part_at(g->saved, p), 0, p->bytes);
	}
}

RT_API int rt_load(rt_saved *s, const rt_store *st)
{
	rt_slots g;
	rt_found f;
	int damaged = 0, status = rt_measure(&g, s, st);

	(void)memset(&f, 0, sizeof(f));
	if (status != RT_STORE_OK)
		return status;
	for (;;) {
		status = rt_find_whole(&g, &f);
		if (f.any && st->program)
			(void)rt_confirm(&g, &f);
		if (st->program != NULL)
			store_silence(&g, &f);
		if (status != RT_STORE_OK)
			return damaged ? RT_STORE_FAILED : status;
		if (store_fetch(&g, &f) == RT_STORE_OK)
			break;
		damaged = 1;
	}
	s->step = f.head.step, s->seed = f.head.seed;
	if (g.parts == (uint32_t)s->parts)
		return RT_STORE_OK;
	s->step = 0;	/* updates count steps: with them, that begins anew */
	store_reset(&g);
	return RT_STORE_PARTIAL;
}

RT_API int rt_inspect(const rt_saved *s, const rt_store *st,
	rt_store_info *info)
{
	rt_slots g;
	rt_found f;
	int status = rt_measure(&g, s, st);

	(void)memset(info, 0, sizeof(*info));
	(void)memset(&f, 0, sizeof(f));
	if (status != RT_STORE_OK)
		return status;
	info->slots = g.slots, info->slot_bytes = g.slot_bytes;
	for (uint32_t slot = 0; slot < g.slots; slot++) {
		rt_found x;
		(void)rt_look(&g, slot, &x);
		if (x.head.erases > info->erases)
			info->erases = x.head.erases;
	}
	status = rt_find_whole(&g, &f);
	if (status == RT_STORE_OK)
		info->slot = f.slot, info->saves = f.head.saves,
		info->step = f.head.step;
	return status;
}
