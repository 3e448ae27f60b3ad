"""Emission: terms as lines of Python.

What occurs more than once is computed once, before; so is what would make a line too long.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from unroll.numeric.terms import Term

INDENT = "    "
WIDTH = 100
PART = 70  # a part of a statement that is longer gets a line of its own


@dataclass(slots=True)
class Text:
    """Lines as they are written, and how many temporaries (`_1`) they use."""

    lines: list[str] = field(default_factory=list)
    temporaries: int = 0

    def write(self, line: str, depth: int = 1) -> None:
        if not line.startswith(("#", "for ")):
            line = ast.unparse(ast.parse(line))  # without brackets that Python can do without
        self.lines.append(INDENT * depth + line)

    def source(self, term: Term, depth: int = 1, out: str | None = None) -> str:
        """Source of a term, its result put into `out` if there is one."""
        counts: Counter[Term] = Counter()
        _count(term, counts)
        return self._source(term, counts, {}, depth, out)

    def _source(
        self,
        term: Term,
        counts: Counter[Term],
        done: dict[Term, str],
        depth: int,
        out: str | None,
    ) -> str:
        if term in done:
            return done[term]
        operands = {}
        for i in dict.fromkeys(re.findall(r"\{(\d+)\}", term.source)):
            part = term.operands[int(i)]
            text = self._source(part, counts, done, depth, None)
            if len(text) > PART or (counts[part] > 1 and not part.simple and part not in done):
                self.temporaries += 1
                word = f"_{self.temporaries}"
                self.write(f"{word} = {text}", depth)
                done[part] = text = word
            operands[i] = text
        source = (term.source if out else term.plain) or term.source
        return _filled(source.replace("{out}", f", out={out}" if out else ""), operands)


def grouped(source: str) -> str:
    """Source that can stand beside an operator, a dot or a bracket."""
    if source.startswith("-"):
        return f"({source})"
    level = 0
    for character in source:
        level += (character in "([") - (character in ")]")
        if character == " " and level == 0:
            return f"({source})"
    return source


def wrapped(head: str, parts: list[str], tail: str, indent: str) -> list[str]:
    """`head a, b, c tail` on one line, or on as many as it takes."""
    line = f"{indent}{head}{', '.join(parts)}{tail}"
    if len(line) <= WIDTH:
        return [line]
    whole = ", ".join(part.replace(" ", "\0") for part in parts) + ","  # break between parts only
    body = [b.replace("\0", " ") for b in textwrap.wrap(whole, WIDTH - len(indent) - len(INDENT))]
    return [indent + head, *(indent + INDENT + part for part in body), indent + tail]


def _count(term: Term, counts: Counter[Term]) -> None:
    """How often the source of each part would be written."""
    counts[term] += 1
    if counts[term] == 1:
        for i in re.findall(r"\{(\d+)\}", term.source):
            _count(term.operands[int(i)], counts)


def _filled(source: str, operands: Mapping[str, str]) -> str:
    """Source with its operands put in."""
    text = re.sub(r"\{(\d+)\}", lambda match: grouped(operands[match[1]]), source)
    return text.replace(".T.T", "")
