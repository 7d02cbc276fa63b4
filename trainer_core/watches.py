"""Facts about the two kinds of watch: frame size, gray levels, JPEG grid and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Watch:
    """One kind of Casio WQV.

    Args:
        kind: "mono" or "color".
        profile: name of its built-in camera profile, also used by `--camera` and the metadata of weight files.
        models: model names for display.
        frame_width: LR pixels.
        frame_height: LR pixels.
        gray_levels: number of values of each channel.
        jpeg_grid: side of the blocks that its JPEG codes together, LR pixels; 1 without JPEG.
    """

    kind: str
    profile: str
    models: tuple[str, ...]
    frame_width: int
    frame_height: int
    gray_levels: int
    jpeg_grid: int

    @property
    def description(self) -> str:
        """Kind and models, such as "mono watch (WQV-1, WQV-2)"."""
        return f"{self.kind} watch ({', '.join(self.models)})"


WQV1 = Watch("mono", "wqv1", ("WQV-1", "WQV-2"), 120, 120, gray_levels=16, jpeg_grid=1)
WQV10 = Watch("color", "wqv10", ("WQV-3", "WQV-10"), 176, 144, gray_levels=256, jpeg_grid=16)
WATCHES: Mapping[str, Watch] = {watch.kind: watch for watch in (WQV1, WQV10)}
"""Kind -> watch."""


def select_watch(*, mono: bool) -> Watch:
    """Return the mono or the color watch."""
    return WQV1 if mono else WQV10
