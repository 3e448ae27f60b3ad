"""Words around equations: labels, numbers of a list, `where`, Chinese and Japanese connectives.

They are dropped where no formula could mean them; all other prose stays, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from unroll.language.commands import CLOSING, OPENING
from unroll.language.scanner import CJK, MARK, NAME, NUMBER, Token

# Between two equations of one line. `where` before a range stays for what reads ranges.
_CONNECTIVES = frozenset({"and", "with", "where", "其中", "且", "及", "和", "ただし", "ここで"})
BULLETS = frozenset({"-", "*", "·"})
_JAPANESE = re.compile("[\u3040-\u309f]")  # hiragana: a particle or a verb, and no name
_OPERATORS = frozenset("=+-*/@·⊗<>_^([{|‖") | {"<=", ">=", "==", "!=", "**"}

Tokens = list[Token]


def without_prose(line: Sequence[Token]) -> Tokens:
    """A line without the words around its equations; a word between two becomes a comma."""
    tokens = _connected(_labelled(_listed(list(line))))
    out: Tokens = []
    for at, token in enumerate(tokens):
        if not _is_cjk(token) or not _is_word(tokens, at, out):
            out.append(token)
    return out


def _listed(line: Tokens) -> Tokens:
    """Without a bullet or a number before the equation: `- `, `1.`, `2)`, `(3)`."""
    if not any(t.kind == MARK and t.text in ("=", "cases{") for t in line):
        return line
    heads = "".join(t.text if t.kind == MARK else t.kind[:2] for t in line[:4])
    if re.match(r"\(nu\)na", heads):
        return line[3:]
    if re.match(r"nu[.)]na", heads):
        return line[2:]
    return line[1:] if heads[2:] and line[0].text in BULLETS and line[1].kind == NAME else line


def _labelled(line: Tokens) -> Tokens:
    r"""Without `Forget gate:`; the `:` of `\colon=` goes too."""
    for at, token in enumerate(line):
        if token.kind != MARK or token.text in ("-", "(", ")", "&"):
            continue
        if token.text != ":":
            break
        return line[at + 1 :] if line[at + 1 : at + 2] and line[at + 1].text != "=" else line
    return [t for t, following in zip(line, [*line[1:], None]) if not _is_colon(t, following)]


def _is_colon(token: Token, following: Token | None) -> bool:
    return token.text == ":" and following is not None and following.text == "="


def _connected(line: Tokens) -> Tokens:
    """With a comma for each word that stands between two equations."""
    out: Tokens = []
    depth = 0
    for at, token in enumerate(line):
        depth += token.kind == MARK and (token.text in OPENING) - (token.text in CLOSING)
        word = token.kind == NAME and token.text in _CONNECTIVES and not depth
        if word and _is_equation(line[at + 1 : at + 22]):
            if out and out[-1].text != ",":
                out.append(token.like(MARK, ","))
        else:
            out.append(token)
    return out


def _is_equation(tokens: Sequence[Token]) -> bool:
    """Whether an indexed name and its `=` follow."""
    if len(tokens) < 3 or tokens[0].kind != NAME or tokens[1].text in (",", "="):
        return False
    marks = [t.text for t in tokens if t.kind == MARK]
    return "=" in marks and tokens[1].text in ("_", "^", "[", "(")


def _is_cjk(token: Token) -> bool:
    return token.kind == NAME and re.fullmatch(f"{CJK}+", token.text) is not None


def _is_word(tokens: Tokens, at: int, before: Tokens) -> bool:
    """Whether a Chinese or Japanese name token is a word and no variable."""
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is not None and following.kind == MARK and following.text in _OPERATORS:
        return False
    starts = (
        not before
        or before[-1].text in (",", "&")
        or before[-1].kind
        not in (
            MARK,
            NAME,
            NUMBER,
        )
    )
    if starts:
        return True
    return before[-1].text not in _OPERATORS and _JAPANESE.search(tokens[at].text) is not None
