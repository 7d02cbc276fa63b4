"""Audits a window as it is laid out and drawn: cut texts, overlapping widgets, texts with too little contrast."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QTextDocument
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QToolButton,
    QWidget,
)

_MIN_CONTRAST = 4.5
_LINE_EDIT_FRAME = 18  # pixels: padding, border, room for the cursor
_BUTTON_FRAME = 6
_ABOVE_AND_BELOW = 10  # pixels of a framed widget: padding and border
_OVERLAPPING = (QStackedWidget, QTabWidget, QAbstractScrollArea, QComboBox, QTabBar, QSplitter)  # overlap on purpose


def find_cut_texts(window: QWidget) -> list[str]:
    """List texts that do not fit into their widgets, and widgets that their parents cut off at a side."""
    return [f"{_named(w)} {fault}" for w in _visible_widgets(window) for fault in (_cut(w), _cut_off(w)) if fault]


def find_overlaps(root: QWidget) -> list[str]:
    """List pairs of siblings that lie on each other."""
    found = []
    for parent in [root, *root.findChildren(QWidget)]:
        if not isinstance(parent, _OVERLAPPING):
            children = [c for c in parent.children() if isinstance(c, QWidget) and c.isVisible() and not c.isWindow()]
            found += [
                f"{_named(a)} and {_named(b)}"
                for a, b in itertools.combinations(children, 2)
                if a.geometry().intersects(b.geometry())
            ]
    return found


def find_squeezed_widgets(window: QWidget) -> list[str]:
    """List fields and buttons that are lower than their text needs."""
    framed = [widget for widget in _visible_widgets(window) if isinstance(widget, (QLineEdit, QComboBox, QPushButton))]
    needed = {widget: widget.fontMetrics().height() + _ABOVE_AND_BELOW for widget in framed}
    return [
        f"{_named(widget)} is {widget.height()} high and needs {height}"
        for widget, height in needed.items()
        if widget.height() < height and widget.property("role") not in ("line", "link")  # without a frame
    ]


def find_low_contrast_texts(window: QWidget) -> list[str]:
    """List texts drawn with too little contrast to their background."""
    picture = window.grab().toImage()
    ratio = picture.devicePixelRatio()
    found = []
    for widget in _visible_widgets(window):
        whole = widget.visibleRegion().boundingRect() == widget.rect()
        if isinstance(widget, (QLabel, QAbstractButton)) and _text(widget) and widget.isEnabled() and whole:
            place = QRect(widget.mapTo(window, QPoint()) * ratio, widget.size() * ratio)
            contrast = max_contrast(picture.copy(place))
            if contrast < _MIN_CONTRAST:
                found.append(f"{_named(widget)}: {contrast:.1f}")
    return found


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast of two colors, from 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def max_contrast(picture: QImage) -> float:
    """Return the contrast between the color that covers most of `picture` and the one that differs most from it."""
    colors = Counter(picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height()))
    behind = QColor(colors.most_common(1)[0][0])
    return max(contrast(QColor(pixel), behind) for pixel in colors)


def _visible_widgets(window: QWidget) -> Iterator[QWidget]:
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and widget.window() is window and not widget.visibleRegion().isEmpty():
            yield widget


def _cut(widget: QWidget) -> str:
    text, room = _text(widget), widget.contentsRect()
    if not text:
        return ""
    if isinstance(widget, QLabel) and widget.wordWrap():
        return "is not high enough" if widget.heightForWidth(widget.width()) > widget.height() + 1 else ""
    text_size = widget.fontMetrics().size(0, text)  # of all lines
    needed = text_size.width() + _beside(widget)
    if needed > room.width() + 1:
        return f"is {room.width()} wide and needs {needed}"
    return "is not high enough" if text_size.height() > room.height() + 1 else ""


def _cut_off(widget: QWidget) -> str:
    seen = widget.visibleRegion().boundingRect()
    return f"shows {seen.width()} of {widget.width()} pixels" if _text(widget) and seen.width() < widget.width() else ""


def _text(widget: QWidget) -> str:
    if isinstance(widget, QLabel) and widget.pixmap().isNull():
        document = QTextDocument()
        document.setHtml(widget.text()) if "<" in widget.text() else document.setPlainText(widget.text())
        return document.toPlainText()
    if isinstance(widget, QToolButton) and widget.toolButtonStyle() is widget.toolButtonStyle().ToolButtonIconOnly:
        return "" if not widget.icon().isNull() else widget.text()
    if isinstance(widget, QAbstractButton):
        return widget.text().replace("&", "")
    if isinstance(widget, QComboBox):
        return widget.currentText()
    return widget.placeholderText() if isinstance(widget, QLineEdit) and not widget.text() else ""


def _beside(widget: QWidget) -> int:
    """Count the pixels of a widget's width that are not for its text."""
    if isinstance(widget, QLabel):
        return 2 * widget.margin()
    if isinstance(widget, QLineEdit):
        return _LINE_EDIT_FRAME
    if isinstance(widget, QComboBox):
        return 30
    if isinstance(widget, QCheckBox):
        return 24
    icon = widget.iconSize().width() if isinstance(widget, QAbstractButton) and not widget.icon().isNull() else 0
    return icon + _BUTTON_FRAME


def _named(widget: QWidget) -> str:
    return f"{type(widget).__name__} {(_text(widget) or widget.accessibleName())!r}"
