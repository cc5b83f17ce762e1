/*
 * ONNX Runtime's training tool, discontinued, split a model into a training
 * model with its backward pass, an evaluation model, an optimizer and a
 * checkpoint with the parameters. None of them is what thimble trains, and their
 * operators are many: so this says once what the file is, and what to give
 * instead.
 */
#include "frontend/import.h"

#include <string.h>

static const char domain[] = "com.microsoft";

typedef struct Found {
	int gradients, accumulators, optimizers, losses;
} Found;

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && !strcmp(s + n - m, end);
}

static bool begins_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static Found look(const OnnxModel *m)
{
	Found f = {0};
	for (int i = 0; i < m->nnodes; i++) {
		const char *op = m->node[i].op;
		if (strcmp(m->node[i].domain, domain))
			continue;
		f.accumulators += begins_with(op, "InPlaceAccumulator");
		f.optimizers += begins_with(op, "SGDOptimizer") ||
		                begins_with(op, "AdamWOptimizer");
		f.losses += !strcmp(op, "SoftmaxCrossEntropyLossInternal");
		f.gradients += ends_with(op, "Grad") ||
		               ends_with(op, "GradInternal") ||
		               strstr(op, "GradV") || begins_with(op, "ConvGrad");
	}
	return f;
}

static const char *name_of(const Found *f)
{
	return f->optimizers ? "optimizer_model.onnx"
	       : f->gradients || f->accumulators ? "training_model.onnx"
	       : f->losses ? "eval_model.onnx" : NULL;
}

static const char *what_is_there(Unit *u, const Found *f)
{
	const struct { int n; const char *what; } part[] = {
		{f->optimizers, "optimizers"},
		{f->gradients, "operators of a backward pass"},
		{f->accumulators, "accumulators of gradients"},
		{f->losses, "SoftmaxCrossEntropyLossInternal"},
	};
	const char *text = "";
	for (size_t i = 0; i < sizeof part / sizeof *part; i++)
		if (part[i].n)
			text = arena_printf(u->arena, "%s%s%s (%d)", text,
			                    *text ? ", " : "", part[i].what,
			                    part[i].n);
	return text;
}

bool import_is_split(Unit *u, const OnnxModel *m)
{
	Found f = look(m);
	const char *name = name_of(&f);
	if (!name)
		return false;
	error_at(u, (Loc){0}, "this is %s as ONNX Runtime's discontinued "
	         "training tool splits a model (of the domain %s: %s). thimble "
	         "makes the backward pass and the updates itself: give it the "
	         "forward model as it was exported, with --loss%s and "
	         "--optimizer. If only these files are left: eval_model.onnx "
	         "without the nodes of its loss, its parameters as "
	         "initializers from the checkpoint", name, domain,
	         what_is_there(u, &f), f.losses ? " cross-entropy" : "");
	return true;
}
