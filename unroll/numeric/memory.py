"""Memory: how many bytes the arrays of a run take, and whether the machine has them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from unroll.errors import UnrollError
from unroll.numeric.layout import Rows
from unroll.symbolic.operations import Shape
from unroll.symbolic.sizes import Sizes

if TYPE_CHECKING:
    from unroll.numeric.arrays import Data
    from unroll.numeric.codegen import Program

VARIABLE = (
    "UNROLL_MEMORY"  # bytes to use at most, instead of those that are free: 8e9, 500 MB, 2GiB
)
MODEST = 1 << 28  # bytes that are taken without asking how many there are
_UNITS = {"": 1, "b": 1} | {
    unit: 1000**power for power, unit in enumerate(("kb", "mb", "gb", "tb"), 1)
} | {unit: 1024**power for power, unit in enumerate(("kib", "mib", "gib", "tib"), 1)}  # fmt: skip
_GROUPS = (  # a container's limit and use: control groups version 2, then 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


REMEDY = 'Use fewer steps, a smaller batch, dtype float32, or checkpoint="sqrt", which keeps states only.'


def refuse_too_large(program: Program, data: Data, itemsize: int) -> None:
    """Raise UnrollError for a run whose arrays do not fit into memory, before they are made."""
    own = array_bytes(program.shapes, program.rows, program.batched, data.batch, itemsize)
    given = sum(a.nbytes for a in data.arrays.values())  # they are there, and copied
    copied = max(own.values(), default=0)  # what a trace gives out is a copy
    demand(sum(own.values()) + given + copied, data.sizes, data.batch)


def array_bytes(
    shapes: Mapping[str, Shape],
    rows: Mapping[str, tuple[Rows, ...]],
    batched: frozenset[str],
    batch: int,
    itemsize: int,
) -> dict[str, int]:
    """Bytes of each name's array, all of its rows."""
    return {
        name: itemsize
        * prod(map(len, rows.get(name, ())))
        * (batch if name in batched else 1)
        * prod(shape)
        for name, shape in shapes.items()
    }


def available() -> int:
    """Bytes that this process may still take: what is free, or what UNROLL_MEMORY says.

    Raises UnrollError where that is no number of bytes.
    """
    said = os.environ.get(VARIABLE)
    if said is not None:
        return _bytes(said)
    limits = [_free()]
    for limit, used in _GROUPS:
        top, now = _number(limit), _number(used)
        if top is not None and now is not None:
            limits.append(top - now)
    return max(0, min(limits))


def demand(needed: int, sizes: Sizes, batch: int = 1) -> None:
    """Raise UnrollError where a run over such axes needs more bytes than there are."""
    if needed <= MODEST and VARIABLE not in os.environ:
        return
    free = available()
    if needed > free:
        lengths = ", ".join(f"{name} = {length}" for name, length in sizes.lengths)
        times = f" and a batch of {batch}" if batch > 1 else ""
        raise UnrollError(
            f"a run with {lengths}{times} needs {readable(needed)} of memory; "
            f"{readable(free)} are available",
            remedy=REMEDY,
        )


def readable(count: float) -> str:
    """A number of bytes with three digits: `1.23 MB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"


def _bytes(text: str) -> int:
    digits = text.strip().rstrip("bkmgtiBKMGTI").strip()
    unit = text.strip()[len(digits) :].strip().lower()
    try:
        return int(float(digits) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        raise UnrollError(
            f"{VARIABLE} = {text!r} is no number of bytes", remedy="Write one as 8e9 or 2 GB."
        ) from None


def _free() -> int:
    """Free memory, and what caches would give back; all there is where nothing says more."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # a system that does not tell
        return 1 << 62


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):  # there is none, or it is "max"
        return None
