/*
 * Saving and loading while nothing goes wrong: slots in turn, wear, what is not
 * written; and what is said of storage that is damaged, foreign or worn.
 */
#include "tests/unit/store_rig.h"

#include <stdio.h>

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

/* ---- damage ---- */

/* Every byte of the region, in three ways: what is loaded is whole, the newest
 * or the one before; and it is that one if the byte is among its parts. */
static void damage(const Geometry *g, long *tried, long *fell_back)
{
	static const unsigned char flips[] = {0x01, 0x80, 0xff};
	static Rig r;
	rig_init(&r, g);
	for (int mark = 1; mark <= 4; mark++)
		save_mark(&r, mark);
	r.st.program = NULL;
	for (uint32_t i = 0; i < flash_bytes(&r.f); i++)
		for (int f = 0; f < 3; f++) {
			r.f.byte[i] ^= flips[f];
			int mark = load_mark(&r);
			cr_expect(mark == 4 || mark == 3, "%s: byte %u: %d",
			          g->name, i, mark);
			*fell_back += mark == 3;
			++*tried;
			r.f.byte[i] ^= flips[f];
		}
	cr_expect_eq(load_mark(&r), 4);
}

Test(store, tells_damage)
{
	long tried = 0, fell_back = 0, geometries_tried = 0;
	for (int g = 0; g < NGEOMETRIES; g++)
		if (geometries[g].sector * geometries[g].sectors <= 8192) {
			damage(&geometries[g], &tried, &fell_back);
			geometries_tried++;
		}
	/* Every byte of the parts counts, padding included. */
	static Rig r;
	rt_slots s;
	rig_init(&r, &geometries[0]);
	rt_measure(&s, &r.s, &r.st);
	cr_expect_eq(fell_back, 3 * (long)s.bytes * geometries_tried);
	printf("%ld corruptions, %ld of them in what was to be loaded, 0 "
	       "losses\n", tried, fell_back);
}

/* Both copies of the head of the only save, or its parts: nothing is left. */
Test(store, tells_damage_of_the_only_save)
{
	static Rig r;
	rig_init(&r, &geometries[0]);
	save_mark(&r, 5);
	r.st.program = NULL;   /* else a load mends it */
	for (uint32_t i = 0; i < 64; i++) {
		r.f.byte[64 + i] ^= 4;
		cr_expect_eq(load_mark(&r), 5);
		r.f.byte[128 + i] ^= 8;
		int want = i < 4 ? RT_STORE_EMPTY : RT_STORE_CORRUPT;
		cr_expect_eq(rt_load(&r.s, &r.st), want);
		r.f.byte[64 + i] ^= 4;
		r.f.byte[128 + i] ^= 8;
	}
	r.f.byte[300] ^= 1;
	cr_expect_eq(rt_load(&r.s, &r.st), RT_STORE_CORRUPT);
}

/* ---- what is not for us ---- */

/* A whole save of something else is refused, leaves all as it was, and gives
 * way to one of ours; how often the sector was erased is still known. */
static void refuse(void (*change)(Rig *), int want)
{
	static Rig r, other;
	rt_store_info info;
	rig_init(&r, &geometries[0]);
	for (int mark = 1; mark <= 6; mark++)
		save_mark(&r, mark);
	other = r;
	other.st.user = &other.f;
	other.s.state = other.state;
	other.s.settings = other.settings;
	other.s.buffer = other.buffer;
	change(&other);
	memset(other.state, 0x5a, STATE);
	cr_expect_eq(rt_load(&other.s, &other.st), want);
	for (int i = 0; i < STATE; i++)
		cr_expect_eq(other.state[i], 0x5a);
	cr_expect_eq(rt_inspect(&other.s, &other.st, &info), want);
	cr_expect_eq(rt_save(&other.s, &other.st), RT_STORE_OK);
	cr_expect_leq(rt_load(&other.s, &other.st), RT_STORE_PARTIAL);
	cr_expect_eq(other.f.broken_rules, 0);
}

static void other_model(Rig *r)
{
	r->s.model = (const unsigned char *)"model B";
}

static void fewer_parts(Rig *r)
{
	r->s.parts--;
}

static void other_name(Rig *r)
{
	static rt_part p[PARTS];
	memcpy(p, parts, sizeof parts);
	p[1].name = "fc3.weight";
	r->s.part = p;
}

static void other_type(Rig *r)
{
	static rt_part p[PARTS];
	memcpy(p, parts, sizeof parts);
	memcpy(p[1].dtype, "i32", 4);
	r->s.part = p;
}

static void only_weights(Rig *r)
{
	r->st.weights_only = 1;
}

static void newer_version(Rig *r)
{
	for (uint32_t i = 0; i < flash_bytes(&r->f); i += 64) {
		rt_head h;
		memcpy(&h, r->f.byte + i, sizeof h);
		if (h.magic != RT_STORE_MAGIC)
			continue;
		h.version++;
		h.head_crc = rt_crc(0, &h, offsetof(rt_head, head_crc));
		memcpy(r->f.byte + i, &h, sizeof h);
	}
}

Test(store, refuses_what_is_not_its_own)
{
	refuse(other_model, RT_STORE_MODEL);
	refuse(fewer_parts, RT_STORE_LAYOUT);
	refuse(other_name, RT_STORE_LAYOUT);
	refuse(other_type, RT_STORE_LAYOUT);
	refuse(only_weights, RT_STORE_LAYOUT);
	refuse(newer_version, RT_STORE_VERSION);
}

/* The optimizer's state and the settings stay out, whoever saves and loads. */
Test(store, keeps_weights_only)
{
	static Rig r;
	rig_init(&r, &geometries[0]);
	r.st.weights_only = 1;
	save_mark(&r, 9);
	memset(r.state, 0x5a, STATE);
	memset(r.settings, 0x5a, sizeof r.settings);
	cr_expect_eq(rt_load(&r.s, &r.st), RT_STORE_PARTIAL);
	for (int i = 0; i < 3; i++)
		cr_expect(part_has(&r, &parts[i], 9));
	for (size_t i = 0; i < parts[3].bytes; i++)
		cr_expect_eq(r.state[parts[3].offset + i], 0);
	for (size_t i = 0; i < sizeof r.settings; i++)
		cr_expect_eq(r.settings[i], 0x5a);
	cr_expect_eq(r.s.step, 0);
	cr_expect_eq(r.s.seed, 63);
}

/* ---- storage that is no good ---- */

/* A sector that no longer erases is stepped over, if there are three slots; if
 * there are two, the save fails, and the other one stays. */
Test(store, steps_over_a_worn_sector)
{
	static Rig r;
	for (int worn = 0; worn < 6; worn++) {
		rig_init(&r, &(Geometry){"", NOR, 512, 6, 8, false});
		r.f.worn = worn;
		for (int mark = 1; mark < 12; mark++) {
			cr_assert_eq(save_mark(&r, mark), RT_STORE_OK);
			cr_expect_eq(load_mark(&r), mark);
		}
		rig_init(&r, &(Geometry){"", NOR, 512, 4, 8, false});
		r.f.worn = worn;
		int first = save_mark(&r, 1);
		cr_expect_eq(first, RT_STORE_OK);
		int second = save_mark(&r, 2);
		cr_expect_eq(second, worn < 4 ? RT_STORE_FAILED : RT_STORE_OK);
		cr_expect_eq(load_mark(&r), worn < 4 ? 1 : 2);
	}
}

/* Reads that fail while the power is on: nothing is loaded that is not whole,
 * and what is said is why. */
typedef struct Failing {
	Flash *f;
	int left;
} Failing;

static int failing_read(void *user, uint32_t at, void *dst, size_t n)
{
	Failing *x = user;
	return x->left-- <= 0 || flash_read(x->f, at, dst, n);
}

Test(store, says_that_reading_fails)
{
	static Rig r;
	rig_init(&r, &geometries[0]);
	save_mark(&r, 7);
	r.f.ops = 0;
	int loaded = 0;
	for (int reads = 0; reads < 60; reads++) {
		Failing x = {&r.f, reads};
		rt_store st = r.st;
		st.user = &x;
		st.read = failing_read;
		st.program = NULL;
		int status = rt_load(&r.s, &st);
		loaded += status == RT_STORE_OK;
		cr_expect(status == RT_STORE_OK ? mark_of(&r) == 7
		                                : status == RT_STORE_FAILED);
	}
	cr_expect_gt(loaded, 20);
	cr_expect_lt(loaded, 50);
}

static int measure(uint32_t sector, uint32_t sectors, uint32_t unit,
                   bool erases, size_t buffer)
{
	static Rig r;
	rt_store_info info;
	rig_init(&r, &geometries[0]);
	r.st.sector_bytes = sector;
	r.st.sectors = sectors;
	r.st.unit = unit;
	r.st.erase = erases ? flash_erase : NULL;
	r.s.buffer_bytes = buffer;
	for (size_t i = 0; i < FLASH_BYTES; i++)
		r.f.byte[i] = 0xff;
	r.f.sector = 1 << 16;
	r.f.sectors = 4;
	int status = rt_inspect(&r.s, &r.st, &info);
	if (status == RT_STORE_SIZE)
		cr_expect_eq(rt_save(&r.s, &r.st), RT_STORE_SIZE);
	return status;
}

Test(store, refuses_geometries)
{
	cr_expect_eq(measure(512, 4, 1, true, 0), RT_STORE_EMPTY);
	cr_expect_eq(measure(512, 3, 1, true, 0), RT_STORE_SIZE);
	cr_expect_eq(measure(1024, 1, 1, true, 0), RT_STORE_SIZE);
	cr_expect_eq(measure(1152, 1, 1, false, 0), RT_STORE_EMPTY);
	cr_expect_eq(measure(1151, 1, 1, false, 0), RT_STORE_SIZE);
	cr_expect_eq(measure(500, 9, 1, true, 0), RT_STORE_SIZE);
	cr_expect_eq(measure(512, 9, 0, true, 0), RT_STORE_SIZE);
	cr_expect_eq(measure(0, 9, 1, true, 0), RT_STORE_SIZE);
	cr_expect_eq(measure(4096, 2, 256, true, 256), RT_STORE_EMPTY);
	cr_expect_eq(measure(4096, 2, 256, true, 255), RT_STORE_SIZE);
	cr_expect_eq(measure(8192, 8, 8192, true, 8192), RT_STORE_SIZE);
	cr_expect_eq(measure(1u << 31, 2, 1, true, 0), RT_STORE_SIZE);
	cr_expect_eq(measure(512, 0xffffffffu, 1, true, 0), RT_STORE_SIZE);
}
