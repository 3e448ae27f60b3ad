"""Programs of runs, evaluated by the page's own code in Node, beside NumPy's numbers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

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


def task(trace: Trace) -> dict:
    """What Node is to evaluate for a run."""
    return {"program": program_of(Walk(trace)), "arrays": arrays(trace)}


def evaluated(traces: list[Trace], folder: Path) -> list[dict]:
    """All values of runs, as the page computes them: by name, as a trace gives them."""
    (folder / "tasks.json").write_text(json.dumps([task(t) for t in traces]), encoding="utf-8")
    command = ["node", NODE / "evaluate.mjs", modules(folder), folder / "tasks.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def worst(trace: Trace, found: dict) -> float:
    """The largest difference of any value, relative to the largest entry of its array."""
    most = 0.0
    for name, values in found["values"].items():
        theirs = np.asarray(trace[name], float)
        ours = np.asarray(values, float)
        assert ours.shape == theirs.shape, name
        assert np.array_equal(np.isfinite(ours), np.isfinite(theirs)), name
        kept = np.isfinite(theirs)
        scale = max(np.abs(theirs[kept]).max(initial=0.0), 1e-300)
        most = max(most, float(np.abs(ours[kept] - theirs[kept]).max(initial=0.0) / scale))
    return most
