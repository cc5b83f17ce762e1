#include "passes/scan_form.h"

#include "ir/op.h"
#include "passes/scan_momentum.h"
#include "passes/scan_node.h"

/* ---- one run ---- */

bool former_reads(const Former *f, const Node *n, Where where)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->where[n->in[i]->id] == where)
			return true;
	return false;
}

bool former_waits(const Former *f, const Node *n)
{
	return former_reads(f, n, NOT_YET) || former_reads(f, n, SUMMED) ||
	       former_reads(f, n, BEHIND) || former_reads(f, n, WAITING);
}

bool nodes_read_variable(Node *const list[], int n, const Variable *var)
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

/* Does it replace what the node of a list has still to read? */
static bool replaces_read(Node *const list[], int count, const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var &&
		    nodes_read_variable(list, count, n->out[o]->var))
			return true;
	return false;
}

bool former_replaces_early(const Former *f, const Node *n)
{
	bool waiting = f->nrun || f->nbehind || f->noff;
	if (f->most)
		return replaces_read(f->run, f->nrun, n) ||
		       replaces_read(f->behind, f->nbehind, n);
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var && waiting)
			return true;
	return false;
}

void former_move(Former *f, const Node *n, Where where)
{
	f->done[n->id] = true;
	for (int o = 0; o < n->nout; o++)
		f->where[n->out[o]->id] = where;
}

void former_join(Former *f, Node *n)
{
	if (f->done[n->id])
		return;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->where[n->in[i]->id] == READY)
			former_join(f, n->in[i]->def);
	f->run[f->nrun++] = n;
	f->done[n->id] = true;
	for (int o = 0; o < n->nout; o++)
		f->where[n->out[o]->id] = f->rows[n->out[o]->id] ? IN_RUN
		                                                 : SUMMED;
}

void former_put_off(Former *f, Node *n)
{
	Where where = former_waits(f, n) ? WAITING : READY;
	for (int o = 0; o < n->nout; o++)
		f->where[n->out[o]->id] = where;
}

void former_append(Former *f, Node *n)
{
	f->item[n->id] = f->nitems++;
	f->sequence[f->nsequence++] = n;
	former_move(f, n, OUTSIDE);
}

/* ---- the end of a run ---- */

bool former_adds_up(const Former *f, const Node *n)
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
		if (f->in_parts[n->id] && !f->done[n->id] && former_adds_up(f, n) &&
		    !f->in_place[n->id] && !former_waits(f, n) &&
		    former_reads(f, n, IN_RUN))
			former_join(f, n);
	}
}

static int count_reads(const Node *n, const Value *v)
{
	int count = 0;
	for (int i = 0; i < n->nin; i++)
		count += n->in[i] == v;
	return count;
}

/* Is the node the last that reads the run's value? */
static bool ends(const Former *f, const Node *n, const Value *v)
{
	int left = v->nuses - count_reads(n, v);
	for (int i = 0; i < f->nrun; i++)
		left -= count_reads(f->run[i], v);
	return left == 0;
}

/* Is less whole behind the run with the node in it? */
static bool ends_more(const Former *f, const Node *n)
{
	int64_t bytes = 0;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && f->where[n->in[i]->id] == IN_RUN &&
		    ends(f, n, n->in[i]))
			bytes += value_bytes(n->in[i]);
	for (int o = 0; o < n->nout; o++)
		bytes -= value_bytes(n->out[o]);
	return bytes > 0;
}

/* So is what leaves less to be kept: the sum of the gradients of a value that is
 * used twice, for one. */
static void pull_ends(Former *f)
{
	for (int i = 0; i < f->nnodes; i++) {
		Node *n = f->node[i];
		if (f->in_parts[n->id] && !f->done[n->id] && !former_adds_up(f, n) &&
		    !former_waits(f, n) && ends_more(f, n))
			former_join(f, n);
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
		former_put_off(f, f->off[i]);
		f->off[f->noff++] = f->off[i];
	}
}

void former_end(Former *f)
{
	bool loop = f->nrun > 1 && !f->dry;
	if (loop)
		add_to_momentum(f);
	Run r = {f->nrun, f->run, f->rows, f->parts, f->in_order};
	Node *scan = loop ? scan_node(f->g, &r) : NULL;
	if (scan)
		f->sequence[f->nsequence++] = scan;
	f->changed |= scan != NULL;
	f->nitems += f->nrun > 0;
	for (int i = 0; i < f->nrun; i++) {
		f->item[f->run[i]->id] = f->nitems - 1;
		if (!scan)
			f->sequence[f->nsequence++] = f->run[i];
		former_move(f, f->run[i], OUTSIDE);
	}
	f->nrun = 0;
}

void former_close(Former *f, int next)
{
	if (f->nrun)
		pull_sums(f, next);
	if (f->nrun && f->most)
		pull_ends(f);
	former_end(f);
	for (int i = 0; i < f->nbehind; i++)
		former_append(f, f->behind[i]);
	f->nbehind = 0;
	look_again(f);
}
