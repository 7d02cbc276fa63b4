"""How many threads torch uses: one for work on thousands of small tensors, all of them for a training step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Let torch calculate in the calling thread only, inside the `with` block; also usable as a decorator.

    Otherwise each operation on a tensor starts parallel work and waits for all threads, which takes milliseconds while
    other processes keep the cores busy: a checkpoint of the full network holds 1,755 tensors.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)
