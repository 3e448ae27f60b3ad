"""LaTeX to plain marks: decoration goes, commands become the names and signs they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unroll.errors import UnrollError, nearest
from unroll.language.scanner import (
    COMMAND,
    DEEPEST,
    GREEK,
    MARK,
    NAME,
    NEWLINE,
    NUMBER,
    QUAD,
    Lines,
    Token,
)
from unroll.symbolic.operations import ALIASES, OPERATIONS

OPENING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}
CLOSING = {closing: opening for opening, closing in OPENING.items()}

_SIGNS = {
    "cdot": "·", "times": "·", "odot": "*", "circ": "*", "ast": "*", "star": "*", "otimes": "⊗",
    "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=",
    "bmod": "%", "mod": "%", "pmod": "(mod)", "%": "%", "lt": "<", "gt": ">", "ne": "!=", "neq": "!=", "div": "/",
    "leftarrow": "=", "gets": "=", "doteq": "=", "triangleq": "=", "equiv": "=", "coloneqq": "=",
    "langle": "⟨", "rangle": "⟩", "lbrace": "(", "rbrace": ")", "{": "(", "}": ")",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|",
    "|": "‖", "Vert": "‖", "lVert": "‖", "rVert": "‖",
    "dots": "…", "ldots": "…", "cdots": "…", "dotsc": "…", "dotsb": "…", "vdots": "…",
    "top": "⊤", "intercal": "⊤", "prime": "'", "sum": "∑", "prod": "∏", "lbrack": "[", "rbrack": "]",
    "in": "∈", "colon": ":",
}  # fmt: skip
_NAMES = {"varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varsigma": "sigma",
          "varrho": "rho", "ell": "ell", "forall": "for", "lg": "log", "lambda": "lambda"}  # fmt: skip
_FUNCTIONS = frozenset({*OPERATIONS, *ALIASES}) - {"like", "size", "part", "unpart"}
_NAMES |= {name: name for name in (*GREEK, *sorted(_FUNCTIONS))}
_ROUNDED = {"lfloor": "floor", "lceil": "ceil", "⌊": "floor", "⌈": "ceil"}
_ROUNDED_ENDS = frozenset({"rfloor", "rceil", "⌋", "⌉"})
_INDICATOR = "𝟙"
_ACCENTS = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar",
    "overline": "bar", "dot": "dot", "ddot": "ddot", "check": "check", "breve": "breve", "vec": "",
    "overrightarrow": "fwd", "overleftarrow": "bwd",
}  # fmt: skip
_BOLD = frozenset({"mathbf", "boldsymbol", "bm", "textbf", "bf"})
_TEXT = frozenset({"text", "textrm", "textit", "mbox", "textnormal"})
_STYLES = _BOLD | {
    "mathrm", "text", "operatorname", "operatorname*", "mathit", "mathsf", "mathcal", "mathbb",
    "mathtt", "textrm", "textit", "textsf", "rm", "it", "mathop", "mathscr", "mbox", "textnormal",
}  # fmt: skip
_SILENT = frozenset({
    "left", "right", "displaystyle", "textstyle", "nonumber", "notag", "limits", "nolimits",
    *(size + side for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")),
    ",", "!", ";", ":", " ", ">", "/", "\n", "hfill", "centering", "noindent", "therefore",
    "boxed", "fbox",
})  # fmt: skip
_SPACES = frozenset({",", ";", ":", " ", ">"})
_WITH_LABEL = frozenset({
    "tag", "label", "tag*", "hspace", "vspace", "phantom", "color", "textcolor",
})  # fmt: skip
_STACKS = frozenset({"stackrel", "overset", "underset"})
_ROOTS = {"√": "", "∛": "3", "∜": "4"}
# Words of a remark that say where an equation holds.
_TELLING = frozenset({"for", "if", "when", "where", "otherwise", "else", "and", "with", "given"})
_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
_ENVIRONMENTS = frozenset({
    "aligned", "align", "alignat", "gather", "gathered", "split", "equation", "multline",
    "eqnarray", "math", "displaymath", "array",
})  # fmt: skip
_DEEPEST_ENVIRONMENT = 20
_LONGEST_NAME = 30  # tokens of a name with its scripts
_CASES = frozenset({"cases", "dcases"})
_COLUMNS = frozenset({"pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix"})


def plain(tokens: Sequence[Token], lines: Lines) -> list[Token]:
    """The tokens without LaTeX. Raises UnrollError on a command that is no mathematics."""
    check_brackets(tokens, lines)
    return _without_layout_braces(_Reading(tokens, lines).read())


def _without_layout_braces(tokens: Sequence[Token]) -> list[Token]:
    r"""Without braces that only hold things together: `{\displaystyle …}`, `{\tilde {c}}_{t}`.

    Braces around equations or around one name are layout; scripts keep theirs.
    """
    dropped: set[int] = set()
    opened: list[tuple[int, bool, int]] = []  # where, whether it is a script, equations before
    equations = 0
    for at, token in enumerate(tokens):
        if token.kind == NEWLINE:
            equations += 1
        if token.kind != MARK:
            continue
        scripts = opened[-1][1] if opened else False
        if token.text == "{":
            behind = at > 0 and tokens[at - 1].kind == MARK and tokens[at - 1].text in ("_", "^")
            opened.append((at, behind or scripts, equations))
        elif token.text == "}" and opened:
            start, script, before = opened.pop()
            if not script and (equations > before or _is_one_name(tokens, start + 1, at)):
                dropped |= {start, at}
        elif token.text in ("=", "&") and not scripts:
            equations += 1
    return [t for at, t in enumerate(tokens) if at not in dropped]


def _is_one_name(tokens: Sequence[Token], start: int, stop: int) -> bool:
    """Whether a name stands there, with scripts or without, and nothing else."""
    if start >= stop or tokens[start].kind != NAME or stop - start > _LONGEST_NAME:
        return False
    tokens, start, stop = tokens[start:stop], 0, stop - start
    at = start + 1
    while at < stop and tokens[at].kind == MARK and tokens[at].text in ("_", "^"):
        at = group(tokens, at + 1)
    return at == stop


def check_brackets(tokens: Sequence[Token], lines: Lines) -> None:
    """Refuse braces that do not match, and nesting that is too deep."""
    braces: list[Token] = []
    depth = 0
    environments = 0
    for token in tokens:
        environments += (token.text == r"\begin") - (token.text == r"\end")
        if environments > _DEEPEST_ENVIRONMENT:
            raise lines.error(
                f"environments are nested deeper than {_DEEPEST_ENVIRONMENT}",
                token,
                "Write one equation a line.",
            )
        if token.kind != MARK:
            continue
        if token.text in OPENING:
            depth += 1
        elif token.text in CLOSING:
            depth -= 1
        if depth > DEEPEST:
            raise lines.error(
                f"the brackets are nested deeper than {DEEPEST}",
                token,
                "Give a part of the formula a name in an equation of its own.",
            )
        if token.text == "{":
            braces.append(token)
        elif token.text == "}":
            if not braces:
                raise lines.error("this } closes nothing", token, "Delete it, or open a { before.")
            braces.pop()
    if braces:
        raise lines.error("this { is never closed", braces[-1], "Add the } that belongs to it.")


def group(tokens: Sequence[Token], at: int) -> int:
    """The position after the group (bracketed, or one token) that starts at `at`."""
    if at >= len(tokens):
        return at
    opening = tokens[at].text if tokens[at].kind == MARK else ""
    if opening not in OPENING:
        return at + 1
    depth = 0
    for position in range(at, len(tokens)):
        if tokens[position].kind != MARK:
            continue
        if tokens[position].text == opening:
            depth += 1
        elif tokens[position].text == OPENING[opening]:
            depth -= 1
            if depth == 0:
                return position + 1
    return len(tokens)


def derivative(token: Token, lines: Lines) -> UnrollError:
    return lines.error(
        "a derivative stands in the equation",
        token,
        "Write the forward equations only: the derivatives are derived from them.",
    )


def endless(token: Token, lines: Lines) -> UnrollError:
    return lines.error(
        "what goes on without end cannot be computed",
        token,
        "Write the recurrence that it solves, as in G[t] = R[t+1] + gamma * G[t+1], or an end.",
    )


class _Reading:
    """One pass over a list of tokens; groups that a command takes are read by another."""

    def __init__(self, tokens: Sequence[Token], lines: Lines) -> None:
        self.tokens = list(tokens)
        self.lines = lines
        self.at = 0
        self.out: list[Token] = []

    def read(self) -> list[Token]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.kind == COMMAND:
                self.command(token, token.text[1:])
            elif token.kind == MARK and token.text in _ROOTS:
                self.root_sign(token)
            elif token.text in _ROUNDED or token.text in _ROUNDED_ENDS:
                self.rounded(token, token.text)
            elif token.text == _INDICATOR and self.condition(token):
                pass
            elif token.kind != MARK or token.text not in ("$", "~"):
                self.out.append(token)
        return self.out

    def group(self) -> list[Token]:
        """The next group, without its braces and without LaTeX."""
        while self.at < len(self.tokens) and self.tokens[self.at].kind == NEWLINE:
            self.at += 1
        start, self.at = self.at, group(self.tokens, self.at)
        inner = self.tokens[start : self.at]
        if inner and inner[0].kind == NUMBER and len(inner[0].text) > 1 and inner[0].text.isdigit():
            self.at -= 1  # \frac12 takes one digit at a time
            digit = inner[0]
            rest = replace(digit, text=digit.text[1:], start=digit.start + 1)
            self.tokens = [*self.tokens[:start], rest, *self.tokens[start + 1 :]]
            return [replace(digit, text=digit.text[0], stop=digit.start + 1)]
        if inner and inner[0].text == "{":
            inner = inner[1:-1]
        elif inner and inner[0].kind == COMMAND:  # \hat\mathbf{y}
            end = self.at
            while end < len(self.tokens) and self.tokens[end].text == "{":
                end = group(self.tokens, end)
            inner, self.at = self.tokens[start:end], end
        return _Reading(inner, self.lines).read()

    def factor(self) -> list[Token]:
        """The next factor: a bracket, or a name or number with what stands below it."""
        start = self.at
        inner = self.group()
        if self.at - start > 1 and inner and inner[0].text == "(":
            return inner[1:-1]
        while self._next() == "_" and self.tokens[self.at].kind == MARK:
            start, self.at = self.at, group(self.tokens, self.at + 1)
            inner += _Reading(self.tokens[start : self.at], self.lines).read()
        return inner

    def command(self, token: Token, name: str) -> None:
        mark = _SIGNS.get(name)
        if name == "_":
            self.underscore(token)
        elif mark is not None:
            self.out.append(token.like(MARK, mark, token.glued))
        elif name in _SILENT:
            if name in ("left", "right") and self._next() == ".":
                self.at += 1
            elif name in _SPACES and self.at < len(self.tokens):
                self.tokens[self.at] = replace(self.tokens[self.at], glued=False, spaced=True)
        elif name in _ACCENTS:
            self.accent(token, _ACCENTS[name])
        elif name == "sqrt":
            self.root(token)
        elif name in _NAMES:
            self.out.append(replace(token, kind=NAME, text=_NAMES[name], whole=True))
        elif name in _TEXT and self.is_remark():
            self.group()
        elif name == "infty" and self.below_norm():
            self.out.append(token.like(MARK, "∞", token.glued))
        elif name in _ROUNDED or name in _ROUNDED_ENDS:
            self.rounded(token, name)
        elif name in _STYLES:
            inner = self.group()
            if [t.text for t in inner] == ["1"] and self.condition(token):
                return
            bold = name in _BOLD
            self.out += [replace(t, whole=t.kind == NAME or t.whole, bold=bold) for t in inner]
        elif name in _WITH_LABEL:
            self.group()
        elif name in _FRACTIONS:
            self.fraction(token)
        elif name in _STACKS:
            self.stack(token)
        elif name in ("underbrace", "overbrace"):
            self.out += self.bracketed(token, "{", self.group(), "}")
            if self._next() in ("_", "^"):
                self.at += 1
                self.group()
        elif name in ("quad", "qquad", "newline", "\\", "par", "hline"):
            kind = QUAD if "quad" in name else NEWLINE
            self.out.append(token.like(kind, name))
            if name == "\\" and self._next() == "[" and self._is_length():
                self.at = group(self.tokens, self.at)
        elif name in ("begin", "end"):
            self.environment(token, name)
        elif name not in ("[", "]", "(", ")"):  # \[ … \] and \( … \) are decoration
            self.unknown(token)

    def below_norm(self) -> bool:
        r"""Whether this stands below a norm, as in `\|v\|_\infty`."""
        return "".join(t.text for t in self.out[-3:]).rstrip("{").endswith("‖_")

    def rounded(self, token: Token, name: str) -> None:
        r"""`\lfloor x \rfloor` is floor(x)."""
        if name in _ROUNDED:
            self.out.append(replace(token.like(NAME, _ROUNDED[name], token.glued), whole=True))
            self.out.append(token.like(MARK, "(", True))
        else:
            self.out.append(token.like(MARK, ")", True))

    def condition(self, token: Token) -> bool:
        r"""`\mathbb{1}[t = 3]` and `\mathbf{1}_{t = 3}`, 1 where it holds, are what they hold."""
        start = self.at
        while start < len(self.tokens) and self.tokens[start].text in ("_", r"\left", r"\big"):
            start += 1
        opening = self.tokens[start].text if start < len(self.tokens) else ""
        if opening not in ("[", "(", "{", r"\{"):
            return False
        end = group(self.tokens, start)
        if opening == r"\{":
            closing = (i for i in range(start, len(self.tokens)) if self.tokens[i].text == r"\}")
            end = next(closing, len(self.tokens) - 1) + 1
        inner = _Reading(self.tokens[start + 1 : end - 1], self.lines).read()
        self.at = end
        signs = [t.like(MARK, "==", t.glued) if t.text == "=" else t for t in inner]
        while signs and signs[0].text in ("[", "(") and signs[-1].text in ("]", ")"):
            signs = signs[1:-1]
        self.out += self.bracketed(token, "(", signs, ")")
        return True

    def underscore(self, token: Token) -> None:
        r"""`cross\_entropy` is one name, and `h\_t` is what `h_t` is."""
        following = self.tokens[self.at] if self.at < len(self.tokens) else None
        first = self.out[-1] if self.out else None
        if following is not None and first is not None:
            name = f"{first.text}_{following.text}"
            if name in OPERATIONS:
                self.at += 1
                self.out[-1] = replace(first, text=name, stop=following.stop, whole=True)
                return
        self.out.append(token.like(MARK, "_", True))

    def _next(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def _is_length(self) -> bool:
        inner = self.tokens[self.at + 1 : group(self.tokens, self.at) - 1]
        return len(inner) == 2 and inner[0].kind == NUMBER and inner[1].text in ("pt", "em", "ex")

    def bracketed(
        self, token: Token, opening: str, inner: Sequence[Token], closing: str
    ) -> list[Token]:
        end = inner[-1] if inner else token
        return [
            token.like(MARK, opening, token.glued),
            *inner,
            replace(end.like(MARK, closing, True), start=end.stop - 1),
        ]

    def accent(self, token: Token, accent: str) -> None:
        """An accent is part of the name; `\\hat{h_t}` is `\\hat{h}_t`."""
        inner = self.group()
        if not inner or inner[0].kind != NAME:
            raise self.lines.error(
                f"the accent {token.text} stands on something that is no name",
                token,
                f"Put it on one letter, as in {token.text}{{y}}.",
            )
        first = inner[0]
        name = replace(first, text=first.text + accent, start=token.start, glued=token.glued)
        self.out += [replace(name, whole=True), *inner[1:]]

    def fraction(self, token: Token) -> None:
        above, below = self.group(), self.group()
        if not above or not below:
            raise self.lines.error(
                f"{token.text} needs two parts", token, r"Write \frac{a}{b}, or a / b."
            )
        for part in (above, below):
            if part[0].text in ("partial", "∂"):
                self.unknown(part[0])
        slash = token.like(MARK, "/")
        parts = [
            *self.bracketed(token, "{", above, "}"),
            slash,
            *self.bracketed(token, "{", below, "}"),
        ]
        self.out += self.bracketed(token, "{", parts, "}")

    def root(self, token: Token) -> None:
        r"""`\sqrt{x}`, and `\sqrt[3]{x}` as a power."""
        degree: list[Token] = []
        if self._next() == "[":
            start, self.at = self.at, group(self.tokens, self.at)
            degree = _Reading(self.tokens[start + 1 : self.at - 1], self.lines).read()
        self.put_root(token, self.group(), degree)

    def root_sign(self, token: Token) -> None:
        degree = _ROOTS[token.text]
        self.put_root(token, self.factor(), [token.like(NUMBER, degree)] if degree else [])

    def put_root(self, token: Token, inner: Sequence[Token], degree: Sequence[Token]) -> None:
        if not inner:
            raise self.lines.error(
                "nothing stands under this root", token, r"Write \sqrt{x}, or sqrt(x)."
            )
        bracket = self.bracketed(token, "(", inner, ")")
        if not degree:
            name = replace(token.like(NAME, "sqrt", token.glued), whole=True)
            self.out += [name, *bracket]
            return
        exponent = [token.like(NUMBER, "1"), token.like(MARK, "/")]
        exponent += self.bracketed(token, "(", degree, ")")
        power = [token.like(MARK, "^", True), *self.bracketed(token, "{", exponent, "}")]
        self.out += [*bracket, *power]

    def stack(self, token: Token) -> None:
        r"""`\overset{\mathrm{def}}{=}`: what stands over or under a sign is a remark."""
        self.at = group(self.tokens, self.at)
        base = self.group()
        if len(base) != 1 or base[0].kind != MARK:
            raise self.lines.error(
                f"{token.text} is read only on a sign, as in {token.text}{{def}}{{=}}",
                token,
                "Leave it out, or give the symbol a name of its own.",
            )
        self.out += base

    def is_remark(self) -> bool:
        r"""Whether `\text{forget gate}` stands beside an equation and says nothing about it."""
        before = self.out[-1] if self.out else None
        if before is None or not (before.kind == QUAD or before.text == "&"):
            return False
        end = group(self.tokens, self.at)
        words = [t for t in self.tokens[self.at : end] if t.kind == NAME]
        following = self.tokens[end] if end < len(self.tokens) else None
        if following is not None and (following.glued or following.text == "="):
            words = words if following.text not in ("_", "^", "(", "=") else []
        if not words:
            return False
        return words[0].text not in _TELLING and len(words[0].text) > 1

    def environment(self, token: Token, kind: str) -> None:
        name = "".join(t.text for t in self.group()).rstrip("*")
        if name in _ENVIRONMENTS:
            self.out.append(token.like(NEWLINE, name))
            if kind == "begin" and name in ("array", "alignat") and self._next() == "{":
                self.at = group(self.tokens, self.at)  # how columns are set
        elif name in _CASES:
            self.out.append(token.like(MARK, "cases{" if kind == "begin" else "}cases"))
        elif name in _COLUMNS and kind == "begin":
            self.columns(token, name)
        else:
            raise self.lines.error(
                f"the environment {name!r} is not mathematics that is read here",
                token,
                "Write one equation a line.",
            )

    def columns(self, token: Token, name: str) -> None:
        """A column of blocks is a concatenation."""
        depth, end = 0, self.at
        while end < len(self.tokens):
            text = self.tokens[end].text
            depth += (text == r"\begin") - (text == r"\end")
            if depth < 0:
                break
            end += 1
        inner = _Reading(self.tokens[self.at : end], self.lines).read()
        self.at = end + 1 if end < len(self.tokens) else end
        self.group()
        while inner and inner[-1].kind == NEWLINE:
            inner.pop()
        cells = [t.like(MARK, ";") if t.kind == NEWLINE and t.text == "\\" else t for t in inner]
        cells = [t for t in cells if t.kind != NEWLINE]
        self.out += self.bracketed(token, "[", cells, "]")

    def unknown(self, token: Token) -> None:
        if token.text in (r"\partial", r"\nabla", "partial", "∂"):
            raise derivative(token, self.lines)
        if token.text == r"\infty":
            raise endless(token, self.lines)
        known = nearest(token.text[1:], {*_NAMES, *_SIGNS, *_ACCENTS, *_FRACTIONS, "sqrt"})
        remedy = f"Did you mean \\{known}?" if known else "Write it in plain text, or leave it out."
        raise self.lines.error(f"the command {token.text} is not known here", token, remedy)
