"""The pictures of one preview, from a live event or from the strips that a run leaves on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
from PySide6.QtGui import QImage

from trainer_core.data.decoding import PhotoError, decode
from trainer_core.events import Sample
from trainer_core.previews.files import facts_of, pinned_name, step_and_key

VIEWS = ("LR", "SR", "HR", "Bicubic")
_STRIP = ("LR", "Bicubic", "SR", "HR")  # the order on disk; a pinned photo has no HR


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
        """Of the largest picture, in pixels."""
        return max(image.width() for image in self.images.values())

    @property
    def height(self) -> int:
        """Of the largest picture, in pixels."""
        return max(image.height() for image in self.images.values())

    def caption(self, *, named: bool) -> str:
        """Step, figures and perhaps the name in one line; the name comes last because it is what may be cut off."""
        text = f"step {self.step}"
        if self.psnr is not None and self.bicubic_psnr is not None:
            gain = self.psnr - self.bicubic_psnr
            text += f" · PSNR {self.psnr:.2f} dB, bicubic {self.bicubic_psnr:.2f} ({gain:+.2f})"
        return f"{text} · {self.name}" if named else text


def from_sample(step: int, sample: Sample) -> Pictures:
    """A live preview."""
    arrays = {"LR": sample.lr, "SR": sample.sr, "HR": sample.hr, "Bicubic": sample.bicubic}
    images = {view: _image(pixels) for view, pixels in arrays.items() if pixels is not None}
    return Pictures(step, sample.name, images, sample.psnr, sample.bicubic_psnr)


def from_strip(path: Path) -> Optional[Pictures]:
    """A preview of an earlier step, or None when the file is gone or something else. Fit for any thread."""
    named = step_and_key(path)
    if named is None:
        return None
    step, key = named
    views = _STRIP[:3] if pinned_name(key) else _STRIP
    try:
        strip, facts = decode(path), facts_of(path)
    except PhotoError:
        return None
    if strip.shape[1] % len(views):
        return None
    images = {view: _image(part) for view, part in zip(views, np.split(strip, len(views), axis=1))}
    return Pictures(step, facts.name, images, facts.psnr, facts.bicubic_psnr)


def _image(pixels: np.ndarray) -> QImage:
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888).copy()
