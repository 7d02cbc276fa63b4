"""The path that a pasted or typed text means: `clean_path` removes what file managers and shells put around it.

Windows copies a path in quotation marks, desktops copy an address (file:///…), a terminal on macOS escapes spaces, and
dialogs add marks that cannot be seen. A text that names something that exists is left as it is.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

_QUOTES = ('""', "''", "\u201c\u201d", "\u201e\u201c", "\u2018\u2019", "\u00ab\u00bb", "<>")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_OF_WINDOWS = re.compile(r"[A-Za-z]:\\|\\\\")
_INVISIBLE = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def clean_path(text: str) -> str:
    """Return the path in `text`, with "~" expanded; the text itself if nothing is left of it."""
    if os.path.lexists(text):
        return text
    path = _strip(text)
    for pair in _QUOTES:
        if len(path) > 1 and path.startswith(pair[0]) and path.endswith(pair[1]):
            path = _strip(path[1:-1])
    if os.name == "nt":
        path = path.rstrip('"')  # "C:\photos\" ends in a quotation mark for the command line
    if path.lower().startswith("file:"):
        path = _path_of_address(path)
    path = os.path.expanduser(path) or text
    if os.sep == "/" and "\\" in path and not os.path.lexists(path):
        unescaped = re.sub(r"\\(.)", r"\1", path)
        path = unescaped if os.path.lexists(unescaped) else path
    return path


def describe_foreign_path(path: Path) -> str:
    """Return a sentence if a path contains an address (smb://nas/photos) or a path of Windows as a name, otherwise "".

    Without it such a text would name a folder of that name in the current folder. What exists is no foreign path.
    """
    for place in (*reversed(path.parents), path):
        is_address = place != path and _SCHEME.fullmatch(place.name) is not None
        if (is_address or (os.name != "nt" and _OF_WINDOWS.match(place.name))) and not os.path.lexists(place):
            rest = path.relative_to(place).parts
            text = f"{place.name}//{'/'.join(rest)}" if is_address else "/".join((place.name, *rest))
            return f"{text} is not a path on this computer. Connect the drive or share, then choose its folder."
    return ""


def to_path(text: str) -> Path:
    """Return `clean_path(text)` as a path, for options of the command line.

    Raises:
        argparse.ArgumentTypeError: the text is empty, as that of an unset variable of a script.
    """
    if not _strip(text):
        raise ArgumentTypeError("the path is empty; name a file or a folder")
    return Path(clean_path(text))


def _strip(text: str) -> str:
    return text.strip().strip(_INVISIBLE).strip()


def _path_of_address(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if os.name == "nt":
        host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
        return url2pathname(host + parts.path)
    if parts.netloc not in ("", "localhost") or not parts.path:
        return address
    # "?" and "#" are part of a file's name where a program did not encode them
    rest = address[address.index(parts.path, len("file:") + len(parts.netloc)) :]
    return os.fsdecode(unquote_to_bytes(rest))
