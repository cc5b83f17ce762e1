#!/usr/bin/env python3
"""ONNX's own backend cases (Debian's libonnx-testdata) through `thimble run`.

    conformance.py THIMBLE [--full | --sanitize] [--compiled llvm] [--bless]

conformance.txt lists what is supported, and is always true: a listed case that fails is an
error, and so is an unlisted one that passes. Every case runs in the interpreter; a spread of
the listed ones, with --full all cases, runs as emitted C too, or every second one of these by
LLVM, and must come to the same. --sanitize runs all listed ones as emitted C, built by gcc with
AddressSanitizer and UndefinedBehaviorSanitizer, and nothing else. Each is called twice, and finds bytes of 0x41 in all its
memory, as do steps of training. Wrong values, a signal, a hang, or an exit status above 2 are
errors whatever the list says. --bless rewrites the list from the interpreter.
"""
import concurrent.futures
import glob
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import numpy_helper
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx)')
    sys.exit(77)

DATA = '/usr/share/libonnx-testdata/data'
FOLDERS = ('node', 'pytorch-operator', 'pytorch-converted', 'simple')
LIST = os.path.splitext(os.path.abspath(__file__))[0] + '.txt'
RTOL, ATOL = 1e-3, 1e-7         # the standard's
C_CASES = 150                   # of the listed ones, without --full
HEADER = '# The backend cases that pass; `conformance.py THIMBLE --bless` writes this file.\n'

RANDOM = 'what it draws is not specified'
OTHER = "the data has another shape for 'like' than the model"
LEFT_OUT = {
    'node/test_cast_FLOAT_to_BFLOAT16': 'the data truncates, the standard rounds to nearest',
    'node/test_castlike_BFLOAT16_to_FLOAT': OTHER,
    'node/test_castlike_BFLOAT16_to_FLOAT_expanded': OTHER,
    'node/test_castlike_FLOAT_to_BFLOAT16': OTHER,
    'node/test_castlike_FLOAT_to_BFLOAT16_expanded': OTHER,
    'node/test_adam_multiple': 'the data adds 1e-2, the node leaves epsilon at 1e-6',
    'node/test_bernoulli': RANDOM,
    'node/test_bernoulli_double': RANDOM,
    'node/test_bernoulli_double_expanded': RANDOM,
    'node/test_bernoulli_expanded': RANDOM,
    'node/test_bernoulli_seed': RANDOM,
    'node/test_bernoulli_seed_expanded': RANDOM,
    'node/test_training_dropout': RANDOM,
    'node/test_training_dropout_default': RANDOM,
    'node/test_training_dropout_default_mask': RANDOM,
    'node/test_training_dropout_mask': RANDOM,
}

# A sanitizer's report must not look like a model that is not supported.
ENVIRONMENT = {**os.environ, 'ASAN_OPTIONS': 'exitcode=99', 'UBSAN_OPTIONS': 'exitcode=99'}


# A compiler that adds the sanitizers, and leaves -O3, which takes minutes with them.
SANITIZING = '''#!/bin/bash
unset LD_PRELOAD
exec gcc "${@/#-O3/-O0}" -w -fsanitize=address,undefined -fno-sanitize-recover=all
'''


def tensor(path):
    t = onnx.TensorProto()
    with open(path, 'rb') as f:
        t.ParseFromString(f.read())
    return numpy_helper.to_array(t)


def given_inputs(model, data):
    """--input for every input that has a file; sequences have none that can be read."""
    known = {t.name for t in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in known]
    for i, name in enumerate(names):
        if os.path.exists(f'{data}/input_{i}.pb'):
            yield from ('--input', f'{name}={data}/input_{i}.pb')


def agrees(output, path, out):
    if output.type.WhichOneof('value') != 'tensor_type':
        return False
    want = tensor(path)
    got = np.load(f'{out}/output/{output.name}.npy')
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    if want.dtype.kind not in 'fc':
        return np.array_equal(got, want)
    return np.allclose(got.astype('f8'), want.astype('f8'), rtol=RTOL, atol=ATOL, equal_nan=True)


def run(tool, case, executor):
    """'pass', 'wrong' (it ran, to other values), 'no' (not supported), or what is broken."""
    model = onnx.load(f'{DATA}/{case}/model.onnx')
    data = f'{DATA}/{case}/test_data_set_0'
    with tempfile.TemporaryDirectory() as out:
        command = [tool, 'run', f'{DATA}/{case}/model.onnx', '--executor', executor,
                   '--calls', '2', '--dump', out, *given_inputs(model, data)]
        try:
            status = subprocess.run(command, capture_output=True, timeout=120,
                                    env=ENVIRONMENT).returncode
        except subprocess.TimeoutExpired:
            return 'broken: it does not end'
        if status < 0 or status > 2:
            return f'broken: exit status {status}'
        if status:
            return 'no'
        good = all(agrees(o, f'{data}/output_{i}.pb', out) for i, o in enumerate(model.graph.output))
        return 'pass' if good else 'wrong'


def all_cases():
    found = (os.path.relpath(os.path.dirname(m), DATA)
             for folder in FOLDERS for m in glob.glob(f'{DATA}/{folder}/*/model.onnx'))
    return sorted(case for case in found if case not in LEFT_OUT)


def run_all(tool, cases, executor):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(cases, pool.map(lambda case: run(tool, case, executor), cases)))


def run_sanitized(tool, cases):
    """The library that is loaded needs the sanitizer's from the start of the tool."""
    library = subprocess.run(['gcc', '-print-file-name=libasan.so'], capture_output=True,
                             text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        compiler = f'{folder}/cc'
        with open(compiler, 'w') as f:
            f.write(SANITIZING)
        os.chmod(compiler, 0o755)
        ENVIRONMENT.update(CC=compiler, LD_PRELOAD=library,
                           ASAN_OPTIONS='detect_leaks=0:exitcode=99')
        return run_all(tool, cases, 'c')


def read_list():
    with open(LIST) as f:
        return [line.strip() for line in f if line.strip() and not line.startswith('#')]


def bless(results):
    with open(LIST, 'w') as f:
        f.write(HEADER)
        f.writelines(case + '\n' for case, what in results.items() if what == 'pass')


def complaints(results, listed, executor):
    for case, what in results.items():
        if what.startswith('broken'):
            yield f'{case} ({executor}): {what}'
        elif what == 'wrong':
            yield f'{case} ({executor}): wrong values'
        elif case in listed and what == 'no':
            yield f'{case} ({executor}): listed, and not supported'
        elif case not in listed and what == 'pass':
            yield f'{case} ({executor}): passes, and is not listed'


def check_list(listed, cases):
    if listed != sorted(set(listed)):
        yield 'the list is not sorted, or names a case twice'
    for case in set(listed) - set(cases):
        yield f'{case}: listed, and not among the cases'


def print_counts(cases, results, executor):
    for folder in FOLDERS:
        mine = [results[c] for c in cases if c in results and c.startswith(folder + '/')]
        there = len(glob.glob(f'{DATA}/{folder}/*/model.onnx'))
        print(f'{executor}: {folder}: {mine.count("pass")} passed, {mine.count("wrong")} wrong, '
              f'{len(mine)} run, {there} in the data')
    passed = list(results.values()).count('pass')
    print(f'{executor}: {passed} of {len(results)} run pass')


def main():
    tool, options = sys.argv[1], sys.argv[2:]
    if not os.path.isdir(DATA):
        print(f'skipped: there is no {DATA} (Debian: libonnx-testdata)')
        return 77
    cases = all_cases()
    if '--sanitize' in options:
        results = run_sanitized(tool, read_list())
        print_counts(cases, results, 'c')
        wrong = list(complaints(results, read_list(), 'c'))
        print('\n'.join(wrong) if wrong else 'as listed')
        return 1 if wrong else 0
    results = run_all(tool, cases, 'interpreter')
    print_counts(cases, results, 'interpreter')
    if '--bless' in options:
        bless(results)
    listed = read_list()
    wrong = [*check_list(listed, cases), *complaints(results, listed, 'interpreter')]
    step = max(1, len(listed) // C_CASES)
    chosen = cases if '--full' in options else listed[::step]
    executors = ['c', 'llvm'] if 'llvm' in options else ['c']
    for i, executor in enumerate(executors):
        mine = [c for c in chosen[i::len(executors)] if c in results]
        compiled = run_all(tool, mine, executor)
        print_counts(cases, compiled, executor)
        wrong += complaints(compiled, listed, executor)
    print('\n'.join(wrong) if wrong else 'as listed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
