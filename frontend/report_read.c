#include "frontend/report_read.h"

#include <string.h>

int64_t json_count(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *json_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

const char *step_label(Arena *a, const json_t *step)
{
	const json_t *fused = json_object_get(step, "fused");
	const char *label = json_text(step, "op");
	for (size_t i = 0; i < json_array_size(fused); i++) {
		const char *op = json_string_value(json_array_get(fused, i));
		label = i ? arena_printf(a, "%s+%s", label, op) : op;
	}
	return label;
}

bool step_is_view(const json_t *step)
{
	return json_is_true(json_object_get(step, "view"));
}

bool step_repeats(const json_t *step)
{
	return json_array_size(json_object_get(step, "recomputes")) > 0;
}

const char *buffer_label(Arena *a, const json_t *b)
{
	const char *name = json_text(b, "name"), *node = json_text(b, "node");
	bool made_up = name[0] == '_' && name[1] &&
	               !name[1 + strspn(name + 1, "0123456789")];
	return made_up && *node
	       ? arena_printf(a, "%s %s", json_text(b, "op"), node) : name;
}
