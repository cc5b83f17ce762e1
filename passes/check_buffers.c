/*
 * What a plan says of its buffers: that they are inside of the arena, that no
 * two that live at the same time have a byte in common, and that the peak is
 * what it says.
 */
#include "passes/check_memory.h"
#include "passes/check_plan.h"

typedef struct Check {
	const Plan *plan;
	Arena *arena;
	const char *wrong;     /* the first complaint */
} Check;

#define FAIL(c, ...) \
	((c)->wrong = (c)->wrong ? (c)->wrong \
	                         : arena_printf((c)->arena, __VA_ARGS__))

/* They follow one another and fill the buffer's life, within its bytes. */
static void check_windows(Check *c, const Buffer *b)
{
	int next = b->first;
	for (int i = 0; i < b->nwindows; i++) {
		const BufferWindow *w = &b->window[i];
		if (w->first != next || w->last < w->first)
			FAIL(c, "a window of the buffer of %%%s is from step %d "
			     "to %d", b->name, w->first, w->last);
		if (w->low < 0 || w->low >= w->high || w->high > b->bytes)
			FAIL(c, "a window of the buffer of %%%s is not inside "
			     "it", b->name);
		next = w->last + 1;
	}
	if (b->nwindows && next != b->last + 1)
		FAIL(c, "the windows of the buffer of %%%s end at step %d, it "
		     "lives to %d", b->name, next - 1, b->last);
}

static void check_buffer(Check *c, const Buffer *b)
{
	int last = c->plan->nsteps ? c->plan->nsteps - 1 : 0;
	if (b->offset < 0 || b->bytes < 0 ||
	    b->offset + b->bytes > c->plan->arena_bytes)
		FAIL(c, "the buffer of %%%s is not inside the arena", b->name);
	if (b->align <= 0 || b->offset % b->align)
		FAIL(c, "the buffer of %%%s is not aligned", b->name);
	if (b->first < 0 || b->first > b->last || b->last > last)
		FAIL(c, "the buffer of %%%s lives from %d to %d", b->name,
		     b->first, b->last);
	check_windows(c, b);
}

/* Sums over lifetimes: what the plan claims about its peak. */
static void check_peak(Check *c)
{
	int64_t *live = arena_array(c->arena, int64_t, c->plan->nsteps + 2);
	int64_t most = 0, sum = 0;
	for (int i = 0; i < c->plan->nbuffers; i++) {
		const Buffer *b = &c->plan->buffer[i];
		for (int k = 0; k < buffer_windows(b); k++) {
			BufferWindow w = buffer_window(b, k);
			live[w.first] += w.high - w.low;
			live[w.last + 1] -= w.high - w.low;
		}
	}
	for (int s = 0; s <= c->plan->nsteps; s++) {
		sum += live[s];
		most = sum > most ? sum : most;
	}
	if (most != c->plan->lower_bound || most > c->plan->arena_bytes)
		FAIL(c, "%lld bytes live at once, the plan says %lld",
		     (long long)most, (long long)c->plan->lower_bound);
}

/* What one buffer takes of the arena, for how long. */
typedef struct Claim {
	const Buffer *b;
	BufferWindow w;
	int enters, leaves;   /* the next that does at the same step, + 1 */
} Claim;

static int list_claims(const Plan *p, Claim *claim)
{
	int n = 0;
	for (int i = 0; i < p->nbuffers; i++)
		for (int k = 0; k < buffer_windows(&p->buffer[i]); k++, n++)
			if (claim)
				claim[n] = (Claim){
					&p->buffer[i],
					buffer_window(&p->buffer[i], k), 0, 0};
	return n;
}

static void enter_claim(Check *c, Memory *live, const Claim *x)
{
	int64_t lo = x->b->offset + x->w.low, hi = x->b->offset + x->w.high;
	if (memory_is_taken(live, lo, hi))
		FAIL(c, "the buffer of %%%s overlaps another at step %d",
		     x->b->name, x->w.first);
	memory_write(c->arena, live, (Span){lo, hi, 0, 0});
}

/* Buffers that live at the same time have no byte in common: each window enters
 * at its first step, and none may meet bytes of one that has not left. */
static void check_disjoint(Check *c)
{
	const Plan *p = c->plan;
	int n = list_claims(p, NULL);
	Claim *claim = arena_array(c->arena, Claim, n);
	int *from = arena_array(c->arena, int, p->nsteps + 1);
	int *to = arena_array(c->arena, int, p->nsteps + 2);
	Memory live = {0};
	list_claims(p, claim);
	for (int i = n - 1; i >= 0; i--) {
		Claim *x = &claim[i];
		x->enters = from[x->w.first];
		from[x->w.first] = i + 1;
		x->leaves = to[x->w.last + 1];
		to[x->w.last + 1] = i + 1;
	}
	for (int s = 0; s <= p->nsteps; s++) {
		for (int i = to[s]; i; i = claim[i - 1].leaves) {
			const Claim *x = &claim[i - 1];
			memory_forget(c->arena, &live,
			              x->b->offset + x->w.low,
			              x->b->offset + x->w.high);
		}
		for (int i = from[s]; i; i = claim[i - 1].enters)
			enter_claim(c, &live, &claim[i - 1]);
	}
}

const char *check_buffers(Arena *a, const Plan *plan)
{
	Check c = {plan, a, NULL};
	for (int b = 0; b < plan->nbuffers; b++)
		check_buffer(&c, &plan->buffer[b]);
	if (c.wrong)
		return c.wrong;
	check_peak(&c);
	check_disjoint(&c);
	return c.wrong;
}
