#include "frontend/import.h"
bool import_inline(Unit *u, OnnxModel *m)
{
	return true;
}
