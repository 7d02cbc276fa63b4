"""What is saved of a comparison, described for its file: a part of its images, or one of them as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRect, Qt

from app.preview.pictures import DIFFERENCE, Pictures, describe_brightness, read_pixels, short_name
from trainer_core.pixels import make_strip

_GAP = 8  # pixels between two images


@dataclass(frozen=True)
class CutOut:
    """A rectangle of some views of `pictures`, in pixels of their largest image."""

    pictures: Pictures
    views: tuple[str, ...]
    area: QRect

    @property
    def file_name(self) -> str:
        """The name to propose for a file, without suffix."""
        return f"{Path(self.pictures.name).stem}_cut"

    @property
    def description(self) -> str:
        """Size, place and views in words."""
        area = self.area
        return f"{area.width()} x {area.height()} pixels at {area.x()}, {area.y()} of {', '.join(self.views)}"

    @property
    def text(self) -> dict[str, str]:
        """What the text of the file says about the part."""
        return {"Cut-out": self.description}

    def cut(self) -> np.ndarray:
        """Return the part of each view side by side, uint8 [H, W, 3]; LR is enlarged by nearest neighbor."""
        width, height = self.pictures.width, self.pictures.height
        ignore = Qt.AspectRatioMode.IgnoreAspectRatio
        parts = [self.pictures.images[view].scaled(width, height, ignore).copy(self.area) for view in self.views]
        return make_strip([read_pixels(part) for part in parts], gap=_GAP)


class WholeImage(CutOut):
    """All of one view, in its own pixels."""

    @property
    def file_name(self) -> str:
        """The name to propose for a file, without suffix."""
        return f"{Path(self.pictures.name).stem}_{short_name(self.views[0]).lower().replace(' ', '_')}"

    @property
    def text(self) -> dict[str, str]:
        """What the text of the file says about the image."""
        (view,) = self.views
        return {"View": f"{view}, {describe_brightness(self.pictures.brightness)}" if view == DIFFERENCE else view}

    def cut(self) -> np.ndarray:
        """Return the image, uint8 [H, W, 3]."""
        return read_pixels(self.pictures.images[self.views[0]])
