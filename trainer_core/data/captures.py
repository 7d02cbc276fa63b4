"""Read captures, watch photos that a real watch took, from the files in which they are stored: `read_captures(path)`.

The content decides which of these a file is, never the name:

* image of at most 16 grays (WQV-1, WQV-2): multiples of 17, or the multiples of 16 and 255 − 16k of other programs;
* image of 176x144 (WQV-3, WQV-10), usually JPEG; both also enlarged by repeating pixels (`capture_images`);
* dump of the watch, records of a Palm database, or the bare pixels of one mono photo (`capture_records`);
* Palm database WQVLinkDB: such records;
* Palm database CASIJPG*.PDB: records "DBLK", 0, length (16 bit, big-endian), then a piece of one JPEG file.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer_core.data.capture_images import BLOCK_MARK, find_enlargement, is_image, read_capture_image
from trainer_core.data.capture_records import (
    DUMP_RECORD,
    LINK_RECORD,
    PACKED_BYTES,
    is_bare_photo,
    is_dated_dump,
    is_dump,
    is_link_record,
    read_bare_photo,
    read_dump,
    read_link_record,
    split_link_records,
    starts_with_dated_record,
    starts_with_link_record,
)
from trainer_core.data.decoding import PhotoError, read_date_taken
from trainer_core.data.palm import HEADER_BYTES, is_palm_database, read_database_name, read_live_records
from trainer_core.errors import UserError
from trainer_core.input_files import read_regular
from trainer_core.watches import WQV1

# For file dialogs only: a dump may have any name.
PALM_SUFFIX = ".pdb"
RECORD_SUFFIX = ".pdr"
WATCH_SUFFIXES = frozenset({PALM_SUFFIX, RECORD_SUFFIX, ".bin", ".dat", ".wqv"})  # in addition to image files
CAPTURE_SUFFIXES = WATCH_SUFFIXES | {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff"}

_MAX_FILE_BYTES = 16 << 20
_THUMBNAILS = "WQVColorDB"
_WATCH_DATABASES = ("WQVLinkDB", _THUMBNAILS, "CASIJPG")
_BLOCK_HEADER = 8


@dataclass(frozen=True)
class Capture:
    """One watch photo.

    Args:
        name: the file's stem, with a number if the file holds several; usable as a file name.
        pixels: uint8; [h, w] with levels 0, 17 … 255 (mono) or [144, 176, 3] RGB (color).
        kind: "mono" or "color".
        taken: when, as `read_date_taken` returns it; "" if the file does not say it.
    """

    name: str
    pixels: np.ndarray
    kind: str
    taken: str = ""


def read_captures(path: Path) -> list[Capture]:
    """Read all watch photos in a file, in the file's order; at least one.

    Raises:
        UserError: the file cannot be read, is damaged, or has none of the formats above.
    """
    content = _read_file(path)
    if is_image(content):
        return [_capture_from_image(content, path)]
    records = split_link_records(content)
    if records:
        return _number_captures([read_link_record(record) for record in records], path)
    if _is_palm(content):
        return _captures_from_palm(content, path)
    if is_dump(content):
        return _number_captures(read_dump(content), path)
    if is_bare_photo(content):
        return _number_captures([(read_bare_photo(content), "")], path)
    raise UserError(
        f"{path} is not a watch photo. Choose a PNG, JPEG or BMP file, a Palm database (WQVLinkDB, CASIJPG*), one of "
        f"its records (.pdr) or a raw dump ({DUMP_RECORD} bytes per photo, title and date included; this file has "
        f"{len(content)} bytes)."
    )


def find_kinds(files: Iterable[Path]) -> frozenset[str]:
    """Return the kinds of watch, "mono" or "color", that took the photos in these files; other files count for none."""
    kinds: set[str] = set()
    for file in files:
        with contextlib.suppress(UserError):
            kinds.update(capture.kind for capture in read_captures(file))
    return frozenset(kinds)


def could_be_watch_file(file: Path) -> bool:
    """Whether a file could hold captures without being an image: by its extension, or by its length under any name.

    Raises:
        OSError: the file does not exist.
    """
    size, suffix = file.stat().st_size, file.suffix.lower()
    if suffix == PALM_SUFFIX:
        return True
    if not 0 < size <= _MAX_FILE_BYTES:
        return False
    if size % DUMP_RECORD == 0 or size % LINK_RECORD == 0:
        return True
    if suffix not in WATCH_SUFFIXES or size < PACKED_BYTES:
        return False
    try:
        start = read_regular(file, 64)
        has_record = starts_with_dated_record(start) or starts_with_link_record(start)
        return size == PACKED_BYTES or (size > DUMP_RECORD and has_record)
    except OSError:  # reading the captures reports it
        return True


def is_watch_photo(path: Path, width: int, height: int) -> bool:
    """Whether a picture of this size is a photo from the watch: a whole frame of its look, possibly enlarged."""
    if not find_enlargement(width, height):
        return False
    try:
        read_capture_image(read_regular(path, _MAX_FILE_BYTES))
    except (PhotoError, OSError):
        return False
    return True


def _read_file(path: Path) -> bytes:
    try:
        content = read_regular(path, _MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = f"Cannot read {path}: {error.strerror or error}."
        raise UserError(f"{reason} Check that the file is there and that you may read it.") from error
    if len(content) > _MAX_FILE_BYTES:
        raise UserError(
            f"{path} is too large to contain watch photos (more than {_MAX_FILE_BYTES >> 20} MiB). Choose another file."
        )
    if not content:
        raise UserError(f"{path} is empty (0 bytes). Use another copy.")
    return content


def _capture_from_image(content: bytes, path: Path) -> Capture:
    try:
        pixels, kind = read_capture_image(content)
    except PhotoError as error:
        raise UserError(f"{path} is not a watch photo: {error.message}.") from error
    return Capture(path.stem, pixels, kind, read_date_taken(content))


def _is_palm(content: bytes) -> bool:
    """Whether this is a Palm database; a damaged one counts if a watch uses its name, so that the error can say so."""
    # A dump has its title where a database has its name, and the words may be equal; only the dump has a date next.
    if len(content) < HEADER_BYTES or is_dated_dump(content):
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
    if is_link_record(records[-1][:LINK_RECORD]):
        records[-1] = records[-1][:LINK_RECORD]  # what follows the database in the file is not part of it
    unknown = [number for number, record in enumerate(records, 1) if not is_link_record(record)]
    if not unknown:
        return _number_captures([read_link_record(record) for record in records], path)
    if any(record.startswith(BLOCK_MARK) for record in records):
        return [_capture_from_jpeg(b"".join(_read_palm_block(record, path) for record in records), path)]
    # Returning the valid photos alone would hide that one is missing.
    raise UserError(
        f"{path} is a Palm database, but it does not come from a watch, or it is damaged or truncated: "
        f"record {unknown[0]} of {len(records)} has an unknown format. Use another copy of the file."
    )


def _read_palm_block(record: bytes, path: Path) -> bytes:
    if len(record) < _BLOCK_HEADER or not record.startswith(BLOCK_MARK):
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
        return _capture_from_image(content, path)
    except UserError as error:
        raise UserError(f"{path} contains a photo that cannot be used: {error.message}") from error


def _number_captures(photos: list[tuple[np.ndarray, str]], path: Path) -> list[Capture]:
    names = [path.stem] if len(photos) == 1 else [f"{path.stem}_{number:03d}" for number in range(1, len(photos) + 1)]
    return [Capture(name, pixels, WQV1.kind, taken) for name, (pixels, taken) in zip(names, photos)]
