#!/usr/bin/env python3
"""Emitted C keeps to MISRA C:2012, but where runtime/MISRA.md says that it does not, and why.

    misra.py THIMBLE SOURCE_DIR [--bless] [MODEL -- OPTIONS]

cppcheck's addon looks at the C for a microcontroller; which rules are broken, in NAME.c and NAME.h and in
NAME_rt.h, must be what the table lists. --bless writes the counts into the table. With a MODEL of one's
own, prints what is broken and not listed. Status 77: no cppcheck.
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

OPTIONS = ['--loss', 'cross-entropy', '--optimizer', 'momentum', '--feed', '--slices', '--micro-batch', '1']
# One configuration: gcc, a Cortex-M4F.
DEFINES = ['-D__GNUC__=12', '-D__arm__', '-D__ARM_FP=4', '-DRT_PLAIN', '-U__cplusplus', '-U__clang__']
ROW = r'^\| (\d+\.\d+) \| (\w+) \| (\d+) \| (\d+) \| (.*) \|$'


def findings(thimble, model, options):
    """How often each (rule, file) is broken; file: 0, the model, 1, the runtime."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([thimble, 'compile', model, '-o', out, '--name', 'm', '--target', 'cortex-m4', *options],
                       check=True, capture_output=True)
        r = subprocess.run(['cppcheck', '--addon=misra', '--std=c11', '--quiet', '--max-configs=1', *DEFINES,
                            f'-I{out}', '--template={file} {id}', f'{out}/m.c'], capture_output=True, text=True)
    found = collections.Counter()
    for file, rule in re.findall(r'^\S*/(\S+) misra-c2012-(\S+)$', r.stderr, re.M):
        found[rule, int(file == 'm_rt.h')] += 1
    if not found:
        raise SystemExit(f'cppcheck finds nothing at all:\n{r.stdout}{r.stderr}')
    return found


def unlisted(found, listed):
    for (rule, where), count in sorted(found.items()):
        if not listed.get((rule, where)):
            yield f'rule {rule} is broken in {("NAME.c", "NAME_rt.h")[where]}, and not listed ({count} times)'


def kept(found, listed):
    for (rule, where), count in sorted(listed.items()):
        if count and not found[rule, where]:
            yield f'rule {rule} is listed for {("NAME.c", "NAME_rt.h")[where]}, and no longer broken'


def bless(path, text, found):
    def counted(m):
        return f'| {m[1]} | {m[2]} | {found[m[1], 0]} | {found[m[1], 1]} | {m[5]} |'
    open(path, 'w').write(re.sub(ROW, counted, text, flags=re.M))


def main():
    thimble, source = sys.argv[1:3]
    own = sys.argv[3:]
    path = f'{source}/runtime/MISRA.md'
    if not shutil.which('cppcheck'):
        print('skipped: no cppcheck')
        return 77
    text = open(path).read()
    listed = {(m[1], w): int(m[3 + w]) for m in re.finditer(ROW, text, re.M) for w in (0, 1)}
    if own and own[0] != '--bless':
        wrong = list(unlisted(findings(thimble, own[0], own[2:]), listed))
    else:
        found = findings(thimble, f'{source}/tests/models/parity/residual-momentum.onnx', OPTIONS)
        if own:
            return bless(path, text, found)
        wrong = [*unlisted(found, listed), *kept(found, listed)]
    print('\n'.join(wrong) or f'{sum(1 for v in listed.values() if v)} deviations, as listed')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
