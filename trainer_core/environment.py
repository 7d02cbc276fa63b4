"""Settings of libraries that must be made before torch is imported. Called first by the trainer and the window."""

from __future__ import annotations

import os

# torch's OpenMP threads wait for each other by spinning, by default so long that one busy neighbour
# makes every step several times slower. Seen on 2 cores, nano step: idle 0.44 s either way (passive waiting 0.5 s);
# beside other jobs 4.0 and 5.5 s by default, 0.5 and 2.5 s at a count of 1000. Noisy figures, no benchmark script yet.
_SPIN_COUNT = "30000"


def prepare() -> None:
    """Tame the waiting of OpenMP threads, unless the user has settings of their own."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
