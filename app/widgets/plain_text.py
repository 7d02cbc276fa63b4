"""Show text from files as it is: Qt would read `<b>` in a file's name as markup, and "&" on a button as a shortcut.

Every label with text that is not written here is a `PlainLabel`, every such tooltip passes `plain_tooltip`, every such
message box `plain_message`, and every such button, menu entry or list item `button_text` or `visible`.
`tests/gui/test_plain_text.py` finds others. A long tooltip passes `plain_tooltip`, too, because Qt does not wrap it.
"""

from __future__ import annotations

import html
import re

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QLabel, QWidget

from trainer_core.text import escape_control_characters

NO_BREAK_SPACE = "\u00a0"
_UNITS = "%|dB|[kMG]?B|megapixels"
TOOLTIP_WIDTH = 72  # characters of a line


def visible(text: str) -> str:
    """Return the text with control characters escaped, also marks that reverse it; newlines stay."""
    return "\n".join(map(escape_control_characters, text.split("\n")))


def plain_tooltip(text: str) -> str:
    """Return what a tooltip must be given to show exactly this text, in lines of a readable width."""
    return plain_message("\n".join(part for line in text.split("\n") for part in _wrap(line)))


def _wrap(line: str) -> list[str]:
    """Split a line between words, and a long path behind its separators."""
    parts = [""]
    for word in re.findall(r" *[^ ]+| +$", line):
        is_long = len(word) > TOOLTIP_WIDTH
        for piece in re.findall(rf"[^/\\]{{1,{TOOLTIP_WIDTH - 1}}}[/\\]?|[/\\]", word) if is_long else [word]:
            if parts[-1] and len(parts[-1]) + len(piece) > TOOLTIP_WIDTH:
                parts.append(piece.lstrip(" "))
            else:
                parts[-1] += piece
    return parts


def keep_units(text: str) -> str:
    """Return the text with spaces between a number and its unit at which a label does not begin a new line."""
    return re.sub(rf"(?<=\d) (?=(?:{_UNITS})(?!\w))", NO_BREAK_SPACE, text)


def plain_message(text: str) -> str:
    """Return what a message box must be given to show exactly this text."""
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
