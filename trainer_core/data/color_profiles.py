"""Find the color space of an opened picture as an ICC profile: the embedded one, or from PNG chunks and EXIF.

`read_profile(image, cicp)` returns the bytes of a profile. Where a file describes its color space in another way, an
equivalent matrix profile is built (ICC.1:2010, version 2) from primaries and a tone curve.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from PIL import Image

from trainer_core.data.photo_error import PhotoError

Primaries = tuple[float, float, float, float, float, float, float, float]  # x, y of white, red, green, blue
Curve = Callable[[np.ndarray], np.ndarray]  # encoded 0..1 to light 0..1

_D65, _D50 = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
_SRGB: Primaries = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE_RGB: Primaries = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_CICP_PRIMARIES: dict[int, Primaries] = {  # ITU-T H.273, table 2
    1: _SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_HDR_TRANSFERS = (16, 18)  # PQ, HLG
_NARROW_RANGE = 0  # of the fourth byte of cICP; 1 is the full range
_BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))
_CURVE_POINTS = 4096
_USUAL_GAMMA = 1 / 2.2
_EXIF_IFD, _INTEROPERABILITY_IFD, _COLOR_SPACE, _INTEROPERABILITY_INDEX = 0x8769, 0xA005, 0xA001, 1


def read_profile(image: Image.Image, cicp: bytes) -> bytes | None:
    """Return the ICC profile of a picture, or None for sRGB and where nothing is stated.

    Args:
        image: an opened picture; its pixels need not be loaded.
        cicp: the content of the chunk cICP of a PNG file, which precedes all others; b"" without one.

    Raises:
        PhotoError: the picture is HDR, which has no defined white, or has the narrow range of video without colors that
            can be converted.
    """
    if len(cicp) == 4 and _is_known_cicp(cicp):
        return _profile_from_cicp(cicp)
    embedded = image.info.get("icc_profile")
    if embedded:
        return bytes(embedded)
    if image.format == "PNG":
        return None if "srgb" in image.info else _profile_from_gamma(image)
    return build_profile(_ADOBE_RGB, _power(563 / 256)) if _is_adobe_rgb(image) else None


def build_profile(primaries: Primaries, curve: Curve) -> bytes:
    """Build an ICC matrix profile for RGB.

    Raises:
        ValueError: the primaries span no color space.
    """
    matrix = _colorants(primaries)
    points = np.clip(curve(np.linspace(0, 1, _CURVE_POINTS)), 0, 1)
    table = b"curv\0\0\0\0" + struct.pack(">I", _CURVE_POINTS) + (points * 65535).round().astype(">u2").tobytes()
    name = b"described by the file\0"
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)),
        (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", _xyz(_D50)),
        *((key, _xyz(matrix[:, column])) for column, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))),
        *((key, table) for key in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    start, directory, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, content in tags:
        directory += key + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_D50)[8:] + bytes(48)
    return header + directory + body


def _xyz(values: tuple[float, ...] | np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _colorants(primaries: Primaries) -> np.ndarray:
    """Return the XYZ of red, green and blue as columns, adapted to D50 by the Bradford transform."""
    points = np.array(primaries, float).reshape(4, 2)
    if (points[:, 1] <= 0).any() or not np.isfinite(points).all():
        raise ValueError("a primary without luminance")
    xyz = np.stack([points[:, 0] / points[:, 1], np.ones(4), (1 - points.sum(1)) / points[:, 1]])
    try:
        rgb = xyz[:, 1:] * np.linalg.solve(xyz[:, 1:], xyz[:, 0])
        cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ xyz[:, 0]))
        adapted: np.ndarray = np.linalg.solve(_BRADFORD, cones @ _BRADFORD) @ rgb
    except np.linalg.LinAlgError as error:
        raise ValueError("primaries on one line") from error
    if not (np.abs(adapted) < 4).all():
        raise ValueError("primaries far outside of the visible colors")
    return adapted


def _is_known_cicp(cicp: bytes) -> bool:
    """Whether a chunk cICP states colors that can be converted; else the next description in the file counts.

    Raises:
        PhotoError: the picture is HDR, or the next description would count with the wrong range.
    """
    if cicp[1] in _HDR_TRANSFERS:
        raise PhotoError("an HDR picture has no defined white; save it as an ordinary (SDR) picture")
    is_known = cicp[0] in _CICP_PRIMARIES and cicp[1] in _CICP_CURVES
    if not is_known and cicp[3] == _NARROW_RANGE:
        raise PhotoError("it has the narrow range of video, from 16 to 235; save it with the full range")
    return is_known


def _profile_from_cicp(cicp: bytes) -> bytes | None:
    if cicp[3] == _NARROW_RANGE:
        return build_profile(_CICP_PRIMARIES[cicp[0]], _expand_range(_CICP_CURVES[cicp[1]]))
    is_srgb = tuple(cicp[:2]) == (1, 13)
    return None if is_srgb else build_profile(_CICP_PRIMARIES[cicp[0]], _CICP_CURVES[cicp[1]])


def _expand_range(curve: Curve) -> Curve:
    """Return a curve for levels in the narrow range of video, in which black is 16 and white 235 of 255."""
    return lambda encoded: curve(np.clip((encoded * 255 - 16) / 219, 0, 1))


def _profile_from_gamma(image: Image.Image) -> bytes | None:
    """Build a profile from the PNG chunks gAMA and cHRM; None if they say sRGB or nothing that can be true."""
    gamma, primaries = image.info.get("gamma", _USUAL_GAMMA), image.info.get("chromaticity", _SRGB)
    is_usual = abs(gamma / _USUAL_GAMMA - 1) < 0.05
    if not 0.2 < gamma < 2 or (is_usual and np.abs(np.subtract(primaries, _SRGB)).max() < 0.005):
        return None
    try:
        return build_profile(primaries, _srgb if is_usual else _power(1 / gamma))
    except ValueError:
        return None


def _is_adobe_rgb(image: Image.Image) -> bool:
    """Whether a camera marked the picture as Adobe RGB, which it does without a profile (DCF 2.0)."""
    try:
        exif = Image.Image.getexif(image)
        color_space = exif.get_ifd(_EXIF_IFD).get(_COLOR_SPACE)
        index = exif.get_ifd(_INTEROPERABILITY_IFD).get(_INTEROPERABILITY_INDEX, "")
    except Exception:  # a damaged EXIF block does not make the picture unusable
        return False
    return color_space == 2 or (color_space == 0xFFFF and str(index).startswith("R03"))


def _power(exponent: float) -> Curve:
    def curve(encoded: np.ndarray) -> np.ndarray:
        light: np.ndarray = encoded**exponent
        return light

    return curve


def _srgb(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _bt709(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded < 0.081, encoded / 4.5, ((encoded + 0.099) / 1.099) ** (1 / 0.45))


_CICP_CURVES: dict[int, Curve] = {  # ITU-T H.273, table 3
    **dict.fromkeys((1, 6, 14, 15), _bt709),
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1.0),
    13: _srgb,
}
