/*
 * Data that stays with the caller: a function that trains or evaluates asks for
 * the examples of its batch through a NAME_feed when it wants them; inference
 * reads them where they are.
 */
#include "backend/c_program.h"
#include "ir/batch_axis.h"
#include "ir/feed.h"

#include <string.h>

bool c_feeds(const CProgram *c, const CFunction *f)
{
	bool any = false;
	for (int i = 0; i < f->nargs; i++)
		any |= f->arg[i].fed;
	return any && f->plan != c->p->infer;
}

/* The first function that asks; they all ask for the same. */
static const CFunction *feeding(const CProgram *c)
{
	for (int f = 0; f < c->nfns; f++)
		if (c_feeds(c, &c->fn[f]))
			return &c->fn[f];
	return NULL;
}

static int64_t example_of(const CProgram *c, const Value *v)
{
	const Graph *g = feeding(c)->plan->graph;
	return value_has_batch(g, v) ? numel(v->shape) / graph_batch(g)
	                             : numel(v->shape);
}

static void put_member(Writer *w, const CProgram *c, const CArg *a)
{
	int64_t unit = feed_unit(c->p, a->v->name);
	w_line(w, "/* '%s', %s%s%s */", c_comment(c->arena, a->onnx),
	       dtype_name(a->v->dtype), shape_text(c->arena, a->v->shape),
	       unit == example_of(c, a->v) ? "" : arena_printf(
		       c->arena, ": rows of %lld", (long long)unit));
	w_line(w, "void (*%s)(void *user, %s *to, size_t first, size_t count);",
	       a->name, dtype_ctype(a->v->dtype));
}

/* For who feeds whatever the options were. */
static void put_unit(Writer *w, const CProgram *c, const CArg *a)
{
	w_line(w, "#define %s_%s_UNIT %s", c->upper, c_upper(c->arena, a->name),
	       c_bytes(c, feed_unit(c->p, a->v->name)));
}

void c_put_feed_type(Writer *w, const CProgram *c)
{
	const CFunction *f = feeding(c);
	if (!f)
		return;
	w_comment(w, arena_printf(c->arena,
	          "Where the examples of a batch come from: flash, a file, a "
	          "sensor's log. Each function writes count examples of the "
	          "batch's %s_BATCH, from number `first` on, counted from 0, as "
	          "a dense array to `to`; an input without a batch is asked for "
	          "whole. Where a comment says rows, it is rows instead: of an "
	          "input [N, C, H, ..], number r is row r %% H of channel r / H "
	          "%% C of example r / H / C. .._UNIT is the elements of one. "
	          "During one call of the model the same may be asked for "
	          "again, in any order, and must then be the same.", c->upper));
	for (int i = 0; i < f->nargs; i++)
		if (f->arg[i].fed)
			put_unit(w, c, &f->arg[i]);
	w_open(w, "typedef struct %s_feed {", c->name);
	w_line(w, "void *user;\t/* passed to the functions */");
	for (int i = 0; i < f->nargs; i++)
		if (f->arg[i].fed)
			put_member(w, c, &f->arg[i]);
	w->indent--;
	w_line(w, "} %s_feed;", c->name);
	w_raw(w, "\n");
}

static void put_missing(Writer *w, const CProgram *c, const char *pointer)
{
	w_open(w, "if (%s == NULL) {", pointer);
	w_line(w, "return %s_ERROR_NULL;", c->upper);
	w_close(w, "}");
}

void c_put_feed_checks(Writer *w, const CProgram *c, const CFunction *f)
{
	bool feeds = c_feeds(c, f);
	if (feeds)
		put_missing(w, c, "feed");
	for (int i = 0; i < f->nargs; i++)
		if (f->arg[i].fed)
			put_missing(w, c, arena_printf(c->arena, "%s%s",
			            feeds ? "feed->" : "", f->arg[i].name));
}

static const char *plus(const CProgram *c, const char *first, int64_t more)
{
	if (!more)
		return first;
	return strcmp(first, "0") ? arena_printf(c->arena, "%s + %s", first,
	                                         c_bytes(c, more))
	                          : c_bytes(c, more);
}

static void put_calls(Writer *w, const CProgram *c, const CArg *a,
                      const Ask *ask, const char *to, const char *first)
{
	w_open(w, "for (size_t i = 0; i < %s; i++) {", c_bytes(c, ask->calls));
	w_line(w, "feed->%s(feed->user, %s + i * %s, %s, %s);", a->name, to,
	       c_bytes(c, ask->count * ask->unit),
	       plus(c, strcmp(first, "0")
	            ? arena_printf(c->arena, "%s + i * %s", first,
	                           c_bytes(c, ask->apart))
	            : arena_printf(c->arena, "i * %s", c_bytes(c, ask->apart)),
	            ask->first), c_bytes(c, ask->count));
	w_close(w, "}");
}

void c_put_feed_call(Writer *w, const CProgram *c, const CFunction *f,
                     const Feeding *from)
{
	const CArg *a = NULL;
	for (int i = 0; i < f->nargs; i++)
		if (f->arg[i].v == from->input)
			a = &f->arg[i];
	if (!a)
		BUG("%%%s is fed but no argument", from->input->name);
	const Node *n = from->node;
	Ask ask = feed_ask(n, feed_unit(c->p, from->input->name));
	const char *first = from->part ? arena_printf(
		c->arena, "(size_t)%s * %s", from->part,
		c_bytes(c, numel(n->in[0]->shape) / ask.unit)) : "0";
	if (ask.calls == 1)
		w_line(w, "feed->%s(feed->user, %s, %s, %s);", a->name,
		       from->to, plus(c, first, ask.first),
		       c_bytes(c, ask.count));
	else
		put_calls(w, c, a, &ask, from->to, first);
}

/* ---- in the glue ---- */

/* Outputs come behind the inputs. */
static int data_number(const CFunction *f, const Value *v)
{
	const Graph *g = f->plan->graph;
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i] == v)
			return i;
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == v)
			return g->ninputs + i;
	BUG("%%%s is neither input nor output", v->name);
}

static void put_giver(Writer *w, const CProgram *c, const CFunction *f,
                      const CArg *a)
{
	const Value *v = a->v;
	w_line(w, "static void %s_%s(void *user, %s *to, size_t first, "
	       "size_t count)", f->name, a->name, dtype_ctype(v->dtype));
	w_open(w, "{");
	w_line(w, "const unsigned char *from = ((void *const *)user)[%d];",
	       data_number(f, v));
	const char *one = c_bytes(c, feed_unit(c->p, v->name) *
	                             dtype_size(v->dtype));
	w_line(w, "memcpy(to, from + first * %s, count * %s);", one, one);
	w_close(w, "}");
	w_raw(w, "\n");
}

void c_put_glue_feeds(Writer *w, const CProgram *c)
{
	for (int f = 0; f < c->nfns; f++) {
		const CFunction *fn = &c->fn[f];
		if (!c_feeds(c, fn))
			continue;
		for (int i = 0; i < fn->nargs; i++)
			if (fn->arg[i].fed)
				put_giver(w, c, fn, &fn->arg[i]);
	}
}

static void put_fed_call(Writer *w, const CProgram *c, const CFunction *f)
{
	w_line(w, "const %s_feed feed = {", c->name);
	w->indent++;
	w_line(w, ".user = (void *)fed,");
	for (int i = 0; i < f->nargs; i++)
		if (f->arg[i].fed)
			w_line(w, ".%s = %s_%s,", f->arg[i].name, f->name,
			       f->arg[i].name);
	w->indent--;
	w_line(w, "};");
	w_put(w, "return (int)%s_%s(context, &feed", c->name, f->name);
	for (int i = 0; i < f->nargs; i++)
		if (!f->arg[i].fed)
			w_put(w, ", NULL");
	w_line(w, ");");
}

void c_put_glue_call(Writer *w, const CProgram *c, const CFunction *f)
{
	if (c_feeds(c, f)) {
		put_fed_call(w, c, f);
		return;
	}
	w_put(w, "return (int)%s_%s(context", c->name, f->name);
	for (int i = 0; i < f->nargs; i++) {
		const Value *v = f->arg[i].v;
		if (f->arg[i].fed)
			w_put(w, ", fed[%d]", data_number(f, v));
		else
			w_put(w, ", NULL");
	}
	w_line(w, ");");
}
