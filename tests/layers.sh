#!/bin/sh
# Who may include whom (README, "The house"): prints every include that breaks
# the table, and fails if there is one.
#
#   layers.sh SOURCE_DIR
cd "$1" || exit 2
bad=0

# complain FOLDER... -- PATTERN: no file of the folders may include it.
forbid() {
	pattern=$1
	shift
	if grep -nE "^#include [<\"]($pattern)" "$@" /dev/null; then
		bad=1
	fi
}

files() {
	find "$@" -name '*.[ch]' | sort
}

commands=$(find frontend -name 'main.c' -o -name 'cmd_*.[ch]' | sort)
reader=$(files frontend | grep -vE '/(main|cmd_[a-z]+)\.[ch]$')

forbid '(ir|passes|backend|frontend|tests)/' $(files runtime)
forbid '(passes|backend|frontend|tests)/' $(files ir)
# Kernels that are calls share one fact with the runtime, workspace sizes; the
# interpreter, the functions of one number.
forbid 'runtime/' $(files ir | grep -vE '^ir/(conv|product|eval)\.c$')
if grep -n '^#include "runtime/' ir/eval.c | grep -v '"runtime/math.h"'; then
	bad=1
fi
if grep -nE '^#include "runtime/' ir/conv.c ir/product.c |
		grep -v '"runtime/workspace.h"'; then
	bad=1
fi
forbid '(backend|frontend|tests|runtime)/' $(files passes)
forbid '(passes|frontend|tests|runtime)/' $(files backend)
forbid 'tests/' $reader $commands

# Foreign headers, each confined to its room.
forbid 'onnx.pb-c.h' $(files ir passes backend runtime) \
	$(files frontend | grep -vE '^frontend/onnx_[a-z_]*\.[ch]$')
forbid 'cblas.h' $(files ir passes backend frontend) \
	$(files runtime | grep -v '^runtime/gemm_openblas.c$')
forbid 'criterion/' $(files ir passes backend frontend runtime)
forbid 'llvm-c/' $(files ir passes frontend runtime) \
	$(files backend | grep -v '^backend/llvm_api.h$')

exit $bad
