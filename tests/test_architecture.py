"""The walls: imports go one way, and start-up stays light."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "unroll"

# What a part may import besides itself; everything not named here stands on top.
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "symbolic": {"errors"},
    "language": {"errors", "symbolic"},
    "graph": {"errors", "symbolic", "language"},
    "numeric": {"errors", "files", "symbolic", "language", "graph"},
    "drawing": {"errors", "symbolic", "language", "graph"},
    "export": {"errors", "drawing"},
    "templates": {"errors", "files"},
    "plots": {"errors", "files", "symbolic", "language", "graph", "numeric", "drawing"},
    "stepper": {
        *("errors", "files", "symbolic", "language", "graph", "numeric", "drawing", "export"),
        *("figure", "interface", "templates"),
    },
}
DRAWING_FOR_PLOTS = {"theme", "labels"}
DRAWING_FOR_EXPORT = {"scene", "sweeping", "theme", "labels"}


def imports(path):
    """(part, module) pairs of the package that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "unroll" and len(parts) > 1:
                yield parts[1], parts[2] if len(parts) > 2 else ""


def files():
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part in MAY_IMPORT:
            yield part, path


@pytest.mark.parametrize(("part", "path"), list(files()), ids=lambda x: getattr(x, "stem", x))
def test_imports_go_one_way(part, path):
    for imported, module in imports(path):
        assert imported == part or imported in MAY_IMPORT[part], f"{path} imports {imported}"
        if part == "export" and imported == "drawing":
            assert module in DRAWING_FOR_EXPORT, f"{path} imports drawing.{module}"
        if part == "plots" and imported == "drawing":
            assert module in DRAWING_FOR_PLOTS, f"{path} imports drawing.{module}"


def test_every_folder_has_its_place_in_the_order():
    folders = {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()}
    assert folders <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import unroll", ("numpy", "matplotlib", "networkx", "lark", "graphviz", "click")),
        ("import unroll.cli", ("numpy", "matplotlib", "networkx", "lark", "graphviz")),
        ("import unroll; unroll.template('rnn')", ("numpy", "matplotlib", "networkx")),
        ("import unroll; str(unroll.template('rnn').derive())", ("numpy", "matplotlib")),
    ],
)
def test_heavy_imports_wait_until_they_are_needed(statement, heavy):
    code = f"import sys; {statement}; print(*(m for m in {heavy!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split() == []


def test_a_function_and_its_module_never_share_a_name():
    for path in sorted(PACKAGE.rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert path.stem not in {n.name for n in body if isinstance(n, ast.FunctionDef)}, path
