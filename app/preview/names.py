"""The names that stand on the images of a view: as long as there is room, their terms dotted and explained."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip, QWidget

from app.preview.label import label_box, label_width, paint_label
from app.preview.pictures import short_name
from app.widgets.plain_text import plain_tooltip
from app.widgets.terms import explain_terms
from app.widgets.theme import SPACING

_MIN_WIDTH = 150  # pixels in which the shortened name of a model says more than its role


class ImageNames(QObject):
    """Names on the images of `owner`; a tooltip explains the one that the mouse points at."""

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._owner = owner
        self._boxes: dict[str, QRectF] = {}  # of the views that were painted last
        owner.installEventFilter(self)

    def clear(self) -> None:
        """Forget the names, because others are painted."""
        self._boxes = {}

    def paint(
        self, painter: QPainter, view: str, pane: QRect, *, label: str, note: str, right: bool, is_hidden: bool
    ) -> None:
        """Paint the name of a view in a pane, unless it is hidden, which the mouse can still ask for.

        Args:
            painter: of the owner.
            view: the view.
            pane: the part of the owner that shows it.
            label: the text in place of the name of the view, "" for none.
            note: what follows the name, also where it is shortened.
            right: whether the name stands on the right.
            is_hidden: whether the picture is shown where the name would be.
        """
        text = _fit_name(painter.fontMetrics(), view, label, note, pane.width() - 2 * SPACING)
        self._boxes[view] = label_box(painter.fontMetrics(), text, pane, right=right)
        if not is_hidden:
            known = next((name for name in (view, short_name(view)) if text.startswith(name)), "")
            paint_label(painter, text, pane, right=right, with_terms=known)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Explain the terms of the name below the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for view, box in self._boxes.items():
                text = explain_terms(view, after=view)
                if box.contains(event.pos()) and text != view:
                    QToolTip.showText(event.globalPos(), plain_tooltip(text), self._owner, box.toRect())
                    return True
        return super().eventFilter(watched, event)


def _fit_name(metrics: QFontMetrics, view: str, label: str, note: str, room: int) -> str:
    """Return the name of a view with its note, in a narrow pane without its explanation or role, or shortened."""
    note = f", {note}" if note else ""
    names = [label, label.replace(view, short_name(view)), label.partition(": ")[2]] if label else [view]
    for name in names:
        if label_width(metrics, name + note) <= room:
            return name + note
    name = short_name(view)
    if label and room >= _MIN_WIDTH:
        name = metrics.elidedText(names[-1], Qt.TextElideMode.ElideMiddle, room - label_width(metrics, note))
    return name + note
