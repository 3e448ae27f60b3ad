"""Coefficients of the backward step: computed for all steps at once, over the forward values.

A coefficient may lie where a forward value lies that no other one needs any more. So they come in an
order in which each finds what it reads; where there is none, one waits in a buffer of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from unroll.numeric.tape.blocks import (
    Apply,
    Block,
    Input,
    Read,
    Static,
    Sum,
    Times,
    in_order,
    operands,
)
from unroll.numeric.tape.steps import FLAT, Forward, Place, Step, View, chain
from unroll.symbolic.operations import OPERATIONS

BUFFER = "buffer"
Output = tuple[Block | None, Place, int]


@dataclass(slots=True)
class Coefficients:
    """Calls of the map, and how many buffers of which size they need."""

    steps: list[Step] = field(default_factory=list)
    buffers: list[int] = field(default_factory=list)


def needed(outputs: Sequence[Block | None], forward: Sequence[Block]) -> frozenset[Block]:
    """Forward blocks whose values coefficients read: sums and products are computed again."""
    own = set(forward)
    found: set[Block] = set()
    stack = [o for o in outputs if o is not None]
    while stack:
        block = stack.pop()
        if block in own and not isinstance(block, (Sum, Times)):
            found.add(block)
        else:
            stack.extend(operands(block))
    return frozenset(found)


def plan_coefficients(outputs: Sequence[Output], forward: Forward) -> Coefficients:
    """The calls that put each coefficient where it shall lie; None: ones."""
    return _Planner(forward).run(list(outputs))


@dataclass(slots=True)
class _Planner:
    forward: Forward
    found: Coefficients = field(default_factory=Coefficients)
    ready: dict[Block, View] = field(default_factory=dict)
    uses: dict[Block, int] = field(default_factory=dict)
    free: list[tuple[int, int]] = field(default_factory=list)

    def run(self, outputs: list[Output]) -> Coefficients:
        for block in in_order([b for b, _, _ in outputs if b is not None]):
            if not self.is_there(block):
                for operand in operands(block):
                    self.uses[operand] = self.uses.get(operand, 0) + 1
        for result, _, _ in outputs:
            if result is not None:
                self.uses[result] = self.uses.get(result, 0) + 1
        waiting: list[tuple[View, View]] = []
        while outputs:
            output = min(outputs, key=lambda o: self.price(o, outputs))
            outputs.remove(output)
            result, place, size = output
            for other in [o for o in outputs if o[0] and self.reads(o[0], place, size)]:
                whole = other[0]
                assert whole is not None
                for part in self.saved(whole, place, size):
                    buffer = self.take(part.size)
                    self.compute(part, buffer)
                    if part is whole:
                        waiting.append((_view(other), buffer))
                        outputs.remove(other)
            if result is None:
                self.add(f"copyto({{0}}, {self.forward.constant(1.0)})", _view(output))
            else:
                self.compute(result, _view(output))
        for target, buffer in waiting:
            self.add("copyto({1}, {0})", buffer, target)
        return self.found

    def price(self, output: Output, outputs: Sequence[Output]) -> int:
        """How many copies it takes before an output can be put in its place."""
        _, place, size = output
        others = [b for b, *_ in outputs if b is not None and b is not output[0]]
        return sum(
            part is other or self.is_there(part)
            for other in others
            if self.reads(other, place, size)
            for part in self.saved(other, place, size)
        )

    def saved(self, block: Block, place: Place, size: int) -> list[Block]:
        """The largest parts of a block that read nothing but what lies in some rows."""
        if block in self.ready or not self.reads(block, place, size):
            return []
        leaves = self.leaves(block)
        if all(self.reads(leaf, place, size) for leaf in leaves):
            return [block]
        found = [p for o in operands(block) for p in self.saved(o, place, size)]
        return list(dict.fromkeys(found))

    def is_there(self, block: Block) -> bool:
        """Whether its forward value can be read."""
        if isinstance(block, (Read, Input, Static)):
            return True
        return block in self.forward.kept and block in self.forward.places

    def leaves(self, block: Block) -> set[Block]:
        """Forward values still to be read for a block."""
        found: set[Block] = set()
        stack = [block]
        while stack:
            b = stack.pop()
            if b in self.ready:
                continue
            if self.is_there(b):
                found.add(b)
            else:
                stack.extend(operands(b))
        return found

    def reads(self, block: Block, place: Place, size: int) -> bool:
        """Whether a block is computed from what lies in some rows."""
        for leaf in self.leaves(block):
            own = self.forward.places.get(leaf)
            if own is None or own.memory != place.memory:  # whichever step: the map does all
                continue
            if own.row < place.row + size and place.row < own.row + leaf.size:
                return True
        return False

    # --- computing ----------------------------------------------------------------

    def take(self, size: int) -> View:
        for entry in self.free:
            if entry[1] == size:
                self.free.remove(entry)
                return View(f"{BUFFER}_{entry[0]}", 0, size, None, FLAT)
        self.found.buffers.append(size)
        return View(f"{BUFFER}_{len(self.found.buffers)}", 0, size, None, FLAT)

    def give_back(self, buffer: View) -> None:
        self.free.append((int(buffer.memory.rpartition("_")[2]), buffer.stop))

    def release(self, block: Block, target: View) -> None:
        """One use less of a block; its buffer is free after the last."""
        self.uses[block] -= 1
        view = self.ready.get(block)
        if self.uses[block] == 0 and view not in (None, target) and view.memory.startswith(BUFFER):
            self.give_back(view)

    def value(self, block: Block) -> View:
        if block in self.ready:
            return self.ready[block]
        if isinstance(block, Static):
            return View(f"{self.forward.statics[block]}_map", 0, block.size, None, FLAT)
        if self.is_there(block):
            place = self.forward.places[block]
            return View(place.memory, place.row, place.row + block.size, place.shift, FLAT)
        buffer = self.take(block.size)
        self.compute(block, buffer)
        return buffer

    def compute(self, block: Block, target: View) -> None:
        """Calls that put a block's value somewhere."""
        if block in self.ready or self.is_there(block):
            self.add("copyto({1}, {0})", self.value(block), target)
            self.ready[block] = target
            return
        inner = [o for o in operands(block) if not self.is_there(o) and o not in self.ready]
        whole = target.memory.startswith(BUFFER) or not self.reads(
            block, Place(target.memory, target.start, target.shift or 0), block.size
        )
        views: dict[Block, View] = {}
        for operand in sorted(dict.fromkeys(operands(block)), key=lambda b: b not in inner):
            alone = operand in inner and self.uses[operand] == 1 and whole
            if isinstance(block, Sum) and len(block.terms) > 1:
                alone = False
            if alone and target not in views.values():
                self.compute(operand, target)
                views[operand] = target
            else:
                views[operand] = self.value(operand)
        match block:
            case Sum():
                scratch: View | None = None
                calls = chain(self.forward, block.terms, block.constant, block)
                later = {a for _, args in calls[1:] for a in args if isinstance(a, Block)}
                out = target
                if any(_overlap(views[o], target) for o in later - {block}):
                    out = self.take(block.size)  # what is there is still to be read
                for text, args in calls:
                    found: list[View] = []
                    for argument in args:
                        if isinstance(argument, View):  # memory for one term
                            scratch = scratch or self.take(block.size)
                            found.append(scratch)
                        else:
                            found.append(out if argument is block else views[argument])
                    self.add(text, *found)
                if out is not target:
                    self.add("copyto({1}, {0})", out, target)
                    self.give_back(out)
                if scratch is not None:
                    self.give_back(scratch)
            case Times():
                self.add("multiply({0}, {1}, {2})", views[block.left], views[block.right], target)
            case Apply():
                self.apply(block, views, target)
        for operand in operands(block):
            if operand in self.uses and not self.is_there(operand):
                self.release(operand, target)
        self.ready[block] = target

    def apply(self, block: Apply, views: dict[Block, View], target: View) -> None:
        source = OPERATIONS[block.operation].cases[0].numpy
        assert isinstance(source, str)
        arguments: list[View] = []
        for i, operand in enumerate(block.operands):
            if isinstance(operand, Block):
                source = source.replace(f"{{{i}}}", f"<{len(arguments)}>")
                arguments.append(views[operand])
            else:
                source = source.replace(f"{{{i}}}", self.forward.constant(operand))
        out = f"<{len(arguments)}>"
        text = (
            source.replace("{out}", f", {out}") if "{out}" in source else f"{out}[...] = {source}"
        )
        text = re.sub(r"<(\d)>", r"{\1}", re.sub(r"^np\.(\w+)\(", r"\1(", text))
        self.add(text, *arguments, target)

    def add(self, text: str, *views: View) -> None:
        self.found.steps.append(Step(text, views))


def _view(output: Output) -> View:
    _, place, size = output
    return View(place.memory, place.row, place.row + size, 0, FLAT)


def _overlap(one: View, other: View) -> bool:
    """Whether two views may share memory, at whatever steps."""
    return one.memory == other.memory and one.start < other.stop and other.start < one.stop
