/* SPDX-License-Identifier: 0BSD */
#include "runtime/store.h"

#include <string.h>

#define STORE_MAGIC 0x4c424854u	/* "THBL" */
#define STORE_VERSION 1u
#define STORE_PAYLOAD 64u	/* where the contents begin in a slot */

/* 44 bytes without padding; the last is the checksum of those before it. */
typedef struct StoreHeader {
	uint32_t magic, version;
	unsigned char model[8];
	uint32_t layout, sequence, step, seed, bytes, crc, header_crc;
} StoreHeader;

/* The polynomial of zip and Ethernet, four bits at a time; begins with 0. */
static uint32_t store_crc(uint32_t crc, const void *data, size_t n)
{
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

static size_t store_bytes(const rt_saved *s)
{
	size_t n = 0;

	for (int i = 0; i < RT_STORE_PARTS; i++)
		n += s->bytes[i];
	return n;
}

/* The checksum of n bytes of the storage. */
static int store_check(const rt_store *st, size_t at, size_t n, uint32_t *crc)
{
	unsigned char block[64];

	*crc = 0;
	while (n > 0) {
		const size_t some = n < sizeof(block) ? n : sizeof(block);
		if (st->read(st->user, at, block, some))
			return RT_STORE_FAILED;
		*crc = store_crc(*crc, block, some);
		at += some, n -= some;
	}
	return RT_STORE_OK;
}

/* Reads and checks one slot. */
static int store_look(const rt_saved *s, const rt_store *st, size_t at,
	StoreHeader *h)
{
	uint32_t crc;

	if (st->read(st->user, at, h, sizeof(*h)))
		return RT_STORE_FAILED;
	crc = store_crc(0, h, offsetof(StoreHeader, header_crc));
	if (h->magic != STORE_MAGIC || h->header_crc != crc)
		return RT_STORE_CORRUPT;
	if (h->version != STORE_VERSION || memcmp(h->model, s->model, 8) != 0
		|| h->layout != s->layout || h->bytes != store_bytes(s))
		return RT_STORE_MODEL;
	if (store_check(st, at + STORE_PAYLOAD, h->bytes, &crc))
		return RT_STORE_FAILED;
	return crc == h->crc ? RT_STORE_OK : RT_STORE_CORRUPT;
}

/* The newest whole slot and its header; else why there is none. */
static int store_find(const rt_saved *s, const rt_store *st, int *slot,
	StoreHeader *newest)
{
	int status = RT_STORE_CORRUPT;

	for (int i = 0; i < 2; i++) {
		StoreHeader h;
		const int seen = store_look(s, st,
			(size_t)i * (st->capacity / 2), &h);
		if (seen == RT_STORE_FAILED)
			return seen;
		if (seen == RT_STORE_MODEL && status == RT_STORE_CORRUPT)
			status = seen;
		if (seen != RT_STORE_OK || (status == RT_STORE_OK
			&& h.sequence - newest->sequence > 0x7fffffffu))
			continue;
		status = RT_STORE_OK, *slot = i, *newest = h;
	}
	return status;
}

static int store_fits(const rt_saved *s, const rt_store *st)
{
	const size_t n = store_bytes(s);

	return n <= 0xffffffffu && st->capacity / 2 >= STORE_PAYLOAD
		&& st->capacity / 2 - STORE_PAYLOAD >= n;
}

static int store_write(const rt_saved *s, const rt_store *st, size_t at,
	StoreHeader *h)
{
	size_t to = at + STORE_PAYLOAD;

	if (st->erase && st->erase(st->user, at, st->capacity / 2))
		return RT_STORE_FAILED;
	for (int i = 0; i < RT_STORE_PARTS; i++) {
		if (s->bytes[i] > 0
			&& st->write(st->user, to, s->part[i], s->bytes[i]))
			return RT_STORE_FAILED;
		h->crc = store_crc(h->crc, s->part[i], s->bytes[i]);
		to += s->bytes[i];
	}
	h->header_crc = store_crc(0, h, offsetof(StoreHeader, header_crc));
	if (st->write(st->user, at, h, sizeof(*h)))
		return RT_STORE_FAILED;
	return RT_STORE_OK;
}

RT_API int rt_save(const rt_saved *s, const rt_store *st)
{
	StoreHeader old, h;
	int slot = 1, found;

	if (!store_fits(s, st))
		return RT_STORE_SIZE;
	found = store_find(s, st, &slot, &old);
	if (found == RT_STORE_FAILED)
		return found;
	memset(&h, 0, sizeof(h));
	h.magic = STORE_MAGIC, h.version = STORE_VERSION;
	memcpy(h.model, s->model, 8);
	h.layout = s->layout, h.step = s->step, h.seed = s->seed;
	h.sequence = found == RT_STORE_OK ? old.sequence + 1 : 1;
	h.bytes = (uint32_t)store_bytes(s);
	return store_write(s, st, (size_t)(1 - slot) * (st->capacity / 2), &h);
}

RT_API int rt_load(rt_saved *s, const rt_store *st)
{
	StoreHeader h;
	size_t at;
	int slot = 0, status;

	if (!store_fits(s, st))
		return RT_STORE_SIZE;
	status = store_find(s, st, &slot, &h);
	if (status != RT_STORE_OK)
		return status;
	at = (size_t)slot * (st->capacity / 2) + STORE_PAYLOAD;
	for (int i = 0; i < RT_STORE_PARTS; i++) {
		if (s->bytes[i] > 0
			&& st->read(st->user, at, s->part[i], s->bytes[i]))
			return RT_STORE_FAILED;
		at += s->bytes[i];
	}
	s->step = h.step, s->seed = h.seed;
	return RT_STORE_OK;
}
