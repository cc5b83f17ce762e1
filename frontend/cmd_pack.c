/* thimble pack: the placement of the compiler's buffers, on its own. */
#include "frontend/cmd_common.h"
#include "frontend/files.h"
#include "frontend/pack_csv.h"
#include "passes/pack.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct Pack {
	Args args;
	Session session;
	const char *in, *out;
	PackLimits limits;
	PackTable table;
	int64_t *offset;
	PackResult result;
} Pack;

enum { KEY_CAPACITY = 512, KEY_NODES };

static const struct argp_child children[] = {
	{&args_json, 0, 0, 0}, {0}
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	const int64_t most = INT64_C(1) << 61;
	Pack *p = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		args_share(state, children, &p->args);
		return 0;
	case KEY_CAPACITY:
		p->limits.capacity = args_number(state, "--capacity", text, 1,
		                                 most);
		return 0;
	case KEY_NODES:
		p->limits.nodes = args_number(state, "--nodes", text, 1, most);
		return 0;
	case 'o':
		p->out = args_path(state, "-o", text);
		return 0;
	case ARGP_KEY_ARG:
		if (p->in)
			argp_error(state, "'%s' is one argument too many",
			           text);
		p->in = text;
		return 0;
	case ARGP_KEY_END:
		if (!p->in)
			argp_error(state, "no FILE is given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{0, 0, 0, 0, "Results:", 0},
		{"capacity", KEY_CAPACITY, "N", 0, "The height that will do; "
		 "without it, the lowest that is found", 0},
		{"nodes", KEY_NODES, "N", 0, "How long to search, counted "
		 "in placements of one item; more may find lower ones", 0},
		{"output", 'o', "OUT", 0, "Where to write; without it, to "
		 "standard output, and with --json nowhere", 0},
		{0}
	},
	.parser = parse,
	.args_doc = "FILE",
	.children = children,
	.doc = "Gives each item of a CSV file a place in one block of memory: "
	       "reads the columns id, lower, upper, size (the item lives from "
	       "lower until before upper), and writes the file with a column "
	       "offset. Items that live at the same time do not overlap. A "
	       "column alignment is obeyed. The exit status is 1 if the items "
	       "do not fit in the capacity; the lowest placement found is "
	       "written all the same.\v"
	       "Examples:\n"
	       "  thimble pack buffers.csv -o placed.csv\n"
	       "  thimble pack buffers.csv --capacity 1048576 --json",
};

static bool fits(const Pack *p)
{
	return !p->limits.capacity || p->result.height <= p->limits.capacity;
}

static void place(Pack *p)
{
	const PackTable *t = &p->table;
	Arena *a = p->args.arena;
	PackItem *item = arena_array(a, PackItem, t->n);
	p->offset = arena_array(a, int64_t, t->n);
	for (int i = 0; i < t->n; i++)
		item[i] = (PackItem){t->lower[i], t->upper[i], t->size[i],
		                     t->align[i], 0, NULL};
	p->result = pack(t->n, item, p->limits, p->offset);
}

static void write(Pack *p)
{
	OutFile out;
	if (!p->out) {
		if (!p->args.json)
			pack_csv_print(stdout, &p->table, p->offset);
		return;
	}
	if (!out_open(&p->session.unit, p->out, &out))
		return;
	pack_csv_print(out.f, &p->table, p->offset);
	out_close(&out);
}

static void print_json(const Pack *p)
{
	const PackResult *r = &p->result;
	json_t *o = json_pack(
		"{s:i, s:I, s:I, s:b, s:b, s:I}", "items", p->table.n,
		"height", (json_int_t)r->height,
		"lower_bound", (json_int_t)r->bound,
		"proved_lowest", r->height == r->bound,
		"fits", fits(p), "nodes", (json_int_t)r->nodes);
	if (p->limits.capacity) {
		json_object_set_new(o, "capacity",
		                    json_integer(p->limits.capacity));
		json_object_set_new(o, "proved_infeasible", json_boolean(
			r->bound > p->limits.capacity));
	}
	json_print(stdout, o);
}

static void print_text(const Pack *p)
{
	const PackResult *r = &p->result;
	fprintf(stderr, "%d items: height %" PRId64, p->table.n, r->height);
	if (r->height == r->bound)
		fprintf(stderr, ", the lowest possible\n");
	else
		fprintf(stderr, ", the lowest possible is at least %" PRId64
		        "\n", r->bound);
}

static void say_that_it_does_not_fit(Pack *p)
{
	const PackResult *r = &p->result;
	file_error(&p->session.unit, p->in, "does not fit in %" PRId64 ": the "
	           "lowest placement found has %" PRId64 ", the lower bound "
	           "is %" PRId64 " (%s)", p->limits.capacity, r->height,
	           r->bound, r->bound > p->limits.capacity ?
	           "proved: there is none" : "not proved; see --nodes");
}

int cmd_pack(int argc, char **argv)
{
	Pack p = {.args = {.arena = arena_create()}};
	command_parse(&argp, argc, argv, &p);
	session_open(&p.session, &p.args, p.in);
	if (!pack_csv_read(&p.session.unit, p.in, &p.table))
		return session_close(&p.session);
	place(&p);
	write(&p);
	if (p.args.json)
		print_json(&p);
	else if (p.out)
		print_text(&p);
	if (!fits(&p))
		say_that_it_does_not_fit(&p);
	return session_close(&p.session);
}
