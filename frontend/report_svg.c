/*
 * The arena over time. Time is drawn in columns: one for a step, none for a
 * view, which does nothing, and as many for a loop as it has steps, whose
 * buffers lie in its workspace.
 */
#include "frontend/report_svg.h"

#include "frontend/report_plan.h"
#include "frontend/report_read.h"
#include "frontend/svg.h"
#include "frontend/text_fit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 1000, HEIGHT = 600 };

static const Frame area = {80, 76, 900, 450};

/* Steps of a function or of a loop: at[i] is the first column of step i. */
typedef struct Timeline {
	const json_t *steps;
	int n;
	int *at;
} Timeline;

typedef struct Picture {
	FILE *f;
	Arena *arena;
	const Plan *plan;
	json_t *steps, *buffers;
	Timeline time;
	double columns;
	bool used[NMEMCLASS], repeats, loops;
} Picture;

static Timeline place_columns(Arena *a, const json_t *steps)
{
	int n = (int)json_array_size(steps);
	Timeline t = {steps, n, arena_array(a, int, n + 1)};
	for (int i = 0; i < n; i++) {
		const json_t *s = json_array_get(steps, (size_t)i);
		const json_t *inner = json_object_get(s, "steps");
		int wide = !step_is_view(s);
		if (json_array_size(inner)) {
			Timeline loop = place_columns(a, inner);
			wide = loop.at[loop.n] ? loop.at[loop.n] : 1;
		}
		t.at[i + 1] = t.at[i] + wide;
	}
	return t;
}

static double x_of(const Picture *p, double column)
{
	return area.x + area.width * column / p->columns;
}

static double height_of(const Picture *p, int64_t bytes)
{
	return area.height * (double)bytes / (double)p->plan->arena_bytes;
}

/* ---- buffers ---- */

static MemoryClass class_of(const json_t *buffer)
{
	const char *name = json_text(buffer, "class");
	int c = 0;
	while (c < NMEMCLASS - 1 &&
	       strcmp(name, memory_class_name((MemoryClass)c)))
		c++;
	return (MemoryClass)c;
}

/* What a viewer shows of the rectangle under the pointer. */
static void put_hint(Picture *p, const json_t *b, int64_t offset)
{
	fputs("<title>", p->f);
	svg_escape(p->f, buffer_label(p->arena, b));
	fprintf(p->f, ": %s, %" PRId64 " bytes at %" PRId64 ", steps %d to %d"
	        "</title>", json_text(b, "class"), json_count(b, "bytes"),
	        offset, (int)json_count(b, "first"), (int)json_count(b, "last"));
}

static void put_name(Picture *p, const json_t *b, Frame r)
{
	static const double letter = 6.2;   /* pixels, at size 11 */
	if (r.width < 48 || r.height < 14)
		return;
	char *name = text_fit(p->arena, buffer_label(p->arena, b),
	                      (int)((r.width - 8) / letter));
	fprintf(p->f, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\" "
	        "font-size=\"11\" fill=\"#101418\">", r.x + 4,
	        r.y + fmin(r.height / 2 + 4, 14));
	svg_escape(p->f, name);
	fputs("</text>\n", p->f);
}

/* Columns [from, to), bytes [low, high) of the arena. */
static Frame rectangle(const Picture *p, int from, int to, int64_t low,
                       int64_t high)
{
	return (Frame){
		x_of(p, from), area.y + area.height - height_of(p, high),
		fmax(x_of(p, to) - x_of(p, from), .6),
		fmax(height_of(p, high - low), .6),
	};
}

/* holds_loop: what lies in it is drawn over it. */
static void put_rectangle(Picture *p, const json_t *b, Frame r, int64_t offset,
                          bool holds_loop)
{
	MemoryClass c = class_of(b);
	p->used[c] = true;
	fprintf(p->f, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
	        "height=\"%.2f\" fill=\"%s\"", memory_class_name(c), r.x, r.y,
	        r.width, r.height, svg_colour(c));
	if (r.width > 3 && r.height > 3)
		fputs(" stroke=\"#ffffff\"", p->f);
	fputs(">", p->f);
	put_hint(p, b, offset);
	fputs("</rect>\n", p->f);
	if (!holds_loop)
		put_name(p, b, r);
}

/* The buffer's steps begin at column `column`, its offsets at `base`. */
static void put_buffer(Picture *p, const Timeline *t, const json_t *b,
                       int column, int64_t base, bool holds_loop)
{
	const json_t *list = json_object_get(b, "windows");
	int n = (int)json_array_size(list);
	int64_t bytes = json_count(b, "bytes");
	int64_t offset = base + json_count(b, "offset");
	for (int i = 0; bytes && i < (n ? n : 1); i++) {
		const json_t *w = n ? json_array_get(list, (size_t)i) : b;
		int64_t low = n ? json_count(w, "low") : 0;
		int64_t high = n ? json_count(w, "high") : bytes;
		Frame r = rectangle(
			p, column + t->at[json_count(w, "first")],
			column + t->at[json_count(w, "last") + 1],
			offset + low, offset + high);
		put_rectangle(p, b, r, offset, holds_loop);
	}
}

static bool holds_loop(const json_t *steps, size_t buffer)
{
	size_t i;
	json_t *s;
	json_array_foreach((json_t *)steps, i, s)
		if (json_object_get(s, "parts") &&
		    json_count(s, "workspace") == (int64_t)buffer)
			return true;
	return false;
}

static void put_loop(Picture *p, const json_t *s, int column)
{
	const json_t *base = json_array_get(
		p->buffers, (size_t)json_count(s, "workspace"));
	Timeline t = place_columns(p->arena, json_object_get(s, "steps"));
	size_t i;
	json_t *b;
	json_array_foreach(json_object_get(s, "buffers"), i, b)
		put_buffer(p, &t, b, column, json_count(base, "offset"), false);
}

static void put_buffers(Picture *p)
{
	size_t i;
	json_t *o;
	json_array_foreach(p->buffers, i, o)
		put_buffer(p, &p->time, o, 0, 0, holds_loop(p->steps, i));
	json_array_foreach(p->steps, i, o)
		if (json_object_get(o, "parts"))
			put_loop(p, o, p->time.at[i]);
}

/* ---- around them ---- */

/* A mark below each column that computes something again. */
static void put_repeats(Picture *p, const Timeline *t, int column)
{
	for (int i = 0; i < t->n; i++) {
		const json_t *s = json_array_get(t->steps, (size_t)i);
		double x = x_of(p, column + t->at[i]);
		double end = x_of(p, column + t->at[i + 1]);
		if (!step_repeats(s) || json_object_get(s, "parts"))
			continue;
		p->repeats = true;
		fprintf(p->f, "<rect class=\"again\" x=\"%.2f\" y=\"%g\" "
		        "width=\"%.2f\" height=\"6\" fill=\"#c2255c\"/>\n", x,
		        area.y + area.height + 3, fmax(end - x - .5, 1.5));
	}
}

static void put_bracket(Picture *p, const json_t *s, int from, int to)
{
	double x = x_of(p, from) + 1.5, end = x_of(p, to) - 1.5;
	double y = area.y + area.height + 12;
	p->loops = true;
	fprintf(p->f, "<path class=\"axis\" d=\"M%.1f %.1fv5H%.1fv-5\" "
	        "fill=\"none\" stroke=\"#5a6673\"/>\n", x, y, end);
	if (end - x > 40)
		svg_text(p->f, (x + end) / 2, y + 17, ANCHOR_MIDDLE,
		         arena_printf(p->arena, "\u00d7 %" PRId64,
		                      json_count(s, "parts")));
}

static void put_strips(Picture *p)
{
	put_repeats(p, &p->time, 0);
	for (int i = 0; i < p->time.n; i++) {
		const json_t *s = json_array_get(p->steps, (size_t)i);
		if (!json_object_get(s, "parts"))
			continue;
		Timeline t = place_columns(p->arena,
		                           json_object_get(s, "steps"));
		put_repeats(p, &t, p->time.at[i]);
		put_bracket(p, s, p->time.at[i], p->time.at[i + 1]);
	}
}

static void put_steps_axis(Picture *p)
{
	int tick = (int)svg_tick(p->time.n, area.width / 70, false);
	double y = area.y + area.height, end = 0;
	for (int i = 0; i < p->time.n; i += tick ? tick : 1) {
		double x = x_of(p, (p->time.at[i] + p->time.at[i + 1]) / 2.);
		if (x < end)
			continue;
		end = x + 50;
		svg_text(p->f, x, y + 46, ANCHOR_MIDDLE,
		         arena_printf(p->arena, "%d", i));
	}
	svg_text(p->f, area.x + area.width / 2, y + 64, ANCHOR_MIDDLE, "step");
	fprintf(p->f, "<text class=\"ink\" transform=\"rotate(-90)\" x=\"%g\" "
	        "y=\"16\" text-anchor=\"middle\" fill=\"#17202a\">address"
	        "</text>\n", -area.y - area.height / 2);
}

static void put_peak(Picture *p)
{
	int peak = p->plan->peak_step;
	double x = x_of(p, (p->time.at[peak] + p->time.at[peak + 1]) / 2.);
	Anchor anchor = x < area.x + 120 ? ANCHOR_START
	              : x > area.x + area.width - 120 ? ANCHOR_END
	              : ANCHOR_MIDDLE;
	fprintf(p->f, "<path class=\"mark\" d=\"M%.1f %gv%g\" fill=\"none\" "
	        "stroke=\"#17202a\" stroke-dasharray=\"5 3\"/>\n", x,
	        area.y - 4, area.height + 4);
	svg_text(p->f, x, area.y - 8, anchor,
	         arena_printf(p->arena, "peak: step %d, %" PRId64
	                      " bytes live", peak, p->plan->lower_bound));
}

static double put_key(Picture *p, double x, const char *class,
                      const char *colour, const char *text)
{
	double y = area.y - 42;
	fprintf(p->f, "<rect class=\"%s\" x=\"%.1f\" y=\"%g\" width=\"11\" "
	        "height=\"11\" fill=\"%s\"/>\n", class, x, y, colour);
	svg_text(p->f, x + 16, y + 10, ANCHOR_START, text);
	return x + 34 + 6.6 * text_columns(text);
}

static void put_legend(Picture *p)
{
	double x = area.x;
	for (int c = 0; c < NMEMCLASS; c++)
		if (p->used[c])
			x = put_key(p, x, memory_class_name((MemoryClass)c),
			            svg_colour((MemoryClass)c),
			            memory_class_name((MemoryClass)c));
	x = put_key(p, x, "free", "#eef0f3", "free");
	if (p->repeats)
		x = put_key(p, x, "again", "#c2255c",
		            "below: computed again");
	if (p->loops)
		svg_text(p->f, x, area.y - 32, ANCHOR_START,
		         "\u2514\u2500\u00d7 n\u2500\u2518 loop over n parts of "
		         "the batch");
}

static void put_title(Picture *p, const Program *program)
{
	char *name = text_fit(p->arena, program->model->name, 40);
	svg_heading(p->f, area.x, 24, arena_printf(
		p->arena, "%s: arena of %s over time, %" PRId64 " bytes, batch "
		"%" PRId64, name, p->plan->graph->name, p->plan->arena_bytes,
		report_batch(program)));
}

static void put_paper(Picture *p)
{
	fprintf(p->f, "<rect class=\"free\" x=\"%g\" y=\"%g\" width=\"%g\" "
	        "height=\"%g\" fill=\"#eef0f3\"/>\n", area.x, area.y,
	        area.width, area.height);
	svg_axis_left(p->f, area, (double)p->plan->arena_bytes, true,
	              svg_bytes);
}

void report_svg_arena(FILE *f, const Program *program, const Plan *plan)
{
	Picture p = {.f = f, .arena = arena_create(), .plan = plan,
	             .steps = plan_steps_json(plan),
	             .buffers = plan_buffers_json(plan)};
	p.time = place_columns(p.arena, p.steps);
	p.columns = fmax(p.time.at[p.time.n], 1);
	svg_open(f, WIDTH, HEIGHT, arena_printf(
		p.arena, "%s: arena of %s over time", program->model->name,
		plan->graph->name));
	put_title(&p, program);
	if (plan->arena_bytes && plan->nsteps) {
		put_paper(&p);
		put_buffers(&p);
		put_strips(&p);
		put_steps_axis(&p);
		put_peak(&p);
		put_legend(&p);
	}
	svg_close(f);
	json_decref(p.steps);
	json_decref(p.buffers);
	arena_destroy(p.arena);
}

void report_svg(FILE *f, const Program *p)
{
	if (report_has_curve(p))
		report_svg_curve(f, p);
	else
		report_svg_arena(f, p, report_plan(p));
}
