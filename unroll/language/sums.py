r"""Sum signs: `\sum_{t=1}^{T}` becomes one item; a sum with literal bounds is written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unroll.language.commands import CLOSING, OPENING
from unroll.language.scanner import MARK, NAME, NUMBER, Lines, Token
from unroll.language.statements import FOR
from unroll.language.symbols import Script, script, script_end

SUM = "sum"  # kind of a token that stands for a sum sign; its text is the letter, or ""
_LONGEST_SUM = 64


@dataclass(frozen=True, slots=True)
class Bounds:
    """The letter that a sum sign binds, and its bounds where they are written."""

    letter: str
    lower: str
    upper: str


def read_sums(statement: Sequence[Token], lines: Lines) -> tuple[list[Token], list[Bounds]]:
    """The statement with a token for each sum sign and its scripts, and the bounds found."""
    tokens = list(statement)
    bounds: list[Bounds] = []
    at = 0
    while at < len(tokens):
        if not _is_sign(tokens, at):
            at += 1
            continue
        sign = tokens[at]
        found, end = _bounds(tokens, at, lines)
        literal = found.lower.isdigit() and found.upper.isdigit()
        if literal:
            written = _written_out(tokens, end, sign, found, lines)
            tokens[at:] = written
            if len(tokens) > 20_000:
                raise lines.error("this sum is too long to write out", sign, "Use an axis for it.")
            continue
        if (found.lower, found.upper) not in (("1", found.upper), ("", "")) and not (
            found.lower == "0" and found.upper.endswith("-1")
        ):
            raise lines.error(
                f"a sum from {found.lower} to {found.upper or '?'} runs over a part of the axis",
                sign,
                f"Sum over the whole axis: sum(L[{found.letter}], {found.letter}).",
            )
        bounds.append(found)
        tokens[at:end] = [
            replace(sign, kind=SUM, text=found.letter, stop=max(sign.stop, tokens[end - 1].stop))
        ]
        at += 1
    return tokens, bounds


def _is_sign(tokens: Sequence[Token], at: int) -> bool:
    """A sum sign, or the word with something below it: `sum_t L_t`."""
    token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
    if token.kind == MARK:
        return token.text == "∑"
    scripted = following is not None and following.kind == MARK and following.text == "_"
    return token.kind == NAME and token.text == "sum" and scripted


def _bounds(tokens: Sequence[Token], at: int, lines: Lines) -> tuple[Bounds, int]:
    below = above = None
    at += 1
    while at < len(tokens) and tokens[at].text in ("_", "^") and tokens[at].kind == MARK:
        end = script_end(tokens, at, lines)
        read = script(tokens[at].text, tokens[at + 1 : end], tokens[at], tokens[end - 1])
        below, above = (read, above) if tokens[at].text == "_" else (below, read)
        at = end
    letter, _, lower = (below.flat if below else "").partition("=")
    return Bounds(letter, lower, _upper(above)), at


def _upper(above: Script | None) -> str:
    return "" if above is None else above.flat.strip("|")


def _written_out(
    tokens: list[Token], start: int, sign: Token, found: Bounds, lines: Lines
) -> list[Token]:
    """What follows the sum sign, its body repeated for each value of the letter."""
    end = _end(tokens, start)
    body = tokens[start:end]
    values = range(int(found.lower), int(found.upper) + 1)
    if not body or not 0 < len(values) <= _LONGEST_SUM:
        raise lines.error(
            f"a sum from {found.lower} to {found.upper} cannot be written out",
            sign,
            f"Write between 1 and {_LONGEST_SUM} terms.",
        )
    out = [sign.like(MARK, "(")]
    for value in values:
        if value != values[0]:
            out.append(sign.like(MARK, "+"))
        for token in body:
            bound = token.kind == NAME and token.text == found.letter
            out.append(replace(token, kind=NUMBER, text=str(value)) if bound else token)
    return [*out, sign.like(MARK, ")"), *tokens[end:]]


def _end(tokens: Sequence[Token], start: int) -> int:
    """Where the product after a sum sign ends: before `+` or `-` at the same depth."""
    depth = 0
    for at in range(start, len(tokens)):
        token = tokens[at]
        if token.kind == FOR:
            return at
        if token.kind != MARK:
            continue
        if token.text in OPENING:
            depth += 1
        elif token.text in CLOSING:
            depth -= 1
        ends = token.text in ("+", "-", ",", "=") and at > start
        if depth < 0 or (depth == 0 and ends):
            return at
    return len(tokens)
