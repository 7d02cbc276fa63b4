"""Compares pictures pixel by pixel: a slider between two of them, several side by side, or one alone.

Zoom is a whole number and pixels stay square, or the picture is fitted when it is larger than the view. Zoom and
place are shared by all panes. Keys: + and - zoom, 0 fits, arrows move; those of the modes are `ModeButtons`'.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.preview.pictures import VIEWS, Pictures
from app.theme import SPACING, theme_colors

SLIDER, SIDE_BY_SIDE = "Slider", "Side by side"
ZOOM_KEYS = (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus, Qt.Key.Key_0)
_MAX_ZOOM = 16
_WHEEL_NOTCH = 120  # of a wheel, in Qt's units
_GRIP_WIDTH = 10  # pixels around the slider that catch the mouse
_ARROWS = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class CompareView(QWidget):
    """Shows one `Pictures`."""

    mode_changed = Signal(str)

    EMPTY_TEXT = (
        "Pictures of the validation photos appear here during a run. Drop photos of your watch to see them too."
    )
    NO_ORIGINAL_TEXT = "There is no original to compare with: this is a real watch photo."
    views: tuple[str, ...] = VIEWS  # for the keys 1, 2, 3, 4
    side_by_side_views: tuple[str, ...] = ("LR", "Bicubic", "SR", "HR")  # in this order
    right_view = "SR"  # of the slider

    def __init__(self) -> None:
        super().__init__()
        self._pictures: Pictures | None = None
        self.mode = SLIDER
        self.left = "Bicubic"  # of the slider
        self.zoom = 0  # 0: fitted
        self._center = QPointF(0.5, 0.5)  # of the view, as a share of the picture
        self._split = 0.5
        self._dragging = ""
        self._last = QPointF()
        self._wheel = 0  # turned since the last step of the zoom
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 120)
        self.setAccessibleName("Preview pictures")
        numbered = ", ".join(f"{number} {view}" for number, view in enumerate(self.views, 1))
        self.setAccessibleDescription(f"Keys: {numbered}, S slider, B side by side, + and - zoom, 0 fits, arrows move.")

    # -- what is shown -------------------------------------------------------------------------

    @property
    def pictures(self) -> Pictures | None:
        """What is shown now."""
        return self._pictures

    def show_pictures(self, pictures: Pictures | None) -> None:
        """Show these; zoom and place stay."""
        self._pictures = pictures
        self.update()

    def set_mode(self, mode: str) -> None:
        """`SLIDER`, `BESIDE`, or one of `views`."""
        if mode != self.mode:
            self.mode = mode
            self.mode_changed.emit(mode)
            self.update()

    def set_left(self, view: str) -> None:
        """What the slider has on its left."""
        self.left = view
        self.update()

    def set_zoom(self, zoom: int) -> None:
        """Screen pixels per picture pixel; 0 fits the picture into the view."""
        self.zoom = max(0, min(zoom, _MAX_ZOOM))
        if not self.zoom:
            self._center = QPointF(0.5, 0.5)
        self.update()

    # -- painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme_colors().base))
        views = self.visible_views
        if not views:
            self._paint_message(painter, self.EMPTY_TEXT if self._pictures is None else self.NO_ORIGINAL_TEXT)
        elif self.mode == SLIDER:
            self._paint_slider(painter)
        else:
            for view, pane in zip(views, self._panes(len(views))):
                self._paint_view(painter, view, pane)
                self._label(painter, view, pane, right=False)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme_colors().accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    @property
    def visible_views(self) -> list[str]:
        """Names of the pictures that the present mode shows, from left to right; a picture may lack some."""
        if self._pictures is None:
            return []
        wanted = {SIDE_BY_SIDE: self.side_by_side_views, SLIDER: (self._left(), self.right_view)}.get(
            self.mode, (self.mode,)
        )
        return [view for view in wanted if view in self._pictures.images]

    def _left(self) -> str:
        assert self._pictures is not None
        present = self.left in self._pictures.images
        return self.left if present else self.side_by_side_views[self.side_by_side_views.index(self.right_view) - 1]

    def _paint_message(self, painter: QPainter, text: str) -> None:
        painter.setPen(QColor(theme_colors().muted))
        place = self.rect().adjusted(SPACING, SPACING, -SPACING, -SPACING)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)

    def _paint_slider(self, painter: QPainter) -> None:
        place = self._slider_x()
        whole = self.rect()
        for view, pane, right in (
            (self._left(), QRect(0, 0, place, whole.height()), False),
            (self.right_view, QRect(place, 0, whole.width() - place, whole.height()), True),
        ):
            self._paint_view(painter, view, whole, clip=pane)
            self._label(painter, view, pane, right=right)
        painter.setPen(QPen(QColor(theme_colors().accent), 2))
        painter.drawLine(place, 0, place, whole.height())
        painter.setBrush(QColor(theme_colors().accent))
        painter.drawEllipse(QPointF(place, whole.height() / 2), 5, 5)

    def _paint_view(self, painter: QPainter, view: str, pane: QRect, clip: QRect | None = None) -> None:
        assert self._pictures is not None
        image = self._pictures.images[view]
        target = self._image_rect(pane)
        painter.save()
        painter.setClipRect(clip or pane)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < image.width())
        painter.drawImage(target, image, QRectF(image.rect()))
        painter.restore()

    def _label(self, painter: QPainter, text: str, pane: QRect, *, right: bool) -> None:
        width = painter.fontMetrics().horizontalAdvance(text) + 2 * SPACING
        height = max(22, painter.fontMetrics().height())
        if width > pane.width():
            return
        left = pane.right() - width - SPACING if right else pane.left() + SPACING
        box = QRectF(left, pane.bottom() - height - SPACING, width, height)
        shade = QColor(theme_colors().window)
        shade.setAlpha(225)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(theme_colors().text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    # -- geometry ------------------------------------------------------------------------------

    def _panes(self, count: int) -> list[QRect]:
        """Equal parts of the view, in the columns and rows that give the largest pictures."""
        width, height, gap = self.width(), self.height(), SPACING // 2
        shape = self._pictures.width / self._pictures.height if self._pictures is not None else 1.0
        columns = max(
            (number for number in range(count, 0, -1) if count % number == 0),
            key=lambda number: min(width / number, height * number / count * shape),
        )
        rows = count // columns
        w, h = (width - gap * (columns - 1)) // columns, (height - gap * (rows - 1)) // rows
        return [QRect(c * (w + gap), r * (h + gap), w, h) for r in range(rows) for c in range(columns)]

    def _pixel_size(self, pane: QRect) -> float:
        assert self._pictures is not None
        return self.zoom / self.devicePixelRatioF() if self.zoom else self._fit_factor(pane)

    def _fit_factor(self, pane: QRect) -> float:
        assert self._pictures is not None
        ratio = self.devicePixelRatioF()
        fit = min(pane.width() / self._pictures.width, pane.height() / self._pictures.height)
        return int(fit * ratio) / ratio if fit * ratio >= 1 else fit

    def _image_rect(self, pane: QRect) -> QRectF:
        assert self._pictures is not None
        factor = self._pixel_size(pane)
        width, height = self._pictures.width * factor, self._pictures.height * factor
        x = pane.center().x() - self._center.x() * width
        y = pane.center().y() - self._center.y() * height
        return QRectF(round(x), round(y), width, height)

    def _slider_x(self) -> int:
        target = self._image_rect(self.rect())
        place = target.left() + self._split * target.width()
        return round(min(max(place, 0), self.width()))

    # -- mouse and keys ------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._pictures is None:
            return
        near = self.mode == SLIDER and (not self.zoom or abs(event.position().x() - self._slider_x()) <= _GRIP_WIDTH)
        self._dragging = "slider" if near else "picture"
        self._last = event.position()
        self._drag(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self._drag(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging = ""

    def _drag(self, to: QPointF) -> None:
        target = self._image_rect(self.rect() if self.mode == SLIDER else self._panes(1)[0])
        if self._dragging == "slider":
            self._split = min(max((to.x() - target.left()) / target.width(), 0.0), 1.0)
        elif self.zoom:
            self._pan(to - self._last)
        self._last = to
        self.update()

    def _pan(self, delta: QPointF) -> None:
        assert self._pictures is not None
        factor = self._pixel_size(self.rect())
        width, height = self._pictures.width * factor, self._pictures.height * factor
        x = min(max(self._center.x() - delta.x() / width, 0.0), 1.0)
        y = min(max(self._center.y() - delta.y() / height, 0.0), 1.0)
        self._center = QPointF(x, y)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._wheel += event.angleDelta().y()  # a touchpad sends small parts of a notch
        steps = int(self._wheel / _WHEEL_NOTCH)
        self._wheel -= steps * _WHEEL_NOTCH
        if steps and self._pictures is not None:
            self._zoom_at(event.position(), steps)

    def _zoom_at(self, position: QPointF, delta: int) -> None:
        """What is under the pointer stays there, as far as the picture reaches."""
        pane = next((pane for pane in self._shown_panes() if pane.contains(position.toPoint())), self.rect())
        before = self._image_rect(pane)
        x, y = (position.x() - before.x()) / before.width(), (position.y() - before.y()) / before.height()
        self._step_zoom(delta)
        if self.zoom:
            after = self._image_rect(pane)
            x -= (position.x() - pane.center().x()) / after.width()
            y -= (position.y() - pane.center().y()) / after.height()
            self._center = QPointF(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))

    def _shown_panes(self) -> list[QRect]:
        return [self.rect()] if self.mode == SLIDER else self._panes(len(self.visible_views) or 1)

    def _step_zoom(self, delta: int) -> None:
        if self._pictures is None:
            return
        fitted = int(self._fit_factor(self._shown_panes()[0]) * self.devicePixelRatioF())
        zoom = (self.zoom or fitted) + delta
        if delta > 0:
            self.set_zoom(zoom)
        elif self.zoom > fitted:
            self.set_zoom(zoom if zoom > fitted else 0)  # which is no jump to something larger
        elif self.zoom:
            self.set_zoom(max(1, zoom))  # the view has grown since

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._step_zoom(-1 if key is Qt.Key.Key_Minus else 1)
        elif key == Qt.Key.Key_0:
            self.set_zoom(0)
        elif key in _ARROWS and self._pictures is not None:
            x, y = _ARROWS[key]
            if self.zoom:
                self._pan(QPointF(20 * x, 20 * y))
            elif self.mode == SLIDER:
                self._split = min(max(self._split - 0.02 * x, 0.0), 1.0)
                self.update()
        else:
            super().keyPressEvent(event)
