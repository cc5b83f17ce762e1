/*
 * Saving and loading: whenever the power goes, what is loaded is one whole
 * save, the new or the one before; anything else is refused.
 */
#include "tests/unit/emitted.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/tiny.h"

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER  "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* As in the emitted header. */
enum { OK, ERROR_NULL, ERROR_SIZE, ERROR_ALIGN, ERROR_STORAGE, ERROR_CORRUPT,
       ERROR_MODEL };

typedef struct Store {
	void *user;
	int (*read)(void *user, size_t offset, void *dst, size_t n);
	int (*write)(void *user, size_t offset, const void *src, size_t n);
	int (*erase)(void *user, size_t offset, size_t n);
	size_t capacity;
} Store;

/* Storage whose power goes after some bytes have been written. */
enum { CAPACITY = 1024 };

typedef struct Disk {
	unsigned char byte[CAPACITY];
	long left;
	int reads_left;
} Disk;

static int disk_read(void *user, size_t offset, void *dst, size_t n)
{
	Disk *d = user;
	cr_assert_leq(offset + n, CAPACITY);
	memcpy(dst, d->byte + offset, n);
	return d->reads_left-- <= 0;
}

static int disk_write(void *user, size_t offset, const void *src, size_t n)
{
	Disk *d = user;
	cr_assert_leq(offset + n, CAPACITY);
	size_t some = d->left < (long)n ? (size_t)d->left : n;
	memcpy(d->byte + offset, src, some);
	d->left -= (long)some;
	return some < n;
}

static int disk_erase(void *user, size_t offset, size_t n)
{
	Disk *d = user;
	cr_assert_leq(offset + n, CAPACITY);
	size_t some = d->left < (long)n ? (size_t)d->left : n;
	memset(d->byte + offset, 0xff, some);
	d->left -= (long)some;
	return some < n;
}

static void power_on(Disk *d)
{
	d->left = 1L << 30;
	d->reads_left = 1 << 30;
}

typedef struct Saver {
	Unit u;
	char *dir;
	Program *p;
	Loaded l;
	int (*save)(const void *, const Store *);
	int (*load)(void *, const Store *);
	Disk disk;
	Store store;
} Saver;

static void open_saver(Saver *s, const char *sha256, bool erase)
{
	memset(s, 0, sizeof *s);
	s->u = test_unit();
	s->p = tiny_program(&s->u, "tiny");
	s->dir = new_directory(s->u.arena);
	cr_assert(emit_c(s->p, &(EmitOptions){.sha256 = sha256}, s->dir));
	emit_glue_file(s->u.arena, s->p, s->dir);
	s->l = load_program(s->p, s->dir, "gcc");
	find_symbol(s->l.library, "tiny_save", &s->save);
	find_symbol(s->l.library, "tiny_load", &s->load);
	memset(s->disk.byte, 0xff, CAPACITY);
	s->store = (Store){&s->disk, disk_read, disk_write,
	                   erase ? disk_erase : NULL, CAPACITY};
	power_on(&s->disk);
}

static void close_saver(Saver *s)
{
	dlclose(s->l.library);
	remove_directory(s->u.arena, s->dir);
	arena_destroy(s->u.arena);
}

/* An instance whose every saved byte says which one it is. */
static Instance marked(const Saver *s, int mark)
{
	Instance k = new_instance(&s->l);
	memset(k.state, mark, (size_t)s->p->state_bytes);
	*s->l.step(k.context) = (uint32_t)(100 * mark);
	*s->l.seed(k.context) = (uint32_t)(7 * mark);
	*s->l.hyper(k.context, "lr") = (float)mark;
	*s->l.hyper(k.context, "momentum") = (float)-mark;
	return k;
}

/* Which one was loaded; 0: neither all of one nor all of another. */
static int mark_of(const Saver *s, const Instance *k)
{
	int mark = k->state[0];
	for (int64_t i = 0; i < s->p->state_bytes; i++)
		if (k->state[i] != mark)
			return 0;
	return *s->l.step(k->context) == (uint32_t)(100 * mark) &&
	       *s->l.seed(k->context) == (uint32_t)(7 * mark) &&
	       *s->l.hyper(k->context, "lr") == (float)mark &&
	       *s->l.hyper(k->context, "momentum") == (float)-mark ? mark : 0;
}

static int load_mark(Saver *s)
{
	Instance k = new_instance(&s->l);
	power_on(&s->disk);
	return s->load(k.context, &s->store) == OK ? mark_of(s, &k) : -1;
}

Test(backend_save, loads_the_newest)
{
	static Saver s;
	open_saver(&s, SHA256, false);
	for (int mark = 1; mark <= 5; mark++) {
		Instance k = marked(&s, mark);
		cr_assert_eq(s.save(k.context, &s.store), OK);
		cr_expect_eq(load_mark(&s), mark);
	}
	close_saver(&s);
}

/* The power goes after each byte in turn: of the first save, and of a save over
 * two. The next save works again. */
static void cut_power(bool erase, int saves)
{
	static Saver s;
	open_saver(&s, SHA256, erase);
	Instance new = marked(&s, 9), after = marked(&s, 10);
	for (int mark = 1; mark <= saves; mark++) {
		Instance old = marked(&s, mark);
		cr_assert_eq(s.save(old.context, &s.store), OK);
	}
	Disk before = s.disk;
	int olds = 0;
	for (long bytes = 0;; bytes++) {
		s.disk = before;
		s.disk.left = bytes;
		int status = s.save(new.context, &s.store);
		int mark = load_mark(&s);
		if (status == OK) {
			cr_expect_eq(mark, 9);
			break;
		}
		cr_expect_eq(status, ERROR_STORAGE);
		cr_expect_eq(mark, saves ? saves : -1, "after %ld bytes: %d",
		             bytes, mark);
		olds++;
		cr_expect_eq(s.save(after.context, &s.store), OK);
		cr_expect_eq(load_mark(&s), 10);
	}
	cr_expect_gt(olds, s.p->state_bytes);
	close_saver(&s);
}

Test(backend_save, power_goes_without_erase) { cut_power(false, 2); }
Test(backend_save, power_goes_with_erase) { cut_power(true, 3); }
Test(backend_save, power_goes_in_the_first) { cut_power(true, 0); }

/* Any bit of the only save: it is refused, or it was of no use. */
Test(backend_save, refuses_what_is_corrupt)
{
	static Saver s;
	open_saver(&s, SHA256, false);
	Instance k = marked(&s, 3);
	cr_expect_eq(load_mark(&s), -1);
	cr_assert_eq(s.save(k.context, &s.store), OK);
	int refused = 0;
	for (int bit = 0; bit < 8 * CAPACITY / 2; bit++) {
		s.disk.byte[bit / 8] ^= (unsigned char)(1 << bit % 8);
		int mark = load_mark(&s);
		cr_expect(mark == 3 || mark == -1);
		refused += mark == -1;
		s.disk.byte[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	/* Header, state, two hyper-parameters: each bit of them counts. */
	cr_expect_eq(refused, 8 * (44 + (int)s.p->state_bytes + 8));
	close_saver(&s);
}

Test(backend_save, refuses_another_model)
{
	static Saver s, other;
	open_saver(&s, SHA256, false);
	open_saver(&other, OTHER, false);
	Instance k = marked(&s, 3), stranger = marked(&other, 4);
	cr_assert_eq(s.save(k.context, &s.store), OK);
	cr_expect_eq(other.load(stranger.context, &s.store), ERROR_MODEL);
	cr_expect_eq(mark_of(&other, &stranger), 4);
	close_saver(&s);
	close_saver(&other);
}

Test(backend_save, says_why)
{
	static Saver s;
	open_saver(&s, SHA256, false);
	Instance k = marked(&s, 3);
	cr_expect_eq(s.load(k.context, &s.store), ERROR_CORRUPT);
	cr_expect_eq(s.save(NULL, &s.store), ERROR_NULL);
	cr_expect_eq(s.save(k.context, NULL), ERROR_NULL);
	s.store.capacity = 2 * (64 + (size_t)s.p->state_bytes + 8);
	cr_expect_eq(s.save(k.context, &s.store), OK);
	s.store.capacity -= 2;
	cr_expect_eq(s.save(k.context, &s.store), ERROR_SIZE);
	cr_expect_eq(s.load(k.context, &s.store), ERROR_SIZE);
	s.store.capacity += 2;
	s.disk.reads_left = 1;
	cr_expect_eq(s.load(k.context, &s.store), ERROR_STORAGE);
	close_saver(&s);
}
