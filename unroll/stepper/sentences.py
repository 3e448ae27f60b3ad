"""Sentences: what an event does, in plain words, one row a phrase, one column a language.

`{t-1}` stands for the number of an index; a name is written as in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from unroll.language.printer import format_expression, format_range
from unroll.stepper.picture import Place
from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference, rebuild
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import Axis, Recurrence

LANGUAGES = ("en", "zh")
Both = tuple[str, str]  # a text in each language
_LONGEST = 44  # signs of a formula that a sentence can hold

PHRASES: Mapping[str, Both] = {
    # places
    "step": ("{name} at step {at}", "第 {at} 步的 {name}"),
    "node": ("{name} at node {at}", "节点 {at} 处的 {name}"),
    "layer": ("{name} in layer {at}", "第 {at} 层的 {name}"),
    "point": ("{name} at {at}", "{at} 处的 {name}"),
    "whose step": ("Step {at}", "第 {at} 步"),
    "whose node": ("Node {at}", "节点 {at} "),
    "whose layer": ("Layer {at}", "第 {at} 层"),
    "whose point": ("The point {at}", "{at} 处"),
    "all": ("{name} for all {letter}", "所有 {letter} 的 {name}"),
    "and": (" and ", "和"),
    "comma": (", ", "、"),
    "of": ("{noun} of {operands}", "{operands} 的{noun}"),
    "over": ("{noun} of {operands} over {range}", "{operands} 对 {range} 的{noun}"),
    "all steps": ("all {letter}", "所有 {letter}"),
    "children": ("the children {letter} of node {at}", "节点 {at} 的子节点 {letter}"),
    "times": ("{0} times {1}", "{0} 乘 {1}"),
    "result": ("what was just computed", "刚才的结果"),
    # forward
    "operation": ("On the way to {target}: {what}.", "为了得到 {target}，先算 {what}。"),
    "value": ("{target} is {what}.", "{target} 等于 {what}。"),
    "constant": ("{target} is set to {what}.", "{target} 取定值 {what}。"),
    "given": ("{target} is given.", "{target} 是给定的。"),
    "loss": ("{target}, the loss, is {what}.", "{target}（损失）等于 {what}。"),
    # backward
    "begin": (
        "The way back begins at {target}: its gradient is {value}.",
        "反向传播从 {target} 开始：它的梯度是 {value}。",
    ),
    "counts": (
        "{target} counts in {objective} as it is: its gradient is {value}.",
        "{target} 原样计入 {objective}：它的梯度是 {value}。",
    ),
    "nothing": (
        "Nothing comes back to {target}: its gradient is 0.",
        "没有梯度传回 {target}：它的梯度是 0。",
    ),
    "contribution": (
        "The gradient that reached {sources} comes back to {target}{through}.",
        "到达 {sources} 的梯度{through}传回 {target}。",
    ),
    "through": (" through {names}", "经由 {names} "),
    "joins": (
        "What came back to {target} on another way joins in.",
        "从另一条路传回 {target} 的部分也加进来。",
    ),
    "alone": (
        "Nothing else comes back to {target}: that is its gradient.",
        "没有别的梯度传回 {target}：这就是它的梯度。",
    ),
    "local": ("The gradient of {target} is {what}.", "{target} 的梯度等于 {what}。"),
    "sum": (
        "{count} contributions meet at {target}: they add up.",
        "{count} 项贡献在 {target} 汇合：它们相加。",
    ),
    "inside": (
        "The gradient of {target} passes back into its own equation; {name} is what its operands "
        "share.",
        "{target} 的梯度传回它自己的方程；{name} 是各操作数共用的部分。",
    ),
    "ends inside": (
        "In this equation of {target} nothing passes further back: {name} is 0.",
        "在 {target} 的这个方程里梯度不再传下去：{name} 是 0。",
    ),
    "end": (
        "From {source} the gradient would go on to {target}; that value is fixed, so it ends there.",
        "梯度从 {source} 本应继续传到 {target}；那里的值是固定的，梯度到此为止。",
    ),
    # accumulation
    "accumulate": (
        "{where} adds its part to the gradient of {name}.",
        "{where}把它的一份加到 {name} 的梯度上。",
    ),
    "collect": (
        "What reached {sources} adds its part to the gradient of {name}.",
        "到达 {sources} 的梯度把它的一份加到 {name} 的梯度上。",
    ),
    "part": ("Another part of the gradient of {name}.", "{name} 的梯度的另一部分。"),
    "own": ("This gives the gradient of {name}.", "由此得到 {name} 的梯度。"),
}
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def said(key: str, **parts: Both) -> dict[str, str]:
    """A phrase in every language; parts: in every language, too."""
    en, zh = phrase(key, **parts)
    return {"en": en, "zh": zh}


def phrase(key: str, **parts: Both) -> Both:
    """A phrase as a part of a sentence."""
    en, zh = (_filled(PHRASES[key][i], {n: part[i] for n, part in parts.items()}) for i in range(2))
    return en, _set_apart(zh)


def _filled(text: str, parts: Mapping[str, str]) -> str:
    """A text with parts in the places of their names; places within the parts stay."""
    return re.sub(r"\{(\w+)\}", lambda m: parts.get(m[1], m[0]), text)


def _set_apart(text: str) -> str:
    """Chinese with a space to words and signs that are not, and none elsewhere."""
    text = re.sub(rf" *([{_STOPS}]) *", r"\1", text)
    text = re.sub(rf"(?<=[{_HAN}]) +(?=[{_HAN}])", "", text)
    text = re.sub(rf"(?<=[{_HAN}])(?=[^\s{_HAN}{_STOPS}])", " ", text)
    return re.sub(rf"(?<=[^\s{_HAN}{_STOPS}])(?=[{_HAN}])", " ", text)


_HAN = r"\u4e00-\u9fff"
_STOPS = r"\u3000-\u303f\uff00-\uffef"


def same(text: str) -> Both:
    """What is written the same in every language."""
    return text, text


def count(number: int) -> Both:
    return (_NUMBERS[number] if number < len(_NUMBERS) else str(number)), str(number)


def listed(items: Sequence[Both]) -> Both:
    """Things one after the other, each once."""
    once = list(dict.fromkeys(items))
    found = []
    for i in range(2):
        words = [item[i] for item in once]
        comma, last = PHRASES["comma"][i], PHRASES["and"][i]
        text = comma.join(words[:-1]) + last + words[-1] if len(words) > 1 else "".join(words)
        found.append(text)
    return found[0], found[1]


@dataclass(frozen=True)
class Speaker:
    """Speaks of what stands in an equation.

    whole: the recurrence; letters: those that have numbers; known: parts that are computed already, and
    need not be spelled out where they are long; is_scalar: whether a part is a number.
    """

    whole: Recurrence
    letters: frozenset[str]
    known: Collection[Expression] = field(default=())
    is_scalar: Callable[[Expression], bool] = lambda node: False

    # --- places -------------------------------------------------------------------------------

    @property
    def axes(self) -> Mapping[str, Axis]:
        return self.whole.letters

    def place(self, name: str, at: Sequence[Index]) -> Both:
        """A name at a point, `h at step {t}`."""
        if not at:
            return same(name)
        free = [i.base for i in at if i.base in self.axes and i.base not in self.letters]
        if free:
            point = self.formula(Reference(name, tuple(at)))
            return phrase("all", name=same(point), letter=same(", ".join(dict.fromkeys(free))))
        key, where = self._where(at, self.whole.axes_of(name))
        return phrase(key, name=same(name), at=same(where))

    def places(self, places: Sequence[Place]) -> Both:
        """Several variables at points."""
        return listed([self.place(p.name, p.at) for p in places])

    def whose(self, at: Sequence[Index], of: Sequence[Axis]) -> Both:
        """`Step {t}`, as the one who does something."""
        key, where = self._where(at, of)
        return phrase(f"whose {key}", at=same(where))

    def _where(self, at: Sequence[Index], of: Sequence[Axis]) -> tuple[str, str]:
        numbers = [self.index(i) for i in at]
        if len(at) == 1:
            axis = of[0] if of else None
            if axis is not None and axis.leaves:
                return "node", numbers[0]
            return ("layer" if axis is not None and axis.name == "l" else "step"), numbers[0]
        named = [f"{axis.name} = {number}" for axis, number in zip(of, numbers)]
        return "point", ", ".join(named or numbers)

    def index(self, index: Index) -> str:
        """An index with a place for its number."""
        if not index.base:
            return str(index.offset)
        bound = index.base in self.axes and index.base not in self.letters
        return str(index) if bound else f"{{{index}}}"

    # --- expressions --------------------------------------------------------------------------

    def formula(self, node: Expression) -> str:
        """An expression as in the text, with places for the numbers of indices."""

        def numbered(part: Expression) -> Expression:
            if not isinstance(part, Reference):
                return part
            if part.indices:
                at = ", ".join(map(self.index, part.indices))
                return Reference(f"{part.name}[{at}]")
            return Reference(f"{{{part.name}}}") if part.name in self.letters else part

        return format_expression(rebuild(node, numbered))

    def operand(self, node: Expression) -> Both:
        """What an operation is applied to: by its name, or as a formula where that is short."""
        if isinstance(node, Reference) and node.indices:
            return self.place(node.name, node.indices)
        text = self.formula(node)
        if isinstance(node, Call) and node in self.known and len(text) > _LONGEST:
            return phrase("result")
        return same(text)

    def call(self, node: Expression) -> Both:
        """What an expression is, by its outermost operation: `tanh of a at step {t}`."""
        if not isinstance(node, Call):
            return self.operand(node)
        row = OPERATIONS.get(node.operation)
        words = row.words if row is not None else None
        noun = words or same(node.operation.replace("_", " "))
        operands = [self.operand(a) for a in _flat(node)]
        if row is not None and row.product and any(map(self.is_scalar, node.arguments)):
            noun = PHRASES["times"]  # nothing is done entry by entry
        if "{0}" in noun[0]:
            inside = [_in_brackets(a, o)
                      for a, o in zip(_flat(node), operands)]  # fmt: skip
            parts = [{str(k): operand[i] for k, operand in enumerate(inside)} for i in range(2)]
            return _filled(noun[0], parts[0]), _set_apart(_filled(noun[1], parts[1]))
        if node.bound is None:
            return phrase("of", noun=noun, operands=listed(operands))
        speaker = replace(self, letters=self.letters - {node.bound.axis})
        summed = same(speaker.formula(node.arguments[0]))
        return phrase("over", noun=noun, operands=summed, range=self.range(node.bound))

    def range(self, within: Range) -> Both:
        """Where a letter runs."""
        if within.is_whole:
            return phrase("all steps", letter=same(within.axis))
        if within.parent is not None:
            at = self.index(Index(within.parent.base))
            return phrase("children", letter=same(within.axis), at=same(at))
        ends = {
            name: end and Index(self.index(end)) if end and end.base in self.letters else end
            for name, end in (("start", within.start), ("stop", within.stop))
        }
        return same(format_range(Range(within.axis, ends["start"], ends["stop"])))


def _in_brackets(node: Expression, text: Both) -> Both:
    """A formula of two operands and a sign between, in brackets among words."""
    row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
    signed = row is not None and row.infix and row.arity == (2, 2) and text != phrase("result")
    return (f"({text[0]})", f"({text[1]})") if signed else text


def _flat(node: Call) -> tuple[Expression, ...]:
    """The operands of a call; those of a chain of one operation together."""
    row = OPERATIONS.get(node.operation)
    if (
        row is None
        or node.bound is not None
        or not (row.linear and row.infix)
        or len(node.arguments) < 2
    ):
        return node.arguments
    if row.words is not None and "{0}" in row.words[0]:
        return node.arguments
    found: list[Expression] = []
    for argument in node.arguments:
        nested = isinstance(argument, Call) and argument.operation == node.operation
        found += _flat(argument) if nested and isinstance(argument, Call) else [argument]
    return tuple(found)
