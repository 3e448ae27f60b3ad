"""Names with what hangs on them: runs of letters taken apart, sub- and superscripts collected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from unroll.language.commands import CLOSING, OPENING, group
from unroll.language.scanner import GREEK, MARK, NAME, NUMBER, Lines, Token
from unroll.language.statements import FOR
from unroll.symbolic.operations import ALIASES, OPERATIONS

OPERATION_NAMES = frozenset({*OPERATIONS, *ALIASES})
AXIS_LETTERS = "tknijlmsu"  # letters that index where nothing else says so, the likelier first
_LIBRARIES = frozenset({"np", "numpy", "torch", "math", "jnp", "tf", "nn", "F", "scipy"})
_LIBRARY_NAMES = {"dot": "matmul", "mm": "matmul"}  # np.dot takes matrices too
_WORDS = frozenset({"given", "tau", "sigma", "for", "if", "otherwise", *GREEK, *OPERATION_NAMES})
_STEPS = r"(?:[+-]+(?:[0-9]+|Deltat|dt))*"
_PLACE = rf"(?:(?:[a-z]|[A-Za-z][A-Za-z0-9_]*){_STEPS}|[+-]?[0-9]+)"
_ITEM = rf"(?:(?:[<>]=?)?{_PLACE}|{_PLACE}\.\.{_PLACE}|[a-z_]+\([a-z]\))"  # a step, all earlier ones, a neighbour
_INDEX_LIKE = re.compile(rf"{_ITEM}(?:,{_ITEM})*")
_SIGNAL = rf"(?:[a-z]{_STEPS}|[+-]?[0-9]+)"
_SIGNAL_INDEX = re.compile(rf"{_SIGNAL}(?:,{_SIGNAL})*")
_TERMS = re.compile(r"([a-z])((?:[+-]+(?:[0-9]+|Deltat|dt))+)")
_TERM = re.compile(r"([+-]+)([0-9]+|Deltat|dt)")
_OTHERS = "rqpmnkjisuvw"  # letters for primed ones, which are in use nowhere
_WRAPPERS = {"(": ")", "<": ">", "⟨": "⟩", "[": "]"}


@dataclass(frozen=True, slots=True)
class Script:
    """What stands below (`_`), above (`^`) or in a bracket (`[`, `(`) behind a name.

    flat: its text without spaces and wrapper; wrapper: the bracket around it, as in `^{(t)}`.
    """

    kind: str
    flat: str
    wrapper: str
    tokens: tuple[Token, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name and its scripts, in the order written."""

    token: Token
    scripts: tuple[Script, ...] = ()

    @property
    def stop(self) -> int:
        return self.scripts[-1].stop if self.scripts else self.token.stop


Item = Token | Symbol


def words(statements: Sequence[Sequence[Token]], latex: bool) -> list[list[Token]]:
    """Take runs of letters apart that are products: all in LaTeX, `Wh_t` anywhere."""
    first = [s[0] for s in statements if s and s[0].kind == NAME]
    wholes = {t.text for t in first} | {t.text for s in statements for t in s if t.whole}
    pairs = _pairs(statements)
    found = []
    for statement in statements:
        out: list[Token] = []
        skip = 0
        for at, token in enumerate(statement):
            if skip:
                skip -= 1
                continue
            following = statement[at + 1] if at + 1 < len(statement) else None
            if token.kind != NAME:
                out.append(token)
            elif span := _operation(statement, at):
                out += [replace(t, whole=True) if t.kind == NAME else t for t in span]
                skip = len(span) - 1
            elif (
                token.text in _LIBRARIES
                and following is not None
                and following.text == "."
                and following.glued
                and at + 2 < len(statement)
                and statement[at + 2].text.lower() in OPERATION_NAMES | set(_LIBRARY_NAMES)
            ):
                skip = 2  # np.tanh
                function = statement[at + 2]
                name = _LIBRARY_NAMES.get(function.text, function.text)
                out.append(replace(function, text=name, glued=token.glued, whole=True))
            else:
                indexed = _index_follows(statement, at + 1)
                out += _letters(token, out, following, wholes, pairs, latex, indexed)
        found.append(out)
    heads = {t.text for t in first}
    alone = _deltas_alone(found)
    return [_deltas(statement, heads, alone) for statement in found]


def _operation(statement: Sequence[Token], at: int) -> Sequence[Token]:
    """The tokens of an operation's name that has underscores in it, as in `squared_error`."""
    for stop in (at + 5, at + 3):
        span = statement[at:stop]
        if "".join(t.text for t in span) in OPERATION_NAMES and len(span) > 1:
            return span
    return ()


def _letters(
    token: Token,
    before: Sequence[Token],
    following: Token | None,
    wholes: set[str],
    pairs: set[str],
    latex: bool,
    indexed: bool,
) -> list[Token]:
    text = token.text
    length = token.stop - token.start
    if len(text) < 2 or token.whole or length != len(text) or text in _WORDS:
        return [token]
    if before and before[-1].text == "_" and before[-1].kind == MARK:
        if re.fullmatch(r"[a-z][A-Z][A-Za-z]*", text) and text[0] in "tkni":
            return [_cut(token, 0, 1), *_cut_all(_cut(token, 1, length))]  # x_tU
        matrix = len(before) > 1 and re.fullmatch("[A-Z]", before[-2].text) and length == 2
        glued = matrix and f"{before[-2].text}_{text}" not in pairs  # W_zx_t
        if indexed and text.isalpha() and (latex or glued):
            return [_cut(token, 0, 1), *_cut_all(_cut(token, 1, length))]  # W_hh_{t-1}
        return [token]
    if text in wholes or (following is not None and following.text in ("(", "[") and not latex):
        return [token]
    if before and before[-1].text in ("_", "^", "{") and before[-1].kind == MARK:
        return [token]
    if indexed and re.fullmatch(r"[A-Z]+[a-z]", text):
        return _cut_all(token)
    if indexed and re.fullmatch(r"[A-Z]{2}", text) and text[1] in wholes:  # FP_{k-1}, where P_k is
        return _cut_all(token)
    if not latex or text.lower() in OPERATION_NAMES or not text.isalpha() or not text.isascii():
        return [token]
    if following is not None and following.text == "(" and len(text) > 2:
        return [token]
    return _cut_all(token)


def _pairs(statements: Sequence[Sequence[Token]]) -> set[str]:
    """Names with letters below them, `W_hx`, that are defined or stand somewhere without index."""
    found = set()
    for s in statements:
        for at in range(len(s) - 2):
            named = s[at].kind == s[at + 2].kind == NAME and s[at + 1].text == "_"
            if named and (at == 0 or not _index_follows(s, at + 3)):
                found.add(f"{s[at].text}_{s[at + 2].text}")
    return found


def _index_follows(tokens: Sequence[Token], at: int) -> bool:
    """Whether a script that can only be an index stands here: `_t`, `_{t-1}`, `^{(t)}`, `_<t>`."""
    if at + 1 >= len(tokens) or tokens[at].text not in ("_", "^") or not tokens[at].glued:
        return False
    end = group(tokens, at + 1) if tokens[at + 1].text != "<" else at + 3
    flat = "".join(t.text for t in tokens[at + 1 : min(end, at + 9)]).strip("{}")
    if tokens[at].text == "^" and flat[:1] not in ("(", "<", "⟨"):
        return False
    return re.match(rf"[(<⟨\[]?[{AXIS_LETTERS}](?:[+-][0-9]+)?(?:[)>⟩\]]|$|>)", flat) is not None


def _cut(token: Token, start: int, stop: int) -> Token:
    return replace(
        token,
        text=token.text[start:stop],
        start=token.start + start,
        stop=token.start + stop,
        glued=token.glued or start > 0,
    )


def _cut_all(token: Token) -> list[Token]:
    return [_cut(token, at, at + 1) for at in range(len(token.text))]


def _deltas_alone(statements: Sequence[Sequence[Token]]) -> bool:
    r"""Whether `\Delta` is a name of its own, as in `I - \Delta A/2` beside `\Delta/2`."""
    return any(
        t.text == "Delta"
        and t.kind == NAME
        and (at == 0 or s[at - 1].text not in ("_", "^", "{"))
        and at + 1 < len(s)
        and s[at + 1].kind == MARK
        and s[at + 1].text not in ("_", "^", "[", "(")
        for s in statements
        for at, t in enumerate(s)
    )


def _deltas(tokens: Sequence[Token], heads: set[str], alone: bool) -> list[Token]:
    r"""`\Delta t` and `\delta x` are one name; `\delta x_n` is a product where `x_n` is defined."""
    out: list[Token] = []
    for token in tokens:
        last = out[-1] if out else None
        below = len(out) > 1 and out[-2].kind == MARK and out[-2].text in ("_", "^")
        if (
            last is not None
            and not below
            and not (alone and last.text == "Delta")
            and last.kind == token.kind == NAME
            and last.text in ("Delta", "delta")
            and last.stop - last.start in (1, 6)  # Δ or \Delta, not the word
            and (len(token.text) == 1 or token.text in GREEK)
            and (last.text == "Delta" or token.text not in heads)
        ):
            out[-1] = replace(last, text=last.text + token.text, stop=token.stop, whole=True)
        else:
            out.append(token)
    return out


def layered(statements: Sequence[Sequence[Token]]) -> list[list[Token]]:
    r"""`\ell` as the index letter `l`, where it stands below or above a name: `h_{\ell-1}`."""
    places = [_scripts(s) for s in statements]
    if not any(s[at].text == "ell" for s, p in zip(statements, places) for at in p):
        return [list(s) for s in statements]

    def letter(statement: Sequence[Token], at: int, scripts: set[int]) -> bool:
        following = statement[at + 1].text if at + 1 < len(statement) else ""
        return statement[at].text == "ell" and (at in scripts or following not in ("_", "^", "["))

    return [
        [replace(t, text="l") if letter(s, at, p) else t for at, t in enumerate(s)]
        for s, p in zip(statements, places)
    ]


def primed(statements: Sequence[Sequence[Token]]) -> list[list[Token]]:
    r"""`j'` as a letter of its own where a sum binds it: `\sum_{j'} \exp(e_{t,j'})`."""
    found = []
    taken = {t.text for s in statements for t in s}
    for statement in statements:
        scripts = _scripts(statement)
        marks = {
            at
            for at in scripts
            if statement[at].text == "'" and len(statement[at - 1].text) == 1 and at - 1 in scripts
        }
        below = {
            statement[at - 1].text
            for at in marks
            if statement[at - 2].text in ("_", "{")
            and any(t.text in ("∑", "max", "min", "∏") for t in statement[at - 4 : at - 2])
        }
        others = {old: next(c for c in _OTHERS if c not in taken) for old in sorted(below)}
        marks = {at for at in marks if statement[at - 1].text in others}
        found.append(
            [
                replace(t, text=others[t.text], stop=t.stop + 1) if at + 1 in marks else t
                for at, t in enumerate(statement)
                if at not in marks
            ]
        )
    return found


def _scripts(statement: Sequence[Token]) -> set[int]:
    """Where tokens stand below or above a name, or in the bracket of an index."""
    found: set[int] = set()
    for at, token in enumerate(statement):
        if token.kind == MARK and token.text in ("_", "^"):
            end = group(statement, at + 1)
            if end < len(statement) and statement[end].text == "'" and end == at + 2:
                end += 1  # \sum_j'
            found.update(range(at + 1, end))
    return found


def read_symbols(statement: Sequence[Token], lines: Lines) -> list[Item]:
    """The tokens with each name and its scripts in one symbol."""
    out: list[Item] = []
    at = 0
    while at < len(statement):
        token = statement[at]
        if token.kind != NAME:
            out.append(token)
            at += 1
            continue
        at += 1
        scripts: list[Script] = []
        while at < len(statement):
            found = _script(statement, at, lines)
            if found is None:
                break
            script, at = found
            scripts.append(script)
        out.append(Symbol(token, tuple(scripts)))
    return out


def _script(tokens: Sequence[Token], at: int, lines: Lines) -> tuple[Script, int] | None:
    token = tokens[at]
    if token.kind != MARK:
        return None
    if token.text == "'":
        return Script("^", "'", "", (token,), token.start, token.stop), at + 1
    if token.text == "⊤" and token.glued:
        return Script("^", "⊤", "", (token,), token.start, token.stop), at + 1
    if token.text in ("_", "^"):
        end = script_end(tokens, at, lines)
        return script(token.text, tokens[at + 1 : end], token, tokens[end - 1]), end
    if token.text == "[" or token.text == "(":
        end = group(tokens, at)
        inner = tokens[at + 1 : end - 1]
        flat = "".join(t.text for t in inner)
        history = token.text == "[" and flat.startswith("<")
        if token.text == "(":
            fits = _SIGNAL_INDEX.fullmatch(flat) is not None
        else:
            fits = token.glued and (history or _INDEX_LIKE.fullmatch(flat) is not None)
        if fits:
            bracket = tuple(tokens[at:end])
            return Script(token.text, flat, "", bracket, token.start, tokens[end - 1].stop), end
    return None


def script_end(tokens: Sequence[Token], at: int, lines: Lines) -> int:
    """The position after the script whose `_` or `^` stands at `at`."""
    start = at + 1
    if start >= len(tokens) or tokens[start].kind == FOR:
        raise lines.error(
            f"nothing follows this {tokens[at].text}",
            tokens[at],
            "Write what stands below or above, as in h_{t-1}.",
        )
    if tokens[start].text == "<":
        closing = next(
            (i for i in range(start, min(start + 6, len(tokens))) if tokens[i].text == ">"), None
        )
        if closing is None:
            raise lines.error("this < is never closed", tokens[start], "Write h_<t-1>, or h[t-1].")
        return closing + 1
    if tokens[start].text in ("-", "+") and start + 1 < len(tokens):
        if tokens[start + 1].kind == NUMBER and tokens[start + 1].glued:
            return start + 2  # x^-1
        return start + 1  # x^-
    return group(tokens, start)


def script(kind: str, inner: Sequence[Token], first: Token, last: Token) -> Script:
    """A script from its tokens; braces and the wrapper inside them are told apart."""
    start, stop = first.start, last.stop
    tokens = tuple(inner)
    if tokens and tokens[0].text == "{":
        inner = inner[1:-1]
    wrapper = ""
    if len(inner) > 2 and _WRAPPERS.get(inner[0].text) == inner[-1].text:
        wrapper = "<" if inner[0].text == "⟨" else inner[0].text
        inner = inner[1:-1]
    flat = "".join(t.text for t in inner)
    return Script(kind, flat, wrapper, tokens, start, stop)


def fold(flat: str) -> str:
    r"""An index with its offsets added up: `t+0+1` is `t+1`, `t+\Delta t` is one step on."""
    match = _TERMS.fullmatch(flat)
    if match is None:
        return flat
    offset = 0
    for signs, number in _TERM.findall(match[2]):
        size = int(number[:10]) if number.isdigit() else 1
        offset += -size if signs.count("-") % 2 else size
    return match[1] + (f"{offset:+d}" if offset else "")


def all_symbols(items: Iterable[Item]) -> Iterable[Symbol]:
    return (item for item in items if isinstance(item, Symbol))


def bracketed(items: Sequence[Item], at: int) -> tuple[list[Token], int]:
    """The bracket that starts at `at`, as tokens again, and the position behind it."""
    tokens: list[Token] = []
    depth = 0
    while at < len(items):
        item = items[at]
        tokens += [item] if isinstance(item, Token) else _tokens_of(item)
        at += 1
        if isinstance(item, Token) and item.kind == MARK:
            depth += (item.text in OPENING) - (item.text in CLOSING)
            if depth == 0:
                break
    return tokens, at


def _tokens_of(symbol: Symbol) -> list[Token]:
    tokens = [symbol.token]
    for script in symbol.scripts:
        if script.kind in "_^" and script.flat not in ("'", "⊤"):
            tokens.append(Token(MARK, script.kind, script.start, script.start + 1, True))
        tokens += script.tokens
    return tokens
