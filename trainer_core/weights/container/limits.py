"""The limits of a weight file, which the readers of this package check before they allocate anything.

The largest legitimate files are raw checkpoints: weights, EMA weights and Adam's moments of a large RRDB, a few
thousand tensors. The limits leave an order of magnitude above them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The largest accepted values; a file that exceeds one is refused."""

    file_bytes: int = (1 << 32) - (1 << 20)  # below 4 GiB, so that no size or offset needs zip64 fields
    entries: int = 20_000  # records of a zip, tensors of a safetensors file
    pickle_bytes: int = 16 << 20
    header_bytes: int = 2 << 20  # of safetensors: parsed JSON takes up to 24 times its text
    opcodes: int = 500_000
    nodes: int = 500_000  # of the tree; an object that appears twice counts twice
    elements: int = 1 << 30  # of all tensors together
    depth: int = 16
    dimensions: int = 8
    name_characters: int = 512


DEFAULT_LIMITS = Limits()
