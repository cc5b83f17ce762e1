/* Which parameters train: --train and --freeze over the ONNX names. */
#include "passes/train.h"

#include <fnmatch.h>

static bool matches(const NameList *list, const char *name)
{
	for (int i = 0; i < list->n; i++)
		if (!fnmatch(list->name[i], name, 0))
			return true;
	return false;
}

void check_pattern(Graph *g, const char *pattern, const char *option)
{
	const Model *m = g->model;
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->role == VAR_PARAMETER &&
		    !fnmatch(pattern, m->var[i]->name, 0))
			return;
	error_at(g->unit, (Loc){0}, "%s '%s' matches no parameter; `thimble "
	         "inspect` lists them", option, pattern);
}

static void check_patterns(Graph *g, const NameList *list, const char *option)
{
	for (int p = 0; p < list->n; p++)
		check_pattern(g, list->name[p], option);
}

bool *choose_trainable(Graph *g, const Options *o)
{
	const Model *m = g->model;
	bool *train = arena_array(g->unit->arena, bool, m->nvars);
	int count = 0;
	check_patterns(g, &o->train, "--train");
	check_patterns(g, &o->freeze, "--freeze");
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		train[i] = v->role == VAR_PARAMETER &&
		           (!o->train.n || matches(&o->train, v->name)) &&
		           !matches(&o->freeze, v->name);
		count += train[i];
	}
	if (!count)
		error_at(g->unit, (Loc){0}, "no parameter is left to train");
	return train;
}
