/*
 * Saving and loading while nothing goes wrong: slots in turn, wear, and what is
 * not written.
 */
#include "tests/unit/store_rig.h"

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

/* Erases spread evenly over the sectors that slots have, and info says how many
 * there were. */
Test(store, spreads_the_wear)
{
	static Rig r;
	rt_store_info info;
	for (int g = 0; g < NGEOMETRIES; g++) {
		if (geometries[g].kind == EEPROM || geometries[g].sector > 4096)
			continue;
		rig_init(&r, &geometries[g]);
		for (int i = 0; i < 50; i++)
			save_mark(&r, i + 1);
		int least = NEVER, most = 0;
		rt_inspect(&r.s, &r.st, &info);
		uint32_t each = (info.slot_bytes + r.f.sector - 1) / r.f.sector;
		for (uint32_t i = 0; i < r.f.sectors / each * each; i++) {
			least = r.f.erases[i] < least ? r.f.erases[i] : least;
			most = r.f.erases[i] > most ? r.f.erases[i] : most;
		}
		cr_expect_leq(most - least, 1, "%s", geometries[g].name);
		cr_expect_eq((int)info.erases, most, "%s", geometries[g].name);
		cr_expect_eq(info.saves, 50);
		cr_expect_eq(info.step, 5000);
	}
}

/* The number of the save is 32 bits long, and it comes to its end. */
static void set_sequence(Rig *r, uint32_t slot, uint32_t sequence)
{
	rt_slots g;
	rt_found f;
	cr_assert_eq(rt_measure(&g, &r->s, &r->st), RT_STORE_OK);
	cr_assert_eq(rt_look(&g, slot, &f), RT_STORE_OK);
	f.head.sequence = sequence;
	f.head.head_crc = rt_crc(0, &f.head, offsetof(rt_head, head_crc));
	for (uint32_t i = 1; i <= RT_HEADS_WRITTEN; i++)
		memcpy(r->f.byte + rt_slot_at(&g, slot) - r->f.base +
		       i * g.granule, &f.head, sizeof f.head);
}

Test(store, counts_on_from_zero)
{
	static Rig r;
	for (int g = 0; g < NGEOMETRIES; g++) {
		rig_init(&r, &geometries[g]);
		save_mark(&r, 1);
		set_sequence(&r, 0, 0xfffffffdu);
		for (int mark = 2; mark < 12; mark++) {
			cr_assert_eq(save_mark(&r, mark), RT_STORE_OK);
			cr_expect_eq(load_mark(&r), mark, "%s",
			             geometries[g].name);
		}
	}
}

/* ---- only what has changed ---- */

/* A state of many sectors: w1 and w2 train, the embedding seldom does. */
enum { LARGE = 6000 };

static const rt_part large_parts[] = {
	{"w1", "f32", RT_PARAMETER, 0, 500},
	{"embedding", "f32", RT_PARAMETER, 500, 5000},
	{"w2", "f32", RT_PARAMETER, 5500, 500},
};

typedef struct Large {
	Rig r;
	unsigned char state[LARGE];
} Large;

static void large_init(Large *l, const Geometry *g)
{
	rig_init(&l->r, g);
	l->r.s.part = large_parts;
	l->r.s.parts = 3;
	l->r.s.state = l->state;
	memset(l->state, 1, LARGE);
}

/* Trains w1 and w2, saves, and looks whether a load gives that. */
static void large_step(Large *l, int step)
{
	static unsigned char want[LARGE];
	memset(l->state, 100 + step, 500);
	memset(l->state + 5500, 200 - step, 500);
	memcpy(want, l->state, LARGE);
	cr_assert_eq(rt_save(&l->r.s, &l->r.st), RT_STORE_OK);
	memset(l->state, 0x5a, LARGE);
	cr_assert_eq(rt_load(&l->r.s, &l->r.st), RT_STORE_OK);
	cr_expect_eq(memcmp(l->state, want, LARGE), 0);
	cr_expect_eq(l->r.f.broken_rules, 0);
}

Test(store, leaves_equal_sectors_alone)
{
	static Large l;
	static const Geometry nor = {"", NOR, 512, 28, 8, false};
	large_init(&l, &nor);
	for (int step = 0; step < 10; step++)
		large_step(&l, step);
	/* A slot is 13 sectors; 9 of them are full of the embedding. Four heads
	 * and then 6080 bytes; two heads are written. */
	int erases = 0, seldom = 0;
	for (int i = 0; i < 28; i++) {
		erases += l.r.f.erases[i];
		seldom += l.r.f.erases[i] == 1;
	}
	cr_expect_eq(seldom, 2 * 9);
	cr_expect_eq(erases, 2 * 9 + 2 * 5 * 4);
	cr_expect_eq(l.r.f.writes, (10 * (2 * 64 + 6080) - 8 * 9 * 512) / 8);
}

Test(store, leaves_equal_granules_alone)
{
	static Large l;
	static const Geometry eeprom = {"", EEPROM, 64, 240, 64, false};
	large_init(&l, &eeprom);
	for (int step = 0; step < 2; step++)
		large_step(&l, step);
	int first = l.r.f.writes;
	for (int step = 2; step < 4; step++)
		large_step(&l, step);
	cr_expect_lt(3 * (l.r.f.writes - first), first);
}

Test(store, writes_nothing_if_nothing_changed)
{
	static Rig r;
	for (int g = 0; g < NGEOMETRIES; g++) {
		rig_init(&r, &geometries[g]);
		save_mark(&r, 1);
		save_mark(&r, 2);
		r.f.ops = 0;
		cr_expect_eq(save_mark(&r, 2), RT_STORE_OK);
		cr_expect_eq(r.f.ops, 0, "%s", geometries[g].name);
		r.settings[4]++;
		cr_expect_eq(rt_save(&r.s, &r.st), RT_STORE_OK);
		cr_expect_gt(r.f.ops, 0, "%s", geometries[g].name);
	}
}
