"""The images of one preview, made from a run's event or read from the strips that the run has written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from trainer_core.data.decoding import PhotoError, decode
from trainer_core.events import PreviewImage
from trainer_core.previews.files import parse_file_name, pinned_name, read_preview_info

LR, SR, HR = "Watch photo (LR)", "Network (SR)", "Original (HR)"
BICUBIC, DIFFERENCE = "Plain enlargement (bicubic)", "Difference (network and original)"
VIEWS = (LR, SR, HR, BICUBIC, DIFFERENCE)  # in the order of their keys
STRIP = (LR, BICUBIC, SR, HR)  # the order in the file; a pinned photo has no HR
BRIGHTNESSES = (1, 2, 4, 8, 16)  # how many times brighter a difference can be drawn
DEFAULT_BRIGHTNESS = 4


@dataclass(frozen=True)
class Pictures:
    """Images of one step and photo by view, to be drawn at one size; LR may have fewer pixels than the others.

    `file` is where they are from: a preview or a photo. `brightness` is how many times brighter the difference is.
    """

    step: int
    name: str
    images: dict[str, QImage]
    psnr: float | None = None
    bicubic_psnr: float | None = None
    file: Path | None = None
    brightness: int = DEFAULT_BRIGHTNESS

    @property
    def width(self) -> int:
        """Width of the largest image in pixels."""
        return max(image.width() for image in self.images.values())

    @property
    def height(self) -> int:
        """Height of the largest image in pixels."""
        return max(image.height() for image in self.images.values())

    @property
    def size(self) -> QSize:
        """Size of the largest image in pixels."""
        return QSize(self.width, self.height)

    def with_brightness(self, brightness: int) -> Pictures:
        """Return the pictures with a difference that is this many times brighter, if they have one."""
        if brightness == self.brightness or DIFFERENCE not in self.images:
            return self
        apart = show_difference(read_pixels(self.images[SR]), read_pixels(self.images[HR]), brightness)
        return replace(self, images={**self.images, DIFFERENCE: _to_qimage(apart)}, brightness=brightness)

    @property
    def shortest_caption(self) -> str:
        """The gain alone, such as "+0.25 dB"; the step where there is no original to measure the gain."""
        if self.psnr is None or self.bicubic_psnr is None:
            return f"step {self.step}"
        return f"{self.psnr - self.bicubic_psnr:+.2f} dB"

    def caption(self, *, with_name: bool, is_short: bool = False) -> str:
        """Return step, gain, PSNR and, if wanted, the name in one line; `is_short` leaves out over what the gain is."""
        parts = [f"step {self.step}" if self.step else "step 0, before this training"]
        if self.psnr is not None and self.bicubic_psnr is not None:
            gain = self.psnr - self.bicubic_psnr
            parts.append(f"{gain:+.2f} dB" if is_short else f"{gain:+.2f} dB over plain enlargement")
            parts.append(f"PSNR {self.psnr:.2f}")
        return " · ".join([*parts, self.name] if with_name else parts)


def short_name(view: str) -> str:
    """Return the name of a view without its explanation, for a button."""
    return view.partition(" (")[0]


def make_pictures(step: int, preview: PreviewImage, file: Path | None = None) -> Pictures:
    """Make the images of a preview that a run in this process has sent, and written to `file`."""
    arrays = {LR: preview.lr, BICUBIC: preview.bicubic, SR: preview.sr}
    if preview.hr is not None:
        arrays[HR] = preview.hr
    return Pictures(step, preview.name, _make_images(arrays), preview.psnr, preview.bicubic_psnr, file)


def read_strip(path: Path) -> Pictures | None:
    """Read a preview from its strip; None if the file is missing or is not a strip. May run in any thread."""
    named = parse_file_name(path)
    if named is None:
        return None
    step, key = named
    views = STRIP[:3] if pinned_name(key) else STRIP
    try:
        strip, info = decode(path), read_preview_info(path)
    except PhotoError:
        return None
    if strip.shape[1] % len(views):
        return None
    arrays = dict(zip(views, np.split(strip, len(views), axis=1)))
    return Pictures(step, info.name, _make_images(arrays), info.psnr, info.bicubic_psnr, path)


def _make_images(arrays: dict[str, np.ndarray]) -> dict[str, QImage]:
    """Make the images of all views; of the difference where there is an original."""
    if HR in arrays:
        arrays[DIFFERENCE] = show_difference(arrays[SR], arrays[HR])
    return {view: _to_qimage(pixels) for view, pixels in arrays.items()}


def describe_brightness(brightness: int) -> str:
    """Say how much brighter a difference is drawn."""
    return "not brighter" if brightness == 1 else f"{brightness} times brighter"


def show_difference(sr: np.ndarray, hr: np.ndarray, brightness: int = DEFAULT_BRIGHTNESS) -> np.ndarray:
    """Return how far two images are apart, uint8 [H, W, 3], `brightness` times brighter; black is no difference."""
    apart = brightness * np.abs(sr.astype(np.int16) - hr)
    difference: np.ndarray = np.minimum(apart, 255).astype(np.uint8)
    return difference


def wrap_pixels(pixels: np.ndarray) -> QImage:
    """Wrap pixels, uint8 [H, W, 3], in an image without a copy: they must outlive it."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)


def read_pixels(image: QImage) -> np.ndarray:
    """Copy the pixels of an image, uint8 [H, W, 3]."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    pixels: np.ndarray = rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()
    return pixels


def _to_qimage(pixels: np.ndarray) -> QImage:
    return wrap_pixels(np.ascontiguousarray(pixels)).copy()
