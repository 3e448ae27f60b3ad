"""Descriptions: what a figure shows, in sentences for somebody who cannot see it.

Everything comes from the recurrence: which variable is computed from which, at which step, through
which parameters; then what is shown of it. Names are said, not written: `yhat` is "y hat".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from unroll.drawing.phrases import PHRASES
from unroll.drawing.wording import column
from unroll.graph.folded import Link, links_of, merge
from unroll.language.lettering import GRADIENT, Lettering, hand_of
from unroll.language.survey import LEAVES
from unroll.symbolic.expressions import Call, Index, Range, references, walk
from unroll.symbolic.recurrence import (
    GIVEN,
    INPUT,
    LAYERS,
    LOSS,
    STATE,
    Axis,
    Equation,
    Recurrence,
)

_ACCENTS = ("hat", "tilde", "bar", "dot", "check", "star")


@dataclass(frozen=True)
class Shown:
    """What a figure shows of a recurrence.

    view, flow: as in `unroll.figure.draw`; steps: None for the window around t; leaves: of a tree;
    operations: whether every operation is a node; values: whether values stand at the nodes; sums,
    norms: whether gradients that arrive are shown added, and arrows as wide as gradients are large.
    """

    view: str = "both"
    flow: str = "none"
    steps: int | None = None
    leaves: int | None = None
    operations: bool = False
    values: bool = False
    sums: bool = False
    norms: bool = False


def describe(
    recurrence: Recurrence,
    shown: Shown | None = None,
    *,
    notation: str | Lettering = "book",
    language: str = "en",
) -> str:
    """The description of a figure of a recurrence: one sentence a variable, then what is shown.

    notation: whose names are said; language: en or zh. Raises UnrollError for another language.
    """
    speaker = _Speaker(recurrence, hand_of(notation), column(language))
    sentences = [*speaker.about(), *speaker.shown(shown or Shown())]
    return speaker.text(sentences)


def title_of(
    recurrence: Recurrence,
    shown: Shown | None = None,
    *,
    notation: str | Lettering = "book",
    language: str = "en",
) -> str:
    """A title where nothing gives one: "Recurrence of h with the input x, unfolded over 4 steps"."""
    shown = shown or Shown()
    speaker = _Speaker(recurrence, hand_of(notation), column(language))
    return speaker.title(shown)


@dataclass(frozen=True)
class _Speaker:
    recurrence: Recurrence
    hand: Lettering
    column: int

    def say(self, key: str, *parts: object, **words: str) -> str:
        return PHRASES[key][self.column].format(*parts, **words)

    def text(self, sentences: Iterable[str]) -> str:
        whole = (_upper(s) + self.say("end") for s in sentences)
        return _tidy(self.say("apart").join(whole), self.column)

    def series(self, parts: Sequence[str]) -> str:
        """`a, b and c`."""
        if len(parts) < 2:
            return "".join(parts)
        return self.say("and", self.say("comma").join(parts[:-1]), parts[-1])

    def name(self, name: str) -> str:
        return said(self.hand.name(name))

    def title(self, shown: Shown) -> str:
        r = self.recurrence
        states = [n for n in r.defined if r.role(n) == STATE] or [
            n for n in r.defined if r.role(n) != LOSS
        ]
        text = self.say("title", self.series([self.name(n) for n in states]))
        inputs = [n for n in r.inputs if n not in self.targets]
        if inputs:
            said_inputs = self.series([self.say(INPUT, self.name(n)) for n in inputs])
            text = self.say("with", text, said_inputs)
        if shown.leaves is not None:
            text = self.say("on a tree", text, shown.leaves)
        elif shown.steps is not None and shown.steps > 1 and shown.view != "folded":
            text = self.say("unfolded over", text, shown.steps)
        return _tidy(text, self.column)

    # --- the recurrence ---------------------------------------------------------

    def about(self) -> list[str]:
        r = self.recurrence
        sentences = [self.say("over", self.series([self.axis(a) for a in r.axes]))]
        for name in r.defined:
            equations = r.equations_of(name)
            parts = [e for e in equations if self.place(e) and not self.is_initial(e)]
            ordered = sorted(equations, key=lambda e: bool(parts) and e not in parts)
            sentences += [self.equation(e, bool(parts)) for e in ordered]
        alone = [n for n in r.inputs if n not in {k.source for k in self.links}]
        sentences += [self.say("given", self.noun(n)) for n in alone]
        for key, own in (("shared", False), ("own", True)):
            found = [n for n in r.parameters if bool(r.axes_of(n)) == own]
            if found:
                one = len(found) == 1
                words = {
                    "parameters": "parameter" if one else "parameters",
                    "is_are": "is" if one else "are",
                    "has_have": "has" if one else "have",
                    "its_their": "its" if one else "their",
                }
                sentences.append(self.say(key, self.series([self.name(n) for n in found]), **words))
        return sentences

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return tuple(links_of(self.recurrence))

    @cached_property
    def targets(self) -> frozenset[str]:
        """Inputs that a loss reads."""
        r = self.recurrence
        reads = {k.source for k in self.links if r.role(k.target) == LOSS}
        return frozenset(reads & set(r.inputs))

    def axis(self, axis: Axis) -> str:
        letter, length = self.name(axis.name), self.name(axis.length)
        if axis.leaves:
            return self.say("tree", letter)
        return self.say("axis", letter, length)

    def noun(self, name: str) -> str:
        """A variable with its role: `the state h`."""
        role = "target" if name in self.targets else self.recurrence.role(name)
        if role == LOSS and not self.recurrence.axes_of(name) and self.gathers(name):
            role = "total"
        return self.say(role if role in PHRASES else "bare", self.name(name))

    def gathers(self, name: str) -> bool:
        own = [k for k in self.links if k.target == name]
        return bool(own) and all(k.over for k in own)

    def is_initial(self, equation: Equation) -> bool:
        """Whether an equation says no more than where a recurrence begins: `h[0] = given`."""
        return any(not i.base and i.offset <= 0 for i in equation.target.indices)

    def equation(self, equation: Equation, one_of_several: bool) -> str:
        text = self.statement(equation)
        place = self.place(equation) or (self.say("elsewhere") if one_of_several else "")
        return self.say("here", place, text) if place else text

    def statement(self, equation: Equation) -> str:
        r, subject = self.recurrence, self.noun(equation.name)
        if equation.expression == GIVEN:
            return self.say("given", subject)
        bounds = r.bounds(equation)
        own = (
            k
            for k in self.links
            if (k.target, k.to, k.within) == (equation.name, equation.target.indices, bounds)
        )
        links = merge(own)
        if not links:
            parameters = [n.name for n in references(equation.expression) if n.name in r.parameters]
            if not parameters:
                return self.say("fixed", subject)
            names = self.series([self.name(n) for n in dict.fromkeys(parameters)])
            return self.say("computed", subject, self.say("bare", names))
        sources = list(dict.fromkeys(self.source(link) for link in links))
        if r.role(equation.name) == LOSS:
            compared = [self.source(k) for k in links if k.source in self.targets]
            others = [s for s in sources if s not in compared]
            if compared and others:
                both = self.series(others), self.series(list(dict.fromkeys(compared)))
                return self.say("compares", subject, *both)
            if self.gathers(equation.name):
                terms = dict.fromkeys(self.say("bare", self.name(k.source)) for k in links)
                return self.say("gathers", subject, self.series(list(terms)))
        text = self.say("computed", subject, self.series(sources))
        functions = [self.name(f) for f in r.functions if f in _called(equation)]
        return self.say("function", text, self.series(functions)) if functions else text

    def place(self, equation: Equation) -> str:
        """Where an equation holds; nothing where it holds everywhere."""
        r = self.recurrence
        found = []
        for index, axis in zip(equation.target.indices, r.axes_of(equation.name)):
            if index.base in r.letters:
                found += [self.stretch(equation.range(index.base))]
            elif index.base:
                found.append(self.say("where last"))
            elif axis.name in LAYERS:
                found.append(self.say("of layer", index.offset))
            elif len(equation.target.indices) > 1 and axis.name != Axis().name:
                point = self.say("is", self.name(axis.name), self.number(index))
                found.append(self.say("where", point))
            else:
                found.append(self.say("first", self.number(index)))
        return self.series([f for f in found if f])

    def stretch(self, within: Range) -> str:
        if within.is_whole:
            return ""
        if within.stop == Index(LEAVES) or (within.stop and within.stop.base in self.leaves):
            return self.say("leaves")
        ends = [None if i is None else self.number(i) for i in (within.start, within.stop)]
        start, stop = ends
        if within.parent is not None or "" in ends:
            return self.say("in part")
        if start and stop:
            return self.say("first", start) if start == stop else self.say("between", start, stop)
        return self.say("from", start) if start else self.say("up to", stop)

    @property
    def leaves(self) -> set[str]:
        return {a.leaves for a in self.recurrence.axes if a.leaves}

    def number(self, index: Index) -> str:
        """A step: `3`, `tau minus 1`."""
        if index.via:
            return ""
        if not index.base:
            minus = index.offset < 0 and not self.column
            return f"minus {-index.offset}" if minus else str(index.offset)
        base = self.name(index.base)
        if not index.offset:
            return base
        if self.column:
            return f"{base} {'+' if index.offset > 0 else '-'} {abs(index.offset)}"
        return f"{base} {'plus' if index.offset > 0 else 'minus'} {abs(index.offset)}"

    # --- what an equation reads -------------------------------------------------

    def source(self, link: Link) -> str:
        name = link.source
        is_input = self.recurrence.role(name) == INPUT
        text = self.noun(name) if is_input else self.say("bare", self.name(name))
        axes = self.recurrence.axes_of(name)
        diagonal = [a for a, lag in zip(axes, link.lags) if lag == 1 and self.along(link, a)]
        if len(diagonal) > 1:  # the same way along several axes
            letters = self.series([self.name(a.name) for a in diagonal])
            text = self.say("before along", text, letters)
        points = [
            self.say("is", self.along(link, a), self.number(i))
            for a, i, lag in zip(axes, link.at, link.lags)
            if self.is_point(link, a, i, lag)
        ]
        if points:
            text = self.say("placed", text, self.series(points))
        for position, (axis, index) in enumerate(zip(axes, link.at)):
            if len(diagonal) > 1 and axis in diagonal:
                continue
            if not self.is_point(link, axis, index, link.lags[position]):
                text = self.located(text, link, position, axis)
        if not link.factors:
            return text
        factors = dict.fromkeys(n.name for f in link.factors for n in references(f))
        return self.say("through", text, self.series([self.name(n) for n in factors]))

    def located(self, text: str, link: Link, position: int, axis: Axis) -> str:
        """A source with the words for one of its indices: `h one step before`."""
        index, lag = link.at[position], link.lags[position]
        layers, along = axis.name in LAYERS, self.along(link, axis)
        bound = next((r for r in link.over if r.axis == index.base), None)
        if bound is not None:
            return self.bound(text, bound, along)
        if index.via:
            return self.say(index.via, text)
        if lag is None:
            return self.fixed(text, index, axis)
        if not lag:
            return text
        if layers and abs(lag) == 1:
            return self.say("below" if lag > 0 else "above", text)
        key = (
            ("before" if lag > 0 else "after")
            if abs(lag) == 1
            else ("earlier" if lag > 0 else "later")
        )
        count = [abs(lag)] if abs(lag) > 1 else []
        return (
            self.say(f"{key} along", text, along, *count) if along else self.say(key, text, *count)
        )

    def is_point(self, link: Link, axis: Axis, index: Index, lag: int | None) -> bool:
        """Whether an index is one place on one of several axes, whatever the step."""
        free = not any(r.axis == index.base for r in link.over) and not index.via
        return free and lag is None and axis.name not in LAYERS and bool(self.along(link, axis))

    def along(self, link: Link, axis: Axis) -> str:
        """The letter to be named, where a source has several and this is not time."""
        several = len(link.at) > 1 and axis.name != self.recurrence.axes[0].name
        both = len(link.at) > 1 and axis.name != Axis().name
        return self.name(axis.name) if several or both else ""

    def bound(self, text: str, within: Range, along: str) -> str:
        if within.parent is not None:
            return self.say("children", text)
        if within.is_whole:
            return self.say("all along", text, along) if along else self.say("all", text)
        stop = within.stop
        if within.start is None and stop is not None and stop.base in self.recurrence.letters:
            return self.say("all earlier" if stop.offset < 0 else "so far", text)
        return self.say("several", text)

    def fixed(self, text: str, index: Index, axis: Axis) -> str:
        """A source at one point of its axis, whatever the step."""
        layers = axis.name in LAYERS
        if index.base in (axis.length, axis.leaves) or index == axis.last:
            if axis.leaves:
                return self.say("root", text)
            if layers:
                return self.say("last layer", text)
            return (
                self.say("from last", text, -index.offset)
                if index.offset
                else self.say("last", text)
            )
        where = self.number(index)
        if layers:
            return self.say("in layer", text, where)
        return self.say("at", text, where)

    # --- the figure -------------------------------------------------------------

    def shown(self, shown: Shown) -> list[str]:
        delays = any(lag for k in self.links for lag in k.lags) or any(k.via for k in self.links)
        suffix = "" if delays else ", no delay"
        if shown.view in ("folded", "both"):
            key = f"{shown.view}{suffix}"
        else:
            key = shown.view
        sentences = [self.say(key, self.graph(shown))]
        if shown.flow != "none":
            sentences.append(self.say(f"flow {shown.flow}"))
        more = ("operations", "sums", "norms", "values")
        sentences += [self.say(key) for key in more if getattr(shown, key)]
        return sentences

    def graph(self, shown: Shown) -> str:
        if shown.leaves is not None:
            return self.say("of leaves", shown.leaves)
        if shown.steps is None:
            return self.say("window", self.name(self.recurrence.axes[0].name))
        return self.say("step") if shown.steps == 1 else self.say("steps", shown.steps)


def said(name: str) -> str:
    """A name as it is said: `yhat` is "y hat", `W_hh` is "W hh", `grad_h` is "gradient of h"."""
    if name.startswith(GRADIENT):
        return f"gradient of {said(name.removeprefix(GRADIENT))}"
    name = name.removesuffix("_total")
    for accent in _ACCENTS:
        stem = name.split("_")[0].removesuffix(accent)
        if stem and stem != name.split("_")[0] and len(stem) == 1:
            name = name.replace(stem + accent, f"{stem} {accent}", 1)
    return " ".join(part for part in name.split("_") if part)


def _called(equation: Equation) -> set[str]:
    return {n.operation for n in walk(equation.expression) if isinstance(n, Call)}


def _upper(sentence: str) -> str:
    """A sentence with its first letter large."""
    first = sentence.lstrip()
    return first[:1].upper() + first[1:]


def _tidy(text: str, language: int) -> str:
    """Single spaces; in Chinese only between its characters and letters."""
    text = re.sub(r" +", " ", text).strip()
    if language:
        text = re.sub(r" ?([，。、；：（）]) ?", r"\1", text)
        text = re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", text)
    return text
