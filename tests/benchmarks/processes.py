"""Functions of this package called in a fresh process: what they measure belongs to it alone."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .machine import confine

ROOT = Path(__file__).parents[2]
NAME = "tests.benchmarks.processes"


def apart(function: str, *arguments: Any) -> Any:
    """What `module:function` of this package answers in a process of its own.

    Arguments and answer are JSON. Raises RuntimeError with what the process said last if it fails.
    """
    call = [sys.executable, "-m", NAME, function, json.dumps(arguments)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{function}{arguments}: {(done.stderr.splitlines() or ['failed'])[-1]}")
    return json.loads(done.stdout)


def answer(function: str, arguments: str) -> None:
    """The other end of `apart`."""
    confine()
    module, _, name = function.partition(":")
    found = getattr(importlib.import_module(f".{module}", __package__), name)
    print(json.dumps(found(*json.loads(arguments))))


if __name__ == "__main__":
    answer(*sys.argv[1:])
