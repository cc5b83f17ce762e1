/* thimble plan: where the bytes go, without writing any C. */
#include "frontend/cmd_common.h"
#include "frontend/files.h"
#include "frontend/report_schedule.h"

static const struct argp_child children[] = {
	{&args_json, 0, 0, 0}, {&args_picture, 0, 0, 0},
	ARGS_READING, ARGS_TRAINING, ARGS_BUDGET, {&args_sweep, 0, 0, 0},
	ARGS_TARGET, ARGS_PASSES, {0}
};

enum { KEY_HTML = 512, KEY_SCHEDULE, KEY_CODE, KEY_NO_CODE };

typedef struct PlanCommand {
	Args args;
	const char *html, *dir;
	bool schedule;
	enum { CODE_IF_KNOWN, CODE, NO_CODE } code;
} PlanCommand;

static error_t parse(int key, char *text, struct argp_state *state)
{
	PlanCommand *p = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		args_share(state, children, &p->args);
		return 0;
	case KEY_HTML:
		p->html = args_path(state, "--html", text);
		return 0;
	case KEY_SCHEDULE:
		p->schedule = true;
		return 0;
	case KEY_CODE:
		p->code = CODE;
		return 0;
	case KEY_NO_CODE:
		p->code = NO_CODE;
		return 0;
	case 'o':
		p->dir = args_path(state, "-o", text);
		return 0;
	case ARGP_KEY_END:
		if (p->schedule && p->args.json)
			argp_error(state, "--schedule is text: --json has the "
			           "steps without it");
		break;
	default:
		break;
	}
	return args_model(key, text, state, &p->args);
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{0, 0, 0, 0, "Results:", 0},
		{"html", KEY_HTML, "FILE", 0, "Also write a page that shows "
		 "the arena over time", 0},
		{"schedule", KEY_SCHEDULE, 0, 0, "Also list the steps: what is "
		 "computed again, and how much lives", 0},
		{"code", KEY_CODE, 0, 0, "Also say how much flash the code "
		 "takes, compiled for --target by LLVM: all functions of "
		 "NAME.h, but none of a C library; always, where that is a "
		 "microcontroller and thimble is built with LLVM", 0},
		{"no-code", KEY_NO_CODE, 0, 0, "Do not, which takes less than a "
		 "second", 0},
		{"output", 'o', "DIR", 0, "Also write NAME.report.json and "
		 "NAME.report.html there", 0},
		{0}
	},
	.parser = parse,
	.args_doc = "MODEL",
	.children = children,
	.doc = "Shows the memory that the C made from an ONNX model will use: "
	       "the arena's parts at its peak, the state, the constants, the "
	       "arena over time, and the largest buffers.\v"
	       "Examples:\n"
	       "  thimble plan model.onnx\n"
	       "  thimble plan model.onnx --batch 8 --loss cross-entropy "
	       "--optimizer adam\n"
	       "  thimble plan model.onnx --loss mse --html plan.html\n"
	       "  thimble plan model.onnx --loss mse --ram 192K\n"
	       "  thimble plan model.onnx --loss mse --sweep "
	       "--picture curve.svg\n"
	       "  thimble plan model.onnx --loss mse --ram 192K --schedule\n"
	       "  thimble plan model.onnx --loss mse -o reports\n"
	       "  thimble plan model.onnx --loss mse --target nrf52840\n"
	       "  thimble plan model.onnx --loss mse --json | jq .peak",
};

static void print(Session *s, bool schedule)
{
	ReportInfo info = session_info(s);
	if (s->args->json)
		json_print(stdout, report_json(s->program, &info));
	else
		report_table(stdout, s->program, &info, 16);
	if (schedule)
		report_schedule(stdout, s->program);
}

static bool write_files(Session *s, const PlanCommand *p)
{
	if (p->html && !session_page(s, p->html))
		return false;
	if (p->dir && (!dir_make(&s->unit, p->dir) ||
	               !session_report(s, p->dir)))
		return false;
	return session_picture(s);
}

static bool measure(Session *s, const PlanCommand *p)
{
	bool wanted = p->code == CODE ||
	              (p->code == CODE_IF_KNOWN && session_knows_code(s));
	return !wanted || (session_measure(s) && session_fits_flash(s));
}

int cmd_plan(int argc, char **argv)
{
	PlanCommand p = {.args = {.arena = arena_create()}};
	Session s;
	command_parse(&argp, argc, argv, &p);
	session_open(&s, &p.args, p.args.model);
	bool good = session_build(&s) && measure(&s, &p) && write_files(&s, &p);
	if (s.program && (good || p.args.json))
		print(&s, p.schedule);
	return session_close(&s);
}
