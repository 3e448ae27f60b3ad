"""Formulas as plain text: the TeX of a label in Unicode, for formats that set no mathematics.

Raised and lowered letters are Unicode's own where it has all of them, `h⁽ᵗ⁻¹⁾`. Where not, they
follow a sign, `h^(τ)`, or stand between tags. Bold letters are not told apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_~]|\s+|.", re.DOTALL)
_MARKS = {"^": ("\ue000", "\ue001"), "_": ("\ue002", "\ue003")}  # for private use
_ALL_MARKS = frozenset("\ue000\ue001\ue002\ue003")
_ACCENTS = {
    r"\hat": "\u0302",
    r"\widehat": "\u0302",
    r"\tilde": "\u0303",
    r"\widetilde": "\u0303",
    r"\bar": "\u0304",
    r"\overline": "\u0304",
    r"\dot": "\u0307",
    r"\ddot": "\u0308",
    r"\check": "\u030c",
    r"\vec": "\u20d7",
    r"\overrightarrow": "\u20d7",
    r"\overleftarrow": "\u20d6",
}
_LAST = 0x2C80  # of the raised and lowered letters that fonts have
_PLAIN = frozenset("0123456789+−=()abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZβγδθφχρ")
_SPACED = frozenset("⊙⊗⊕×·÷±∘∗⋆≤≥≠∈→←↦∼∧∨|")  # signs with space around them
_UPRIGHT = frozenset(
    rf"\{name}"
    for name in ("mathrm", "mathbf", "mathit", "boldsymbol", "text", "operatorname", "mathbb")
)
_IGNORED = frozenset({r"\!", r"\left", r"\right", r"\displaystyle", r"\bigl", r"\bigr", r"\limits"})
_SPACES = frozenset({r"\,", r"\;", r"\:", r"\ ", r"\quad", r"\qquad", r"\bmod", "~"})
_TABLE = r"""
nabla ∇ partial ∂ top ᵀ infty ∞ ell ℓ odot ⊙ otimes ⊗ oplus ⊕ times × cdot · div ÷ pm ± circ ∘ ast ∗
star ⋆ prime ′ sum ∑ prod ∏ int ∫ Vert ‖ | ‖ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ in ∈ to → leftarrow ←
mapsto ↦ sim ∼ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ wedge ∧ vee ∨ neg ¬ mid | vert |
ldots … cdots … dots … backslash \ textbackslash \ textasciicircum ^ textasciitilde ~ textless <
textgreater > textbar | lbrace { rbrace } epsilon ϵ varepsilon ε phi ϕ varphi φ vartheta ϑ varrho ϱ
varsigma ς varpi ϖ
"""
_SIGNS = dict(zip(("\\" + name for name in _TABLE.split()[::2]), _TABLE.split()[1::2]))


def plain(tex: str) -> str:
    """A formula without dollar signs as text: `h^{(t)}` is `h⁽ᵗ⁾`, `W_{hf}` is `W_{hf}`."""
    text = _formula(tex)
    for sign, (opening, closing) in _MARKS.items():
        while (found := re.search(f"{opening}([^{opening}{closing}]*){closing}", text)) is not None:
            text = text[: found.start()] + _signed(sign, found[1]) + text[found.end() :]
    return text


def markup(tex: str, escape: Callable[[str], str], tags: Mapping[str, tuple[str, str]]) -> str:
    """A formula as text with tags for what is raised (`^`) and lowered (`_`).

    escape: of the text, which also decides about letters without a meaning; tags: by sign, those
    around what Unicode has no letters for.
    """
    text = escape(_formula(tex))
    for sign, (opening, closing) in _MARKS.items():
        text = text.replace(opening, tags[sign][0]).replace(closing, tags[sign][1])
    return text


def is_plain(tex: str) -> bool:
    """Whether Unicode has all raised and lowered letters of a formula."""
    return not any(mark in _formula(tex) for pair in _MARKS.values() for mark in pair)


@lru_cache(maxsize=4096)
def _formula(tex: str) -> str:
    """The text, with marks around what stays to be raised or lowered."""
    known = "".join(c for c in tex if c not in _ALL_MARKS)
    tokens = _TOKEN.findall(re.sub(r"\\char34(\{\})?", '"', known).replace(r".\!.\!.", "…"))
    text = _row(iter(tokens))
    return re.sub(r" {2,}", " ", text).strip().replace("...", "…")


def _row(tokens: Iterator[str]) -> str:
    """Text up to the end, or to the brace that closes what is being read."""
    found, tight = "", False
    for token in tokens:
        if token == "}":
            break
        if token.isspace():
            found += "" if tight else " "
        elif token in "^_":
            found += _script(token, _argument(tokens))
        else:
            found += _atom(token, tokens)
        tight = token[0] == "\\" and _is_letter(token, found[-1:])
    return unicodedata.normalize("NFC", found)


def _is_letter(token: str, text: str) -> bool:
    """Whether the space behind a command only ends its name, as in `\\alpha x`."""
    return token[1:].isalpha() and not text.isascii() and text not in _SPACED


def _argument(tokens: Iterator[str]) -> str:
    token = next((t for t in tokens if not t.isspace()), "}")
    return "" if token == "}" else _atom(token, tokens)


def _atom(token: str, tokens: Iterator[str]) -> str:
    if token == "{":
        return _row(tokens)
    if token in _UPRIGHT:
        return _argument(tokens)
    if token in _ACCENTS:
        return "".join(c + _ACCENTS[token] for c in _argument(tokens))
    if token in (r"\frac", r"\tfrac", r"\dfrac"):
        return "/".join(_bracketed(_argument(tokens)) for _ in range(2))
    if token == r"\sqrt":
        return "√" + _bracketed(_argument(tokens))
    if token in _IGNORED:
        return ""
    if token in _SPACES:
        return " mod " if token == r"\bmod" else " "
    if token == "-":
        return "−"
    if token == "'":
        return "′"
    return _SIGNS.get(token) or _letter(token)


def _letter(token: str) -> str:
    """A Greek letter by its name; of another command its name, of a sign the sign."""
    if not token.startswith("\\"):
        return token
    name = token[1:]
    size = "CAPITAL" if name[:1].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.upper()}")
    except KeyError:
        return name


def _bracketed(text: str) -> str:
    return text if len(text) == 1 or text.isalnum() else f"({text})"


def _script(sign: str, text: str) -> str:
    """Raised or lowered text."""
    letters = _scripts("<super>" if sign == "^" else "<sub>")
    tight = text.replace(" ", "")
    if all(c in letters for c in tight):
        return "".join(letters[c] for c in tight)
    if sign == "^" and tight.endswith("ᵀ") and len(tight) > 1:
        return _script(sign, tight[:-1]) + "ᵀ"
    return _MARKS[sign][0] + text + _MARKS[sign][1]


def _signed(sign: str, text: str) -> str:
    wrapped = len(text) == 1 or _is_wrapped(text)
    return sign + (text if wrapped else f"{{{text}}}")


def _is_wrapped(text: str) -> bool:
    return text[:1] + text[-1:] in ("()", "⟨⟩")


@cache
def _scripts(kind: str) -> dict[str, str]:
    """Raised or lowered letters by the plain ones, those of Unicode's tables that fonts have."""
    found: dict[str, str] = {}
    for code in range(_LAST):
        mark, _, base = unicodedata.decomposition(chr(code)).partition(" ")
        if mark == kind and " " not in base and chr(int(base, 16)) in _PLAIN:
            found.setdefault(chr(int(base, 16)), chr(code))
    extra = {"T": "ᵀ", "ᵀ": "ᵀ", "…": "…", "′": "′", "*": "*", "∗": "*"}
    return {**found, **(extra if kind == "<super>" else {"…": "…"})}
