"""The two kinds of watch as facts: their frames, their gray levels, their JPEG, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Watch:
    """One kind of Casio WQV.

    Args:
        kind: "mono" or "color".
        profile: the name of its built-in camera profile, by which `--camera` and the metadata of weights call it.
        models: the models of this kind, for people.
        frame_width: LR pixels.
        frame_height: LR pixels.
        gray_levels: values that each channel of a pixel can take.
        jpeg_grid: side of the squares that its JPEG codes together, LR pixels; 1 where it stores no JPEG.
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
        """Kind and models in words, such as "mono watch (WQV-1, WQV-2)"."""
        return f"{self.kind} watch ({', '.join(self.models)})"


WQV1 = Watch("mono", "wqv1", ("WQV-1", "WQV-2"), 120, 120, gray_levels=16, jpeg_grid=1)
WQV10 = Watch("color", "wqv10", ("WQV-3", "WQV-10"), 176, 144, gray_levels=256, jpeg_grid=16)
WATCHES: Mapping[str, Watch] = {watch.kind: watch for watch in (WQV1, WQV10)}
"""Kind -> watch."""


def select_watch(*, mono: bool) -> Watch:
    """Return the mono or the color watch."""
    return WQV1 if mono else WQV10
