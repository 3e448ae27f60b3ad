"""Golden pictures: where everything stands in each template's views, as text that a diff can show.

`python -m tests.golden` writes them anew; look at the pictures that changed before committing them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File

import unroll
from tests.pictures import crossings
from unroll import templates
from unroll.drawing.scene import Circle, Group, Path, Scene, bounds_of

FOLDER = File(__file__).parent / "golden"
VIEWS = {
    "folded": {"view": "folded"},
    "unfolded": {"view": "unfolded"},
    "both flows, 3 steps": {"view": "unfolded", "flow": "both", "steps": 3},
    "folded operations": {"view": "folded", "level": "operations"},
    "unfolded operations": {"view": "unfolded", "level": "operations"},
}


def rows(scene: Scene) -> Iterator[str]:
    """A line for the size and the crossings, and one for each node, edge, label and so on: what it is, and where."""
    yield f"size {scene.bounds.width:.0f} x {scene.bounds.height:.0f}, {crossings(scene)} crossings"
    yield from _rows(scene.items, "")


def _rows(items: object, indent: str) -> Iterator[str]:
    for item in items:  # type: ignore[attr-defined]
        if not isinstance(item, Group):
            continue
        box = bounds_of([item])
        facts = " ".join(v for k, v in item.data if k in ("name", "index", "source", "target"))
        circle = next((i for i in item.items if isinstance(i, Circle)), None)
        line = next((i for i in item.items if isinstance(i, Path) and i.stroke), None)
        if circle is not None:
            place = f"at {circle.x:.0f} {circle.y:.0f}"
        elif item.kind == "edge" and line is not None:
            place = " ".join(c + ",".join(f"{n:.0f}" for n in ns) for c, ns in line.commands)
        else:
            place = f"in {box.left:.0f} {box.top:.0f} {box.right:.0f} {box.bottom:.0f}"
        said = f" {item.text!r}" if item.text and item.kind not in ("node", "ghost") else ""
        yield f"{indent}{item.kind}{' ' + facts if facts else ''}{said} {place}"
        if item.kind in ("edge", "panel"):
            yield from _rows(item.items, indent + "  ")


def described(name: str) -> str:
    """All views of a template."""
    recurrence = unroll.template(name)
    parts = []
    for title, options in VIEWS.items():
        parts += [f"# {title}", *rows(recurrence.draw(**options).scene), ""]
    return "\n".join(parts)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in templates.names():
        (FOLDER / f"{name}.txt").write_text(described(name), encoding="utf-8")


if __name__ == "__main__":
    main()
