"""One picture, or a pair of them, with its name below: a button that paints itself."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.theme import SPACING, theme_colors

GAP = 2  # pixels between the two pictures of a pair
_FOCUS_RING = 2  # pixels of the frame that shows the focus, drawn over the pictures' rim


def to_qimage(pixels: np.ndarray) -> QImage:
    """uint8 [h, w] or [h, w, 3] as an image of its own."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, pixels.strides[0], kind).copy()


def enlarge_pixels(lr_image: QImage, size: QSize) -> QImage:
    """Square pixels with hard edges, all alike, at any factor: enlarged by a whole number, then fitted."""
    factor = max(1, -(-size.width() // lr_image.width()), -(-size.height() // lr_image.height()))
    keep = Qt.AspectRatioMode.IgnoreAspectRatio
    whole = lr_image.scaled(lr_image.size() * factor, keep, Qt.TransformationMode.FastTransformation)
    return whole.scaled(size, keep, Qt.TransformationMode.SmoothTransformation)


class PictureCell(QAbstractButton):
    """Shows watch photos as they are, targets smoothly; an empty place until then."""

    def __init__(self, image_slots: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places = image_slots
        self._frame, self._factor = QSize(1, 1), 1.0
        self._small: QImage | None = None
        self._target: QImage | None = None
        self._drawn: list[QImage] = []
        self.name = ""
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setEnabled(False)

    def show_pictures(self, name: str, lr_image: QImage, target: QImage | None = None) -> None:
        """`small` is enlarged pixel by pixel, `target` has its place beside it."""
        self.name, self._small, self._target = name, lr_image, target
        self._drawn = []
        self.setEnabled(True)
        self.setToolTip(name)
        self.update()

    def clear(self) -> None:
        """An empty place."""
        self.name, self._small, self._target, self._drawn = "", None, None, []
        self.setEnabled(False)
        self.update()

    @property
    def has_image(self) -> bool:
        """Whether there is a picture."""
        return self._small is not None

    def set_pixel_size(self, frame: QSize, factor: float) -> None:
        """Take the size for frames of so many watch pixels, each `factor` screen pixels large."""
        self._frame, self._factor = frame, factor
        self._drawn = []
        self.resize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        place = self._slot_size()
        width = self._places * place.width() + (self._places - 1) * GAP
        return QSize(width, place.height() + self.fontMetrics().height() + SPACING // 2)

    @staticmethod
    def factor_for(width: int, frame: QSize, image_slots: int) -> float:
        """The factor at which a cell is `width` wide."""
        return ((width - (image_slots - 1) * GAP) // image_slots) / frame.width()

    def _slot_size(self) -> QSize:
        return QSize(round(self._frame.width() * self._factor), round(self._frame.height() * self._factor))

    def _picture_size(self) -> QSize:
        """Of what there is of the frame."""
        if self._small is None:
            return self._slot_size()
        return QSize(round(self._small.width() * self._factor), round(self._small.height() * self._factor))

    # -- painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        size = self._slot_size()
        for number in range(self._places):
            place = QRect(number * (size.width() + GAP), 0, size.width(), size.height())
            self._paint_slot(painter, place, number)
        self._paint_name(painter)
        if self.hasFocus() or (self.isEnabled() and self.underMouse()):
            painter.setPen(QPen(QColor(theme_colors().accent), _FOCUS_RING if self.hasFocus() else 1))
            half = _FOCUS_RING // 2 if self.hasFocus() else 0
            painter.drawRect(half, half, self.width() - 1 - half, size.height() - 1 - half)
        painter.end()

    def _paint_slot(self, painter: QPainter, place: QRect, number: int) -> None:
        size = self._picture_size()
        if self._small is None or size != place.size():
            painter.fillRect(place, QColor(theme_colors().border if self._small is None else theme_colors().base))
        if self._small is None:
            return
        if not self._drawn:
            self._draw()
        if number < len(self._drawn):
            left = place.left() + (place.width() - size.width()) // 2
            top = place.top() + (place.height() - size.height()) // 2
            painter.drawImage(left, top, self._drawn[number])

    def _draw(self) -> None:
        assert self._small is not None
        ratio = self.devicePixelRatioF()
        size = (self._picture_size().toSizeF() * ratio).toSize()
        self._drawn = [enlarge_pixels(self._small, size)]
        if self._target is not None:
            smooth = Qt.TransformationMode.SmoothTransformation
            self._drawn.append(self._target.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth))
        for drawn in self._drawn:
            drawn.setDevicePixelRatio(ratio)

    def _paint_name(self, painter: QPainter) -> None:
        line = self.rect()
        line.setTop(self.height() - self.fontMetrics().height())
        text = self.fontMetrics().elidedText(self.name, Qt.TextElideMode.ElideMiddle, line.width())
        painter.setPen(QColor(theme_colors().muted))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
