"""Name the picture and video formats that this program cannot read, and say what to do with such a file.

`describe_foreign_format` decides by the first bytes, `describe_foreign_suffix` by the extension; RAW files of cameras
are decided by the extension alone, because most are TIFF files whose first picture is a thumbnail.
"""

from __future__ import annotations

_EXPORT = "export it as JPEG or PNG"
_HEIC, _AVIF, _JXL = "a HEIC picture", "an AVIF picture", "a JPEG XL picture"
_VIDEO = "a video, not a photo; save single pictures of it as PNG"
_PHOTOSHOP = "a Photoshop file"
_JPEG_2000 = "a JPEG 2000 picture"

_RAW_SUFFIXES = frozenset(
    [
        ".3fr",
        ".arw",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dng",
        ".erf",
        ".fff",
        ".gpr",
        ".iiq",
        ".k25",
        ".kdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    ]
)
_VIDEO_SUFFIXES = frozenset(
    [".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv"]
)
_PICTURE_SUFFIXES = {
    **dict.fromkeys((".heic", ".heif", ".hif"), _HEIC),
    ".avif": _AVIF,
    ".jxl": _JXL,
    **dict.fromkeys((".psd", ".psb"), _PHOTOSHOP),
    **dict.fromkeys((".jp2", ".j2k", ".jpf", ".jpx"), _JPEG_2000),
    ".gif": "a GIF picture",
    ".xcf": "a GIMP file",
    ".kra": "a Krita file",
    ".svg": "an SVG drawing",
    ".exr": "an OpenEXR picture",
    ".hdr": "a Radiance HDR picture",
    **dict.fromkeys((".pgm", ".ppm", ".pnm", ".pbm", ".pam"), "a Netpbm picture"),
    ".tga": "a Targa picture",
    ".ico": "an icon",
}
FOREIGN_SUFFIXES = frozenset(_RAW_SUFFIXES | _PICTURE_SUFFIXES.keys())
"""Extensions of pictures that this program cannot read."""

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_STARTS = (
    (b"\xff\x0a", _JXL),
    (b"\0\0\0\x0cJXL ", _JXL),
    (b"\0\0\0\x0cjP  ", _JPEG_2000),
    (b"\xff\x4f\xff\x51", _JPEG_2000),
    (b"8BPS", _PHOTOSHOP),
    (b"GIF8", "a GIF picture"),
    (b"gimp xcf", "a GIMP file"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"<svg", "an SVG drawing"),
    (b"FUJIFILMCCD-RAW", "a RAW file of a camera"),
    (b"IIU\0", "a RAW file of a camera"),  # Panasonic
    (b"IIRO", "a RAW file of a camera"),  # Olympus
)


def describe_foreign_format(start: bytes) -> str:
    """Return what a file is and what to do with it, from its first 16 bytes; "" if they are of no known format."""
    if start[4:8] == b"ftyp":
        return _describe_media_brand(start[8:12])
    if start.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
        return "a PostScript file, not a photo"
    if start.startswith(b"%PDF"):
        return "a PDF file, not a photo; export its pictures as PNG"
    if start.startswith(b"\x1aE\xdf\xa3") or (start.startswith(b"RIFF") and start[8:12] == b"AVI "):
        return _VIDEO
    if start.lstrip().lower().startswith((b"<html", b"<!doctype")):
        return "a web page that was saved under the name of a picture, not a PNG, JPEG, TIFF, WebP or BMP file"
    return next((f"{name}; {_EXPORT}" for magic, name in _STARTS if start.startswith(magic)), "")


def describe_foreign_suffix(suffix: str) -> str:
    """Return what a file with this extension is and what to do with it; "" for an extension that is not foreign."""
    suffix = suffix.lower()
    if suffix in _RAW_SUFFIXES:
        return f"a RAW file of a camera ({suffix[1:].upper()}); develop it and {_EXPORT}"
    if suffix in _VIDEO_SUFFIXES:
        return _VIDEO
    return f"{_PICTURE_SUFFIXES[suffix]}; {_EXPORT}" if suffix in _PICTURE_SUFFIXES else ""


def is_raw(suffix: str) -> bool:
    """Whether the extension is that of a RAW file of a camera, which decides whatever the content looks like."""
    return suffix.lower() in _RAW_SUFFIXES


def is_video(suffix: str) -> bool:
    """Whether the extension is that of a video."""
    return suffix.lower() in _VIDEO_SUFFIXES


def _describe_media_brand(brand: bytes) -> str:
    if brand in _HEIF_BRANDS:
        return f"{_HEIC}; {_EXPORT}"
    if brand in (b"avif", b"avis"):
        return f"{_AVIF}; {_EXPORT}"
    if brand == b"crx ":
        return f"a RAW file of a camera (CR3); develop it and {_EXPORT}"
    return _VIDEO
