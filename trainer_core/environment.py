"""Settings of libraries that must be made before torch is imported. Called first by every entry point."""

from __future__ import annotations

import os

# torch's OpenMP threads wait for each other by spinning, by default so long that one busy neighbour
# makes every step several times slower. A tenth of a millisecond costs nothing on an idle machine.
_SPIN_COUNT = "30000"


def prepare() -> None:
    """Tame the waiting of OpenMP threads, unless the user has settings of their own."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
