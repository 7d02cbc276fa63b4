"""When a photo was taken, as its EXIF data say, and EXIF data that say it of another picture (no torch)."""

from __future__ import annotations

import re

from PIL import Image

_DATE, _EXIF_IFD, _DATE_TAKEN = 0x0132, 0x8769, 0x9003
_FORM = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")


def find_date_taken(image: Image.Image) -> str:
    """Return the date and time as EXIF writes them, such as "2001:05:14 12:30:00"; "" if the image has none."""
    try:
        exif = Image.Image.getexif(image)
        dates = (exif.get_ifd(_EXIF_IFD).get(_DATE_TAKEN), exif.get(_DATE))
    except Exception:  # a damaged EXIF block does not make the image unusable
        return ""
    texts = [str(date).strip("\0 ") for date in dates]
    return next((text for text in texts if _FORM.fullmatch(text)), "")


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
