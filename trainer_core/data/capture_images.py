"""Read a watch photo from the bytes of an image file: `read_capture_image`, and `is_image` for what counts as one.

A copy that was enlarged by repeating pixels is reduced to the watch's size again, which gives back the same pixels. The
headers of Palm records that some programs leave in the middle of a JPEG file are removed.
"""

from __future__ import annotations

import re

import numpy as np

from trainer_core.data.decoding import PhotoError, decode_bytes, read_size
from trainer_core.watches import WATCHES, WQV1, WQV10

BLOCK_MARK = b"DBLK"
_BLOCK_HEADER = re.compile(re.escape(BLOCK_MARK) + rb"\0\0..", re.DOTALL)
_JPEG = b"\xff\xd8\xff"
_STARTS = (b"\x89PNG", _JPEG, b"II*\0", b"MM\0*")
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_MIN_CROP = 16
_MAX_FACTOR = 8
_SIZES = " or ".join(f"{watch.frame_width}x{watch.frame_height}" for watch in WATCHES.values())


def is_image(content: bytes) -> bool:
    """Whether this is a file of a format in which programs store watch photos; raw dumps may begin with "BM", too."""
    if content.startswith(b"BM"):
        return int.from_bytes(content[14:18], "little") in _BMP_HEADER_SIZES
    return content.startswith(_STARTS) or _is_headed_jpeg(content) or content[:4] + content[8:12] == b"RIFFWEBP"


def _is_headed_jpeg(content: bytes) -> bool:
    return content.startswith(BLOCK_MARK) and _BLOCK_HEADER.sub(b"", content[:16]).startswith(_JPEG)


def find_enlargement(width: int, height: int) -> int:
    """Return by which factor a picture is as large as a whole frame of a watch, 0 if by none."""
    for watch in WATCHES.values():
        factor, rest = divmod(width, watch.frame_width)
        if not rest and 1 <= factor <= _MAX_FACTOR and height == factor * watch.frame_height:
            return factor
    return 0


def read_capture_image(content: bytes) -> tuple[np.ndarray, str]:
    """Return the pixels of a watch photo, uint8 [h, w] (mono) or [144, 176, 3] (color), and its kind.

    Raises:
        PhotoError: the image cannot be read, or is not an unchanged photo of a watch.
    """
    if content.startswith((_JPEG, BLOCK_MARK)):
        content = _BLOCK_HEADER.sub(b"", content)
    width, height = read_size(content)
    factor = find_enlargement(width, height)
    if not factor and (width, height) == (WQV10.frame_height, WQV10.frame_width):
        raise PhotoError(f"{width}x{height} pixels, a rotated copy of {_SIZES}. Use the original file")
    if not factor and max(width, height) > WQV1.frame_width:
        raise PhotoError(f"{width}x{height} pixels instead of {_SIZES}. Use the original file, not a scaled copy")
    if min(width, height) < _MIN_CROP:
        raise PhotoError(f"{width}x{height} pixels instead of {_SIZES}. Use the original file")
    rgb = decode_bytes(content)
    if factor > 1:
        rgb = _undo_enlargement(rgb, factor)
    if rgb.shape[:2] == (WQV10.frame_height, WQV10.frame_width):
        return rgb, WQV10.kind
    return _read_mono_levels(rgb), WQV1.kind


def normalize_levels(gray: np.ndarray) -> np.ndarray | None:
    """Convert the grays of a mono capture from one of the three known scales to 0, 17 … 255; None if none fits.

    Args:
        gray: uint8, any shape.
    """
    if not (gray % 17).any():
        return gray
    if not (gray % 16).any():
        return gray // 16 * 17
    if (gray % 16 == 15).all():
        return gray // 16 * 17
    return None


def _undo_enlargement(rgb: np.ndarray, factor: int) -> np.ndarray:
    reduced: np.ndarray = rgb[::factor, ::factor]
    if not np.array_equal(reduced.repeat(factor, 0).repeat(factor, 1), rgb):
        height, width = rgb.shape[:2]
        raise PhotoError(
            f"{width}x{height} pixels instead of {_SIZES}, and not every pixel of the watch is repeated exactly "
            f"{factor} times. Use the original file, not a scaled copy"
        )
    return np.ascontiguousarray(reduced)


def _read_mono_levels(rgb: np.ndarray) -> np.ndarray:
    gray = rgb[..., 0]
    levels = normalize_levels(gray) if (rgb == gray[..., None]).all() else None
    if levels is None:
        raise PhotoError(
            "it has colors or grays other than the 16 levels 0, 17 … 255 of a mono watch. Use the file that came from "
            "the watch, not a scaled or edited copy"
        )
    return levels
