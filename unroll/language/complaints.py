"""What to say about a statement that the grammar does not accept."""

from __future__ import annotations

from collections.abc import Sequence

from unroll.errors import UnrollError
from unroll.language.notation import Reading
from unroll.language.scanner import Lines
from unroll.language.writing import Lexeme
from unroll.symbolic.expressions import Reference

_OPERATORS = frozenset(
    {"PLUS", "MINUS", "TIMES", "DIVIDE", "MOD", "AT", "OUTER", "DOT", "POWER", "COMPARE"}
)
_OPENING = frozenset({"LPAR", "LSQB", "LBRACE", "BAR_OPEN", "NORM_OPEN"})
_CLOSING = frozenset({"RPAR", "RSQB", "RBRACE", "BAR_CLOSE", "NORM_CLOSE"})


def complaint(lexemes: Sequence[Lexeme], at: int | None, reading: Reading) -> UnrollError:
    """The error for a statement that went wrong at a position; None: at its end."""
    lines = reading.lines
    equals = [i for i, lexeme in enumerate(lexemes) if lexeme.type == "EQUAL"]
    ranged = next((i for i, x in enumerate(lexemes) if x.type == "FOR"), len(lexemes))
    equals = [i for i in equals if i < ranged]
    if not equals:
        return _not_an_equation(lexemes, lines)
    if at is not None and len(equals) > 1 and at in equals:
        return _error(
            "a second = stands in one equation",
            lexemes[at],
            lines,
            "Write an equation for each, one a line; equality as a number is ==.",
        )
    if at is not None and at <= equals[0]:
        return _left_side(lexemes[at], lexemes, lines)
    if ranged < len(lexemes) and (at is None or at > ranged):
        return _error(
            f"what follows {_text(lexemes[ranged], lines)} does not say where the equation holds",
            lexemes[ranged],
            lines,
            "Write for t = 2..tau; remarks begin with #.",
            lexemes[-1],
        )
    if at is None:
        last = lexemes[-1]
        if last.type == "EQUAL":
            return _error(
                "the equation has no right-hand side", last, lines, "Write what follows the =."
            )
        return _error(
            f"the equation ends where something should follow {_text(last, lines)}",
            last,
            lines,
            "Write what is missing, or delete it.",
        )
    return _unexpected(lexemes, at, lines)


def _not_an_equation(lexemes: Sequence[Lexeme], lines: Lines) -> UnrollError:
    error = _error(
        "this is not an equation",
        lexemes[0],
        lines,
        "Write name[t] = expression, one equation a line; remarks begin with #.",
        lexemes[-1],
    )
    return error


def _left_side(bad: Lexeme, lexemes: Sequence[Lexeme], lines: Lines) -> UnrollError:
    if bad.type == "EQUAL" and bad is lexemes[0]:
        return _error(
            "the equation has no left-hand side", bad, lines, "Write what it defines, as in h[t] ="
        )
    if bad.type == "LPAR" and bad is lexemes[1]:
        name = _text(lexemes[0], lines)
        return _error(
            f"{name}(...) on the left defines a function, and not a variable",
            lexemes[0],
            lines,
            f'Write {name}[t] = ..., or bind the function: recurrence.bind("{name}(...) = ...").',
        )
    return _error(
        "the left-hand side must be one name",
        bad,
        lines,
        "Write name[t] = expression, and bring everything else to the right.",
    )


def _unexpected(lexemes: Sequence[Lexeme], at: int, lines: Lines) -> UnrollError:
    bad, before = lexemes[at], lexemes[at - 1]
    text = _text(bad, lines)
    if bad.type == "NAME" and before.type == "NAME":
        return _error(f"{text} is not expected here", bad, lines, "Write an operator before it.")
    if before.type in _OPERATORS | {"EQUAL"} and bad.type in _OPERATORS:
        return _error(
            f"{_text(before, lines)} is followed by {text}",
            bad,
            lines,
            "Put a name or a number between them.",
        )
    if before.type in _OPERATORS and bad.type in _CLOSING | {"COMMA", "FOR"}:
        return _error(
            f"nothing follows this {_text(before, lines)}",
            before,
            lines,
            "Write what is missing, or delete it.",
        )
    if before.type in _OPENING and bad.type in _CLOSING:
        return _error("the brackets are empty", before, lines, "Put something inside.", bad)
    if bad.type == "COMMA":
        return _error(
            "a comma stands outside a function's brackets",
            bad,
            lines,
            "Write one equation a line; join vectors as [a, b].",
        )
    return _error(
        f"{text} cannot stand here", bad, lines, "Check the operators and brackets before it."
    )


def _text(lexeme: Lexeme, lines: Lines) -> str:
    if isinstance(lexeme.value, Reference):
        return str(lexeme.value)
    return lines.source.text[lexeme.start : lexeme.stop][:20]


def _error(
    message: str, first: Lexeme, lines: Lines, remedy: str, last: Lexeme | None = None
) -> UnrollError:
    span = lines.span(first.start, max(first.stop, (last or first).stop))
    return UnrollError(message, remedy=remedy, source=lines.source, span=span)
