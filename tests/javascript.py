"""Programs of runs, evaluated by the page's own code in Node, beside NumPy's numbers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unroll.numeric.trace import Trace
from unroll.stepper.program import arrays, operations_module, program_of
from unroll.stepper.tasks import Walk

STATIC = Path(__file__).parent.parent / "unroll" / "stepper" / "static"
NODE = Path(__file__).parent / "node"
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")
EXACT = 1e-12


def modules(folder: Path) -> Path:
    """The page's modules in a folder, the one made from the table of operations among them."""
    for path in STATIC.glob("*.js"):
        shutil.copy(path, folder)
    (folder / "operations.js").write_text(operations_module(), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return folder


def node_tests(name: str, folder: Path, **variables: str) -> None:
    """Run a file of Node's own tests on the modules in a folder."""
    done = subprocess.run(
        ["node", "--test", NODE / name],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "UNROLL_MODULES": str(modules(folder)), **variables},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout


def task(trace: Trace) -> dict[str, Any]:
    """What Node is to evaluate for a run."""
    return {"program": program_of(Walk(trace)), "arrays": arrays(trace)}


class Evaluator:
    """One process of Node, which evaluates run after run."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["node", NODE / "evaluate.mjs", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, trace: Trace) -> dict[str, Any]:
        """All values of a run, as the page computes them: by name, as a trace gives them."""
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdin.write(json.dumps(task(trace)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)


@contextmanager
def evaluator(folder: Path) -> Iterator[Evaluator]:
    """Node, on the modules in a folder."""
    found = Evaluator(folder)
    with found.process:
        yield found
        assert found.process.stdin
        found.process.stdin.close()


def evaluated(traces: Iterable[Trace], folder: Path) -> list[dict[str, Any]]:
    """All values of runs, as the page computes them."""
    with evaluator(modules(folder)) as evaluate:
        return [evaluate(trace) for trace in traces]


def worst(trace: Trace, found: dict[str, Any], least: float = 1e-300) -> float:
    """The largest difference of any value, relative to the largest entry of its array, or `least`."""
    assert set(found) == set(trace.recurrence.names)
    most = 0.0
    for name, values in found.items():
        if name not in trace.values:  # nothing computes it and nothing reads it
            assert not np.any(values["steps"]), name
            continue
        for ours, theirs in ((values["steps"], trace[name]), (values["rows"], trace.values[name])):
            most = max(most, apart(np.asarray(ours, float), np.asarray(theirs, float), name, least))
    return most


def apart(ours: np.ndarray, theirs: np.ndarray, name: str, least: float) -> float:
    """The largest difference, relative to the largest finite entry."""
    assert ours.shape == theirs.shape, name
    kept = np.isfinite(theirs)
    assert np.array_equal(ours[~kept], theirs[~kept], equal_nan=True), name
    scale = np.abs(theirs[kept]).max(initial=least)
    return float(np.abs(ours[kept] - theirs[kept]).max(initial=0.0) / scale)
