"""Buttons of the dialogs."""

from __future__ import annotations

from typing import Callable

from PySide6.QtWidgets import QPushButton

from app.widgets.icons import set_icon
from app.widgets.plain_text import plain_tooltip


def make_button(text: str, icon: str, clicked: Callable[[], object], *, tip: str = "") -> QPushButton:
    """Make a button that is never a dialog's default, so that Enter does not press it; "" is no icon."""
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setToolTip(plain_tooltip(tip))
    if icon:
        set_icon(button, icon)
    button.clicked.connect(lambda: clicked())
    return button
