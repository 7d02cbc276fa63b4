"""A group of settings that stays folded until the user clicks its heading."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.widgets.icons import set_icon
from app.widgets.theme import SPACING


class FoldedGroup(QWidget):
    """Heading with the rows of its settings below, which it shows or hides."""

    unfolded = Signal()  # by the user

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._heading = QToolButton()
        self._heading.setProperty("role", "fold")
        self._heading.setCheckable(True)
        self._heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._heading.toggled.connect(self.set_open)
        self._heading.clicked.connect(lambda is_open: self.unfolded.emit() if is_open else None)
        self._content = QWidget()
        self._rows = QVBoxLayout(self._content)
        self._rows.setContentsMargins(SPACING, 0, 0, 2 * SPACING)
        self._rows.setSpacing(SPACING // 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addWidget(self._heading)
        layout.addWidget(self._content)
        self.show_changed_count(0)
        self.set_open(False)

    def add(self, row: QWidget) -> None:
        """Add a row at the end."""
        self._rows.addWidget(row)

    def set_open(self, is_open: bool) -> None:
        """Show or hide the rows."""
        self._heading.setChecked(is_open)
        self._content.setVisible(is_open)
        set_icon(self._heading, "unfolded" if is_open else "folded", "muted")

    def show_changed_count(self, changed: int) -> None:
        """Show in the heading how many settings of the group differ from their defaults."""
        text = f"{self._title}  ·  {changed} changed" if changed else self._title
        self._heading.setText(text)
        self._heading.setAccessibleName(f"{text}, group of settings")
