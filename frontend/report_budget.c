#include "frontend/report_budget.h"

#include "ir/text.h"

#include <inttypes.h>

/* Of the operations that are needed anyway. */
static double percent(int64_t recomputed, int64_t flops)
{
	int64_t needed = flops - recomputed;
	return needed > 0 ? 100.0 * (double)recomputed / (double)needed : 0;
}

static json_t *techniques_json(int n, const Technique *t)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack(
			"{s:s, s:I, s:I}", "name", t[i].name,
			"saved_bytes", (json_int_t)t[i].bytes,
			"flops", (json_int_t)t[i].flops));
	return list;
}

static json_t *point_json(const SweepPoint *s)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:f, s:o}",
		"ram_bytes", (json_int_t)s->ram,
		"arena_bytes", (json_int_t)s->arena_bytes,
		"flops", (json_int_t)s->flops,
		"recomputed_flops", (json_int_t)s->recomputed_flops,
		"recomputed_percent", percent(s->recomputed_flops, s->flops),
		"techniques", techniques_json(s->ntechniques, s->technique));
}

void report_budget_json(json_t *o, const Program *p)
{
	if (p->ram) {
		json_object_set_new(o, "ram_bytes", json_integer(p->ram));
		json_object_set_new(o, "fits", json_boolean(p->fits));
		json_object_set_new(o, "techniques", techniques_json(
			p->ntechniques, p->technique));
	}
	if (p->ram && !p->fits) {
		json_object_set_new(o, "smallest_ram_bytes",
		                    json_integer(p->smallest_ram));
		json_object_set_new(o, "ram_lower_bound_bytes",
		                    json_integer(p->ram_floor));
	}
	if (!p->npoints)
		return;
	json_t *sweep = json_array();
	for (int i = 0; i < p->npoints; i++)
		json_array_append_new(sweep, point_json(&p->point[i]));
	json_object_set_new(o, "sweep", sweep);
}

/* ---- as text ---- */

static void print_techniques(FILE *f, const Program *p)
{
	const Plan *plan = p->train ? p->train : p->infer;
	fprintf(f, "\n%" PRId64 " of %" PRId64 " bytes of RAM used; %.4g "
	        "Mflop are computed twice (%.1f %%)\n",
	        p->arena_bytes + p->state_bytes, p->ram,
	        (double)plan->recomputed_flops / 1e6,
	        percent(plan->recomputed_flops, plan->cost.flops));
	for (int i = 0; i < p->ntechniques; i++)
		fprintf(f, "  %-30s %12" PRId64 " bytes saved  %.4g Mflop\n",
		        p->technique[i].name, p->technique[i].bytes,
		        (double)p->technique[i].flops / 1e6);
}

static void print_point(FILE *f, const SweepPoint *s)
{
	fprintf(f, "%14" PRId64 " %14" PRId64 "  %10.2f %%  ", s->ram,
	        s->arena_bytes, percent(s->recomputed_flops, s->flops));
	for (int i = 0; i < s->ntechniques; i++)
		fprintf(f, "%s%s", i ? ", " : "", s->technique[i].name);
	fprintf(f, "%s\n", s->ntechniques ? "" : "nothing computed twice");
}

void report_budget_table(FILE *f, const Program *p)
{
	if (p->ram && p->fits)
		print_techniques(f, p);
	if (!p->npoints)
		return;
	fprintf(f, "\n%14s %14s  %12s  techniques\n", "RAM", "arena",
	        "recomputed");
	for (int i = 0; i < p->npoints; i++)
		print_point(f, &p->point[i]);
}

/* ---- as a message ---- */

static const Plan *largest(const Program *p)
{
	const Plan *of[] = {p->train, p->evaluate, p->infer}, *most = NULL;
	for (int i = 0; i < 3; i++)
		if (of[i] && (!most || of[i]->arena_bytes > most->arena_bytes))
			most = of[i];
	return most;
}

/* The largest buffer at the peak that is smaller than `below`, or comes behind
 * it; NULL: none. */
static const Buffer *next_buffer(const Plan *plan, const Buffer *below)
{
	const Buffer *best = NULL;
	for (int i = 0; i < plan->nbuffers; i++) {
		const Buffer *b = &plan->buffer[i];
		if (b->first > plan->peak_step || b->last < plan->peak_step)
			continue;
		if (below && (b->bytes > below->bytes ||
		              (b->bytes == below->bytes && b <= below)))
			continue;
		if (!best || b->bytes > best->bytes)
			best = b;
	}
	return best;
}

const char *report_what_binds(const Program *p)
{
	enum { SHOWN = 5 };
	Arena *a = p->model->unit->arena;
	const Plan *plan = largest(p);
	const Node *n = plan->nsteps ? plan->step[plan->peak_step] : NULL;
	const char *text = arena_printf(a, "state %" PRId64 ", arena %" PRId64
		" at '%s' of %s:", p->state_bytes, p->arena_bytes,
		n && n->loc.node ? n->loc.node : "", plan->graph->name);
	const Buffer *b = NULL;
	for (int i = 0; i < SHOWN && (b = next_buffer(plan, b)); i++)
		text = arena_printf(a, "%s%s '%s' %" PRId64, text,
		                    i ? "," : "", b->name, b->bytes);
	return text;
}
