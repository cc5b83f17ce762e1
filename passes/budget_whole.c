/*
 * The whole batch at once: with nothing computed twice, with cheap values computed
 * again, in segments of time, with the loss in parts, with feature maps in bands.
 */
#include "passes/budget_whole.h"

#include "ir/target.h"
#include "passes/pass.h"
#include "passes/tile.h"
#include "passes/train.h"

/* There are many segments, and they are alike. */
enum { SHARE_IN_TIME = 32 };

static void add_variant(Budget *b, const Graph *train, const char *name,
                        int to, const char *without)
{
	Options o = *b->options;
	const StepForms *f = &b->forms;
	bool shorter = train == f->shorter || train == f->both_shorter;
	bool in_time = shorter || train == f->segmented || train == f->both;
	if (in_time)
		o.segment = shorter ? SEGMENT_SHORT : SEGMENT_AUTO;
	if (train == f->rows || train == f->both || train == f->both_shorter)
		o.loss_parts = b->loss_parts;
	if (without)
		options_disable(b->arena, &o, without);
	if (b->nvariants)
		o.dump_after = NULL;
	Graph *g = graph_clone(train, train->name, NULL);
	Variant *v = &b->variant[b->nvariants++];
	v->name = name;
	v->to = to;
	v->share = in_time ? SHARE_IN_TIME : 1;
	v->options = o;
	v->form = train;
	v->plan = plan_step(g, &o);
	budget_remember(b, v->plan, b->nvariants - 1);
}

static void add_in_time(Budget *b, const Graph *segmented,
                        const Graph *shorter, int to)
{
	if (!b->search || !segmented)
		return;
	add_variant(b, segmented, "recompute in time", to, NULL);
	add_variant(b, shorter, "recompute in time, in shorter segments", to,
	            NULL);
}

/* ---- the loss in parts ---- */

static int64_t arena_in_parts(const Budget *b, int64_t parts)
{
	Options o = *b->options;
	options_disable(b->arena, &o, "recompute");
	o.loss_parts = parts;
	o.dump_after = NULL;
	return plan_step(graph_clone(b->forms.rows, b->forms.rows->name, NULL),
	                 &o)->arena_bytes;
}

/* The fewest parts with which twice as many gain little; 0: they gain little
 * themselves. Each takes another look at the weights. */
static int64_t choose_loss_parts(const Budget *b)
{
	enum { LITTLE = 32 };
	int64_t rows = b->forms.nrows, parts = 0;
	int64_t bytes = b->variant[0].plan->arena_bytes;
	for (int64_t k = more_loss_parts(rows, 1); k <= rows;
	     k = more_loss_parts(rows, k)) {
		int64_t less = arena_in_parts(b, k);
		if (less > bytes - bytes / LITTLE)
			break;
		bytes = less;
		parts = k;
	}
	return parts;
}

static void add_loss_parts(Budget *b)
{
	b->loss_parts = b->forms.rows ? choose_loss_parts(b) : 0;
	if (!b->loss_parts)
		return;
	int first = b->nvariants;
	add_variant(b, b->forms.rows, arena_printf(
		b->arena, "loss in %lld parts", (long long)b->loss_parts), 0,
		"recompute");
	if (b->search)
		add_variant(b, b->forms.rows, "recompute cheap values", first,
		            NULL);
	add_in_time(b, b->forms.both, b->forms.both_shorter, first + 1);
}

/* The variant that only counts where nothing else fits; or the plain one. */
static int last_resort(const Budget *b)
{
	for (int v = 0; v < b->nvariants; v++)
		if (b->variant[v].last)
			return v;
	return b->plain;
}

/* Where that many gain little, more may still where all else is computed twice:
 * the most, within reason. */
void budget_add_finest_loss(Budget *b)
{
	enum { MOST = 64 };
	int64_t rows = b->forms.nrows, finest = 0;
	int to = last_resort(b);
	bool last = b->variant[to].last;
	for (int64_t k = b->loss_parts ? more_loss_parts(rows, b->loss_parts)
	                               : rows + 1;
	     k <= rows && k <= MOST; k = more_loss_parts(rows, k))
		finest = k;
	if (!finest || !b->search || b->nvariants == MAX_VARIANTS)
		return;
	b->loss_parts = finest;
	add_variant(b, b->forms.rows, arena_printf(
		b->arena, "loss in %lld parts", (long long)finest), to,
		last ? "workspace" : NULL);
	b->variant[b->nvariants - 1].last = last;
}

void budget_add_whole(Budget *b)
{
	const Options *o = b->options;
	const Core *core = target_or_host(o->target)->core;
	const Graph *train = b->forms.train;
	add_variant(b, train, NULL, 0, "recompute");
	if (b->search) {
		add_variant(b, train, "recompute cheap values", 0, NULL);
		b->plain = 1;
	}
	if (core->workspace && !pass_is_disabled(&pass_workspace, o)) {
		add_variant(b, train, "no workspace", b->plain, "workspace");
		b->variant[b->nvariants - 1].last = true;
	}
	add_in_time(b, b->forms.segmented, b->forms.shorter, b->plain);
	add_loss_parts(b);
}

/* ---- feature maps in bands ---- */

static const char *tile_names(Arena *a, const Options *o, int given)
{
	const char *names = "";
	for (int i = given; i < o->ntiles; i++)
		names = arena_printf(a, "%s%s'%s' in %lld bands", names,
		                     i > given ? ", " : "", o->tile[i].to,
		                     (long long)o->tile[i].bands);
	return names;
}

bool budget_tiles_fit(const Budget *b, int64_t arena_bytes)
{
	return b->tiled &&
	       b->variant[b->tiled].plan->arena_bytes <= arena_bytes;
}

void budget_add_tiles(Budget *b, int64_t arena_bytes)
{
	Options o = *b->options;
	if (budget_tiles_fit(b, arena_bytes) || !b->tiled_for)
		return;
	b->tiled_for = b->tiled_for == INT64_MAX ? arena_bytes : 0;
	if (!tile_search(b->forms.train, b->tiled_for, &o))
		return;
	const char *name = tile_names(b->arena, &o, b->options->ntiles);
	options_disable(b->arena, &o, "recompute");
	o.dump_after = NULL;
	b->tiled = b->nvariants++;
	Variant *v = &b->variant[b->tiled];
	*v = (Variant){.name = name, .share = 1, .options = o,
	               .form = b->forms.train};
	v->plan = plan_step(graph_clone(b->forms.train, b->forms.train->name,
	                                NULL), &o);
	budget_remember(b, v->plan, b->tiled);
}

/* ---- no workspace ---- */

void budget_add_without_workspace(Budget *b, int variant)
{
	const Variant *v = &b->variant[variant];
	Variant *without = &b->variant[b->nvariants];
	*without = (Variant){
		.name = "no workspace", .to = variant, .last = true,
		.share = v->share, .options = v->options, .form = v->form,
	};
	options_disable(b->arena, &without->options, "workspace");
	without->plan = plan_step(graph_clone(v->form, v->form->name, NULL),
	                          &without->options);
	budget_remember(b, without->plan, b->nvariants++);
}
