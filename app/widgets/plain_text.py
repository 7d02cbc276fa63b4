"""Show text from files as it is: Qt would read `<b>` in a file's name as markup, and "&" on a button as a shortcut.

Every label with text that is not written here is a `PlainLabel`, every such tooltip passes `plain_tooltip`, and every
such button, menu entry or list item `button_text` or `visible`. `tests/gui/test_plain_text.py` finds others.
"""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QLabel, QWidget

from trainer_core.text import escape_control_characters


def visible(text: str) -> str:
    """Return the text with control characters escaped, also marks that reverse it; newlines stay."""
    return "\n".join(map(escape_control_characters, text.split("\n")))


def plain_tooltip(text: str) -> str:
    """Return what a tooltip or a message box must be given to show exactly this text."""
    shown = visible(text)
    if not GuiQt.mightBeRichText(shown):
        return shown
    return "<span>{}</span>".format(html.escape(shown).replace("\n", "<br>"))  # the tag lets Qt see that it is markup


def button_text(text: str) -> str:
    """Return what a button or a menu entry must be given to show exactly this text."""
    return visible(text).replace("&", "&&")


class PlainLabel(QLabel):
    """Label that shows its text as it is, never as markup."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        QLabel.setText(self, visible(text))

    def setText(self, text: str) -> None:
        """Show a text."""
        super().setText(visible(text))
