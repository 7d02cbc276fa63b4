"""The pictures of one preview, from a live event or from the strips that a run leaves on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
from PySide6.QtGui import QImage

from trainer_core.events import Sample

VIEWS = ("LR", "SR", "HR", "Bicubic")
_STRIP = ("LR", "Bicubic", "SR", "HR")  # the order on disk
_STRIP_NAME = re.compile(r"step(\d+)_(\d+)\.png")


@dataclass(frozen=True)
class Pictures:
    """Images by view; LR may be smaller than the others and is drawn at their size, pixel by pixel."""

    step: int
    name: str
    images: dict[str, QImage]
    psnr: Optional[float] = None
    bicubic_psnr: Optional[float] = None

    @property
    def width(self) -> int:
        """Of the HR picture, in pixels."""
        return self.images["HR"].width()

    @property
    def height(self) -> int:
        """Of the HR picture, in pixels."""
        return self.images["HR"].height()

    def caption(self) -> str:
        """Step, name and figures in one line."""
        text = f"step {self.step} · {self.name}"
        if self.psnr is not None and self.bicubic_psnr is not None:
            gain = self.psnr - self.bicubic_psnr
            text += f" · PSNR {self.psnr:.2f} dB, bicubic {self.bicubic_psnr:.2f} dB ({gain:+.2f})"
        return text


def from_sample(step: int, sample: Sample) -> Pictures:
    """A live preview."""
    images = {"LR": sample.lr, "SR": sample.sr, "HR": sample.hr, "Bicubic": sample.bicubic}
    shown = {view: _image(pixels) for view, pixels in images.items()}
    return Pictures(step, sample.name, shown, sample.psnr, sample.bicubic_psnr)


def from_strip(path: Path) -> Optional[Pictures]:
    """A preview of an earlier step, or None when the file is gone or something else."""
    strip, found = QImage(str(path)), _STRIP_NAME.fullmatch(path.name)
    if strip.isNull() or found is None or strip.width() % len(_STRIP):
        return None
    width = strip.width() // len(_STRIP)
    images = {view: strip.copy(place * width, 0, width, strip.height()) for place, view in enumerate(_STRIP)}
    return Pictures(int(found.group(1)), f"picture {found.group(2)}", images)


def strips(folder: Path) -> dict[int, list[Path]]:
    """Step -> preview files, in the order of steps and pictures."""
    found: dict[int, list[Path]] = {}
    for path in sorted(folder.glob("step*_*.png")) if folder.is_dir() else ():
        match = _STRIP_NAME.fullmatch(path.name)
        if match:
            found.setdefault(int(match.group(1)), []).append(path)
    return found


def _image(pixels: np.ndarray) -> QImage:
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888).copy()
