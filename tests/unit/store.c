/*
 * What is saved survives: whenever the power goes, and whatever the storage
 * then reads as, a load gives one whole save, the last that ended or the one
 * that was being made; and what a load gave once is not lost by a later cut.
 */
#include "tests/unit/flash.h"

#include <stdio.h>

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

static void rig_init(Rig *r, const Geometry *g)
{
	flash_init(&r->f, g->kind, g->sector, g->sectors, g->unit,
	           g->erases_to_zero);
	r->st = flash_store(&r->f);
	r->s = (rt_saved){model_a, parts, PARTS, r->state, r->settings, 0, 0,
	                  r->buffer, sizeof r->buffer};
}

static int save_mark(Rig *r, int mark)
{
	memset(r->settings, mark, sizeof r->settings);
	for (int i = 0; i < STATE; i++)
		r->state[i] = (unsigned char)(mark + i * 7);
	r->s.step = 100u * (uint32_t)mark;
	r->s.seed = 7u * (uint32_t)mark;
	return rt_save(&r->s, &r->st);
}

static bool part_has(const Rig *r, const rt_part *p, int mark)
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
static int mark_of(const Rig *r)
{
	int mark = r->settings[parts[4].offset];
	for (int i = 0; i < PARTS; i++)
		if (!part_has(r, &parts[i], mark))
			return 0;
	return r->s.step == 100u * (uint32_t)mark &&
	       r->s.seed == 7u * (uint32_t)mark ? mark : 0;
}

/* -1: nothing was loaded, 0: something was that never was saved. */
static int load_mark(Rig *r)
{
	memset(r->state, 0x5a, sizeof r->state);
	memset(r->settings, 0x5a, sizeof r->settings);
	return rt_load(&r->s, &r->st) == RT_STORE_OK ? mark_of(r) : -1;
}

static int slots_of(Rig *r)
{
	rt_store_info info;
	rt_inspect(&r->s, &r->st, &info);
	return (int)info.slots;
}

/* ---- without trouble ---- */

Test(store, loads_the_newest)
{
	static Rig r;
	for (int g = 0; g < NGEOMETRIES; g++) {
		rig_init(&r, &geometries[g]);
		cr_expect_eq(load_mark(&r), -1, "%s", geometries[g].name);
		int n = 2 * slots_of(&r) + 3;
		for (int i = 0; i < (n < 600 ? n : 600); i++) {
			int mark = i % 200 + 1;
			cr_assert_eq(save_mark(&r, mark), RT_STORE_OK, "%s",
			             geometries[g].name);
			cr_expect_eq(load_mark(&r), mark);
		}
		cr_expect_eq(r.f.broken_rules, 0, "%s", geometries[g].name);
	}
}

/* ---- power ---- */

typedef struct Tally {
	long cuts, kept, losses;
} Tally;

static void count(Tally *t, bool good, const char *where, int op)
{
	t->losses += !good;
	cr_expect(good || t->losses > 3, "%s, cut in operation %d", where, op);
}

/* Loads a few times, since what is weak reads as it likes: once a load has
 * given the new save, so do all. Returns the mark, or 0 after a loss. */
static int load_after_cut(Rig *r, int old, int new)
{
	int mark = 0;
	for (int i = 0; i < 4; i++) {
		flash_power_on(&r->f);
		int seen = load_mark(r);
		if ((seen != old && seen != new) ||
		    (mark == new && seen != new))
			return 0;
		mark = seen;
	}
	return mark;
}

/* Cuts a save over `olds` others at every operation; after each, it is loaded,
 * saved again, and loaded again. */
static void cut_everywhere(const Geometry *g, int olds, uint64_t seed, Tally *t)
{
	static Rig r, before;
	rig_init(&before, g);
	rig_init(&r, g);
	for (int i = 1; i <= olds; i++)
		cr_assert_eq(save_mark(&before, i % 100 + 1), RT_STORE_OK);
	int old = olds ? olds % 100 + 1 : -1;
	for (int op = 0;; op++) {
		flash_copy(&r.f, &before.f);
		r.f.random = seed * 1000003u + (uint64_t)op;
		flash_power_on(&r.f);
		r.f.cut = op;
		int status = save_mark(&r, 150);
		if (status == RT_STORE_OK && r.f.ops <= op)
			break;
		t->cuts++;
		int mark = load_after_cut(&r, old, 150);
		t->kept += mark == 150;
		bool good = mark && save_mark(&r, 160) == RT_STORE_OK &&
		            load_mark(&r) == 160 && !r.f.broken_rules;
		count(t, good, g->name, op);
	}
}

Test(store, power_goes)
{
	Tally t = {0};
	for (int g = 0; g < NGEOMETRIES; g++)
		for (int olds = 0; olds < 7; olds++)
			for (uint64_t seed = 1; seed <= 3; seed++)
				cut_everywhere(&geometries[g], olds, seed, &t);
	printf("%ld cuts, %ld new saves kept, %ld losses\n", t.cuts, t.kept,
	       t.losses);
	cr_expect_gt(t.kept, 0);
	cr_expect_lt(t.kept, t.cuts);
	cr_expect_eq(t.losses, 0);
}
