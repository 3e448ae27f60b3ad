r"""Recurrence to LaTeX: names, references, expressions and equations.

Names and references stay inside what matplotlib's mathtext understands, since the drawings set
their labels with it; equations need amsmath. A notation is the name of a place for the step
(`book` h^{(t-1)}, `subscript` h_{t-1}, `angle` h^{\langle t-1\rangle}, `brackets` h[t-1]) or a
lettering, which has other names and bold ones, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from unroll.language.histories import Stretch
from unroll.language.lengths import in_words
from unroll.language.lettering import GRADIENT, INDICES, Lettering, hand_of
from unroll.language.scanner import GREEK
from unroll.language.survey import LEAVES
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Range, Reference
from unroll.symbolic.operations import HISTORY, OPERATIONS, Operation
from unroll.symbolic.recurrence import GIVEN, Equation, Recurrence

NOTATIONS = INDICES
SCALARS = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "eta",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "omega",
        "tau",
        "dt",
        "Deltat",
        "t",
    ]
)
_ACCENTS = {
    "ddot": r"\ddot", "hat": r"\hat", "tilde": r"\tilde", "bar": r"\bar", "check": r"\check",
    "dot": r"\dot", "fwd": r"\overrightarrow", "bwd": r"\overleftarrow",
}  # fmt: skip
_RAISED = {"star": "*", "minus": "-", "plus": "+", "prime": r"\prime"}
_WORDS = frozenset({"in", "fb"})
# How tightly what is written binds; the elementwise product's sign binds less than no sign.
_SUM, _CIRCLED, _SIDE, _TALL, _CLOSED, _BASE = 10, 18, 20, 50, 90, 95
_OPEN = re.compile(r"\{(\d)\}(\^\{\\top\})?")


# --- names ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Name:
    head: str
    below: tuple[str, ...] = ()
    above: str = ""

    def __str__(self) -> str:
        return self.head + _script("_", ",".join(self.below)) + _script("^", self.above)


def _script(sign: str, text: str) -> str:
    return f"{sign}{{{text}}}" if text else ""


def name_latex(name: str, objective: str = "L", notation: str | Lettering = "book") -> str:
    r"""A name as mathematics: `yhat` is `\hat{y}`, `W_hh` is `W_{hh}`, `L_total` is `L`."""
    return reference_latex(Reference(name), notation, objective=objective)


@cache
def _named(name: str) -> _Name:
    base, *parts = name.split("_")
    if not base:
        return _Name(rf"\mathrm{{{name.replace('_', '')}}}")
    if parts[-1:] == ["total"]:
        parts.pop()
    above = "".join(_RAISED[p] for p in parts if p in _RAISED)
    below = [_part(p) for p in parts if p and p not in _RAISED]
    digits = re.fullmatch(r"(.*?[A-Za-z])([0-9]+)", base)
    if digits is not None and digits[1] == "sigma":
        return _Name(_letters("sigma"), tuple(below), digits[2] + above)
    if digits is not None:
        base, below = digits[1], [digits[2], *below]
    return _Name(_letters(base), tuple(below), above)


def _letters(word: str) -> str:
    """A word without scripts: a letter, Greek, an accented letter, or upright."""
    if len(word) == 1:
        return word
    if word in GREEK:
        return "o" if word == "omicron" else _greek(word)
    if word == "ell":
        return r"\ell"
    for accent, command in _ACCENTS.items():
        stem = word.removesuffix(accent)
        if stem != word and (len(stem) == 1 or stem in GREEK or stem.endswith(tuple(_ACCENTS))):
            return f"{command}{{{_letters(stem)}}}"
    for difference in ("Delta", "delta"):
        rest = word.removeprefix(difference)
        if rest != word and (len(rest) == 1 or rest in GREEK):
            return rf"\{difference} {_letters(rest)}"
    return rf"\mathrm{{{word}}}"


def _written(name: str, hand: Lettering) -> _Name:
    """A name of the text as a lettering writes it."""
    found = _named(hand.name(name))
    return replace(found, head=_bold(found.head)) if name in hand.bold else found


def _bold(head: str) -> str:
    r"""A head in bold: `\boldsymbol{h}`, `\hat{\boldsymbol{y}}`, `\mathbf{net}`."""
    accent = re.fullmatch(r"(\\[A-Za-z]+)\{(.*)\}", head)
    if accent is not None and accent[1] == r"\mathrm":
        return rf"\mathbf{{{accent[2]}}}"
    if accent is not None:
        return f"{accent[1]}{{{_bold(accent[2])}}}"
    before, _, last = head.rpartition(" ")  # a difference, as in `\Delta x`
    return f"{before} \\boldsymbol{{{last}}}".lstrip()


def _greek(word: str) -> str:
    return "\\" + word


_PAIRS = frozenset({"xi", "nu"})  # below a name these are two letters: W_xi leads from x to i


def _part(part: str) -> str:
    if part in GREEK and part not in _PAIRS:
        return _letters(part)
    if part.isalpha() and (len(part) > 2 or part in _WORDS):
        return rf"\mathrm{{{part}}}"
    return part


def reference_latex(
    reference: Reference, notation: str | Lettering = "book", *, objective: str = "L"
) -> str:
    r"""A reference in one of the notations. `grad_h[t]` is `\nabla_{h^{(t)}} L`."""
    return _reference(reference, hand_of(notation), objective)


def _reference(reference: Reference, hand: Lettering, objective: str, raised: str = "") -> str:
    """A reference with something more at the top right of it, as a transpose sign."""
    of = reference.name.removeprefix(GRADIENT)
    if of and of != reference.name:
        inner = _reference(Reference(of, reference.indices), hand, objective)
        text = rf"\nabla_{{{inner}}} {_written(objective, hand)}"
        return f"({text}){_script('^', raised)}" if raised else text
    name = _written(reference.name, hand)
    index = ", ".join(_index(i, hand) for i in reference.indices)
    if not index:
        return str(_Name(name.head, name.below, name.above + raised))
    if hand.index == "brackets":
        return f"{name}[{index}]" + _script("^", raised)
    if hand.index == "subscript":
        return str(_Name(name.head, (*name.below, index), name.above + raised))
    shown = f"({index})" if hand.index == "book" else rf"\langle {index}\rangle"
    if name.above:
        return f"{{{name}}}" + _script("^", shown + raised)
    return str(_Name(name.head, name.below, shown + raised))


def index_latex(index: Index, notation: str | Lettering = "book") -> str:
    r"""An index: `t-1`, `\tau`, `3`, `\mathrm{left}(n)`."""
    return _index(index, hand_of(notation))


def _index(index: Index, hand: Lettering) -> str:
    if isinstance(index, Stretch):
        return _stretch(index.within, hand)
    if not index.base:
        return str(index.offset)
    base = _written(index.base, hand)
    if index.via:
        return rf"\mathrm{{{index.via.replace('_', '~')}}}({base})"
    return str(base) + (f"{index.offset:+d}" if index.offset else "")


def _stretch(within: Range, hand: Lettering) -> str:
    r"""Many places at once: `<t`, `\le t`, `2:t`, `\mathrm{children}(n)`."""
    if within.start is not None and within.stop is not None:
        return f"{_index(within.start, hand)}:{_index(within.stop, hand)}"
    text = range_latex(within, notation=hand).removeprefix(f"{hand.name(within.axis)} ")
    return text.removeprefix(r"\in ").replace("< ", "<").replace("> ", ">")


# --- expressions ----------------------------------------------------------------------


def expression_latex(
    expression: Expression,
    notation: str | Lettering = "book",
    *,
    objective: str = "L",
    scalars: frozenset[str] = SCALARS,
) -> str:
    r"""An expression; scalars: names that scale what they multiply, written without `\odot`."""
    return _Style(hand_of(notation), objective, scalars).write(expression)[0]


def equation_latex(
    equation: Equation,
    notation: str | Lettering = "book",
    *,
    objective: str = "L",
    scalars: frozenset[str] = SCALARS,
    align: str = "",
) -> str:
    """An equation with its range; align: what stands before the sign, as `&`."""
    style = _Style(hand_of(notation), objective, scalars)
    target = style.write(equation.target)[0]
    if equation.expression == GIVEN:
        return rf"{target} {align}\ \text{{given}}"
    text = f"{target} {align}= {style.write(equation.expression)[0]}"
    ranges = [range_latex(r, notation=style.hand) for r in equation.ranges if not r.is_whole]
    return ", \\quad ".join([text, *ranges])


def range_latex(
    within: Range, dots: str = r" = {0}, \dots, {1}", notation: str | Lettering = "book"
) -> str:
    """Where a letter runs: `t \\ge 2`, `s < t`, `k \\in \\mathrm{children}(n)`."""
    hand = hand_of(notation)
    letter, start, stop = hand.name(within.axis), within.start, within.stop
    if within.parent is not None:
        return rf"{letter} \in {_index(within.parent, hand)}"
    if start is not None and stop is not None:
        return letter + dots.format(_index(start, hand), _index(stop, hand))
    if start is not None:
        if start.base and start.offset == 1:
            return f"{letter} > {_index(start.shift(-1), hand)}"
        return rf"{letter} \ge {_index(start, hand)}"
    if stop is None:
        return letter
    if stop == Index(LEAVES):
        return rf"{letter} \in {_index(stop, hand)}"
    if stop.base and stop.offset == -1:
        return f"{letter} < {_index(stop.shift(1), hand)}"
    return rf"{letter} \le {_index(stop, hand)}"


def recurrence_latex(
    recurrence: Recurrence, notation: str | Lettering = "book", *, objective: str = "L"
) -> str:
    """All equations, aligned at their signs."""
    scalars = SCALARS | {a.name for a in recurrence.axes} | {a.length for a in recurrence.axes}
    lines = [
        equation_latex(
            in_words(e, recurrence.axes), notation, objective=objective, scalars=scalars, align="&"
        )
        for e in recurrence.equations
    ]
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


@dataclass(frozen=True, slots=True)
class _Style:
    hand: Lettering
    objective: str
    scalars: frozenset[str]

    def write(self, node: Expression) -> tuple[str, int]:
        """LaTeX, and how tightly its outermost operator binds."""
        if isinstance(node, Constant):
            return _number(node.value), _BASE if node.value >= 0 else _SUM
        if isinstance(node, Reference):
            text = _reference(node, self.hand, self.objective)
            if text.startswith(r"\nabla"):
                return text, _CIRCLED
            return text, _CLOSED if "^" in text else _BASE
        row = OPERATIONS.get(node.operation)
        if row is None:
            return f"{_function(node.operation)}({self.all(node)})", _CLOSED
        whole = node.arguments[0] if node.arguments else None
        if row is HISTORY and node.limits is not None and isinstance(whole, Reference):
            return self.write(_history(whole, node.limits))
        if not _is_filled(row, len(node.arguments)):
            return rf"\mathrm{{{row.name}}}({self.all(node)})".replace("_", r"\_"), _CLOSED
        if row.infix == "*":
            return self.product(*node.arguments)
        return self.template(node, row)

    def all(self, node: Call) -> str:
        return ", ".join(self.write(a)[0] for a in node.arguments)

    def inside(self, node: Expression, least: int) -> str:
        text, level = self.write(node)
        return text if level >= least else f"({text})"

    def product(self, left: Expression, right: Expression) -> tuple[str, int]:
        if isinstance(right, Constant):
            return rf"{self.inside(left, _SIDE)} \cdot {self.inside(right, _SIDE)}", _SIDE
        if self.scalar(left) or self.scalar(right):
            return f"{self.inside(left, _SIDE)} {self.inside(right, _SIDE + 1)}", _SIDE
        return rf"{self.inside(left, _CIRCLED)} \odot {self.inside(right, _SIDE)}", _CIRCLED

    def scalar(self, node: Expression) -> bool:
        """Whether an expression is made of numbers and of names that are scalars."""
        if isinstance(node, Call) and node.over is None:
            row = OPERATIONS.get(node.operation)
            if row is None:
                return False
            if all(case.signature.endswith("->") for case in row.cases):
                return True
            return bool(node.arguments) and all(self.scalar(a) for a in node.arguments)
        if isinstance(node, Reference):
            return not node.indices and (
                node.name in self.scalars or node.name.split("_")[0] in self.scalars
            )
        return isinstance(node, Constant)

    def template(self, node: Call, row: Operation) -> tuple[str, int]:
        """A call by its row's template, its open arguments in brackets where they need them."""
        template = row.latex
        if node.over is not None:
            template = re.sub(r"^\\[a-z]+(\{[a-z]+\})?", _bound(node, self.hand), template)
        if template == "{0}":
            return self.write(node.arguments[0])
        level = self.level(row)

        def argument(match: re.Match[str]) -> str:
            value = node.arguments[int(match[1])]
            before, after = template[: match.start()], template[match.end() :]
            if match[2]:
                return self.transposed(value)
            if before.endswith(
                ("{", "(", ", ", "|", "[", r"\lfloor ", r"\lceil ", ":")
            ) and after.startswith(("}", ")", ", ", "|", "]", r"\rfloor", r"\rceil", ":")):
                return self.write(value)[0]
            if after.startswith("^"):
                return self.inside(value, _BASE)
            if after.startswith("["):
                return self.inside(value, _CLOSED)
            if before.endswith(r"\log "):
                return self.inside(value, _CLOSED)
            if row.infix is None:
                return self.inside(value, _SIDE if row.product else _SUM + 1)
            same = isinstance(value, Call) and value.operation == node.operation
            first = match[1] == "0" and len(node.arguments) == 2
            strict = not first and not (same and level == _SIDE)
            return self.inside(value, level + strict)

        if "{...}" in template:
            return template.replace("{...}", self.all(node)), level
        return _OPEN.sub(argument, template), level

    def level(self, row: Operation) -> int:
        if row.infix is not None and row.latex.startswith("{0} \\bmod"):
            return _SUM + 1  # a word binds less than a product
        if row.infix is not None and row.latex.startswith(("{0} ", "-")):
            return min(row.precedence, _SIDE) if len(row.latex) > 4 else _SUM
        if row.latex.startswith("{0}["):
            return _CLOSED
        if row.latex.startswith((r"\frac", r"\sqrt", "|", "[")):
            return _TALL if row.latex.startswith(r"\frac") else _CLOSED
        if row.latex.startswith("-"):
            return _SUM
        if row.latex.startswith("{0}^"):
            return _CLOSED if row.latex.endswith(r"\top}") else _TALL
        if row.latex.startswith(("{0}", r"\sum")):
            return _SIDE
        return _CLOSED

    def transposed(self, value: Expression) -> str:
        if isinstance(value, Reference):
            return _reference(value, self.hand, self.objective, r"\top")
        return self.inside(value, _BASE) + r"^{\top}"


def _history(reference: Reference, within: Range) -> Reference:
    """A reference with the history in the place of its letter: `y^{(<t)}`."""
    stretch = Stretch("", within=within)
    indices = (stretch if i.base == within.axis else i for i in reference.indices)
    return replace(reference, indices=tuple(indices))


def _bound(node: Call, hand: Lettering) -> str:
    """What a reduction binds, below its sign; escaped for the right side of a substitution."""
    assert node.bound is not None
    below = range_latex(node.bound, " = {0}..{1}", hand).replace("\\", r"\\")
    return rf"\g<0>_{{{below}}}"


def _is_filled(row: Operation, count: int) -> bool:
    """Whether so many arguments fill a row's template."""
    places = {int(i) for i in re.findall(r"\{(\d)\}", row.latex)}
    optional = row.arity[1] is not None and row.arity[0] < row.arity[1]
    return not (optional and places) or places == set(range(count))


def _function(name: str) -> str:
    derivative = re.fullmatch(r"D([0-9]+)_(.+)", name)
    if derivative is not None:
        return rf"\partial_{{{derivative[1]}}} {_named(derivative[2])}"
    return str(_named(name))


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    mantissa, _, exponent = repr(float(value)).partition("e")
    if not exponent:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa in ("1", "1.0") else rf"{mantissa} \cdot {power}"
