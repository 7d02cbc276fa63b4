"""A widget that shows images of one size in panes, which share one zoom and one center.

The zoom is a whole number of screen pixels per image pixel, or 0, which fits the image into the view. The keys + and -
zoom, 0 fits, arrows move the zoomed image.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.preview.geometry import divide_into_panes, find_pixel, find_pixels, fit_pixels
from app.preview.label import label_height
from app.preview.pictures import Pictures
from app.widgets.theme import SPACING

ZOOM_KEYS = (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus, Qt.Key.Key_0)
_ARROWS = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
_PAN_STEP = 20  # pixels by which an arrow key moves the image
_MAX_ZOOM = 16
_NAME_SHARE = 6  # times the height of a name that a pane needs to leave room for it
_ZOOM_TIME = 1500  # milliseconds for which a new zoom is named over the image
_WHEEL_NOTCH = 120  # one notch of a mouse wheel, in Qt's eighths of a degree


class ZoomView(QWidget):
    """View of one `Pictures` that wheel, double click and keys zoom; a subclass paints, and decides on the panes."""

    def __init__(self) -> None:
        super().__init__()
        self._pictures: Pictures | None = None
        self.zoom = 0  # screen pixels per image pixel; 0 fits the image into the view
        self._center = QPointF(0.5, 0.5)  # point of the image in the middle of the view, 0..1
        self._wheel_angle = 0  # turned since the last zoom step
        self._zoom_timer = QTimer(self)  # active while the zoom is new
        self._zoom_timer.setSingleShot(True)
        self._zoom_timer.setInterval(_ZOOM_TIME)
        self._zoom_timer.timeout.connect(self.update)

    @property
    def pictures(self) -> Pictures | None:
        """The images on the screen, None before there are any."""
        return self._pictures

    def show_pictures(self, pictures: Pictures | None) -> None:
        """Show these images and leave zoom and center unchanged."""
        self._pictures = pictures
        self.update()

    def set_zoom(self, zoom: int) -> None:
        """Set the zoom in screen pixels per image pixel; 0 fits the image into the view."""
        self.zoom = max(0, min(zoom, _MAX_ZOOM))
        self._zoom_timer.start()
        if not self.zoom:
            self._center = QPointF(0.5, 0.5)
        self.update()

    @property
    def zoom_text(self) -> str:
        """The size of an image pixel in screen pixels, in percent."""
        if self._pictures is None:
            return ""
        percent = 100 * self._pixel_size(self._shown_panes()[0]) * self.devicePixelRatioF()
        return f"{percent:.0f} %" if self.zoom else f"Fit, {percent:.0f} %"

    # -- geometry ------------------------------------------------------------------------------

    def _shown_panes(self) -> list[QRect]:
        """Return the panes on the screen, at least one; each shows the same part of an image."""
        return [self.rect()]

    def _panes(self, count: int) -> list[QRect]:
        """Divide the view into `count` equal panes."""
        aspect = self._pictures.width / self._pictures.height if self._pictures is not None else 1.0
        return divide_into_panes(self.size(), count, aspect)

    def _pixel_size(self, pane: QRect) -> float:
        """Return the size of an image pixel in Qt's device-independent pixels."""
        return self.zoom / self.devicePixelRatioF() if self.zoom else self._fit_factor(pane)

    def _fit_factor(self, pane: QRect) -> float:
        """Return the size of a pixel of the fitted image, which leaves room for a name unless each pixel is whole."""
        assert self._pictures is not None
        ratio = self.devicePixelRatioF()
        factor = fit_pixels(pane, self._pictures.size, ratio)
        if factor * ratio >= 1:
            return factor
        return fit_pixels(pane.adjusted(0, 0, 0, -self._name_room(pane)), self._pictures.size, ratio)

    def _name_room(self, pane: QRect) -> int:
        """Return the height that a fitted image leaves free for its name at the bottom of a pane, 0 in a small one."""
        room = label_height(self.fontMetrics()) + 2 * SPACING
        return room if _NAME_SHARE * room <= pane.height() else 0

    def _image_rect(self, pane: QRect) -> QRectF:
        """Return where the image lies for a pane; it may reach beyond the pane."""
        assert self._pictures is not None
        factor = self._pixel_size(pane)
        width, height = self._pictures.width * factor, self._pictures.height * factor
        x = pane.center().x() - self._center.x() * width
        y = pane.center().y() - self._center.y() * height
        if not self.zoom:
            y = max(min(y, pane.bottom() + 1 - self._name_room(pane) - height), min(y, pane.top()))
        return QRectF(round(x), round(y), width, height)

    def _pane_at(self, position: QPointF) -> QRect | None:
        return next((pane for pane in self._shown_panes() if pane.contains(position.toPoint())), None)

    def _pixel_at(self, position: QPointF) -> QPoint | None:
        """Return the image pixel at a point of the view, None where there is none."""
        pane = self._pane_at(position)
        if self._pictures is None or pane is None:
            return None
        at = find_pixel(position, self._image_rect(pane), self._pictures.size)
        return at if QRect(QPoint(0, 0), self._pictures.size).contains(at) else None

    def _visible_pixels(self) -> QRect:
        """Return the part of the image that can be seen, in pixels of the image."""
        assert self._pictures is not None
        pane = self._shown_panes()[0]
        target = self._image_rect(pane)
        return find_pixels(target.intersected(QRectF(pane)), target, self._pictures.size)

    # -- zooming -------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom by one for each notch of the wheel."""
        self._wheel_angle += event.angleDelta().y()  # a touchpad sends fractions of a notch
        steps = int(self._wheel_angle / _WHEEL_NOTCH)
        self._wheel_angle -= steps * _WHEEL_NOTCH
        if steps and self._pictures is not None:
            self._zoom_at(event.position(), steps)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Zoom to twice the fitted size around the pointer, or fit the image again."""
        if self._pictures is None:
            return
        if self.zoom:
            self.set_zoom(0)
        else:
            self._zoom_at(event.position(), max(1, self._fitted_zoom()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom with +, - and 0, and move the zoomed image with the arrows."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_0:
            self.set_zoom(0)
        elif key in ZOOM_KEYS:
            self._step_zoom(-1 if key == Qt.Key.Key_Minus else 1)
        elif key in _ARROWS and self._pictures is not None:
            x, y = _ARROWS[key]
            if self.zoom:
                self._pan(QPointF(_PAN_STEP * x, _PAN_STEP * y))
        else:
            super().keyPressEvent(event)

    def _zoom_at(self, position: QPointF, delta: int) -> None:
        """Zoom by `delta` and keep the image point under the pointer in place, up to the edge of the image."""
        pane = self._pane_at(position) or self.rect()
        before = self._image_rect(pane)
        x, y = (position.x() - before.x()) / before.width(), (position.y() - before.y()) / before.height()
        self._step_zoom(delta)
        if self.zoom:
            after = self._image_rect(pane)
            x -= (position.x() - pane.center().x()) / after.width()
            y -= (position.y() - pane.center().y()) / after.height()
            self._center = QPointF(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))

    def _step_zoom(self, delta: int) -> None:
        if self._pictures is None:
            return
        fitted = self._fitted_zoom()
        zoom = (self.zoom or fitted) + delta
        if delta > 0:
            self.set_zoom(zoom)
        elif self.zoom > fitted:
            self.set_zoom(zoom if zoom > fitted else 0)  # one step above fitted: fitting does not enlarge the image
        elif self.zoom:
            self.set_zoom(max(1, zoom))  # the view has grown, so the fitted size is larger than this zoom

    def _fitted_zoom(self) -> int:
        return int(self._fit_factor(self._shown_panes()[0]) * self.devicePixelRatioF())

    def _pan(self, delta: QPointF) -> None:
        assert self._pictures is not None
        factor = self._pixel_size(self.rect())
        width, height = self._pictures.width * factor, self._pictures.height * factor
        x = min(max(self._center.x() - delta.x() / width, 0.0), 1.0)
        y = min(max(self._center.y() - delta.y() / height, 0.0), 1.0)
        self._center = QPointF(x, y)
        self.update()
