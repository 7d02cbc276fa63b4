"""The sheet of all shortcuts, made from the menus and from what the views say of their keys."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialogButtonBox, QGridLayout, QHBoxLayout, QMainWindow, QMenu, QVBoxLayout, QWidget

from app.widgets.dialogs import Dialog
from app.widgets.plain_text import PlainLabel
from app.widgets.theme import SPACING, scale_width
from app.widgets.wording import DIALOG_KEYS

_WIDTH = 620  # pixels
_KEYS = "Keys:"  # begins the accessible description of a view with keys


class ShortcutGroup(NamedTuple):
    """The shortcuts of a menu: entry and keys."""

    title: str
    shortcuts: list[tuple[str, str]]


def find_shortcuts(window: QMainWindow) -> list[ShortcutGroup]:
    """Return the shortcuts of each menu that has some."""
    menus = [menu for menu in window.menuBar().findChildren(QMenu) if menu.menuAction() in window.menuBar().actions()]
    groups = [ShortcutGroup(_text(menu.menuAction()), _list_shortcuts(menu)) for menu in menus]
    return [group for group in groups if group.shortcuts]


def find_view_keys(window: QMainWindow) -> dict[str, str]:
    """Return the keys of each view that describes them, by the name of the view."""
    views = (view for view in window.findChildren(QWidget) if view.accessibleDescription().startswith(_KEYS))
    return {view.accessibleName(): view.accessibleDescription()[len(_KEYS) :].lstrip() for view in views}


def _list_shortcuts(menu: QMenu) -> list[tuple[str, str]]:
    native = QKeySequence.SequenceFormat.NativeText
    return [(_text(a), a.shortcut().toString(native)) for a in menu.actions() if not a.shortcut().isEmpty()]


def _text(action: QAction) -> str:
    return action.text().replace("&", "").removesuffix(" …")


class ShortcutSheet(Dialog):
    """Dialog with all shortcuts of a window, in two columns."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self.setWindowTitle("Keyboard shortcuts")
        self.setMinimumWidth(scale_width(_WIDTH))
        layout = QVBoxLayout(self.contents)
        layout.setSpacing(SPACING)
        layout.addLayout(_make_columns(find_shortcuts(window)))
        for name, keys in {**find_view_keys(window), **DIALOG_KEYS}.items():
            layout.addSpacing(SPACING)
            layout.addWidget(_make_label(name, "heading"))
            layout.addWidget(_make_label(keys, "muted"))
        layout.addStretch(1)
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        layout.addWidget(box)


def _make_columns(groups: list[ShortcutGroup]) -> QHBoxLayout:
    """Return the groups in two columns of about the same height."""
    columns, heights = QHBoxLayout(), [0, 0]
    columns.setSpacing(4 * SPACING)
    grids = QGridLayout(), QGridLayout()
    for grid in grids:
        grid.setHorizontalSpacing(3 * SPACING)
        grid.setVerticalSpacing(SPACING // 2)
        grid.setColumnStretch(0, 1)
        columns.addLayout(grid, 1)
    for group in groups:
        side = heights.index(min(heights))
        rows: list[tuple[PlainLabel, PlainLabel | None]] = [(_make_label(group.title, "heading"), None)]
        rows += [(_make_label(text), _make_label(keys, "muted")) for text, keys in group.shortcuts]
        for text, keys in rows:
            grids[side].addWidget(text, heights[side], 0)
            if keys is not None:
                grids[side].addWidget(keys, heights[side], 1)
            heights[side] += 1
    for grid, height in zip(grids, heights):
        grid.setRowStretch(height, 1)
    return columns


def _make_label(text: str, role: str = "") -> PlainLabel:
    label = PlainLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(role == "muted" and len(text) > 40)
    return label
