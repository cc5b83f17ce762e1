/*
 * The text form: what is printed reads back as a graph that prints the same and
 * computes the same; what anybody might write instead is an error with a line,
 * never a crash.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>


static char *printed(const Graph *g)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	graph_print(f, g, true);
	fclose(f);
	char *copy = arena_strndup(g->unit->arena, text, len);
	free(text);
	return copy;
}

Test(text, reads_back_what_it_prints)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, seed, 40);
		if (seed % 2) {
			graph_have(g, FACT_USES);
			pass_fuse.run(g, NULL);
		}
		char *text = printed(g);
		Graph *again = graph_parse(&u, NULL, text);
		cr_assert(again, "seed %d:\n%s", (int)seed, text);
		graph_verify(again);
		cr_expect_str_eq(printed(again), text);
		arena_destroy(u.arena);
	}
}

/* Inputs are filled by value id, which reading back keeps for them. */
Test(text, computes_the_same)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, seed, 40);
		Graph *again = graph_parse(&u, NULL, printed(g));
		cr_assert(again);
		Results a = run_apart(g), b = run_apart(again);
		for (int i = 0; i < g->noutputs; i++)
			cr_expect_arr_eq(a.output[i], b.output[i],
				(size_t)bytes_of(g->output[i].value));
		arena_destroy(u.arena);
	}
}

static const char every_form[] =
	"graph \"train\" of \"a b\"\n"
	"variable \"w\" parameter f32[2,3] mutable = {1, -2.5, 3e+20, "
	"0.1, nan, -inf}\n"
	"variable \"m \\\"x\\\" \\\\\" optimizer f32[6] mutable fill 0.25\n"
	"variable \"stat\" buffer f64[] fill 0\n"
	"input %x data f32[4,3]\n"
	"input %label target i64[4]\n"
	"input %lr hyper f32[] initial 0.01\n"
	"input %step step i32[]\n"
	"input %seed seed u32[]\n"
	"read %w \"w\"\n"
	"read %\"m 1\" \"m \\\"x\\\" \\\\\"\n"
	"const %c f32[] = {0.100000001}\n"
	"const %k i64[3] = {-9223372036854775808, 0, 9223372036854775807}\n"
	"%t f32[3,2] = Transpose(%w) {perm=[1, 0]} @ \"a\\x0anode\" \"Gemm\"\n"
	"%y f32[4,2] = MatMul(%x, %t) @ \"fc\"\n"
	"%g f32[2,3] gradients = Mul(%w, %c)\n"
	"%_77 f32[2,3] = Fused(%g, %lr, %w) {\n"
	"  %_3 f32[2,3] = Mul(%g, %lr) @ \"in\" \"Mul\"\n"
	"  %_77 f32[2,3] = Sub(%w, %_3)\n"
	"} @ \"update\" \"sgd\"\n"
	"%new f32[2,3] parameters -> \"w\" = Copy(%_77)\n"
	"output \"y\" data %y\n"
	"output \"w\" gradient %g\n";

Test(text, every_form)
{
	Unit u = test_unit();
	Graph *g = graph_parse(&u, NULL, every_form);
	cr_assert(g);
	graph_verify(g);
	/* %k is read by nobody and so is not in the graph. */
	char *text = printed(g);
	cr_expect_null(strstr(text, "%k"));
	cr_expect_not_null(strstr(text, "%c f32[] = {0.1}"));
	cr_expect_str_eq(printed(graph_parse(&u, NULL, text)), text);
	/* A name that a pass would make is not made again. */
	Value *more = graph_scalar(g, DT_F32, 1);
	cr_expect_geq(more->id, 78);
	cr_expect_eq(g->model->nvars, 3);
	cr_expect_eq(g->input[2]->initial, 0.01);
	cr_expect_eq(g->first->next->next->out[0]->memory, MEM_GRADIENT);
	cr_expect_str_eq(g->first->loc.node, "a\nnode");
	arena_destroy(u.arena);
}

Test(text, long_contents_are_left_out)
{
	Unit u = test_unit();
	Graph *g = graph_create(model_create(&u, "m"), "g");
	float *x = arena_array(u.arena, float, 65);
	graph_output(g, "y", OUT_DATA, graph_const(g, "c", DT_F32,
	                                           (Shape){1, {65}}, x));
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	graph_print(f, g, false);
	fclose(f);
	cr_expect(strstr(text, "const %c f32[65] = {...}"));
	u.messages = tmpfile();
	cr_expect_null(graph_parse(&u, NULL, text));
	cr_expect_eq(u.nerrors, 1);
	cr_expect_not_null(graph_parse(&u, NULL, printed(g)));
	free(text);
	arena_destroy(u.arena);
}

Test(text, variables_of_a_model)
{
	Unit u = test_unit();
	Model *m = model_create(&u, "m");
	Variable *w = model_variable(m, "w", VAR_PARAMETER, DT_F32,
	                             (Shape){1, {2}});
	w->fill = 3;
	const char *text = "graph \"g\" of \"m\"\n"
	                   "variable \"w\" parameter f32[2] fill 9\n"
	                   "variable \"v\" buffer f32[2] fill 4\n"
	                   "read %a \"w\"\nread %b \"v\"\n"
	                   "%c f32[2] = Add(%a, %b)\n";
	Graph *g = graph_parse(&u, m, text);
	cr_assert(g);
	cr_expect_eq(g->varvalue[0]->var, w);
	cr_expect_eq(w->fill, 3);
	cr_expect_eq(m->nvars, 2);
	cr_expect_eq(m->var[1]->fill, 4);
	arena_destroy(u.arena);
}

/* ---- errors ---- */

static const struct {
	const char *line;      /* the third of the text */
	const char *message;
} mistakes[] = {
	{"%y f32[2] = Relu(%z)", "%z is not defined"},
	{"%y f32[2] = Nothing(%x)", "no operator 'Nothing'"},
	{"%y f32[3] = Relu(%x)", "%y is f32[2] by its operator"},
	{"%y i32[2] = Relu(%x)", "%y is f32[2] by its operator"},
	{"%x f32[2] = Relu(%x)", "%x is defined twice"},
	{"%y f32[2], %z f32[2] = Relu(%x)", "1 to 1 results"},
	{"%y f32[2] = Relu(%x, %x)", "inputs"},
	{"%y f32[2] = Relu(_)", "missing"},
	{"%y f32[2] = Relu(%x) {alpha=1}", "no attribute 'alpha'"},
	{"%y f32[2] = LeakyRelu(%x) {alpha=\"a\"}", "expected a number"},
	{"%y f32[2] = Relu(%x", "expected ')'"},
	{"%y f32[2 = Relu(%x)", "expected ']'"},
	{"%y f33[2] = Relu(%x)", "unknown type 'f33'"},
	{"%y f32[2] nothing = Relu(%x)", "expected a memory class"},
	{"%y f32[2] -> \"w\" = Relu(%x)", "no mutable variable 'w'"},
	{"read %y \"w\"", "no variable 'w'"},
	{"const %y f32[2] = {1}", "1 elements for a shape of 2"},
	{"const %y f32[2] = {1, 2, 3}", "expected '}'"},
	{"const %y f32[-1] = {}", "negative or too large"},
	{"const %y f32[4000000000,4000000000] = {1}", "too large"},
	{"const %y f32[1,1,1,1,1,1,1,1,1] = {1}", "more than 8"},
	{"const %y f32[1] = {...}", "left out"},
	{"const %y i64[1] = {1.5}", "not a 64-bit integer"},
	{"const %y i64[1] = {99999999999999999999}", "not a 64-bit"},
	{"const %_99999999 f32[1] = {1}", "end at"},
	{"input %y hyper f32[2]", "is a scalar"},
	{"input %y step f32[]", "is a scalar"},
	{"output \"y\" data %y", "%y is not defined"},
	{"output \"y\" other %x", "expected data, loss"},
	{"variable \"w\" parameter f32[2]", "expected '='"},
	{"%y f32[2] = Relu(%x) @ node", "expected a node's name"},
	{"%y f32[2] = Relu(%x) @ \"node", "not closed"},
	{"what is this", "expected a statement"},
	{"%y f32[2] = Fused(%x) {\n%y f32[2] = MatMul(%x, %x)\n}",
	 "no elementwise"},
	{"%y f32[2] = Fused() {\n%y f32[2] = Relu(%x)\n}", "no input of"},
	{"%y f32[2] = Fused(%x) {\n}", "computed by no member"},
	{"%y f32[2] = Fused(%x) {\n%a f32[2] = Relu(%x)\n}", "no member"},
	{"%a f32[2] = Fused(%x) {\n%b f32[2] = Relu(%x)\n"
	 "%a f32[2] = Relu(%b)\n}\n%c f32[2] = Relu(%b)", "not defined"},
	{"%a f32[] = Fused(%x, %s) {\n%b f32[2] = Relu(%x)\n"
	 "%a f32[] = Relu(%s)\n}", "one loop nest"},
	{"%y f32[2], %z u8[4] workspace = Relu(%x)", "workspace of Relu"},
	{"variable \"w\" buffer f32[2] mutable fill 0\nread %w \"w\"\n"
	 "%a f32[2] -> \"w\" = Relu(%x)\n%b f32[2] = Relu(%w)",
	 "has been replaced"},
	{"variable \"w\" buffer f32[2] mutable fill 0\n"
	 "%a f32[2] -> \"w\" = Relu(%x)\n%b f32[2] -> \"w\" = Relu(%x)",
	 "replaced twice"},
	{"variable \"w\" buffer f32[2] fill 0\n"
	 "%a f32[2] -> \"w\" = Relu(%x)", "no mutable variable"},
	{"variable \"w\" buffer f32[3] mutable fill 0\n"
	 "%a f32[2] -> \"w\" = Relu(%x)", "another size"},
};

static char *messages_of(Unit *u, const char *text, Graph **g)
{
	char *said = NULL;
	size_t len = 0;
	u->messages = open_memstream(&said, &len);
	*g = graph_parse(u, NULL, text);
	fclose(u->messages);
	return said;
}

Test(text, mistakes_have_a_line)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		Unit u = test_unit();
		Graph *g;
		char *said = messages_of(&u, arena_printf(u.arena,
			"graph \"g\" of \"m\"\ninput %%x data f32[2] "
			"input %%s data f32[]\n%s\n", mistakes[i].line), &g);
		cr_expect_null(g, "%s", mistakes[i].line);
		cr_expect_eq(u.nerrors, 1, "%s", mistakes[i].line);
		cr_expect(strstr(said, mistakes[i].message), "%s: %s",
		          mistakes[i].line, said);
		cr_expect(strstr(said, "'line "), "%s", said);
		free(said);
		arena_destroy(u.arena);
	}
}

/* Whatever is read passes the verifier and can be planned. */
static void feed(const char *text, int *accepted)
{
	Unit u = test_unit();
	Graph *g;
	free(messages_of(&u, text, &g));
	cr_expect_eq(!g, u.nerrors > 0);
	if (g) {
		graph_verify(g);
		(*accepted)++;
	}
	arena_destroy(u.arena);
}

static void mutate(Random *r, char *text, size_t len)
{
	static const char alphabet[] = "{}[]()%\"=,->@_ \n0129.xXabf\\#";
	for (int k = 1 + random_int(r, 3); k; k--) {
		size_t at = (size_t)random_int(r, (int)len);
		size_t to = (size_t)random_int(r, (int)len);
		size_t n = (size_t)random_int(r, 12);
		if (random_int(r, 2))
			text[at] = alphabet[random_int(r, sizeof alphabet - 1)];
		else if (at + n < len && to + n < len)
			memmove(text + to, text + at, n);
	}
}

Test(text, hostile_text)
{
	Random r = {7};
	int accepted = 0;
	size_t len = strlen(every_form);
	for (size_t end = 0; end < len; end += 7) {
		char *cut = strndup(every_form, end);
		feed(cut, &accepted);
		free(cut);
	}
	for (int i = 0; i < 4000; i++) {
		char *text = strdup(every_form);
		mutate(&r, text, len);
		feed(text, &accepted);
		free(text);
	}
	cr_expect_gt(accepted, 100);
	cr_expect_lt(accepted, 3000);
}
