"""Text to recurrence. Nothing is evaluated: a text is read, and what it says becomes a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from unroll.errors import Source, Span, UnrollError
from unroll.language.notation import Reading, read
from unroll.language.scanner import Lines
from unroll.language.writing import Lexeme
from unroll.symbolic.expressions import Function, Reference
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.validation import check_depth, validate

if TYPE_CHECKING:
    from lark import Lark

    from unroll.language.building import Declaration, Definition, FunctionDefinition


def parse(
    text: str, *, name: str = "recurrence", roles: Mapping[str, str] | None = None
) -> Recurrence:
    """The recurrence that a text defines, validated.

    name: what the text goes by in error messages; roles: {"W": "parameter"} where a role differs
    from what the equations say. Raises UnrollError, with the line and a caret.
    """
    source = Source(text.replace("\r\n", "\n").replace("\r", "\n"), name)
    try:
        return _parse(source, tuple(sorted((roles or {}).items())))
    except UnrollError as error:
        raise _placed(error, source) from None


def parse_function(text: str) -> Function:
    """The function that a text like `f(s, x) = tanh(W @ s + U @ x)` defines."""
    source = Source(text.replace("\r\n", "\n").replace("\r", "\n"), "function")
    try:
        return _parse_function(source)
    except UnrollError as error:
        raise _placed(error, source) from None


def _placed(error: UnrollError, source: Source) -> UnrollError:
    """The error with the source in it, for errors raised where the source is not known."""
    if error.source is not None or error.span is None:
        return error
    return UnrollError(error.message, remedy=error.remedy, source=source, span=error.span)


def _parse(source: Source, overrides: tuple[tuple[str, str], ...]) -> Recurrence:
    from unroll.language.building import Definition, FunctionDefinition
    from unroll.language.conventions import equations, sums_up

    reading = read(source)
    definitions: list[Definition] = []
    for statement in _statements(reading):
        if isinstance(statement, FunctionDefinition) and sums_up(statement.expression):
            # J(θ) = Σ L_t: what stands in the bracket says what the total depends on.
            total = Reference(statement.name, span=statement.span)
            definitions.append(Definition(total, statement.expression))
        elif isinstance(statement, FunctionDefinition):
            raise UnrollError(
                f"this defines a function, {statement.name}, and not a variable",
                remedy=f"Write {statement.name}[t] = ... for a variable; bind a function with "
                f'recurrence.bind("{statement.name}(...) = ...").',
                span=statement.span,
            )
        if isinstance(statement, Definition):
            definitions.append(statement)
    found, axes = equations(definitions, reading.survey)
    return validate(Recurrence(tuple(found), axes, overrides, source))


def _parse_function(source: Source) -> Function:
    from unroll.language.building import FunctionDefinition
    from unroll.language.reductions import bind

    statements = list(_statements(read(source, function=True)))
    if len(statements) != 1 or not isinstance(statements[0], FunctionDefinition):
        raise UnrollError(
            "a function is defined by one equation with its arguments on the left",
            remedy="Write f(s, x) = tanh(W @ s + U @ x).",
            source=source,
            span=Span(1, 1),
        )
    found = statements[0]
    names = [a.name for a in found.arguments if isinstance(a, Reference) and not a.indices]
    if len(names) < len(found.arguments) or len(set(names)) < len(names):
        raise UnrollError(
            f"the arguments of {found.name} must be different names",
            remedy=f"Write {found.name}(s, x) = ...",
            span=found.span,
        )
    return Function(found.name, tuple(names), bind(found.expression, ()))


def _statements(reading: Reading) -> Iterator[Definition | Declaration | FunctionDefinition]:
    for lexemes in reading.statements:
        yield _statement(lexemes, reading)


def _statement(lexemes: Sequence[Lexeme], reading: Reading) -> Any:
    from lark.exceptions import UnexpectedToken

    from unroll.language.building import Declaration
    from unroll.language.complaints import complaint

    try:
        statement: Any = _lark().parse((lexemes, reading.lines))
    except UnexpectedToken as error:
        at = None if error.token.type == "$END" else error.token.start_pos
        raise complaint(lexemes, at, reading) from None
    if not isinstance(statement, Declaration):
        start = reading.lines.span(lexemes[0].start, lexemes[0].stop)
        check_depth(statement.expression, reading.lines.source, start)
    return statement


@cache
def _lark() -> Lark:
    """The parser of single statements, built once per process from the grammar."""
    from lark import Lark, Token
    from lark.lexer import Lexer

    from unroll.language.building import Building

    class Lexemes(Lexer):
        """Hands the lexemes on that `notation` has read."""

        def __init__(self, configuration: object) -> None:
            pass

        def lex(self, data: Any) -> Iterator[Token]:  # type: ignore[override]
            lexemes, lines = data
            for at, lexeme in enumerate(lexemes):
                yield placed(lexeme, at, lines)

    class Placed(Token):
        """A token of Lark's with a span and a value of ours."""

        span: Span

    def placed(lexeme: Lexeme, at: int, lines: Lines) -> Placed:
        token = Placed(lexeme.type, "", start_pos=at)
        token.span = lines.span(lexeme.start, lexeme.stop)
        value = lexeme.value
        token.value = value if isinstance(value, str) else replace(value, span=token.span)
        return token

    grammar = files("unroll.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        start="statement",
        parser="lalr",
        lexer=Lexemes,
        transformer=Building(),
        maybe_placeholders=True,
    )
