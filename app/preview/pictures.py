"""The pictures of one preview, from a live event or from the strips that a run leaves on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtGui import QImage

from trainer_core.data.decoding import PhotoError, decode
from trainer_core.events import PreviewImage
from trainer_core.previews.files import parse_file_name, pinned_name, read_preview_info

VIEWS = ("LR", "SR", "HR", "Bicubic")
_STRIP = ("LR", "Bicubic", "SR", "HR")  # the order on disk; a pinned photo has no HR


@dataclass(frozen=True)
class Pictures:
    """Images by view; LR may be smaller than the others and is drawn at their size, pixel by pixel."""

    step: int
    name: str
    images: dict[str, QImage]
    psnr: float | None = None
    bicubic_psnr: float | None = None

    @property
    def width(self) -> int:
        """Of the largest picture, in pixels."""
        return max(image.width() for image in self.images.values())

    @property
    def height(self) -> int:
        """Of the largest picture, in pixels."""
        return max(image.height() for image in self.images.values())

    def caption(self, *, with_name: bool) -> str:
        """Step, figures and perhaps the name in one line; the name comes last because it is what may be cut off."""
        text = f"step {self.step}"
        if self.psnr is not None and self.bicubic_psnr is not None:
            gain = self.psnr - self.bicubic_psnr
            text += f" · PSNR {self.psnr:.2f} dB, bicubic {self.bicubic_psnr:.2f} ({gain:+.2f})"
        return f"{text} · {self.name}" if with_name else text


def make_pictures(step: int, sample: PreviewImage) -> Pictures:
    """A live preview."""
    arrays = {"LR": sample.lr, "SR": sample.sr, "HR": sample.hr, "Bicubic": sample.bicubic}
    images = {view: _to_qimage(pixels) for view, pixels in arrays.items() if pixels is not None}
    return Pictures(step, sample.name, images, sample.psnr, sample.bicubic_psnr)


def read_strip(path: Path) -> Pictures | None:
    """A preview of an earlier step, or None when the file is gone or something else. Fit for any thread."""
    named = parse_file_name(path)
    if named is None:
        return None
    step, key = named
    views = _STRIP[:3] if pinned_name(key) else _STRIP
    try:
        strip, facts = decode(path), read_preview_info(path)
    except PhotoError:
        return None
    if strip.shape[1] % len(views):
        return None
    images = {view: _to_qimage(part) for view, part in zip(views, np.split(strip, len(views), axis=1))}
    return Pictures(step, facts.name, images, facts.psnr, facts.bicubic_psnr)


def _to_qimage(pixels: np.ndarray) -> QImage:
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888).copy()
