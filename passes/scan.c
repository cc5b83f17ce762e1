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
#include "passes/scan_momentum.h"
#include "passes/scan_node.h"

/* Where a value is while a run is open. */
typedef enum Where {
	NOT_YET,
	OUTSIDE,              /* computed before the run */
	IN_RUN,               /* by it, in parts, */
	SUMMED,               /*   or complete when it ends */
	BEHIND,               /* by what comes behind it */
	READY,                /* put off; could join the run, */
	WAITING,              /*   or only one to come */
} Where;

typedef struct Former {
	Graph *g;
	Arena *scratch;
	int64_t parts;
	bool *rows;           /* by value id: it comes in parts */
	Node **momentum;      /* by value id: see momentum_readers() */
	bool *in_parts;       /* by node id: it can be computed so */
	Where *where;         /* by value id */
	bool *done;           /* by node id */
	int nnodes, nrun, nbehind, noff, nsequence;
	Node **node;          /* the graph's, in its order */
	Node **run, **behind, **off, **sequence;   /* off: put off */
	bool changed;
	bool dry;             /* no Scans are made, only items counted */
	int nitems, *item;    /* by node id */
} Former;

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
	    better_outside(f, n, kind))
		return;
	f->in_parts[n->id] = true;
	for (int o = 0; o < n->nout; o++)
		f->rows[n->out[o]->id] = kind[o] == PART_ROWS &&
			n->out[o]->memory != MEM_WORKSPACE;
}

/* ---- one run ---- */

static bool reads(const Former *f, const Node *n, Where where)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->where[n->in[i]->id] == where)
			return true;
	return false;
}

static bool waits(const Former *f, const Node *n)
{
	return reads(f, n, NOT_YET) || reads(f, n, SUMMED) ||
	       reads(f, n, BEHIND) || reads(f, n, WAITING);
}

static bool reads_variable(Node *const list[], int n, const Variable *var)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < list[i]->nin; k++) {
			const Value *v = list[i]->in[k];
			v = v ? value_viewed(v) : NULL;
			if (v && v->kind == V_VARIABLE && v->var == var)
				return true;
		}
	return false;
}

/* Does it replace a variable while nodes wait to be run? These may compute again
 * what reads its old contents, whether they read it themselves or not. */
static bool replaces_early(const Former *f, const Node *n)
{
	bool waiting = f->nrun || f->nbehind || f->noff;
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var && waiting)
			return true;
	return false;
}

static void move_to(Former *f, const Node *n, Where where)
{
	f->done[n->id] = true;
	for (int o = 0; o < n->nout; o++)
		f->where[n->out[o]->id] = where;
}

/* Puts the node into the run, after what it reads and was put off. */
static void join(Former *f, Node *n)
{
	if (f->done[n->id])
		return;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->where[n->in[i]->id] == READY)
			join(f, n->in[i]->def);
	f->run[f->nrun++] = n;
	f->done[n->id] = true;
	for (int o = 0; o < n->nout; o++)
		f->where[n->out[o]->id] = f->rows[n->out[o]->id] ? IN_RUN
		                                                 : SUMMED;
}

static void put_off(Former *f, Node *n)
{
	Where where = waits(f, n) ? WAITING : READY;
	for (int o = 0; o < n->nout; o++)
		f->where[n->out[o]->id] = where;
}

static void append(Former *f, Node *n)
{
	f->item[n->id] = f->nitems++;
	f->sequence[f->nsequence++] = n;
	move_to(f, n, OUTSIDE);
}

/* ---- the end of a run ---- */

static bool adds_up(const Former *f, const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (f->rows[n->out[o]->id])
			return false;
	return true;
}

/* What adds up something of the run is taken in, wherever it comes later: then
 * what it reads need not be whole. */
static void pull_sums(Former *f, int from)
{
	for (int i = from; i < f->nnodes; i++) {
		Node *n = f->node[i];
		if (f->in_parts[n->id] && !f->done[n->id] && adds_up(f, n) &&
		    !waits(f, n) && reads(f, n, IN_RUN))
			join(f, n);
	}
}

/* What sums of the run are for may be computed by adding to it. */
static void add_to_momentum(Former *f)
{
	for (int i = 0, nrun = f->nrun; i < nrun; i++)
		for (int o = 0; o < f->run[i]->nout; o++) {
			Value *v = f->run[i]->out[o];
			if (!f->momentum[v->id] || f->rows[v->id])
				continue;
			f->run[f->nrun++] = momentum_split(
				f->g, v, f->momentum[v->id]);
			f->changed = true;
		}
}

/* What was put off may join the next run now. */
static void look_again(Former *f)
{
	int n = f->noff;
	f->noff = 0;
	for (int i = 0; i < n; i++) {
		if (f->done[f->off[i]->id])
			continue;
		put_off(f, f->off[i]);
		f->off[f->noff++] = f->off[i];
	}
}

static void end_run(Former *f)
{
	bool loop = f->nrun > 1 && !f->dry;
	if (loop)
		add_to_momentum(f);
	Run r = {f->nrun, f->run, f->rows, f->parts};
	Node *scan = loop ? scan_node(f->g, &r) : NULL;
	if (scan)
		f->sequence[f->nsequence++] = scan;
	f->changed |= scan != NULL;
	f->nitems += f->nrun > 0;
	for (int i = 0; i < f->nrun; i++) {
		f->item[f->run[i]->id] = f->nitems - 1;
		if (!scan)
			f->sequence[f->nsequence++] = f->run[i];
		move_to(f, f->run[i], OUTSIDE);
	}
	f->nrun = 0;
}

static void close_run(Former *f, int next)
{
	if (f->nrun)
		pull_sums(f, next);
	end_run(f);
	for (int i = 0; i < f->nbehind; i++)
		append(f, f->behind[i]);
	f->nbehind = 0;
	look_again(f);
}

/* ---- the walk ---- */

/* Sees to it that what n reads is in the run or outside. */
static void provide(Former *f, const Node *n, int next)
{
	if (reads(f, n, WAITING))
		close_run(f, next);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->where[n->in[i]->id] == READY)
			join(f, n->in[i]->def);
}

static void visit_in_parts(Former *f, Node *n, int i)
{
	if (adds_up(f, n)) {
		if (waits(f, n))
			close_run(f, i);
		join(f, n);
	} else if (reads(f, n, IN_RUN) && !waits(f, n)) {
		join(f, n);
	} else {
		f->off[f->noff++] = n;
		put_off(f, n);
	}
}

/* Sees to it that what was put off has read the variables that n replaces. */
static void free_variables(Former *f, const Node *n, int next)
{
	for (int o = 0; o < n->nout; o++)
		for (int k = 0; n->out[o]->var && k < f->noff; k++) {
			Node *off = f->off[k];
			if (f->done[off->id] ||
			    !reads_variable(&off, 1, n->out[o]->var))
				continue;
			if (waits(f, off)) {
				close_run(f, next);
				k = -1;
				continue;
			}
			join(f, off);
		}
}

static void visit(Former *f, int i)
{
	Node *n = f->node[i];
	if (f->in_parts[n->id]) {
		visit_in_parts(f, n, i);
		return;
	}
	provide(f, n, i);
	free_variables(f, n, i);
	if (reads(f, n, IN_RUN) || reads(f, n, SUMMED) || reads(f, n, BEHIND) ||
	    replaces_early(f, n)) {
		f->behind[f->nbehind++] = n;
		move_to(f, n, BEHIND);
	} else {
		append(f, n);
	}
}

/* The caller wants the graph's outputs. */
static void finish(Former *f)
{
	while (f->noff) {
		int before = f->noff;
		for (int i = 0; i < f->noff; i++)
			if (!waits(f, f->off[i]))
				join(f, f->off[i]);
		close_run(f, f->nnodes);
		if (f->noff == before)
			BUG("%d nodes wait for each other", before);
	}
	close_run(f, f->nnodes);
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

static Former former(Graph *g, Arena *a, int64_t parts)
{
	int most = 2 * g->nnodes;   /* if each were split */
	graph_have(g, FACT_USES);
	Former f = {
		.g = g, .scratch = a, .parts = parts,
		.rows = arena_array(a, bool, g->nvalues),
		.where = arena_array(a, Where, g->nvalues),
		.momentum = momentum_readers(a, g),
		.in_parts = arena_array(a, bool, most),
		.done = arena_array(a, bool, most),
		.item = arena_array(a, int, most),
	};
	for (Node *n = g->first; n; n = n->next)
		f.nnodes++;
	f.node = arena_array(a, Node *, f.nnodes + 1);
	f.run = arena_array(a, Node *, 2 * f.nnodes + 1);
	f.behind = arena_array(a, Node *, f.nnodes + 1);
	f.off = arena_array(a, Node *, f.nnodes + 1);
	f.sequence = arena_array(a, Node *, 2 * f.nnodes + 1);
	f.nnodes = 0;
	for (Node *n = g->first; n; n = n->next)
		f.node[f.nnodes++] = n;
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
			               f->momentum[v->id] && !f->rows[v->id];
		}
	return found;
}

Runs scan_runs(Arena *a, Graph *g, int64_t parts)
{
	Former f = former(g, a, parts);
	f.dry = true;
	form(&f);
	return (Runs){f.nitems, f.item, f.sequence, f.nsequence, f.in_parts,
	              f.rows, find_momentum(&f)};
}

void scan_follow(Graph *g, int64_t parts, const int item[])
{
	Arena *scratch = arena_create();
	Former f = former(g, scratch, parts);
	classify_all(&f);
	for (int i = 0; i < f.nnodes; i++) {
		if (i && item[i] != item[i - 1])
			end_run(&f);
		if (f.in_parts[f.node[i]->id])
			join(&f, f.node[i]);
		else
			append(&f, f.node[i]);
	}
	end_run(&f);
	relink(&f);
	g->facts = 0;
	graph_verify(g);
	arena_destroy(scratch);
}

static bool run(Graph *g, const Options *o)
{
	if (o->parts < 2)
		return false;
	Arena *scratch = arena_create();
	Former f = former(g, scratch, o->parts);
	form(&f);
	relink(&f);
	arena_destroy(scratch);
	return f.changed;
}

const Pass pass_scan = {
	"scan", "run one part of the batch after the other",
	.needs = FACT_USES, .run = run,
};
