"""Read Palm databases (.pdb) from bytes: the stored name and the records in use; `captures` knows those of the watch.

Layout, big-endian: name[32] ending in NUL, dates and counters, type[4] at 60, creator[4] at 64, number of records (16
bit) at 76, then eight bytes per record: its start (32 bit), attributes, a unique number (24 bit). A record ends
where the next one begins. Sources: Palm's "File Format Specification" and the attributes in its SDK (DataMgr.h).
"""

from __future__ import annotations

import struct
from pathlib import Path

from trainer_core.errors import UserError

HEADER_BYTES = 78
_NAME = 32
_TYPE_AND_CREATOR = slice(60, 68)
_ENTRY_BYTES = 8
_DELETED = 0x80


def read_database_name(content: bytes) -> str:
    """Return the name of the database; "" if the content does not begin with one."""
    name, nul, _ = content[:_NAME].partition(b"\0")
    return name.decode("ascii") if nul and _is_printable(name) else ""


def is_palm_database(content: bytes) -> bool:
    """Whether the header is that of a Palm database with records.

    A NUL among the first 32 bytes is not enough: images, archives and files of file managers have one too.
    """
    if len(content) < HEADER_BYTES or not read_database_name(content) or not _is_printable(content[_TYPE_AND_CREATOR]):
        return False
    count, list_end = _read_record_list(content)
    if not count or list_end > len(content):
        return False
    first: int = struct.unpack_from(">I", content, HEADER_BYTES)[0]
    return list_end <= first <= len(content)


def read_live_records(content: bytes, path: Path) -> list[bytes]:
    """Return the records in use, in order; deleted and empty ones stay in a file until the next synchronization.

    Args:
        content: at least `HEADER_BYTES` bytes.
        path: the file, for error messages.

    Raises:
        UserError: the record list is truncated or inconsistent.
    """
    count, list_end = _read_record_list(content)
    if list_end > len(content):
        raise UserError(
            f"{path} is a damaged Palm database: the list of its {count} records is truncated. Use another copy."
        )
    entries = [struct.unpack_from(">IB", content, HEADER_BYTES + _ENTRY_BYTES * number) for number in range(count)]
    # Palm OS writes 0 as the start of a record whose memory it has freed.
    entries = [(start, attributes) for start, attributes in entries if start or not attributes & _DELETED]
    starts = [start for start, _ in entries]
    ends = [*starts[1:], len(content)]
    if any(start > end for start, end in zip([list_end, *starts], [*starts, len(content)])):
        raise UserError(
            f"{path} is a damaged Palm database: its records overlap or extend beyond the end of the file. "
            "Use another copy."
        )
    return [
        content[start:end]
        for (start, attributes), end in zip(entries, ends)
        if start < end and not attributes & _DELETED
    ]


def _read_record_list(content: bytes) -> tuple[int, int]:
    """Return the number of records and the end of their list, in bytes."""
    (count,) = struct.unpack_from(">H", content, HEADER_BYTES - 2)
    return count, HEADER_BYTES + _ENTRY_BYTES * count


def _is_printable(text: bytes) -> bool:
    return text.isascii() and text.decode("ascii").isprintable()
