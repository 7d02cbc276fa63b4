"""The tabs with the views of a run, and beside them the way to enlarge photos, which needs no run."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QWidget

from app.widgets.buttons import make_button


class ViewTabs(QTabWidget):
    """Tabs with a button in their corner.

    Args:
        pages: each view with the title of its tab.
    """

    enlarging_requested = Signal()

    def __init__(self, pages: Sequence[tuple[QWidget, str]]) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self.setAccessibleName("Views of the run")
        for page, title in pages:
            self.addTab(page, title)
        tip = "Enlarge photos from your watch with a built-in model, or with any other one."
        self.setCornerWidget(make_button("Enlarge photos …", "picture", self.enlarging_requested.emit, tip=tip))
