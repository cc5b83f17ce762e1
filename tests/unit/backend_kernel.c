/*
 * Kernels that no operator's example has: every stored type, integers at their
 * ends, guards, indirect indexes, sums in lanes. Each is compiled with checks for undefined
 * behaviour, and by LLVM, and must leave the same bits as the interpreter.
 */
#include "backend/jit.h"
#include "ir/lanes.h"
#include "ir/op.h"
#include "tests/unit/emitted.h"
#include "tests/unit/random_graph.h"

#include <math.h>

enum { N = 64, MAX_KERNELS = 250 };

typedef struct Case {
	Kernel *k;
	Node node;
	Value x, at, y;     /* parameters: input, integers, output */
	Value *in[2], *out[1];
} Case;

typedef struct Suite {
	Arena *arena;
	int n;
	Case *cases[MAX_KERNELS];
} Suite;

static Value value(int id, const char *name, DType t)
{
	return (Value){.id = id, .name = name, .kind = V_RESULT, .dtype = t,
	               .shape = {1, {N}}};
}

static Case *new_case(Suite *s, DType x, DType y)
{
	Case *c = arena_new(s->arena, Case);
	c->x = value(0, "x", x);
	c->at = value(1, "at", DT_I32);
	c->y = value(2, "y", y);
	c->in[0] = &c->x, c->in[1] = &c->at, c->out[0] = &c->y;
	c->node = (Node){.op = &op_Identity, .nin = 2, .in = c->in, .nout = 1,
	                 .out = c->out, .loc = {"test", "Test"}};
	c->k = arena_new(s->arena, Kernel);
	c->k->arena = s->arena;
	c->k->node = &c->node;
	c->k->tail = &c->k->body;
	cr_assert_lt(s->n, MAX_KERNELS);
	s->cases[s->n++] = c;
	return c;
}

/* ---- what is tested ---- */

static void add_copy(Suite *s, DType t)
{
	Case *c = new_case(s, t, t);
	int i = k_for(c->k, N);
	k_store(c->k, &c->y, &i, k_load(c->k, &c->x, &i));
	k_end(c->k);
}

static void add_accumulation(Suite *s, DType t)
{
	Case *c = new_case(s, t, t);
	k_fill(c->k, &c->y, 3);
	int i = k_for(c->k, N);
	k_accumulate(c->k, &c->y, (Index[]){k_at(i)},
	             k_load(c->k, &c->x, &i));
	k_end(c->k);
}

/* y[i] = x[mul i + add], all bits: the byte that holds one may or may not be
 * known from the loops. */
static void add_bits(Suite *s, int64_t mul, int64_t add)
{
	Case *c = new_case(s, DT_BIT, DT_BIT);
	Kernel *k = c->k;
	int b = k_for(k, (N - add) / mul / 8);
	int byte = k_var(k, k_typed(k, DT_I32, 0)), i = k_for(k, 8);
	Index at = k_sum(k_scaled(k_at(b), 8), k_at(i));
	Expr *bit = k_load_flat(k, &c->x, k_plus(k_scaled(at, mul), add));
	k_set(k, byte, k_or(k, k_get(k, byte),
	                    k_shl(k, bit, k_index(k, k_at(i)))));
	k_end(k);
	k_store_byte(k, &c->y, k_at(b), k_get(k, byte));
	k_end(k);
}

static void add_cast(Suite *s, DType from, DType to)
{
	Case *c = new_case(s, from, to);
	int i = k_for(c->k, N);
	k_store(c->k, &c->y, &i, k_cast(c->k, to, k_load(c->k, &c->x, &i)));
	k_end(c->k);
}

/* y[i] = op(x[i], x[i - 1 or so]) for all pairs that a shift gives. */
static void add_integer_op(Suite *s, ScalarOp op, DType t, int shift)
{
	Case *c = new_case(s, t, t);
	Kernel *k = c->k;
	int i = k_for(k, N - shift);
	Expr *a = k_load_flat(k, &c->x, k_at(i));
	Expr *b = k_load_flat(k, &c->x, k_plus(k_at(i), shift));
	k_store_flat(k, &c->y, k_at(i),
	             k_cast(k, t, k_scalar(k, op, a, b, NULL)));
	k_end(k);
	k_for(k, shift);
	k_store_flat(k, &c->y, k_plus(k_at(k->nloops - 1), N - shift),
	             k_typed(k, t, 0));
	k_end(k);
}

static void add_constant_division(Suite *s, ScalarOp op, double by)
{
	Case *c = new_case(s, DT_I32, DT_I32);
	int i = k_for(c->k, N);
	k_store(c->k, &c->y, &i,
	        k_scalar(c->k, op, k_load(c->k, &c->x, &i),
	                 k_num(c->k, by), NULL));
	k_end(c->k);
}

/* Windows that leave the array on both sides, in loads and in stores. */
static void add_padding(Suite *s)
{
	Case *c = new_case(s, DT_F32, DT_F32);
	Kernel *k = c->k;
	k_fill(k, &c->y, -1);
	int i = k_for(k, N / 2), j = k_for(k, 7);
	Index at = k_plus(k_sum(k_scaled(k_at(i), 2), k_at(j)), -3);
	k_accumulate_padded(k, &c->y, &at,
	                    k_load_padded(k, &c->x, &at, -INFINITY));
	k_end_n(k, 2);
	i = k_for(k, 3);
	at = k_plus(k_at(i), N - 2);
	k_store_padded(k, &c->y, &at, k_index(k, k_at(i))->type == DT_I32
	               ? k_cast(k, DT_F32, k_index(k, at)) : NULL);
	k_end(k);
}

/* Reads and writes where `at` says, which is often outside. */
static void add_indirection(Suite *s, int64_t mul, int64_t add)
{
	Case *c = new_case(s, DT_F32, DT_F32);
	Kernel *k = c->k;
	k_fill(k, &c->y, 0);
	int i = k_for(k, N);
	int t = k_var(k, k_load(k, &c->at, &i));
	Index at = k_plus(k_scaled(k_indirect(t), mul), add);
	k_accumulate(k, &c->y, &at,
	             k_add(k, k_load_at(k, &c->x, &at), k_num(k, 1)));
	k_end(k);
}

/* Two sums over windows, in lanes; these may leave the array on both sides, and
 * the loop may store as it goes. */
static void add_sums(Suite *s, DType t, int lanes, int64_t mul, bool stores)
{
	enum { WINDOWS = 4, WINDOW = N - 2 * WINDOWS };
	Case *c = new_case(s, t, t);
	Kernel *k = c->k;
	k_fill(k, &c->y, 0);
	int o = k_for(k, WINDOWS);
	int sum = k_var(k, k_typed(k, t, 1)), half = k_var(k, k_typed(k, t, 0));
	int i = k_for(k, WINDOW);
	Index at = k_sum(k_scaled(k_at(i), mul), k_scaled(k_at(o), 2));
	bool inside = mul == 0 || mul == 1;
	int x = k_var(k, inside ? k_load_flat(k, &c->x, at)
	                        : k_load_padded(k, &c->x, &at, 3));
	k_set(k, sum, k_add(k, k_get(k, sum), k_get(k, x)));
	k_set(k, half, k_add(k, k_mul(k, k_get(k, x), k_num(k, 0.5)),
	                     k_get(k, half)));
	if (stores)
		k_store_flat(k, &c->y, k_plus(k_at(i), WINDOWS), k_get(k, x));
	k_end(k);
	k_store_flat(k, &c->y, k_at(o),
	             k_sub(k, k_get(k, sum), k_get(k, half)));
	k_end(k);
	kernel_split_sums(k, lanes);
}

/* A load that nobody reads, a loop of one, a loop of none. */
static void add_idle(Suite *s)
{
	Case *c = new_case(s, DT_F32, DT_F32);
	Kernel *k = c->k;
	k_fill(k, &c->y, 2);
	int one = k_for(k, 1), i = k_for(k, N);
	int unused = k_var(k, k_load(k, &c->x, &i));
	k_var(k, k_add(k, k_get(k, unused), k_num(k, 1)));
	k_store_flat(k, &c->y, k_sum(k_scaled(k_at(one), 9), k_at(i)),
	             k_sel(k, k_and(k, k_gt(k, k_load(k, &c->x, &i),
	                                    k_num(k, 0)),
	                            k_load(k, &c->at, &i)),
	                   k_num(k, 5), k_num(k, -5)));
	k_end_n(k, 2);
	i = k_for(k, 0);
	k_store(k, &c->y, &i, k_load(k, &c->x, &i));
	k_end(k);
}

static void add_all(Suite *s)
{
	static const ScalarOp ops[] = {S_add, S_sub, S_mul, S_div, S_mod, S_max,
	                               S_min, S_lt, S_eq, S_and, S_or, S_xor,
	                               S_neg, S_abs, S_not};
	static const DType kinds[] = {DT_F32, DT_F64, DT_I32, DT_I64};
	for (int t = 0; t < NDTYPE; t++) {
		if (t == DT_BIT)   /* not stored by the element */
			continue;
		add_copy(s, (DType)t);
		add_accumulation(s, (DType)t);
	}
	for (int i = 0; i < 16; i++)
		if (kinds[i / 4] != kinds[i % 4])
			add_cast(s, kinds[i / 4], kinds[i % 4]);
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
		for (int shift = 1; shift < 7; shift += 2) {
			add_integer_op(s, ops[i], DT_I32, shift);
			add_integer_op(s, ops[i], DT_I64, shift);
		}
	for (int by = -2; by <= 2; by++) {
		add_constant_division(s, S_div, by);
		add_constant_division(s, S_mod, by);
	}
	add_bits(s, 1, 0);
	add_bits(s, 1, 5);
	add_bits(s, 1, 8);
	add_bits(s, 2, 0);
	add_bits(s, 3, 1);
	add_padding(s);
	add_indirection(s, 1, 0);
	add_indirection(s, 3, -5);
	add_indirection(s, -1000000, 40);
	add_idle(s);
	for (int lanes = 2; lanes <= 16; lanes *= 2)
		for (int mul = -1; mul <= 2; mul++) {
			add_sums(s, DT_F32, lanes, mul, false);
			add_sums(s, DT_F32, lanes, mul, true);
			add_sums(s, DT_F64, lanes, mul, false);
		}
}

/* ---- running ---- */

/* Elements of all sizes, the ends of the type among them. */
static void fill(const Value *v, void *data)
{
	static const int64_t ends[] = {
		0, 1, -1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 7, -7,
	};
	static const double odd[] = {0, 3e9, -3e9, 1e19, -1e19, 0.5, -2.5, 65520};
	Random r = {77};
	for (int i = 0; i < N; i++) {
		int64_t x = (int64_t)random_bits(&r) >> random_int(&r, 60);
		Scalar z = {.i = i % 3 ? ends[i % 9] : x};
		if (dtype_is_float(v->dtype))
			z.f = i % 5 ? (double)random_float(&r) * 100
			            : odd[i / 5 % 8];
		if (v->id == 1)
			z.i = i % 4 ? random_int(&r, N) : (int32_t)z.i;
		dtype_put(v->dtype, data, i, z);
	}
}

static void *compile(const Suite *s, const char *dir, const char *compiler)
{
	Arena *a = s->arena;
	FILE *out = fopen(arena_printf(a, "%s/kernels.c", dir), "w");
	cr_assert_not_null(out);
	fprintf(out, "#include <math.h>\n#include <stdint.h>\n"
	        "#include \"runtime/math.h\"\n"
	        "#include \"runtime/scalar.h\"\n\n");
	for (int i = 0; i < s->n; i++) {
		char name[32];
		snprintf(name, sizeof name, "kernel_%d", i);
		emit_c_kernel(out, s->cases[i]->k, name);
		fprintf(out, "void run_%d(void *const p[]);\n"
		        "void run_%d(void *const p[])\n"
		        "{\n\tkernel_%d(p[0], p[1], p[2]);\n}\n\n", i, i, i);
	}
	fclose(out);
	run_command(arena_printf(
		a, "cd %s && %s " STRICT "-O1 -fPIC -shared "
		"-fsanitize=undefined -fsanitize-undefined-trap-on-error "
		"-I" SOURCE_DIR " -o %s.so kernels.c " SOURCE_DIR
		"/runtime/half.c " SOURCE_DIR "/runtime/cast.c " SOURCE_DIR
		"/runtime/math_*.c -lm", dir,
		compiler, compiler));
	void *library = dlopen(arena_printf(a, "%s/%s.so", dir, compiler),
	                       RTLD_NOW);
	cr_assert_not_null(library, "%s", dlerror());
	return library;
}

static void compare(JitKernel *run, const Case *c, int number)
{
	int64_t x[N], want[N], got[N];
	int32_t at[N];
	fill(&c->x, x);
	fill(&c->at, at);
	memset(want, 0x33, sizeof want);
	memset(got, 0x33, sizeof got);
	kernel_eval(c->k, (void *[]){x, at, want}, false);
	run((void *[]){x, at, got});
	if (!memcmp(want, got, sizeof want))
		return;
	for (int i = 0; i < N; i++) {
		Scalar a = dtype_get(c->y.dtype, got, i);
		Scalar b = dtype_get(c->y.dtype, want, i);
		bool same = a.i == b.i || (dtype_is_float(c->y.dtype) &&
		                           isnan(a.f) && isnan(b.f));
		cr_expect(same, "kernel %d (%s), element %d: %g %lld, "
		          "expected %g %lld", number, dtype_name(c->y.dtype), i,
		          a.f, (long long)a.i, b.f, (long long)b.i);
	}
}

Test(backend_kernel, same_bits_as_the_interpreter)
{
	Suite s = {.arena = arena_create()};
	char *dir = new_directory(s.arena);
	add_all(&s);
	for (int i = 0; i < 2; i++) {
		void *library = compile(&s, dir, compilers[i]);
		for (int n = 0; n < s.n; n++) {
			JitKernel *run;
			char name[32];
			snprintf(name, sizeof name, "run_%d", n);
			find_symbol(library, name, &run);
			compare(run, s.cases[n], n);
		}
		dlclose(library);
	}
	remove_directory(s.arena, dir);
	arena_destroy(s.arena);
}

Test(backend_kernel, same_bits_by_llvm)
{
	Suite s = {.arena = arena_create()};
	Unit unit = {"kernels", s.arena, stderr, 0, 0};
	JitKernel *run[MAX_KERNELS];
	Kernel *kernel[MAX_KERNELS];
	if (!jit_available())
		return;
	Jit *j = jit_open(&unit, NULL, false);
	cr_assert_not_null(j);
	add_all(&s);
	for (int n = 0; n < s.n; n++)
		kernel[n] = s.cases[n]->k;
	cr_assert(jit_kernels(j, s.n, kernel, run));
	for (int n = 0; n < s.n; n++)
		compare(run[n], s.cases[n], n);
	jit_close(j);
	arena_destroy(s.arena);
}

/* ---- what cannot be run here ---- */

static const char *text_of(Suite *s, const Kernel *k)
{
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	emit_c_kernel(out, k, "f");
	fclose(out);
	const char *copy = arena_strndup(s->arena, text, n);
	free(text);
	return copy;
}

Test(backend_kernel, large_arrays_are_counted_in_64_bits)
{
	Suite s = {.arena = arena_create()};
	Case *c = new_case(&s, DT_U8, DT_U8);
	c->x.shape = c->y.shape = (Shape){2, {3, (int64_t)1 << 31}};
	int loop[2];
	k_for_shape(c->k, c->x.shape, loop);
	k_store(c->k, &c->y, loop, k_load(c->k, &c->x, loop));
	k_end_n(c->k, 2);
	const char *text = text_of(&s, c->k);
	cr_expect_not_null(strstr(text, "for (int64_t i1 = 0; i1 < 2147483648;"));
	cr_expect_not_null(strstr(text, "y[2147483648*i0 + i1]"), "%s", text);
	cr_expect_null(strstr(text, "(int32_t i"));
	arena_destroy(s.arena);
}

Test(backend_kernel, calls)
{
	Suite s = {.arena = arena_create()};
	Case *c = new_case(&s, DT_F32, DT_F32);
	Kernel *k = c->k;
	int i = k_for(k, 4);
	Arg y = {.v = &c->y, .at = k_plus(k_scaled(k_at(i), 16), 2)};
	k_call(k, "rt_conv_forward", 6, (Arg[]){
		{.kind = ARG_STRUCT, .type = "rt_conv", .n = 2, .field = {3, -1}},
		{.v = &c->x}, {0}, {.kind = ARG_FLOAT, .f = 0.1},
		{.kind = ARG_INT, .i = -3}, y});
	k_store(k, &c->y, &i, k_num(k, 1));
	k_end(k);
	k_call(k, "no_such_function", 0, (Arg[]){{0}});
	k_store(k, &c->y, &i, k_num(k, 2));
	k_end_n(k, 2);
	const char *text = text_of(&s, k);
	cr_expect_not_null(strstr(text, "static const rt_conv d0 = {3, -1};\n"));
	cr_expect_not_null(strstr(text, "rt_conv_forward(&d0, x, NULL, 0.1f, -3, "
	                          "y + 16*i0 + 2);\n"), "%s", text);
	cr_expect_not_null(strstr(text, "y[i0] = 2.0f;\n"));
	cr_expect_null(strstr(text, "1.0f"));
	cr_expect_null(strstr(text, "no_such_function"));
	arena_destroy(s.arena);
}
