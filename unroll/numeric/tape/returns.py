"""The backward step: the calls that carry gradients from one step to the one before.

Gradients of step r + 1 lie in row r of the first tape, where its forward values lay: what losses
give the state of step r (`lead` rows), gradients of the products that read it, other gradients, what
states are given back entry by entry. One product over the first two is what the state gets through
products. Then sums: all that they add lies in one run behind it, so one small matrix of numbers
adds, scales and repeats; and one multiplication by the coefficients, which lie where the gradients of
step r shall be, in row r - 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from unroll.numeric.tape.backward import Backward, Basis, Carry, Dot, Node, Scaled, Source
from unroll.numeric.tape.blocks import Block, Input, Product, Read, UnsuitedError
from unroll.numeric.tape.scan import Scan
from unroll.numeric.tape.steps import FLAT, MATRIX, ONE, STACK, Forward, Place, Step, View


@dataclass(frozen=True, slots=True)
class Returned:
    """Weights of a product that gives gradients back.

    parts: for each thing that gets one, its first row; and the products with their first column.
    """

    name: str
    rows: tuple[tuple[str | Block, int], ...]
    columns: tuple[tuple[Product, int], ...]
    height: int
    width: int


@dataclass(slots=True)
class Return:
    """The backward step, ready to be written.

    places: rows of the first tape for every gradient; coefficients: what a map has to put where
    (None: ones) before the scan; width: rows of the first tape; scratch: rows of memory by name;
    weights: of the products, the first for the states; first: the rows that states' products give,
    in scratch or on the tape; sources: rows for what losses give directly.
    """

    places: dict[Block, Place] = field(default_factory=dict)
    coefficients: list[tuple[Block | None, Place, int]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    weights: list[Returned] = field(default_factory=list)
    scratch: dict[str, int] = field(default_factory=dict)
    sources: dict[str, Place] = field(default_factory=dict)
    carries: dict[str, Place] = field(default_factory=dict)
    dots: dict[str | Block, View] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)
    width: int = 0


def rows_needed(scan: Scan, backward: Backward, lead: int, sources: Sequence[str]) -> int:
    """Rows of the first tape that a backward step takes."""
    outputs = backward.outputs
    total = lead + sum(b.size for b in outputs)
    if not sources and not any(isinstance(b, Read) for b in outputs):
        return total
    total += sum(scan.values[name].size for name in (*sources, *scan.multiplied))
    terms = [*outputs.values(), *(t for node in backward.nodes for t in node)]
    inner = {t.basis.of for t in terms if isinstance(t.basis, Dot)}
    total += sum(b.size for b in inner if isinstance(b, Block))
    parts = [t.coefficient for node in backward.nodes for t in node]
    return total + sum(c.size for c in parts if c is not None)


def plan_return(
    scan: Scan,
    forward: Forward,
    backward: Backward,
    lead: int,
    sources: Sequence[str],
    batched: bool,
) -> Return:
    """The calls of a backward step. sources: values that losses give back to directly."""
    planner = _Planner(scan, forward, backward, lead, tuple(sources), batched)
    planner.run()
    return planner.found


@dataclass(slots=True)
class _Planner:
    scan: Scan
    forward: Forward
    backward: Backward
    lead: int
    sources: tuple[str, ...]
    batched: bool
    found: Return = field(default_factory=Return)
    rows: dict[Basis | tuple[int, int], View] = field(default_factory=dict)
    at: int = 0
    parts: dict[tuple[int, int], Place] = field(default_factory=dict)
    sums: dict[Basis, View] = field(default_factory=dict)

    def run(self) -> None:
        outputs = self.backward.outputs
        products = [b for b in outputs if isinstance(b, Product)]
        again = [b for b in products if any(isinstance(o, Read) for o in _operands(b))]
        inputs = {b: any(isinstance(o, Input) for o in _operands(b)) for b in products}
        order = {b: (p.memory, p.shift or 0, p.row) for b, p in self.forward.places.items()}
        again.sort(key=lambda b: (inputs[b], order[b]))
        others = sorted(
            (b for b in products if b not in again), key=lambda b: (not inputs[b], order[b])
        )
        rest = [b for b in outputs if not isinstance(b, (Product, Read))]
        carries = [b for b in outputs if isinstance(b, Read)]
        self.at = self.lead
        for block in (*again, *others, *rest, *carries):
            self.found.places[block] = Place("tape", self.at, -1)
            self.at += block.size
        self.found.products = [*again, *others]
        self.lay_stack(carries, bool(again) or bool(self.lead))
        self.emit_dot(again)
        self.emit_outputs([*again, *others, *rest, *carries])
        self.found.width = max(self.at, self.forward.tapes["tape"])

    # --- memory -------------------------------------------------------------------

    def lay_stack(self, carries: Sequence[Block], has_dot: bool) -> None:
        """Rows of what is added up: on the tape behind what is carried, if anything is."""
        on_tape = bool(carries or self.sources)
        for block in carries:
            assert isinstance(block, Read)
            row = self.found.places[block].row
            self.rows[Carry(block.name)] = View("tape", row, row + block.size, 0, FLAT)
            self.found.carries[block.name] = Place("tape", row, 0)
        memory, shift = ("tape", 0) if on_tape else ("stack", None)
        if not on_tape:
            self.at, kept = 0, self.at
        for name in self.sources:
            size = self.scan.values[name].size
            self.found.sources[name] = Place("tape", self.at, 0)
            self.rows[Source(name)] = self.next_row(memory, shift, size)
        for name in self.multiplied() if has_dot else ():
            self.rows[Dot(name)] = self.next_row(memory, shift, self.scan.values[name].size)
        for basis in self.bases():
            if isinstance(basis, Dot) and isinstance(basis.of, Block):
                self.rows[basis] = self.next_row(memory, shift, basis.of.size)
        for number, terms in enumerate(self.backward.nodes):
            for i, term in enumerate(terms):
                if term.coefficient is not None:
                    size = term.coefficient.size
                    self.rows[number, i] = self.next_row(memory, shift, size)
                    self.parts[number, i] = self.coefficient_home(size)
        if not on_tape:
            self.found.scratch["stack"] = self.at
            self.at = kept
        for key, view in self.rows.items():
            if isinstance(key, Dot):
                self.found.dots[key.of] = view

    def next_row(self, memory: str, shift: int | None, size: int) -> View:
        view = View(memory, self.at, self.at + size, shift, FLAT)
        self.at += size
        return view

    def multiplied(self) -> list[str]:
        """States that products read, in the order of `columns`."""
        return [key for key in self.forward.columns if isinstance(key, str) and key != ONE]

    def bases(self) -> list[Basis]:
        found: dict[Basis, None] = {}
        for terms in (*self.backward.nodes, tuple(self.backward.outputs.values())):
            for term in terms:
                found[term.basis] = None
        return list(found)

    def coefficient_home(self, size: int) -> Place:
        """A place on another tape for a coefficient: that of a value which only the map still reads."""
        taken = {(p.memory, p.row) for p in self.parts.values()}
        values = set(self.scan.values.values())
        for block, place in self.forward.places.items():
            if (
                place.memory.startswith("tape_")
                and place.shift == 0
                and block.size == size
                and block in self.forward.kept
                and block not in values
                and (place.memory, place.row) not in taken
            ):
                return Place(place.memory, place.row, -1)
        number = 2
        while f"tape_{number}" in self.forward.tapes:
            number += 1
        name = f"tape_{number}"
        self.forward.tapes[name] = size
        self.forward.over[name] = 0
        return Place(name, 0, -1)

    # --- calls --------------------------------------------------------------------

    def add(self, text: str, *views: View) -> None:
        self.found.steps.append(Step(text, views))

    def emit_dot(self, again: Sequence[Block]) -> None:
        names = self.multiplied()
        if not names or not (again or self.lead):
            return
        at, rows = 0, []
        for name in names:
            rows.append((name, at))
            at += self.scan.values[name].size
        columns = tuple((b, self.found.places[b].row) for b in again if isinstance(b, Product))
        stop = max((self.found.places[b].row + b.size for b in again), default=self.lead)
        self.found.weights.append(Returned("returns_1", tuple(rows), columns, at, stop))
        self.product("returns_1", View("tape", 0, stop, 0, MATRIX), self.rows[Dot(names[0])], at)

    def product(self, name: str, operand: View, first: View, height: int) -> None:
        out = View(first.memory, first.start, first.start + height, first.shift, MATRIX)
        if self.batched:
            self.add(f"{name}.dot({{0}}, {{1}})", operand, out)
        else:
            self.add(f"{{0}}.dot({name}, {{1}})", operand, out)

    def emit_outputs(self, pending: list[Block]) -> None:
        """Gradients, those first that products of the same step give further back."""
        outputs = self.backward.outputs
        known: set[Basis] = {b for b in self.rows if isinstance(b, (Carry, Source))}
        known |= {b for b in self.rows if isinstance(b, Dot) and isinstance(b.of, str)}
        done: set[tuple[int, int]] = set()
        while pending:
            self.emit_parts(known, done)
            ready = [b for b in pending if self.is_known(outputs[b], known, done)]
            mids = [b for b in self.rows if isinstance(b, Dot) and b not in known]
            needed = {p for m in mids for p in self.found.products if m.of in _operands(p)}
            first = [b for b in ready if b in needed] if mids else ready
            if not first:
                raise UnsuitedError("gradients in no order")
            self.emit_group(first)
            pending = [b for b in pending if b not in first]
            for mid in mids:
                users = [p for p in self.found.products if mid.of in _operands(p)]
                if not any(p in pending for p in users):
                    self.emit_mid(mid, users)
                    known.add(mid)

    def is_known(self, term: Scaled, known: set[Basis], done: set[tuple[int, int]]) -> bool:
        if not isinstance(term.basis, Node):
            return term.basis in known
        number = term.basis.number
        return all(
            (number, i) in done if t.coefficient is not None else self.is_known(t, known, done)
            for i, t in enumerate(self.backward.nodes[number])
        )

    def emit_parts(self, known: set[Basis], done: set[tuple[int, int]]) -> None:
        """Terms of sums that have a coefficient, as far as what they scale is known."""
        more = True
        while more:
            more = False
            for number, terms in enumerate(self.backward.nodes):
                for i, term in enumerate(terms):
                    key = (number, i)
                    if term.coefficient is None or key in done:
                        continue
                    plain = Scaled(1.0, None, term.basis)
                    if not self.is_known(plain, known, done):
                        continue
                    row = self.single(term.basis)
                    place = self.parts[key]
                    size = term.coefficient.size
                    slope = View(place.memory, place.row, place.row + size, -1, FLAT)
                    self.found.coefficients.append((term.coefficient, place, size))
                    self.add("multiply({0}, {1}, {2})", row, slope, self.rows[key])
                    done.add(key)
                    more = True

    def combo(self, basis: Basis) -> dict[View, float]:
        """A basis as rows times numbers."""
        if not isinstance(basis, Node):
            return {self.rows[basis]: 1.0}
        found: dict[View, float] = {}
        for i, term in enumerate(self.backward.nodes[basis.number]):
            if term.coefficient is not None:
                inner = {self.rows[basis.number, i]: 1.0}
            else:
                inner = self.combo(term.basis)
            for row, c in inner.items():
                found[row] = found.get(row, 0.0) + c * term.scale
        return found

    def single(self, basis: Basis) -> View:
        """The row that holds a basis; a sum is put into one of its own."""
        rows = self.combo(basis)
        if len(rows) == 1 and list(rows.values()) == [1.0]:
            return next(iter(rows))
        if basis in self.sums:
            return self.sums[basis]
        size = next(iter(rows)).stop - next(iter(rows)).start
        name = f"sum_{len(self.found.scratch) + 1}"
        self.found.scratch[name] = size
        out = View(name, 0, size, None, FLAT)
        self.mix([rows], out, size)
        self.sums[basis] = out
        return out

    def mix(self, combos: Sequence[Mapping[View, float]], out: View, size: int) -> None:
        """Rows times numbers, several sums at once."""
        used = {row for combo in combos for row in combo}
        if any(v.stop - v.start != size for v in used) or len({v.memory for v in used}) != 1:
            raise UnsuitedError("blocks of two sizes")
        start, stop = min(v.start for v in used), max(v.stop for v in used)
        first = next(iter(used))
        blocks, odd = divmod(stop - start, size)
        if odd:
            raise UnsuitedError("blocks of two sizes")
        numbers = tuple(
            tuple(
                sum(c for v, c in combo.items() if v.start == start + i * size)
                for i in range(blocks)
            )
            for combo in combos
        )
        stack = View(first.memory, start, stop, first.shift, STACK, blocks)
        if len(combos) == 1:
            self.add(f"{self.forward.constant(numbers[0])}.dot({{0}}, {{1}})", stack, out)
            return
        wide = View(out.memory, out.start, out.stop, out.shift, STACK, len(combos))
        self.add(f"{self.forward.constant(numbers)}.dot({{0}}, {{1}})", stack, wide)

    def emit_group(self, group: Sequence[Block]) -> None:
        """Gradients in a run: each a coefficient times a sum of rows."""
        runs: list[list[Block]] = []
        for block in sorted(group, key=lambda b: self.found.places[b].row):
            last = runs[-1][-1] if runs else None
            if last and self.found.places[last].row + last.size == self.found.places[block].row:
                runs[-1].append(block)
            else:
                runs.append([block])
        for run in runs:
            self.emit_run(run)

    def emit_run(self, run: Sequence[Block]) -> None:
        outputs = self.backward.outputs
        combos = []
        for block in run:
            term = outputs[block]
            combos.append({row: c * term.scale for row, c in self.combo(term.basis).items()})
            self.found.coefficients.append((term.coefficient, self.found.places[block], block.size))
        first, size = self.found.places[run[0]], sum(b.size for b in run)
        target = View("tape", first.row, first.row + size, -1, FLAT)
        direct = [next(iter(c)) for c in combos if len(c) == 1 and list(c.values()) == [1.0]]
        if len(direct) == len(run) and all(
            a.memory == b.memory and a.stop == b.start for a, b in pairwise(direct)
        ):
            source = View(direct[0].memory, direct[0].start, direct[-1].stop, direct[0].shift, FLAT)
        else:
            name = f"sum_{len(self.found.scratch) + 1}"
            self.found.scratch[name] = size
            source = View(name, 0, size, None, FLAT)
            self.mix(combos, source, run[0].size)
            if any(b.size != run[0].size for b in run):
                raise UnsuitedError("blocks of two sizes")
        self.add("multiply({0}, {1}, {1})", source, target)

    def emit_mid(self, mid: Dot, users: Sequence[Product]) -> None:
        assert isinstance(mid.of, Block)
        rows = sorted(((self.found.places[p].row, p) for p in users), key=lambda pair: pair[0])
        start, stop = rows[0][0], rows[-1][0] + rows[-1][1].size
        if stop - start != sum(p.size for p in users):
            raise UnsuitedError("gradients that do not lie side by side")
        name = f"returns_{len(self.found.weights) + 2}"
        columns = tuple((p, row - start) for row, p in rows)
        self.found.weights.append(
            Returned(name, ((mid.of, 0),), columns, mid.of.size, stop - start)
        )
        operand = View("tape", start, stop, -1, MATRIX)
        self.product(name, operand, self.rows[mid], mid.of.size)


def _operands(product: Block) -> tuple[Block, ...]:
    assert isinstance(product, Product)
    return tuple(b for _, _, b in product.terms)
