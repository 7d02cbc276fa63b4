"""A widget that compares images pixel by pixel: two under a slider, several side by side, or one alone.

The arrow keys move the slider, and `ZoomView` has the keys of the zoom. The context menu (`ImageMenu`) saves an image
or a cut-out: of what is visible, or of what the mouse marks while Shift is down. A line in the corner names the values
of the pixel under the mouse. `app.preview.mode_buttons` holds the keys of the modes. Subclasses name their own views
(`app.enlarge.trial_view`, `app.simulation.pair_page`).
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QSizePolicy

from app.preview.cut_out import CutOut
from app.preview.geometry import find_pixels, place_pixels
from app.preview.image_menu import ImageMenu
from app.preview.label import label_box, label_height, label_width, paint_label
from app.preview.names import ImageNames
from app.preview.pictures import (
    BICUBIC,
    DEFAULT_BRIGHTNESS,
    DIFFERENCE,
    HR,
    SR,
    STRIP,
    VIEWS,
    Pictures,
    describe_brightness,
    short_name,
)
from app.preview.pixel_values import describe_pixel
from app.preview.zoom_view import ZoomView
from app.widgets.theme import SPACING, theme_colors

SLIDER, SIDE_BY_SIDE = "Slider", "Side by side"
FLIP_KEYS = "X flips between the two images of the slider"
_GRIP_WIDTH = 10  # pixels on either side of the slider that grab it
_STEPS = {Qt.Key.Key_Left: -0.02, Qt.Key.Key_Right: 0.02}  # of the slider


class CompareView(ZoomView):
    """View of one `Pictures` in the mode `SLIDER`, `SIDE_BY_SIDE` or one of `views`.

    Attributes:
        empty_text: what it shows without pictures.
    """

    mode_changed = Signal(str)
    cut_out_chosen = Signal(object)  # CutOut, to be saved
    neighbor_requested = Signal(int)  # 1 for the next step or model at the same place, -1 for the one before

    EMPTY_TEXT = (
        "During training, photos enlarged by the network appear here. "
        "Add photos from your watch with the + button below."
    )
    NO_ORIGINAL_TEXT = "This is a real watch photo: there is no original to compare it with."
    views: tuple[str, ...] = VIEWS  # in the order of their keys 1, 2, 3, 4
    side_by_side_views: tuple[str, ...] = STRIP  # from left to right
    right_view = SR  # on the right of the slider
    neighbor_keys = "N and P show the next and the previous step"
    offers_cut_outs = True  # whether an image or a part can be saved

    def __init__(self) -> None:
        super().__init__()
        self.mode = SLIDER
        self.empty_text = self.EMPTY_TEXT
        self.left = BICUBIC  # on the left of the slider
        self._names = ImageNames(self)
        self.labels: dict[str, str] = {}  # texts on images, by view, in place of the names of the views
        self.hint = ""  # a text that is painted at the top for some time
        self.notes: dict[str, str] = {}  # what follows the name on an image, by view, also where it is shortened
        self.set_brightness(DEFAULT_BRIGHTNESS)
        self._split = 0.5  # position of the slider on the visible part of the image, 0..1
        self._dragging = ""  # "slider", "image" or "mark" while a mouse button is down
        self._mark_start, self._mark = QPointF(), QRect()  # where the marked part begins, and its pixels
        self._pointer: QPointF | None = None  # of the mouse over the view
        self._last_position = QPointF()  # of the mouse while dragging
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 120)
        self.setAccessibleName("Preview images")
        keys = [f"{number} {short_name(view)}" for number, view in enumerate(self.views, 1)]
        keys += ["S slider", "B side by side", FLIP_KEYS, *filter(None, [self.neighbor_keys]), "F full screen"]
        self.setAccessibleDescription(
            f"Keys: {', '.join(keys)}, + and - zoom, 0 fits, arrows move, Shift and the mouse mark a part to save."
        )
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)

    # -- content -------------------------------------------------------------------------------

    def set_empty_text(self, text: str) -> None:
        """Set the text that an empty view shows."""
        self.empty_text = text
        self.update()

    def show_pictures(self, pictures: Pictures | None) -> None:
        """Show these images, the difference with the chosen brightness, and leave zoom and center unchanged."""
        super().show_pictures(None if pictures is None else pictures.with_brightness(self.brightness))

    def set_brightness(self, brightness: int) -> None:
        """Choose how many times brighter the difference is drawn."""
        self.brightness = brightness
        self.notes[DIFFERENCE] = describe_brightness(brightness)
        self.show_pictures(self._pictures)

    def set_hint(self, text: str) -> None:
        """Paint a text at the top, or none."""
        self.hint = text
        self.update()

    def set_mode(self, mode: str) -> None:
        """Choose the mode: `SLIDER`, `SIDE_BY_SIDE` or one of `views`."""
        if mode != self.mode:
            self.mode = mode
            self.mode_changed.emit(mode)
            self.update()

    def mode_of_key(self, key: str) -> str | None:
        """Return the mode that a key chooses: S, B, or the number of a view."""
        modes = {"S": SLIDER, "B": SIDE_BY_SIDE, **{str(number): view for number, view in enumerate(self.views, 1)}}
        return modes.get(key)

    def flip(self) -> None:
        """Show the image right of the slider alone or, where it is shown alone, the left one at the same place."""
        if self._pictures is not None:
            self.set_mode(self._left_view() if self.mode == self.right_view else self.right_view)

    def set_left(self, view: str) -> None:
        """Choose the view on the left of the slider."""
        self.left = view
        self.update()

    # -- painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the images of the mode with their names, or the text for an empty view."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme_colors().base))
        self._names.clear()
        views = self.visible_views
        if not views:
            self._paint_message(painter, self.empty_text if self._pictures is None else self.NO_ORIGINAL_TEXT)
        elif self.mode == SLIDER:
            self._paint_slider(painter)
        else:
            for view, pane in zip(views, self._panes(len(views))):
                self._paint_view(painter, view, pane)
                self._paint_name(painter, view, pane, right=False)
        if views:
            self._paint_mark(painter)
            if self.shows_zoom:
                paint_label(painter, self.zoom_text, self.rect(), right=True, top=True)
            self._paint_pixel_text(painter)
        if self.hint:
            self._paint_hint(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme_colors().accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    @property
    def shows_zoom(self) -> bool:
        """Whether the zoom is named: while it is new, else where its name covers no picture."""
        box = label_box(self.fontMetrics(), self.zoom_text, self.rect(), right=True, top=True)
        covered = (self._image_rect(pane).intersects(box) for pane in self._shown_panes())
        return self._zoom_timer.isActive() or not any(covered)

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
        for view, pane, right in zip((self._left_view(), self.right_view), self._name_panes(), (False, True)):
            self._paint_view(painter, view, whole, clip=pane)
            self._paint_name(painter, view, pane, right=right)
        painter.setPen(QPen(QColor(theme_colors().accent), 2))
        painter.drawLine(x, 0, x, whole.height())
        painter.setBrush(QColor(theme_colors().accent))
        painter.drawEllipse(QPointF(x, whole.height() / 2), 5, 5)

    def _paint_name(self, painter: QPainter, view: str, pane: QRect, *, right: bool) -> None:
        """Paint the name of a view; while the mouse points at a picture that the name would cover, paint none."""
        self._names.paint(
            painter,
            view,
            pane,
            label=self.labels.get(view, ""),
            note=self.notes.get(view, ""),
            right=right,
            is_hidden=self._points_at_name(pane),
        )

    def _points_at_name(self, pane: QRect) -> bool:
        """Whether the mouse points at the bottom of a pane where the image reaches below the name."""
        room = label_height(self.fontMetrics()) + 2 * SPACING
        target = self._image_rect(self.rect() if self.mode == SLIDER else pane)
        band = QRectF(pane).adjusted(0, pane.height() - room, 0, 0).intersected(target)
        return self._pointer is not None and band.contains(self._pointer)

    def _paint_view(self, painter: QPainter, view: str, pane: QRect, clip: QRect | None = None) -> None:
        assert self._pictures is not None
        image = self._pictures.images[view]
        target = self._image_rect(pane)
        painter.save()
        painter.setClipRect(clip or pane)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < image.width())
        painter.drawImage(target, image, QRectF(image.rect()))
        painter.setPen(QPen(QColor(theme_colors().border), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(target.toRect().adjusted(-1, -1, 0, 0))  # the edge of a picture as light as the view
        painter.restore()

    @property
    def pixel_text(self) -> str:
        """Place and values of the pixel under the mouse in the compared images, "" outside of them.

        An image with a note, which is not what its name says yet, is left out.
        """
        views = [SR, HR] if self.mode == DIFFERENCE else [*self.side_by_side_views, *self.visible_views]
        at = None if self._pointer is None or self._dragging else self._pixel_at(self._pointer)
        if self._pictures is None or at is None:
            return ""
        ready = [view for view in dict.fromkeys(views) if view in self._pictures.images and not self.notes.get(view)]
        return describe_pixel(self._pictures, ready, at)

    def _paint_pixel_text(self, painter: QPainter) -> None:
        """Paint the line in the corner, below the mouse if it points there."""
        metrics, text = painter.fontMetrics(), self.pixel_text
        if text:
            room = self.width() - label_width(metrics, self.zoom_text) - 5 * SPACING
            band = label_height(metrics) + 2 * SPACING
            is_below = self._pointer is not None and self._pointer.y() < band
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            paint_label(painter, text, self.rect().adjusted(0, band * is_below, 0, 0), right=False, top=True)

    def _paint_hint(self, painter: QPainter) -> None:
        """Paint the hint in the middle of the top, below the line about a pixel."""
        metrics = painter.fontMetrics()
        side = (self.width() - label_width(metrics, self.hint)) // 2 - SPACING
        below = 2 * (label_height(metrics) + 2 * SPACING)
        paint_label(painter, self.hint, self.rect().adjusted(side, below, -side, 0), right=False, top=True)

    def _paint_mark(self, painter: QPainter) -> None:
        assert self._pictures is not None
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pane in self._shown_panes() if not self._mark.isEmpty() else []:
            painter.setClipRect(pane)
            for color, width in ((theme_colors().window, 3), (theme_colors().accent, 1)):
                painter.setPen(QPen(QColor(color), width))
                painter.drawRect(place_pixels(self._mark, self._image_rect(pane), self._pictures.size))
        painter.setClipping(False)

    # -- geometry ------------------------------------------------------------------------------

    def _shown_panes(self) -> list[QRect]:
        return [self.rect()] if self.mode == SLIDER else self._panes(len(self.visible_views) or 1)

    def _name_panes(self) -> list[QRect]:
        """Return the parts of the view that each have a name: the sides of the slider, or the panes."""
        if self._pictures is None:
            return []
        if self.mode != SLIDER:
            return self._shown_panes()
        x, width, height = self._slider_x(), self.width(), self.height()
        return [QRect(0, 0, x, height), QRect(x, 0, width - x, height)]

    def _slider_x(self) -> int:
        left, right = self._slider_range()
        return round(left + self._split * (right - left))

    def _slider_range(self) -> tuple[float, float]:
        """Return where the visible part of the image begins and ends, so that the slider is always in the view."""
        target = self._image_rect(self.rect())
        return max(target.left(), 0.0), min(target.right(), float(self.width()))

    # -- mouse and keys ------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grab the slider, or the image if it is zoomed and the slider is not near; with Shift begin to mark a part."""
        if self._pictures is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self.offers_cut_outs:
            self._dragging, self._mark_start = "mark", event.position()
            return
        on_slider = self.mode == SLIDER and (
            not self.zoom or abs(event.position().x() - self._slider_x()) <= _GRIP_WIDTH
        )
        self._dragging = "slider" if on_slider else "image"
        self._last_position = event.position()
        self._drag(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what the mouse has grabbed, and name the values of the pixel under it."""
        self._move_pointer(event.position())
        if self._dragging:
            self._drag(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Release the slider or the image, or offer what can be done with the marked part."""
        dragging, self._dragging = self._dragging, ""
        view = self._view_at(self._mark_start.toPoint())
        if dragging == "mark" and view is not None and not self._mark.isEmpty():
            menu = self.make_menu(view)
            menu.aboutToHide.connect(self._remove_mark)
            menu.popup(event.globalPosition().toPoint())

    def _remove_mark(self) -> None:
        self._mark = QRect()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Remove the line about the pixel under the mouse."""
        self._move_pointer(None)

    def _move_pointer(self, position: QPointF | None) -> None:
        covered = [self._points_at_name(pane) for pane in self._name_panes()]
        self._pointer = position
        if covered != [self._points_at_name(pane) for pane in self._name_panes()]:
            self.update()
        self.update(0, 0, self.width(), 2 * label_height(self.fontMetrics()) + 4 * SPACING)  # where the line may be

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the image under the pointer, the zooms, and the way out of the full screen."""
        view = self._view_at(event.pos())
        if view is not None or self.isFullScreen():
            self.make_menu(view).popup(event.globalPos())

    def make_menu(self, view: str | None) -> QMenu:
        """Return the context menu of an image, if there is one, and of the marked or else the visible part."""
        part = None
        if self._pictures is not None and self.offers_cut_outs:
            area = self._visible_pixels() if self._mark.isEmpty() else QRect(self._mark)
            part = CutOut(self._pictures, tuple(self.visible_views), area)
        menu = ImageMenu(self, view, part)
        menu.save_requested.connect(self.cut_out_chosen)
        menu.brightness_chosen.connect(self.set_brightness)
        return menu

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
        elif self._dragging == "mark":
            self._mark_to(position)
        elif self.zoom:
            self._pan(position - self._last_position)
        self._last_position = position
        self.update()

    def _mark_to(self, position: QPointF) -> None:
        """Mark the pixels between the start and a point, also if that is outside the image."""
        assert self._pictures is not None
        pane = self._pane_at(self._mark_start)
        if pane is not None:
            part = QRectF(self._mark_start, position).normalized()
            self._mark = find_pixels(part.intersected(QRectF(pane)), self._image_rect(pane), self._pictures.size)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the slider with the arrows, unless they move a zoomed image."""
        step = _STEPS.get(Qt.Key(event.key()))
        if step is not None and self.mode == SLIDER and not self.zoom and self._pictures is not None:
            self._split = min(max(self._split + step, 0.0), 1.0)
            self.update()
        else:
            super().keyPressEvent(event)
