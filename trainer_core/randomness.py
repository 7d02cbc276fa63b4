"""Random numbers of a run, keyed by (seed, stream, n): the same key always gives the same numbers, in any order.

Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). The key is
(seed, stream) and the counter (draws, n, part, 0), so no state passes from one n to the next and streams never
overlap. Only calibration does not use this module: its fits have fixed seeds.
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
    """Purpose of random numbers and the meaning of n. Every result depends on the values: never change one."""

    ORDER = 1  # order of the photos in pass n; with part 1, of the patches in the block that starts at sample n
    PATCH = 2  # frame and region of sample n
    VALIDATION = 3  # frames of the photo whose name has hash n
    SCENE = 4  # built-in scene n
    TEXTURE = 5  # texture n of the built-in scenes
    EXAMPLE = 6  # frames of photo n for the simulation tab
    CAMERA = 7  # camera parameters of sample n
    NOISE = 8  # pixel noise of the micro-batch whose first sample is n
    OFFSET = 9  # position of the patch of sample n within its region
    SIMULATION = 10  # frames of the verb `simulate`; n is a hash of photo and frame
    WEIGHTS = 11  # initial weights of a network (n is 0)
    DISCRIMINATOR = 12  # initial weights of a discriminator (n is 0)
    BLIND = 13  # pairs of a blind comparison of n photos; with part 1, order of n files to choose them from


def make_generator(seed: int, stream: Stream, n: int, part: int = 0) -> np.random.Generator:
    """Return a new generator for (`seed`, `stream`, `n`, `part`); seed, n and part may be any integers."""
    key = np.array([seed & _MASK_64, stream], dtype=np.uint64)
    counter = np.array([0, n & _MASK_64, part & _MASK_64, 0], dtype=np.uint64)  # the lowest word counts the draws
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def make_torch_generator(seed: int, stream: Stream, n: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new torch generator on `device`, seeded by the first number of `make_generator`."""
    import torch

    return torch.Generator(device).manual_seed(int(make_generator(seed, stream, n).integers(0, 2**62)))
