/*
 * Storage that is damaged, foreign or worn: what is loaded is one whole save or
 * nothing, and what is said is why.
 */
#include "tests/unit/store_rig.h"

#include <stdio.h>

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

Test(store_bad, tells_damage)
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
Test(store_bad, tells_damage_of_the_only_save)
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

/* What could not be read for once, and can again, is older than what was saved
 * meanwhile. */
Test(store_bad, is_newer_than_what_comes_back)
{
	static Rig r;
	rig_init(&r, &(Geometry){"", NOR, 512, 8, 8, false});
	for (int mark = 1; mark <= 4; mark++)
		save_mark(&r, mark);
	r.f.byte[2 * 1024 + 300] ^= 1;
	r.f.byte[3 * 1024 + 300] ^= 1;
	cr_expect_eq(load_mark(&r), 2);
	cr_expect_eq(save_mark(&r, 5), RT_STORE_OK);
	cr_expect_eq(load_mark(&r), 5);
	for (int slot = 2; slot < 4; slot++)
		if (r.f.erases[2 * slot] == 1)
			r.f.byte[slot * 1024 + 300] ^= 1;
	cr_expect_eq(load_mark(&r), 5);
}

/* A save that hangs on one copy of its head, with none left that is blank, is
 * not what the only other save is erased for. */
Test(store_bad, does_not_rely_on_one_head)
{
	static Rig r;
	rig_init(&r, &geometries[0]);
	save_mark(&r, 1);
	save_mark(&r, 2);
	memset(r.f.byte + 1024 + 2 * 64, 0, 2 * 64);
	cr_expect_eq(load_mark(&r), 2);
	cr_expect_eq(save_mark(&r, 3), RT_STORE_OK);
	cr_expect_eq(r.f.erases[0], 1);
	cr_expect_eq(r.f.erases[2], 2);
	cr_expect_eq(load_mark(&r), 3);
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

Test(store_bad, refuses_what_is_not_its_own)
{
	refuse(other_model, RT_STORE_MODEL);
	refuse(fewer_parts, RT_STORE_LAYOUT);
	refuse(other_name, RT_STORE_LAYOUT);
	refuse(other_type, RT_STORE_LAYOUT);
	refuse(only_weights, RT_STORE_LAYOUT);
	refuse(newer_version, RT_STORE_VERSION);
}

/* The optimizer's state and the settings stay out, whoever saves and loads. */
Test(store_bad, keeps_weights_only)
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
Test(store_bad, steps_over_a_worn_sector)
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

/* A byte that can no longer be programmed: what does not read back does not
 * count as saved. Some bytes of a slot are blank anyway. */
Test(store_bad, steps_over_a_stuck_byte)
{
	static Rig r;
	int stepped = 0;
	for (int stuck = 0; stuck < 576; stuck += 5) {
		rt_store_info info;
		rig_init(&r, &(Geometry){"", NOR, 512, 6, 8, false});
		r.f.stuck = stuck;
		for (int mark = 1; mark < 8; mark++) {
			cr_assert_eq(save_mark(&r, mark), RT_STORE_OK);
			cr_expect_eq(load_mark(&r), mark, "byte %d", stuck);
		}
		rt_inspect(&r.s, &r.st, &info);
		stepped += info.slot != 0;
	}
	cr_expect_gt(stepped, 50);
	cr_expect_lt(stepped, 576 / 5);
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

Test(store_bad, says_that_reading_fails)
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

/* One that lies, once: what was checked in the storage may still come over
 * wrong. */
static int lying_read(void *user, uint32_t at, void *dst, size_t n)
{
	Failing *x = user;
	int bad = flash_read(x->f, at, dst, n);
	if (x->left-- == 0)
		((unsigned char *)dst)[n / 2] ^= 0x10;
	return bad;
}

Test(store_bad, tells_what_came_over_wrong)
{
	static Rig r;
	rig_init(&r, &geometries[0]);
	save_mark(&r, 6);
	save_mark(&r, 7);
	int older = 0;
	for (int reads = 0; reads < 60; reads++) {
		Failing x = {&r.f, reads};
		rt_store st = r.st;
		st.user = &x;
		st.read = lying_read;
		st.program = NULL;
		cr_expect_eq(rt_load(&r.s, &st), RT_STORE_OK);
		int mark = mark_of(&r);
		cr_expect(mark == 7 || mark == 6, "read %d: %d", reads, mark);
		older += mark == 6;
	}
	cr_expect_gt(older, 5);
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

Test(store_bad, refuses_geometries)
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
