"""Palm databases (.pdb) as files: the name inside, and the records that are still in use. Knows nothing of watches.

Layout, big-endian: name[32] ending in NUL, dates and counters, type[4] at 60, creator[4] at 64, number of records (16
bit) at 76, then eight bytes a record: where it begins (32 bit), attributes, a number of its own (24 bit). A record ends
where the next one begins. After Palm's "File Format Specification" and the attributes in its SDK (DataMgr.h).
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
    """The name of the database; "" if there is none where a database has it."""
    name, nul, _ = content[:_NAME].partition(b"\0")
    return name.decode("ascii") if nul and _is_printable(name) else ""


def is_palm_database(content: bytes) -> bool:
    """Whether this is a Palm database with records, as far as its beginning tells.

    A NUL among the first 32 bytes alone says little: pictures, archives and notes of file managers have one too.
    """
    if len(content) < HEADER_BYTES or not read_database_name(content) or not _is_printable(content[_TYPE_AND_CREATOR]):
        return False
    count, list_end = _record_list(content)
    if not count or list_end > len(content):
        return False
    (first,) = struct.unpack_from(">I", content, HEADER_BYTES)
    return list_end <= first <= len(content)


def read_live_records(content: bytes, path: Path) -> list[bytes]:
    """The records but for deleted and empty ones, which a database keeps until the next synchronization purges it.

    Args:
        content: at least `HEADER` bytes.
        path: named in errors.

    Raises:
        UserError: the list of the records is cut off or contradicts itself.
    """
    count, list_end = _record_list(content)
    if list_end > len(content):
        raise UserError(f"{path} is a damaged Palm database: it is cut off in the list of its {count} records.")
    entries = [struct.unpack_from(">IB", content, HEADER_BYTES + _ENTRY_BYTES * number) for number in range(count)]
    # Palm OS forgets where a record was when it frees its memory: that 0 is no place in the file.
    entries = [(start, attributes) for start, attributes in entries if start or not attributes & _DELETED]
    starts = [start for start, _ in entries]
    ends = [*starts[1:], len(content)]
    if any(start > end for start, end in zip([list_end, *starts], [*starts, len(content)])):
        raise UserError(f"{path} is a damaged Palm database: its records overlap or lie beyond the end of the file.")
    return [
        content[start:end]
        for (start, attributes), end in zip(entries, ends)
        if start < end and not attributes & _DELETED
    ]


def _record_list(content: bytes) -> tuple[int, int]:
    """Number of records, and where the list of them ends."""
    (count,) = struct.unpack_from(">H", content, HEADER_BYTES - 2)
    return count, HEADER_BYTES + _ENTRY_BYTES * count


def _is_printable(text: bytes) -> bool:
    return text.isascii() and text.decode("ascii").isprintable()
