"""How whiteboard notation is read: a text to the tokens of the grammar, statement by statement.

Everything that a grammar cannot know is decided here, from the whole text: which letter is the
axis, whether `W(h)` is a call or a product, whether `|` opens or closes, what `[` holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from unroll.errors import Source
from unroll.language.commands import plain
from unroll.language.indices import resolve
from unroll.language.scanner import (
    COMMAND,
    LONGEST_EQUATION,
    MOST_EQUATIONS,
    Lines,
    Token,
    scan,
)
from unroll.language.statements import FOR, split_statements
from unroll.language.sums import REDUCTIONS, SUM, read_sums, steps
from unroll.language.survey import Survey, head_of, survey_axes, survey_names
from unroll.language.symbols import (
    Item,
    Symbol,
    all_symbols,
    layered,
    primed,
    read_symbols,
    words,
)
from unroll.language.writing import Lexeme, Writing


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, read as far as the grammar: what it says about its names, and its statements."""

    survey: Survey
    statements: tuple[tuple[Lexeme, ...], ...]
    lines: Lines


def read(source: Source, function: bool = False) -> Reading:
    """The statements of a text in the tokens of the grammar.

    function: the text defines a function, `f(s, x) = …`, and has no axis.
    """
    lines = Lines(source)
    tokens = scan(source)
    latex = any(t.kind == COMMAND for t in tokens)
    split = split_statements(plain(tokens, lines), lines)
    if len(split) > MOST_EQUATIONS:
        raise lines.error(
            f"the text has {len(split)} equations; at most {MOST_EQUATIONS} are read",
            split[MOST_EQUATIONS][0],
            "Leave out what is not needed.",
        )
    for statement in split:
        length = statement[-1].stop - statement[0].start
        if max(length, len(statement)) > LONGEST_EQUATION:
            raise lines.error(
                f"this equation has more than {LONGEST_EQUATION} characters",
                statement[0],
                "Give parts of it names in equations of their own.",
            )
    items: list[list[Item]] = []
    bounds = []
    separated = words(split, latex)
    separated = primed(layered(separated))
    counting = steps(separated)
    for statement in separated:
        without, found = read_sums(statement, lines, counting)
        bounds += found
        items.append(read_symbols(without, lines))
    survey = Survey(axis="", letters=()) if function else survey_axes(items, bounds, lines)
    survey = _surveyed(items, survey, lines)
    return Reading(survey, tuple(Writing(s, survey, lines).write() for s in items), lines)


def _surveyed(items: Sequence[Sequence[Item]], survey: Survey, lines: Lines) -> Survey:
    """The survey with the names: twice, since a number is an index where letters are."""
    heads = [head for s in items if (head := head_of(s)) is not None]
    # `o_T = …` defines a value at the end of the axis, even where `o` stands nowhere else.
    ends = {h.token.text for h in heads if [s.flat for s in h.scripts] in (["T"], ["tau"])}
    survey = replace(survey, indexed=frozenset(ends), ranks=dict.fromkeys(ends, 1))
    for _ in range(2):
        defined = [resolve(head, survey, lines) for head in heads]
        powers = {
            (r.name, s.flat) for r in defined for s in r.tail if s.kind == "^" and s.flat.isdigit()
        }
        uses = [use for s in items for use in _uses(s, survey, lines)]
        uses += [(head, 1, False) for s in items for head in _implied(s, survey, lines)]
        survey = replace(
            survey_names(survey, uses),
            powers=frozenset(powers) | survey.powers,
            defined=frozenset(r.name for r in defined),
        )
    bold = [resolve(y, survey, lines) for s in items for y in all_symbols(s) if y.token.bold]
    survey = replace(survey, bold=frozenset(r.name for r in bold if r.indices))
    return survey


def _implied(items: Sequence[Item], survey: Survey, lines: Lines) -> Iterator[str]:
    """The name that a statement defines without an index, where its right side has one."""
    head = head_of(items)
    if head is None or any(isinstance(i, Token) and i.kind in (SUM, FOR) for i in items):
        return
    uses = list(_uses(items, survey, lines))
    bound = any((letter, 0, False) in uses for letter in survey.letters)
    reduces = bound and any(name in REDUCTIONS for name, _, _ in uses)
    if not uses[0][1] and any(count for _, count, _ in uses) and not reduces:
        yield uses[0][0]


def _uses(items: Sequence[Item], survey: Survey, lines: Lines) -> Iterator[tuple[str, int, bool]]:
    for at, item in enumerate(items):
        if not isinstance(item, Symbol):
            continue
        found = resolve(item, survey, lines)
        following = items[at + 1] if at + 1 < len(items) else None
        if found.tail:
            called = found.tail[0].kind == "("
        else:
            called = isinstance(following, Token) and following.text == "("
        yield found.name, len(found.indices), called
        for script in found.tail:
            if script.kind in "^(":
                yield from _uses(read_symbols(script.tokens, lines), survey, lines)
