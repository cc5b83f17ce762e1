#include "frontend/report_budget.h"

#include "frontend/report_plan.h"
#include "ir/op.h"
#include "ir/text.h"

#include <inttypes.h>
#include <string.h>

/* Of the operations that are needed anyway. */
static double percent(int64_t more, int64_t flops)
{
	int64_t needed = flops - more;
	return needed > 0 ? 100.0 * (double)more / (double)needed : 0;
}

static const Plan *largest(const Program *p)
{
	const Plan *of[] = {p->train, p->evaluate, p->infer}, *most = NULL;
	for (int i = 0; i < 3; i++)
		if (of[i] && (!most || of[i]->arena_bytes > most->arena_bytes))
			most = of[i];
	return most;
}

static const char *peak_node(const Plan *plan)
{
	const Node *n = plan->nsteps ? plan->step[plan->peak_step] : NULL;
	return n && n->loc.node ? n->loc.node : "";
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

/* The largest buffers at the peak. */
static json_t *binds_json(const Plan *plan, int most)
{
	Arena *scratch = arena_create();
	const Node **writer = plan_writers(scratch, plan);
	json_t *list = json_array();
	const Buffer *b = NULL;
	for (int i = 0; i < most && (b = next_buffer(plan, b)); i++) {
		const Node *n = writer[b - plan->buffer];
		json_array_append_new(list, json_pack(
			"{s:o, s:s, s:I, s:s, s:o}", "name", text_json(b->name),
			"class", memory_class_name(b->memory),
			"bytes", (json_int_t)b->bytes,
			"op", n ? n->op->name : "",
			"node", text_json(n ? n->loc.node : NULL)));
	}
	arena_destroy(scratch);
	return json_pack("{s:s, s:i, s:o, s:o}", "function", plan->graph->name,
	                 "step", plan->peak_step,
	                 "node", text_json(peak_node(plan)), "buffers", list);
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

/* Where another function needs more than this one's plan, that binds. */
static const Plan *binding(const Program *p, const SweepPoint *s)
{
	const Plan *of[] = {p->evaluate, p->infer}, *most = s->plan;
	for (int i = 0; i < 2; i++)
		if (of[i] && of[i]->arena_bytes > most->arena_bytes)
			most = of[i];
	return most;
}

static json_t *point_json(const Program *p, const SweepPoint *s)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:f, s:I, s:f, s:b, s:o, s:o}",
		"ram_bytes", (json_int_t)s->ram,
		"arena_bytes", (json_int_t)s->arena_bytes,
		"flops", (json_int_t)s->flops,
		"extra_flops", (json_int_t)s->extra_flops,
		"extra_percent", percent(s->extra_flops, s->flops),
		"recomputed_flops", (json_int_t)s->recomputed_flops,
		"recomputed_percent", percent(s->recomputed_flops, s->flops),
		"changes", s->changes,
		"techniques", techniques_json(s->ntechniques, s->technique),
		"binds", binds_json(binding(p, s), 4));
}

static json_t *sweep_json(const Program *p)
{
	json_t *sweep = json_array();
	for (int i = 0; i < p->npoints; i++)
		json_array_append_new(sweep, point_json(p, &p->point[i]));
	return sweep;
}

static json_t *savings_json(const Program *p)
{
	json_t *list = json_array();
	for (int i = 0; i < p->nsavings; i++)
		json_array_append_new(list, json_pack(
			"{s:s, s:s, s:I, s:I}", "name", p->saving[i].name,
			"does", p->saving[i].help,
			"arena_bytes_without",
			(json_int_t)p->saving[i].arena_without,
			"saved_bytes", (json_int_t)p->saving[i].saved));
	return list;
}

void report_budget_json(json_t *o, const Program *p)
{
	if (p->ram) {
		json_object_set_new(o, "ram_bytes", json_integer(p->ram));
		json_object_set_new(o, "fits", json_boolean(p->fits));
	}
	if (p->limited)
		json_object_set_new(o, "max_recompute_percent",
		                    json_real(p->limit));
	if (p->ram || p->limited) {
		json_object_set_new(o, "extra_flops",
		                    json_integer(p->extra_flops));
		json_object_set_new(o, "techniques", techniques_json(
			p->ntechniques, p->technique));
	}
	if (p->ram && !p->fits) {
		json_object_set_new(o, "smallest_ram_bytes",
		                    json_integer(p->smallest_ram));
		json_object_set_new(o, "ram_lower_bound_bytes",
		                    json_integer(p->ram_floor));
		json_object_set_new(o, "binds", binds_json(largest(p), 16));
	}
	if (p->nsavings)
		json_object_set_new(o, "savings", savings_json(p));
	if (p->npoints)
		json_object_set_new(o, "sweep", sweep_json(p));
}

/* ---- as text ---- */

static void print_techniques(FILE *f, const Program *p)
{
	const Plan *plan = report_plan(p);
	int64_t ram = p->arena_bytes + p->state_bytes;
	double more = percent(p->extra_flops, plan->cost.flops);
	if (p->ram)
		fprintf(f, "\n%" PRId64 " of %" PRId64 " bytes of RAM used; "
		        "%.2f %% more operations\n", ram, p->ram, more);
	else
		fprintf(f, "\n%" PRId64 " bytes of RAM used; %.2f %% more "
		        "operations, of %g %% at most\n", ram, more, p->limit);
	for (int i = 0; i < p->ntechniques; i++)
		fprintf(f, "  %-26s %12" PRId64 " bytes saved  %.4g Mflop\n",
		        p->technique[i].name, p->technique[i].bytes,
		        (double)p->technique[i].flops / 1e6);
}

/* Below one another where the line would become too long. */
static void print_point(FILE *f, const SweepPoint *s)
{
	enum { INDENT = 42, END = 79 };
	int at = fprintf(f, "%13" PRId64 " %13" PRId64 " %10.2f %%  ", s->ram,
	                 s->arena_bytes, percent(s->extra_flops, s->flops));
	for (int i = 0; i < s->ntechniques; i++) {
		const char *name = s->technique[i].name;
		int size = (int)strlen(name) + 1;
		if (i && at + 1 + size > END)
			at = fprintf(f, "\n%*s", INDENT, "") - 1;
		else if (i)
			at += fprintf(f, " ");
		at += fprintf(f, "%s%s", name,
		              i + 1 < s->ntechniques ? "," : "");
	}
	fprintf(f, "%s\n", s->ntechniques ? "" : "nothing computed twice");
}

static void print_savings(FILE *f, const Program *p)
{
	fprintf(f, "\nbytes saved%s: the arena is larger without\n",
	        p->ram || p->limited ? " before the budget" : "");
	for (int i = 0; i < p->nsavings; i++)
		fprintf(f, "  %-12s %+12" PRId64 "  %s\n", p->saving[i].name,
		        p->saving[i].saved, p->saving[i].help);
}

void report_budget_table(FILE *f, const Program *p)
{
	if ((p->ram && p->fits && p->train) || p->limited)
		print_techniques(f, p);
	if (p->nsavings)
		print_savings(f, p);
	if (!p->npoints)
		return;
	fprintf(f, "\n%13s %13s %12s  techniques\n", "RAM", "arena",
	        "more flops");
	for (int i = 0; i < p->npoints; i++) {
		if (p->point[i].changes && !p->point[i - 1].changes)
			fputs("with less, what is learned is another "
			      "(--allow):\n", f);
		print_point(f, &p->point[i]);
	}
}

/* ---- as a message ---- */

const char *report_what_binds(const Program *p)
{
	enum { SHOWN = 5 };
	Arena *a = p->model->unit->arena;
	const Plan *plan = largest(p);
	const char *text = arena_printf(a, "state %" PRId64 ", arena %" PRId64
		" at '%s' of %s:", p->state_bytes, p->arena_bytes,
		peak_node(plan), plan->graph->name);
	const Node **writer = plan_writers(a, plan);
	const Buffer *b = NULL;
	for (int i = 0; i < SHOWN && (b = next_buffer(plan, b)); i++)
		text = arena_printf(a, "%s%s '%s' %" PRId64, text,
		                    i ? "," : "", plan_title(
			a, b, writer[b - plan->buffer]), b->bytes);
	return text;
}
