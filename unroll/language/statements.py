"""One list of tokens to one list per equation, with `for` before what says where it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unroll.language.commands import CLOSING, OPENING
from unroll.language.prose import BULLETS, without_prose
from unroll.language.scanner import MARK, NAME, NEWLINE, NUMBER, QUAD, Lines, Token

FOR = "for"  # kind of the token before a range
_RANGE_WORDS = frozenset({"for", "if", "when", "where"})
_FILLERS = frozenset({"all", "each", "every", "any", "steps"})
_OTHERWISE = frozenset({"otherwise", "else"})
_MODULO = "(mod)"  # what \pmod is read as
_COMPARING = frozenset({"max", "min"})
_EITHER, _BOTH = frozenset({"or"}), frozenset({"and"})
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "!="})
_INFIX = frozenset({"=", "+", "-", "*", "·", "/", "%", "@", "⊗", ",", *_COMPARISONS})

Tokens = list[Token]


def split_statements(tokens: Sequence[Token], lines: Lines) -> list[Tokens]:
    """The equations, one list of tokens each."""
    found: list[Tokens] = []
    for line in _hard_lines(tokens, lines):
        for equation in _equations(without_prose(line)):
            found += _cases(_compared(_modulo(_trimmed(equation))), lines)
    return [s for s in found if s]


def split(tokens: Sequence[Token], marks: frozenset[str]) -> list[Tokens]:
    """Parts between marks that stand in no bracket; each part begins with its mark but the first."""
    parts: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        if token.kind == MARK:
            depth += _step(token.text)
        if depth == 0 and (token.text if token.kind == MARK else token.kind) in marks:
            parts.append([])
        parts[-1].append(token)
    return parts


def _step(mark: str) -> int:
    if mark in OPENING or mark == "cases{":
        return 1
    return -1 if mark in CLOSING or mark == "}cases" else 0


def _hard_lines(tokens: Sequence[Token], lines: Lines) -> list[Tokens]:
    """Split at line ends and `;`, but not inside brackets or after an operator."""
    found: list[Tokens] = [[]]
    open_brackets: Tokens = []
    for at, token in enumerate(tokens):
        if token.kind == MARK and token.text == "&" and not open_brackets:
            continue
        if token.kind == MARK and _step(token.text) > 0:
            open_brackets.append(token)
        elif token.kind == MARK and _step(token.text) < 0 and token.text != "⟩":
            if not open_brackets:
                raise lines.error(
                    f"this {token.text} closes nothing", token, "Delete it, or open one before it."
                )
            opening = open_brackets.pop().text
            if opening != "cases{" and OPENING.get(opening) != token.text:
                raise lines.error(
                    f"this {token.text} closes a {opening}",
                    token,
                    f"Write {OPENING[opening]} here, or open another bracket before.",
                )
        elif token.text == "⟩" and open_brackets and open_brackets[-1].text == "⟨":
            open_brackets.pop()
        if token.kind == NEWLINE and not open_brackets:
            if not (found[-1] and _continues(found[-1][-1], tokens[at + 1 :])):
                found.append([])
        elif token.kind == MARK and token.text == ";" and not open_brackets:
            found.append([])
        elif token.kind != NEWLINE or any(t.text == "cases{" for t in open_brackets):
            found[-1].append(token)
    if open_brackets:
        opening_token = open_brackets[-1]
        raise lines.error(
            f"this {opening_token.text} is never closed",
            opening_token,
            f"Add the {OPENING.get(opening_token.text, 'end')} that belongs to it.",
        )
    return found


def _continues(last: Token, following: Sequence[Token]) -> bool:
    """Whether a line goes on: it ends with an operator, or the next one begins with one."""
    if last.kind == MARK and last.text in _INFIX - {","}:
        return True
    for at, token in enumerate(following[:8]):
        if token.kind == NEWLINE or token.text == "&":
            continue
        return token.kind == MARK and token.text in _INFIX and not _is_listed(following[at:])
    return False


def _is_listed(tokens: Sequence[Token]) -> bool:
    """Whether an operator is the bullet of a list: an equation of its own follows it."""
    if tokens[0].text not in BULLETS or len(tokens) < 2 or tokens[1].kind != NAME:
        return False
    ends = (at for at, t in enumerate(tokens) if t.kind == NEWLINE)
    marks = [t.text for t in tokens[: next(ends, len(tokens))] if t.kind == MARK]
    return "=" in marks


def _equations(line: Tokens) -> list[Tokens]:
    """Split a line at `,` or a wide space where a new equation or a range begins."""
    found: list[Tokens] = []
    for part in split(line, frozenset({",", QUAD})):
        body = part[1:] if part and (part[0].kind == QUAD or part[0].text == ",") else part
        if not body:
            continue
        if not found:
            found.append(_with_range(body))
        elif _is_range(body) and _is_declaration(found[-1]) and _is_declaration(body):
            found.append(body)
        elif _is_range(body):
            found[-1] += [body[0].like(FOR, "for"), *_without_words(body)]
        elif any(t.kind == MARK and t.text in ("=", "cases{") for t in body):
            found.append(_with_range(body))
        elif part[0].kind == QUAD:
            found[-1] += _with_range(body)
        else:
            found[-1] += _with_range(part)
    return [_with_bracketed_range(equation) for equation in found]


def _is_declaration(part: Tokens) -> bool:
    """`t = 1..n_x`, with nothing else."""
    starts = len(part) > 3 and part[0].kind == NAME and [t.text for t in part[1:3]] == ["=", "1"]
    return starts and part[3].text == ".." and not any(t.kind == FOR for t in part)


def _is_range(part: Tokens) -> bool:
    """`for …`, `t = 2` (followed by dots), `t > 1`, `1 <= t <= T`."""
    if part[0].kind == NAME and part[0].text in _RANGE_WORDS:
        return len(part) > 1 and part[1].text != "("
    marks = [t.text for t in part if t.kind == MARK]
    single = part[0].kind == NUMBER or (part[0].kind == NAME and len(part[0].text) == 1)
    if not single or len(part) < 3 or part[1].kind != MARK:
        return False
    if part[1].text == "∈":
        return part[0].kind == NAME
    if part[1].text == "=":
        rest = [t for t in part[2:] if not (t.kind == MARK and t.text in ("+", "-", "_", "{", "}"))]
        return part[0].kind == NAME and (bool({"..", "…"} & set(marks)) or len(rest) == 1)
    return part[1].text in _COMPARISONS and "=" not in marks


def _without_words(part: Tokens) -> Tokens:
    return [t for t in part if not (t.kind == NAME and t.text in _RANGE_WORDS | _FILLERS)]


def _with_range(part: Tokens) -> Tokens:
    """Mark a range that follows its equation without a comma."""
    depth = 0
    for at, token in enumerate(part):
        depth += _step(token.text) if token.kind == MARK else 0
        word = token.kind == NAME and token.text in _RANGE_WORDS and not depth
        if at and word and at + 1 < len(part) and part[at + 1].text not in ("=", "[", "_"):
            if part[at + 1].text == "(" or part[at - 1].text in _INFIX or _in_script(part, at):
                continue
            return [*part[:at], token.like(FOR, "for"), *_without_words(part[at + 1 :])]
    return part


def _in_script(part: Tokens, at: int) -> bool:
    """Whether a word stands below or above a name: the `if` of `W_if` and `W_{if}`."""
    before = [t.text for t in part[:at]]
    if before[-1:] == ["{"]:
        before.pop()
    return before[-1:] in (["_"], ["^"])


def _with_bracketed_range(equation: Tokens) -> Tokens:
    """`… (2 <= t <= T)` at the end, and `t = 1, 2, …, T` as `t = 1..T`."""
    equation = _trimmed(equation)
    ranged = next((at for at, t in enumerate(equation) if t.kind == FOR), None)
    if ranged is None and equation and equation[-1].text == ")":
        start = _opening(equation)
        if start and equation[start].text == "(":
            inner = equation[start + 1 : -1]
            comparisons = [t for t in inner if t.kind == MARK and t.text in _COMPARISONS]
            dotted = any(t.text in ("…", "..") for t in inner)
            chained = len(comparisons) == 2 and "," not in [t.text for t in inner]
            worded = bool(inner) and inner[0].text in _RANGE_WORDS
            bounded = len(inner) == 3 and inner[0].kind == NAME and inner[2].kind == NUMBER
            chained = chained or dotted or worded or bounded
            if inner and chained and not equation[start].glued and _is_range(inner):
                head = inner[0].like(FOR, "for")
                equation = [*equation[:start], head, *_without_words(inner)]
                ranged = start
    if ranged is not None:
        equation = [*equation[:ranged], *_as_range(equation[ranged:])]
    dots = [at for at, t in enumerate(equation) if t.text in ("…", "..") and t.kind == MARK]
    if len(dots) == 1 and (ranged is not None or _starts_axis(equation)):
        at = dots[0]
        equals = max((i for i in range(at) if equation[i].text == "="), default=0)
        listed = equation[equals + 1 : at]
        listed = [t for t in listed if not (t.text == "," and t.kind == MARK)]
        if all(t.kind == NUMBER for t in listed):
            listed = listed[:1]
        before = [*equation[: equals + 1], *listed]
        after = [t for t in equation[at + 1 :] if t.text != ","]
        if not after and listed and ranged is not None:  # n = 1, 2, …
            return [*equation[:equals], equation[equals].like(MARK, ">="), *listed]
        equation = [*before, equation[at].like(MARK, ".."), *after]
    return equation


def _as_range(tokens: Tokens) -> Tokens:
    r"""A range that names a set, by its ends: `t \in \{1, \dots, T\}` and `t \in [1, T]`."""
    if len(tokens) < 4 or tokens[2].text != "∈":
        return tokens
    if len(tokens) == 4 and tokens[3].text in ("N", "Z"):
        return tokens[:2]
    if len(tokens) < 6 or _step(tokens[3].text) < 1:
        return tokens
    inner = tokens[4:-1]
    commas = [at for at, t in enumerate(inner) if t.kind == MARK and t.text == ","]
    if len(commas) == 1 and not any(t.text == "…" for t in inner):
        inner = [replace(t, text="..") if t.text == "," and t.kind == MARK else t for t in inner]
    return [*tokens[:2], tokens[2].like(MARK, "="), *inner]


def _opening(tokens: Tokens) -> int:
    """Where the bracket opens that the last token closes."""
    depth = 0
    for at in range(len(tokens) - 1, -1, -1):
        if tokens[at].kind == MARK:
            depth -= _step(tokens[at].text)
        if depth == 0:
            return at
    return 0


def _starts_axis(equation: Tokens) -> bool:
    return len(equation) > 3 and equation[0].kind == NAME and equation[1].text == "="


def _trimmed(equation: Tokens) -> Tokens:
    """Without closing punctuation and equation number."""
    equation = list(equation)
    while equation and (equation[-1].kind == QUAD or equation[-1].text in (".", ",", ";")):
        equation.pop()
    if len(equation) > 3 and equation[-1].text == ")":
        start = next(
            (
                at
                for at in range(max(0, len(equation) - 5), len(equation))
                if equation[at].text == "("
            ),
            None,
        )
        if start and not equation[start].glued and equation[start - 1].text not in _INFIX:
            inner = equation[start + 1 : -1]
            rest = [t for t in inner[1:] if t.kind != NUMBER and t.text not in (".", "a", "b", "c")]
            if inner and inner[0].kind == NUMBER and not rest:
                return _trimmed(equation[:start])
    return equation


def _modulo(equation: Tokens) -> Tokens:
    r"""`x = a y + c \pmod m` and `x ≡ a y + c (mod m)`: the whole right side modulo m."""
    marked = _marked(equation)
    head = next((at for at, t in enumerate(marked) if t.text == "="), None)
    at = next((at for at, t in enumerate(marked) if t.text == _MODULO), None)
    if at is None or head is None or any(t.text == "cases{" for t in marked):
        return marked
    opening, closing = marked[head].like(MARK, "("), marked[at].like(MARK, ")")
    remainder = marked[at].like(MARK, "%")
    inner = marked[head + 1 : at]
    return [*marked[: head + 1], opening, *inner, closing, remainder, *marked[at + 1 :]]


def _marked(tokens: Tokens) -> Tokens:
    r"""With `(mod m)` as the mark of \pmod before m."""
    out: Tokens = []
    closing: list[int] = []
    for at, token in enumerate(tokens):
        following = tokens[at + 1].text if at + 1 < len(tokens) else ""
        if token.text == "(" and token.kind == MARK and following in ("mod", "%"):
            closing.append(_closing(tokens, at))
        elif closing and at == closing[-1]:
            closing.pop()
        elif out and tokens[at - 1].text == "(" and token.text in ("mod", "%") and closing:
            out.append(token.like(MARK, _MODULO))
        else:
            out.append(token)
    return out


def _closing(tokens: Tokens, start: int) -> int:
    """Where the bracket closes that opens at `start`."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += _step(tokens[at].text) if tokens[at].kind == MARK else 0
        if depth == 0:
            return at
    return len(tokens)


def _compared(equation: Tokens) -> Tokens:
    r"""`\max \begin{cases} a \\ b \end{cases}` as `max(a, b)`: the rows are what is compared."""
    start = next((at for at, t in enumerate(equation) if t.text == "cases{"), None)
    if not start or equation[start - 1].text not in _COMPARING:
        return equation
    end = next((at for at, t in enumerate(equation) if t.text == "}cases"), len(equation))
    rows = split(equation[start + 1 : end], frozenset({NEWLINE, ";"}))
    values: Tokens = []
    for row in rows:
        body = [t for t in row if t.kind != NEWLINE and not (t.kind == MARK and t.text == ";")]
        value = split(body, frozenset({"&"}))[0]  # a remark stands behind
        while value and value[-1].text == ",":
            value.pop()
        if value:
            comma = [equation[start].like(MARK, ",")] if values else []
            values += [*comma, *value]
    opening, closing = equation[start].like(MARK, "(", True), values[-1].like(MARK, ")")
    return [*equation[:start], opening, *values, closing, *equation[end + 1 :]]


def _cases(equation: Tokens, lines: Lines) -> list[Tokens]:
    """One equation for each row of a `cases` environment; conditions on values are a choice."""
    start = next((at for at, t in enumerate(equation) if t.text == "cases{"), None)
    if start is None:
        return [equation]
    end = next((at for at, t in enumerate(equation) if t.text == "}cases"), len(equation))
    head = equation[:start]
    if not head or head[-1].text != "=" or end + 1 < len(equation):
        raise lines.error(
            "cases are read only where they are the whole right-hand side",
            equation[start],
            "Give them a name in an equation of their own.",
        )
    found: list[Tokens] = []
    choices: list[tuple[Tokens, Tokens]] = []
    for row in split(equation[start + 1 : end], frozenset({NEWLINE, ";"})):
        body = [t for t in row if t.kind != NEWLINE and not (t.kind == MARK and t.text == ";")]
        if not body:
            continue
        value, *conditions = split(body, frozenset({"&"}))
        condition = [t for c in conditions for t in c[1:]]
        if not condition:
            pieces = _equations(value)
            found += [[*head, *piece] for piece in pieces]
            continue
        while value and value[-1].text == ",":
            value.pop()
        condition = _without_words(condition)
        condition = _listed(condition)
        otherwise = not condition or condition[0].text in _OTHERWISE
        places = [] if otherwise or choices else _joined_ranges(condition)
        if places:
            found += [[*head, *value, condition[0].like(FOR, "for"), *place] for place in places]
        elif choices or not (otherwise or _is_range(condition)):
            choices.append((value, [] if otherwise else condition))
        elif otherwise:
            found.append([*head, *value])
        else:
            found.append([*head, *value, condition[0].like(FOR, "for"), *condition])
    return [*found, [*head, *_choice(choices)]] if choices else found


def _choice(rows: Sequence[tuple[Tokens, Tokens]]) -> Tokens:
    """Rows with conditions on values as `where(condition, value, …)`; zero where none holds."""
    value, condition = rows[0]
    if not condition:
        return value
    at = condition[0]
    comma = at.like(MARK, ",")
    rest = _choice(rows[1:]) if len(rows) > 1 else [at.like(NUMBER, "0")]
    name = replace(at.like(NAME, "where"), whole=True)
    inner = [*_condition(condition), comma, *value, comma, *rest]
    return [name, at.like(MARK, "(", True), *inner, at.like(MARK, ")")]


def _condition(tokens: Tokens) -> Tokens:
    """A condition as a number; `a <= x < b` is both of its comparisons."""
    for words, sign in ((_EITHER, ","), (_BOTH, "*")):
        pieces = _apart(tokens, words)
        if len(pieces) > 1:
            return _connected([_condition(piece) for piece in pieces], sign)
    tokens = [replace(t, text="==") if t.kind == MARK and t.text == "=" else t for t in tokens]
    at = next((at for at, t in enumerate(tokens) if t.text == _MODULO), None)
    equal = next((at for at, t in enumerate(tokens) if t.text == "=="), None)
    if at is not None and equal is not None:  # a = b (mod m)
        remainder = [tokens[at].like(MARK, "%"), *tokens[at + 1 :]]
        left = [tokens[0].like(MARK, "("), *tokens[:equal], tokens[equal].like(MARK, ")")]
        return [*left, *remainder, *tokens[equal:at]]
    parts = split(tokens, _COMPARISONS | {"=="})
    if len(parts) != 3:
        return tokens
    low, middle, high = parts
    opening, closing = tokens[0].like(MARK, "("), tokens[-1].like(MARK, ")")
    both = [opening, *low, *middle, closing, tokens[0].like(MARK, "*")]
    return [*both, opening, *middle[1:], *high, closing]


def _listed(condition: Tokens) -> Tokens:
    """A condition whose commas mean `and`; in `i, j > 0` both names are compared."""
    while condition and condition[-1].text in (",", "."):
        condition = condition[:-1]
    if any(t.text in ("…", "..") for t in condition):
        return [t for t in condition if t.text != ","]
    signs = {*_COMPARISONS, "=", "∈"}
    out: Tokens = []
    waiting: list[Tokens] = []
    for part in split(condition, frozenset({","})):
        body = part[1:] if part[0].text == "," else part
        sign = next((at for at, t in enumerate(body) if t.text in signs), None)
        if sign is None:
            waiting.append(body)
            continue
        for names in (*waiting, body[:sign]):
            out += [replace(body[0].like(NAME, "and"), whole=True)] if out else []
            out += [*names, *body[sign:]]
        waiting = []
    return out or condition


def _apart(tokens: Tokens, words: frozenset[str]) -> list[Tokens]:
    """The pieces of a condition between `and`, or between `or`."""
    pieces: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        depth += _step(token.text) if token.kind == MARK else 0
        if token.text in words and token.kind == NAME and not depth:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [p for p in pieces if p]


def _connected(conditions: list[Tokens], sign: str) -> Tokens:
    """Conditions as numbers: the product of all, or the largest of any."""
    at = conditions[0][0]
    opening, closing = at.like(MARK, "(", True), at.like(MARK, ")")
    out: Tokens = []
    for condition in conditions:
        out += [at.like(MARK, sign)] if out else []
        out += [opening, *condition, closing] if sign == "*" else condition
    if sign == "*":
        return out
    return [replace(at.like(NAME, "max"), whole=True), opening, *out, closing]


def _joined_ranges(condition: Tokens) -> list[Tokens]:
    """Where `i = 0 or j = 0` and `i > 0 and j > 0` hold, one range for each of the former."""
    found = []
    for either in _apart(condition, _EITHER):
        pieces = _apart(either, _BOTH)
        if not all(_is_range(piece) for piece in pieces):
            return []
        place: Tokens = []
        for piece in pieces:
            place += [*([piece[0].like(MARK, ",")] if place else []), *piece]
        found.append(place)
    return found if len(found) > 1 or len(_apart(condition, _BOTH)) > 1 else []
