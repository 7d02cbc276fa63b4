"""Open one image file safely: its size and texts from the header, its pixels as 8-bit sRGB.

This is the only module of the core and the window that opens image files. The file's first bytes, never its name,
select the reader, from five formats; limits are checked before any pixel is decoded. EXIF orientation is applied, ICC
profiles are converted to sRGB, 16-bit values are rounded (v / 257), and transparent pixels are composited on middle
gray: a white or black border would not look like a photo, and gray changes the mean brightness least. Only the first
frame or page of a file is used.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from trainer_core.errors import UserError
from trainer_core.input_files import open_regular

MAX_PIXELS = 100_000_000
MAX_SIDE = 30_000
MIN_SIDE = 8
MAX_FILE_BYTES = 512 * 1024 * 1024
BACKDROP = (128, 128, 128)

_ORIENTATION_TAG = 0x0112
_BITS_PER_SAMPLE_TAG = 258
_ORIENTATION_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
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


class PhotoError(UserError):
    """A photo that cannot be used; the message is the reason alone, without the file's name."""


def read_size(source: Path | bytes) -> tuple[int, int]:
    """Return width and height in pixels after EXIF orientation, from the header of a file or of a file's bytes.

    Raises:
        PhotoError: the file cannot be read, has no known format, or exceeds a limit.
    """
    with _open_image(source) as image:
        width, height = image.size
        return (height, width) if _read_orientation(image) >= 5 else (width, height)


def decode(path: Path) -> np.ndarray:
    """Decode a whole photo to uint8 [H, W, 3] in sRGB, upright.

    Raises:
        PhotoError: the file cannot be read, is damaged or truncated, or holds no 8- or 16-bit image.
    """
    with _open_image(path) as image:
        return _decode_image(image)


def decode_bytes(content: bytes) -> np.ndarray:
    """Decode the photo in `content`, the bytes of a whole file, as `decode` does."""
    with _open_image(content) as image:
        return _decode_image(image)


def read_png_texts(path: Path) -> dict[str, str]:
    """Return the texts that lie before the pixels of a PNG file, by keyword, without decoding the pixels.

    Raises:
        PhotoError: the file cannot be read, has no known format, or exceeds a limit.
    """
    with _open_image(path) as image:
        return {str(keyword): text for keyword, text in image.info.items() if isinstance(text, str)}


def _decode_image(image: Image.Image) -> np.ndarray:
    turn = _ORIENTATION_TRANSPOSES.get(_read_orientation(image))
    image.load()
    rgb = _to_srgb(image)
    return np.array(rgb if turn is None else rgb.transpose(turn))


@contextmanager
def _open_image(source: Path | bytes) -> Iterator[Image.Image]:
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open_regular(source) as file:
            size = file.seek(0, io.SEEK_END)
            if size == 0:
                raise PhotoError("the file is empty (0 bytes)")
            if size > MAX_FILE_BYTES:
                raise PhotoError(f"the file is {size / 1024**2:.0f} MiB; the limit is {MAX_FILE_BYTES // 1024**2} MiB")
            file.seek(0)
            reader = _find_reader(file.read(16))
            file.seek(0)
            with reader(file) as image:
                _check_size(*image.size)
                yield image
    except PhotoError:
        raise
    except OSError as error:
        reason = error.strerror or str(error) or "unreadable"
        raise PhotoError(f"cannot be read: {reason}") from error
    except Exception as error:  # decoders raise exceptions of any type on a damaged file
        raise PhotoError(f"the file is damaged ({type(error).__name__}: {error})") from error


def _find_reader(start: bytes) -> Callable[..., Any]:
    for magic, reader in _READERS:
        if start.startswith(magic) and (magic != b"RIFF" or start[8:12] == b"WEBP"):
            return reader
    if start.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
        raise PhotoError("a PostScript file, not a photo")
    raise PhotoError("not a PNG, JPEG, TIFF, WebP or BMP file")


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"{width}x{height} pixels is too small; each side must have at least {MIN_SIDE} pixels")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise PhotoError(
            f"{width}x{height} pixels is too large; the limits are {MAX_PIXELS // 10**6} megapixels "
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
    return value if value in _ORIENTATION_TRANSPOSES else 1


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        image = _to_eight_bit(image)
    if image.mode in ("I", "F"):
        raise PhotoError("a 32-bit or floating-point image has no defined white; save it with 8 or 16 bits per channel")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return _composite_on_backdrop(_apply_icc_profile(rgba.convert("RGB"), profile), rgba.getchannel("A"))
    return _apply_icc_profile(image, profile)


def _to_eight_bit(image: Image.Image) -> Image.Image:
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE_TAG)
    top = 4095 if bits == (12,) else 65535
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values * 255 + top // 2) // top).astype(np.uint8))


def _composite_on_backdrop(color: Image.Image, alpha: Image.Image) -> Image.Image:
    lowest, highest = alpha.getextrema()
    if highest == 0:
        raise PhotoError("the image is fully transparent")
    if lowest == 255:
        return color
    return Image.composite(color, Image.new("RGB", color.size, BACKDROP), alpha)


def _apply_icc_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert `image` to sRGB; ignore a profile that is damaged or for another color space."""
    if image.mode not in ("L", "CMYK"):
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space.strip() == "RGB" and image.mode == "L":
                image = image.convert("RGB")
            if "srgb" not in ImageCms.getProfileDescription(source).lower():
                target = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
                return converted if converted is not None else image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")
