"""All random numbers of a run, counted: (seed, stream, n) always gives the same ones, in any order of asking.

Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). The key is
(seed, stream) and the counter (draws, n, part, 0), so no state is carried from one number to the next, and no two
streams meet. Calibration alone is outside: its fits have fixed seeds of their own.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_MASK_64 = (1 << 64) - 1


@unique
class Stream(IntEnum):
    """What random numbers are for, and what n counts there. The values are part of every result: never change one."""

    ORDER = 1  # photos of pass n; patches of the block that starts at sample n (part 1)
    PATCH = 2  # frame and region of sample n
    VALIDATION = 3  # frames of the photo whose name has hash n
    SCENE = 4  # built-in scene n
    TEXTURE = 5  # texture n of the built-in scenes
    EXAMPLE = 6  # frames of photo n that are shown before a training
    CAMERA = 7  # camera parameters of sample n
    NOISE = 8  # pixel noise of the micro-batch whose first sample is n
    OFFSET = 9  # where in its region the patch of sample n lies
    SIMULATION = 10  # frames that `simulate` cuts, n a hash of photo and frame
    WEIGHTS = 11  # first weights of a network (n is 0)


def make_generator(seed: int, stream: Stream, n: int, part: int = 0) -> np.random.Generator:
    """Return a new generator for number `n` (and `part` of it) of a stream under `seed`; any integers."""
    key = np.array([seed & _MASK_64, stream], dtype=np.uint64)
    counter = np.array([0, n & _MASK_64, part & _MASK_64, 0], dtype=np.uint64)  # the lowest word counts the draws
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def make_torch_generator(seed: int, stream: Stream, n: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new generator of torch on `device`, seeded from `make_generator`'s numbers."""
    import torch

    return torch.Generator(device).manual_seed(int(make_generator(seed, stream, n).integers(0, 2**62)))
