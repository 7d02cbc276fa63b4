"""Silence of libtiff, which Pillow uses: it writes what it finds in a damaged file to standard error by itself.

Its errors reach Python as exceptions as well, and the reader refuses the file with a reason.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterator
from pathlib import Path

import PIL

_SYSTEM_NAMES = ("libtiff.so.6", "libtiff.so.5")


@functools.lru_cache(maxsize=1)
def silence_libtiff() -> bool:
    """Remove libtiff's handlers of messages in this process; return whether its library was found.

    Pillow's wheels for Linux and macOS bundle it, distributions link to the system's. Where it is part of Pillow itself
    (Windows), it cannot be reached.
    """
    found = False
    for library in _iterate_libraries():
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
        found = True
    return found


def _iterate_libraries() -> Iterator[ctypes.CDLL]:
    package = Path(PIL.__file__).parent
    bundled = [*package.parent.glob("pillow.libs/libtiff*"), *package.glob(".dylibs/libtiff*")]
    loaded = getattr(os, "RTLD_NOLOAD", None)  # the system's library only if Pillow has loaded it
    names = [(str(path), ctypes.DEFAULT_MODE) for path in bundled]
    names += [(name, loaded) for name in _SYSTEM_NAMES if loaded is not None]
    for name, mode in names:
        try:
            yield ctypes.CDLL(name, mode=mode)
        except OSError:
            continue
