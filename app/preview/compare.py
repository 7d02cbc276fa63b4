"""A widget that compares images pixel by pixel: two under a slider, several side by side, or one alone.

All panes share one zoom and one center. The zoom is a whole number of screen pixels per image pixel, or 0, which fits
the image into the view. The keys + and - zoom, 0 fits, arrows move; the context menu copies an image;
`app.preview.mode_buttons` holds the keys of the modes. Subclasses
(`app.deploy.trial_view`, `app.simulation.pair_page`) name their own views.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from app.preview.pictures import VIEWS, Pictures
from app.theme import SPACING, theme_colors

SLIDER, SIDE_BY_SIDE = "Slider", "Side by side"
ZOOM_KEYS = (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus, Qt.Key.Key_0)
_MAX_ZOOM = 16
_WHEEL_NOTCH = 120  # one notch of a mouse wheel, in Qt's eighths of a degree
_GRIP_WIDTH = 10  # pixels on either side of the slider that grab it
_ARROWS = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class CompareView(QWidget):
    """View of one `Pictures` in the mode `SLIDER`, `SIDE_BY_SIDE` or one of `views`."""

    mode_changed = Signal(str)

    EMPTY_TEXT = (
        "Previews of the validation photos appear here during a run. Add photos from your watch to preview them too."
    )
    NO_ORIGINAL_TEXT = "This is a real watch photo: there is no original to compare it with."
    views: tuple[str, ...] = VIEWS  # in the order of their keys 1, 2, 3, 4
    side_by_side_views: tuple[str, ...] = ("LR", "Bicubic", "SR", "HR")  # from left to right
    right_view = "SR"  # on the right of the slider

    def __init__(self) -> None:
        super().__init__()
        self._pictures: Pictures | None = None
        self.mode = SLIDER
        self.left = "Bicubic"  # on the left of the slider
        self.zoom = 0  # screen pixels per image pixel; 0 fits the image into the view
        self._center = QPointF(0.5, 0.5)  # point of the image in the middle of the view, 0..1
        self._split = 0.5  # position of the slider on the visible part of the image, 0..1
        self._dragging = ""  # "slider" or "image" while a mouse button is down
        self._last_position = QPointF()  # of the mouse while dragging
        self._wheel_angle = 0  # turned since the last zoom step
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 120)
        self.setAccessibleName("Preview images")
        numbered = ", ".join(f"{number} {view}" for number, view in enumerate(self.views, 1))
        self.setAccessibleDescription(f"Keys: {numbered}, S slider, B side by side, + and - zoom, 0 fits, arrows move.")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)

    # -- content -------------------------------------------------------------------------------

    @property
    def pictures(self) -> Pictures | None:
        """The images on the screen, None before there are any."""
        return self._pictures

    def show_pictures(self, pictures: Pictures | None) -> None:
        """Show these images and leave zoom and center unchanged."""
        self._pictures = pictures
        self.update()

    def set_mode(self, mode: str) -> None:
        """Choose the mode: `SLIDER`, `SIDE_BY_SIDE` or one of `views`."""
        if mode != self.mode:
            self.mode = mode
            self.mode_changed.emit(mode)
            self.update()

    def set_left(self, view: str) -> None:
        """Choose the view on the left of the slider."""
        self.left = view
        self.update()

    def set_zoom(self, zoom: int) -> None:
        """Set the zoom in screen pixels per image pixel; 0 fits the image into the view."""
        self.zoom = max(0, min(zoom, _MAX_ZOOM))
        if not self.zoom:
            self._center = QPointF(0.5, 0.5)
        self.update()

    # -- painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the images of the mode with their names, or the text for an empty view."""
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
                self._paint_label(painter, view, pane, right=False)
        if views:
            self._paint_zoom(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme_colors().accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    @property
    def visible_views(self) -> list[str]:
        """Names of the images that the mode shows, from left to right, without those that `pictures` lacks."""
        if self._pictures is None:
            return []
        names = {SIDE_BY_SIDE: self.side_by_side_views, SLIDER: (self._left_view(), self.right_view)}.get(
            self.mode, (self.mode,)
        )
        return [view for view in names if view in self._pictures.images]

    def _left_view(self) -> str:
        """Return the chosen left view, or the one before `right_view` if the pictures lack it."""
        assert self._pictures is not None
        if self.left in self._pictures.images:
            return self.left
        return self.side_by_side_views[self.side_by_side_views.index(self.right_view) - 1]

    def _paint_message(self, painter: QPainter, text: str) -> None:
        painter.setPen(QColor(theme_colors().muted))
        box = self.rect().adjusted(SPACING, SPACING, -SPACING, -SPACING)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)

    def _paint_slider(self, painter: QPainter) -> None:
        x = self._slider_x()
        whole = self.rect()
        for view, pane, right in (
            (self._left_view(), QRect(0, 0, x, whole.height()), False),
            (self.right_view, QRect(x, 0, whole.width() - x, whole.height()), True),
        ):
            self._paint_view(painter, view, whole, clip=pane)
            self._paint_label(painter, view, pane, right=right)
        painter.setPen(QPen(QColor(theme_colors().accent), 2))
        painter.drawLine(x, 0, x, whole.height())
        painter.setBrush(QColor(theme_colors().accent))
        painter.drawEllipse(QPointF(x, whole.height() / 2), 5, 5)

    def _paint_view(self, painter: QPainter, view: str, pane: QRect, clip: QRect | None = None) -> None:
        assert self._pictures is not None
        image = self._pictures.images[view]
        target = self._image_rect(pane)
        painter.save()
        painter.setClipRect(clip or pane)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < image.width())
        painter.drawImage(target, image, QRectF(image.rect()))
        painter.restore()

    @property
    def zoom_text(self) -> str:
        """The size of an image pixel in screen pixels, in percent."""
        if self._pictures is None:
            return ""
        percent = 100 * self._pixel_size(self._shown_panes()[0]) * self.devicePixelRatioF()
        return f"{percent:.0f} %" if self.zoom else f"Fit, {percent:.0f} %"

    def _paint_zoom(self, painter: QPainter) -> None:
        self._paint_label(painter, self.zoom_text, self.rect(), right=True, top=True)

    def _paint_label(self, painter: QPainter, text: str, pane: QRect, *, right: bool, top: bool = False) -> None:
        width = painter.fontMetrics().horizontalAdvance(text) + 2 * SPACING
        height = max(22, painter.fontMetrics().height())
        if width > pane.width():
            return
        left = pane.right() - width - SPACING if right else pane.left() + SPACING
        box = QRectF(left, pane.top() + SPACING if top else pane.bottom() - height - SPACING, width, height)
        shade = QColor(theme_colors().window)
        shade.setAlpha(225)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(theme_colors().text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    # -- geometry ------------------------------------------------------------------------------

    def _panes(self, count: int) -> list[QRect]:
        """Divide the view into `count` equal panes, in the columns and rows that give the largest images."""
        width, height, gap = self.width(), self.height(), SPACING // 2
        aspect = self._pictures.width / self._pictures.height if self._pictures is not None else 1.0
        columns = max(
            (number for number in range(count, 0, -1) if count % number == 0),
            key=lambda number: min(width / number, height * number / count * aspect),
        )
        rows = count // columns
        w, h = (width - gap * (columns - 1)) // columns, (height - gap * (rows - 1)) // rows
        return [QRect(c * (w + gap), r * (h + gap), w, h) for r in range(rows) for c in range(columns)]

    def _pixel_size(self, pane: QRect) -> float:
        """Return the size of an image pixel in Qt's device-independent pixels."""
        assert self._pictures is not None
        return self.zoom / self.devicePixelRatioF() if self.zoom else self._fit_factor(pane)

    def _fit_factor(self, pane: QRect) -> float:
        """Return the pixel size that fits the image into `pane`: whole screen pixels, or less than one."""
        assert self._pictures is not None
        ratio = self.devicePixelRatioF()
        fit = min(pane.width() / self._pictures.width, pane.height() / self._pictures.height)
        return int(fit * ratio) / ratio if fit * ratio >= 1 else fit

    def _image_rect(self, pane: QRect) -> QRectF:
        """Return where the image lies for a pane; it may reach beyond the pane."""
        assert self._pictures is not None
        factor = self._pixel_size(pane)
        width, height = self._pictures.width * factor, self._pictures.height * factor
        x = pane.center().x() - self._center.x() * width
        y = pane.center().y() - self._center.y() * height
        return QRectF(round(x), round(y), width, height)

    def _slider_x(self) -> int:
        left, right = self._slider_range()
        return round(left + self._split * (right - left))

    def _slider_range(self) -> tuple[float, float]:
        """Return where the visible part of the image begins and ends, so that the slider is always in the view."""
        target = self._image_rect(self.rect())
        return max(target.left(), 0.0), min(target.right(), float(self.width()))

    # -- mouse and keys ------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grab the slider, or the image if it is zoomed and the slider is not near."""
        if self._pictures is None:
            return
        on_slider = self.mode == SLIDER and (
            not self.zoom or abs(event.position().x() - self._slider_x()) <= _GRIP_WIDTH
        )
        self._dragging = "slider" if on_slider else "image"
        self._last_position = event.position()
        self._drag(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what the mouse has grabbed."""
        if self._dragging:
            self._drag(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Release the slider or the image."""
        self._dragging = ""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Zoom to twice the fitted size around the pointer, or fit the image again."""
        if self._pictures is None:
            return
        if self.zoom:
            self.set_zoom(0)
        else:
            self._zoom_at(event.position(), max(1, self._fitted_zoom()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy the image under the pointer, and the zooms."""
        view = self._view_at(event.pos())
        if view is not None:
            self.make_menu(view).popup(event.globalPos())

    def make_menu(self, view: str) -> QMenu:
        """Return the context menu of an image."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(f"Copy image: {view}", lambda: self._copy(view))
        menu.addSeparator()
        menu.addAction("Fit", lambda: self.set_zoom(0))
        menu.addAction("100 %", lambda: self.set_zoom(1))
        return menu

    def _copy(self, view: str) -> None:
        if self._pictures is not None and view in self._pictures.images:
            QGuiApplication.clipboard().setImage(self._pictures.images[view].copy())

    def _view_at(self, position: QPoint) -> str | None:
        views = self.visible_views
        if not views:
            return None
        if self.mode == SLIDER:
            return views[0] if position.x() < self._slider_x() else views[-1]
        return next((view for view, pane in zip(views, self._panes(len(views))) if pane.contains(position)), None)

    def _drag(self, position: QPointF) -> None:
        if self._dragging == "slider":
            left, right = self._slider_range()
            self._split = min(max((position.x() - left) / max(right - left, 1.0), 0.0), 1.0)
        elif self.zoom:
            self._pan(position - self._last_position)
        self._last_position = position
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
        """Zoom by one for each notch of the wheel."""
        self._wheel_angle += event.angleDelta().y()  # a touchpad sends fractions of a notch
        steps = int(self._wheel_angle / _WHEEL_NOTCH)
        self._wheel_angle -= steps * _WHEEL_NOTCH
        if steps and self._pictures is not None:
            self._zoom_at(event.position(), steps)

    def _zoom_at(self, position: QPointF, delta: int) -> None:
        """Zoom by `delta` and keep the image point under the pointer in place, up to the edge of the image."""
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

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom with +, - and 0; with the arrows move the zoomed image, else the slider."""
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
