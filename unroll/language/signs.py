r"""An operation alone, as it stands on its own node of a graph: `+`, `\tanh`, `1 -`.

Read off the table's LaTeX, with what the graph shows no node for: constants and parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from unroll.language.latex import expression_latex, name_latex
from unroll.symbolic.expressions import Call, Expression, Reference
from unroll.symbolic.operations import OPERATIONS

_BETWEEN = re.compile(r"\{0\}(.*)\{1\}")
_CALLED = re.compile(r"((?:(?!\{\d\}).)*)(\(\{.*\}\)| \{0\})")
_OPEN = r"\cdot"


def sign_latex(node: Call, is_node: Callable[[str], bool]) -> str:
    r"""LaTeX of an operation; is_node: whether a name has a node of its own, so that its edge says
    that it is an argument. `1 - z` is `1 -`, `W x` is `\times` (the edge bears the `W`).
    """
    row = OPERATIONS.get(node.operation)
    if row is None:
        return name_latex(node.operation)
    kept = [_kept(argument, is_node, row.product) for argument in node.arguments]
    between, called = _BETWEEN.fullmatch(row.latex), _CALLED.fullmatch(row.latex)
    if called and not any(kept):
        return called[1]
    if between and row.infix and len(kept) == 2:
        sign = between[1].strip() or r"\times"
        return f"{kept[0]} {_OPEN if row.product and any(kept) else sign} {kept[1]}".strip()
    if row.infix == "/" and not any(kept):
        return r"\div"
    if row.infix is None and len(kept) > 1:
        return rf"\mathrm{{{row.name}}}".replace("_", r"\ ")
    filled = [text or _OPEN for text in kept]
    text = row.latex.replace("{...}", ", ".join(filled))
    for position, argument in enumerate(filled):
        text = text.replace(f"{{{position}}}", argument)
    return text


def _kept(argument: Expression, is_node: Callable[[str], bool], product: bool) -> str:
    """An argument as text; nothing for one that the graph shows otherwise."""
    if isinstance(argument, Call):  # what an axis is bound in
        return ""
    if isinstance(argument, Reference):
        return "" if product or is_node(argument.name) else name_latex(argument.name)
    return expression_latex(argument)
