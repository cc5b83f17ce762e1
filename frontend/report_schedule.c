#include "frontend/report_schedule.h"

#include "frontend/report_plan.h"
#include "frontend/report_read.h"
#include "frontend/text_fit.h"

#include <inttypes.h>

enum { NUMBER = 8, NODE = 27, LABEL = 20, BYTES = 11, BAR = 8 };

typedef struct Schedule {
	FILE *f;
	Arena *arena;
	const Plan *plan;
	const json_t *buffers;
	int views;
} Schedule;

/* As many marks as its part of the peak; some, if it is any. */
static const char *bar(int64_t live, int64_t peak)
{
	static const char marks[BAR + 1] = "########";
	double n = peak ? (double)live / (double)peak * BAR + .5 : 0;
	int of = n > BAR ? BAR : n < 1 && live ? 1 : (int)n;
	return marks + BAR - of;
}

/* A step of a loop is set in. */
static void print_row(Schedule *s, const char *number, const json_t *step,
                      const char *label, int64_t live, bool peak, int indent)
{
	Arena *a = s->arena;
	const char *node = json_text(step, "node");
	fprintf(s->f, "%c%c%*s %*s%s %s %*" PRId64 " %s\n",
	        peak ? '>' : ' ', step_repeats(step) ? '*' : ' ', NUMBER, number,
	        indent, "", text_cell(a, *node ? node : "-", NODE - indent),
	        text_cell(a, label, LABEL), BYTES, live,
	        bar(live, s->plan->lower_bound));
}

/* Within the workspace of the loop, beside what lives around it. */
static void print_loop(Schedule *s, int number, const json_t *loop, bool peak)
{
	Arena *a = s->arena;
	const json_t *workspace = json_array_get(
		s->buffers, (size_t)json_count(loop, "workspace"));
	int64_t around = json_count(loop, "live_bytes") -
	                 json_count(workspace, "bytes");
	size_t i;
	json_t *step;
	print_row(s, arena_printf(a, "%d", number), loop,
	          arena_printf(a, "for %" PRId64 " parts",
	                       json_count(loop, "parts")),
	          json_count(loop, "live_bytes"), peak, 0);
	json_array_foreach(json_object_get(loop, "steps"), i, step)
		if (step_is_view(step))
			s->views++;
		else
			print_row(s, arena_printf(a, "%d.%zu", number, i), step,
			          step_label(a, step),
			          around + json_count(step, "live_bytes"),
			          false, 2);
}

static void print_step(Schedule *s, int number, const json_t *step)
{
	bool peak = number == s->plan->peak_step;
	if (json_object_get(step, "parts"))
		print_loop(s, number, step, peak);
	else if (step_is_view(step) && !peak)
		s->views++;
	else
		print_row(s, arena_printf(s->arena, "%d", number), step,
		          step_label(s->arena, step),
		          json_count(step, "live_bytes"), peak, 0);
}

void report_schedule(FILE *f, const Program *p)
{
	const Plan *plan = report_plan(p);
	json_t *steps = plan_steps_json(plan);
	json_t *buffers = plan_buffers_json(plan);
	Schedule s = {f, arena_create(), plan, buffers, 0};
	size_t i;
	json_t *step;
	fprintf(f, "\nschedule of %s\n  %*s %-*s %-*s %*s\n",
	        plan->graph->name, NUMBER, "step", NODE, "node", LABEL,
	        "operator", BYTES, "live bytes");
	json_array_foreach(steps, i, step)
		print_step(&s, (int)i, step);
	fprintf(f, "> peak, * computes something again; %d views need no code "
	        "and are left out\n", s.views);
	json_decref(steps);
	json_decref(buffers);
	arena_destroy(s.arena);
}
