"""Open one image file safely: its size and texts from the header, its pixels as 8-bit sRGB.

This is the only module of the core and the window that opens image files. The file's first bytes, never its name,
select the reader, from five formats; limits are checked before any pixel is decoded. EXIF orientation is applied, and
colors are converted to sRGB (`color`). Only the first frame or page of a file is used. While it decodes, a photo needs
`DECODING_BYTES` for each pixel.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile, jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from trainer_core.data.color import check_depth, to_srgb
from trainer_core.data.color_profiles import read_profile
from trainer_core.data.completeness import is_truncated
from trainer_core.data.date_taken import find_date_taken
from trainer_core.data.formats import describe_foreign_format, describe_foreign_suffix, is_raw
from trainer_core.data.photo_error import PhotoError
from trainer_core.data.png_chunks import leave_out_long_texts, read_early_chunk
from trainer_core.data.tiff_messages import silence_libtiff
from trainer_core.input_files import open_regular
from trainer_core.pixels import RESULT_MARK

__all__ = [
    "DECODING_BYTES",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "MAX_WEBP_PIXELS",
    "MIN_SIDE",
    "PhotoError",
    "check_photo",
    "decode",
    "decode_bytes",
    "decode_reduced",
    "read_png_texts",
    "read_size",
]

MAX_PIXELS = 64_000_000  # with its smaller copies, half of the photo cache of a run
MAX_WEBP_PIXELS = 32_000_000  # its decoder needs twice the memory of the others
MAX_SIDE = 30_000
MIN_SIDE = 8
MAX_FILE_BYTES = 512 * 1024 * 1024
_MAX_PROFILE_BYTES = 16 * 1024 * 1024
DECODING_BYTES = 7  # per pixel: Pillow's four and the three of the result

_COPY_AGAIN = "Copy it again from where it came"
_TRUNCATED = f"the file is truncated: its end is missing. {_COPY_AGAIN}"
_TRUNCATED_HEADER = "Truncated File Read"  # Pillow's text

_ORIENTATION_TAG = 0x0112
_UNKNOWN_TIFF = "unknown pixel mode"  # Pillow's text
_NEW_SUBFILE_TYPE_TAG, _DNG_VERSION_TAG, _REDUCED = 254, 50706, 1
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels),
}
# Pillow's limit for the chunks of PNG files, 1 MiB, refuses photos with a large color profile.
PngImagePlugin.MAX_TEXT_CHUNK = _MAX_PROFILE_BYTES

_READERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"\xff\xd8\xff", jpeg_factory),
    (b"II*\x00", TiffImageFile),
    (b"MM\x00*", TiffImageFile),
    (b"II+\x00", TiffImageFile),
    (b"MM\x00+", TiffImageFile),
    (b"RIFF", WebPImageFile),
    (b"BM", BmpImageFile),
)


def check_photo(path: Path) -> tuple[int, int]:
    """Return width and height like `read_size`, and refuse files that cannot be photos as far as headers show.

    Raises:
        PhotoError: as `read_size`, or the end of the file is missing, this program wrote it as a result, or its white
            is not defined (32-bit, floating-point and HDR pictures).
    """
    with _open_image(path) as (image, file):
        if is_truncated(file, image):
            raise PhotoError(_TRUNCATED)
        if _is_marked(image):
            raise PhotoError("a result of this program, not a photo")
        check_depth(image)
        _read_profile(image, file)
        return _upright_size(image)


def read_size(source: Path | bytes) -> tuple[int, int]:
    """Return width and height in pixels after EXIF orientation, from the header of a file or of a file's bytes.

    Raises:
        PhotoError: the file cannot be read, has no known format, or exceeds a limit.
    """
    with _open_image(source) as (image, _):
        return _upright_size(image)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _read_orientation(image) >= 5 else (width, height)


def decode(path: Path) -> np.ndarray:
    """Decode a whole photo to uint8 [H, W, 3] in sRGB, upright.

    Raises:
        PhotoError: the file cannot be read, is damaged or truncated, or holds no 8- or 16-bit image.
    """
    with _open_image(path) as (image, file):
        return _decode_image(image, file)


def decode_reduced(path: Path, reduction: int) -> tuple[np.ndarray, int]:
    """Decode a photo like `decode`, a JPEG at a fraction of its size, which takes less than half the time.

    The JPEG decoder computes each block of 8x8 pixels at a smaller size, from its lower frequencies. Compared with area
    averages of the whole photo, values differ by half a level on average, 99 % of them by at most 3 (of 255).

    Args:
        path: the file.
        reduction: 1, 2, 4 or 8, the largest that will do.

    Returns:
        The pixels, and the reduction, by which both sides of the photo are divisible; 1 for other formats.

    Raises:
        PhotoError: as `decode`.
    """
    with _open_image(path) as (image, file):
        reduction = math.gcd(reduction, *image.size) if isinstance(image, JpegImageFile) else 1
        if reduction > 1:
            image.draft(None, (image.width // reduction, image.height // reduction))
        return _decode_image(image, file), reduction


def decode_bytes(content: bytes) -> np.ndarray:
    """Decode the photo in `content`, the bytes of a whole file, as `decode` does."""
    with _open_image(content) as (image, file):
        return _decode_image(image, file)


def read_png_texts(path: Path) -> dict[str, str]:
    """Return the texts that lie before the pixels of a PNG file, by keyword, without decoding the pixels.

    Raises:
        PhotoError: the file cannot be read, has no known format, or exceeds a limit.
    """
    with _open_image(path) as (image, _):
        return {str(keyword): text for keyword, text in image.info.items() if isinstance(text, str)}


def read_date_taken(source: Path | bytes) -> str:
    """Return when a photo was taken, as `find_date_taken` finds it; "" also for a file that is no photo."""
    try:
        with _open_image(source) as (image, _):
            return find_date_taken(image)
    except PhotoError:
        return ""


def is_result(path: Path) -> bool:
    """Whether a file is a picture that this program wrote as a result."""
    try:
        with _open_image(path) as (image, _):
            return _is_marked(image)
    except PhotoError:
        return False


def _is_marked(image: Image.Image) -> bool:
    return str(image.info.get("Software", "")).startswith(RESULT_MARK)


def _decode_image(image: Image.Image, file: BinaryIO) -> np.ndarray:
    turn = _TURNS.get(_read_orientation(image))
    profile = _read_profile(image, file)
    try:
        image.load()
    except Exception as error:
        if getattr(error, "errno", None) is None and is_truncated(file, image):
            raise PhotoError(_TRUNCATED) from error
        raise
    pixels = to_srgb(image, profile)
    image.close()  # frees Pillow's pixels before a turn needs another copy
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _read_profile(image: Image.Image, file: BinaryIO) -> bytes | None:
    return read_profile(image, read_early_chunk(file, b"cICP") if image.format == "PNG" else b"")


@contextmanager
def _open_image(source: Path | bytes) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """Open an image and yield it with its file, whose position must be kept."""
    suffix = "" if isinstance(source, bytes) else source.suffix
    try:
        if is_raw(suffix):
            raise PhotoError(describe_foreign_suffix(suffix))
        with io.BytesIO(source) if isinstance(source, bytes) else open_regular(source) as file:
            size = file.seek(0, io.SEEK_END)
            if size == 0:
                raise PhotoError("the file is empty (0 bytes)")
            if size > MAX_FILE_BYTES:
                raise PhotoError(f"the file is {size / 1024**2:.0f} MiB; the limit is {MAX_FILE_BYTES // 1024**2} MiB")
            file.seek(0)
            start = file.read(16)
            reader = _find_reader(start, suffix)
            if reader is WebPImageFile and size < 8 + int.from_bytes(start[4:8], "little"):
                raise PhotoError(_TRUNCATED)  # Pillow would not open it
            file.seek(0)
            if reader is TiffImageFile:
                silence_libtiff()
            with reader(leave_out_long_texts(file) if reader is PngImageFile else file) as image:
                _refuse_raw(image)
                width, height = image.size
                _check_size(width, height, MAX_WEBP_PIXELS if reader is WebPImageFile else MAX_PIXELS)
                yield image, file
    except PhotoError:
        raise
    except OSError as error:
        if str(error) == _TRUNCATED_HEADER:
            raise PhotoError(_TRUNCATED) from error
        if error.errno is None:  # raised by a decoder, for content
            raise PhotoError(_describe_damage(error)) from error
        raise PhotoError(f"cannot be read: {error.strerror or error}", is_momentary=True) from error
    except MemoryError as error:
        raise PhotoError("there is not enough memory to read it", is_momentary=True) from error
    except Exception as error:  # decoders raise exceptions of any type on a damaged file
        if str(error) == _UNKNOWN_TIFF:
            raise PhotoError("an unusual kind of TIFF; save it as RGB or gray with 8 or 16 bits per channel") from error
        raise PhotoError(_describe_damage(error)) from error


def _describe_damage(error: Exception) -> str:
    words = str(error)
    is_sentence = isinstance(error, (OSError, SyntaxError, ValueError)) and " " in words
    return f"the file is damaged ({words if is_sentence else type(error).__name__}). {_COPY_AGAIN}"


def _find_reader(start: bytes, suffix: str) -> Callable[..., Any]:
    if start[8:10] == b"CR" and start.startswith(b"II*"):
        raise PhotoError(describe_foreign_suffix(".cr2"))
    for magic, reader in _READERS:
        if start.startswith(magic) and (magic != b"RIFF" or start[8:12] == b"WEBP"):
            return reader
    foreign = describe_foreign_format(start) or describe_foreign_suffix(suffix)
    raise PhotoError(foreign or "not a PNG, JPEG, TIFF, WebP or BMP file")


def _refuse_raw(image: Image.Image) -> None:
    """Refuse a RAW file of a camera, a TIFF file whose first picture is a thumbnail."""
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    subfile = tags.get(_NEW_SUBFILE_TYPE_TAG)
    if _DNG_VERSION_TAG in tags or (isinstance(subfile, int) and subfile & _REDUCED):
        raise PhotoError("a RAW file of a camera; develop it and export it as JPEG or PNG")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"{width}x{height} pixels is too small; each side must have at least {MIN_SIDE} pixels")
    if max(width, height) > MAX_SIDE or width * height > max_pixels:
        raise PhotoError(
            f"{width}x{height} pixels is too large; the limits are {max_pixels // 10**6} megapixels "
            f"and {MAX_SIDE} pixels per side"
        )


def _read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1-8; 1 for TIFF, because Pillow rotates it itself."""
    if isinstance(image, TiffImageFile):
        return 1
    try:  # the base method: that of PNG would decode the whole image to find a late chunk
        value = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF block does not make the image unusable
        return 1
    return value if value in _TURNS else 1
