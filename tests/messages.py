#!/usr/bin/env python3
"""Every message that a user can get is provoked by a test.

    messages.py THIMBLE SOURCE_DIR

messages.txt holds runs and what they say, word for word; here they are run. What another test
looks for by its text counts too, where that can be no other message's: a literal in tests/, or a
line of tests/models/reader/bad/MESSAGES. A message in the sources that neither knows is an
error, unless the table below says why nothing from outside can provoke it; and so is a line of
that table whose message is gone, or is provoked after all.
"""
import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

try:
    from messages_files import Builder, files
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx)')
    sys.exit(77)

STRING = r'"((?:[^"\\]|\\.)*)"'
# The functions that say something, and which of their arguments is the format.
SAYS = {'error_at': 2, 'warn_at': 2, 'site_error': 1, 'site_warn': 1, 'file_error': 2,
        'argp_error': 1, 'lex_fail': 1, 'fprintf': 1}
CONVERSION = re.compile(r'%[-+0 #]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z)?[a-zA-Z]|\0')
ANY = None          # a token that stands for any text
ENOUGH = 10         # characters by which a text names a message
GRAM = 8

# Messages that no file and no option can provoke, and why.
READER = 'the reader makes no such node; the text form may'
LARGE = 'it takes a file that is too large for a test'
FORGED = 'it takes a save whose checksums are forged'
OURS = 'a program that thimble emitted would be wrong'
ALONE = {
    'internal error at %s:%d:': 'it is one',
    "the program's %s returned status %d": OURS,
    'cannot load the compiled program: %s': OURS,
    'this thimble was built without LLVM, whose packages are llvm-19-dev and clang-19':
        'it was, or it was not',
    "the program's init returned status %d": OURS,
    "the names in the file's bodies are too long": LARGE,
    'an ONNX file of %zu bytes: protobuf allows 2 GiB': LARGE,
    'has more than %d lines': LARGE,
    'cannot write: the state is too large for a save': LARGE,
    'a save in another version of the format than %u': FORGED,
    'the save is not in the form it says: part %d': FORGED,
    "the model has no '%s'": FORGED,
    'makes a constant of the impossible shape %s': 'what makes constants looks at shapes before',
    'the output is too large': 'no shape comes near 2^63',
    "'%s' has the shape %s; ONNX's SoftmaxCrossEntropyLoss wants a batch": 'the loss says it first',
    'has no gradient, but parameters before it train; freeze them, or replace it':
        'all operators of ONNX have one, or stop it',
    "the total is %s%s by '%s', expected %s[] by 'mean'": READER,
    'across is %lld for an input of the shape %s': READER,
    "the loss's gradient has shape %s, expected %s": READER,
    "'%s', its first value, is not constant": 'all that an initialization computes is',
    'its total cannot train': READER,
    '%s has %d dimensions, at most %d are supported': READER,
    'weight has %d dimensions, input has %d': READER,
    'convolving %s with %s gives %s, found %s': READER,
    'to is %lld, expected the number of a numeric type': READER,
    'output_padding has %d numbers, expected %d': READER,
    'ratio is %g, expected 0 to 1': READER,
    'the seed is %s%s, expected one u32': READER,
    "the part's number is %s%s, expected i32[]": READER,
    'label_smoothing is %g, expected 0 to 1': READER,
    'split has %d numbers for %d outputs': READER,
    'split does not add up to the %lld elements along axis %d': READER,
    'pooling %s gives %s, found %s': READER,
    'input %d is %s%s, expected %s%s': READER,
    'its gates are %s and its recurrent weight is %s, expected [%s,%dH] and [%dH,H]': READER,
    "'order' is no order of %d gates": READER,
    'its tables do not fit %d axes of %s': READER,
    '%s has %d numbers, starts has %d': READER,
    'starts has %d numbers, the input %d dimensions': READER,
    '%s has %d numbers, expected %d': READER,
    'an input or an output is missing': READER,
    'a gradient of %s and a sketch of %s do not fit %s': READER,
    'has no kernel_shape': READER,
    'weight has %lld cells along spatial dimension %d': READER,
    'kernel_shape[%d] is %lld, weight has %lld': READER,
    'input has %d dimensions, expected 3 to %d': READER,
}


def found_reason(root, path):
    """Why nothing in the file needs to be provoked, if so."""
    if re.fullmatch(r'ir/(parse|parse_node|parse_value|lex)\.c', path):
        return 'of the text form, which is for tests and fuzzers'
    if path.startswith('ir/ops/'):
        with open(f'{root}/{path}') as f:
            if '.since' not in f.read():
                return 'of a node that only passes make, or the text form'
    return None


# ---- what the sources say ----

def plain(text):
    """C without comments, the macros of inttypes.h as conversions."""
    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
    for name, literal in re.findall(r'#define (\w+) ' + STRING, text):
        text = re.sub(rf'\b{name}\b', lambda m: f'"{literal}"', text)
    return re.sub(r'PRI\w+', '"lld"', text)


def arguments(text, at):
    """Those of the call whose parenthesis opens before `at`."""
    depth, start, found = 0, at, []
    for m in re.compile(STRING + r"|'(?:[^'\\]|\\.)'|[(){},]", re.S).finditer(text, at):
        c = m.group()
        if c in '({':
            depth += 1
        elif c in ')}' and depth:
            depth -= 1
        elif c == ')':
            return [*found, text[start:m.start()]]
        elif c == ',' and not depth:
            found.append(text[start:m.start()])
            start = m.end()
    return found


def formats(argument):
    """The literals of the argument: more than one where it is a choice."""
    joined = re.sub(STRING + r'(\s*' + STRING + r')*',
                    lambda m: '"' + ''.join(re.findall(STRING, m.group())) + '"', argument)
    for text in re.findall(STRING, joined):
        yield text.replace(r'\"', '"').replace(r'\n', '\n').strip()


def messages(root):
    """Format -> where it is said; and those that others say at their end."""
    found, parts = {}, set()
    for path in sorted(glob.glob(f'{root}/frontend/*.c') + glob.glob(f'{root}/passes/*.c') +
                       glob.glob(f'{root}/backend/*.c') + glob.glob(f'{root}/ir/**/*.c',
                                                                    recursive=True)):
        with open(path) as f:
            text = plain(f.read())
        for m in re.finditer(r'\b(\w+)\(', text):
            if m[1] not in SAYS:
                continue
            given = arguments(text, m.end())
            which = SAYS[m[1]]
            if m[1] == 'fprintf' and not re.match(r'stderr,\s*"thimble: ', text[m.end():]):
                continue
            for f in formats(given[which]) if len(given) > which else ():
                f = f.removeprefix('thimble: ')
                if CONVERSION.sub('', f).strip(':\' '):
                    found.setdefault(f, os.path.relpath(path, root))
        for m in re.finditer(r'\*why = ' + STRING, text):
            found.setdefault(m[1], os.path.relpath(path, root))
            parts.add(m[1])
    return found, parts


# ---- which of them a text is ----

def tokens(fmt):
    out, at = [], 0
    fmt = fmt.replace('%%', '\1')
    for m in CONVERSION.finditer(fmt):
        out += list(fmt[at:m.start()].replace('\1', '%')) + [ANY]
        at = m.end()
    return out + list(fmt[at:].replace('\1', '%'))


def likeness(text, pattern):
    """The text is part of what the pattern can say: how much of it is the pattern's own; else 0."""
    states = {i: 0 for i in range(len(pattern) + 1)}
    for c in text:
        after = {}
        for i, score in states.items():
            if i == len(pattern):
                continue
            if pattern[i] is ANY:
                step = [(i, score), (i + 1, score)]
            elif pattern[i] == c:
                step = [(i + 1, score + 1)]
            else:
                continue
            for j, s in step:
                while True:
                    after[j] = max(after.get(j, -1), s)
                    if j == len(pattern) or pattern[j] is not ANY:
                        break
                    j += 1
        states = after
    return max(states.values(), default=0)


def regex_of(fmt):
    """What it says, to the end of its first line."""
    out, at = '', 0
    for m in CONVERSION.finditer(fmt.split('\n')[0].replace('%%', '\1')):
        out += re.escape(fmt.replace('%%', '\1')[at:m.start()])
        out += r'-?\d+' if m.group()[-1] in 'du' else '.*'
        at = m.end()
    return (out + re.escape(fmt.split('\n')[0].replace('%%', '\1')[at:])).replace('\1', '%')


class Known:
    """Formats, and those of them that come behind others."""
    def __init__(self, formats, parts):
        self.pattern = {f: tokens(f) for f in formats}
        self.grams, self.short = {}, set()
        for f, pattern in self.pattern.items():
            pieces = ''.join(c or '\0' for c in pattern).split('\0')
            if max(map(len, pieces)) < GRAM:
                self.short.add(f)
            for piece in pieces:
                for i in range(len(piece) - GRAM + 1):
                    self.grams.setdefault(piece[i:i + GRAM], set()).add(f)

        self.line = {f: re.compile(regex_of(f)) for f in formats}
        self.end = {f: re.compile('.*' + regex_of(f)) for f in parts}

    def said(self, line):
        """The messages that the whole line may be, behind what it is about."""
        line = re.sub(r'^(thimble( \w+)?|\S+: (error|warning)): ', '', line)
        rest = re.sub(r"^([\w.]+ )?'[^']*': ", '', line)
        fit = {}
        for text in (rest, line):
            fit = fit or {f: len(CONVERSION.sub('', f)) for f, regex in self.line.items()
                          if regex.fullmatch(text)}
        return {*(f for f, own in fit.items() if own == max(fit.values())),
                *(f for f, regex in self.end.items() if regex.fullmatch(line))}

    def near(self, text):
        return self.short.union(*(self.grams.get(text[i:i + GRAM], ())
                                  for i in range(len(text) - GRAM + 1)))

    def named(self, text):
        """The message that a text is of, if it can be of no other."""
        text = re.sub(r"^(\S+: (error|warning): )?('[^']*': )?", '', text)
        near = self.near(text)
        score = sorted(((likeness(text, self.pattern[f]), f) for f in near), reverse=True)
        if not score or score[0][0] < ENOUGH or (len(score) > 1 and score[1][0] == score[0][0]):
            return None
        return score[0][1]


# ---- what the other tests look for ----

def looked_for(root):
    for path in glob.glob(f'{root}/tests/**/*', recursive=True):
        if path.endswith(('.c', '.h', '.sh', '.py')) and os.path.basename(path) != 'messages.py':
            with open(path) as f:
                text = re.sub(r'"\s*\n\s*"', '', f.read())
            for line in text.splitlines():
                yield from re.findall(STRING, line)
                yield from re.findall(r"'([^']*)'", line)
        elif path.endswith('/MESSAGES'):
            with open(path) as f:
                yield from (line.rstrip('\n').split('\t')[-1] for line in f)


# ---- runs ----

ENVIRONMENT = {**os.environ, 'ASAN_OPTIONS': 'exitcode=99', 'UBSAN_OPTIONS': 'exitcode=99',
               'LC_ALL': 'C'}


# What was frozen is not in the save.
SAVE = ('train m.onnx --data x.npy,y.npy --loss cross-entropy --optimizer sgd --freeze v1 '
        '--executor interpreter --epochs 1 --save frozen.save').split()
# Names that the system makes up; the targets, of which there will be more.
LEFT_OUT = r'/\S*/thimble\.\w+|(?<=one of host, ).*'


def run(tool, number, line):
    """What the run says. `$ [NAME=VALUE...] ARGUMENT...`, or a model, after the command and a bar if
    it is not inspected."""
    settings = {}
    if line.startswith('$ '):
        words = shlex.split(line[2:])
        while '=' in words[0]:
            name, _, value = words.pop(0).partition('=')
            settings[name] = value
    else:
        command, bar, model = line.rpartition(' | ')
        words = shlex.split(command) if bar else ['inspect']
        path = f'case{number}.onnx'
        Builder(model).save(path)
        words.insert(1, path)
    r = subprocess.run([tool, *words], capture_output=True, text=True, timeout=300,
                       env={**ENVIRONMENT, **settings})
    said = [re.sub(LEFT_OUT, '...', s).replace(f'case{number}.onnx', 'm.onnx')
            for s in r.stderr.splitlines()
            if re.match(r'thimble\b.*: |\S+: (error|warning): ', s)]
    return r.returncode, said


def read_runs(root):
    """Line -> what is expected of it."""
    runs = {}
    with open(f'{root}/tests/messages.txt') as f:
        for line in f.read().splitlines():
            if line.startswith('\t'):
                runs[last].append(line[1:])
            elif line and not line.startswith('# '):
                last = line
                runs[line] = []
    return runs


def run_all(tool, runs):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda c: run(tool, *c), enumerate(runs)))


def other_models(tool, root):
    """What is said of models that other tests have."""
    paths = sorted(glob.glob(f'{root}/tests/models/reader/bad/*.onnx') +
                   glob.glob(f'{root}/tests/models/exports/optimized-*.onnx'))

    def inspect(path):
        r = subprocess.run([tool, 'inspect', path], capture_output=True, text=True, timeout=300,
                           env=ENVIRONMENT)
        return r.stderr.splitlines()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [line for lines in pool.map(inspect, paths) for line in lines]


def bless(root, results):
    with open(f'{root}/tests/messages.txt') as f:
        lines = [x for x in f.read().splitlines() if not x.startswith('\t')]
    with open(f'{root}/tests/messages.txt', 'w') as f:
        for line in lines:
            f.write(line + '\n')
            for said in results.get(line, ()):
                f.write(f'\t{said}\n')


def differences(runs, results):
    for (line, expected), (status, said) in zip(runs.items(), results):
        if status not in (0, 1, 2):
            yield f'{line}: exit status {status}'
        elif not said:
            yield f'{line}: says nothing'
        elif said != expected:
            yield '\n'.join([f'{line}: says', *(f'\t{s}' for s in said), '    expected',
                             *(f'\t{s}' for s in expected)])


def unprovoked(root, said):
    """Messages that nothing provokes, and reasons that are none."""
    where, parts = messages(root)
    wanted = [f for f, path in where.items() if not found_reason(root, path)]
    known = Known(wanted, parts)
    texts = {t.replace(r'\"', '"').replace(r'\n', '\n') for t in looked_for(root)}
    texts = [t for t in texts if len(t) >= ENOUGH and ' ' in t]
    seen = set().union(*(known.said(line) for line in said))
    unseen = set(wanted) - seen - set(ALONE)
    seen |= {known.named(t) for t in texts if known.near(t) & unseen}
    for f in wanted:
        path = where[f]
        if f not in seen and f not in ALONE:
            yield f'{path}: no test provokes "{f}"'
        elif f in seen and f in ALONE:
            yield f'{path}: "{f}" is provoked, and has a reason why it cannot be'
    for f in set(ALONE) - set(where):
        yield f'"{f}" has a reason, and is no message'


def main():
    tool, root = (os.path.realpath(p) for p in sys.argv[1:3])
    runs = read_runs(root)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        files(root)
        subprocess.run([tool, *SAVE], check=True, capture_output=True)
        results = run_all(tool, runs)
        os.chdir(root)
    if '--bless' in sys.argv:
        bless(root, dict(zip(runs, (said for _, said in results))))
        runs = read_runs(root)
    said = [line for _, lines in results for line in lines] + other_models(tool, root)
    wrong = [*differences(runs, results), *unprovoked(root, said)]
    print('\n'.join(wrong) if wrong else f'{len(runs)} runs, {len(messages(root)[0])} messages')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
