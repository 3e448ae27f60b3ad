"""Long figures against Graphviz's dot on the same graph in the same run: `python -m tests.benchmarks.figures`.

What is timed for us is everything from the recurrence to the text of the SVG; for dot, the program
on the same nodes and edges as DOT (without positions), as SVG. Medians, and their ratio.
"""

from __future__ import annotations

import shutil
import subprocess
from statistics import median
from time import perf_counter

import unroll

CASES = (
    ("rnn", "variables", (10, 100, 1000, 10_000, 100_000)),
    ("lstm", "variables", (10, 100, 1000, 100_000)),
    ("lstm", "operations", (10, 100, 1000)),
)
_LIMIT, _RUNS = 60.0, 3  # seconds that dot may take; runs of each


def ours(name: str, level: str, steps: int) -> tuple[float, int]:
    """Seconds, and characters of the SVG."""
    recurrence = unroll.template(name)
    start = perf_counter()
    svg = recurrence.draw(view="unfolded", level=level, steps=steps, elide="none").svg()
    return perf_counter() - start, len(svg)


def dot_source(name: str, level: str, steps: int) -> str:
    """The same unrolled graph for dot, left to right."""
    template = unroll.template(name)
    recurrence = template.hide(*template.template.figure.get("hide", ()))
    graph = (recurrence.expand() if level == "operations" else recurrence).unroll(steps)
    names = {node: f"n{i}" for i, node in enumerate(graph.nodes)}
    lines = [f"{names[a]} -> {names[b]};" for a, b in graph.edges()]
    return "digraph {rankdir=LR;" + "".join(lines) + "}"


def theirs(source: str) -> float | None:
    """Seconds that dot takes, None where it is not done in time."""
    start = perf_counter()
    try:
        subprocess.run(
            ["dot", "-Tsvg"], input=source.encode(), capture_output=True, timeout=_LIMIT, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    return perf_counter() - start


def main() -> None:
    print("| figure | steps | ours, s | SVG, MB | dot / ours |\n|---|---|---|---|---|")
    for name, level, all_steps in CASES:
        possible = shutil.which("dot") is not None
        ours(name, level, 2)
        for steps in all_steps:
            runs = [ours(name, level, steps) for _ in range(_RUNS)]
            mine = median(seconds for seconds, _ in runs)
            peer = theirs(dot_source(name, level, steps)) if possible else None
            possible = peer is not None
            ratio = f"{peer / mine:.1f}" if peer else "not done in a minute"
            print(
                f"| {name}, {level} | {steps} | {mine:.2f} | {runs[0][1] / 1e6:.2f} | {ratio} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
