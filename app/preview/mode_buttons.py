"""The buttons above a `CompareView`, with their keys: slider, side by side, and each of its images alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QPushButton, QToolButton, QWidget

from app.preview.compare import FLIP_KEYS, SIDE_BY_SIDE, SLIDER, CompareView
from app.preview.full_screen import NEIGHBOR_KEYS, FullScreen
from app.preview.pictures import DIFFERENCE, short_name
from app.widgets.flow_layout import FlowLayout
from app.widgets.icons import set_icon
from app.widgets.plain_text import plain_tooltip
from app.widgets.terms import explain_terms
from app.widgets.theme import SPACING

_MORE = {SLIDER: FLIP_KEYS, DIFFERENCE: "right-click it to make it brighter"}  # in the tooltips


class ModeButtons(QWidget):
    """Buttons that choose the mode of a `CompareView` and show which one is chosen.

    Args:
        view: the view whose mode the buttons choose.
        views: names of all images that it can show, in the order of their keys 1, 2, 3, …
    """

    def __init__(self, view: CompareView, views: Sequence[str]) -> None:
        super().__init__()
        self._buttons: dict[str, QPushButton] = {}
        row = FlowLayout(self, SPACING // 2)
        group = QButtonGroup(self)
        keys = ("S", "B", *map(str, range(1, len(views) + 1)))
        for mode, key in zip((SLIDER, SIDE_BY_SIDE, *views), keys):
            button = QPushButton(short_name(mode))
            button.setProperty("role", "segment")
            button.setCheckable(True)
            more = f"; {_MORE[mode]}" if mode in _MORE else ""
            button.setToolTip(plain_tooltip(explain_terms(mode, after=f"{mode} (key {key}{more})")))
            button.clicked.connect(lambda checked=False, mode=mode: view.set_mode(mode))
            shortcut = QShortcut(QKeySequence(key), self)  # for the whole window, except fields that accept letters
            shortcut.activated.connect(lambda button=button: None if button.isHidden() else button.click())
            group.addButton(button)
            row.addWidget(button)
            self._buttons[mode] = button
        QShortcut(QKeySequence("X"), self).activated.connect(view.flip)
        for key, offset in NEIGHBOR_KEYS.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(lambda offset=offset: view.neighbor_requested.emit(offset))
        self._add_full_screen(view, row)
        view.mode_changed.connect(self._on_mode_changed)
        self._on_mode_changed(view.mode)

    def _add_full_screen(self, view: CompareView, row: FlowLayout) -> None:
        full_screen, button = FullScreen(view), QToolButton()
        set_icon(button, "full_screen")
        button.setAccessibleName("Full screen")
        button.setToolTip("Show the images on the whole screen (F); Escape or F goes back.")
        button.clicked.connect(full_screen.toggle)
        QShortcut(QKeySequence("F"), self).activated.connect(full_screen.toggle)
        row.addWidget(button)

    def set_views(self, views: Collection[str]) -> None:
        """Show the buttons of these views and hide those of the others; slider and side by side are always visible."""
        for mode, button in self._buttons.items():
            button.setVisible(mode in (SLIDER, SIDE_BY_SIDE) or mode in views)

    def _on_mode_changed(self, mode: str) -> None:
        self._buttons[mode].setChecked(True)
