"""Where the images of a comparison lie: the panes of a view, and the size of an image pixel in a pane."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize

from app.widgets.theme import SPACING


def divide_into_panes(size: QSize, count: int, aspect: float) -> list[QRect]:
    """Divide a view into `count` equal panes, in the columns and rows that give the largest images of this aspect."""
    width, height, gap = size.width(), size.height(), SPACING // 2
    columns = max(
        (number for number in range(count, 0, -1) if count % number == 0),
        key=lambda number: min(width / number, height * number / count * aspect),
    )
    rows = count // columns
    w, h = (width - gap * (columns - 1)) // columns, (height - gap * (rows - 1)) // rows
    return [QRect(c * (w + gap), r * (h + gap), w, h) for r in range(rows) for c in range(columns)]


def fit_pixels(pane: QRect, image: QSize, ratio: float) -> float:
    """Return the size of an image pixel that fits the image into `pane`: whole screen pixels, or less than one.

    Args:
        ratio: screen pixels per device-independent pixel.

    Returns:
        The size in device-independent pixels.
    """
    fit = min(pane.width() / image.width(), pane.height() / image.height())
    return int(fit * ratio) / ratio if fit * ratio >= 1 else fit


def find_pixel(position: QPointF, target: QRectF, image: QSize) -> QPoint:
    """Return the pixel of an image that is drawn at a point of the view; it may lie outside the image.

    Args:
        target: where the image is drawn.
    """
    x = (position.x() - target.x()) * image.width() / target.width()
    y = (position.y() - target.y()) * image.height() / target.height()
    return QPoint(int(x // 1), int(y // 1))


def find_pixels(part: QRectF, target: QRectF, image: QSize) -> QRect:
    """Return the pixels of an image that are drawn in a part of the view, also those at the edge in part."""
    first = find_pixel(part.topLeft(), target, image)
    last = find_pixel(part.bottomRight() - QPointF(1e-6, 1e-6), target, image)
    return QRect(first, last).intersected(QRect(QPoint(0, 0), image))


def place_pixels(pixels: QRect, target: QRectF, image: QSize) -> QRectF:
    """Return where these pixels of an image are drawn in the view."""
    x, y = target.width() / image.width(), target.height() / image.height()
    return QRectF(target.x() + pixels.x() * x, target.y() + pixels.y() * y, pixels.width() * x, pixels.height() * y)
