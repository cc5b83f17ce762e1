"""Models as bare-metal images: compiled, linked for a core, run under QEMU.

The boards (start-up code, linker script) are those of examples/firmware, or a Linux process is in
place of one (tests/cross/linux.c); the program is train.c, the plugin count.c. What one model was like
is a Run: its losses, what it took.
"""
import glob
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
FIRMWARE = os.path.join(HERE, '../../examples/firmware')
TRAIN = f'{HERE}/train.c'
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Werror']
FLAGS = ['-std=c11', '-ffp-contract=off', '-fno-math-errno', '-ffunction-sections', '-fdata-sections']
MODEL_FLAGS = [*WARNINGS, '-fno-ipa-icf', '-fcallgraph-info=su']
LINK = ['-nostartfiles', '-Wl,-z,noexecstack,--gc-sections', '-lm', '-lc', '-lgcc']

M = 1 << 20


@dataclass
class Core:
    """A core that QEMU has: its compilers and its machine. Memories: where, and how large."""
    target: str
    tools: str
    flags: list
    machine: list
    board: str
    flash: tuple
    ram: tuple
    clang: list = None      # compiles the model in place of gcc
    vectors: int = 0        # a Cortex-M begins with what is there


def cortex_m(name, machine, flash, ram, fpu=None, clang=None, floats='hard', vectors=0):
    flags = ['-mthumb', f'-mcpu={name}', f'-mfloat-abi={floats}'] + ([f'-mfpu={fpu}'] if fpu else [])
    # Without gathers: LLVM 19 loses the end of some loops that have them.
    compiler = clang and ['clang-19', f'--target={clang}', '-isystem', '/usr/include/newlib', '-mllvm',
                          '-enable-arm-maskedgatscat=false']
    return Core(name, 'arm-none-eabi-', flags, ['qemu-system-arm', '-M', machine], 'cortex-m', flash, ram, compiler,
                vectors)


def linux(target, triple, flags, emulator):
    """A core that QEMU runs a Linux process on; all is compiled by clang, for that has no need of libraries."""
    clang = ['clang-19', f'--target={triple}', '-nostdlibinc', '-isystem', f'{HERE}/../../backend/libc']
    return Core(target, '', flags, emulator, 'linux', None, None, clang)


def rv32(arch, abi, cpu=None):
    return Core(arch, 'riscv64-unknown-elf-',
                [f'-march={arch}', f'-mabi={abi}', '-misa-spec=2.2', '--specs=picolibc.specs'],
                ['qemu-system-riscv32', '-M', 'virt', '-bios', 'none', *(['-cpu', f'rv32,{cpu}'] if cpu else [])],
                'rv32', (0x80000000, 4 * M), (0x80400000, 4 * M))


def rv64gcv(bits):
    return linux('rv64gcv', 'riscv64-unknown-elf', ['-march=rv64gcv', '-mabi=lp64d', '-mcmodel=medany'],
                 ['qemu-riscv64', '-cpu', f'rv64,v=true,vext_spec=v1.0,vlen={bits}'])


SSRAM, PSRAM = (0, 4 * M), (0x20000000, 4 * M)
CORES = {
    'm4': cortex_m('cortex-m4', 'mps2-an386', SSRAM, PSRAM, 'fpv4-sp-d16'),
    'm7': cortex_m('cortex-m7', 'mps2-an500', SSRAM, PSRAM, 'fpv5-d16'),
    'm55': cortex_m('cortex-m55', 'mps3-an547', (0x01000000, 2 * M), (0x21000000, 4 * M)),
    'm55-clang': cortex_m('cortex-m55', 'mps3-an547', (0x01000000, 2 * M), (0x21000000, 4 * M),
                          clang='thumbv8.1m.main-none-eabihf'),
    'm0plus': cortex_m('cortex-m0plus', 'microbit', (0, 256 << 10), (0x20000000, 16 << 10), floats='soft'),
    'm3': cortex_m('cortex-m3', 'mps2-an385', SSRAM, PSRAM, floats='soft'),
    'm33': cortex_m('cortex-m33', 'mps2-an505', (0x10000000, 4 * M), (0x38000000, 4 * M), 'fpv5-sp-d16',
                    vectors=0x10000000),
    'rv32': rv32('rv32imafc', 'ilp32f'),
    'rv32imc': rv32('rv32imc', 'ilp32', 'a=false,f=false,d=false'),
    'rv32imac': rv32('rv32imac', 'ilp32', 'f=false,d=false'),
    'rv32-zve32f': linux('rv32imafc_zve32f', 'riscv32-unknown-elf', ['-march=rv32imafc_zve32f', '-mabi=ilp32f'],
                         ['qemu-riscv32', '-cpu', 'rv32,Zve32f=true,vext_spec=v1.0,vlen=64,elen=32']),
    'rv64gc': linux('rv64gc', 'riscv64-unknown-elf', ['-march=rv64gc', '-mabi=lp64d', '-mcmodel=medany'],
                    ['qemu-riscv64', '-cpu', 'rv64']),
    'rv64gcv': rv64gcv(128),
    'rv64gcv-256': rv64gcv(256),
    'aarch64': linux('aarch64', 'aarch64-linux-gnu', ['-march=armv8-a'], ['qemu-aarch64']),
    **{level: Core(level, '', [f'-march={level}'], [], 'host', None, None)
       for level in ('x86-64', 'x86-64-v2', 'x86-64-v3', 'x86-64-v4')},
    'native': Core('host', '', ['-march=native'], [], 'host', None, None),
    'host': Core('generic', '', [], [], 'host', None, None),
}


def is_here(core):
    """None, or which program is missing."""
    wanted = [core.tools + 'gcc', core.tools + 'nm'] + core.machine[:1] + (core.clang or [])[:1]
    wanted += ['ld.lld-19'] if core.board == 'linux' else []
    return next((w for w in wanted if not shutil.which(w)), None)


def shell(command, **more):
    r = subprocess.run(command, capture_output=True, text=True, **more)
    if r.returncode:
        raise RuntimeError(f'{" ".join(command)}\n{r.stdout}{r.stderr}')
    return r.stdout


def build_plugin(out):
    """The plugin, or None where the compiler cannot."""
    plugin = f'{out}/count.so'
    shell(['cc', '-O2', '-shared', '-fPIC', '-o', plugin, f'{HERE}/count.c'])
    return plugin


# ---- the model as train.c wants it ----

def arguments(header, function):
    """(name, 'input' or 'output', type, elements) of a function, as its comment lists them."""
    text = re.search(r'/\*((?:(?!\*/).)*?)\*/\s*m_status m_' + function + r'\(', header, re.S).group(1)
    found = re.findall(r"(feed->)?(\w+): (input|output) '[^']*', (\w+)\[([\d,]*)\]", text)
    result = []
    for fed, name, way, dtype, shape in found:
        n = 1
        for d in filter(None, shape.split(',')):
            n *= int(d)
        result.append((name, way, {'f32': 'float', 'i32': 'int32_t'}[dtype], n, bool(fed), shape))
    return result


def c_function(header):
    return 'train_slice' if 'm_train_slice(' in header else 'train_step'


def put_line(step, i, name, kind, n, classes, at):
    return (f'\tmake_float({at}, {step}, {i}, 0, {n});\n' if kind == 'float' else
            f'\tmake_label({at}, {step}, {i}, 0, {n}, {classes});\n')


def put_function(what, args, prefix, classes, step):
    """Puts the inputs of a function where it wants them in the arena."""
    parameters = 'unsigned char *arena' + (', uint32_t step' if step == 'step' else '')
    lines = ''.join(
        put_line(step, i, name, kind, n, classes, f'({kind} *)(void *)(arena + {prefix}_{name.upper()}_OFFSET)')
        for i, (name, way, kind, n, fed, _) in enumerate(args) if way == 'input' and not fed)
    return f'static void put_{what}({parameters})\n{{\n\t(void)arena;\n' + \
        ('\t(void)step;\n' if step == 'step' else '') + f'{lines}}}\n'


def feed_functions(header, args, classes):
    text, names = '', []
    for i, (name, way, kind, n, fed, _) in enumerate(args):
        if fed:
            each = int(re.search(rf'M_{name.upper()}_UNIT (\d+)', header).group(1))
            rest = ')' if kind == 'float' else f', {classes})'
            make = 'make_float' if kind == 'float' else 'make_label'
            text += (f'static void feed_{name}(void *user, {kind} *to, size_t first, size_t count)\n{{\n'
                     f'\t{make}(to, *(const uint32_t *)user, {i}, first * {each}, count * {each}{rest};\n}}\n')
            names.append(f'feed_{name}')
    if not names:
        return ''
    return text + 'static uint32_t feed_step;\n' + \
        f'static const m_feed feed_of = {{&feed_step, {", ".join(names)}}};\n'


def call(function, args, fed, loss, shown=None):
    given = ['k'] + (['&feed_of'] if fed else [])
    given += [loss if way == 'output' and name == 'loss' else
              'shown' if way == 'output' and name == shown else 'NULL'
              for name, way, _, _, is_fed, _ in args if not is_fed]
    return f'm_{function}({", ".join(given)})'


def case_header(header, steps):
    train, infer, evaluate = (arguments(header, f) for f in (c_function(header), 'infer', 'evaluate'))
    name, _, _, n, _, shape = next(a for a in infer if a[1] == 'output')
    classes = int(shape.split(',')[-1])
    fed = any(a[4] for a in train)
    still, at = '', f'M_INFER_{name.upper()}_OFFSET'
    output, shown = f'(arena + {at})', None
    if at not in header:    # written where it is wanted, not in the arena
        still += f'static float shown[{n}];\n'
        output, shown = '((const unsigned char *)shown)', name
    inference = call('infer', infer, False, '', shown)
    if fed:    # read where it is: in flash
        for a in infer:
            if a[1] == 'input':
                still += f'static const {a[2]} still_{a[0]}[{a[3]}] = {{0}};\n'
                inference = inference.replace('NULL', f'still_{a[0]}', 1)
        infer = [a[:4] + (True, a[5]) if a[1] == 'input' else a for a in infer]
    function = c_function(header)
    step = call(function, train, fed, 'loss')
    text = '#include "m.h"\n'
    text += f'enum {{ STEPS = {steps} }};\n' + still + feed_functions(header, train, classes)
    text += put_function('train', train, f'M_{function.upper()}', classes, 'step')
    if fed:
        text = text.replace('\t(void)step;\n', '\tfeed_step = step;\n', 1)
    text += put_function('infer', infer, 'M_INFER', classes, '0')
    text += put_function('evaluate', evaluate, 'M_EVALUATE', classes, '0')
    text += 'static m_status train_call(m_t *k, float *loss)\n{\n'
    if function == 'train_slice':
        text += f'\tm_status status;\n\twhile ((status = {step}) == M_MORE)\n\t\t;\n\treturn status;\n}}\n'
    else:
        text += f'\treturn {step};\n}}\n'
    return text + (
        f'#define TRAIN train_call\n#define INFER(k) {inference}\n'
        f'#define EVALUATE(k, loss) {call("evaluate", evaluate, fed, "loss")}\n'
        f'#define INFER_OUTPUT(arena) {output}\n#define INFER_BYTES {4 * n}u\n')


# ---- building ----

def compile_model(thimble, model, options, core, out):
    """thimble's C for the core, named m, in `out`."""
    shell([thimble, 'compile', model, '-o', out, '--name', 'm', '--target', core.target, *options])


def compile_c(core, source, to, out, flags):
    clang = core.clang and (core.board == 'linux' or os.path.basename(source).startswith('m.'))
    compiler = core.clang if clang else [core.tools + 'gcc']
    flags = [f for f in flags if compiler[0] != 'clang-19' or f not in ('-fno-ipa-icf', '-fcallgraph-info=su')]
    board = ['-DHOST'] if core.board == 'host' else []
    shell([*compiler, *core.flags, *FLAGS, *board, *flags, f'-I{out}', f'-I{FIRMWARE}/board', f'-I{FIRMWARE}',
           '-c', source, '-o', to])


def object_of(out, source):
    return f'{out}/{os.path.basename(source)}.o'


def compile_own(core, out, optimize):
    """The objects of the model."""
    for source in (f'{out}/m.c', f'{out}/m_weights.c'):
        compile_c(core, source, object_of(out, source), out, [optimize, *MODEL_FLAGS])


def board_sources(core):
    if core.board == 'linux':
        return [f'{HERE}/../cross/linux.c']
    return sorted(glob.glob(f'{FIRMWARE}/board/{core.board}/*.[cS]'))


def objects(core, out, steps, optimize, program):
    """Those, and what runs it. A model that is an object already stays one."""
    if program == TRAIN:
        open(f'{out}/case.h', 'w').write(case_header(open(f'{out}/m.h').read(), steps))
    model = [f'{out}/m.o']
    if not os.path.exists(model[0]):
        compile_own(core, out, optimize)
        model = [object_of(out, f'{out}/{name}.c') for name in ('m', 'm_weights')]
    own = [program, f'{FIRMWARE}/log.c', *board_sources(core)]
    for source in own:
        compile_c(core, source, object_of(out, source), out, [optimize])
    return model + [object_of(out, source) for source in own]


def linker_script(core, out):
    """The board's, but that where code is not at 0 the vectors stay there."""
    text = open(f'{FIRMWARE}/board/{core.board}/memory.ld').read()
    if core.board == 'cortex-m':
        text = text.replace('ORIGIN = 0x00000000', f'ORIGIN = {core.flash[0]}')
    if core.board == 'cortex-m' and core.flash[0] != core.vectors:
        text = text.replace('SECTIONS {', 'SECTIONS {\n.vectors 0 : { KEEP(*(.vectors)) }')
    open(f'{out}/memory.ld', 'w').write(text)
    return f'-T{out}/memory.ld'


def memory_of(core, ram, flash, stack):
    values = {'RAM_BYTES': ram or core.ram[1], 'FLASH_BYTES': flash or core.flash[1], 'STACK_BYTES': stack,
              'RAM_ORIGIN': core.ram[0]}
    return [f'-Wl,--defsym={k}={v}' for k, v in values.items()]


def build(core, out, steps=10, optimize='-O2', ram=0, flash=0, stack=8192, program=TRAIN):
    """The image of a compiled model; RuntimeError where it does not fit."""
    files = objects(core, out, steps, optimize, program)
    script = []
    if core.board == 'linux':
        shell([*core.clang, *core.flags, '-nostdlib', '-static', '-fuse-ld=lld', *files, '-o', f'{out}/image'])
        return f'{out}/image'
    if core.board != 'host':
        script = [linker_script(core, out), *memory_of(core, ram, flash, stack),
                  '-Wl,--no-warn-rwx-segments']
    shell([core.tools + 'gcc', *core.flags, *files, *script, f'-Wl,-Map={out}/image.map', '-o', f'{out}/image',
           # The loader finds fmaf at the start, not on the stack that is measured.
           *(LINK if script else ['-Wl,-z,now', '-lm'])])
    return f'{out}/image'


# ---- running ----

@dataclass
class Run:
    lines: list                                    # ('train', bits, stack), ...
    instructions: dict = field(default_factory=dict)   # of 'train', 'infer', ...: a list
    writes: list = field(default_factory=list)     # (first, end) of what was written between marks

    def losses(self):
        return [bits for name, bits, _ in self.lines if name == 'train']

    def results(self):
        return [line[:2] for line in self.lines]

    def stack(self, name):
        return max(int(line[2]) for line in self.lines if line[0] == name)


def run(core, image, plugin=None, writes=True, timeout=3600):
    """The program's lines; with the plugin also what the calls took, and wrote."""
    out = os.path.dirname(image)
    command = [image]
    if core.machine:
        log = ['-display', 'none', '-monitor', 'none', '-serial', 'none', '-chardev', 'stdio,id=log',
               '-semihosting-config', 'enable=on,target=native,chardev=log']
        noting = f',writes={out}/writes' if writes else ''
        watch = ['-plugin', f'file={plugin},out={out}/counts{noting}'] if plugin else []
        command = [*core.machine, *log, *watch, '-kernel', image]
        if core.board == 'linux':
            command = [*core.machine, *watch, image]
    lines = [tuple(line.split()) for line in shell(command, timeout=timeout).splitlines()]
    result = Run(lines)
    if plugin and core.machine:
        calls = [line[0] for line in lines if len(line) == 3]
        for name, line in zip(calls, open(f'{out}/counts')):
            result.instructions.setdefault(name, []).append(int(line.split()[0]))
    if plugin and core.machine and writes:
        result.writes = [tuple(int(x, 16) for x in line.split()) for line in open(f'{out}/writes')]
    return result


# ---- what is in an image ----

def symbols(core, image):
    """Address and size by name."""
    found = {}
    for line in shell([core.tools + 'nm', '-S', image]).splitlines():
        parts = line.split()
        if len(parts) == 4:
            found[parts[3]] = (int(parts[0], 16), int(parts[1], 16))
        elif len(parts) == 3:
            found[parts[2]] = (int(parts[0], 16), 0)
    return found


def flash_of(out):
    """(code, constants) of the model and of what it calls, as the linker's map says."""
    text = open(f'{out}/image.map').read().split('Linker script and memory map')[1]
    code = constants = 0
    for section, size, file in re.findall(r'^ \.(\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$', text, re.M):
        library = re.search(r'lib(gcc|m|c|c_nano)\.a\(', file)
        if section.startswith('text') and (library or file.endswith(('/m.c.o', '/m.o'))):
            code += int(size, 16)
        elif section.startswith(('rodata', 'srodata')) and file.endswith(('/m.c.o', '/m_weights.c.o', '/m.o')):
            constants += int(size, 16)
    return code, constants


def noted_stack(out):
    """Bytes by function, as gcc's notes bound them; {} where clang compiled."""
    script = os.path.join(HERE, '../../backend/cmake/thimble_stack.cmake')
    if not os.path.exists(f'{out}/m.c.ci'):
        return {}
    shell(['cmake', '-DNAME=m', f'-DOBJECTS={out}/m.c.o', f'-DOUT={out}/m.stack.txt', '-P', script])
    return {f: int(n) for n, f in re.findall(r'^(\d+) m_(\w+):', open(f'{out}/m.stack.txt').read(), re.M)}
