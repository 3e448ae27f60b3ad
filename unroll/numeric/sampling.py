"""Random arrays for a recurrence that came without any: reproducible, and each name on its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import PARAMETER, Recurrence

NOWHERE: Mapping[str, tuple[int, int]] = MappingProxyType({})


def sample(
    recurrence: Recurrence,
    name: str,
    shape: Shape,
    lead: tuple[int, ...],
    seed: int,
    classes: Collection[str] = (),
    positions: Mapping[str, tuple[int, int]] = NOWHERE,
) -> NDArray[np.float64]:
    """An array for a name: parameters uniform within 1 / sqrt(fan-in), inputs normal, targets classes.

    shape: of one value; lead: lengths of the axes that lead; positions: names that hold whole numbers, with the first and the last one.
    Its generator depends on the seed and the name only.
    """
    generator = np.random.default_rng([seed, *name.encode()])
    size = (*lead, *shape)
    if name in positions:
        first, last = positions[name]
        return np.asarray(generator.integers(first, max(first, last) + 1, size=size), float)
    if name in classes and shape:
        chosen = generator.integers(shape[-1], size=size[:-1])
        return np.eye(shape[-1])[chosen]
    if name in recurrence.names and recurrence.role(name) == PARAMETER:
        bound = 1 / np.sqrt(shape[-1] if shape else 1)
        return np.asarray(generator.uniform(-bound, bound, size))
    return np.asarray(generator.normal(size=size))
