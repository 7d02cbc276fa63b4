"""The slot above the views: it shows the progress of a run, or one card in front of it, in a fixed height.

So a card that appears or disappears during a run, or beside the figures of one, moves nothing. Without any content the
slot takes no room. It takes and gives up its room only while the pointer is not over the views, which would move below
it: a card that opens there at another time covers a part of them until the pointer leaves them, the highest part
without a control. A page that has just come to the front does not take clicks yet: the user may have meant what was
there before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.cards import Card
from app.widgets.plain_text import plain_tooltip
from app.widgets.scrolling_page import ScrollingPage
from app.widgets.theme import SPACING, theme

_LINES = 3  # of text
_GAP = SPACING // 2  # below a control
_CONTROLS = (QTabBar, QPushButton, QToolButton, QComboBox, QSlider, QLineEdit, QCheckBox)  # a picture may be covered
_CLICK_DELAY = 400  # milliseconds until a new page takes clicks
_CARD_TIME = 12_000  # milliseconds for which a card covers the progress of a run


class SlotPage(QWidget):
    """Page of the slot that is no card; it reports when it gets content or loses it."""

    has_content_changed = Signal()

    @property
    def has_content(self) -> bool:
        """Whether the page shows anything."""
        return True


class CardSlot(ScrollingPage):
    """Slot for the progress of a run and the cards, of which the newest open one is in front.

    Args:
        progress: shown while no card is open, and again some seconds after a card has covered it during a run.
        cards: the cards.
    """

    primary_action_changed = Signal(bool)  # whether an open card has one

    def __init__(self, progress: SlotPage, cards: Sequence[Card]) -> None:
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        super().__init__(content)
        self._progress, self._cards = progress, tuple(cards)
        self._open: list[Card] = []  # the newest first
        self._is_running = self._is_floating = False
        self._front: QWidget = progress
        self._next_button = QPushButton()
        self._next_button.setProperty("role", "link")
        self._next_button.clicked.connect(self._show_next)
        for page in (progress, *self._cards):
            row.addWidget(page, 1)
        row.addWidget(self._next_button)
        for card in self._cards:
            card.opened.connect(lambda card=card: self._on_opened(card))
            card.closed.connect(lambda card=card: self._on_closed(card))
        self._click_timer, self._card_timer = QTimer(self), QTimer(self)
        for timer, interval in ((self._click_timer, _CLICK_DELAY), (self._card_timer, _CARD_TIME)):
            timer.setSingleShot(True)
            timer.setInterval(interval)
        self._click_timer.timeout.connect(lambda: self._set_clickable(True))
        self._card_timer.timeout.connect(lambda: self._show(self._progress))
        theme().changed.connect(self._fit_height)
        progress.has_content_changed.connect(self._fit_room)
        self._fit_height()
        self._show(progress)

    def set_running(self, is_running: bool) -> None:
        """Bring the progress to the front when a run starts, and leave it when the run ends."""
        if is_running != self._is_running:
            self._is_running = is_running
            self._show(self._pages[0])

    @property
    def _pages(self) -> list[QWidget]:
        """The pages to go through: the progress of a run, then the open cards, the newest first."""
        return [self._progress, *self._open] if self._is_running or not self._open else [*self._open]

    def _on_opened(self, card: Card) -> None:
        self._open = [card, *(other for other in self._open if other is not card)]
        self._show(card)
        self._report_primary_action()

    def _report_primary_action(self) -> None:
        self.primary_action_changed.emit(any(card.has_primary_action for card in self._open))

    def _on_closed(self, card: Card) -> None:
        self._open.remove(card)
        self._show(self._pages[0] if self._front is card else self._front)
        self._report_primary_action()

    def _show_next(self) -> None:
        pages = self._pages
        self._show(pages[(pages.index(self._front) + 1) % len(pages)])

    def _show(self, page: QWidget) -> None:
        self._set_clickable(False)
        self._front = page
        for each in (self._progress, *self._cards):
            each.setVisible(each is page)
        self._name_next(page)
        if self._is_running and page is not self._progress:
            self._card_timer.start()
        else:
            self._card_timer.stop()
        self._click_timer.start()
        self._fit_room()
        if self.isVisible():  # else a window that is being built would be laid out too early
            # At once, in all rounds that it takes: a paint between two of them would show buttons that then move.
            QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)

    def _name_next(self, front: QWidget) -> None:
        """Say on the button what it shows: the progress, if a card covers only that, or the number of other pages."""
        others = [page for page in self._pages if page is not front]
        is_progress = others == [self._progress]
        self._next_button.setText("Progress" if is_progress else f"{len(others)} more")
        tip = "Show the progress again." if is_progress else "Show the next message."
        self._next_button.setToolTip(plain_tooltip(tip))
        self._next_button.setVisible(bool(others))

    # -- room ----------------------------------------------------------------------------------

    @property
    def _needs_room(self) -> bool:
        return self._is_running or bool(self._open) or self._progress.has_content

    def _fit_room(self) -> None:
        """Take room for content, or give it up, as soon as the pointer is not over the views."""
        views = self.parentWidget()
        if views is None:
            self.hide()  # it has no place yet
        elif self._is_running or self._progress.has_content or not views.underMouse():
            self._dock(views)
        else:
            if self._open and self.isHidden():
                self._float(views)
            views.installEventFilter(self)  # a second call changes nothing
            if self._is_floating and not self._open:
                self.hide()

    def _float(self, views: QWidget) -> None:
        """Cover a part of the views."""
        layout = views.layout()
        assert layout is not None
        layout.removeWidget(self)
        self._is_floating = True
        self._cover(views)
        self.raise_()
        self.show()

    def _cover(self, views: QWidget) -> None:
        room = views.contentsRect().marginsRemoved(views.layout().contentsMargins())  # type: ignore[union-attr]
        place = QRect(room.topLeft(), QSize(room.width(), self.maximumHeight()))
        controls = [control for control in self._find_controls(views) if control.intersects(room)]
        below = (control.bottom() + 1 + _GAP for control in controls)
        places = (place.translated(0, y - place.y()) for y in sorted({room.y(), *below}))
        free = (p for p in places if room.contains(p) and not any(map(p.intersects, controls)))
        self.setGeometry(next(free, place))

    def _find_controls(self, views: QWidget) -> list[QRect]:
        """Find where the controls of the views lie."""
        controls = (widget for kind in _CONTROLS for widget in views.findChildren(kind))
        seen = (w for w in controls if w.isVisible() and not self.isAncestorOf(w))
        return [QRect(w.mapTo(views, QPoint()), w.size()) for w in seen]

    def _dock(self, views: QWidget) -> None:
        """Take the room above the views if there is content, and no room otherwise."""
        views.removeEventFilter(self)
        if self._is_floating:
            self._is_floating = False
            layout = views.layout()
            assert isinstance(layout, QVBoxLayout)
            layout.insertWidget(0, self)
        self.setVisible(self._needs_room)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take or give up the room when the pointer leaves the views; follow their width while covering them."""
        views = self.parentWidget()
        if views is not None and watched is views:
            if event.type() == QEvent.Type.Leave:
                self._dock(views)
            elif event.type() == QEvent.Type.Resize and self._is_floating:
                self._cover(views)
        return super().eventFilter(watched, event)

    def _set_clickable(self, is_clickable: bool) -> None:
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not is_clickable)

    def _fit_height(self) -> None:
        margins = SPACING + 2  # and the border of a card
        line = math.ceil(QFontMetricsF(theme().font()).height())  # a label is as high; `QFontMetrics` may round down
        self.setFixedHeight(_LINES * line + margins)
