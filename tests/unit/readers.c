/*
 * What is kept up while a graph changes is what one would find by looking
 * through all of it: uses, readers, the order, and what a node needs.
 */
#include "passes/readers.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

enum { NODES = 60, CHANGES = 40 };

static int count_reads(const Graph *g, const Value *v)
{
	int n = 0;
	for (const Node *node = g->first; node; node = node->next)
		for (int i = 0; i < node->nin; i++)
			n += node->in[i] == v;
	for (int i = 0; i < g->noutputs; i++)
		n += g->output[i].value == v;
	return n;
}

static bool reads(const Node *n, const Value *root)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && value_viewed(n->in[i]) == root)
			return true;
	return false;
}

static int count_listed(const Readers *r, const Value *root, const Node *n)
{
	int found = 0;
	FOR_READERS(r, e, readers_of(r, root))
		found += e->node == n;
	return found;
}

static bool needs(const Node *p, const Node *n)
{
	for (int i = 0; i < p->nin; i++) {
		const Node *by = p->in[i] ? p->in[i]->def : NULL;
		if (by && (by == n || needs(by, n)))
			return true;
	}
	return false;
}

static Node *any_node(const Graph *g, Random *r)
{
	int length = 0;
	for (Node *n = g->first; n; n = n->next)
		length++;
	Node *n = g->first;
	for (int i = random_int(r, length); i; i--)
		n = n->next;
	return n;
}

/* A node that reads what another computes, somewhere behind it. */
static Node *add_somewhere(Graph *g, Random *r)
{
	Node *of = any_node(g, r), *at = of->next;
	for (int i = random_int(r, 8); i && at; i--)
		at = at->next;
	g->at = at;
	Value *v = APPLY(g, of->loc, op_Tanh, of->out[0]);
	g->at = NULL;
	return v->def;
}

static void check_uses(const Graph *g, int seed)
{
	for (const Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			cr_expect_eq(n->out[o]->nuses,
			             count_reads(g, n->out[o]), "seed %d: %s",
			             seed, n->out[o]->name);
}

static void check_readers(const Graph *g, const Readers *r, int seed)
{
	for (const Node *a = g->first; a; a = a->next) {
		const Value *root = value_viewed(a->out[0]);
		bool behind = false;
		for (const Node *n = g->first; n; n = n->next) {
			cr_expect_eq(count_listed(r, root, n), reads(n, root),
			             "seed %d", seed);
			cr_expect_eq(readers_precede(r, a, n), behind,
			             "seed %d", seed);
			behind |= n == a;
		}
	}
}

Test(readers, are_kept_up)
{
	for (int seed = 0; seed < 20; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, (uint64_t)seed, NODES);
		Random random = {(uint64_t)seed};
		graph_have(g, FACT_USES);
		Readers *r = readers_create(u.arena, g);
		for (int i = 0; i < CHANGES; i++) {
			readers_add(r, g, add_somewhere(g, &random));
			Node *n = any_node(g, &random);
			if (count_reads(g, n->out[0]) || n->nout > 1 ||
			    n->out[0]->var || n == g->first)
				continue;
			readers_remove(r, n);
			graph_remove(g, n);
		}
		check_readers(g, r, seed);
		check_uses(g, seed);
		arena_destroy(u.arena);
	}
}

Test(readers, uses_are_counted_on)
{
	int replaced = 0;
	for (int seed = 0; seed < 50; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, (uint64_t)seed, NODES);
		Random random = {(uint64_t)seed};
		graph_have(g, FACT_USES);
		for (int i = 0; i < CHANGES; i++) {
			Node *old = any_node(g, &random);
			if (old->nout > 1 || old->out[0]->var || !old->nin)
				continue;
			g->at = old;
			Value *v = APPLY(g, old->loc, op_Tanh, old->in[0]);
			g->at = NULL;
			graph_replace(g, old->out[0], v);
			cr_expect_eq(count_reads(g, old->out[0]), 0);
			replaced += v->nuses;
			graph_remove(g, old);
		}
		cr_expect(g->facts & FACT_USES);
		check_uses(g, seed);
		arena_destroy(u.arena);
	}
	cr_expect_gt(replaced, 500, "%d", replaced);
}

Test(readers, leads_are_what_a_node_needs)
{
	int yes = 0, no = 0;
	for (int seed = 0; seed < 20; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, (uint64_t)seed, NODES);
		Random random = {(uint64_t)seed};
		Readers *r = readers_create(u.arena, g);
		Leads *l = leads_create(u.arena, g, r);
		int old = g->nnodes;
		for (int i = 0; i < CHANGES / 4; i++) {
			Node *n = add_somewhere(g, &random);
			if (n->in[0]->def->id < old)
				readers_add(r, g, n);
			else
				graph_remove(g, n);
		}
		for (const Node *p = g->first; p; p = p->next) {
			if (p->id >= old)
				continue;
			leads_begin(l, p);
			for (const Node *n = g->last; n; n = n->prev) {
				bool want = needs(p, n);
				cr_expect_eq(leads_from(l, n), want,
				             "seed %d", seed);
				*(want ? &yes : &no) += 1;
			}
		}
		arena_destroy(u.arena);
	}
	cr_expect_gt(yes, 2000, "%d", yes);
	cr_expect_gt(no, 2000, "%d", no);
}
