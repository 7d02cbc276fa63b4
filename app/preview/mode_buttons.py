"""The buttons above a comparing view: slider, side by side, and each of its pictures alone, with their keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from app.preview.compare import SIDE_BY_SIDE, SLIDER, CompareView
from app.theme import SPACING


class ModeButtons(QWidget):
    """Chooses the mode of `view` and follows it. `views`: all pictures it may ever show, in the order of their keys."""

    def __init__(self, view: CompareView, views: Sequence[str]) -> None:
        super().__init__()
        self._buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        group = QButtonGroup(self)
        keys = ("S", "B", *map(str, range(1, len(views) + 1)))
        for mode, key in zip((SLIDER, SIDE_BY_SIDE, *views), keys):
            button = QPushButton(mode)
            button.setCheckable(True)
            button.setToolTip(f"{mode} (key {key})")
            button.clicked.connect(lambda checked=False, mode=mode: view.set_mode(mode))
            shortcut = QShortcut(QKeySequence(key), self)  # from anywhere in the window but fields that take letters
            shortcut.activated.connect(lambda button=button: None if button.isHidden() else button.click())
            group.addButton(button)
            row.addWidget(button)
            self._buttons[mode] = button
        view.mode_changed.connect(self._on_mode_changed)
        self._on_mode_changed(view.mode)

    def set_views(self, views: Collection[str]) -> None:
        """Slider, side by side and these pictures; the others' buttons are hidden."""
        for mode, button in self._buttons.items():
            button.setVisible(mode in (SLIDER, SIDE_BY_SIDE) or mode in views)

    def _on_mode_changed(self, mode: str) -> None:
        self._buttons[mode].setChecked(True)
