"""Bounds within which a fit may move the ranges of a camera's parameters: what is physically sensible for the watch.

They are narrower than the limits of `camera.parameters`, which reject impossible profiles; docs/camera.md has the
reasons. A fit does not change a parameter without bounds.
"""

from __future__ import annotations

from collections.abc import Mapping

Bounds = Mapping[str, tuple[float, float]]
"""Parameter -> (low, high): bounds of its range or of its probability."""

MONO_BOUNDS: Bounds = {
    "psf_v": (0.7, 1.6),
    "psf_h": (0.1, 0.7),
    "vignette": (0.1, 0.45),
    "centre_x": (-0.25, 0.25),
    "centre_y": (-0.25, 0.25),
    "flare": (0.0, 0.08),
    "mean_level": (6.5, 10.0),
    "head_room": (1.0, 1.6),
    "gain": (0.2, 3.0),
    "indoor": (0.0, 0.15),
    "indoor_gain": (1.5, 4.0),
    "gamma": (0.4, 1.1),
    "pedestal": (0.3, 1.4),
    "sharpen_h": (0.2, 1.5),
    "sharpen_v": (0.0, 0.6),
    "coring": (0.05, 1.0),
    "noise": (0.04, 0.25),
    "odd_rows": (0.02, 0.16),
    "odd_columns": (0.0, 0.06),
    "row_noise": (0.0, 0.05),
    "column_noise": (0.0, 0.05),
    "sharpen_bias": (-0.1, 0.5),
}

COLOR_BOUNDS: Bounds = {
    "psf_v": (0.7, 1.8),
    "psf_h": (0.1, 0.9),
    "unfocused": (0.05, 0.8),
    "defocus": (0.2, 2.5),
    "vignette": (0.1, 0.7),
    "red_corners": (-0.05, 0.3),
    "blue_corners": (0.0, 0.45),
    "centre_x": (-0.2, 0.2),
    "centre_y": (-0.2, 0.2),
    "red_balance": (-0.4, 0.4),
    "blue_balance": (-0.6, 0.3),
    "flare": (0.0, 0.1),
    "mean_luma": (105.0, 165.0),
    "head_room": (1.0, 1.6),
    "gain": (0.05, 1.0),
    "line_leak": (0.0, 0.12),
    "gamma": (0.45, 1.1),
    "black": (0.0, 20.0),
    "red_black": (0.0, 35.0),
    "blue_black": (15.0, 75.0),
    "saturation": (0.4, 1.5),
    "chroma_blur": (0.3, 2.0),
    "sharpen_h": (0.2, 1.6),
    "sharpen_v": (0.0, 0.5),
    "coring": (0.5, 12.0),
    "noise": (0.0, 1.0),
    "odd_rows": (-0.8, 0.1),
    "sharpen_bias": (-0.4, 0.4),
}

SCENE_DEPENDENT = frozenset(
    (
        "mean_level",
        "mean_luma",
        "gamma",
        "pedestal",
        "black",
        "red_balance",
        "blue_balance",
        "vignette",
        "centre_x",
        "centre_y",
        "flare",
        "head_room",
    )
)
"""Parameters that depend on scenes and lamps more than on the watch; a fit to one watch leaves them unchanged.

From few captures a fit learns their scenes: fitted to one watch, these parameters made the synthetic photos less like
those of another watch (docs/camera.md).
"""

BOUNDS: Mapping[str, Bounds] = {"mono": MONO_BOUNDS, "color": COLOR_BOUNDS}


def watch_parameters(kind: str) -> tuple[str, ...]:
    """Return the parameters that a fit to one watch may change: all with bounds, without `SCENE_DEPENDENT`."""
    return tuple(name for name in BOUNDS[kind] if name not in SCENE_DEPENDENT)
