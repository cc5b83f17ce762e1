/*
 * NAME_save, NAME_load and NAME_inspect of an emitted program: that they hand
 * all of an instance to runtime/store.c, which has tests of its own
 * (store.c), and what comes of it back.
 */
#include "tests/unit/emitted.h"
#include "tests/unit/flash.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/tiny.h"

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER  "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* As in the emitted header; its store is an rt_store. */
enum { OK, ERROR_NULL, ERROR_SIZE, ERROR_ALIGN, ERROR_STORAGE, ERROR_CORRUPT,
       ERROR_MODEL, ERROR_LAYOUT, ERROR_VERSION, ERROR_EMPTY, LOADED_WEIGHTS };

typedef struct Saver {
	Unit u;
	char *dir;
	Program *p;
	Loaded l;
	int (*save)(const void *, const rt_store *);
	int (*load)(void *, const rt_store *);
	int (*inspect)(const void *, const rt_store *, rt_store_info *);
	Flash flash;
	rt_store store;
} Saver;

static void open_saver(Saver *s, const char *sha256, const char *compiler)
{
	memset(s, 0, sizeof *s);
	s->u = test_unit();
	s->p = tiny_program(&s->u, "tiny");
	s->p->model->var[4]->fill = 0.5;   /* the momentum begins so */
	s->dir = new_directory(s->u.arena);
	emit_program(s->p, &(EmitOptions){.sha256 = sha256}, s->dir, compiler);
	emit_glue_file(s->u.arena, s->p, s->dir);
	s->l = load_program(s->p, s->dir, compiler);
	find_symbol(s->l.library, "tiny_save", &s->save);
	find_symbol(s->l.library, "tiny_load", &s->load);
	find_symbol(s->l.library, "tiny_inspect", &s->inspect);
	flash_init(&s->flash, NOR, 1024, 4, 8, false);
	s->store = flash_store(&s->flash);
}

static void close_saver(Saver *s)
{
	dlclose(s->l.library);
	remove_directory(s->u.arena, s->dir);
	arena_destroy(s->u.arena);
}

/* Writes every byte of the variables. */
static void mark_state(const Saver *s, unsigned char *state, int mark,
                       VariableRole but)
{
	const Model *m = s->p->model;
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		if (v->mutable && v->role != but)
			memset(state + s->p->offset[i], mark,
			       (size_t)shape_bytes(v->shape, v->dtype));
	}
}

static Instance marked(const Saver *s, int mark)
{
	Instance k = new_instance(&s->l);
	mark_state(s, k.state, mark, VAR_BUFFER);
	*s->l.step(k.context) = (uint32_t)(100 * mark);
	*s->l.seed(k.context) = (uint32_t)(7 * mark);
	*s->l.hyper(k.context, "lr") = (float)mark;
	*s->l.hyper(k.context, "momentum") = (float)-mark;
	return k;
}

static bool same(const Saver *s, const Instance *a, const Instance *b)
{
	return !memcmp(a->state, b->state, (size_t)s->p->state_bytes) &&
	       *s->l.step(a->context) == *s->l.step(b->context) &&
	       *s->l.seed(a->context) == *s->l.seed(b->context) &&
	       *s->l.hyper(a->context, "lr") == *s->l.hyper(b->context, "lr") &&
	       *s->l.hyper(a->context, "momentum") ==
	       *s->l.hyper(b->context, "momentum");
}

static void check_loads_the_newest(const char *compiler)
{
	static Saver s;
	open_saver(&s, SHA256, compiler);
	for (int mark = 1; mark <= 9; mark++) {
		Instance k = marked(&s, mark), l = new_instance(&s.l);
		cr_assert_eq(s.save(k.context, &s.store), OK);
		cr_expect(same(&s, &k, &k));
		cr_expect(!same(&s, &k, &l));
		cr_expect_eq(s.load(l.context, &s.store), OK);
		cr_expect(same(&s, &k, &l), "save %d", mark);
	}
	cr_expect_eq(s.flash.broken_rules, 0);
	close_saver(&s);
}

Test(backend_save, loads_the_newest)
{
	for_each_maker(check_loads_the_newest);
}

/* Units that are larger than what save has on its stack. */
static void check_takes_the_arena(const char *compiler)
{
	static Saver s;
	open_saver(&s, SHA256, compiler);
	cr_assert_geq(s.p->arena_bytes, 256);
	flash_init(&s.flash, NOR, 4096, 2, 256, false);
	s.store = flash_store(&s.flash);
	Instance k = marked(&s, 3), l = new_instance(&s.l);
	cr_expect_eq(s.save(k.context, &s.store), OK);
	cr_expect_eq(s.load(l.context, &s.store), OK);
	cr_expect(same(&s, &k, &l));
	s.store.unit = 4096;
	cr_expect_eq(s.save(k.context, &s.store), ERROR_SIZE);
	close_saver(&s);
}

Test(backend_save, takes_the_arena)
{
	for_each_maker(check_takes_the_arena);
}

static void check_power_goes(const char *compiler)
{
	static Saver s;
	open_saver(&s, SHA256, compiler);
	Instance old = marked(&s, 1), new = marked(&s, 2);
	int olds = 0, ops = 0;
	cr_assert_eq(s.save(old.context, &s.store), OK);
	static Flash before;
	before = s.flash;
	for (;; ops++) {
		Instance k = new_instance(&s.l);
		s.flash = before;
		flash_power_on(&s.flash);
		s.flash.cut = ops;
		if (s.save(new.context, &s.store) == OK)
			break;
		flash_power_on(&s.flash);
		cr_expect_eq(s.load(k.context, &s.store), OK);
		cr_expect(same(&s, &k, &old) || same(&s, &k, &new));
		olds += same(&s, &k, &old);
	}
	cr_expect_gt(olds, s.p->state_bytes / 8);
	close_saver(&s);
}

Test(backend_save, power_goes)
{
	for_each_maker(check_power_goes);
}

static void check_weights_only(const char *compiler)
{
	static Saver s;
	open_saver(&s, SHA256, compiler);
	Instance k = marked(&s, 3), l = marked(&s, 4), want = marked(&s, 4);
	s.store.weights_only = 1;
	cr_expect_eq(s.save(k.context, &s.store), OK);
	cr_expect_eq(s.load(l.context, &s.store), LOADED_WEIGHTS);
	Instance fresh = new_instance(&s.l);
	memcpy(want.state, fresh.state, (size_t)s.p->state_bytes);
	mark_state(&s, want.state, 3, VAR_OPTIMIZER);
	*s.l.step(want.context) = 0;
	*s.l.seed(want.context) = 21;
	cr_expect(same(&s, &l, &want));
	s.store.weights_only = 0;
	cr_expect_eq(s.load(l.context, &s.store), ERROR_LAYOUT);
	close_saver(&s);
}

Test(backend_save, weights_only)
{
	for_each_maker(check_weights_only);
}

/* What NAME.h says a save takes is what it takes. */
static void expect_size(const Saver *s, const char *macro,
                        const rt_store_info *info)
{
	const char *text = read_text(s->u.arena, arena_printf(
		s->u.arena, "%s/tiny.h", s->dir));
	const char *at = strstr(text, macro);
	cr_assert_not_null(at);
	long bytes = strtol(at + strlen(macro), NULL, 10);
	cr_expect_eq((long)info->slot_bytes, (bytes + 63) / 64 * 64 + 4 * 64);
}

static void check_inspects(const char *compiler)
{
	static Saver s;
	open_saver(&s, SHA256, compiler);
	rt_store_info info;
	Instance k = marked(&s, 3);
	cr_expect_eq(s.inspect(k.context, &s.store, &info), ERROR_EMPTY);
	cr_expect_eq(info.saves, 0);
	for (int i = 0; i < 6; i++) {
		*s.l.step(k.context) += 1;
		cr_assert_eq(s.save(k.context, &s.store), OK);
	}
	cr_expect_eq(s.inspect(k.context, &s.store, &info), OK);
	cr_expect_eq(info.saves, 6);
	cr_expect_eq(info.step, 306);
	cr_expect_eq(info.slots, 4);
	cr_expect_eq(info.slot, 1);
	cr_expect_eq(info.erases, 2);
	expect_size(&s, "TINY_SAVED_BYTES ", &info);
	s.store.weights_only = 1;
	s.inspect(k.context, &s.store, &info);
	expect_size(&s, "TINY_SAVED_WEIGHTS_BYTES ", &info);
	close_saver(&s);
}

Test(backend_save, inspects)
{
	for_each_maker(check_inspects);
}

static void check_refuses_another_model(const char *compiler)
{
	static Saver s, other;
	open_saver(&s, SHA256, compiler);
	open_saver(&other, OTHER, compiler);
	Instance k = marked(&s, 3), stranger = marked(&other, 4);
	Instance want = marked(&other, 4);
	cr_assert_eq(s.save(k.context, &s.store), OK);
	cr_expect_eq(other.load(stranger.context, &s.store), ERROR_MODEL);
	cr_expect(same(&other, &stranger, &want));
	close_saver(&s);
	close_saver(&other);
}

Test(backend_save, refuses_another_model)
{
	for_each_maker(check_refuses_another_model);
}

static void check_says_why(const char *compiler)
{
	static Saver s;
	open_saver(&s, SHA256, compiler);
	rt_store_info info;
	Instance k = marked(&s, 3);
	cr_expect_eq(s.load(k.context, &s.store), ERROR_EMPTY);
	cr_expect_eq(s.save(NULL, &s.store), ERROR_NULL);
	cr_expect_eq(s.save(k.context, NULL), ERROR_NULL);
	cr_expect_eq(s.inspect(k.context, &s.store, NULL), ERROR_NULL);
	s.store.program = NULL;
	cr_expect_eq(s.save(k.context, &s.store), ERROR_NULL);
	cr_expect_eq(s.load(k.context, &s.store), ERROR_EMPTY);
	s.store.program = flash_program;
	s.store.sectors = 1;
	cr_expect_eq(s.save(k.context, &s.store), ERROR_SIZE);
	cr_expect_eq(s.load(k.context, &s.store), ERROR_SIZE);
	cr_expect_eq(s.inspect(k.context, &s.store, &info), ERROR_SIZE);
	s.store.sectors = 4;
	s.flash.dead = true;
	cr_expect_eq(s.save(k.context, &s.store), ERROR_STORAGE);
	cr_expect_eq(s.load(k.context, &s.store), ERROR_STORAGE);
	close_saver(&s);
}

Test(backend_save, says_why)
{
	for_each_maker(check_says_why);
}
