"""When a photo was taken, and EXIF data that say it of another picture (no torch).

A photo's EXIF data say it, or the watch: a JPEG of a color watch has the segment APP2 with title[24] and a date of five
bytes, the same as a record of a mono watch's dump: year - 2000, month, day, hour, minute.
"""

from __future__ import annotations

import re
from datetime import datetime

from PIL import Image

_DATE, _EXIF_IFD, _DATE_TAKEN = 0x0132, 0x8769, 0x9003
_WATCH_SEGMENT, _TITLE, _WATCH_DATE = "APP2", 24, 5  # name, and lengths in bytes
_FORM = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")


def find_date_taken(image: Image.Image) -> str:
    """Return the date and time as EXIF writes them, such as "2001:05:14 12:30:00"; "" if the image has none."""
    return _find_exif_date(image) or _find_watch_date(image)


def format_watch_date(stamp: bytes) -> str:
    """Return the date in the five bytes of a watch as `find_date_taken` returns it; "" if there is no such date."""
    year, month, day, hour, minute = stamp
    try:
        return format_date(datetime(2000 + year, month, day, hour, minute)) if year < 100 else ""
    except ValueError:
        return ""


def format_date(date: datetime) -> str:
    """Return a date as `find_date_taken` returns it."""
    return f"{date:%Y:%m:%d %H:%M:%S}"


def _find_exif_date(image: Image.Image) -> str:
    try:
        exif = Image.Image.getexif(image)
        dates = (exif.get_ifd(_EXIF_IFD).get(_DATE_TAKEN), exif.get(_DATE))
    except Exception:  # a damaged EXIF block does not make the image unusable
        return ""
    texts = [str(date).strip("\0 ") for date in dates]
    return next((text for text in texts if _FORM.fullmatch(text)), "")


def _find_watch_date(image: Image.Image) -> str:
    for name, content in getattr(image, "applist", ()):
        if name == _WATCH_SEGMENT and len(content) == _TITLE + _WATCH_DATE:
            return format_watch_date(content[_TITLE:])
    return ""


def make_exif(taken: str) -> Image.Exif:
    """Return EXIF data with the date and time `taken`, as `find_date_taken` returns it; empty for ""."""
    exif = Image.Exif()
    if taken:
        exif[_DATE] = taken
        exif.get_ifd(_EXIF_IFD)[_DATE_TAKEN] = taken
    return exif


def format_creation_time(taken: str) -> str:
    """Return the value of the PNG keyword "Creation Time", such as "2001-05-14T12:30:00"."""
    return taken.replace(":", "-", 2).replace(" ", "T")
