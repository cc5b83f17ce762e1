/* Reading what import_torch.h describes, and saying what is lost. */
#include "frontend/import_torch.h"

#include <string.h>

/* ---- the text ---- */

/* The next text between quotes in [*p, end); NULL: no more. */
static const char *next_quoted(Arena *a, const char **p, const char *end)
{
	const char *from = memchr(*p, '\'', (size_t)(end - *p));
	const char *to = from ? memchr(from + 1, '\'', (size_t)(end - from - 1))
	                      : NULL;
	if (!to)
		return NULL;
	*p = to + 1;
	return arena_strndup(a, from + 1, (size_t)(to - from - 1));
}

const char *torch_argument(const Torch *t, const char **call)
{
	const char *from = strchr(*call, '%');
	if (!from)
		return NULL;
	size_t n = strcspn(from + 1, ",) ");
	*call = from + 1 + n;
	return arena_strndup(t->arena, from + 1, n);
}

/* A line of the signature; false: it is about something else. */
static bool read_parameter(Arena *a, const char *p, const char *end,
                           TorchParameter *out)
{
	static const char word[] = ": PARAMETER target=";
	const char *colon = memchr(p, ':', (size_t)(end - p));
	if (!colon || strncmp(colon, word, sizeof word - 1))
		return false;
	out->argument = arena_strndup(a, p, (size_t)(colon - p));
	p = colon + sizeof word - 1;
	out->target = p <= end ? next_quoted(a, &p, end) : NULL;
	return out->target != NULL;
}

static int count_lines(const char *p)
{
	int n = 1;
	while ((p = strchr(p, '\n'))) {
		p++;
		n++;
	}
	return n;
}

static void read_signature(Torch *t, const char *p)
{
	t->parameter = arena_array(t->arena, TorchParameter, count_lines(p));
	while (*p) {
		size_t length = strcspn(p, "\n");
		TorchParameter *q = &t->parameter[t->nparameters];
		if (read_parameter(t->arena, p, p + length, q)) {
			names_add(t->argument, q->argument)->init =
				t->nparameters;
			names_add(t->target, q->target)->init = t->nparameters++;
		}
		p += length + (p[length] == '\n');
	}
}

static void read_calls(Torch *t, const OnnxModel *m)
{
	const char *argument;
	for (int i = 0; i < m->nnodes; i++) {
		const char *p = m->node[i].torch_call;
		while (p && (argument = torch_argument(t, &p))) {
			const Name *n = names_find(t->argument, argument);
			if (n && !t->parameter[n->init].given)
				t->parameter[n->init].given = &m->node[i];
		}
	}
}

static void read_folded(Torch *t, const OnnxModel *m)
{
	const char *name;
	for (int i = 0; i < m->nfolded; i++) {
		const char *from = m->folded[i].from, *end = from + strlen(from);
		while ((name = next_quoted(t->arena, &from, end)))
			names_add(t->folded, name);
	}
}

bool torch_made(const Import *im)
{
	return !strcmp(im->m->producer, "pytorch");
}

void torch_read(Unit *u, OnnxModel *m)
{
	if (!m->torch_signature)
		return;
	Torch *t = m->torch = arena_new(u->arena, Torch);
	Names **table[] = {&t->argument, &t->target, &t->init, &t->folded};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		*table[i] = names_create(u->arena, 64);
	t->arena = u->arena;
	for (int i = 0; i < m->ninits; i++)
		names_add(t->init, m->init[i].name)->init = i;
	read_signature(t, m->torch_signature);
	read_calls(t, m);
	read_folded(t, m);
}

/* ---- what it says ---- */

bool torch_in_file(const Torch *t, const char *name)
{
	return names_find(t->init, name) != NULL;
}

bool torch_is_replaced(const Torch *t, const TorchParameter *p)
{
	return p->given && !torch_in_file(t, p->target) &&
	       !names_find(t->folded, p->target);
}

bool torch_folded_norm(const OnnxNode *n)
{
	return strstr(n->torch_call, "batch_norm") &&
	       strcmp(n->op, "BatchNormalization");
}

TorchSource torch_source(const Torch *t, const char *list)
{
	TorchSource s = {0};
	const char *name, *end = list + strlen(list);
	while ((name = next_quoted(t->arena, &list, end))) {
		if (!names_find(t->target, name))
			continue;
		s.first = s.first ? s.first : name;
		s.kept |= torch_in_file(t, name);
		s.parameters++;
	}
	return s;
}

bool torch_trains(TorchSource s)
{
	return s.parameters == 1 || (s.parameters && !s.kept);
}

void torch_declare(Import *im)
{
	const OnnxModel *m = im->m;
	if (!m->torch)
		return;
	for (int i = 0; i < m->ninits; i++) {
		Name *n = names_find(im->names, m->init[i].name);
		n->declared = names_find(m->torch->target, n->text)
			? DECLARED_PARAMETER : DECLARED_CONSTANT;
	}
	for (int i = 0; i < m->nfolded; i++) {
		Name *n = names_find(im->names, m->folded[i].name);
		if (n && torch_trains(torch_source(m->torch, m->folded[i].from)))
			n->declared = DECLARED_PARAMETER;
	}
}

/* args = (%x, %weight, %bias, %mean, %var, True, 0.1, 1e-05): the first that is
 * a truth value says whether it trains; the form for inference has none. */
bool torch_norm_trains(const OnnxNode *n)
{
	const char *args = n->torch_call ? strstr(n->torch_call, "(args = (")
	                                 : NULL;
	const char *norm = args ? strstr(n->torch_call, "batch_norm") : NULL;
	if (!norm || norm > args)
		return false;
	const char *yes = strstr(args, ", True"), *no = strstr(args, ", False");
	return yes && (!no || yes < no);
}

/* ---- what is lost ---- */

#define REMEDY "export with optimize=False to keep "

static void explain_folded(const Import *im, const OnnxFolded *f, int *renamed)
{
	const Name *n = names_find(im->names, f->name);
	TorchSource s = torch_source(im->m->torch, f->from);
	if (!n || n->init < 0 || !n->uses || !s.parameters)
		return;
	if (!torch_trains(s))
		warn_at(im->u, (Loc){0}, "the exporter computed '%s' from '%s' and "
		        "others: it stays constant, and what it should add to their "
		        "gradients is lost; " REMEDY "it", f->name, s.first);
	else if (s.kept)
		warn_at(im->u, (Loc){0}, "the exporter computed '%s' from '%s': "
		        "they are no longer one parameter and train apart; "
		        REMEDY "them one", f->name, s.first);
	else if (!(*renamed)++)
		warn_at(im->u, (Loc){0}, "the exporter transposed or joined weights "
		        "such as '%s', which is now '%s': they train under that "
		        "name; " REMEDY "their own", s.first, f->name);
}

static void explain_replaced(const Import *im)
{
	const Torch *t = im->m->torch;
	int gone = 0, shared = 0;
	for (int i = 0; i < t->nparameters; i++) {
		const TorchParameter *p = &t->parameter[i];
		if (!torch_is_replaced(t, p))
			continue;
		bool norm = torch_folded_norm(p->given);
		if (norm && !gone++)
			warn_at(im->u, p->given->loc, "the exporter folded the "
			        "BatchNorm of '%s' into it, and the model trains "
			        "without; " REMEDY "it", p->target);
		else if (!norm && !shared++)
			warn_at(im->u, p->given->loc, "the exporter has it read "
			        "another parameter instead of '%s', which begins "
			        "with the same values: they train as one; "
			        REMEDY "them apart", p->target);
	}
}

void torch_explain(const Import *im)
{
	int renamed = 0;
	if (!im->m->torch)
		return;
	for (int i = 0; i < im->m->nfolded; i++)
		explain_folded(im, &im->m->folded[i], &renamed);
	explain_replaced(im);
}
