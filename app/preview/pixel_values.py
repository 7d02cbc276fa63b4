"""The values of one pixel in the images of a comparison, as a line of text."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage

from app.preview.pictures import Pictures, short_name


def describe_pixel(pictures: Pictures, views: Sequence[str], at: QPoint) -> str:
    """Return the position and the value in each view, such as "12, 5: Network 130 · Original 128".

    Args:
        at: the pixel of the largest image; in a smaller one it is the pixel that covers it.
    """
    values = [f"{short_name(view)} {_describe_value(pictures, pictures.images[view], at)}" for view in views]
    return f"{at.x()}, {at.y()}: " + " · ".join(values)


def _describe_value(pictures: Pictures, image: QImage, at: QPoint) -> str:
    """Return the gray level of a pixel, or red, green and blue of a colored one."""
    x, y = at.x() * image.width() // pictures.width, at.y() * image.height() // pictures.height
    color = image.pixelColor(x, y)
    levels = color.red(), color.green(), color.blue()
    return str(levels[0]) if len(set(levels)) == 1 else "{} {} {}".format(*levels)
