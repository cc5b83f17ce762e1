/*
 * What is saved survives: whenever the power goes, and whatever the storage
 * then reads as, a load gives one whole save, the last that ended or the one
 * that was being made; and what a load gave once is not lost by a later cut.
 */
#include "tests/unit/store_rig.h"

#include <stdio.h>

/* What would be wrong, done by the storage behind the program's back, and what
 * it reads while it saves does not show it. */
typedef enum Sabotage {
	HONEST,
	FAITHFUL,      /* in the middle of things, and does nothing */
	HEADS_FIRST,   /* what commits is written before what it commits */
	ONE_HEAD,      /* only one copy of the head is ever written */
	NO_MARK,       /* nothing tells that a slot was begun */
	LAZY_ERASE,    /* a sector that reads as erased is not erased again */
	NO_SILENCE,    /* a head that a load passed over stays as it is */
} Sabotage;

typedef struct Saboteur {
	Flash *f;
	Sabotage kind;
	rt_slots slots;
	bool saving;
	unsigned char shown[FLASH_BYTES];
	uint32_t held[FLASH_BYTES / 64];   /* granules to be written */
	int nheld;
} Saboteur;

static int sly_read(void *user, uint32_t at, void *dst, size_t n)
{
	Saboteur *x = user;
	if (!x->saving)
		return flash_read(x->f, at, dst, n);
	memcpy(dst, x->shown + (at - x->f->base), n);
	return x->f->dead;
}

static int release(Saboteur *x, size_t n)
{
	for (int i = 0; i < x->nheld; i++)
		flash_program(x->f, x->f->base + x->held[i],
		              x->shown + x->held[i], n);
	x->nheld = 0;
	return x->f->dead;
}

static int sly_program(void *user, uint32_t at, const void *src, size_t n)
{
	Saboteur *x = user;
	uint32_t o = at - x->f->base, piece = o % x->slots.group_bytes %
	             x->slots.slot_bytes / x->slots.granule;
	memcpy(x->shown + o, src, n);
	if ((x->kind == ONE_HEAD && (piece == 2 || piece == 3)) ||
	    (x->kind == NO_MARK && piece == 0) ||
	    (x->kind == NO_SILENCE && piece == 1 && !x->saving))
		return x->f->dead;
	if (x->kind == HEADS_FIRST && piece >= 4) {
		x->held[x->nheld++] = o;
		return x->f->dead;
	}
	flash_program(x->f, at, src, n);
	return piece == 2 ? release(x, n) : x->f->dead;
}

static int sly_erase(void *user, uint32_t at, size_t n)
{
	Saboteur *x = user;
	uint32_t o = at - x->f->base;
	bool blank = true;
	memset(x->shown + o, x->f->blank, n);
	for (size_t i = 0; i < n; i += 64) {
		unsigned char block[64];
		if (flash_read(x->f, at + (uint32_t)i, block, 64))
			blank = false;
		for (int b = 0; b < 64; b++)
			blank = blank && block[b] == x->f->blank;
	}
	return x->kind == LAZY_ERASE && blank ? 0 : flash_erase(x->f, at, n);
}

static void sabotage(Saboteur *x, Rig *r, Sabotage kind)
{
	*x = (Saboteur){.f = &r->f, .kind = kind};
	if (kind == HONEST)
		return;
	rt_measure(&x->slots, &r->s, &r->st);
	r->st.user = x;
	r->st.read = sly_read;
	r->st.program = sly_program;
	if (r->st.erase)
		r->st.erase = sly_erase;
}

static int sly_save(Saboteur *x, Rig *r, int mark)
{
	memcpy(x->shown, r->f.byte, flash_bytes(&r->f));
	x->nheld = 0;
	x->saving = true;
	int status = save_mark(r, mark);
	x->saving = false;
	return status;
}

/* ---- one cut ---- */

typedef struct Tally {
	Sabotage sabotage;
	int most_ops;      /* to be cut; 0: all */
	long cuts, kept, losses;
} Tally;

static void count(Tally *t, bool good, const char *where, int op)
{
	t->losses += !good;
	cr_expect(good || t->sabotage || t->losses > 3,
	          "%s, cut in operation %d", where, op);
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
 * saved again (the same, which may find that much of it is there already, or
 * another), and loaded again. */
static void cut_everywhere(const Geometry *g, int olds, uint64_t seed, Tally *t)
{
	static Rig r, before;
	static Saboteur x;
	rig_init(&before, g);
	rig_init(&r, g);
	sabotage(&x, &r, t->sabotage);
	for (int i = 1; i <= olds; i++)
		cr_assert_eq(save_mark(&before, i % 100 + 1), RT_STORE_OK);
	int old = olds ? olds % 100 + 1 : -1;
	for (int op = 0;; op++) {
		flash_copy(&r.f, &before.f);
		r.f.random = seed * 1000003u + (uint64_t)op;
		flash_power_on(&r.f);
		r.f.cut = op;
		int status = sly_save(&x, &r, 150);
		if ((status == RT_STORE_OK && r.f.ops <= op) ||
		    (t->most_ops && op == t->most_ops))
			break;
		t->cuts++;
		int mark = load_after_cut(&r, old, 150);
		t->kept += mark == 150;
		int next = seed % 2 ? 150 : 160;
		bool good = mark && sly_save(&x, &r, next) == RT_STORE_OK &&
		            load_after_cut(&r, next, next) &&
		            !r.f.broken_rules;
		count(t, good, g->name, op);
	}
}

static void cut_geometry(const Geometry *g, int seeds, Tally *t)
{
	for (int olds = 0; olds < 7; olds++)
		for (int seed = 1; seed <= seeds; seed++)
			cut_everywhere(g, olds, (uint64_t)seed, t);
}

Test(store_power, goes)
{
	Tally t = {0};
	for (int g = 0; g < NGEOMETRIES; g++)
		cut_geometry(&geometries[g], 2, &t);
	printf("%ld cuts, %ld new saves kept, %ld losses\n", t.cuts, t.kept,
	       t.losses);
	cr_expect_gt(t.kept, 0);
	cr_expect_lt(t.kept, t.cuts);
	cr_expect_eq(t.losses, 0);
}

/* ---- many cuts ---- */

/* A second cut: in the load after the first, or in the save after that. What a
 * load has given is then no longer lost. A save without a load before it loses
 * nothing that ended either. */
static void cut_twice(const Geometry *g, int olds, int first, uint64_t seed,
                      Tally *t)
{
	static Rig r, before;
	static Saboteur x;
	rig_init(&before, g);
	rig_init(&r, g);
	sabotage(&x, &r, t->sabotage);
	for (int i = 1; i <= olds; i++)
		save_mark(&before, i);
	before.f.random = seed;
	before.f.ops = 0;
	before.f.cut = first;
	if (save_mark(&before, 150) == RT_STORE_OK)
		return;
	for (int op = 0;; op++) {
		flash_copy(&r.f, &before.f);
		r.f.random += (uint64_t)op;
		flash_power_on(&r.f);
		r.f.cut = op;
		int had = seed % 3 ? load_mark(&r) : 0;
		bool good = r.f.dead || !had || had == olds || had == 150;
		if (r.f.dead) {
			good &= load_after_cut(&r, olds, 150) != 0;
		} else if (sly_save(&x, &r, 160) == RT_STORE_OK) {
			break;
		} else if (had) {
			good &= load_after_cut(&r, had, 160) != 0;
		} else {
			flash_power_on(&r.f);
			int mark = load_mark(&r);
			good &= mark == olds || mark == 150 || mark == 160;
		}
		t->cuts++;
		flash_power_on(&r.f);
		good &= sly_save(&x, &r, 170) == RT_STORE_OK &&
		        load_mark(&r) == 170 && !r.f.broken_rules;
		count(t, good, g->name, op);
	}
}

Test(store_power, goes_twice)
{
	Tally t = {0};
	for (int g = 1; g < NGEOMETRIES; g++)
		for (int first = 0; first < 40; first += 2)
			cut_twice(&geometries[g], 2 + first % 3, first,
			          (uint64_t)first + 1, &t);
	printf("%ld second cuts, %ld losses\n", t.cuts, t.losses);
	cr_expect_gt(t.cuts, 10000);
	cr_expect_eq(t.losses, 0);
}

/* The first copy of a head may be half written when the next save, which no
 * load came before, erases the only other slot. */
Test(store_power, goes_before_an_erase)
{
	static const Geometry two = {"", ECC, 1024, 2, 32, false};
	Tally t = {0};
	for (int first = 10; first < 16; first++)
		for (int seed = 1; seed <= 20; seed++)
			cut_twice(&two, 2, first, 3 * (uint64_t)seed, &t);
	cr_expect_gt(t.cuts, 1000);
	cr_expect_eq(t.losses, 0);
}

/* A device's life: most saves end, some are cut, some loads are. */
static void live(const Geometry *g, uint64_t seed, Tally *t)
{
	static Rig r;
	rig_init(&r, g);
	r.f.random = seed;
	int last = -1;
	for (int i = 0; i < 300; i++) {
		int new = i % 120 + 1;
		flash_power_on(&r.f);
		if (flash_random(&r.f) % 3)
			r.f.cut = (int)(flash_random(&r.f) % 90);
		bool ended = save_mark(&r, new) == RT_STORE_OK;
		t->cuts += r.f.dead;
		int mark = ended ? load_mark(&r) : 0;
		if (r.f.dead)
			mark = load_after_cut(&r, ended ? new : last, new);
		count(t, ended ? mark == new : mark != 0, g->name, i);
		if (!mark)
			return;
		last = mark;
	}
	cr_expect_eq(r.f.broken_rules, 0, "%s", g->name);
}

Test(store_power, comes_and_goes)
{
	Tally t = {0};
	for (int g = 0; g < NGEOMETRIES; g++)
		for (uint64_t seed = 1; seed <= 3; seed++)
			live(&geometries[g], seed, &t);
	printf("%ld cuts in long lives, %ld losses\n", t.cuts, t.losses);
	cr_expect_eq(t.losses, 0);
}


/* ---- could the tests fail? ---- */

/* The same, of storage that does not keep to the order. What is rare is looked
 * for where it may be: where slots share a sector, in the first operations. */
Test(store_power, sabotage_is_seen)
{
	static const Geometry two = {"", NOR, 512, 4, 8, false};
	static const Geometry shared = {"", NOR, 4096, 3, 32, false};
	static const Geometry words = {"", ECC, 2048, 2, 8, false};
	static const struct {
		const char *what;
		Sabotage kind;
		const Geometry *g;
		int seeds, most_ops;
	} c[] = {
		{"heads first", HEADS_FIRST, &words, 8, 0},
		{"one head", ONE_HEAD, &words, 3, 0},
		{"no mark", NO_MARK, &shared, 200, 2},
		{"lazy erase", LAZY_ERASE, &two, 80, 2},
	};
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
		Tally sly = {.sabotage = c[i].kind, .most_ops = c[i].most_ops};
		Tally faithful = {.sabotage = FAITHFUL, .most_ops = 40};
		cut_geometry(c[i].g, c[i].seeds, &sly);
		cut_geometry(c[i].g, 1, &faithful);
		printf("%s: %ld cuts, %ld losses\n", c[i].what, sly.cuts,
		       sly.losses);
		cr_expect_gt(sly.losses, 0, "%s", c[i].what);
		cr_expect_eq(faithful.losses, 0, "%s", c[i].what);
	}
	Tally sly = {.sabotage = NO_SILENCE};
	Tally faithful = {.sabotage = FAITHFUL};
	for (int seed = 1; seed < 20; seed++) {
		cut_twice(&shared, 1, 13, (uint64_t)seed, &sly);
		cut_twice(&shared, 1, 13, (uint64_t)seed, &faithful);
	}
	printf("no silence: %ld cuts, %ld losses\n", sly.cuts, sly.losses);
	cr_expect_gt(sly.losses, 0);
	cr_expect_eq(faithful.losses, 0);
}
