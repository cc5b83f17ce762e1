/*
 * The report as one self-contained page: frontend/report/page.html with the
 * style, the scripts and the figures (JSON) put in where it says @@NAME@@.
 */
#include "frontend/report.h"
#include "frontend/report_files.h"
#include "frontend/report_plan.h"
#include "frontend/report_svg.h"
#include "frontend/svg.h"

#include <string.h>

/* ---- the figures ---- */

static json_t *classes_json(const int64_t bytes[NMEMCLASS], bool all)
{
	json_t *o = json_object();
	for (int c = 0; c < NMEMCLASS; c++)
		if (all || bytes[c])
			json_object_set_new(o,
			                    memory_class_name((MemoryClass)c),
			                    json_integer(bytes[c]));
	return o;
}

static void add_plan(json_t *list, const Plan *plan)
{
	if (!plan)
		return;
	json_array_append_new(list, json_pack(
		"{s:s, s:I, s:I, s:i, s:I, s:I, s:o, s:o, s:o}",
		"name", plan->graph->name,
		"arena_bytes", (json_int_t)plan->arena_bytes,
		"lower_bound_bytes", (json_int_t)plan->lower_bound,
		"peak_step", plan->peak_step,
		"flops", (json_int_t)plan->cost.flops,
		"recomputed_flops", (json_int_t)plan->recomputed_flops,
		"peak", classes_json(plan->peak, true),
		"steps", plan_steps_json(plan),
		"buffers", plan_buffers_json(plan)));
}

static json_t *page_json(const Program *p, const ReportInfo *info)
{
	int64_t state[NMEMCLASS];
	json_t *o = report_summary(p, info), *plans = json_array();
	report_state(p, state);
	json_object_set_new(o, "state", classes_json(state, false));
	add_plan(plans, p->train);
	add_plan(plans, p->infer);
	add_plan(plans, p->evaluate);
	json_object_set_new(o, "plans", plans);
	return o;
}

/* In ASCII and without '<', so that nothing in a name ends the script. */
static int put_json(const char *text, size_t size, void *to)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '<')
			fputs("\\u003c", to);
		else
			fputc(text[i], to);
	return 0;
}

/* ---- the page ---- */

static void put_escaped(FILE *f, const char *text)
{
	for (; *text; text++)
		if (strchr("<>&\"", *text))
			fprintf(f, "&#%d;", *text);
		else
			fputc(*text, f);
}

static const char *find_file(const char *name, size_t size)
{
	static const char dir[] = "frontend/report/";
	for (const ReportFile *r = report_files; r->name; r++) {
		const char *base = r->name + sizeof dir - 1;
		if (strlen(base) == size && !memcmp(base, name, size))
			return r->text;
	}
	BUG("the page wants '%.*s', which is no file", (int)size, name);
}

/* A custom property for each class. */
static void put_palette(FILE *f)
{
	for (int c = 0; c < NMEMCLASS; c++)
		fprintf(f, "\t--%s: %s;\n", memory_class_name((MemoryClass)c),
		        svg_colour((MemoryClass)c));
}

static void put_arena(FILE *f, const Program *p, const Plan *plan)
{
	if (!plan)
		return;
	fprintf(f, "<div data-function=\"%s\">\n", plan->graph->name);
	report_svg_arena(f, p, plan);
	fputs("</div>\n", f);
}

static void put_figures(FILE *f, const Program *p, const ReportInfo *info)
{
	json_t *data = page_json(p, info);
	json_dump_callback(data, put_json, f, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(data);
}

static bool is(const char *name, size_t size, const char *word)
{
	return size == strlen(word) && !memcmp(name, word, size);
}

void report_html(FILE *f, const Program *p, const ReportInfo *info)
{
	const char *at = find_file("page.html", 9), *mark;
	for (; (mark = strstr(at, "@@")); at = mark + 2) {
		const char *name = mark + 2;
		fwrite(at, 1, (size_t)(mark - at), f);
		mark = strstr(name, "@@");
		size_t size = (size_t)(mark - name);
		if (is(name, size, "title")) {
			put_escaped(f, p->model->name);
		} else if (is(name, size, "data")) {
			put_figures(f, p, info);
		} else if (is(name, size, "palette")) {
			put_palette(f);
		} else if (is(name, size, "arenas")) {
			put_arena(f, p, p->train);
			put_arena(f, p, p->infer);
			put_arena(f, p, p->evaluate);
		} else if (is(name, size, "curve")) {
			report_svg_curve(f, p);
		} else {
			fputs(find_file(name, size), f);
		}
	}
	fputs(at, f);
}
