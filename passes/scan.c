/*
 * The batch in parts. Nodes that compute each example of the batch from the same
 * example become members of a Scan, which runs them for some examples after the
 * other: what only its members read is then a part of its size. This is
 * micro-batching (Sohoni et al., "Low-Memory Neural Network Training", 2019)
 * where nothing looks at the batch as a whole; and where something does, a
 * batch's statistics for one, a Scan ends there and the next begins, so that the
 * results stay those of the whole batch.
 *
 * The graph is walked in its order. A node in parts is put off until somebody
 * wants what it computes: so what is computed again for the backward pass is
 * computed by the Scan that reads it. A node that adds up something over the
 * parts joins the run, with what it wants, if the run's members and what was
 * there before have all that this reads; if that needs a sum of the run itself,
 * the run ends and the next begins. What else depends on the run comes behind it.
 */
#include "passes/scan.h"

#include "ir/batch_axis.h"
#include "ir/op.h"
#include "ir/parts.h"
#include "passes/pass.h"
#include "passes/scan_form.h"
#include "passes/scan_momentum.h"
#include "passes/scan_update.h"

#include <string.h>

/* Where a value is while a run is open. */
/* ---- which nodes can be computed in parts ---- */

static void classify_inputs(Former *f)
{
	bool divides = graph_batch(f->g) % f->parts == 0;
	for (int i = 0; i < f->g->ninputs; i++) {
		const Value *v = f->g->input[i];
		f->where[v->id] = OUTSIDE;
		f->rows[v->id] = divides && !v->batch_axis &&
		                 value_has_batch(f->g, v);
	}
}

/* A sum takes its own bytes while the Scan runs, unless momentum is the sum. Where
 * what it is computed from is smaller than that even for the whole batch, it is
 * left outside. Its summands count in neither case: inside and outside, what
 * uses them does so a tile at a time (fuse_update.c). */
static bool better_outside(const Former *f, const Node *n,
                           const PartKind kind[])
{
	int64_t read = 0, sums = 0;
	for (int o = 0; o < n->nout; o++) {
		if (kind[o] == PART_ROWS)
			return false;
		if (!f->momentum[n->out[o]->id])
			sums += value_bytes(n->out[o]);
	}
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->rows[n->in[i]->id] &&
		    n->in[i]->kind == V_RESULT)
			read += value_bytes(n->in[i]);
	return read < sums;
}

/* Data whose batch was not first, and now is. */
static bool brings_batch_first(const Graph *g, const Node *n)
{
	const Value *x = n->nin ? n->in[0] : NULL;
	return n->op == &op_Transpose && value_is_data(x) && x->batch_axis &&
	       value_has_batch(g, x) &&
	       n->attr[op_attr(n->op, "perm")].ints[0] == x->batch_axis;
}

/* The same for each example: where a recurrence begins. */
static bool repeats_for_batch(const Graph *g, const Node *n)
{
	Shape y = n->out[0]->shape, x = n->op == &op_Expand ? n->in[0]->shape : y;
	return y.rank > 0 && y.dim[0] == graph_batch(g) && y.dim[0] > 1 &&
	       (x.rank < y.rank || x.dim[0] == 1);
}

/* The node is computed at once, but what it gives may be read in parts. */
static bool gives_rows(const Former *f, const Node *n)
{
	return graph_batch(f->g) % f->parts == 0 &&
	       (brings_batch_first(f->g, n) || repeats_for_batch(f->g, n));
}

/* The sums have the order that they have in all of the batch: each goes on where
 * the part before ended. */
static bool keeps_order(const Node *n, const PartKind kind[])
{
	for (int o = 0; o < n->nout; o++)
		if (kind[o] == PART_MEAN ||
		    (kind[o] == PART_SUM && !n->op->goes_on))
			return false;
	return true;
}

/* Notes it if the gradient is to be added up in the parameter. */
static bool adds_in_place(Former *f, const Node *n, const PartKind kind[])
{
	Node *update = f->sgd && n->nout == 1 ? f->sgd[n->out[0]->id] : NULL;
	if (!update || kind[0] == PART_ROWS)
		return false;
	if (f->follow ? f->follow[n->id] != f->follow[update->id]
	              : !sgd_pays(f->g, n->out[0], f->rows))
		return false;
	f->in_place[n->id] = f->in_place[update->id] = true;
	return f->in_parts[update->id] = true;
}

static void classify(Former *f, const Node *n)
{
	if (gives_rows(f, n)) {
		f->rows[n->out[0]->id] = true;
		return;
	}
	bool *part = arena_array(f->scratch, bool, n->nin + 1), any = false;
	PartKind *kind = arena_array(f->scratch, PartKind, n->nout + 1);
	for (int i = 0; i < n->nin; i++)
		any |= part[i] = n->in[i] && f->rows[n->in[i]->id];
	for (int o = 0; o < n->nout; o++)
		any &= !n->out[o]->var;
	if (!any || !node_parts(n, part, f->parts, kind) ||
	    (f->in_order && !keeps_order(n, kind)) ||
	    (!adds_in_place(f, n, kind) && better_outside(f, n, kind)))
		return;
	f->in_parts[n->id] = true;
	for (int o = 0; o < n->nout; o++)
		f->rows[n->out[o]->id] = kind[o] == PART_ROWS &&
			n->out[o]->memory != MEM_WORKSPACE;
}

/* ---- the walk ---- */

/* Sees to it that what n reads is in the run or outside. */
static void provide(Former *f, const Node *n, int next)
{
	if (former_reads(f, n, WAITING))
		former_close(f, next);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->where[n->in[i]->id] == READY)
			former_join(f, n->in[i]->def);
}

static void visit_in_parts(Former *f, Node *n, int i)
{
	if (former_adds_up(f, n)) {
		if (former_waits(f, n))
			former_close(f, i);
		former_join(f, n);
	} else if (former_reads(f, n, IN_RUN) && !former_waits(f, n)) {
		former_join(f, n);
	} else {
		f->off[f->noff++] = n;
		former_put_off(f, n);
	}
}

/* Sees to it that what was put off has read the variables that n replaces. */
static void free_variables(Former *f, const Node *n, int next)
{
	for (int o = 0; o < n->nout; o++)
		for (int k = 0; n->out[o]->var && k < f->noff; k++) {
			Node *off = f->off[k];
			if (f->done[off->id] ||
			    !nodes_read_variable(&off, 1, n->out[o]->var))
				continue;
			if (former_waits(f, off)) {
				former_close(f, next);
				k = -1;
				continue;
			}
			former_join(f, off);
		}
}

static bool replaces_any(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var)
			return true;
	return false;
}

/* What the run adds up, and is whole when it ends. */
static int64_t bytes_of_sums(const Former *f)
{
	int64_t bytes = 0;
	for (int i = 0; i < f->nrun; i++)
		for (int o = 0; o < f->run[i]->nout; o++) {
			const Value *v = f->run[i]->out[o];
			if (!f->rows[v->id] && !f->momentum[v->id] &&
			    !f->in_place[f->run[i]->id])
				bytes += value_bytes(v);
		}
	return bytes;
}

/* Bytes of the largest value that is whole for an update of the run. */
static int64_t most_kept(const Former *f)
{
	int64_t most = 0;
	for (int i = 0; i < f->nrun; i++) {
		const Node *n = f->run[i];
		if (!f->in_place[n->id] || n->op == &op_SGDUpdate)
			continue;
		int64_t bytes = value_bytes(sgd_kept(f->g, n, f->rows));
		most = bytes > most ? bytes : most;
	}
	return most;
}

/* Computes what will be whole, from parameters that may be replaced then. */
static void keep(Former *f, const Value *v, int next)
{
	if (f->where[v->id] == WAITING)
		former_close(f, next);
	if (f->where[v->id] == READY)
		former_join(f, v->def);
}

/* A run begins with what adds to a parameter: nothing reads that any more. What
 * the run before has whole, if it is larger, goes first. */
static void visit_in_place(Former *f, Node *n, int i)
{
	if (n->op != &op_SGDUpdate)
		return;   /* its reader sees to it */
	Node *sum = sgd_gradient(n)->def;
	const Value *kept = sgd_kept(f->g, sum, f->rows);
	if (most_kept(f) > value_bytes(kept))
		former_close(f, i);
	free_variables(f, n, i);
	keep(f, kept, i);
	former_close(f, i);
	former_join(f, sum);
	former_join(f, n);
}

static void visit(Former *f, int i)
{
	Node *n = f->node[i];
	if (f->in_place[n->id]) {
		visit_in_place(f, n, i);
		return;
	}
	if (f->in_parts[n->id]) {
		visit_in_parts(f, n, i);
		return;
	}
	provide(f, n, i);
	free_variables(f, n, i);
	if (former_reads(f, n, IN_RUN) || former_reads(f, n, SUMMED) ||
	    former_reads(f, n, BEHIND) || former_replaces_early(f, n)) {
		f->behind[f->nbehind++] = n;
		former_move(f, n, BEHIND);
	} else {
		former_append(f, n);
	}
	if (f->most && replaces_any(n) && bytes_of_sums(f) > f->most)
		former_close(f, i + 1);
}

/* The caller wants the graph's outputs. */
static void finish(Former *f)
{
	while (f->noff) {
		int before = f->noff;
		for (int i = 0; i < f->noff; i++)
			if (!former_waits(f, f->off[i]))
				former_join(f, f->off[i]);
		former_close(f, f->nnodes);
		if (f->noff == before)
			BUG("%d nodes wait for each other", before);
	}
	former_close(f, f->nnodes);
}

static void relink(Former *f)
{
	Graph *g = f->g;
	g->first = g->last = NULL;
	for (int i = 0; i < f->nsequence; i++) {
		Node *n = f->sequence[i];
		n->prev = g->last;
		n->next = NULL;
		*(g->last ? &g->last->next : &g->first) = n;
		g->last = n;
	}
}

/* In the graph's order; but updates early, if runs end there. */
static void list_nodes(Former *f)
{
	int n = 0;
	if (f->most)
		order_updates(f->scratch, f->g, f->node);
	else
		for (Node *p = f->g->first; p; p = p->next)
			f->node[n++] = p;
}

/* `sums`: the Options' of that name, if runs are to be formed. What is added to
 * momentum or to a parameter is rounded in another order than a sum. */
static Former former(Graph *g, Arena *a, const Options *o, int64_t sums)
{
	int most = 2 * g->nnodes;   /* if each were split */
	graph_have(g, FACT_USES);
	Former f = {
		.g = g, .scratch = a, .parts = o->parts, .most = sums,
		.in_order = o->in_order,
		.rows = arena_array(a, bool, g->nvalues),
		.where = arena_array(a, Where, g->nvalues),
		.momentum = o->in_order ? arena_array(a, Node *, g->nvalues)
		                        : momentum_readers(a, g),
		.sgd = sums && !o->in_order ? sgd_readers(a, g) : NULL,
		.in_place = arena_array(a, bool, most),
		.in_parts = arena_array(a, bool, most),
		.done = arena_array(a, bool, most),
		.item = arena_array(a, int, most),
	};
	f.nnodes = graph_count(g, NULL);
	f.node = arena_array(a, Node *, f.nnodes + 1);
	f.run = arena_array(a, Node *, 2 * f.nnodes + 1);
	f.behind = arena_array(a, Node *, f.nnodes + 1);
	f.off = arena_array(a, Node *, f.nnodes + 1);
	f.sequence = arena_array(a, Node *, 2 * f.nnodes + 1);
	list_nodes(&f);
	return f;
}

static void note_sources(Former *f, const Node *n)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->kind != V_RESULT)
			f->where[n->in[i]->id] = OUTSIDE;
}

static void classify_all(Former *f)
{
	classify_inputs(f);
	for (int i = 0; i < f->nnodes; i++) {
		note_sources(f, f->node[i]);
		classify(f, f->node[i]);
	}
}

static void form(Former *f)
{
	classify_all(f);
	for (int i = 0; i < f->nnodes; i++)
		if (!f->done[f->node[i]->id])
			visit(f, i);
	finish(f);
}

/* By value id: a sum of a run that would be added to momentum. */
static bool *find_momentum(const Former *f)
{
	bool *found = arena_array(f->scratch, bool, f->g->nvalues);
	for (int i = 0; i < f->nnodes; i++)
		for (int o = 0; o < f->node[i]->nout; o++) {
			const Value *v = f->node[i]->out[o];
			found[v->id] = f->in_parts[f->node[i]->id] &&
			               !f->rows[v->id] &&
			               (f->momentum[v->id] ||
			                f->in_place[f->node[i]->id]);
		}
	return found;
}

Runs scan_runs(Arena *a, Graph *g, const Options *o)
{
	Former f = former(g, a, o, o->sums);
	f.dry = true;
	form(&f);
	return (Runs){f.nitems, f.item, f.sequence, f.nsequence, f.in_parts,
	              f.rows, find_momentum(&f)};
}

/* By node id. */
static int *items_of_nodes(Arena *a, const Graph *g, const int item[])
{
	int *of = arena_array(a, int, g->nnodes), i = 0;
	for (const Node *n = g->first; n; n = n->next)
		of[n->id] = item[i++];
	return of;
}

void scan_follow(Graph *g, const Options *o, const int item[])
{
	Arena *scratch = arena_create();
	Former f = former(g, scratch, o, 0);
	f.sgd = o->in_order ? NULL : sgd_readers(scratch, g);
	f.follow = items_of_nodes(scratch, g, item);
	classify_all(&f);
	for (int i = 0; i < f.nnodes; i++) {
		if (i && item[i] != item[i - 1])
			former_end(&f);
		if (f.in_parts[f.node[i]->id])
			former_join(&f, f.node[i]);
		else
			former_append(&f, f.node[i]);
	}
	former_end(&f);
	relink(&f);
	g->facts = 0;
	graph_verify(g);
	arena_destroy(scratch);
}

/* By the members: what they compute; and updates, which may replace what they
 * read. */
static void put_behind(Former *f, Node *n)
{
	f->behind[f->nbehind++] = n;
	former_move(f, n, BEHIND);
}

bool scan_members(Graph *g, int64_t parts, const bool member[],
                  const bool rows[])
{
	Arena *scratch = arena_create();
	Former f = former(g, scratch, &(Options){
		.parts = parts, .in_order = true}, 0);
	memcpy(f.rows, rows, sizeof *rows * (size_t)g->nvalues);
	bool begun = false;
	for (int i = 0; i < f.nnodes; i++) {
		Node *n = f.node[i];
		begun |= f.in_parts[n->id] = member[n->id];
		if (member[n->id])
			former_join(&f, n);
		else if (former_reads(&f, n, IN_RUN) ||
		         former_reads(&f, n, SUMMED) ||
		         former_reads(&f, n, BEHIND) ||
		         (begun && replaces_any(n)))
			put_behind(&f, n);
		else
			former_append(&f, n);
	}
	former_close(&f, f.nnodes);
	relink(&f);
	g->facts = 0;
	arena_destroy(scratch);
	return f.changed;
}

static bool run(Graph *g, const Options *o)
{
	if (o->parts < 2)
		return false;
	Arena *scratch = arena_create();
	Former f = former(g, scratch, o, o->sums);
	form(&f);
	relink(&f);
	arena_destroy(scratch);
	return f.changed;
}

const Pass pass_scan = {
	"scan", "run one part of the batch after the other",
	.needs = FACT_USES, .run = run,
};
