/*
 * What no schedule can do without, whatever it computes again: a task needs what
 * it reads and what it writes at once, less what it may write over. And when it
 * runs for the first time, nothing that depends on it has run: inputs which that
 * still reads, and which nobody can compute again, are there too. In the end all
 * outputs are.
 */
#include "passes/planner.h"

static int64_t most_saved(const Problem *p, const Task *t, int storage)
{
	int64_t most = 0;
	for (int k = 0; k < t->nreuses; k++) {
		int64_t saved = reuse_saves(p, &t->reuse[k]);
		if (t->reuse[k].write == storage && saved > most)
			most = saved;
	}
	return most;
}

static int64_t bytes_at_once(const Problem *p, const Task *t)
{
	int64_t bytes = 0;
	for (int i = 0; i < t->nreads; i++)
		bytes += p->storage[t->read[i]].bytes;
	for (int i = 0; i < t->nwrites; i++)
		bytes += p->storage[t->write[i]].bytes -
		         most_saved(p, t, t->write[i]);
	return bytes;
}

static bool reads(const Task *t, int storage)
{
	for (int i = 0; i < t->nreads; i++)
		if (t->read[i] == storage)
			return true;
	return false;
}

/* Adds the input to all tasks during which it waits. later[], by task: does
 * anything that depends on it read the input? */
static void add_waiting(const Problem *p, int storage, bool *later,
                        int64_t *bytes)
{
	for (int t = p->ntasks - 1; t >= 0; t--) {
		const Task *task = &p->task[t];
		later[t] = false;
		for (int i = 0; i < task->nafter && !later[t]; i++)
			later[t] = later[task->after[i]] ||
			           reads(&p->task[task->after[i]], storage);
		if (later[t] && !reads(task, storage))
			bytes[t] += p->storage[storage].bytes;
	}
}

static int64_t bytes_of_outputs(const Problem *p)
{
	int64_t bytes = 0;
	for (int s = 0; s < p->nstorages; s++)
		bytes += p->storage[s].output ? p->storage[s].bytes : 0;
	return bytes;
}

/* By task; those that are not run need nothing. */
static int64_t *bytes_by_task(Arena *scratch, const Problem *p)
{
	int64_t *bytes = arena_array(scratch, int64_t, p->ntasks + 1);
	bool *later = arena_array(scratch, bool, p->ntasks + 1);
	for (int t = 0; t < p->ntasks; t++)
		bytes[t] = bytes_at_once(p, &p->task[t]);
	for (int s = 0; s < p->nstorages; s++)
		if (p->storage[s].writer < 0 && p->storage[s].bytes > 0)
			add_waiting(p, s, later, bytes);
	for (int t = 0; t < p->ntasks; t++)
		if (p->task[t].skipped)
			bytes[t] = 0;
	return bytes;
}

int64_t problem_floor(const Problem *p)
{
	Arena *scratch = arena_create();
	int64_t most = bytes_of_outputs(p);
	int64_t *bytes = bytes_by_task(scratch, p);
	for (int t = 0; t < p->ntasks; t++)
		most = bytes[t] > most ? bytes[t] : most;
	arena_destroy(scratch);
	return most;
}

/* All are there before the first step. */
static int64_t bytes_of_inputs(const Problem *p)
{
	int64_t bytes = 0;
	for (int s = 0; s < p->nstorages; s++)
		bytes += p->storage[s].writer < 0 ? p->storage[s].bytes : 0;
	return bytes;
}

/* Whichever values lie inside of others: a task needs no less than with all or
 * with none of them, and those that only hand on may have nothing to do. */
static int64_t floor_of_choices(Arena *scratch, const Problem *p,
                                const Problem *q)
{
	int64_t most = bytes_of_outputs(p);
	int64_t *apart = bytes_by_task(scratch, p);
	int64_t *inside = bytes_by_task(scratch, q);
	if (bytes_of_outputs(q) < most)
		most = bytes_of_outputs(q);
	for (int t = 0; t < p->ntasks; t++) {
		int64_t bytes = apart[t] < inside[t] ? apart[t] : inside[t];
		if (!p->task[t].node->op->pieces && bytes > most)
			most = bytes;
	}
	return most;
}

int64_t plan_floor(const Plan *plan, bool whole)
{
	Arena *scratch = arena_create();
	Graph *g = (Graph *)plan->graph;
	bool *copies = arena_array(scratch, bool, g->nnodes);
	Problem *p = problem_create(scratch, g);
	int64_t bytes = whole ? floor_of_choices(
					scratch, p,
					problem_with_views(scratch, g, copies))
			      : bytes_of_inputs(p);
	arena_destroy(scratch);
	return bytes;
}
