#include "frontend/report_thin.h"

#include "frontend/report_plan.h"
#include "frontend/text_fit.h"

#include <inttypes.h>

/* Was it asked for, of any parameter? */
static bool is_any(const Model *m)
{
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->thin)
			return true;
	return false;
}

/* Of one that is granted: is the whole gradient in memory at some step? */
static const char *gradient_word(const Program *p, const Variable *v)
{
	const char *of = v->thin->gradient;
	return of && p->train &&
	       plan_has_gradient(p->train, of, numel(v->shape))
	       ? "whole" : "thin";
}

static json_t *entry(const Program *p, const Variable *v)
{
	const Thin *t = v->thin;
	json_t *o = json_pack("{s:o, s:I, s:I}", "parameter",
	                      text_json(v->name), "rank", (json_int_t)t->rank,
	                      "sketch_width", (json_int_t)t->width);
	if (t->why) {
		json_object_set_new(o, "why", json_string(t->why));
		return o;
	}
	json_object_set_new(o, "saved_bytes", json_integer(t->saved));
	json_object_set_new(o, "gradient", json_string(gradient_word(p, v)));
	return o;
}

static json_t *total(const ThinSaving *t)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I}",
		"of", t->name ? t->name : "all",
		"gradient_bytes_saved", (json_int_t)t->gradients,
		"optimizer_bytes_saved", (json_int_t)t->optimizer,
		"saved_bytes", (json_int_t)t->ram,
		"flops", (json_int_t)t->flops);
}

static json_t *totals(const ThinTotal *t)
{
	json_t *list = json_array();
	for (int i = 0; i < t->n; i++)
		json_array_append_new(list, total(&t->of[i]));
	return list;
}

void report_thin_json(json_t *report, const Program *p)
{
	const Model *m = p->model;
	if (!is_any(m))
		return;
	json_t *list = json_array();
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->thin)
			json_array_append_new(list, entry(p, m->var[i]));
	json_object_set_new(report, "thin", list);
	if (p->thin)
		json_object_set_new(report, "thin_total", totals(p->thin));
}

static void print_totals(FILE *f, const ThinTotal *t)
{
	fprintf(f, "\n%-16s %12s %12s %16s %14s\n", "that saves",
	        "gradients", "optimizer", "arena + state", "Mflop more");
	for (int i = 0; i < t->n; i++) {
		const ThinSaving *s = &t->of[i];
		fprintf(f, "  %-14s %12" PRId64 " %12" PRId64 " %16" PRId64
		        " %+14.4g\n", s->name ? s->name : "together",
		        s->gradients, s->optimizer, s->ram,
		        (double)s->flops / 1e6);
	}
}

void report_thin_table(FILE *f, const Program *p)
{
	const Model *m = p->model;
	Arena *scratch = arena_create();
	if (is_any(m))
		fprintf(f, "\n%-30s %-12s %17s  %s\n",
		        "smaller optimizer state", "kept as", "bytes saved",
		        "gradient");
	for (int i = 0; i < m->nvars; i++) {
		const Thin *t = m->var[i]->thin;
		if (!t)
			continue;
		fprintf(f, "  %s ", text_cell(scratch, m->var[i]->name, 28));
		if (t->why)
			fprintf(f, "whole: %s\n", t->why);
		else
			fprintf(f, "%-6s %5" PRId64 " %17" PRId64 "  %s\n",
			        t->rank ? "rank" : "sketch",
			        t->rank ? t->rank : t->width, t->saved,
			        gradient_word(p, m->var[i]));
	}
	if (p->thin)
		print_totals(f, p->thin);
	arena_destroy(scratch);
}
