"""A button that shows one watch photo, or a watch photo and its target, with the name below."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.widgets.plain_text import plain_tooltip
from app.widgets.theme import SPACING, theme_colors

GAP = 2  # pixels between the two images of a pair
_FOCUS_RING = 2  # pixels of the outline that shows the focus, drawn over the edge of the images


def to_qimage(pixels: np.ndarray) -> QImage:
    """Copy pixels, uint8 [H, W] or [H, W, 3], into an image."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, pixels.strides[0], kind).copy()


def enlarge_pixels(lr_image: QImage, size: QSize) -> QImage:
    """Enlarge an image to `size` with hard-edged pixels of equal size.

    Nearest-neighbor scaling by a fraction makes pixels of unequal size, so the image is enlarged by a whole number
    first and then scaled down smoothly.
    """
    factor = max(1, -(-size.width() // lr_image.width()), -(-size.height() // lr_image.height()))
    ignore = Qt.AspectRatioMode.IgnoreAspectRatio
    enlarged = lr_image.scaled(lr_image.size() * factor, ignore, Qt.TransformationMode.FastTransformation)
    return enlarged.scaled(size, ignore, Qt.TransformationMode.SmoothTransformation)


class PictureCell(QAbstractButton):
    """Button with `image_slots` slots: a watch photo with visible pixels, then its target, scaled smoothly.

    The slots are empty and the button is disabled until `show_pictures`.
    """

    def __init__(self, image_slots: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image_slots = image_slots
        self._frame, self._factor = QSize(1, 1), 1.0
        self._lr_image: QImage | None = None
        self._target: QImage | None = None
        self._scaled_images: list[QImage] = []  # at the size on the screen, made when they are first painted
        self.name = ""
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setEnabled(False)

    def show_pictures(self, name: str, lr_image: QImage, target: QImage | None = None) -> None:
        """Show a watch photo, and its target in the second slot."""
        self.name, self._lr_image, self._target = name, lr_image, target
        self._scaled_images = []
        self.setEnabled(True)
        self.setToolTip(plain_tooltip(name))
        self.update()

    def clear(self) -> None:
        """Empty the slots and disable the button."""
        self.name, self._lr_image, self._target, self._scaled_images = "", None, None, []
        self.setEnabled(False)
        self.update()

    @property
    def has_image(self) -> bool:
        """Whether the cell shows an image."""
        return self._lr_image is not None

    def set_pixel_size(self, frame: QSize, factor: float) -> None:
        """Resize the slots to `frame`, in watch pixels, with each pixel `factor` screen pixels large."""
        self._frame, self._factor = frame, factor
        self._scaled_images = []
        self.resize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of the slots side by side and the name below."""
        slot = self._slot_size()
        width = self._image_slots * slot.width() + (self._image_slots - 1) * GAP
        return QSize(width, slot.height() + self.fontMetrics().height() + SPACING // 2)

    @staticmethod
    def factor_for(width: int, frame: QSize, image_slots: int) -> float:
        """Return the factor at which a cell with these slots is `width` screen pixels wide."""
        return ((width - (image_slots - 1) * GAP) // image_slots) / frame.width()

    def _slot_size(self) -> QSize:
        return QSize(round(self._frame.width() * self._factor), round(self._frame.height() * self._factor))

    def _image_size(self) -> QSize:
        """Return the size of the images on the screen, which fill only a part of the slot if the photo is small."""
        if self._lr_image is None:
            return self._slot_size()
        return QSize(round(self._lr_image.width() * self._factor), round(self._lr_image.height() * self._factor))

    # -- painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the images and the name, and an outline if the cell has the focus or the pointer."""
        painter = QPainter(self)
        size = self._slot_size()
        for number in range(self._image_slots):
            slot = QRect(number * (size.width() + GAP), 0, size.width(), size.height())
            self._paint_slot(painter, slot, number)
        self._paint_name(painter)
        if self.hasFocus() or (self.isEnabled() and self.underMouse()):
            painter.setPen(QPen(QColor(theme_colors().accent), _FOCUS_RING if self.hasFocus() else 1))
            half = _FOCUS_RING // 2 if self.hasFocus() else 0
            painter.drawRect(half, half, self.width() - 1 - half, size.height() - 1 - half)
        painter.end()

    def _paint_slot(self, painter: QPainter, slot: QRect, number: int) -> None:
        size = self._image_size()
        if self._lr_image is None or size != slot.size():
            painter.fillRect(slot, QColor(theme_colors().border if self._lr_image is None else theme_colors().base))
        if self._lr_image is None:
            return
        if not self._scaled_images:
            self._scale_images()
        if number < len(self._scaled_images):
            left = slot.left() + (slot.width() - size.width()) // 2
            top = slot.top() + (slot.height() - size.height()) // 2
            painter.drawImage(left, top, self._scaled_images[number])

    def _scale_images(self) -> None:
        assert self._lr_image is not None
        ratio = self.devicePixelRatioF()
        size = (self._image_size().toSizeF() * ratio).toSize()
        self._scaled_images = [enlarge_pixels(self._lr_image, size)]
        if self._target is not None:
            smooth = Qt.TransformationMode.SmoothTransformation
            self._scaled_images.append(self._target.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth))
        for image in self._scaled_images:
            image.setDevicePixelRatio(ratio)

    def _paint_name(self, painter: QPainter) -> None:
        line = self.rect()
        line.setTop(self.height() - self.fontMetrics().height())
        text = self.fontMetrics().elidedText(self.name, Qt.TextElideMode.ElideMiddle, line.width())
        painter.setPen(QColor(theme_colors().muted))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
