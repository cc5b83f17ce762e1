/*
 * A step of training in slices: NAME_train_slice() does one call of a kernel and
 * returns, so that a watchdog, a radio stack or a real-time task gets its turn;
 * the next call goes on. What is left to do is in the context: the number of the
 * next slice, and of the part of the batch that a loop is at.
 *
 *	if (k->slice == 7) {
 *		gestures_3_Conv(...);
 *		k->slice = 8;
 *		return GESTURES_MORE;
 *	}
 *
 * Each call runs down the whole function, past the slices that are done: that
 * is a comparison each. The last slice of a loop over parts only goes on to the
 * next part.
 */
#include "backend/c_slice.h"

#include "ir/op.h"
#include "ir/scan.h"

void c_slice_open(Writer *w, const int *slice)
{
	if (slice)
		w_open(w, "if (k->slice == %du) {", *slice);
}

void c_slice_close(Writer *w, const CProgram *c, int *slice)
{
	if (!slice)
		return;
	w_line(w, "k->slice = %du;", ++*slice);
	w_line(w, "return %s_MORE;", c->upper);
	w_close(w, "}");
}

/* ---- a loop ---- */

/* The slices of the steps inside, and the one that goes on. */
int c_loop_slices(const Plan *plan, const CStep step[])
{
	int n = 1;
	for (int i = 0; i < plan->nsteps; i++)
		n += step[i].scan ? c_loop_slices(plan->step[i]->scan->plan,
		                                  step[i].scan)
		                  : step[i].feed || step[i].name;
	return n;
}

int c_loop_begin(Writer *w, const CLoop *l, const int *slice)
{
	if (!slice) {
		w_open(w, "for (int32_t %s = 0; %s < %lld; %s++) {", l->part,
		       l->part, (long long)l->parts, l->part);
		return 0;
	}
	int last = *slice + c_loop_slices(l->plan, l->step) - 1;
	w_open(w, "while (k->slice >= %du && k->slice <= %du) {", *slice, last);
	w_line(w, "const int32_t %s = (int32_t)k->part[%d];", l->part, l->depth);
	return *slice;
}

void c_loop_end(Writer *w, const CLoop *l, int first, int *slice)
{
	if (slice) {
		w_raw(w, "\n");
		w_open(w, "if (k->slice == %du) {", *slice);
		w_line(w, "k->part[%d] = (k->part[%d] + 1u) %% %lldu;", l->depth,
		       l->depth, (long long)l->parts);
		w_line(w, "k->slice = k->part[%d] != 0u ? %du : %du;", l->depth,
		       first, ++*slice);
		w_close(w, "}");
	}
	w_close(w, "}");
}

/* ---- the functions ---- */

bool c_has_slices(const CProgram *c)
{
	return c->o->slices && c->p->train;
}

bool c_is_sliced(const CProgram *c, const CFunction *f)
{
	return c_has_slices(c) && f->plan == c->p->train;
}

/* How deep loops are in loops. */
static int depth_of(const Plan *plan)
{
	int most = 0;
	for (int i = 0; i < plan->nsteps; i++) {
		const Node *n = plan->step[i];
		int d = n->scan ? 1 + depth_of(n->scan->plan) : 0;
		most = d > most ? d : most;
	}
	return most;
}

int c_slice_depth(const CProgram *c)
{
	return c_has_slices(c) ? depth_of(c->p->train) : 0;
}

void c_put_slice_fields(Writer *w, const CProgram *c)
{
	if (!c_has_slices(c))
		return;
	int depth = c_slice_depth(c);
	w_raw(w, "\tuint32_t slice;\t\t/* the next of a step; 0: a new step */\n");
	if (depth)
		w_raw(w, "\tuint32_t part[%d];\t/* of the batch, in loops */\n",
		      depth);
}

void c_put_sliced_step(Writer *w, const CProgram *c, const CFunction *f)
{
	CFunction step = *f;
	step.name = "train_step";
	c_put_signature(w, c, &step);
	w_end(w);
	w_open(w, "{");
	w_line(w, "%s_status status;", c->name);
	w_open(w, "do {");
	w_put(w, "status = %s_%s(k", c->name, f->name);
	if (c_feeds(c, f))
		w_put(w, ", feed");
	for (int i = 0; i < f->nargs; i++)
		if (!c_feeds(c, f) || !f->arg[i].fed)
			w_put(w, ", %s", f->arg[i].name);
	w_line(w, ");");
	w_close(w, arena_printf(c->arena, "} while (status == %s_MORE);",
	                        c->upper));
	w_line(w, "return status;");
	w_close(w, "}");
	w_raw(w, "\n");
}

void c_put_slice_check(Writer *w, const CProgram *c)
{
	if (!c_has_slices(c))
		return;
	w_open(w, "if (k->slice != 0u) {");
	w_line(w, "return %s_ERROR_BUSY;", c->upper);
	w_close(w, "}");
}

/* ---- how long ---- */

static void find_longest(CSlice *longest, const Plan *plan, Arena *scratch)
{
	for (int i = 0; i < plan->nsteps; i++) {
		const Node *n = plan->step[i];
		if (n->scan) {
			find_longest(longest, n->scan->plan, scratch);
			continue;
		}
		int64_t flops = kernel_cost(kernel_of(scratch, n)).flops;
		if (flops > longest->flops)
			*longest = (CSlice){flops, n->loc.node ? n->loc.node
			                                       : n->op->name};
	}
}

CSlice c_longest_slice(const CProgram *c)
{
	CSlice longest = {0, ""};
	Arena *scratch = arena_create();
	find_longest(&longest, c->p->train, scratch);
	arena_destroy(scratch);
	return longest;
}
