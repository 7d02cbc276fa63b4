"""Read captures, watch photos that a real watch took, from the files in which they are stored: `read_captures(path)`.

The content decides which of these a file is, never the name:

* PNG of at most 16 grays (WQV-1, WQV-2): multiples of 17, or the multiples of 16 and 255 − 16k of other programs;
* JPEG or PNG of 176x144 (WQV-3, WQV-10);
* raw dump of the watch: records of 7229 bytes: title[24], year − 2000, month, day, hour, minute, 7200 bytes of
  pixels, two per byte, the LOW nibble left, code 0 white and 15 black;
* Palm database WQVLinkDB: records of 8036 bytes, pixels at 36 with the HIGH nibble left;
* Palm database CASIJPG*.PDB: records "DBLK", 0, length (16 bit, big-endian), then a piece of one JPEG file.

Layouts after mgroeber.de, open-wqv-link and wqv-blink, checked on real files.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer_core.data.decoding import PhotoError, decode_bytes, read_size
from trainer_core.data.palm import HEADER_BYTES, is_palm_database, read_database_name, read_live_records
from trainer_core.errors import UserError
from trainer_core.input_files import read_regular
from trainer_core.watches import WATCHES, WQV1, WQV10

# For file dialogs only: a raw dump may have any name.
PALM_SUFFIX = ".pdb"
WATCH_SUFFIXES = frozenset({PALM_SUFFIX, ".bin", ".dat", ".wqv"})  # in addition to image files
CAPTURE_SUFFIXES = WATCH_SUFFIXES | {".png", ".jpg", ".jpeg", ".jpe", ".jfif"}

_SIZES = " or ".join(f"{watch.frame_width}x{watch.frame_height}" for watch in WATCHES.values())
_MAX_FILE_BYTES = 16 << 20
_MIN_CROP = 16
_PACKED = WQV1.frame_width * WQV1.frame_height // 2

_DUMP_RECORD = 29 + _PACKED
_DUMP_TITLE = 24
_DUMP_PIXELS = 29
_LINK_RECORD = 8036
_LINK_PIXELS = 36
_THUMBNAILS = "WQVColorDB"
_WATCH_DATABASES = ("WQVLinkDB", _THUMBNAILS, "CASIJPG")
_BLOCK_MARK = b"DBLK"
_BLOCK_HEADER = 8


@dataclass(frozen=True)
class Capture:
    """One watch photo.

    Args:
        name: the file's stem, with a number if the file holds several; usable as a file name.
        pixels: uint8; [h, w] with levels 0, 17 … 255 (mono) or [144, 176, 3] RGB (color).
        kind: "mono" or "color".
    """

    name: str
    pixels: np.ndarray
    kind: str


def read_captures(path: Path) -> list[Capture]:
    """Read all watch photos in a file, in the file's order; at least one.

    Raises:
        UserError: the file cannot be read, is damaged, or has none of the formats above.
    """
    content = _read_file(path)
    if content.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        return [_captures_from_image(content, path)]
    if _is_palm(content):
        return _captures_from_palm(content, path)
    if _is_dump(content):
        return _captures_from_dump(content, path)
    raise UserError(
        f"{path} is not a watch photo. Choose a PNG or JPEG file, a Palm database (WQVLinkDB, CASIJPG*) or a raw dump "
        f"({_DUMP_RECORD} bytes per photo, title and date included; this file has {len(content)} bytes)."
    )


def could_be_raw_dump(file: Path) -> bool:
    """Whether a file has the length of a raw dump of one or more photos; its name is ignored.

    Raises:
        OSError: the file does not exist.
    """
    size = file.stat().st_size
    return 0 < size <= _MAX_FILE_BYTES and size % _DUMP_RECORD == 0


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


def _read_file(path: Path) -> bytes:
    try:
        content = read_regular(path, _MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    if len(content) > _MAX_FILE_BYTES:
        raise UserError(f"{path} is too large to contain watch photos (more than {_MAX_FILE_BYTES >> 20} MiB).")
    if not content:
        raise UserError(f"{path} is empty (0 bytes). Use another copy.")
    return content


def _captures_from_image(content: bytes, path: Path) -> Capture:
    try:
        width, height = read_size(content)
        if width > WQV10.frame_width or height > WQV10.frame_height:
            raise PhotoError(f"{width}x{height} pixels instead of {_SIZES}. Use the original file, not a scaled copy")
        rgb = decode_bytes(content)
    except PhotoError as error:
        raise UserError(f"{path} is not a watch photo: {error.message}.") from error
    if (width, height) == (WQV10.frame_width, WQV10.frame_height):
        return Capture(path.stem, rgb, WQV10.kind)
    return Capture(path.stem, _read_mono_levels(rgb, path), WQV1.kind)


def _read_mono_levels(rgb: np.ndarray, path: Path) -> np.ndarray:
    height, width = rgb.shape[:2]
    if max(height, width) > WQV1.frame_width or min(height, width) < _MIN_CROP:
        raise UserError(
            f"{path} is not a watch photo: {width}x{height} pixels instead of {_SIZES}. Use the original file."
        )
    gray = rgb[..., 0]
    levels = normalize_levels(gray) if (rgb == gray[..., None]).all() else None
    if levels is None:
        raise UserError(
            f"{path} is not an untouched photo of a mono watch: it has grays other than the 16 levels 0, 17 … 255. "
            "Use the file that came from the watch, not a scaled or edited copy."
        )
    return levels


def _is_dump(content: bytes) -> bool:
    """Whether the length and at least half of the record headers fit a raw dump.

    The length alone proves little: one foreign file in 7229 has it. A header is valid if its date is possible or its
    title is text or missing; an impossible date alone must not hide photos, because watches forget the date and
    programs swap hour and minute. Random data passes in about one file of twenty at the length of one or two photos,
    never at the length of many. Text files and files of one repeated byte would pass, so they are excluded first.
    """
    if len(content) % _DUMP_RECORD or content.count(content[:1]) == len(content) or _is_text(content):
        return False
    headers = [content[start : start + _DUMP_PIXELS] for start in range(0, len(content), _DUMP_RECORD)]
    valid_records = sum(_is_title(header[:_DUMP_TITLE]) or _is_date(header[_DUMP_TITLE:]) for header in headers)
    return 2 * valid_records >= len(headers)


def _is_title(title: bytes) -> bool:
    """Whether a title has no control characters, except for the NULs that pad it."""
    return all(byte >= 0x20 and byte != 0x7F for byte in title.rstrip(b"\0"))


def _is_date(stamp: bytes) -> bool:
    year, month, day, hour, minute = stamp
    return year < 100 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60


def _is_text(content: bytes) -> bool:
    try:
        return all(character.isprintable() or character.isspace() for character in content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _captures_from_dump(content: bytes, path: Path) -> list[Capture]:
    starts = range(_DUMP_PIXELS, len(content), _DUMP_RECORD)
    photos = [_unpack_nibbles(content[start : start + _PACKED], high_nibble_first=False) for start in starts]
    return _number_captures(photos, path)


def _unpack_nibbles(packed: bytes, *, high_nibble_first: bool) -> np.ndarray:
    """Unpack two 4-bit codes per byte to uint8 [120, 120]; code 0 is white."""
    values = np.frombuffer(packed, np.uint8)
    high, low = values >> 4, values & 15
    pair = (high, low) if high_nibble_first else (low, high)
    codes = np.stack(pair, 1).reshape(WQV1.frame_height, WQV1.frame_width)
    return (255 - 17 * codes).astype(np.uint8)


def _is_palm(content: bytes) -> bool:
    """Whether this is a Palm database; a damaged one counts if a watch uses its name, so that the error can say so."""
    # A dump has its title where a database has its name, and the words may be equal; only the dump has a date next.
    is_dated_dump = len(content) % _DUMP_RECORD == 0 and _is_date(content[_DUMP_TITLE:_DUMP_PIXELS])
    if len(content) < HEADER_BYTES or is_dated_dump:
        return False
    return is_palm_database(content) or read_database_name(content).startswith(_WATCH_DATABASES)


def _captures_from_palm(content: bytes, path: Path) -> list[Capture]:
    if read_database_name(content).startswith(_THUMBNAILS):
        raise UserError(
            f"{path} contains only thumbnails (WQVColorDB). Choose the CASIJPG*.PDB files in the same folder: "
            "they contain the photos."
        )
    records = read_live_records(content, path)
    if not records:
        raise UserError(
            f"{path} is a Palm database without photos: it is empty, or all of its records are deleted. "
            "Copy the photos from the watch to the Palm again and synchronize, or use an older copy of the file."
        )
    unknown = [number for number, record in enumerate(records, 1) if not _is_link_record(record)]
    if not unknown:
        pixels = slice(_LINK_PIXELS, _LINK_PIXELS + _PACKED)
        return _number_captures([_unpack_nibbles(record[pixels], high_nibble_first=True) for record in records], path)
    if any(record.startswith(_BLOCK_MARK) for record in records):
        return [_capture_from_jpeg(b"".join(_read_palm_block(record, path) for record in records), path)]
    # Returning the valid photos alone would hide that one is missing.
    raise UserError(
        f"{path} is a Palm database, but it does not come from a watch, or it is damaged or truncated: "
        f"record {unknown[0]} of {len(records)} has an unknown format. Use another copy of the file."
    )


def _is_link_record(record: bytes) -> bool:
    return len(record) == _LINK_RECORD and struct.unpack_from(">HH", record, 32) == (_PACKED, 800)


def _read_palm_block(record: bytes, path: Path) -> bytes:
    if len(record) < _BLOCK_HEADER or not record.startswith(_BLOCK_MARK):
        raise UserError(f"{path} is a damaged Palm database: part of the photo lacks its marker. Use another copy.")
    (length,) = struct.unpack_from(">H", record, _BLOCK_HEADER - 2)
    if length > len(record) - _BLOCK_HEADER:
        raise UserError(
            f"{path} is truncated: part of the photo is shorter than the {length} bytes that its header "
            "states. Use another copy."
        )
    return record[_BLOCK_HEADER : _BLOCK_HEADER + length]


def _capture_from_jpeg(content: bytes, path: Path) -> Capture:
    try:
        return _captures_from_image(content, path)
    except UserError as error:
        raise UserError(f"{path} contains a photo that cannot be used: {error.message}") from error


def _number_captures(photos: list[np.ndarray], path: Path) -> list[Capture]:
    if len(photos) == 1:
        return [Capture(path.stem, photos[0], WQV1.kind)]
    return [Capture(f"{path.stem}_{number:03d}", photo, WQV1.kind) for number, photo in enumerate(photos, 1)]
