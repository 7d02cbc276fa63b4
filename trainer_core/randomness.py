"""Counter-based random numbers for the data: generator (seed, purpose, n) is always the same one.

Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): the
key names the run and the purpose, the counter the sample, so no state is carried from one to the next.
"""

from __future__ import annotations

import numpy as np

ORDER = 1
PATCH = 2
VALIDATION = 3
SCENE = 4
TEXTURE = 5
EXAMPLE = 6

_MASK = (1 << 64) - 1


def generator(seed: int, purpose: int, n: int, part: int = 0) -> np.random.Generator:
    """A fresh generator for number `n` (and `part` of it) of a `purpose` under `seed`; any integers."""
    key = np.array([seed & _MASK, purpose & _MASK], dtype=np.uint64)
    counter = np.array([0, n & _MASK, part & _MASK, 0], dtype=np.uint64)  # the lowest word counts the draws
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
