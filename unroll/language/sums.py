r"""Signs with bounds, `\sum_{t=1}^{T}` and `\max_i`: one item each; literal sums are written out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from unroll.errors import UnrollError
from unroll.language.commands import CLOSING, OPENING, group
from unroll.language.scanner import MARK, NAME, NUMBER, Lines, Token
from unroll.language.statements import FOR
from unroll.language.symbols import Script, fold, script, script_end
from unroll.symbolic.expressions import Index
from unroll.symbolic.operations import OPERATIONS

SUM = "sum"  # kind of a token that stands for a sum sign; its text is the letter, or ""
REDUCTIONS = frozenset(name for name, row in OPERATIONS.items() if row.reduces)
UP_TO, FROM_ZERO = "<=", ">=0"  # behind the letter: `i<=t` sums so far, `t>=0` counts from 0
PRODUCT = "∏"
_LONGEST_SUM = 64
_MOST_SIGNS = 200
_STEP = re.compile(r"[a-z](?:-1)?")
_SIGNS = {"∑": "sum", PRODUCT: "prod"}
_PLACE = r"[A-Za-z][A-Za-z0-9_{}]*(?:[+-][0-9]+)?|[+-]?[0-9]+"
_COMPARED = re.compile(rf"([a-z])(<=|>=|<|>|!=)({_PLACE})")
_BETWEEN = re.compile(rf"({_PLACE})(<=?)([a-z])(<=?)({_PLACE})")
_MEMBER = re.compile(r"([a-z])(?:∈|in)([A-Za-z]\w*)(?:\(([a-z])\)|_\{?([a-z])\}?)?")
_ENDS = re.compile(r"([A-Za-z][A-Za-z0-9_]*)?([+-]?[0-9]+)?")
_LAGGED = re.compile("([a-z])[+-][0-9]+")
_STEPPED = re.compile("([a-z])(?:[+-][0-9]+)?")
_LITERAL = re.compile(r"([a-z]?)([+-]?[0-9]*)")


@dataclass(frozen=True, slots=True)
class Bounds:
    r"""The letter that a sign binds, and its bounds where they are written.

    of: the set that the letter runs over, `C(n)` as ("C", "n"); other: what it must not equal.
    """

    letter: str
    lower: str = ""
    upper: str = ""
    operation: str = "sum"
    of: tuple[str, str] = ("", "")
    other: str = ""


@dataclass(frozen=True, slots=True)
class Sign(Token):
    """A sign with its bounds; word: it is a function's name, as in `softmax_i(e_i)`."""

    bounds: Bounds = Bounds("")
    word: bool = False


def index_at(flat: str) -> Index | None:
    """A bound as an index: a number, or a name with an offset."""
    match = _ENDS.fullmatch(fold(flat.replace("{", "").replace("}", "")))
    if match is None or not flat:
        return None
    return Index(match[1] or "", int(match[2][:10]) if match[2] else 0)


def read_sums(
    statement: Sequence[Token], lines: Lines, steps: Collection[str] = ()
) -> tuple[list[Token], list[Bounds]]:
    """The statement with a token for each sum sign and its scripts, and the bounds found.

    steps: letters that count steps even beside another index, where others count entries.
    """
    tokens = list(statement)
    bounds: list[Bounds] = []
    at = seen = 0
    while at < len(tokens):
        if not _is_sign(tokens, at):
            at += 1
            continue
        sign = tokens[at]
        seen += 1
        if seen > _MOST_SIGNS:
            raise lines.error(
                f"more than {_MOST_SIGNS} sum signs stand in one equation",
                sign,
                "Give parts of it names in equations of their own.",
            )
        several, end = _bounds(tokens, at, lines)
        found = several[0]
        values = _values(found) if found.operation in _SIGNS.values() else None
        if values is not None:
            written = _written_out(tokens, end, sign, found, values, lines)
            tokens[at:] = written
            if len(tokens) > 20_000:
                raise lines.error("this sum is too long to write out", sign, "Use an axis for it.")
            continue
        body = tokens[end : _end(tokens, end)]
        counts = found.letter in steps or found.of[0] or _STEP.fullmatch(found.upper)
        if found.letter and not counts and _is_over_entries(body, found.letter):
            tokens[at:] = _over_entries(tokens, at, end, found)
            at += 1
            continue
        if any(_is_lag(body, at, found.letter) for at in range(len(body))):
            raise _unknown(found, sign, lines)
        stop = max(sign.stop, tokens[end - 1].stop)
        signs = [_sign(bound, replace(sign, stop=stop), lines) for bound in several]
        bounds += several
        tokens[at:end] = signs
        at += len(signs)
    return tokens, bounds


def _sign(found: Bounds, at: Token, lines: Lines) -> Sign:
    """The token of a sign; its text is the letter, with a mark where the sum is special."""
    ends = [index_at(flat) for flat in (found.lower, found.upper) if flat]
    if None in ends or (found.other and found.operation != "sum"):
        raise _part(found, at, lines)
    text = found.letter
    if found.operation == "sum" and found.lower == "0" and found.upper.endswith("-1"):
        text += FROM_ZERO
    elif (
        found.operation in _SIGNS.values()
        and found.lower in ("", "1")
        and _STEP.fullmatch(found.upper)
    ):
        text += UP_TO + found.upper
    word = at.text in REDUCTIONS and at.text not in _SIGNS.values()
    return Sign(SUM, text, at.start, at.stop, at.glued, bounds=found, word=word)


def _is_sign(tokens: Sequence[Token], at: int) -> bool:
    """A sum sign, or a reduction with a letter below it: `sum_t L_t`, `\\max_i`."""
    token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
    if token.kind == MARK:
        return token.text in _SIGNS
    if token.text == "Sigma" and token.stop - token.start == 1:
        return _is_typed_sign(tokens, at)
    if following is None or following.kind != MARK or following.text != "_":
        return False
    if token.kind != NAME or token.text not in REDUCTIONS:
        return False
    below = "".join(t.text for t in tokens[at + 2 : group(tokens, at + 2)]).strip("{}")
    return token.text == "sum" or re.match(r"[a-z](?![A-Za-z0-9])", below) is not None


def _bounds(tokens: Sequence[Token], at: int, lines: Lines) -> tuple[list[Bounds], int]:
    """The bounds of one sign, one for each letter, and the position behind them."""
    name = tokens[at].text
    below = above = None
    at += 1
    while at < len(tokens) and tokens[at].text in ("_", "^") and tokens[at].kind == MARK:
        end = script_end(tokens, at, lines)
        read = script(tokens[at].text, tokens[at + 1 : end], tokens[at], tokens[end - 1])
        below, above = (read, above) if tokens[at].text == "_" else (below, read)
        at = end
    operation = name if name in REDUCTIONS else _SIGNS.get(name, "sum")
    flats = (below.flat if below else "").split(",")
    found = [_bounded(flat, _upper(above), operation) for flat in flats]
    return [f for f in found if f.letter] or found[:1], at


def _bounded(flat: str, upper: str, operation: str) -> Bounds:
    if not upper and (match := _COMPARED.fullmatch(flat)) is not None:
        letter, sign, place = match.groups()
        if sign == "!=":
            return Bounds(letter, operation=operation, other=place)
        if sign[0] == "<":
            return Bounds(letter, "", fold(place + ("-1" if sign == "<" else "")), operation)
        return Bounds(letter, fold(place + ("+1" if sign == ">" else "")), "", operation)
    if not upper and (match := _BETWEEN.fullmatch(flat)) is not None:
        low, first, letter, second, high = match.groups()
        low = fold(low + ("+1" if first == "<" else ""))
        return Bounds(letter, low, fold(high + ("-1" if second == "<" else "")), operation)
    if not upper and (match := _MEMBER.fullmatch(flat)) is not None:
        return Bounds(match[1], operation=operation, of=(match[2], match[3] or match[4] or ""))
    letter, _, lower = flat.partition("=")
    if not upper and ".." in lower:
        lower, _, upper = lower.partition("..")
    return Bounds(letter, lower, upper, operation)


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
        f"this sum from {found.lower or '?'} to {found.upper or '?'} cannot be read",
        sign,
        f"Sum over the whole axis: sum(L[{letter}], {letter}); "
        f"a sum over lags needs numbers, as in \\sum_{{{letter}=0}}^{{2}}.",
    )


def _unknown(found: Bounds, sign: Token, lines: Lines) -> UnrollError:
    letter, end = found.letter, found.upper or "its end"
    return lines.error(
        f"the sum reaches back by {letter}, up to {end}, and only a number of lags can be read",
        sign,
        f"Write its bounds as numbers, as in \\sum_{{{letter}={found.lower or 0}}}^{{2}}, or the recurrence "
        "that the sum solves.",
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


def steps(statements: Sequence[Sequence[Token]]) -> frozenset[str]:
    """Letters that count steps: on a left side, with an offset, or where another index stands.

    `h_j` beside `h_t` is a step, `w_j` beside `x_{t,j}` an entry.
    """
    found: set[str] = set()
    heads: set[str] = set()
    uses: dict[str, set[str]] = {}
    for statement in statements:
        head = next((at for at, t in enumerate(statement) if t.text == "="), 0)
        for name, flat, at in _scripted(statement):
            items = flat.split(",") if not re.fullmatch("[a-z]{2}", flat) else list(flat)
            found |= {m[1] for i in items if (m := _LAGGED.fullmatch(i))}
            letters = {i for i in items if re.fullmatch("[a-z]", i)}
            if at < head:
                found |= letters
                heads.add(name)
            if len(items) == 1:
                uses.setdefault(name, set()).update(
                    m[1] for i in items if (m := _STEPPED.fullmatch(i))
                )
    for name, letters in uses.items():
        if len(letters) > 1 or name in heads:
            found |= letters
    return frozenset(found)


def _scripted(statement: Sequence[Token]) -> Iterator[tuple[str, str, int]]:
    """Names with what stands below, above or in a bracket behind them."""
    for at, token in enumerate(statement):
        if token.kind != NAME:
            continue
        behind = at + 1
        while behind < len(statement) and statement[behind].text in ("_", "^", "["):
            bracket = statement[behind].text == "["
            end = group(statement, behind if bracket else behind + 1)
            inner = "".join(t.text for t in statement[behind:end])
            yield token.text, inner.strip("_^{}[]()<>⟨⟩"), at
            behind = max(end, behind + 1)


def _is_over_entries(body: Sequence[Token], letter: str) -> bool:
    """Whether a letter counts the entries of values: `y_{t,j}` stands in the sum over `j`."""
    return any(_is_entry(body, at, letter) for at in range(len(body)))


def _is_entry(body: Sequence[Token], at: int, letter: str) -> bool:
    """Whether a letter stands last in a script behind an index, as in `_{t,j}`."""
    inside = 1 < at < len(body) - 1 and _is_letter(body[at], letter)
    return inside and body[at - 1].text == "," and body[at + 1].text == "}"


def _is_lag(body: Sequence[Token], at: int, letter: str) -> bool:
    """Whether a letter is the lag of an index, as in `x[n-k]` and `x_{n-k}`."""
    if at < 3 or not _is_letter(body[at], letter) or body[at - 1].text not in ("+", "-"):
        return False
    before = body[at - 3].text if body[at - 3].text != "{" or at < 4 else body[at - 4].text
    return len(body[at - 2].text) == 1 and body[at - 2].kind == NAME and before in ("[", "_")


def _over_entries(tokens: Sequence[Token], at: int, start: int, found: Bounds) -> list[Token]:
    """A sum over a letter that counts entries as the sum of a value's entries."""
    end = _end(tokens, start)
    letter, sign = found.letter, tokens[at]
    stop = max(sign.stop, tokens[start - 1].stop)
    bounds = Bounds("", operation=found.operation)
    out: list[Token] = [Sign(SUM, "", sign.start, stop, sign.glued, bounds=bounds)]
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
