"""A label that is painted over an image, on a shade that leaves it readable."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter

from app.widgets.term_label import paint_term_lines
from app.widgets.theme import SPACING, theme_colors

_MIN_HEIGHT = 22  # pixels
_OPACITY = 225  # of 255


def label_height(metrics: QFontMetrics) -> int:
    """Return the height of a label in pixels."""
    return max(_MIN_HEIGHT, metrics.height())


def label_width(metrics: QFontMetrics, text: str) -> int:
    """Return the width of a label in pixels."""
    return metrics.horizontalAdvance(text) + 2 * SPACING


def label_box(metrics: QFontMetrics, text: str, pane: QRect, *, right: bool, top: bool = False) -> QRectF:
    """Return where a label lies in a corner of a pane."""
    width, height = label_width(metrics, text), label_height(metrics)
    left = pane.right() - width - SPACING if right else pane.left() + SPACING
    return QRectF(left, pane.top() + SPACING if top else pane.bottom() - height - SPACING, width, height)


def paint_label(
    painter: QPainter, text: str, pane: QRect, *, right: bool, top: bool = False, with_terms: str = ""
) -> None:
    """Paint a text in a corner of a pane, unless the pane is too narrow for it.

    The terms of its beginning, `with_terms`, are dotted.
    """
    box = label_box(painter.fontMetrics(), text, pane, right=right, top=top)
    if box.width() > pane.width():
        return
    shade = QColor(theme_colors().window)
    shade.setAlpha(_OPACITY)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(shade)
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(QColor(theme_colors().text))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    if with_terms:
        metrics = painter.fontMetrics()
        base_line = box.top() + (box.height() - metrics.height()) / 2 + metrics.ascent()
        paint_term_lines(painter, with_terms, box.left() + SPACING, base_line)
