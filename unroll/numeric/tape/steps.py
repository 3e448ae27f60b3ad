"""The forward step: where its blocks lie, and the calls that compute them.

`columns` holds for each step what products read, one below the other: states of the step before, a
one for what is added, inputs, and what the step itself computes for a later product of its own. Row
r is step r + 1, so that a state computed at a step goes into the row after. What else a step keeps
lies on tapes, in runs that one call can work on. Blocks that nothing needs once the step is done lie
at the end of a row and run over into the next one, which is not yet written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from itertools import product as combinations

from unroll.numeric.tape.arranging import Wish, arrange
from unroll.numeric.tape.blocks import (
    Apply,
    Block,
    Input,
    Product,
    Read,
    Static,
    Sum,
    Times,
    UnsuitedError,
    in_order,
    operands,
)
from unroll.numeric.tape.scan import Scan
from unroll.symbolic.operations import OPERATIONS

MATRIX, FLAT, STACK = "matrix", "flat", "stack"
COLUMNS = "columns"
ONE = "1"  # the row of ones in `columns`: no name of a state
KINDS: tuple[type[Block], ...] = (Product, Apply, Times, Sum)  # the order in which they are done


@dataclass(frozen=True, slots=True)
class View:
    """Rows of some memory at a step, as an operand.

    shift: rows of steps ahead; None for memory that is not on a step. form: MATRIX (rows, batch),
    FLAT, or STACK: so many blocks, each flat, below one another.
    """

    memory: str
    start: int
    stop: int
    shift: int | None
    form: str
    blocks: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a step. text: its source, `{0}`, `{1}` for the views."""

    text: str
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block lies: in the rows of a memory from `row` on, so many steps ahead (None: in memory
    that is not on a step)."""

    memory: str
    row: int
    shift: int | None


@dataclass(frozen=True, slots=True)
class Weights:
    """Matrices of products, one below the other, for a run of columns.

    outputs: products with their first row; start, stop: the columns.
    """

    name: str
    outputs: tuple[tuple[Product, int], ...]
    rows: int
    start: int
    stop: int


@dataclass(slots=True)
class Forward:
    """The forward step, ready to be written.

    columns: first row and length of each thing in `columns`; places: of every block that has one;
    tapes: rows of a step on each tape; scratch: rows of memory for one step; over: rows by which the
    last step runs over; kept: blocks that the adjoint may read; hoisted: products without a state,
    computed for all steps at once; constants: arrays by name; statics: parameters needed entry by
    entry.
    """

    columns: dict[object, tuple[int, int]] = field(default_factory=dict)
    places: dict[Block, Place] = field(default_factory=dict)
    tapes: dict[str, int] = field(default_factory=dict)
    scratch: dict[str, int] = field(default_factory=dict)
    over: dict[str, int] = field(default_factory=dict)
    kept: set[Block] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    weights: list[Weights] = field(default_factory=list)
    hoisted: list[Weights] = field(default_factory=list)
    constants: dict[str, tuple[float, ...] | tuple[tuple[float, ...], ...] | float] = field(
        default_factory=dict
    )
    statics: dict[Static, str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Rows of a step in `columns`."""
        return max((a + n for a, n in self.columns.values()), default=0)

    def constant(self, value: float | tuple[float, ...] | tuple[tuple[float, ...], ...]) -> str:
        """The name of an array with these numbers."""
        for name, known in self.constants.items():
            if known == value and type(known) is type(value):
                return name
        kind = "mix" if isinstance(value, tuple) else "number"
        name = f"{kind}_{len(self.constants) + 1}"
        self.constants[name] = value
        return name


def plan_forward(
    scan: Scan, needed: frozenset[Block], lead: int, room: int, batched: bool
) -> Forward:
    """The calls of a step.

    needed: blocks whose values the adjoint reads; lead: rows of the first tape to be left free at
    its start; room: rows that it has in any case. Raises UnsuitedError.
    """
    planner = _Planner(scan, needed, lead, room, batched)
    planner.run()
    return planner.found


@dataclass(slots=True)
class _Planner:
    scan: Scan
    needed: frozenset[Block]
    lead: int
    room: int
    batched: bool
    found: Forward = field(default_factory=Forward)
    order: list[Block] = field(default_factory=list)
    users: dict[Block, list[Block]] = field(default_factory=dict)
    hosts: dict[Block, Block] = field(default_factory=dict)

    def run(self) -> None:
        values = self.scan.values
        self.order = in_order(list(values.values()))
        for block in self.order:
            for operand in dict.fromkeys(operands(block)):
                self.users.setdefault(operand, []).append(block)
        self.lay_columns()
        self.share_places()
        groups = self.groups()
        self.lay_tapes(groups)
        for group in groups:
            self.emit(group)

    # --- columns ------------------------------------------------------------------

    def lay_columns(self) -> None:
        """States that products read, one, inputs, then what the step makes for its own products."""
        reads = dict.fromkeys(o for b in self.order if isinstance(b, Product) for o in operands(b))
        entries: list[tuple[object, int]] = [(b.name, b.size) for b in reads if isinstance(b, Read)]
        entries.append((ONE, 1))
        entries += [(b, b.size) for b in reads if isinstance(b, Input)]
        entries += [(b, b.size) for b in self.order if isinstance(b, Input) and b not in reads]
        entries += [(b, b.size) for b in reads if not isinstance(b, (Read, Input))]
        row = 0
        for key, size in entries:
            self.found.columns[key] = (row, size)
            row += size
        for block in self.order:
            if isinstance(block, Read) and self.scan.values[block.name] in self.found.columns:
                raise UnsuitedError("a state that a product of its own step reads")
            if isinstance(block, Read) and block.name in self.found.columns:
                start, _ = self.found.columns[block.name]
                self.found.places[block] = Place(COLUMNS, start, 0)
                self.found.places[self.scan.values[block.name]] = Place(COLUMNS, start, 1)
            elif block in self.found.columns:
                start, _ = self.found.columns[block]
                self.found.places[block] = Place(COLUMNS, start, 0)
            elif isinstance(block, Static):
                self.found.statics[block] = f"static_{len(self.found.statics) + 1}"

    def share_places(self) -> None:
        """A function takes the place of what only it reads."""
        values = set(self.scan.values.values())
        for block in self.order:
            if not isinstance(block, Apply) or len(operands(block)) != 1:
                continue
            (inner,) = operands(block)
            alone = self.users[inner] == [block] and inner not in values
            unread = inner not in self.needed and inner not in self.found.columns
            computed = isinstance(inner, (Product, Sum)) and "{out}" in _source(block)
            if alone and unread and computed:
                self.hosts[inner] = block

    def host(self, block: Block) -> Block:
        """The block in whose place it lies."""
        return self.hosts.get(block, block)

    # --- groups -------------------------------------------------------------------

    def groups(self) -> list[list[Block]]:
        """Blocks in groups of one kind, each ready once those before are done."""
        done: set[Block] = {b for b in self.order if isinstance(b, (Read, Input, Static))}
        left = [b for b in self.order if b not in done]
        hoisted = [b for b in left if self.is_hoisted(b)]
        found: list[list[Block]] = []
        if hoisted:
            found.append(hoisted)
            done |= set(hoisted)
        while left := [b for b in left if b not in done]:
            ready = [b for b in left if done.issuperset(operands(b))]
            kind = next(k for k in KINDS if any(isinstance(b, k) for b in ready))
            group = [b for b in ready if isinstance(b, kind)]
            if kind is Apply:
                group = [b for b in group if _signature(b) == _signature(group[0])]
            found.append(group)
            done |= set(group)
        return found

    # --- tapes --------------------------------------------------------------------

    def lay_tapes(self, groups: Sequence[Sequence[Block]]) -> None:
        items = self.items()
        wishes: list[Sequence[Wish]] = []
        for group in groups:
            hosts = [self.host(b) for b in group]
            own = tuple(h for h in hosts if h in items)
            if isinstance(group[0], Times) and len(group) > 1:
                wishes.append(self.orientations(group))
            elif isinstance(group[0], Sum):
                for block in group:
                    assert isinstance(block, Sum)
                    run = tuple(self.host(o) for o in operands(block))
                    if run and not self.is_plain(block) and all(o in items for o in run):
                        wishes.append([Wish((run,))])
            elif len(own) > 1:
                wishes.append([Wish((own,))])
        values = set(self.scan.values.values())
        hoisted = {self.host(b) for b in self.order if self.is_hoisted(b)}
        last = frozenset(
            b
            for b in items
            if b not in self.kept() and b not in values and b not in hoisted and not self.is_read(b)
        )
        rows, _ = arrange(items, wishes, last)
        rows.sort(key=lambda row: -sum(b.size for b in row))
        for number, row in enumerate(rows or [[]], 1):
            tape = "tape" if number == 1 else f"tape_{number}"
            lead = at = self.lead if number == 1 else 0
            for block in row:
                self.found.places[block] = Place(tape, at, 0)
                at += block.size
            size, over = at, 0
            for block in reversed(row):  # may run over into what the next step writes first
                if block not in last:
                    break
                if over + block.size > lead + self.free_rows(row):
                    break
                size -= block.size
                over += block.size
            if not size and number > 1:  # nothing is left once a step is done
                self.found.scratch[f"scratch_{number}"] = over
                for block in row:
                    place = self.found.places[block]
                    self.found.places[block] = Place(f"scratch_{number}", place.row, None)
                continue
            if number > 1 and self.fits(rows[0], size, over):
                self.move(row, size, over)
                continue
            self.found.tapes[tape] = size
            self.found.over[tape] = over
        for block in self.order:
            if isinstance(block, Read):
                place = self.found.places[block]
                self.found.places[self.scan.values[block.name]] = replace(place, shift=1)
        for inner, outer in self.hosts.items():
            self.found.places[inner] = self.found.places[outer]
        self.found.kept = self.kept()

    def fits(self, first: Sequence[Block], size: int, over: int) -> bool:
        """Whether a row finds room on the first tape, behind what lies there."""
        end = self.found.tapes["tape"] + self.found.over["tape"]
        return end + size <= self.room and over <= self.lead + self.free_rows(first)

    def move(self, row: Sequence[Block], size: int, over: int) -> None:
        """Put a row of blocks there: nothing but the room for gradients is taken by it."""
        start = self.found.tapes["tape"] + self.found.over["tape"]
        for block in row:
            self.found.places[block] = Place("tape", start + self.found.places[block].row, 0)
        self.found.tapes["tape"], self.found.over["tape"] = start + size, over

    def free_rows(self, row: Sequence[Block]) -> int:
        """Rows at the start of a tape that are written only after the step before is done."""
        count = 0
        for block in row:
            before = {b for b, host in self.hosts.items() if host is block} | {block}
            if self.is_read(block) or any(self.is_hoisted(b) for b in before):
                break
            count += block.size
        return count

    def is_read(self, block: Block) -> bool:
        return isinstance(block, Read)

    def is_hoisted(self, block: Block) -> bool:
        return isinstance(block, Product) and all(isinstance(o, Input) for o in operands(block))

    def items(self) -> list[Block]:
        """Blocks that lie on tapes; a state that no product reads lies where the step finds it."""
        found: list[Block] = []
        at_home = {self.scan.values[b.name] for b in self.order if isinstance(b, Read)}
        for block in self.order:
            if block in self.found.places or block in self.hosts or isinstance(block, Static):
                continue
            if isinstance(block, Input) or block in at_home:
                continue
            found.append(block)
        return found

    def kept(self) -> set[Block]:
        values = set(self.scan.values.values())
        return {b for b in self.order if b in self.needed or b in values}

    def orientations(self, group: Sequence[Block]) -> list[Wish]:
        """The ways to have the pairs of a group side by side, the longest groups first."""
        pairs = [(self.host(b.left), self.host(b.right)) for b in group if isinstance(b, Times)]
        outs = tuple(group)
        found = []
        for swaps in combinations((False, True), repeat=len(pairs) - 1):
            sides = [(b, a) if swap else (a, b) for swap, (a, b) in zip((False, *swaps), pairs)]
            left, right = (tuple(s[i] for s in sides) for i in (0, 1))
            if len(set(left)) == len(left) and len(set(right)) == len(right):
                found.append(Wish((left, right, outs), aligned=True))
        return found

    def is_plain(self, block: Sum) -> bool:
        """Whether one addition or subtraction does it."""
        return (
            len(block.terms) == 2
            and not block.constant
            and all(abs(c) == 1 for c, _ in block.terms)
            and any(c == 1 for c, _ in block.terms)
        )

    # --- calls --------------------------------------------------------------------

    def emit(self, group: Sequence[Block]) -> None:
        if isinstance(group[0], Product):
            for run in self.runs(group, lambda b: (b,)):
                self.emit_products(run)
        elif isinstance(group[0], Apply):
            for run in self.runs(group, lambda b: (b, *operands(b))):
                self.emit_function(run)
        elif isinstance(group[0], Times):
            for triples in self.pair_runs(group):
                self.emit_times(triples)
        else:
            for block in group:
                self.emit_sum(block)

    def runs(
        self, group: Sequence[Block], roles: Callable[[Block], tuple[Block, ...]]
    ) -> list[list[Block]]:
        """Blocks of a group in runs in which all that a call reads and writes lies side by side."""
        ordered = sorted(group, key=lambda b: _key(self.found.places[b]))
        found: list[list[Block]] = []
        for block in ordered:
            if found and all(self.adjoin(a, b) for a, b in zip(roles(found[-1][-1]), roles(block))):
                found[-1].append(block)
            else:
                found.append([block])
        return found

    def adjoin(self, first: Block, second: Block) -> bool:
        """Whether the second lies right behind the first."""
        a, b = self.found.places.get(first), self.found.places.get(second)
        if a is None or b is None:
            return False
        return a.memory == b.memory and a.shift == b.shift and a.row + first.size == b.row

    def pair_runs(self, group: Sequence[Block]) -> list[list[tuple[Block, Block, Block]]]:
        """Entrywise products in runs, as (one factor, the other, product), turned to follow on."""
        found: list[list[tuple[Block, Block, Block]]] = []
        ordered = sorted(group, key=lambda b: _key(self.found.places[b]))
        for block, after in zip(ordered, (*ordered[1:], None)):
            assert isinstance(block, Times)
            ways = [(block.left, block.right, block), (block.right, block.left, block)]
            ends = found[-1][-1] if found else None
            on = [w for w in ways if ends and self.all_adjoin(ends, w)]
            if on:
                found[-1].append(on[0])
                continue
            if isinstance(after, Times) and block is ordered[0]:
                next_ = [(after.left, after.right, after), (after.right, after.left, after)]
                ways.sort(key=lambda w: not any(self.all_adjoin(w[:2], n[:2]) for n in next_))
            found.append([ways[0]])
        return found

    def all_adjoin(self, first: Sequence[Block], second: Sequence[Block]) -> bool:
        return all(self.adjoin(a, b) for a, b in zip(first, second))

    def view(self, block: Block, size: int | None = None, form: str = FLAT) -> View:
        if isinstance(block, Static):
            return View(self.found.statics[block], 0, block.size, None, form)
        place = self.found.places[block]
        size = block.size if size is None else size
        return View(place.memory, place.row, place.row + size, place.shift, form)

    def add(self, text: str, *views: View) -> None:
        self.found.steps.append(Step(text, views))

    def emit_products(self, run: Sequence[Block]) -> None:
        products = [b for b in run if isinstance(b, Product)]
        spans = [self.found.columns[_column(o)] for b in products for o in operands(b)]
        if any(b.biases for b in products):
            spans.append(self.found.columns[ONE])
        start, stop = min(a for a, _ in spans), max(a + n for a, n in spans)
        at, outputs = 0, []
        for block in products:
            outputs.append((block, at))
            at += block.size
        hoisted = self.is_hoisted(products[0])
        kept = self.found.hoisted if hoisted else self.found.weights
        name = f"{'inputs' if hoisted else 'weights'}_{len(kept) + 1}"
        kept.append(Weights(name, tuple(outputs), at, start, stop))
        if hoisted:
            return
        operand = View(COLUMNS, start, stop, 0, MATRIX)
        out = self.view(products[0], at, MATRIX)
        if self.batched:
            self.add(f"{name}.dot({{0}}, {{1}})", operand, out)
        else:
            self.add(f"{{0}}.dot({name}, {{1}})", operand, out)

    def emit_function(self, run: Sequence[Block]) -> None:
        first = run[0]
        assert isinstance(first, Apply)
        size = sum(b.size for b in run)
        source, views = _source(first), list[View]()
        for i, operand in enumerate(first.operands):
            if isinstance(operand, Block):
                source = source.replace(f"{{{i}}}", f"<{len(views)}>")
                views.append(self.view(operand, size))
            else:
                source = source.replace(f"{{{i}}}", self.found.constant(operand))
        out = f"<{len(views)}>"
        views.append(self.view(first, size))
        text = source.replace("{out}", f", {out}") if "{out}" in source else f"{out}[:] = {source}"
        text = re.sub(r"<(\d)>", r"{\1}", re.sub(r"^np\.(\w+)\(", r"\1(", text))
        self.add(text, *views)

    def emit_times(self, run: Sequence[tuple[Block, Block, Block]]) -> None:
        size = sum(out.size for _, _, out in run)
        views = [self.view(b, size) for b in run[0]]
        self.add("multiply({0}, {1}, {2})", *views)

    def emit_sum(self, block: Block) -> None:
        assert isinstance(block, Sum)
        run = sorted(
            (o for _, o in block.terms if o in self.found.places),
            key=lambda b: _key(self.found.places[b]),
        )
        side = len(run) == len(block.terms) and all(self.adjoin(a, b) for a, b in pairwise(run))
        if side and run and not block.constant and not self.is_plain(block):
            weights = {o: c for c, o in block.terms}
            mix = self.found.constant(tuple(weights[o] for o in run))
            first = self.found.places[run[0]]
            stop = first.row + len(run) * block.size
            stack = View(first.memory, first.row, stop, first.shift, STACK, len(run))
            self.add(f"{mix}.dot({{0}}, {{1}})", stack, self.view(block))
            return
        for text, views in chain(self.found, block.terms, block.constant, block):
            self.add(text, *(self.view(v) if isinstance(v, Block) else v for v in views))


def chain(
    plan: Forward,
    terms: Sequence[tuple[float, Block | View]],
    constant: float,
    out: Block | View,
) -> list[tuple[str, tuple[Block | View, ...]]]:
    """A sum by one call a term: for what does not lie side by side."""
    found: list[tuple[str, tuple[Block | View, ...]]] = []
    plus = [b for c, b in terms if c == 1]
    minus = [b for c, b in terms if c == -1]
    scaled = [(c, b) for c, b in terms if abs(c) != 1]
    if not terms:
        return [(f"copyto({{0}}, {plan.constant(constant)})", (out,))]
    if len(plus) > 1:
        found.append(("add({0}, {1}, {2})", (plus[0], plus[1], out)))
        plus = plus[2:]
    elif plus and minus:
        found.append(("subtract({0}, {1}, {2})", (plus[0], minus[0], out)))
        plus, minus = plus[1:], minus[1:]
    elif scaled:
        c, block = scaled.pop(0)
        found.append((f"multiply({{0}}, {plan.constant(c)}, {{1}})", (block, out)))
    elif plus and constant:
        found.append((f"add({{0}}, {plan.constant(constant)}, {{1}})", (plus.pop(0), out)))
        constant = 0.0
    elif minus and constant:
        name = plan.constant(constant)
        found.append((f"subtract({name}, {{0}}, {{1}})", (minus.pop(0), out)))
        constant = 0.0
    elif plus:
        found.append(("copyto({1}, {0})", (plus.pop(0), out)))
    else:
        found.append(("negative({0}, {1})", (minus.pop(0), out)))
    found += [("add({1}, {0}, {1})", (b, out)) for b in plus]
    found += [("subtract({1}, {0}, {1})", (b, out)) for b in minus]
    size = out.size if isinstance(out, Block) else out.stop - out.start
    for c, block in scaled:
        scratch = View("scratch", 0, size, None, FLAT)
        found.append((f"multiply({{0}}, {plan.constant(c)}, {{1}})", (block, scratch)))
        found.append(("add({1}, {0}, {1})", (scratch, out)))
    if constant:
        found.append((f"add({{0}}, {plan.constant(constant)}, {{0}})", (out,)))
    return found


def _column(block: Block) -> object:
    return block.name if isinstance(block, Read) else block


def _key(place: Place) -> tuple[str, int, int]:
    return place.memory, place.shift or 0, place.row


def _signature(block: Block) -> tuple[object, ...]:
    """What has to be the same for two functions to be one call."""
    assert isinstance(block, Apply)
    return (
        block.operation,
        *(None if isinstance(o, Block) else o for o in block.operands),
    )


def _source(block: Apply) -> str:
    source = OPERATIONS[block.operation].cases[0].numpy
    assert isinstance(source, str)
    return source
