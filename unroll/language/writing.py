"""One statement, symbol by symbol, in the tokens of the grammar.

What a grammar cannot know is decided here: whether `W(h)` is a call or a product, whether `|` opens
or closes, what a `[` behind a bracket means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unroll.language.calls import (
    called,
    is_call,
    is_indexed_call,
    is_prefix,
    operation,
    with_exponent,
)
from unroll.language.commands import CLOSING, OPENING, derivative
from unroll.language.indices import Resolved, is_far, is_matrix, resolve, too_far
from unroll.language.scanner import (
    MARK,
    NAME,
    NUMBER,
    QUAD,
    Lines,
    Token,
)
from unroll.language.statements import FOR
from unroll.language.sums import FROM_ZERO, SUM, UP_TO, Sign, index_at
from unroll.language.survey import LEAVES, Survey
from unroll.language.symbols import Item, Script, Symbol, bracketed, read_symbols
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Range, Reference
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.trees import CHILDREN

_KEYWORDS = frozenset({"for", "if", "when", "otherwise", "else"})
_PLAIN = {
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE",
    ",": "COMMA", ";": "COMMA", "=": "EQUAL", "+": "PLUS", "-": "MINUS", "*": "TIMES",
    "/": "DIVIDE", "@": "AT", "%": "MOD", "·": "DOT", "⊗": "OUTER", "**": "POWER", "..": "DOTS",
    "<": "COMPARE", "<=": "COMPARE", ">": "COMPARE", ">=": "COMPARE", "==": "COMPARE",
    "!=": "COMPARE", "∈": "IN",
}  # fmt: skip
_ENDING = frozenset({"+", "-", "=", ",", ";", "/", "<", "<=", ">", ">=", "==", "!="})
_ENDS = frozenset({"RPAR", "RSQB", "RBRACE", "BAR_CLOSE", "NORM_CLOSE", "NAME", "NUMBER",
                   "TRANSPOSE"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A token of the grammar; value: the expression or name that it stands for."""

    type: str
    value: Constant | Reference | Call | str
    start: int
    stop: int


class Writing:
    """One statement, symbol by symbol, to lexemes."""

    def __init__(self, items: Sequence[Item], survey: Survey, lines: Lines) -> None:
        self.items = items
        self.survey = survey
        self.lines = lines
        self.at = 0
        self.out: list[Lexeme] = []
        self.bars: list[str] = []
        self.summed = any(isinstance(i, Token) and i.kind in (SUM, FOR) for i in items)
        self.ends: list[int] = []  # before which items the argument of a function ends

    def write(self) -> tuple[Lexeme, ...]:
        while self.at < len(self.items):
            item = self.items[self.at]
            while self.ends and self.ends[-1] == self.at:
                self.ends.pop()
                self.out.append(Lexeme("RPAR", ")", _token(item).start, _token(item).start))
            self.at += 1
            if isinstance(item, Symbol):
                self.symbol(item)
            elif item.kind == NUMBER:
                self.put("NUMBER", Constant(_number(item, self.lines)), item)
                self.refuse_index(item)
            elif item.kind == SUM:
                assert isinstance(item, Sign)
                following = self.next()
                bracket = following is not None and following.text == "("
                kind = "REDUCE" if bracket and item.word else "SUM"
                self.put(kind, self.reduction(item), item)
            elif item.kind == FOR:
                self.put("FOR", "for", item)
            elif item.kind != QUAD:
                self.mark(item)
        if self.bars:
            raise self.lines.error(
                "a | is opened and never closed", _token(self.items[-1]), "Write |x| or abs(x)."
            )
        return tuple(self.out)

    def reduction(self, sign: Sign) -> Call:
        """The reduction of a sign, without its argument; the letter bears the mark of a sum that
        is written as a recurrence."""
        bounds = sign.bounds
        letter, _, upper = sign.text.partition(UP_TO)
        if upper[:1] == self.survey.axis:
            return Call(bounds.operation, (), over=sign.text)
        if letter.endswith(FROM_ZERO):
            return Call("sum", (), over=letter)
        parent = self.node(sign) if bounds.of[0] else None
        start, stop = index_at(bounds.lower), index_at(bounds.upper)
        if bounds.of[0] == LEAVES:
            parent, stop = None, Index(LEAVES)
        within = Range(letter, start, stop, parent)
        limits = None if within.is_whole else within
        other = index_at(bounds.other)
        unequal = () if other is None else (_expression(Index(letter)), _expression(other))
        return Call(bounds.operation, unequal, over=letter or None, limits=limits)

    def node(self, sign: Sign) -> Index | None:
        r"""The children of `\sum_{k \in C(n)}`."""
        name, letter = sign.bounds.of
        if letter in self.survey.letters:
            return Index(letter, 0, CHILDREN)
        if name == LEAVES:
            return None
        raise self.lines.error(
            f"nothing says what {name} holds",
            sign,
            f"Write the range, as in \\sum_{{{sign.text}=1}}^{{T}}, or children(n) of a node n.",
        )

    def put(self, kind: str, value: Constant | Reference | Call | str, at: Token | Symbol) -> None:
        start = at.token.start if isinstance(at, Symbol) else at.start
        self.out.append(Lexeme(kind, value, start, at.stop))

    def next(self, offset: int = 0) -> Token | None:
        """The item that follows, where it is a token."""
        position = self.at + offset
        item = self.items[position] if position < len(self.items) else None
        return item if isinstance(item, Token) else None

    def following(self) -> Item | None:
        return self.items[self.at] if self.at < len(self.items) else None

    # --- marks ----------------------------------------------------------------------

    def mark(self, token: Token) -> None:
        text = token.text
        if text in ("|", "‖"):
            self.bar(token)
        elif text in ("^", "_", "'", "⊤"):
            self.script(token)
        elif text == ".":
            self.dot(token)
        elif text == "[" and self.looks_up(token):
            self.lookup(token)
        elif text in _PLAIN:
            self.put(_PLAIN[text], text, token)
            if text in (")", "]"):
                self.refuse_index(token)
        elif text == "…":
            raise self.lines.error(
                "dots stand inside the formula",
                token,
                "Write out what stands between, or a sum over the axis: sum(x[t], t).",
            )
        elif text in ("∇", "∂"):
            raise derivative(token, self.lines)
        else:
            raise self.lines.error(
                f"the character {text!r} is not part of an equation", token, "Delete it."
            )

    def bar(self, token: Token) -> None:
        name = "BAR" if token.text == "|" else "NORM"
        ended = bool(self.out) and self.out[-1].type in _ENDS
        if self.bars and self.bars[-1] == name and ended:
            self.bars.pop()
            kind, below = self.norm_kind() if name == "NORM" else (token.text, None)
            self.put(name + "_CLOSE", kind, token)
            if below is not None:
                self.tail(below.scripts, below)
        else:
            self.bars.append(name)
            self.put(name + "_OPEN", token.text, token)

    def norm_kind(self) -> tuple[str, Symbol | None]:
        r"""What stands below the bars, as in `\|v\|_2`, which is the norm that `\|v\|` is; and a
        symbol there whose own scripts stand behind the norm, as in `\|A\|_F^2`."""
        sign = self.next()
        if sign is None or sign.text != "_":
            return "2", None
        self.at += 1
        tokens: list[Token] = []
        item = self.following()
        if isinstance(item, Token) and item.text == "{":
            tokens, self.at = bracketed(self.items, self.at)
        elif item is not None:
            tokens, self.at = [_token(item)], self.at + 1
        kind = "".join(t.text for t in tokens).strip("{}")
        if kind not in ("1", "2", "F", "∞"):
            raise self.lines.error(
                "this norm is not read",
                sign,
                r"Read are \|v\|_1, \|v\|_2, \|A\|_F and \|v\|_\infty.",
                last=tokens[-1] if tokens else sign,
            )
        return "2" if kind == "F" else kind, item if isinstance(item, Symbol) else None

    def script(self, token: Token) -> None:
        """A script behind a bracket or a number: a transpose or a power."""
        if token.text in ("'", "⊤"):
            self.put("TRANSPOSE", ".T", token)
            return
        if token.text == "_":
            raise self.lines.error(
                "an index stands behind a bracket",
                token,
                "Index the names inside: tanh(h[t-1]), not tanh(h)[t-1].",
            )
        inner, behind = self.argument(token)
        if "".join(t.text for t in inner).strip("{}") in ("⊤", "T"):
            self.put("TRANSPOSE", ".T", token)
        elif self.after_power():
            raise self.lines.error(
                "two exponents stand on one name",
                token,
                "Write which power is meant: (x ** 2) ** 3, or x ** (2 ** 3).",
            )
        else:
            self.power(token, inner)
        if behind is not None:
            self.tail(behind.scripts, behind)

    def argument(self, token: Token) -> tuple[list[Token], Symbol | None]:
        """The tokens that a script takes; a symbol, whose own scripts stand behind them."""
        item = self.items[self.at] if self.at < len(self.items) else None
        self.at += 1
        if isinstance(item, Symbol):
            return [item.token], item
        if item is None or item.kind == FOR:
            raise self.lines.error(
                f"nothing follows this {token.text}", token, "Write an exponent, as in x ** 2."
            )
        following = self.next()
        if item.text in ("-", "+") and following is not None and following.kind == NUMBER:
            self.at += 1
            return [item, following], None
        if item.text in OPENING:
            tokens, self.at = bracketed(self.items, self.at - 1)
            return tokens, None
        return [item], None

    def after_power(self) -> bool:
        """Whether an exponent has just ended."""
        depth = 0
        for at in range(len(self.out) - 1, 0, -1):
            depth += (self.out[at].type == "RBRACE") - (self.out[at].type == "LBRACE")
            if depth == 0:
                return self.out[at].type == "LBRACE" and self.out[at - 1].type == "POWER"
        return False

    def power(self, at: Token | Symbol, tokens: Sequence[Token]) -> None:
        self.put("POWER", "**", at)
        self.put("LBRACE", "{", at)
        self.out += self.nested(tokens)
        self.put("RBRACE", "}", tokens[-1] if tokens else at)

    def nested(self, tokens: Sequence[Token]) -> tuple[Lexeme, ...]:
        if tokens and tokens[0].text == "{":
            tokens = tokens[1:-1]
        return Writing(read_symbols(tokens, self.lines), self.survey, self.lines).write()

    def dot(self, token: Token) -> None:
        following = self.items[self.at] if self.at < len(self.items) else None
        if isinstance(following, Symbol) and following.token.text == "T" and self.out:
            self.at += 1
            self.put("TRANSPOSE", ".T", following)
            self.tail(following.scripts, following)
            return
        if isinstance(following, Symbol):
            raise self.lines.error(
                f"the attribute .{following.token.text} is not part of an equation",
                token,
                "Write bare names, as in h[t]; .T alone is read, as the transpose.",
                last=following.token,
            )
        raise self.lines.error("a full stop stands inside the formula", token, "Delete it.")

    def refuse_index(self, token: Token) -> None:
        """`3[t]`, `tanh(x)[t]`: nothing there that has an index."""
        following = self.next()
        if following is None or following.text != "[" or not following.glued:
            return
        tokens, _ = bracketed(self.items[self.at : self.at + 6], 0)
        inner = tokens[1:-1]
        simple = all(t.text in ("+", "-") or t.kind in (NAME, NUMBER) for t in inner)
        if inner and simple and (inner[0].text in self.survey.letters or inner[0].kind == NUMBER):
            what = "a number" if token.kind == NUMBER else "what stands in brackets"
            raise self.lines.error(
                f"{what} cannot be indexed",
                following,
                "Index names only: tanh(h[t-1]), not tanh(h)[t-1].",
                last=tokens[-1],
            )

    # --- entries --------------------------------------------------------------------

    def looks_up(self, token: Token) -> bool:
        """Whether a bracket right behind a name picks entries: `E[:, x[t]]`, `h[t][0:3]`, `E[x[t]]`."""
        if not token.glued or not self.out or self.out[-1].type != "NAME":
            return False
        tokens, _ = bracketed(self.items, self.at - 1)
        inner = tokens[1:-1]
        if _top(inner, ":"):
            return True
        place, *added = read_symbols(inner, self.lines) if inner else [token]
        if not isinstance(place, Symbol):
            return False
        found = resolve(place, self.survey, self.lines)
        shift = [i.text if isinstance(i, Token) else "" for i in added]
        shifted = not shift or (len(shift) == 2 and shift[0] in "+-" and shift[1].isdigit())
        return bool(found.indices) and not found.tail and shifted

    def lookup(self, token: Token) -> None:
        """The entries that a bracket picks; one place of a matrix is a row of it."""
        tokens, self.at = bracketed(self.items, self.at - 1)
        self.look(tokens, token)

    def look(self, tokens: Sequence[Token], token: Token) -> None:
        inner, end = tokens[1:-1], tokens[-1]
        name = self.out[-1].value
        self.put("LOOK", "[", token)
        colons = _top(inner, ":")
        start = 0
        for colon in colons:
            self.out += self.nested(inner[start:colon])
            self.put("COLON", ":", inner[colon])
            start = colon + 1
        self.out += self.nested(inner[start:])
        bare = isinstance(name, Reference) and not name.indices and is_matrix(name.name)
        if not colons and bare:
            self.put("COMMA", ",", end)
            self.put("COLON", ":", end)
        self.put("RSQB", "]", end)

    # --- names ----------------------------------------------------------------------

    def symbol(self, symbol: Symbol) -> None:
        found = resolve(symbol, self.survey, self.lines)
        name = found.name
        if symbol.token.text in _KEYWORDS:
            raise self.lines.error(
                f"the word {symbol.token.text!r} stands inside the formula",
                symbol.token,
                "Write a range behind the equation: h[t] = ... for t = 2..tau.",
            )
        if symbol.token.text == "in" and not symbol.scripts and self.out:
            self.put("IN", "in", symbol)
            return
        following = self.next()
        opens = following is not None and following.kind == MARK and following.text == "("
        opens = opens or (bool(found.tail) and found.tail[0].kind == "(")
        function = with_exponent(found, self.survey, self.lines)
        if function is not None:
            behind = found.tail[1:] if "^" in function else found.tail
            opens = (bool(behind) and behind[0].kind == "(") or (opens and not behind)
            self.put("CALL" if opens else "PREFIX", function, symbol)
            self.tail(behind, symbol)
            return
        step = bool(found.indices) and not any(i.offset for i in found.indices)
        if (
            (not found.indices or (step and is_indexed_call(found, self.items, self.at)))
            and opens
            and is_call(symbol, found, self.items, self.at, self.survey)
        ):
            self.put("CALL", called(symbol, name, self.survey, self.lines), symbol)
            self.tail(found.tail, symbol)
            return
        if (
            name == "e"
            and not found.indices
            and found.tail
            and found.tail[0].kind == "^"
            and name not in self.survey.indexed | self.survey.defined
        ):
            self.put("CALL", "exp", symbol)
            self.put("LPAR", "(", symbol)
            self.out += self.nested(found.tail[0].tokens)
            self.put("RPAR", ")", symbol)
            self.tail(found.tail[1:], symbol)
            return
        if (sign := self.between(found, opens)) is not None:
            self.put(_PLAIN[sign], sign, symbol)
            return
        if is_prefix(symbol, found, self.following(), self.survey):
            end = self.end_of_argument()
            self.put("CALL" if end else "PREFIX", operation(name) or name, symbol)
            if end:
                self.put("LPAR", "(", symbol)
                self.ends.append(end)
            return
        self.refuse_bracket(name)
        ranged = any(lexeme.type == "FOR" for lexeme in self.out)
        if not found.indices and self.summed and not ranged and name in self.survey.lengths:
            name = f"n_{self.survey.lengths[name]}"  # a number, whatever its letter looks like
        if self.is_squared(found):  # `sigma_t` beside `sigma_t^2 = …`
            self.put("CALL", "sqrt", symbol)
            self.put("LPAR", "(", symbol)
            self.put("NAME", Reference(name + "2", found.indices), symbol)
            self.put("RPAR", ")", symbol)
            self.tail(found.tail, symbol)
            return
        self.put("NAME", Reference(name, found.indices), symbol)
        self.tail(found.tail, symbol)
        if opens and self.is_observed(found):
            tokens, self.at = bracketed(self.items, self.at)
            self.look(tokens, tokens[0])

    def is_squared(self, found: Resolved) -> bool:
        """Whether a name is defined by its square, and by no other power that would be a label."""
        powers = {exponent for name, exponent in self.survey.powers if name == found.name}
        return bool(found.indices) and powers == {"2"} and found.name not in self.survey.defined

    def is_observed(self, found: Resolved) -> bool:
        """Whether a bracket behind a name looks something up for each point of another axis than
        time, as in `b_j(o_t)`: rule 17."""
        inside = self.items[self.at + 1 : self.at + 3]
        if len(found.indices) != 1 or found.tail or is_matrix(found.name) or len(inside) < 2:
            return False
        index, (place, end) = found.indices[0], inside
        if index.base == self.survey.axis or index.base not in self.survey.letters:
            return False
        if not isinstance(place, Symbol) or _token(end).text != ")" or isinstance(end, Symbol):
            return False
        observed = resolve(place, self.survey, self.lines)
        return bool(observed.indices) and not observed.tail

    def between(self, found: Resolved, opens: bool) -> str | None:
        """The sign that an operation's name means between two operands, as in `t mod 4`."""
        row = OPERATIONS.get(operation(found.name) or "")
        if row is None or row.infix not in _PLAIN or opens or not self.out:
            return None
        plain = not found.indices and not found.tail and self.following() is not None
        return row.infix if plain and self.out[-1].type in _ENDS else None

    def end_of_argument(self) -> int:
        r"""Where a thin space ends a function's argument, as in `\sin \theta \, \Delta t`; else 0."""
        depth = 0
        for at in range(self.at, len(self.items)):
            item = self.items[at]
            token = _token(item)
            if token.spaced and at > self.at and not depth:
                return at
            if isinstance(item, Symbol) or token.kind != MARK:
                continue
            depth += (token.text in OPENING) - (token.text in CLOSING)
            if depth < 0 or (not depth and token.text in _ENDING):
                break
        return 0

    def refuse_bracket(self, name: str) -> None:
        """`x[t-k]`, `h[l, t]`: an index of a form that cannot be read."""
        opening, first = self.next(), self.items[self.at + 1 : self.at + 2]
        if opening is None or opening.text != "[" or not opening.glued or not first:
            return
        letter = first[0]
        inside, _ = bracketed(self.items, self.at)
        flat = "".join(t.text for t in inside[1:-1])
        if is_far(flat):
            script = Script("[", flat, "", tuple(inside), opening.start, inside[-1].stop)
            raise too_far(name, script, self.survey, self.lines)
        if not isinstance(letter, Symbol) or letter.scripts or len(letter.token.text) > 1:
            return
        tokens, _ = bracketed(self.items, self.at)
        if _top(tokens[1:-1], ":"):
            return  # entries are picked
        flat = "".join(t.text for t in tokens)
        if letter.token.text not in self.survey.letters and "," not in flat:
            return
        axis = self.survey.axis
        raise self.lines.error(
            f"the index {flat} of {name} cannot be read",
            opening,
            f"An index is {axis}, {axis}-1, {axis}+1 or a number, as in {name}[{axis}-1]; "
            f"several are separated by commas, as in {name}[l, {axis}-1].",
            last=tokens[-1],
        )

    def tail(self, scripts: Sequence[Script], symbol: Symbol) -> None:
        """The scripts of a symbol that are operations on it."""
        for script in scripts:
            if script.kind == "T":
                self.put("TRANSPOSE", ".T", symbol)
            elif script.kind == "^":
                self.power(symbol, script.tokens)
            elif script.kind == "[" and script.flat.isdigit():
                self.put("LOOK", "[", symbol)
                self.put("NUMBER", Constant(int(script.flat)), symbol)
                self.put("RSQB", "]", symbol)
            elif script.kind == "[":
                self.look(script.tokens, script.tokens[0])
            elif script.kind == "(":
                self.out += self.nested(script.tokens)
            else:
                raise self.lines.error(
                    "an index stands behind a bracket",
                    script.tokens[0] if script.tokens else symbol.token,
                    "Index the names inside: tanh(h[t-1]), not tanh(h)[t-1].",
                )


def _top(tokens: Sequence[Token], mark: str) -> list[int]:
    """Where a mark stands in no bracket."""
    depth, found = 0, []
    for at, token in enumerate(tokens):
        depth += (token.text in OPENING) - (token.text in CLOSING) if token.kind == MARK else 0
        if depth == 0 and token.kind == MARK and token.text == mark:
            found.append(at)
    return found


def _expression(index: Index) -> Expression:
    """An index as a number."""
    if not index.base:
        return Constant(index.offset)
    letter = Reference(index.base)
    return letter + index.offset if index.offset else letter


def _token(item: Item) -> Token:
    return item.token if isinstance(item, Symbol) else item


def _number(token: Token, lines: Lines) -> float:
    value = float(token.text)
    if value == float("inf"):
        raise lines.error("this number is too large", token, "Write one below 1e308.")
    return value
