"""The presets: network sizes with matching optimizer, learning rate, batch and patch."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "full": dict(
        num_feat=64, num_block=23, num_grow_ch=32, optimizer="adam", learning_rate=2e-4, batch_size=16, patch_size=32
    ),
    "light": dict(
        num_feat=64, num_block=6, num_grow_ch=32, optimizer="muon", learning_rate=2e-3, batch_size=16, patch_size=32
    ),
    "nano": dict(
        num_feat=32, num_block=4, num_grow_ch=16, optimizer="muon", learning_rate=4e-3, batch_size=16, patch_size=32
    ),
}
_WARM_START_SHARE = 0.25  # of the learning rate of Muon, which otherwise first undoes what the weights can do
NETWORK_FIELDS = ("num_feat", "num_block", "num_grow_ch")
PRESET_FIELDS = tuple(PRESETS["full"])  # every preset sets the same fields


def preset_settings(preset: str, *, has_start: bool) -> dict[str, Any]:
    """Return the settings of a preset, none for an unknown name.

    Args:
        preset: its name.
        has_start: whether the run starts from weights.
    """
    settings = dict(PRESETS.get(preset, {}))
    if has_start and settings.get("optimizer") == "muon":
        settings["learning_rate"] *= _WARM_START_SHARE
    return settings


def preset_for_device(device: str) -> str:
    """Return the preset to propose for device "cuda" or "cpu": it learns something useful there in about an hour."""
    return "full" if device == "cuda" else "light"


def time_limits_for_device(device: str) -> dict[str, float]:
    """Return the time limits to propose, preset -> minutes: none for device "cuda", where every preset is fast."""
    return {} if device == "cuda" else {"nano": 10.0, "light": 60.0, "full": 60.0}
