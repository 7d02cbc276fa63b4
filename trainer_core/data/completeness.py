"""Tell from headers alone whether the end of a picture file is missing: `is_truncated(file, image)`.

A file that passes may still be damaged; only decoding shows that. Nothing here decodes pixels, and more than a few
kilobytes are read only of files that end in an unusual way.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from trainer_core.data.png_chunks import iterate_chunks

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", 0xDA
_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_TAIL_BYTES = 1 << 16
_STRIP_TAGS = ((273, 279), (324, 325))  # offsets and byte counts of strips, of tiles


def is_truncated(file: BinaryIO, image: Image.Image) -> bool:
    """Whether the end of the file that `image` was opened from is missing; the position in the file is kept."""
    position = file.tell()
    try:
        size = file.seek(0, 2)
        if image.format == "PNG":
            return not _ends_with(file, _PNG_END) and not any(chunk.kind == b"IEND" for chunk in iterate_chunks(file))
        if image.format in ("JPEG", "MPO"):
            return not _ends_with(file, _JPEG_END) and not _has_jpeg_end(file, size)
        if image.format == "WEBP":
            file.seek(4)
            return bool(struct.unpack("<I", file.read(4).ljust(4))[0] + 8 > size)
        if isinstance(image, TiffImageFile):
            return _last_tiff_byte(image) > size
        return _last_raw_byte(image) > size
    finally:
        file.seek(position)


def _ends_with(file: BinaryIO, end: bytes) -> bool:
    file.seek(max(0, file.seek(0, 2) - len(end)))
    return file.read() == end


def _has_jpeg_end(file: BinaryIO, size: int) -> bool:
    """Whether the marker EOI follows the first scan; programs and cameras append bytes, even videos, after it."""
    scan = _find_jpeg_scan(file, size)
    if not scan:
        return True  # the header is unusual; decoding decides
    file.seek(max(scan, size - _TAIL_BYTES))
    if _JPEG_END in file.read():
        return True
    file.seek(scan)
    previous = b""
    for block in iter(lambda: file.read(1 << 20), b""):
        if _JPEG_END in previous + block:
            return True
        previous = block[-1:]
    return False


def _find_jpeg_scan(file: BinaryIO, size: int) -> int:
    """Return the position of the first scan's content, 0 if there is none."""
    start = 2
    while start + 4 <= size:
        file.seek(start)
        mark, kind, length = struct.unpack(">BBH", file.read(4))
        if mark != 0xFF:
            return 0
        if kind == 0xFF or kind in _JPEG_WITHOUT_LENGTH:
            start += 1 if kind == 0xFF else 2
            continue
        if kind == _JPEG_SCAN:
            return int(start + 2 + length)
        start += 2 + length
    return 0


def _last_tiff_byte(image: Any) -> int:
    ends: list[int] = [0]
    for offsets_tag, counts_tag in _STRIP_TAGS:
        offsets, counts = image.tag_v2.get(offsets_tag, ()), image.tag_v2.get(counts_tag, ())
        if isinstance(offsets, tuple) and isinstance(counts, tuple):
            ends += [int(offset) + int(count) for offset, count in zip(offsets, counts)]
    return max(ends)


def _last_raw_byte(image: Image.Image) -> int:
    """Return the end of the pixels of an uncompressed BMP; 0 for a compressed one."""
    for tile in getattr(image, "tile", ()):
        codec, (_, _, _, height), offset, arguments = tuple(tile)
        if codec == "raw" and isinstance(arguments, tuple) and len(arguments) > 1:
            return int(offset) + int(arguments[1]) * int(height)
    return 0
