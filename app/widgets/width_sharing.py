"""How the form gives width to views that lack it, in a window that is too narrow for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QSplitter

from app.widgets.scrolling_page import ScrollingPage


class Row(Protocol):
    """A row that becomes narrower by itself where it has no room, and reports it."""

    @property
    def too_narrow(self) -> Any:
        """The signal that it has no room."""

    @property
    def lacking(self) -> int:
        """The missing pixels."""

    def isVisible(self) -> bool:
        """Whether it is visible."""


class WidthSharing(QObject):
    """Moves the handle of a splitter between the form and the views whenever a view lacks width.

    Args:
        split: the form on the left, the views on the right.
        min_form: the pixels that the form needs.
        pages: views that scroll to the side; they get what the form can spare.
        rows: rows of views; they get what they lack, if the form can spare all of it.
    """

    def __init__(self, split: QSplitter, min_form: int, pages: Sequence[ScrollingPage], rows: Sequence[Row]) -> None:
        super().__init__(split)
        self._split, self._min_form, self._pages, self._rows = split, min_form, pages, rows
        signals = [page.too_narrow for page in pages] + [row.too_narrow for row in rows]
        for too_narrow in signals:
            too_narrow.connect(self._share, Qt.ConnectionType.QueuedConnection)

    def _share(self) -> None:
        form, views = self._split.sizes()
        spare = form - self._min_form
        lacking = [page.horizontalScrollBar().maximum() for page in self._pages if page.isVisible()]
        lacking += [row.lacking for row in self._rows if row.isVisible() and row.lacking <= spare]
        given = min(max(lacking, default=0), spare)
        if given > 0:
            self._split.setSizes([form - given, views + given])
