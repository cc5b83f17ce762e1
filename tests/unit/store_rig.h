/*
 * For tests of runtime/store.c: what is saved, every byte of which says which
 * save it is of, and storage of many kinds.
 */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include "tests/unit/flash.h"

static const unsigned char model_a[8] = "model A";

enum { STATE = 176, PARTS = 5 };

static const rt_part parts[PARTS] = {
	{"/fc1/bias", "f32", RT_PARAMETER, 0, 20},
	{"fc2.weight", "f32", RT_PARAMETER, 32, 60},
	{"bn.mean", "bf16", RT_BUFFER, 96, 14},
	{"fc2.weight/momentum", "f32", RT_OPTIMIZER, 112, 60},
	{"lr", "f32", RT_SETTING, 4, 4},
};

typedef struct Rig {
	Flash f;
	rt_store st;
	unsigned char state[STATE], settings[8], buffer[4096];
	rt_saved s;
} Rig;

typedef struct Geometry {
	const char *name;
	FlashKind kind;
	uint32_t sector, sectors, unit;
	bool erases_to_zero;
} Geometry;

static const Geometry geometries[] = {
	{"NOR, two slots of two sectors", NOR, 512, 4, 1, false},
	{"NOR, three slots, a sector over", NOR, 512, 7, 8, false},
	{"NOR, words", NOR, 1024, 2, 4, false},
	{"NOR, pages", NOR, 4096, 2, 256, false},
	{"NOR, pages and three sectors", NOR, 4096, 3, 32, false},
	{"NOR, a page a sector", NOR, 4096, 10, 4096, false},
	{"NOR, pages of 264", NOR, 2112, 4, 264, false},
	{"NOR, large sectors", NOR, 1 << 17, 2, 256, false},
	{"ECC, double words", ECC, 2048, 2, 8, false},
	{"ECC, 32 bytes", ECC, 2048, 3, 32, false},
	{"erased to 0", NOR, 128, 12, 4, true},
	{"EEPROM, bytes", EEPROM, 1200, 1, 1, false},
	{"EEPROM, pages", EEPROM, 64, 30, 32, false},
};

enum { NGEOMETRIES = (int)(sizeof geometries / sizeof geometries[0]) };

static inline void rig_init(Rig *r, const Geometry *g)
{
	flash_init(&r->f, g->kind, g->sector, g->sectors, g->unit,
	           g->erases_to_zero);
	r->st = flash_store(&r->f);
	r->s = (rt_saved){model_a, parts, PARTS, r->state, r->settings, 0, 0,
	                  r->buffer, sizeof r->buffer};
}

static inline int save_mark(Rig *r, int mark)
{
	memset(r->settings, mark, sizeof r->settings);
	for (int i = 0; i < STATE; i++)
		r->state[i] = (unsigned char)(mark + i * 7);
	r->s.step = 100u * (uint32_t)mark;
	r->s.seed = 7u * (uint32_t)mark;
	return rt_save(&r->s, &r->st);
}

static inline bool part_has(const Rig *r, const rt_part *p, int mark)
{
	for (size_t i = p->offset; i < p->offset + p->bytes; i++)
		if (p->kind == RT_SETTING
		    ? r->settings[i] != (unsigned char)mark
		    : r->state[i] != (unsigned char)(mark + (int)i * 7))
			return false;
	return true;
}

/* Which save was loaded; 0: neither all of one nor all of another. Marks are
 * bytes. */
static inline int mark_of(const Rig *r)
{
	int mark = r->settings[parts[4].offset];
	for (int i = 0; i < PARTS; i++)
		if (!part_has(r, &parts[i], mark))
			return 0;
	return r->s.step == 100u * (uint32_t)mark &&
	       r->s.seed == 7u * (uint32_t)mark ? mark : 0;
}

/* -1: nothing was loaded, 0: something was that never was saved. */
static inline int load_mark(Rig *r)
{
	memset(r->state, 0x5a, sizeof r->state);
	memset(r->settings, 0x5a, sizeof r->settings);
	return rt_load(&r->s, &r->st) == RT_STORE_OK ? mark_of(r) : -1;
}

static inline int slots_of(Rig *r)
{
	rt_store_info info;
	rt_inspect(&r->s, &r->st, &info);
	return (int)info.slots;
}

#endif
