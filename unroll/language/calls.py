"""Call or product before a parenthesis, and functions that have none: rules 6, 9 and 10."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unroll.errors import slip
from unroll.language.commands import CLOSING, OPENING
from unroll.language.indices import Resolved, is_matrix
from unroll.language.scanner import MARK, NUMBER, Lines, Token
from unroll.language.sums import SUM
from unroll.language.survey import Survey
from unroll.language.symbols import OPERATION_NAMES, Item, Symbol

# Lower-case names that take an argument even with something written below them, as in f_θ(x).
_FUNCTION_LETTERS = frozenset({"f", "g", "sigma", "phi", "psi", "rho"})
# Names that scale what is in the bracket behind them, unless a comma says otherwise.
_SCALARS = frozenset({
    "alpha", "beta", "gamma", "lambda", "eta", "epsilon", "mu", "kappa", "tau", "omega", "nu",
    "dt", "Deltat",
})  # fmt: skip
_STARTS = frozenset({"-", "{", "[", "|", "‖"})


def operation(name: str) -> str | None:
    """The operation or alias that a name means when it is called, as `ReLU` means `relu`."""
    if name in OPERATION_NAMES:
        return name
    return name.lower() if name.lower() in OPERATION_NAMES else None


def reads_as_call(name: str, argument: str = "") -> bool:
    """Whether a name before a parenthesis is a function where the text says nothing else."""
    base, *parts = name.split("_")
    if re.match(r"[0-9.e]+ [+-] ", argument) and name not in _FUNCTION_LETTERS:
        return False
    if is_matrix(base) or name in _SCALARS:
        return False
    return not parts or base in _FUNCTION_LETTERS


def is_call(
    symbol: Symbol, found: Resolved, items: Sequence[Item], at: int, survey: Survey
) -> bool:
    """Whether a symbol before a parenthesis, which opens at `at`, is called and not multiplied."""
    name = found.name
    if symbol is items[0] and (not survey.axis or _sums(items)):
        return True  # the left side of a function's definition, or of J(θ) = Σ …
    if any(s.kind != "(" for s in found.tail[:1]):
        return False
    if operation(name) is not None or name == "sigma":
        return True
    if not found.tail and _holds_arguments(items, at):
        return True
    if symbol.token.bold and is_matrix(name):
        return not found.parts and not found.tail and _holds_one_name(items[at : at + 3])
    if found.tail and "," in found.tail[0].flat:
        return True
    known = survey.bare | survey.defined | survey.indexed
    if _starts_with_number(items[at + 1 : at + 3]) and found.name not in _FUNCTION_LETTERS:
        return False  # r (1 - x)
    return name not in known and name not in survey.letters and reads_as_call(name)


def is_indexed_call(found: Resolved, items: Sequence[Item], at: int) -> bool:
    r"""Whether an indexed name is a function that each step has, as in `L_t(\hat{y}_t, y_t)`."""
    return not found.tail and _holds_arguments(items, at)


def _holds_arguments(items: Sequence[Item], at: int) -> bool:
    """Whether a bracket holds something separated by commas, or nothing at all."""
    depth = 0
    for position in range(at, len(items)):
        item = items[position]
        if not isinstance(item, Token) or item.kind != MARK:
            continue
        depth += (item.text in OPENING) - (item.text in CLOSING)
        if depth == 0:
            return position == at + 1
        if depth == 1 and item.text in (",", ";"):
            return True
    return False


def _sums(items: Sequence[Item]) -> bool:
    return any(isinstance(i, Token) and i.kind == SUM for i in items)


def _starts_with_number(inside: Sequence[Item]) -> bool:
    """Whether a bracket begins like `1 - x`."""
    if len(inside) < 2 or not isinstance(inside[0], Token) or not isinstance(inside[1], Token):
        return False
    return inside[0].kind == NUMBER and inside[1].text in ("+", "-")


def _holds_one_name(bracket: Sequence[Item]) -> bool:
    if len(bracket) < 3 or not isinstance(bracket[1], Symbol):
        return False
    return isinstance(bracket[2], Token) and bracket[2].text == ")"


def called(symbol: Symbol, name: str, survey: Survey, lines: Lines) -> str:
    """The operation or opaque function that a called name means."""
    known = operation(name)
    if known is not None:
        return known
    if name == "sigma":
        return "sigmoid"
    near = slip(name, OPERATION_NAMES)
    if near is not None and name not in survey.defined:
        raise lines.error(f"there is no function {name}", symbol.token, f"Did you mean {near}?")
    return name


def is_prefix(symbol: Symbol, found: Resolved, following: Item | None, survey: Survey) -> bool:
    r"""Whether a name is a function before its argument without brackets, as in `\tanh W h`."""
    if operation(found.name) is None or found.indices or found.tail or found.parts:
        return False
    if found.name in survey.defined | survey.indexed:
        return False
    if isinstance(following, Token):
        starts = symbol.token.whole and following.text in _STARTS
        return starts or following.kind in (NUMBER, SUM)
    return following is not None


def with_exponent(found: Resolved, survey: Survey, lines: Lines) -> str | None:
    r"""A function's name with what stands on it, `tanh^2` or `log_2`; None for other names."""
    if found.name in survey.defined | survey.indexed or found.indices:
        return None
    base = re.fullmatch("log_([0-9]+)", found.name)
    if base is not None and float(base[1]) > 1:
        return found.name
    power = found.tail[0] if found.tail else None
    if found.name not in OPERATION_NAMES or power is None or power.kind != "^":
        return None
    if re.fullmatch("[0-9]+", power.flat) is None:
        raise lines.error(
            f"{found.name}^{power.flat} could be a power or the inverse function",
            power.tokens[0],
            f"Write the power behind the bracket, as in {found.name}(x) ** 2.",
            last=power.tokens[-1],
        )
    return f"{found.name}^{power.flat}"
