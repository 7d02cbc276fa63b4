"""The presets: a size of network with the learning rate, batch and patch that go with it."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "full": dict(num_feat=64, num_block=23, num_grow_ch=32, learning_rate=2e-4, batch_size=16, patch_size=32),
    "light": dict(num_feat=64, num_block=6, num_grow_ch=32, learning_rate=4e-4, batch_size=16, patch_size=32),
    "nano": dict(num_feat=32, num_block=4, num_grow_ch=16, learning_rate=1e-3, batch_size=16, patch_size=32),
}
NETWORK_FIELDS = ("num_feat", "num_block", "num_grow_ch")
PRESET_FIELDS = tuple(PRESETS["full"])  # what a preset decides; each decides the same


def preset_for_device(device: str) -> str:
    """The preset to begin with on "cuda" or "cpu": what learns something useful there within an hour or so."""
    return "full" if device == "cuda" else "light"
