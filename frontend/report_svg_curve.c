/*
 * RAM against operations: a staircase, as between two points the next smaller
 * plan is what there is. The shape of a point says what its plan is made with.
 */
#include "frontend/report_svg.h"

#include "frontend/svg.h"
#include "frontend/text_fit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 1000, TOP = 56, LINE = 18 };

static const Frame area = {80, TOP, 890, 380};

typedef struct Curve {
	FILE *f;
	Arena *arena;
	const Program *program;
	double most_ram, most_percent;
	int nkinds;               /* the ways in which plans are made, */
	const char **kind;        /*   as text */
	int *of;                  /* by point */
} Curve;

static double percent(const SweepPoint *s)
{
	int64_t needed = s->flops - s->extra_flops;
	return needed > 0
	       ? fmax(100 * (double)s->extra_flops / (double)needed, 0) : 0;
}

static const char *techniques(Arena *a, const SweepPoint *s)
{
	const char *text = "nothing computed twice";
	for (int i = 0; i < s->ntechniques; i++)
		text = i ? arena_printf(a, "%s, %s", text, s->technique[i].name)
		         : s->technique[i].name;
	return s->changes ? arena_printf(a, "learns otherwise: %s", text) : text;
}

static int kind_of(Curve *c, const char *text)
{
	for (int i = 0; i < c->nkinds; i++)
		if (!strcmp(c->kind[i], text))
			return i;
	c->kind[c->nkinds] = text;
	return c->nkinds++;
}

/* Where the program that is made now is on the curve. */
static SweepPoint here(const Program *p)
{
	const SweepPoint *first = &p->point[0];
	return (SweepPoint){
		.ram = p->arena_bytes + p->state_bytes,
		.flops = p->train->cost.flops,
		.extra_flops = p->train->cost.flops -
		               (first->flops - first->extra_flops),
	};
}

static void measure(Curve *c)
{
	const Program *p = c->program;
	SweepPoint now = here(p);
	c->most_ram = (double)now.ram;
	c->most_percent = fmax(percent(&now), 1);
	for (int i = 0; i < p->npoints; i++) {
		const SweepPoint *s = &p->point[i];
		c->most_ram = fmax(c->most_ram, (double)s->ram);
		c->most_percent = fmax(c->most_percent, percent(s));
		c->of[i] = kind_of(c, techniques(c->arena, s));
	}
	c->most_ram *= 1.02;
	c->most_percent *= 1.05;
}

static double x_of(const Curve *c, const SweepPoint *s)
{
	return area.x + area.width * (double)s->ram / c->most_ram;
}

static double y_of(const Curve *c, const SweepPoint *s)
{
	return area.y + area.height * (1 - percent(s) / c->most_percent);
}

/* From most memory to least. */
static void put_stairs(Curve *c)
{
	const SweepPoint *s = c->program->point;
	fprintf(c->f, "<path class=\"stairs\" fill=\"none\" stroke=\"#0b62a8\" "
	        "stroke-width=\"1.5\" d=\"M%.1f %.1f", x_of(c, s), y_of(c, s));
	for (int i = 1; i < c->program->npoints; i++)
		fprintf(c->f, "V%.1fH%.1f", y_of(c, s + i), x_of(c, s + i));
	fputs("\"/>\n", c->f);
}

/* Shapes and colours both differ: either is enough. */
static void put_marker(FILE *f, int kind, double x, double y)
{
	static const char *const shape[] = {
		"m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
		"m-5 -5h10v10h-10z", "m0 -7l7 7l-7 7l-7 -7z",
		"m0 -6l6 11h-12z", "m0 6l6 -11h-12z",
		"m-2 -6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
		"m-6 -3h12v6h-12z",
	};
	enum { NSHAPES = sizeof shape / sizeof shape[0] };
	static const MemoryClass colour[] = {
		MEM_IO, MEM_ACTIVATION, MEM_GRADIENT, MEM_WORKSPACE,
		MEM_PARAMETER,
	};
	MemoryClass c = colour[kind % 5];
	fprintf(f, "<path class=\"point %s\" d=\"M%.1f %.1f%s\" fill=\"%s\" "
	        "stroke=\"#17202a\"", memory_class_name(c), x, y,
	        shape[kind % NSHAPES], svg_colour(c));
}

static void put_point(Curve *c, int i)
{
	const SweepPoint *s = &c->program->point[i];
	put_marker(c->f, c->of[i], x_of(c, s), y_of(c, s));
	fprintf(c->f, "><title>%" PRId64 " bytes, %.2f %% more operations: ",
	        s->ram, percent(s));
	svg_escape(c->f, c->kind[c->of[i]]);
	fputs("</title></path>\n", c->f);
}

static void put_here(Curve *c)
{
	SweepPoint now = here(c->program);
	fprintf(c->f, "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"10\" "
	        "fill=\"none\" stroke=\"#17202a\" stroke-width=\"1.5\"><title>"
	        "this plan: %" PRId64 " bytes</title></circle>\n",
	        x_of(c, &now), y_of(c, &now), now.ram);
}

static char *write_percent(Arena *a, double x)
{
	return arena_printf(a, "%g %%", x);
}

static void put_axes(Curve *c)
{
	double y = area.y + area.height + 38;
	svg_axis_left(c->f, area, c->most_percent, false, write_percent);
	svg_axis_below(c->f, area, c->most_ram, true, svg_bytes);
	svg_text(c->f, area.x + area.width / 2, y, ANCHOR_MIDDLE,
	         "RAM: arena + state");
	fprintf(c->f, "<text class=\"ink\" transform=\"rotate(-90)\" x=\"%g\" "
	        "y=\"16\" text-anchor=\"middle\" fill=\"#17202a\">more operations"
	        "</text>\n", -area.y - area.height / 2);
}

static void put_legend(Curve *c)
{
	double y = area.y + area.height + 66;
	for (int i = 0; i < c->nkinds; i++, y += LINE) {
		put_marker(c->f, i, area.x + 8, y);
		fputs("/>\n", c->f);
		svg_text(c->f, area.x + 24, y + 4, ANCHOR_START, c->kind[i]);
	}
	fprintf(c->f, "<circle class=\"mark\" cx=\"%g\" cy=\"%g\" r=\"8\" "
	        "fill=\"none\" stroke=\"#17202a\" stroke-width=\"1.5\"/>\n",
	        area.x + 8, y);
	svg_text(c->f, area.x + 24, y + 4, ANCHOR_START, "this plan");
}

bool report_has_curve(const Program *p)
{
	return p->train && p->npoints > 0;
}

void report_svg_curve(FILE *f, const Program *p)
{
	if (!report_has_curve(p))
		return;
	Curve c = {.f = f, .arena = arena_create(), .program = p};
	c.kind = arena_array(c.arena, const char *, p->npoints);
	c.of = arena_array(c.arena, int, p->npoints);
	measure(&c);
	char *title = arena_printf(
		c.arena, "%s: RAM against operations, batch %" PRId64,
		text_fit(c.arena, p->model->name, 60), report_batch(p));
	svg_open(f, WIDTH, area.y + area.height + 84 + LINE * c.nkinds, title);
	svg_heading(f, area.x, 26, title);
	put_axes(&c);
	put_stairs(&c);
	put_here(&c);
	for (int i = 0; i < p->npoints; i++)
		put_point(&c, i);
	put_legend(&c);
	svg_close(f);
	arena_destroy(c.arena);
}
