#include "passes/members.h"

#include "ir/op.h"

Node *members_source(const Value *v)
{
	while (v->nuses == 1 && v->def && v->def->op->view)
		v = v->def->in[0];
	return v->nuses == 1 ? v->def : NULL;
}

bool members_lie_alike(const Node *c, int64_t elements)
{
	for (int i = 0; i < c->nin; i++)
		if (c->in[i] && numel(c->in[i]->shape) != elements &&
		    numel(c->in[i]->shape) != 1)
			return false;
	for (int o = 0; o < c->nout; o++)
		if (numel(c->out[o]->shape) != elements)
			return false;
	return true;
}

int members_input(Value **in, int nin, Value *v)
{
	for (int i = 0; i < nin; i++)
		if (in[i] == v)
			return nin;
	in[nin] = v;
	return nin + 1;
}

void members_add_views(Node *n, const Value *v, const Node *p)
{
	if (v->def == p)
		return;
	members_add_views(n, v->def->in[0], p);
	n->body[n->nbody++] = v->def;
}

int members_count_views(const Value *v, const Node *p)
{
	return v->def == p ? 0 : 1 + members_count_views(v->def->in[0], p);
}

bool members_sum_of_inputs(const Node *n)
{
	if (n->op != &op_Add || n->in[0] == n->in[1])
		return false;
	for (int i = 0; i < 2; i++)
		if (!n->in[i]->def || n->in[i]->def->op != &op_ConvGradInput)
			return false;
	return true;
}

void members_add(Node *n, Node *c)
{
	if (!c->nbody)
		n->body[n->nbody++] = c;
	for (int b = 0; b < c->nbody; b++)
		n->body[n->nbody++] = c->body[b];
}
