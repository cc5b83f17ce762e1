#include "ir/target.h"

#include <string.h>

const Target all_targets[] = {
	{"host", "this machine's CPU", .align = 64, .workspace = true,
	 .lanes = 16},
	{"generic", "any C99 compiler; no packing workspace", .align = 16},
};

const int ntargets = (int)(sizeof all_targets / sizeof all_targets[0]);

const Target *target_find(const char *name)
{
	for (int i = 0; i < ntargets; i++)
		if (!strcmp(all_targets[i].name, name))
			return &all_targets[i];
	return NULL;
}
