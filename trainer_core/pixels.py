"""Conversions of images in memory: 8-bit arrays and tensors, gray and RGB, PNG, strips. Importing it needs no torch.

An array is uint8 with the channels last, [H, W, 3] or [B, H, W, 3]; a tensor is floating-point in 0..1 with the
channels first, [3, H, W] or [B, 3, H, W].
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from trainer_core.uploads import upload

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601), for values that are sRGB-encoded."""

RESULT_MARK = "wqv-upscale result"
"""Beginning of the PNG text "Software" of previews, upscaled pictures and simulated watch photos."""

PixelsT = TypeVar("PixelsT", np.ndarray, "Tensor")


def to_tensor(pixels: np.ndarray, device: torch.device | None = None) -> Tensor:
    """Convert uint8 [..., H, W, C] to float32 [..., C, H, W] in 0..1, on `device` (default: the CPU).

    The memory layout stays channels-last.
    """
    # uint8 moves to the device: a quarter of the bytes of float32
    return upload(pixels, device).movedim(-1, -3).float().div_(255)


def to_uint8(image: Tensor) -> np.ndarray:
    """Convert [..., C, H, W] in 0..1 to uint8 [..., H, W, C]: clamped, rounded to the nearest level, halves to even."""
    import torch

    levels = _to_levels(image.float()).to("cpu", torch.uint8)
    return levels.movedim(-3, -1).contiguous().numpy()


def round_to_8bit(image: Tensor) -> Tensor:
    """Clamp to 0..1 and round to the 256 levels of an 8-bit file, like `to_uint8`; return values in 0..1."""
    return _to_levels(image) / 255


def _to_levels(image: Tensor) -> Tensor:
    return (image.clamp(0, 1) * 255).round()


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """Return gray [H, W] as [H, W, 3] with three equal channels, and RGB unchanged."""
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def has_color(pixels: np.ndarray) -> bool:
    """Whether an RGB image [H, W, 3] has a pixel that is not gray."""
    return bool((pixels != pixels[..., :1]).any())


def luma(rgb: PixelsT) -> PixelsT:
    """Compute luma in the unit of `rgb`: of an array [..., H, W, 3] as float64 [..., H, W], of a tensor as one channel.

    Args:
        rgb: an array of any number type, or a floating-point tensor [..., 3, H, W], which becomes [..., 1, H, W].
    """
    red, green, blue = LUMA
    if isinstance(rgb, np.ndarray):
        return rgb[..., 0] * red + rgb[..., 1] * green + rgb[..., 2] * blue
    return rgb[..., 0:1, :, :] * red + rgb[..., 1:2, :, :] * green + rgb[..., 2:3, :, :] * blue


def enlarge_bicubic(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge uint8 [H, W, 3] to [H*scale, W*scale, 3] with Pillow's BICUBIC, as other programs do."""
    size = (pixels.shape[1] * scale, pixels.shape[0] * scale)
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def make_strip(images: Sequence[np.ndarray], *, gap: int = 0) -> np.ndarray:
    """Join RGB images side by side with `gap` white pixels between them, as uint8 [H, sum of widths and gaps, 3].

    Args:
        images: uint8 [h, w, 3]; each is enlarged to the size of the last one by nearest neighbor.
    """
    height, width = images[-1].shape[:2]
    between = np.full((height, gap, 3), 255, np.uint8)
    parts = [part for image in images for part in (between, _repeat_pixels(image, height, width))]
    return np.concatenate(parts[1:], axis=1)


def _repeat_pixels(image: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = np.arange(height) * image.shape[0] // height
    columns = np.arange(width) * image.shape[1] // width
    repeated: np.ndarray = image[rows][:, columns]
    return repeated


def mark_result(text: PngInfo | None = None) -> PngInfo:
    """Add to the text of a PNG file that it is a result of this program, so that no run trains on it."""
    marked = text or PngInfo()
    marked.add_text("Software", RESULT_MARK)
    return marked


def png_bytes(
    pixels: np.ndarray, *, text: PngInfo | None = None, exif: Image.Exif | None = None, compress_level: int = -1
) -> bytes:
    """Encode uint8 [H, W] or [H, W, 3] as a PNG file.

    Args:
        text: text chunks of the file; see `mark_result`.
        exif: EXIF data of the file.
        compress_level: 0 (none) to 9 (smallest), -1 for zlib's default.
    """
    packed = io.BytesIO()
    more = {"exif": exif} if exif else {}
    Image.fromarray(pixels).save(packed, "PNG", pnginfo=text, compress_level=compress_level, **more)
    return packed.getvalue()
