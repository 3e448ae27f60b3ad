"""The stepper's modules as one ES module, which imports nothing."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from unroll.stepper.program import operations_module

_ORDER = (
    "kernels",
    "operations",
    "program",
    "story",
    "numbers",
    "words",
    "diagram",
    "panels",
    "stepper",
)
_IMPORT = re.compile(
    r"^import (?P<what>\* as \w+|\{[^}]*\}) from \"\./(?P<file>\w+)\.js\";\n", re.M
)
_EXPORT = re.compile(
    r"^export (?:default )?(?P<kind>const|let|async function|function|class) (?P<name>\w+)", re.M
)


def static(name: str) -> str:
    """The text of a file of the stepper."""
    return (resources.files("unroll.stepper") / "static" / name).read_text(encoding="utf-8")


@cache
def module() -> str:
    """One module that exports `render({model, el})`, as anywidget asks, and `start`."""
    parts = []
    for name in _ORDER:
        text = operations_module() if name == "operations" else static(f"{name}.js")
        parts.append(_wrapped(name, text))
    exported = (
        "const { render, start } = $stepper;\nexport { start };\nexport default { render };\n"
    )
    return "\n".join(parts) + exported


def _wrapped(name: str, text: str) -> str:
    """A module as a function that is called once; its names are its own."""
    names = [match["name"] for match in _EXPORT.finditer(text)]
    body = _EXPORT.sub(lambda m: f"{m['kind']} {m['name']}", _IMPORT.sub(_bound, text))
    return f"const ${name} = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();"


def _bound(match: re.Match[str]) -> str:
    what = match["what"].removeprefix("* as ")
    return f"const {what.replace(' as ', ': ')} = ${match['file']};\n"
