"""The program of a scan: memory that is kept between runs, and a function that fills it.

Written as source: `make(tau, batch)` lays out the memory with all views of it and returns `run`,
which takes the arrays and answers with the loss and all gradients, as arrays of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from unroll.numeric.layout import identifiers
from unroll.numeric.tape import runtime
from unroll.numeric.tape.backward import Backward, differentiate_step
from unroll.numeric.tape.blocks import (
    Bias,
    Input,
    Matrix,
    Product,
    Read,
    UnsuitedError,
    in_order,
    operands,
)
from unroll.numeric.tape.coefficients import BUFFER, Coefficients, needed, plan_coefficients
from unroll.numeric.tape.heads import Head, find_head
from unroll.numeric.tape.outside import Outside, OutsideProgram, find_outside
from unroll.numeric.tape.returns import Return, Returned, plan_return, rows_needed
from unroll.numeric.tape.scan import Scan, rank, read_scan, scanned, separate
from unroll.numeric.tape.steps import (
    COLUMNS,
    FLAT,
    MATRIX,
    ONE,
    STACK,
    Forward,
    Step,
    View,
    plan_forward,
)
from unroll.symbolic.adjoint import differentiate
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import Recurrence

INDENT = "    "
Span = tuple[int, int]  # the first, and the one behind the last


@dataclass(frozen=True)
class TapeProgram:
    """A compiled scan.

    code: the source; arguments: names of the arrays that `run` takes, in order; loading, beginning:
    of those that `load` and `begin` take; stepwise: of those that have steps; in_segments: whether a
    part of the steps can be run like the whole; rows: entries kept of a step; make: from the length
    and the size of the batch to the functions.
    """

    code: str
    arguments: tuple[str, ...]
    loading: tuple[str, ...]
    beginning: tuple[str, ...]
    stepwise: frozenset[str]
    in_segments: bool
    rows: int
    make: Callable[[int, int], runtime.Functions]


def compile_scan(
    recurrence: Recurrence,
    shapes: Mapping[str, Shape],
    batched: frozenset[str],
    single: bool,
    classes: frozenset[str],
    of: str | None = None,
    dtype: type[np.floating[Any]] = np.float64,
) -> TapeProgram:
    """The program for loss and gradients.

    shapes: of all values; batched: arrays with a batch axis; single: whether the batch is one;
    classes: targets that are given as classes. Raises UnsuitedError for what this path cannot do.
    """
    adjoint = differentiate(separate(recurrence), of, shapes)
    forward = replace(adjoint.recurrence, equations=adjoint.forward)
    known: dict[str, Any] = dict(adjoint.shapes)  # all are numbers here
    names = scanned(forward)
    head = find_head(forward, names, known, adjoint.objective, classes)
    if head:
        scan = read_scan(forward, known, frozenset(head.states))
        if not set(head.states) <= scan.multiplied:
            head = None  # what is given back goes through those products
    outside = None if head else find_outside(adjoint, names, classes)
    if outside:
        scan = read_scan(forward, known, frozenset(outside.values))
    writer = _Writer(scan, head, outside, known, batched, single)
    code = writer.write()
    namespace: dict[str, Any] = {"np": np, "dtype": dtype, **vars(runtime)}
    namespace |= {u: getattr(np, u) for u in UFUNCS}
    if outside:
        namespace["make_outside"] = partial(OutsideProgram, outside, known, batched, dtype=dtype)
    exec(compile(code, "<scan: generated>", "exec"), namespace)
    stepwise = frozenset(writer.beginning) - {
        s for s in scan.initial.values() if isinstance(s, str)
    }
    rows = writer.forward.width + sum(writer.forward.tapes.values())
    made: Callable[[int, int], runtime.Functions] = namespace["make"]
    return TapeProgram(
        code,
        writer.arguments,
        writer.loading,
        writer.beginning,
        stepwise,
        head is not None,
        rows,
        made,
    )


UFUNCS = (*(n for n in dir(np) if isinstance(getattr(np, n), np.ufunc)), "copyto")


@dataclass(slots=True)
class _Writer:
    scan: Scan
    head: Head | None
    outside: Outside | None
    shapes: Mapping[str, Shape]
    batched: frozenset[str]
    single: bool
    forward: Forward = field(init=False)
    backward: Backward = field(init=False)
    back: Return = field(init=False)
    map: Coefficients = field(init=False)
    words: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    loading: tuple[str, ...] = ()
    beginning: tuple[str, ...] = ()
    gradients: dict[str, str] = field(default_factory=dict)
    setup: list[str] = field(default_factory=list)
    parts: dict[str, list[str]] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    returned: list[tuple[tuple[int, int], str, list[Input]]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    # --- plans --------------------------------------------------------------------

    def plan(self) -> None:
        scan, lead = self.scan, self.lead
        sources = tuple(self.outside.sources) if self.outside else ()
        roots = list(scan.values.values())
        blocks = in_order(roots)
        carried = {b.name for b in blocks if isinstance(b, Read)}
        entrywise = {
            o.name
            for b in blocks
            if not isinstance(b, Product)
            for o in operands(b)
            if isinstance(o, Read)
        }
        self.backward = differentiate_step(
            scan.builder,
            scan.values,
            scan.multiplied,
            frozenset(carried & entrywise),
            frozenset(sources),
        )
        terms = [*self.backward.outputs.values(), *(t for n in self.backward.nodes for t in n)]
        read = needed([t.coefficient for t in terms], blocks)
        room = rows_needed(scan, self.backward, lead, sources)
        self.forward = plan_forward(scan, read, lead, room, not self.single)
        self.back = plan_return(scan, self.forward, self.backward, lead, sources, not self.single)
        self.forward.tapes["tape"] = self.back.width
        if not self.back.width:
            raise UnsuitedError("a loss that gives nothing back")
        self.map = plan_coefficients(self.back.coefficients, self.forward)

    @property
    def lead(self) -> int:
        """Rows of a step on the tape that gradients by logits take."""
        return self.head.classes if self.head else 0

    # --- text ---------------------------------------------------------------------

    def write(self) -> str:
        self.plan()
        self.name_arguments()
        self.memory()
        for name, write in (
            ("load", self.load),
            ("begin", self.begin),
            ("scan", self.scan_forward),
            ("losses", self.losses),
            ("back", self.scan_backward),
            ("by_parameters", self.by_parameters),
            ("by_inputs", self.by_inputs),
            ("by_start", self.by_start),
            ("states", self.states),
            ("given", self.given),
        ):
            self.body = self.parts[name] = []
            write()
        constants = [
            f"{name} = np.array({value!r}, dtype)" for name, value in self.forward.constants.items()
        ]
        words = {n: self.words[n] for n in self.arguments}
        beginning = [words[n] for n in self.beginning]
        loaded = [words[n] for n in self.loading]
        heads = {
            "load": ", ".join(loaded),
            "begin": ", ".join(beginning),
            "by_parameters": "sums",
            "by_inputs": "returned",
        }
        lines = [
            "def make(tau, batch):",
            '    """Memory for so many steps and batch entries, and the functions that use it."""',
            *(INDENT + line for line in (*constants, *self.setup)),
        ]
        for name, body in self.parts.items():
            lines += ["", f"{INDENT}def {name}({heads.get(name, '')}):"]
            lines += [f'{2 * INDENT}"""{_DOCS[name]}"""', *(2 * INDENT + line for line in body)]
        lines += [
            "",
            f"{INDENT}def run({', '.join(words.values())}):",
            f'{2 * INDENT}"""Loss, gradients, and whether all is finite; None for bad numbers."""',
            f"{2 * INDENT}if not (load({', '.join(loaded)}) and begin({', '.join(beginning)})):",
            f"{3 * INDENT}return None",
            f"{2 * INDENT}scan()",
            f"{2 * INDENT}loss = losses()",
            f"{2 * INDENT}back()",
            f"{2 * INDENT}sums, returned = reduction()",
            f"{2 * INDENT}found = by_parameters(sums)",
            f"{2 * INDENT}found.update(by_inputs(returned))",
            f"{2 * INDENT}found.update(by_start())",
            *([f"{2 * INDENT}outside.add_to(found)"] if self.outside else []),
            f"{2 * INDENT}return loss, found, are_finite(loss, sums)",
            "",
            f"{INDENT}return Functions(run, {', '.join(self.parts)}, reduction, columns, tape, {self.lead})",
        ]
        return "\n".join(lines) + "\n"

    def name_arguments(self) -> None:
        names: dict[str, None] = {}
        for product in (*self.products(), *([self.head.product] if self.head else [])):
            for _, matrix, _ in product.terms:
                names[matrix.name] = None
            for _, bias in product.biases:
                if bias.name:
                    names[bias.name] = None
        for static in self.forward.statics:
            names[static.name] = None
        self.loading = tuple(names)
        start = [k.name for k in self.forward.columns if isinstance(k, Input)]
        start += [s for s in self.scan.initial.values() if isinstance(s, str)]
        start += [self.head.target] if self.head else self.outside.arrays if self.outside else []
        self.beginning = tuple(dict.fromkeys(start))
        self.arguments = tuple(dict.fromkeys((*names, *start)))
        known = identifiers([*_OWN, *self.arguments])
        self.words = {n: known[n] for n in self.arguments}

    def products(self) -> list[Product]:
        return [p for w in (*self.forward.weights, *self.forward.hoisted) for p, _ in w.outputs]

    def memory(self) -> None:
        add = self.setup.append
        add(f"columns = Tape(tau + 1, {self.forward.width}, batch, dtype)")
        one, _ = self.forward.columns[ONE]
        add(f"columns.steps[:, {one}] = 1")
        for name, rows in self.forward.tapes.items():
            over = self.forward.over[name]
            add(f"{name} = Tape(tau + 1, {rows}, batch, dtype{f', {over}' if over else ''})")
        size = "" if self.single else " * batch"
        for name, rows in (*self.forward.scratch.items(), *self.back.scratch.items()):
            add(f"{name} = np.zeros({rows}{size}, dtype)")
        largest = max((b.size for b in in_order(list(self.scan.values.values()))), default=1)
        uses = [v for s in (*self.forward.steps, *self.back.steps) for v in s.views]
        if any(v.memory == "scratch" for v in uses):
            add(f"scratch = np.zeros({largest}{size}, dtype)")
        for weights in (*self.forward.weights, *self.forward.hoisted):
            self.matrix(weights.name, weights.rows, weights.stop - weights.start)
        for returned in self.back.weights:
            self.matrix(returned.name, returned.height, returned.width)
        for static, name in self.forward.statics.items():
            add(f"{name} = np.zeros({static.size}{size}, dtype)")

    def matrix(self, name: str, rows: int, columns: int) -> None:
        """Weights; for a batch of one stored transposed, behind the vector that they multiply."""
        if self.single:
            self.setup.append(f"{name} = np.zeros(({columns}, {rows}), dtype)")
            self.setup.append(f"{name}_in = {name}.T")
        else:
            self.setup.append(f"{name}_in = {name} = np.zeros(({rows}, {columns}), dtype)")

    # --- loading ------------------------------------------------------------------

    def ready(self, view: str) -> str:
        """The name of a view, made beforehand."""
        for line in self.setup:
            name, _, source = line.partition(" = ")
            if source == view:
                return name
        name = f"at_{sum(line.startswith('at_') for line in self.setup) + 1}"
        self.setup.append(f"{name} = {view}")
        return name

    def put(self, view: str, source: str) -> None:
        """Copy into a view that was made beforehand."""
        self.body.append(f"{self.ready(view)}[...] = {source}")

    def load(self) -> None:
        for weights in (*self.forward.weights, *self.forward.hoisted):
            loads = []
            for product, at in weights.outputs:
                loads += self.loads(product, at, weights.start)
            self.write_loads(weights.name, loads)
            self.checks.append(weights.name)
        longest = max(self.lead, self.forward.width)
        self.setup.append(f"length = block_length({longest}, batch, tau)")
        if self.head:
            self.load_head(self.head)
            self.checks.append("head_in")
        for static, name in self.forward.statics.items():
            word = self.words[static.name]
            if not self.single:
                word = f"np.repeat({word}, batch)" if self.shapes[static.name] else word
                self.setup.append(f"{name}_map = {name}.reshape(-1, batch)")
            else:
                self.setup.append(f"{name}_map = {name}")
            self.body.append(f"{name}[:] = {word}")
            self.checks.append(name)
        for returned in self.back.weights:
            self.load_returned(returned)
        self.load_inputs_back()
        for name in self.checks:
            self.setup.append(f"{name}_flat = {_flat_memory(name)}.reshape(-1)")
        total = " + ".join(f"{name}_flat.dot({name}_flat)" for name in self.checks)
        self.body.append(f"return is_finite({total})" if total else "return True")

    def begin(self) -> None:
        checks = []
        for key, (row, size) in self.forward.columns.items():
            if isinstance(key, Input):
                value = self.rows_of(key.name, 1)
                self.put(f"columns.steps[:-1, {row}:{row + size}]", value)
                checks.append(f"sum_of_squares({self.words[key.name]})")
        done: set[str] = set()
        for name, block in self.scan.values.items():
            if not self.is_state(name):
                if name in self.scan.initial:
                    raise UnsuitedError("an initial value that no step reads")
                continue
            place = self.forward.places[block]
            where = f"{place.memory}.steps[0, {place.row}:{place.row + block.size}]"
            start = self.scan.initial.get(name, 0.0)
            if isinstance(start, str) and place.memory == COLUMNS and start not in done:
                self.put(where, self.rows_of(start, 0))
                flat = self.ready(f"{self.ready(where)}.reshape(-1)")
                checks.append(f"{flat}.dot({flat})")
                self.setup.append(f"start_{self.words[start]} = {self.ready(where)}")
                done.add(start)
            elif isinstance(start, str):
                if start not in done:
                    shape = f"({block.size},)" if self.single else f"({block.size}, batch)"
                    self.setup.append(f"start_{self.words[start]} = np.zeros({shape}, dtype)")
                    self.body.append(f"start_{self.words[start]}[:] = {self.rows_of(start, 0)}")
                    checks.append(f"sum_of_squares(start_{self.words[start]})")
                    done.add(start)
                self.put(where, f"start_{self.words[start]}")
            elif place.memory != COLUMNS or start:
                self.body.append(f"{self.ready(where)}.fill({start})")
        for weights in self.forward.hoisted:
            self.hoisted(weights.name, weights.outputs, weights.start, weights.stop)
        if self.head:
            self.begin_targets(self.head)
        if self.outside:
            self.setup.append("outside = make_outside(tau, batch)")
            words = ", ".join(self.words[n] for n in self.outside.arrays)
            self.body.append(f"if not outside.begin({words}):")
            self.body.append(f"{INDENT}return False")
        self.body.append(f"return is_finite({' + '.join(checks)})" if checks else "return True")

    def begin_targets(self, head: Head) -> None:
        target, classes = self.words[head.target], head.classes
        self.setup.append("targets = np.zeros(tau * batch, np.intp)")
        self.setup.append("unsigned = targets.view(np.uintp)")
        if self.single or head.target in self.batched:
            self.body.append(f"targets[:] = {target}.reshape(-1)")
        else:
            self.body.append(f"targets[:] = np.repeat({target}, batch)")
        self.body.append("largest = maximum.reduce(unsigned)")
        one_hot = f"largest <= 1 and batch == {classes} and {target}.ndim > 1"
        self.body.append(f"if largest >= {classes} or ({one_hot}):")
        self.body.append(f"{INDENT}return False")

    def is_state(self, name: str) -> bool:
        return any(isinstance(b, Read) and b.name == name for b in self.forward.places)

    def rows_of(self, name: str, lead: int) -> str:
        """An array as rows by batch, behind a leading axis for steps if there is one."""
        word, shape = self.words[name], self.shapes[_bare(name)]
        batched = name in self.batched
        if self.single:
            return f"{word}.reshape({'tau, ' if lead else ''}{rank(shape)})"
        steps = ":, " if lead else ""
        if batched:
            if not shape:
                return f"{word}[{steps}None]"
            return f"{word}.transpose(0, 2, 1)" if lead else f"{word}.T"
        return f"{word}[{steps}{':' if shape else 'None'}, None]"

    def loads(self, product: Product, at: int, start: int) -> list[_Load]:
        found = []
        for c, matrix, operand in product.terms:
            row, size = self.forward.columns[operand.name if isinstance(operand, Read) else operand]
            found.append(_Load(at, at + product.size, row - start, row - start + size, c, matrix))
        one, _ = self.forward.columns[ONE]
        for c, bias in product.biases:
            found.append(_Load(at, at + product.size, one - start, one - start + 1, c, bias))
        return found

    def write_loads(self, name: str, loads: Sequence[_Load]) -> None:
        done: set[tuple[int, int, int, int]] = set()
        self.keep_shared(loads)
        for load in _merged(loads):
            where = (load.top, load.bottom, load.left, load.right)
            columns = f"{load.left}:{load.right}"
            if isinstance(load.source, Bias):
                columns = str(load.left)
            target = f"{name}_in[{load.top}:{load.bottom}, {columns}]"
            source = self.weight(load.source)
            if where in done:
                self.body.append(f"{target} += {_times(load.scale, source)}")
            elif load.scale == 1:
                self.put(target, source)
            else:
                number = self.forward.constant(load.scale)
                self.body.append(f"multiply({source}, {number}, {self.ready(target)})")
            done.add(where)

    def keep_shared(self, loads: Sequence[_Load]) -> None:
        """Copies of parameters that are added up where they lie, like two biases of one product."""
        counts = Counter((x.top, x.bottom, x.left, x.right) for x in loads)
        for load in loads:
            name = load.source.name
            shared = counts[load.top, load.bottom, load.left, load.right] > 1
            if shared and name and name not in self.kept:
                self.kept[name] = f"kept_{self.words[name]}"
                self.setup.append(f"{self.kept[name]} = np.zeros({self.shapes[name]}, dtype)")
                self.body.append(f"{self.kept[name]}[...] = {self.words[name]}")

    def weight(self, source: Matrix | Bias) -> str:
        if isinstance(source, Bias) and not source.name:
            return "1"
        word, shape = self.words[source.name], self.shapes[source.name]
        a, b = source.rows
        if isinstance(source, Bias):
            return word if not shape or (a, b) == (0, shape[0]) else f"{word}[{a}:{b}]"
        word = f"{word}.T" if source.transposed else word
        full = shape[1] if source.transposed else shape[0]
        return word if (a, b) == (0, full) else f"{word}[{a}:{b}]"

    def load_head(self, head: Head) -> None:
        start, stop = self.head_columns(head)
        loads = self.loads_of_head(head, start)
        self.setup.append(
            f"head = SoftmaxCrossEntropy(columns, tape, slice({start}, {stop}), {head.classes}, length)"
        )
        self.setup.append("head_in = head.weights")
        self.write_loads("head", loads)

    def head_columns(self, head: Head) -> tuple[int, int]:
        spans = [self.forward.columns[name] for name in head.states]
        if head.product.biases:
            spans.append(self.forward.columns[ONE])
        return min(a for a, _ in spans), max(a + n for a, n in spans)

    def loads_of_head(self, head: Head, start: int) -> list[_Load]:
        found, one = [], self.forward.columns[ONE][0] - start
        for c, matrix, operand in head.product.terms:
            assert isinstance(operand, Read)
            row, size = self.forward.columns[operand.name]
            found.append(_Load(0, head.classes, row - start, row - start + size, c, matrix))
        for c, bias in head.product.biases:
            found.append(_Load(0, head.classes, one, one + 1, c, bias))
        return found

    def load_returned(self, returned: Returned) -> None:
        """Transposed weights, from those of the forward step."""
        loads: list[tuple[int, int, int, str, int, int, int]] = []
        for key, row in returned.rows:
            column = self.forward.columns[key]
            for product, at in returned.columns:
                source = self.source_of(product, column)
                if source is not None:
                    name, top, left = source
                    loads.append((row, row + column[1], at, name, top, left, product.size))
            if self.head and key in self.head.states and returned.name == "returns_1":
                left = column[0] - self.head_columns(self.head)[0]
                loads.append((row, row + column[1], 0, "head", 0, left, self.lead))
        joined: list[tuple[int, int, int, str, int, int, int]] = []
        for load in sorted(loads):
            last = joined[-1] if joined else None
            if last and (last[:2], last[3], last[5]) == (load[:2], load[3], load[5]):
                columns, rows = last[2] + last[6], last[4] + last[6]
                if (columns, rows) == (load[2], load[4]):
                    joined[-1] = (*last[:6], last[6] + load[6])
                    continue
            joined.append(load)
        for top, bottom, at, name, row, left, size in joined:
            weights = self.ready(f"{name}_in[{row}:{row + size}, {left}:{left + bottom - top}].T")
            self.put(f"{returned.name}_in[{top}:{bottom}, {at}:{at + size}]", weights)

    def source_of(self, product: Product, column: tuple[int, int]) -> tuple[str, int, int] | None:
        """Where the weights of a product by some columns are: their name, first row and column."""
        for weights in (*self.forward.weights, *self.forward.hoisted):
            for block, at in weights.outputs:
                if block is product and weights.start <= column[0] < weights.stop:
                    return weights.name, at, column[0] - weights.start
        return None

    def hoisted(
        self, name: str, outputs: Sequence[tuple[Product, int]], start: int, stop: int
    ) -> None:
        place = self.forward.places[outputs[0][0]]
        size = sum(p.size for p, _ in outputs)
        rows = f"{place.row}:{place.row + size}"
        if self.single:
            source = f"{self.ready(f'columns.steps[:-1, {start}:{stop}]')}, {name}"
        else:
            source = f"{name}, {self.ready(f'columns.steps[:-1, {start}:{stop}]')}"
        out = self.ready(f"{place.memory}.steps[:-1, {rows}]")
        self.body.append(f"matmul({source}, {out})")

    # --- scans --------------------------------------------------------------------

    def scan_forward(self) -> None:
        self.loop(self.forward.steps, "forward")

    def loop(self, steps: Sequence[Step], name: str) -> None:
        """A loop over views of each step that were made beforehand."""
        words: dict[View, str] = {}
        texts = []
        for step in [_as_matrices(step, steps) for step in steps]:
            own = [self.operand(view, words) for view in step.views]
            texts.append(step.text.format(*own))
        moving = {v: w for v, w in words.items() if v.shift is not None}
        lists = [f"{self.listed(v)}[{_range(v.shift or 0, name == 'backward')}]" for v in moving]
        self.setup.append(f"{name} = list(zip(")
        self.setup += [f"{INDENT}{text}," for text in lists]
        self.setup.append("))")
        variables = ", ".join(moving.values())
        self.body.append(f"for {variables}{',' if len(moving) == 1 else ''} in {name}:")
        self.body += [INDENT + text for text in texts]

    def operand(self, view: View, words: dict[View, str]) -> str:
        if self.single and view.form == MATRIX:
            view = replace(view, form=FLAT)
        if view in words:
            return words[view]
        if view.shift is None:
            words[view] = self.fixed(view)
        else:
            words[view] = (
                f"{_LETTERS.get(view.memory, view.memory)}{sum(v.shift is not None for v in words) + 1}"
            )
        return words[view]

    def fixed(self, view: View) -> str:
        """A view of memory that is not on a step, made beforehand."""
        if self.single and view.form == MATRIX:
            view = replace(view, form=FLAT)
        size = "" if self.single else " * batch"
        whole = f"{view.memory}[{view.start}{size}:{view.stop}{size}]"
        if view.form == STACK:
            whole += f".reshape({view.blocks}, -1)"
        elif view.form == MATRIX and not self.single:
            whole += ".reshape(-1, batch)"
        name = f"{view.memory}_{view.start}_{view.stop}_{view.form}"
        line = f"{name} = {whole}"
        if line not in self.setup:
            self.setup.append(line)
        return name

    def listed(self, view: View) -> str:
        if view.form == STACK:
            return f"{view.memory}.stack({view.start}, {view.stop}, {view.blocks})"
        kind = "matrix" if view.form == MATRIX else "flat"
        return f"{view.memory}.{kind}({view.start}, {view.stop})"

    # --- losses and coefficients --------------------------------------------------

    def losses(self) -> None:
        words: dict[View, str] = {}
        texts = []
        for step in self.map.steps:
            own = []
            for view in step.views:
                if view not in words:
                    words[view] = (
                        view.memory
                        if view.memory.endswith("_map")
                        else f"{_LETTERS.get(view.memory, 'b')}{len(words) + 1}"
                    )
                own.append(words[view])
            texts.append(step.text.format(*own))
        batch = "" if self.single else ", batch"
        for number, rows in enumerate(self.map.buffers, 1):
            self.setup.append(f"{BUFFER}_{number} = np.zeros((length, {rows}{batch}), dtype)")
        views = []
        moving = {v: w for v, w in words.items() if not v.memory.endswith("_map")}
        for view in moving:
            if view.memory.startswith(BUFFER):
                views.append(f"{view.memory}[: stop - start]")
            else:
                shift = f" + {view.shift}" if view.shift else ""
                views.append(
                    f"{view.memory}.steps[start{shift} : stop{shift}, {view.start}:{view.stop}]"
                )
        self.setup.append("maps = [")
        self.setup.append(f"{INDENT}({''.join(f'{v}, ' for v in views)})")
        self.setup.append(f"{INDENT}for start in range(0, tau, length)")
        self.setup.append(f"{INDENT}for stop in [min(start + length, tau)]")
        self.setup.append("]")
        self.body.append(f"loss = {self.outside_values() if self.outside else 0.0}")
        variables = ", ".join(moving.values())
        inner = f"({variables}{',' if len(moving) == 1 else ''})" if moving else "_"
        self.body.append(f"for block, {inner} in enumerate(maps):")
        if self.head:
            self.body.append(f"{INDENT}loss += head(block, targets)")
        elif not texts:
            self.body.append(f"{INDENT}pass")
        self.body += [INDENT + text for text in texts]
        self.body.append(f"{self.ready(f'tape.steps[-1, {self.lead}:]')}.fill(0)")
        for name, place in self.back.sources.items():
            stop = place.row + self.scan.values[name].size
            target, source = f"tape.steps[:, {place.row}:{stop}]", f"outside.source({name!r})"
            if not self.shapes[name]:
                source = f"{source}[:, None]"
            elif not self.single:
                source = f"{source}.transpose(0, 2, 1)"
            self.put(target, source)
        self.body.append("return loss")

    def outside_values(self) -> str:
        """The call of what stands outside, with views of the values that it reads, row 0 first."""
        views = []
        assert self.outside is not None
        for name in self.outside.values:
            block = self.scan.values[name]
            place, shape = self.forward.places[block], self.shapes[name]
            rows = f"{place.memory}.steps[:, {place.row}:{place.row + block.size}]"
            turned = "" if self.single else ".transpose(0, 2, 1)"
            if not shape:
                rows, turned = f"{place.memory}.steps[:, {place.row}]", ""
            if place.shift:
                views.append(self.ready(f"{rows}{turned}"))
                continue
            word = f"value_{len(views) + 1}"
            self.setup.append(f"{word} = np.zeros_like({rows}{turned})")
            self.put(f"{word}[1:]", self.ready(f"{rows}{turned}[:-1]"))
            views.append(word)
        return f"outside.run({', '.join(views)})"

    def scan_backward(self) -> None:
        self.loop(self.back.steps, "backward")

    # --- sums ---------------------------------------------------------------------

    def by_parameters(self) -> None:
        pairs, found = self.rectangles()
        self.setup.append("reduction = Reduction(")
        self.setup.append(f"{INDENT}tape, columns,")
        self.setup.append(
            f"{INDENT}[{', '.join(f'({_slice(r)}, {_slice(c)})' for r, c in pairs)}],"
        )
        self.setup.append(
            f"{INDENT}[{', '.join(f'({_slice(r)}, {w})' for r, w, _ in self.returned)}],"
        )
        self.setup.append(")")
        if pairs:
            self.body.append(f"[{', '.join(f'sum_{i + 1}' for i in range(len(pairs)))}] = sums")
        self.gradients = {}
        self.assemble(found)
        self.give()

    def by_inputs(self) -> None:
        if self.returned:
            names = ", ".join(f"back_{i + 1}" for i in range(len(self.returned)))
            self.body.append(f"[{names}] = returned")
        self.gradients = {}
        self.assemble_inputs(self.returned)
        self.give()

    def by_start(self) -> None:
        self.gradients = {}
        self.assemble_initial()
        self.give()

    def give(self) -> None:
        """The end of a function that returns gradients by name."""
        self.body.append("return {")
        self.body += [f"{INDENT}{n!r}: {text}," for n, text in self.gradients.items()]
        self.body.append("}")
        for name in self.gradients:
            if name in self.found:
                raise UnsuitedError("a gradient of two kinds")
            self.found.append(name)

    def states(self) -> None:
        places = {
            name: self.forward.places[value]
            for name, value in self.scan.values.items()
            if self.is_state(name)
        }
        self.body.append("return {")
        for name, place in places.items():
            stop = place.row + self.scan.values[name].size
            self.body.append(f"{INDENT}{name!r}: ({place.memory}, {place.row}, {stop}),")
        self.body.append("}")

    def given(self) -> None:
        """The arrays as they were given, from where they were put."""
        texts = {self.head.target: self.given_targets(self.head)} if self.head else {}
        for key, (row, size) in self.forward.columns.items():
            if isinstance(key, Input):
                texts[key.name] = self.given_input(key.name, row, size)
        for start in self.scan.initial.values():
            if isinstance(start, str):
                texts[start] = self.given_start(start)
        for static, name in self.forward.statics.items():
            text = f"{name}[{':' if self.single else '::batch'}].copy()"
            texts.setdefault(static.name, text if self.shapes[static.name] else f"{name}[0]")
        texts |= {name: f"{kept}.copy()" for name, kept in self.kept.items()}
        pieces: dict[str, dict[tuple[int, int], str]] = {}
        loaded = [
            (w.name, self.loads(p, at, w.start))
            for w in (*self.forward.weights, *self.forward.hoisted)
            for p, at in w.outputs
        ]
        if self.head:
            start, _ = self.head_columns(self.head)
            loaded.append(("head", self.loads_of_head(self.head, start)))
        for weights, loads in loaded:
            for load in loads:
                if not load.source.name or load.source.name in self.kept:
                    continue
                columns = f"{load.left}:{load.right}"
                if isinstance(load.source, Bias):
                    columns = str(load.left)
                text = f"{weights}_in[{load.top}:{load.bottom}, {columns}]"
                if isinstance(load.source, Matrix) and load.source.transposed:
                    text = f"{text}.T"
                text = f"{text} / {load.scale}" if load.scale != 1 else f"{text}.copy()"
                pieces.setdefault(load.source.name, {}).setdefault(load.source.rows, text)
        for name, parts in pieces.items():
            texts.setdefault(name, self.whole(name, parts))
        self.body.append("return {")
        if self.outside:
            self.body.append(f"{INDENT}**outside.given(),")
            texts = {n: t for n, t in texts.items() if n not in self.outside.arrays}
        self.body += [f"{INDENT}{n!r}: {text}," for n, text in texts.items()]
        self.body.append("}")

    def whole(self, name: str, parts: Mapping[tuple[int, int], str]) -> str:
        """An array from parts of its rows. Raises UnsuitedError where some are missing."""
        shape = self.shapes[name]
        if len(parts) == 1 and ((span := next(iter(parts))) == (0, rank(shape[:1]))):
            return parts[span] if shape else f"{parts[span]}[0]"
        transposed = any(".T" in text for text in parts.values())
        ordered, at = [], 0
        for span in sorted(parts):
            if span[0] != at:
                raise UnsuitedError("a parameter of which some rows are not used")
            ordered.append(parts[span])
            at = span[1]
        if not shape or transposed or at != shape[0]:
            raise UnsuitedError("a parameter of which some rows are not used")
        return f"np.concatenate(({', '.join(ordered)}))"

    def given_targets(self, head: Head) -> str:
        if head.target not in self.batched:
            return f"targets[{':' if self.single else '::batch'}].copy()"
        return "targets.reshape(tau, batch).copy()"

    def given_input(self, name: str, row: int, size: int) -> str:
        text, own = f"columns.steps[:-1, {row}:{row + size}]", self.shapes[name]
        shape = ", ".join(map(str, own))
        if self.single:
            lead = "tau, 1" if name in self.batched else "tau"
            return f"{text}.reshape({lead}, {shape}).copy()"
        if name in self.batched:
            return f"{text}.transpose(0, 2, 1).reshape(tau, batch, {shape}).copy()"
        return f"{text}[..., 0].reshape(tau, {shape}).copy()"

    def given_start(self, name: str) -> str:
        own = self.shapes[_bare(name)]
        text, shape = f"start_{self.words[name]}", ", ".join(map(str, own))
        if self.single:
            lead = ["1"] if name in self.batched else []
            full = ", ".join([*lead, *map(str, own)])
            return f"{text}.reshape(({full}{',' if full else ''})).copy()"
        if name in self.batched:
            return f"{text}.T.reshape(batch, {shape}).copy()"
        return f"{text}[:, 0].reshape(({shape}{',' if shape else ''})).copy()"

    def delta_rows(self) -> dict[Product, tuple[int, int]]:
        found = {
            p: (self.back.places[p].row, self.back.places[p].row + p.size)
            for p in self.back.products
        }
        if self.head:
            found[self.head.product] = (0, self.lead)
        return found

    def rectangles(self) -> tuple[list[tuple[Span, Span]], list[_Found]]:
        """Pairs of tape rows and columns that cover all that gradients need, and where each finds it."""
        needs: list[tuple[Span, Span, _Piece]] = []
        rows = self.delta_rows()
        for product, span in rows.items():
            for term in product.terms:
                operand = term[2]
                key = operand.name if isinstance(operand, Read) else operand
                piece = _Piece(term[1].name, term[1].rows, term[0], term[1].transposed, False)
                needs.append((span, _span(self.forward.columns[key]), piece))
            for scale, bias in product.biases:
                if bias.name:
                    piece = _Piece(bias.name, bias.rows, scale, False, True)
                    needs.append((span, _span(self.forward.columns[ONE]), piece))
        for static in self.forward.statics:
            if static in self.back.places:
                row = self.back.places[static].row
                span = (row, row + static.size)
                piece = _Piece(static.name, (0, static.size), 1.0, False, True)
                needs.append((span, _span(self.forward.columns[ONE]), piece))
        groups: dict[Span, list[Span]] = {}
        for span, columns, _ in needs:
            groups.setdefault(columns, []).append(span)
        one = _span(self.forward.columns[ONE])
        pairs: list[tuple[Span, Span]] = []
        for columns, spans in sorted(groups.items()):
            if columns == one:
                continue
            for run in _runs(spans):
                pairs.append((run, columns))
        for span in groups.get(one, []):
            if any(_inside(span, r) and _inside(one, c) for r, c in pairs):
                continue
            for i, (r, c) in enumerate(pairs):
                if _inside(span, r) and (c[1] == one[0] or one[1] == c[0]):
                    pairs[i] = (r, (min(c[0], one[0]), max(c[1], one[1])))
                    break
            else:
                pairs.append((span, one))
        found = []
        for span, columns, piece in needs:
            number, (r, c) = next(
                (i, (r, c))
                for i, (r, c) in enumerate(pairs)
                if _inside(span, r) and _inside(columns, c)
            )
            part = span[0] - r[0], span[1] - r[0]
            found.append(_Found(number, part, (columns[0] - c[0], columns[1] - c[0]), piece))
        return pairs, found

    def assemble(self, found: Sequence[_Found]) -> None:
        """Gradients of parameters from the sums."""
        pieces: dict[str, list[tuple[Span, str, bool]]] = {}
        for entry in found:
            piece, (top, bottom), (left, right) = entry.piece, entry.rows, entry.columns
            columns = str(left) if piece.is_vector else f"{left}:{right}"
            source = f"sum_{entry.number + 1}[{top}:{bottom}, {columns}]"
            if not self.shapes[piece.name]:
                source = f"{source}.sum()"
            source = _times(piece.scale, source)
            pieces.setdefault(piece.name, []).append((piece.target, source, piece.transposed))
        for name, parts in pieces.items():
            self.gradients[name] = self.joined(name, parts)

    def joined(self, name: str, parts: list[tuple[tuple[int, int], str, bool]]) -> str:
        shape = self.shapes[name]
        parts = sorted(parts, key=lambda p: p[0])
        spans = [p[0] for p in parts]
        turned = {p[2] for p in parts}
        if len(turned) == 1 and all(b == c for (_, b), (c, _) in pairwise(spans)):
            height = (shape[1] if True in turned else shape[0]) if shape else 1
            if spans[0][0] == 0 and spans[-1][1] == height:
                text = parts[0][1]
                if len(parts) > 1:
                    text = f"np.concatenate(({', '.join(p[1] for p in parts)}))"
                return f"{text}.T" if True in turned else text
        word = f"grad_{self.words[name]}"
        self.body.append(f"{word} = np.zeros({shape}, dtype)")
        for (a, b), text, transposed in parts:
            target = f"{word}.T[{a}:{b}]" if transposed else f"{word}[{a}:{b}]"
            if not shape:
                target = word
            self.body.append(f"{target} += {text}")
        return word

    def load_inputs_back(self) -> None:
        self.returned = self.input_weights()

    def input_weights(self) -> list[tuple[tuple[int, int], str, list[Input]]]:
        """For gradients of inputs: runs of tape rows and the weights that take them to inputs."""
        readers = [
            p for p in self.back.products if any(isinstance(o, Input) for _, _, o in p.terms)
        ]
        inputs = [k for k in self.forward.columns if isinstance(k, Input)]
        multiplied = [k for k in inputs if any(k is o for p in readers for _, _, o in p.terms)]
        if not multiplied:
            return []
        start = self.forward.columns[multiplied[0]][0]
        width = sum(k.size for k in multiplied)
        rows = {p: _span((self.back.places[p].row, p.size)) for p in readers}
        found = []
        for number, run in enumerate(_runs(list(rows.values())), 1):
            name = f"input_weights_{number}"
            self.setup.append(f"{name} = np.zeros(({run[1] - run[0]}, {width}), dtype)")
            loads = []
            for product, span in rows.items():
                if not _inside(span, run):
                    continue
                for key in multiplied:
                    if not any(o is key for _, _, o in product.terms):
                        continue
                    column = self.forward.columns[key]
                    source = self.source_of(product, column)
                    assert source is not None
                    weights, top, left = source
                    at = column[0] - start
                    loads.append(
                        (at, column[1], left, weights, span[0] - run[0], top, product.size)
                    )
            joined: list[tuple[int, int, int, str, int, int, int]] = []
            for load in sorted(loads):
                a = joined[-1] if joined else None
                if a and a[:4] == load[:4] and a[4] + a[6] == load[4] and a[5] + a[6] == load[5]:
                    joined[-1] = (*a[:6], a[6] + load[6])
                else:
                    joined.append(load)
            for at, columns, left, weights, row, top, size in joined:
                self.put(
                    f"{name}[{row}:{row + size}, {at}:{at + columns}]",
                    self.ready(f"{weights}_in[{top}:{top + size}, {left}:{left + columns}]"),
                )
            found.append((run, name, multiplied))
        return found

    def assemble_inputs(self, returned: list[tuple[tuple[int, int], str, list[Input]]]) -> None:
        inputs = [k for k in self.forward.columns if isinstance(k, Input)]
        for key in inputs:
            parts = []
            if returned and key in returned[0][2]:
                at = self.forward.columns[key][0] - self.forward.columns[returned[0][2][0]][0]
                columns = "" if returned[0][2] == [key] else f", {at}:{at + key.size}"
                for number in range(1, len(returned) + 1):
                    parts.append(f"back_{number}[: tau * batch{columns}]")
            if key in self.back.places:
                row = self.back.places[key].row
                rows = f"tape.steps[:-1, {row}:{row + key.size}]"
                parts.append(
                    f"{rows}"
                    if self.single
                    else f"{rows}.transpose(0, 2, 1).reshape(-1, {key.size})"
                )
            if not parts:
                continue
            text = " + ".join(parts)
            if len(parts) > 1:
                text = f"({text})"
            elif not parts[0].startswith("back"):
                text = f"{text}.copy()"
            shape = self.shapes[key.name]
            own = [str(n) for n in shape]
            if key.name in self.batched:
                text = f"{text}.reshape({', '.join(['tau', 'batch', *own])})"
            else:
                text = f"{text}.reshape({', '.join(['tau', 'batch', *own])}).sum(axis=1)"
                if self.single:
                    text = f"{text.removesuffix('.sum(axis=1)')}[:, 0]"
            self.gradients[key.name] = text

    def assemble_initial(self) -> None:
        """Gradients of what states start from: what row 0 gives back."""
        given = {n: s for n, s in self.scan.initial.items() if isinstance(s, str)}
        if not given:
            return
        if any(n in self.back.dots for n in given):
            step = self.back.steps[0]
            texts = []
            for view in step.views:
                texts.append(self.fixed(view) if view.shift is None else self.first(view))
            self.body.append(step.text.format(*texts))
        for name, start in given.items():
            parts = []
            if name in self.back.dots:
                view = self.back.dots[name]
                parts.append(self.fixed(view) if view.shift is None else self.first(view))
            if name in self.back.carries:
                place = self.back.carries[name]
                size = self.scan.values[name].size
                parts.append(self.first(View("tape", place.row, place.row + size, 0, FLAT)))
            if name in self.back.sources:
                place = self.back.sources[name]
                size = self.scan.values[name].size
                parts.append(self.first(View("tape", place.row, place.row + size, 0, FLAT)))
            shape = self.shapes[name]
            if not parts:
                parts = [
                    f"np.zeros({self.scan.values[name].size}{'' if self.single else ' * batch'})"
                ]
            text = " + ".join(parts) if len(parts) > 1 else f"{parts[0]}.copy()"
            text = f"({text})" if len(parts) > 1 else text
            own = ", ".join(str(n) for n in shape)
            if self.single:
                lead = "1, " if start in self.batched else ""
                text = f"{text}.reshape({lead}{own})" if lead + own else f"{text}[0]"
            else:
                text = f"{text}.reshape({rank(shape)}, batch)"
                if start in self.batched:
                    text = f"{text}.T" if shape else f"{text}[0]"
                else:
                    text = f"{text}.sum(axis=1)" if shape else f"{text}.sum()"
            if start in self.found or start in self.gradients:
                raise UnsuitedError("a gradient of two kinds")
            self.gradients[start] = text

    def first(self, view: View) -> str:
        """A view of the first row, made beforehand."""
        if self.single and view.form == MATRIX:
            view = replace(view, form=FLAT)
        name = f"{view.memory}_first_{view.start}_{view.stop}_{view.form}"
        line = f"{name} = {self.listed(view)}[{view.shift}]"
        if line not in self.setup:
            self.setup.append(line)
        return name


@dataclass(frozen=True, slots=True)
class _Load:
    """Rows top..bottom and columns left..right of weights: a parameter times a number."""

    top: int
    bottom: int
    left: int
    right: int
    scale: float
    source: Matrix | Bias


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows of a parameter whose gradient is a sum over time, times a number; is_vector: added up for
    the column of ones."""

    name: str
    target: Span
    scale: float
    transposed: bool
    is_vector: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a piece lies: rows and columns of the sum with that number."""

    number: int
    rows: Span
    columns: Span
    piece: _Piece


_OWN = (
    "tau", "batch", "columns", "tape", "stack", "scratch", "head", "length", "maps", "loss",
    "targets", "block", "forward", "backward", "reduction", "run", "make", "dtype", "sums",
    "returned", "found", "unsigned", "largest", "load", "begin", "scan", "losses", "back", "given",
    "by_parameters", "by_inputs", "by_start", "states", "start", "stop", *vars(runtime),
)  # fmt: skip
_DOCS = {
    "load": "Put the parameters in place; whether they are finite.",
    "begin": "Put inputs, initial values and targets in place; whether they are finite, and classes.",
    "scan": "The forward values, one step after the other.",
    "losses": "The loss, its gradients by the states, and the slopes of every step.",
    "back": "The gradients, one step before the other.",
    "by_parameters": "Gradients of the parameters, from sums over time.",
    "by_inputs": "Gradients of the inputs.",
    "by_start": "Gradients of the initial values.",
    "states": "Where states lie: memory, first row and the row behind the last.",
    "given": "The arrays of this run, as they were given.",
}
_LETTERS = {"columns": "z", "tape": "a"}


def _merged(loads: Sequence[_Load]) -> list[_Load]:
    """Loads of adjoining rows from adjoining rows as one."""
    found: list[_Load] = []
    for load in sorted(loads, key=lambda x: (x.left, x.right, x.top)):
        last = found[-1] if found else None
        if (
            last is not None
            and (last.left, last.right, last.scale) == (load.left, load.right, load.scale)
            and last.bottom == load.top
            and last.source.name == load.source.name
            and last.source.name
            and type(last.source) is type(load.source)
            and last.source.rows[1] == load.source.rows[0]
            and getattr(last.source, "transposed", None) == getattr(load.source, "transposed", None)
        ):
            rows = (last.source.rows[0], load.source.rows[1])
            source = replace(last.source, rows=rows)
            found[-1] = replace(last, bottom=load.bottom, source=source)
        else:
            found.append(load)
    return sorted(found, key=lambda x: (x.top, x.left))


def _as_matrices(step: Step, steps: Sequence[Step]) -> Step:
    """A call on one run of memory, with the view of it that another call has anyway."""
    first = replace(step.views[0], form=MATRIX)
    if any(replace(v, form=MATRIX) != first or v.form == STACK for v in step.views):
        return step
    if not any(first in other.views for other in steps):
        return step
    return replace(step, views=(first,) * len(step.views))


def _times(scale: float, text: str) -> str:
    return text if scale == 1 else f"{scale!r} * {text}"


def _range(shift: int, backward: bool) -> str:
    """The part of a list of views, one a row, that a loop over steps takes."""
    if not backward:
        return f"{shift}:tau + {shift}" if shift else ":tau"
    return "tau - 1::-1" if shift == -1 else "tau:0:-1"


def _slice(span: tuple[int, int]) -> str:
    return f"slice({span[0]}, {span[1]})"


def _span(entry: tuple[int, int]) -> tuple[int, int]:
    return entry[0], entry[0] + entry[1]


def _inside(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _runs(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that adjoin as one."""
    found: list[tuple[int, int]] = []
    for a, b in sorted(set(spans)):
        if found and a <= found[-1][1]:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        else:
            found.append((a, b))
    return found


def _flat_memory(name: str) -> str:
    """The name of memory in one piece, for that of a view."""
    return "head.weights" if name == "head_in" else name


def _bare(name: str) -> str:
    return name.partition("[")[0]
