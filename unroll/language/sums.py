r"""Sum and product signs: `\sum_{t=1}^{T}` becomes one item; literal bounds are written out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unroll.errors import UnrollError
from unroll.language.commands import CLOSING, OPENING, group
from unroll.language.scanner import MARK, NAME, NUMBER, Lines, Token
from unroll.language.statements import FOR
from unroll.language.symbols import Script, fold, script, script_end

SUM = "sum"  # kind of a token that stands for a sum sign; its text is the letter, or ""
UP_TO, FROM_ZERO = "<=", ">=0"  # behind the letter: `i<=t` sums so far, `t>=0` counts from 0
PRODUCT = "∏"  # before the letter of a product sign
_LONGEST_SUM = 64
_MOST_SIGNS = 200
_STEP = re.compile(r"[a-z](?:-1)?")
_BEFORE = re.compile(r"([a-z])(<=?)([a-z](?:-1)?)")
_LITERAL = re.compile(r"([a-z]?)([+-]?[0-9]*)")


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
    at = signs = 0
    while at < len(tokens):
        if not _is_sign(tokens, at):
            at += 1
            continue
        sign = tokens[at]
        signs += 1
        if signs > _MOST_SIGNS:
            raise lines.error(
                f"more than {_MOST_SIGNS} sum signs stand in one equation",
                sign,
                "Give parts of it names in equations of their own.",
            )
        found, end = _bounds(tokens, at, lines)
        values = _values(found)
        if values is not None:
            written = _written_out(tokens, end, sign, found, values, lines)
            tokens[at:] = written
            if len(tokens) > 20_000:
                raise lines.error("this sum is too long to write out", sign, "Use an axis for it.")
            continue
        if found.letter and _is_over_entries(tokens[end : _end(tokens, end)], found.letter):
            tokens[at:] = _over_entries(tokens, at, end, found.letter)
            at += 1
            continue
        from_zero = found.lower == "0" and found.upper.endswith("-1")
        if not from_zero and (found.lower, found.upper) not in (("1", found.upper), ("", "")):
            raise _part(found, sign, lines)
        bounds.append(found)
        text = found.letter
        if from_zero:
            text += FROM_ZERO
        elif _STEP.fullmatch(found.upper):
            text += UP_TO + found.upper
        if sign.text == PRODUCT:
            text = PRODUCT + text
        tokens[at:end] = [
            replace(sign, kind=SUM, text=text, stop=max(sign.stop, tokens[end - 1].stop))
        ]
        at += 1
    return tokens, bounds


def _is_sign(tokens: Sequence[Token], at: int) -> bool:
    """A sum sign, or the word with something below it: `sum_t L_t`."""
    token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
    if token.kind == MARK:
        return token.text in ("∑", PRODUCT)
    if token.text == "Sigma" and token.stop - token.start == 1:
        return _is_typed_sign(tokens, at)
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
    flat = below.flat if below else ""
    if above is None and (match := _BEFORE.fullmatch(flat)) is not None:
        upper = fold(match[3] + ("-1" if match[2] == "<" else ""))
        return Bounds(match[1], "1", upper), at
    letter, _, lower = flat.partition("=")
    return Bounds(letter, lower, _upper(above)), at


def _upper(above: Script | None) -> str:
    return "" if above is None else above.flat.strip("|")


def _is_typed_sign(tokens: Sequence[Token], at: int) -> bool:
    """Whether the letter Σ is a sum sign: `Σ_{k=0}^{2}`, and `J = Σ_t L_t`."""
    if at + 2 >= len(tokens) or tokens[at + 1].text != "_":
        return False
    below = tokens[at + 1 : group(tokens, at + 2)]
    if any(t.text == "=" for t in below):
        return True
    letter = "".join(t.text for t in below if t.kind == NAME)
    alone = len(letter) == 1 and letter.islower() and below[1].text in (letter, "{")
    return alone and tokens[0].kind == NAME and len(tokens) > 1 and tokens[1].text == "="


def _values(found: Bounds) -> list[tuple[str, int]] | None:
    """The values of the letter where its bounds say them: numbers, or one letter with offsets."""
    lower, upper = _LITERAL.fullmatch(fold(found.lower)), _LITERAL.fullmatch(fold(found.upper))
    if lower is None or upper is None or lower[1] != upper[1] or not found.lower:
        return None
    ends = lower[2], upper[2]
    if not lower[1] and not all(any(map(str.isdigit, e)) for e in ends):
        return None
    first, last = (int(e[:10]) if e else 0 for e in ends)
    return [(lower[1], value) for value in range(first, min(last, first + _LONGEST_SUM) + 1)]


def _part(found: Bounds, sign: Token, lines: Lines) -> UnrollError:
    letter = found.letter
    return lines.error(
        f"a sum from {found.lower or '?'} to {found.upper or '?'} runs over a part of the axis",
        sign,
        f"Sum over the whole axis: sum(L[{letter}], {letter}); "
        f"a sum over lags needs numbers, as in \\sum_{{{letter}=0}}^{{2}}.",
    )


def _written_out(
    tokens: list[Token],
    start: int,
    sign: Token,
    found: Bounds,
    values: Sequence[tuple[str, int]],
    lines: Lines,
) -> list[Token]:
    """What follows the sum sign, its body repeated for each value of the letter."""
    end = _end(tokens, start)
    body = tokens[start:end]
    if not body or not 0 < len(values) <= _LONGEST_SUM:
        raise lines.error(
            f"a sum from {found.lower} to {found.upper} cannot be written out",
            sign,
            f"Write between 1 and {_LONGEST_SUM} terms.",
        )
    out = [sign.like(MARK, "(")]
    for value in values:
        term = _with_value(body, found.letter, *value)
        if value != values[0]:
            out.append(sign.like(MARK, "·" if sign.text == PRODUCT else "+"))
        if sign.text == PRODUCT:
            term = [sign.like(MARK, "("), *term, sign.like(MARK, ")")]
        out += term
    return [*out, sign.like(MARK, ")"), *tokens[end:]]


def _is_over_entries(body: Sequence[Token], letter: str) -> bool:
    """Whether a letter counts the entries of values: `y_{t,j}` stands in the sum over `j`."""
    return any(_is_entry(body, at, letter) for at in range(len(body)))


def _is_entry(body: Sequence[Token], at: int, letter: str) -> bool:
    """Whether a letter stands last in a script behind an index, as in `_{t,j}`."""
    inside = 1 < at < len(body) - 1 and _is_letter(body[at], letter)
    return inside and body[at - 1].text == "," and body[at + 1].text == "}"


def _over_entries(tokens: Sequence[Token], at: int, start: int, letter: str) -> list[Token]:
    """A sum over a letter that counts entries as the sum of a value's entries."""
    end = _end(tokens, start)
    sign = replace(tokens[at], kind=SUM, text="", stop=max(tokens[at].stop, tokens[start - 1].stop))
    out = [replace(sign, text=PRODUCT) if tokens[at].text == PRODUCT else sign]
    position = start
    while position < end:
        token = tokens[position]
        position += 1
        if not _is_letter(token, letter):
            out.append(token)
        elif _is_entry(tokens, position - 1, letter) or out[-1].text == "_":
            out.pop()  # `w_j` beside `x_{t,j}` is the vector
        elif [t.text for t in out[-2:]] == ["_", "{"] and tokens[position].text == "}":
            del out[-2:]
            position += 1
        else:
            out.append(token)
    return [*out, *tokens[end:]]


def _with_value(body: Sequence[Token], letter: str, base: str, offset: int) -> list[Token]:
    """The body of a sum with a value for its letter; `b[k]` and `h(k)` are then `b_0` and `h_0`."""
    out: list[Token] = []
    at = 0
    while at < len(body):
        token = body[at]
        if not _is_letter(token, letter):
            out.append(token)
        elif out and not base and out[-1].kind == NUMBER and out[-1].text.isdigit():  # x_{t-2k}
            out[-1] = replace(out[-1], text=str(int(out[-1].text) * offset))
        elif _in_bracket(body, at):
            out[-1] = out[-1].like(MARK, "_", True)
            out += _value(token, base, offset, "{", "}")
            at += 1
        elif out and out[-1].kind == MARK and out[-1].text in ("_", "^"):
            out += _value(token, base, offset, "{", "}")
        else:
            inside = bool(out) and out[-1].kind == MARK and out[-1].text in ("{", "-", "+", "[")
            closing = at + 1 < len(body) and body[at + 1].text in ("}", "-", "+", "]", ")", ",")
            opening = "" if inside and closing and not (base and out[-1].text == "-") else "("
            out += _value(token, base, offset, opening, ")" if opening else "")
        at += 1
    return out


def _is_letter(token: Token, letter: str) -> bool:
    return token.kind == NAME and token.text == letter


def _in_bracket(body: Sequence[Token], at: int) -> bool:
    """Whether a letter stands alone in a bracket behind a name, as in `b[k]`."""
    if not 1 < at < len(body) - 1 or body[at - 2].kind != NAME:
        return False
    return (body[at - 1].text, body[at + 1].text) in (("(", ")"), ("[", "]"))


def _value(at: Token, base: str, offset: int, opening: str, closing: str) -> list[Token]:
    """The tokens of a value between brackets; a number that is no index needs none."""
    number = replace(at, kind=NUMBER, text=str(abs(offset)))
    if not base and offset >= 0:
        inner, plain = [number], opening != "{"
    else:
        inner, plain = [], False
        if base:
            inner.append(replace(at, text=base))
        if offset:
            inner += [at.like(MARK, "-" if offset < 0 else "+"), number]
    if plain or not opening:
        return inner
    return [at.like(MARK, opening, True), *inner, at.like(MARK, closing, True)]


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
