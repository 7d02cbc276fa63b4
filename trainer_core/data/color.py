"""Convert a decoded picture of any mode to 8-bit sRGB, strip by strip: `to_srgb(image, profile)`.

Profiles are converted by what they do, never by their name; one that changes nothing visible is left out, so that sRGB
files keep their exact values. 16-bit grays are rounded (v / 257); of other 16-bit values Pillow keeps the upper byte.
Transparent pixels are composited on middle gray: a white or black border would not look like a photo, and gray changes
the mean brightness least. Converting in strips keeps the memory at that of the decoded picture and the result.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from trainer_core.data.photo_error import PhotoError

BACKDROP = (128, 128, 128)

_STRIP_PIXELS = 1 << 20
_BITS_PER_SAMPLE_TAG, _PHOTOMETRIC_TAG, _EXTRA_SAMPLES_TAG, _WHITE_IS_ZERO = 258, 262, 338, 0
_INVISIBLE = 2  # of 255 levels: the rounding of two conversions
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_MODES_OF_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}

Convert = Callable[[Image.Image], Image.Image]


def to_srgb(image: Image.Image, profile: bytes | None) -> np.ndarray:
    """Return the pixels as uint8 [H, W, 3].

    Args:
        image: a picture with its pixels loaded.
        profile: its ICC profile; None for sRGB. A damaged profile, or one for another kind of picture, is ignored.

    Raises:
        PhotoError: as `check_depth`, or the picture is fully transparent.
    """
    check_depth(image)
    to_eight_bit = _make_rounding(image)
    has_alpha = image.mode in _ALPHA_MODES or ("transparency" in image.info and to_eight_bit is None)
    is_alpha_valid = has_alpha and (_states_alpha(image) or _highest_alpha(image) > 0)
    base = "L" if to_eight_bit else image.mode if image.mode in ("L", "CMYK", "LAB") else "RGB"
    convert = _make_conversion(base, profile)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // image.width)
    highest = 0
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        if to_eight_bit:
            strip = to_eight_bit(strip)
        if is_alpha_valid:
            rgba = strip.convert("RGBA")
            alpha = rgba.getchannel("A")
            highest = max(highest, int(np.asarray(alpha).max()))
            color = convert(rgba.convert("RGB"))
            strip = Image.composite(color, Image.new("RGB", color.size, BACKDROP), alpha)
        else:
            strip = convert(strip)
        pixels[top : top + strip.height] = np.asarray(strip)
    if is_alpha_valid and highest == 0:
        raise PhotoError("the image is fully transparent")
    return pixels


def check_depth(image: Image.Image) -> None:
    """Refuse a picture without defined white; its pixels need not be loaded.

    Raises:
        PhotoError: the picture is floating-point, signed or 32-bit.
    """
    if _make_rounding(image) is None and image.mode in ("I", "F"):
        raise PhotoError(
            "a 32-bit, signed or floating-point image has no defined white; save it with 8 or 16 bits per channel"
        )


def _states_alpha(image: Image.Image) -> bool:
    """Whether a fourth channel must be alpha; of BMP and some TIFF files it is often 0, and viewers ignore it."""
    tags = getattr(image, "tag_v2", None)
    return image.format != "BMP" and (tags is None or _EXTRA_SAMPLES_TAG in tags)


def _highest_alpha(image: Image.Image) -> int:
    return int(np.asarray(image.getchannel("A")).max()) if image.mode == "RGBA" else 255


def _make_rounding(image: Image.Image) -> Convert | None:
    """Return the conversion of a strip of 12- or 16-bit gray to 8 bits; None for other modes."""
    if not image.mode.startswith("I;16") and not (image.mode == "I" and image.format == "PNG"):
        return None
    tags = getattr(image, "tag_v2", {})
    top = 4095 if tags.get(_BITS_PER_SAMPLE_TAG) == (12,) else 65535
    levels = np.minimum((np.arange(65536, dtype=np.uint32) * 255 + top // 2) // top, 255).astype(np.uint8)
    if tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO:  # Pillow inverts only 8 bits and fewer
        levels = 255 - levels
    return lambda strip: Image.fromarray(levels[np.asarray(strip)])


def _make_conversion(base: str, profile: bytes | None) -> Convert:
    """Return the conversion of a strip to RGB.

    Args:
        base: "L", "RGB", "CMYK" or "LAB", the mode in which the strips' colors are stated.
        profile: an ICC profile.
    """
    if base == "LAB":
        profile = None
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _apply(ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "LAB", "RGB"), "LAB")
    if not profile:
        return _convert_plainly
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES_OF_SPACES.get(source.profile.xcolor_space.strip(), "")
        if mode not in (base, "RGB") or (mode == "RGB" and base == "CMYK"):
            return _convert_plainly
        intent = ImageCms.Intent.PERCEPTUAL if mode == "CMYK" else ImageCms.Intent.RELATIVE_COLORIMETRIC
        target = ImageCms.createProfile("sRGB")
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.buildTransform(source, target, mode, "RGB", intent, flags)
        return _convert_plainly if _changes_nothing(transform, mode) else _apply(transform, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return _convert_plainly


def _convert_plainly(strip: Image.Image) -> Image.Image:
    return strip if strip.mode == "RGB" else strip.convert("RGB")


def _apply(transform: ImageCms.ImageCmsTransform, mode: str) -> Convert:
    def convert(strip: Image.Image) -> Image.Image:
        return transform.apply(strip if strip.mode == mode else strip.convert(mode))

    return convert


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a conversion moves no gray and no color of a regular grid visibly."""
    if mode == "CMYK":
        return False
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    grid = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), -1).reshape(-1, 3)
    values = ramp if mode == "L" else np.concatenate([ramp, grid])
    probe = Image.fromarray(values[None, :, 0] if mode == "L" else values[None])
    moved = np.asarray(transform.apply(probe)).astype(int)[0] - values
    return bool(np.abs(moved).max() <= _INVISIBLE)
