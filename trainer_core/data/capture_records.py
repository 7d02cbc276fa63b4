"""Recognize and unpack the photos of mono watches in files without a picture format: dumps and single records.

* Dump of the watch: records of 7229 bytes: title[24], year - 2000, month, day, hour, minute, 7200 bytes of pixels, two
  per byte, the LOW nibble left. Programs append what else they received.
* Records of the Palm database WQVLinkDB (.pdr): 8036 bytes each: title[26], seconds since 1904 in local time (32 bit,
  big-endian), two zeros, 7200 and 800 as 16-bit numbers, 7200 bytes of pixels with the HIGH nibble left, a thumbnail of
  800 bytes.
* Bare pixels: 7200 bytes, of either nibble order.

Code 0 is white and 15 black. Layouts after mgroeber.de, open-wqv-link and WQV-Viewer, checked on real files.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta

import numpy as np

from trainer_core.data.date_taken import format_date, format_watch_date
from trainer_core.watches import WQV1

PACKED_BYTES = WQV1.frame_width * WQV1.frame_height // 2
DUMP_RECORD = 29 + PACKED_BYTES
_DUMP_TITLE = 24
_DUMP_PIXELS = 29
LINK_RECORD = 8036
_LINK_DATE = 26
_LINK_MARK = 32
_LINK_PIXELS = 36
_LINK_NUMBERS = (PACKED_BYTES, 800)
_PALM_EPOCH = datetime(1904, 1, 1)
_FIRST_YEAR = 2000  # of a mono watch
_CLEARLY_SMOOTHER = 0.96  # of the other order; real photos have 0.75 to 0.93, noise 0.99 to 1.01


def is_dump(content: bytes) -> bool:
    """Whether length and record headers are those of a dump.

    The length alone proves little: one foreign file in 7229 has it. A header is valid if its date is possible or its
    title is text or missing; an impossible date alone must not hide photos, because watches forget the date and
    programs swap hour and minute. Random data passes in about one file of twenty at the length of one or two photos,
    never at the length of many. With bytes after the last record, half of the dates must be possible. Text files and
    files of one repeated byte would pass, so they are excluded first.
    """
    if len(content) < DUMP_RECORD or not _could_be_pixels(content):
        return False
    records = len(content) // DUMP_RECORD
    headers = [content[start : start + _DUMP_PIXELS] for start in range(0, records * DUMP_RECORD, DUMP_RECORD)]
    is_exact = len(content) % DUMP_RECORD == 0
    valid = sum(is_date(header[_DUMP_TITLE:]) or (is_exact and _is_title(header[:_DUMP_TITLE])) for header in headers)
    return 2 * valid >= records


def is_dated_dump(content: bytes) -> bool:
    """Whether length and first date are those of a dump, whatever its title looks like."""
    return len(content) % DUMP_RECORD == 0 and is_date(content[_DUMP_TITLE:_DUMP_PIXELS])


def starts_with_dated_record(start: bytes) -> bool:
    """Whether the first 29 bytes of a file have a possible date where a dump has it."""
    return len(start) >= _DUMP_PIXELS and is_date(start[_DUMP_TITLE:_DUMP_PIXELS])


def read_dump(content: bytes) -> list[tuple[np.ndarray, str]]:
    """Return the photos of all whole records as uint8 [120, 120], each with its date as EXIF writes it, or ""."""
    records = [content[start : start + DUMP_RECORD] for start in range(0, len(content) - DUMP_RECORD + 1, DUMP_RECORD)]
    return [
        (
            _unpack_nibbles(record[_DUMP_PIXELS:], high_nibble_first=False),
            format_watch_date(record[_DUMP_TITLE:_DUMP_PIXELS]),
        )
        for record in records
    ]


def is_link_record(record: bytes) -> bool:
    """Whether this is one record of WQVLinkDB."""
    return len(record) == LINK_RECORD and starts_with_link_record(record)


def starts_with_link_record(start: bytes) -> bool:
    """Whether the first 36 bytes of a file are those of a record of WQVLinkDB."""
    return len(start) >= _LINK_PIXELS and struct.unpack_from(">HH", start, _LINK_MARK) == _LINK_NUMBERS


def read_link_record(record: bytes) -> tuple[np.ndarray, str]:
    """Return the photo of a record of WQVLinkDB as uint8 [120, 120], with its date as EXIF writes it, or ""."""
    (seconds,) = struct.unpack_from(">I", record, _LINK_DATE)
    date = _PALM_EPOCH + timedelta(seconds=seconds)
    taken = format_date(date) if date.year >= _FIRST_YEAR else ""
    return _unpack_nibbles(record[_LINK_PIXELS : _LINK_PIXELS + PACKED_BYTES], high_nibble_first=True), taken


def split_link_records(content: bytes) -> list[bytes]:
    """Return the records in a file that consists of records of WQVLinkDB, else an empty list.

    The last one may lack its thumbnail, and other bytes may follow it.
    """
    *records, last = [content[start : start + LINK_RECORD] for start in range(0, len(content), LINK_RECORD)] or [b""]
    if not all(is_link_record(record) for record in records):
        return []
    if starts_with_link_record(last) and len(last) >= _LINK_PIXELS + PACKED_BYTES:
        return [*records, last]
    return records if len(last) < LINK_RECORD else []


def is_bare_photo(content: bytes) -> bool:
    """Whether this could be the pixels of one photo and nothing else; only the length speaks for it."""
    return len(content) == PACKED_BYTES and _could_be_pixels(content)


def read_bare_photo(content: bytes) -> np.ndarray:
    """Return bare pixels as uint8 [120, 120].

    Programs store either nibble order. Left and right neighbors differ less in the right one; where that shows nothing,
    the Palm's order counts, in which the programs that write such files do.
    """
    high, low = (_unpack_nibbles(content, high_nibble_first=first) for first in (True, False))
    steps = [np.abs(np.diff(photo.astype(int), axis=1)).mean() for photo in (high, low)]
    return low if steps[1] < _CLEARLY_SMOOTHER * steps[0] else high


def _could_be_pixels(content: bytes) -> bool:
    return content.count(content[:1]) < len(content) and not _is_text(content)


def _is_title(title: bytes) -> bool:
    """Whether a title has no control characters, except for the NULs that pad it."""
    return all(byte >= 0x20 and byte != 0x7F for byte in title.rstrip(b"\0"))


def is_date(stamp: bytes) -> bool:
    """Whether five bytes are a possible date and time of a dump."""
    year, month, day, hour, minute = stamp
    return year < 100 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60


def _is_text(content: bytes) -> bool:
    try:
        return all(character.isprintable() or character.isspace() for character in content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _unpack_nibbles(packed: bytes, *, high_nibble_first: bool) -> np.ndarray:
    """Unpack two 4-bit codes per byte to uint8 [120, 120]; code 0 is white."""
    values = np.frombuffer(packed, np.uint8)
    high, low = values >> 4, values & 15
    pair = (high, low) if high_nibble_first else (low, high)
    codes = np.stack(pair, 1).reshape(WQV1.frame_height, WQV1.frame_width)
    return (255 - 17 * codes).astype(np.uint8)
