r"""Dialects: the names and the index of a course or a library, found by what things do.

What is renamed follows from the equations and not from what they call it: the state is the one
variable that a weight brings to another step (an output that is fed back is none), the input what is
read and no target, the output the one read-out with weights of its own, a prediction what is made of
that alone. A weight is called
after what it leads to and what it multiplies; where it does so at several places, and wherever a
name would be taken, names stay as they are. Only the writing changes: products keep their order,
`W @ h`, where d2l and the documentation of PyTorch put the row vector first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from unroll.errors import UnrollError, nearest
from unroll.language.lettering import INDICES, Lettering, bold_names
from unroll.symbolic.expressions import Call, Expression, Reference, references, walk
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import (
    INPUT,
    LOSS,
    OPERATION,
    OUTPUT,
    STATE,
    Axis,
    Equation,
    Recurrence,
)
from unroll.symbolic.shapes import DEFAULT_LENGTH, infer

PREACTIVATION, PREDICTION, TARGET = "preactivation", "prediction", "target"
Shapes = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Dialect:
    """What a course or a library calls things.

    parts: names by part (state, preactivation, input, output, prediction, target); letters: of parts
    in the names of parameters, where they differ from those; weight, bias: with `{to}` and `{of}`;
    weights: names of their own by (to, of); capitals: whether vectors with a step have capital letters; step: the letter of
    time; lengths: names of lengths.
    """

    source: str
    index: str
    parts: Mapping[str, str] = field(default_factory=dict)
    letters: Mapping[str, str] = field(default_factory=dict)
    weight: str = ""
    bias: str = ""
    weights: Mapping[tuple[str, str], str] = field(default_factory=dict)
    capitals: bool = False
    step: str = ""
    lengths: Mapping[str, str] = field(default_factory=dict)


DIALECTS: Mapping[str, Dialect] = {
    "ng": Dialect(
        "Ng, Katanforoosh & Bensouda Mourri, Sequence Models (deeplearning.ai), week 1",
        "angle",
        {STATE: "a", PREACTIVATION: "z", INPUT: "x", PREDICTION: "yhat", TARGET: "y"},
        {OUTPUT: "y", PREDICTION: "y"},
        weight="W_{to}{of}",
        bias="b_{to}",
        lengths={"tau": "T_x", "n_x": "T_x", "n_y": "T_y"},
    ),
    "karpathy": Dialect(
        "Karpathy 2015, min-char-rnn.py",
        "brackets",
        {STATE: "hs", INPUT: "xs", OUTPUT: "ys", PREDICTION: "ps", TARGET: "targets"},
        {STATE: "h", INPUT: "x", OUTPUT: "y", PREDICTION: "p", TARGET: "y"},
        weight="W{of}{to}",
        bias="b{to}",
    ),
    "d2l": Dialect(
        "Zhang, Lipton, Li & Smola, Dive into Deep Learning, sections 9.4 and 10.1",
        "subscript",
        {STATE: "H", INPUT: "X", OUTPUT: "O", TARGET: "Y"},
        {STATE: "h", INPUT: "x", OUTPUT: "q", PREDICTION: "q", TARGET: "y"},
        weight="W_{of}{to}",
        bias="b_{to}",
        capitals=True,
        lengths={"tau": "T"},
    ),
    "pytorch": Dialect(
        "documentation of torch.nn.RNN, torch.nn.LSTM and torch.nn.GRU",
        "subscript",
        {STATE: "h", INPUT: "x"},
        {INPUT: "i"},
        weight="W_{of}{to}",
        bias="b_{of}{to}",
    ),
    "control": Dialect(
        "Gu, Goel & Re 2022, with the code of The Annotated S4: the discrete state space model",
        "subscript",
        {STATE: "x", INPUT: "u", OUTPUT: "y", TARGET: "r"},
        weights={
            (STATE, STATE): "A",
            (STATE, INPUT): "B",
            (OUTPUT, STATE): "C",
            (OUTPUT, INPUT): "D",
        },
        step="k",
        lengths={"tau": "L"},
    ),
}
NOTATIONS = (*INDICES, *DIALECTS)
_ACCENTS = ("", "hat", "tilde", "bar")  # behind a letter that has a capital


def letter_as(
    recurrence: Recurrence,
    notation: str = "book",
    *,
    bold: bool = False,
    horizon: str = "",
    shapes: Shapes | None = None,
) -> Lettering:
    """How a notation writes a recurrence.

    notation: a place for the step (book, subscript, angle, brackets) or a dialect (ng, karpathy,
    d2l, pytorch, control); bold: vectors and matrices bold, as the book has them; horizon: what the
    number of steps is called, as `T` or `T_x`; shapes: value shapes by name, inferred where they are
    not given. Raises UnrollError for a notation that there is not and a horizon that is taken.
    """
    if notation not in NOTATIONS:
        close = nearest(notation, NOTATIONS)
        remedy = f"Did you mean {close!r}?" if close else f"Choose one of: {', '.join(NOTATIONS)}."
        raise UnrollError(f"there is no notation {notation!r}", remedy=remedy)
    if shapes is None:
        shapes = _shapes(recurrence)
    dialect = DIALECTS.get(notation)
    names = renaming(recurrence, dialect, shapes) if dialect else {}
    if horizon:
        length = recurrence.axes[0].leaves or recurrence.axes[0].length
        names = {**names, length: horizon}
        others = {names.get(n, n) for n in _all_names(recurrence) if n != length}
        if horizon in others:
            raise UnrollError(
                f"the horizon cannot be called {horizon!r}, something else is",
                remedy="Choose another name, as in horizon='T'.",
            )
    index = dialect.index if dialect else notation
    return Lettering(index, tuple(names.items()), bold_names(shapes) if bold else frozenset())


def renaming(recurrence: Recurrence, dialect: Dialect, shapes: Shapes) -> dict[str, str]:
    """What a dialect calls names, axis letters and lengths of a recurrence; no two things the same.

    Those whose name is taken keep their own, and what is called after them follows.
    """
    kept: set[str] = set()
    while True:
        found = _Reading(recurrence, dialect, shapes, frozenset(kept)).renaming()
        counts = Counter(found.get(n, n) for n in _all_names(recurrence))
        clashes = {old for old, new in found.items() if counts[new] > 1}
        if not clashes:
            return found
        variables = clashes & set(recurrence.defined) or clashes & set(recurrence.inputs)
        kept |= variables or clashes


def _all_names(recurrence: Recurrence) -> dict[str, None]:
    axes = [n for a in recurrence.axes for n in (a.name, a.length, a.leaves) if n]
    return dict.fromkeys((*recurrence.names, *axes, *recurrence.functions))


def _shapes(recurrence: Recurrence) -> Shapes:
    try:
        return infer(recurrence, default=DEFAULT_LENGTH)
    except UnrollError:  # shapes that contradict each other can be drawn all the same
        return {}


@dataclass(frozen=True)
class _Product:
    """A parameter times something: what it leads to, the variables that it multiplies."""

    parameter: str
    target: str
    sources: frozenset[str]


@dataclass(frozen=True)
class _Reading:
    """What the names of a recurrence are in a dialect; kept: those that stay."""

    recurrence: Recurrence
    dialect: Dialect
    shapes: Shapes
    kept: frozenset[str]

    def renaming(self) -> dict[str, str]:
        found = self.variables()
        found |= self.parameters(found)
        found |= self.axes()
        return {old: new for old, new in found.items() if new != old and old not in self.kept}

    def axes(self) -> dict[str, str]:
        time = self.recurrence.axes[0]
        lengths = {a.length: self.dialect.lengths.get(a.length, "") for a in self.recurrence.axes}
        step = {time.name: self.dialect.step} if time.name == Axis().name else {}
        return {old: new for old, new in (lengths | step).items() if new}

    # --- variables --------------------------------------------------------------

    def variables(self) -> dict[str, str]:
        found = {
            name: self.dialect.parts[part]
            for name, part in self.parts().items()
            if part in self.dialect.parts and name not in self.kept
        }
        if self.dialect.capitals:
            for name in (*self.recurrence.defined, *self.recurrence.inputs):
                new = found.get(name, name)
                vector = self.recurrence.axes_of(name) and len(self.shapes.get(name, ())) == 1
                if vector and new[1:] in _ACCENTS:
                    found[name] = new[0].upper() + new[1:]
        return {old: new for old, new in found.items() if old not in self.kept}

    def parts(self) -> dict[str, str]:
        """The part of each name that has one. A part that several could be is nobody's."""
        return {
            name: part
            for part, names in self.candidates().items()
            if len(names) == 1
            for name in names
        }

    def candidates(self) -> dict[str, tuple[str, ...]]:
        r = self.recurrence
        users = {n: {e.name for e in self.equations_with(n)} for n in r.names}
        losses = {n for n in r.defined if r.role(n) == LOSS}
        targets = tuple(n for n in r.inputs if users[n] & losses)
        weighted = {s for p in self.products() for s in p.sources if r.role(s) == STATE}
        fed_back = {n for n in r.defined if r.role(n) == STATE and self.is_read_out(n)}
        states = tuple(n for n in r.defined if n in weighted - fed_back) or tuple(
            n for n in r.defined if r.role(n) == STATE and n not in fed_back
        )
        outputs = [n for n in r.defined if r.role(n) == OUTPUT or n in fed_back]
        reading = {p.target for p in self.products()}
        read_out = tuple(n for n in outputs if n in reading)
        made = tuple(n for n in outputs if n not in reading and self.made_of(n) <= set(read_out))
        made = tuple(n for n in made if self.made_of(n))
        if OUTPUT not in self.dialect.parts and not made:
            made = tuple(n for n in read_out if self.is_compared(n))
        return {
            STATE: states,
            PREACTIVATION: tuple(n for n in r.defined if self.leads_to(n) in states and n not in states),
            OUTPUT: tuple(n for n in read_out if n not in made),
            PREDICTION: made,
            TARGET: targets,
            INPUT: tuple(n for n in r.inputs if n not in targets),
        }  # fmt: skip

    def equations_with(self, name: str) -> tuple[Equation, ...]:
        found = self.recurrence.equations
        return tuple(e for e in found if any(r.name == name for r in references(e.expression)))

    def made_of(self, name: str) -> set[str]:
        """All that the equations of a variable read."""
        return {
            r.name for e in self.recurrence.equations_of(name) for r in references(e.expression)
        }

    def is_read_out(self, name: str) -> bool:
        """Whether a state is an output fed back: a weighted sum of the same step, not squashed."""
        equations = self.recurrence.equations_of(name)
        own = any(r.name == name for e in equations for r in references(e.expression))
        weighted = any(p.target == name for p in self.products())
        rows = [OPERATIONS.get(getattr(e.expression, "operation", "")) for e in equations]
        affine = all(row is not None and (row.linear or row.product) for row in rows)
        lagged = any(
            r.name in self.recurrence.defined and r.indices != e.target.indices
            for e in equations
            for r in references(e.expression)
            if r.indices
        )
        return weighted and affine and not own and not lagged

    def is_compared(self, name: str) -> bool:
        """Whether a loss takes a variable as it is."""
        nodes = (n for e in self.recurrence.equations for n in walk(e.expression))
        losses = (n for n in nodes if isinstance(n, Call) and _is_loss(n))
        return any(isinstance(a, Reference) and a.name == name for n in losses for a in n.arguments)

    def leads_to(self, name: str) -> str:
        """The variable that is a function of a weighted sum alone, for that sum; else itself."""
        users = self.equations_with(name)
        if self.recurrence.role(name) not in (OPERATION, OUTPUT) or len(users) != 1:
            return name
        (user,) = users
        alone = {r.name for r in references(user.expression)} == {name}
        same = all(r.indices == user.target.indices for r in references(user.expression))
        is_state = self.recurrence.role(user.name) == STATE
        return user.name if alone and same and is_state else name

    # --- parameters -------------------------------------------------------------

    def parameters(self, variables: Mapping[str, str]) -> dict[str, str]:
        parts = self.parts()
        letters = {
            n: self.dialect.letters.get(parts.get(n, ""), n if self.dialect.capitals else written)
            for n in self.recurrence.names
            for written in [variables.get(n, n)]
        }
        found: dict[str, str] = {}
        pairs: dict[str, set[tuple[str, frozenset[str]]]] = {}
        for p in self.products():
            pairs.setdefault(p.parameter, set()).add((p.target, p.sources))
        for parameter, uses in pairs.items():
            if len(uses) == 1:
                ((to, sources),) = uses
                if len(sources) == 1:
                    name = self.weight(to, next(iter(sources)), parts, letters)
                    found |= {parameter: name} if name else {}
        return found | self.biases(letters)

    def weight(self, to: str, of: str, parts: Mapping[str, str], letters: Mapping[str, str]) -> str:
        ends = parts.get(to, ""), parts.get(of, "")
        if ends in self.dialect.weights:
            named = all(letters[n] == self.dialect.parts[part] for n, part in zip((to, of), ends))
            return self.dialect.weights[ends] if named else ""
        if self.recurrence.role(to) == OUTPUT and OUTPUT not in self.dialect.letters:
            return ""
        return _composed(self.dialect.weight, letters[to], letters[of])

    def biases(self, letters: Mapping[str, str]) -> dict[str, str]:
        """Vectors that are added to a weighted sum: the only one, or each behind its own weight."""
        if not self.dialect.bias:
            return {}
        weights = {p.parameter: p for p in self.products()}
        found: dict[str, set[str]] = {}
        for equation in self.recurrence.equations:
            of, paired = "", "{of}" in self.dialect.bias
            read = {r.name for r in references(equation.expression)}
            several = sum(map(self.is_bias, read)) == len(read & set(weights)) > 1
            for r in references(equation.expression):
                if r.name in weights and len(weights[r.name].sources) == 1:
                    (of,) = weights[r.name].sources
                elif self.is_bias(r.name) and (not paired or (of and several)):
                    to = self.leads_to(equation.name)
                    if self.recurrence.role(to) == OUTPUT and OUTPUT not in self.dialect.letters:
                        continue
                    name = _composed(self.dialect.bias, letters[to], letters.get(of, ""))
                    found.setdefault(r.name, set()).add(name)
        return {old: next(iter(new)) for old, new in found.items() if len(new) == 1}

    def is_bias(self, name: str) -> bool:
        multiplies = {p.parameter for p in self.products()}
        known = name in self.recurrence.parameters and name not in multiplies
        return known and len(self.shapes.get(name, ())) == 1 and self.is_added(name)

    def is_added(self, name: str) -> bool:
        """Whether a name is a term wherever it stands, and nothing is multiplied by it."""
        for equation in self.equations_with(name):
            for node in walk(equation.expression):
                row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
                inside = isinstance(node, Call) and any(
                    isinstance(a, Reference) and a.name == name for a in node.arguments
                )
                if inside and not (row is not None and row.linear and len(_both(node)) == 2):
                    return False
        return True

    def products(self) -> tuple[_Product, ...]:
        """Matrices times variables, wherever they stand."""
        return tuple(
            product
            for equation in self.recurrence.equations
            for node in walk(equation.expression)
            for product in self._product(equation, node)
        )

    def _product(self, equation: Equation, node: Expression) -> Iterator[_Product]:
        row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
        if row is None or not row.product:
            return
        parameters = self.recurrence.parameters
        for position, weight in enumerate(_both(node)):
            if not isinstance(weight, Reference) or weight.name not in parameters:
                continue
            if len(self.shapes.get(weight.name, ())) != 2:
                continue
            other = _both(node)[1 - position]
            sources = frozenset(r.name for r in references(other) if r.name not in parameters)
            if sources:
                yield _Product(weight.name, self.leads_to(equation.name), sources)


def _both(node: Expression) -> tuple[Expression, ...]:
    return node.arguments if isinstance(node, Call) else ()


def _is_loss(node: Call) -> bool:
    row = OPERATIONS.get(node.operation)
    return row is not None and row.loss


def _composed(frame: str, to: str, of: str) -> str:
    """A name of letters, set apart by commas where one has more than one character."""
    if not frame:
        return ""
    between = "_" if "_" in frame and max(len(to), len(of)) > 1 and "{of}" in frame else ""
    return frame.replace("}{", "}" + between + "{").format(to=to, of=of)
