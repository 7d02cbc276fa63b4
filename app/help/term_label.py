"""A label whose terms have a dotted line below them and are explained in its tooltip."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QTextLayout, QTextLine, QTextOption

from app.help.terms import find_terms
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.theme import theme

_GAP = 2  # pixels between the base line and the dotted one


class TermLabel(PlainLabel):
    """Label of plain text, which does not change; aligned to the left.

    Args:
        text: the text.
        tooltip: what the tooltip says before the terms.
    """

    def __init__(self, text: str, tooltip: str = "") -> None:
        super().__init__(text)
        self._terms = find_terms(text)
        if self._terms:
            self.setCursor(Qt.CursorShape.WhatsThisCursor)
        self.set_tooltip(tooltip)

    def set_tooltip(self, text: str) -> None:
        """Explain in the tooltip this text, then each term of the label."""
        first = {term.meaning: term for term in reversed(self._terms)}  # of two words for one thing
        meanings = [f"{_begin_upper(term.text)}: {term.meaning}" for term in self._terms if first[term.meaning] is term]
        self.setToolTip(plain_tooltip("\n\n".join(filter(None, [text, *meanings]))))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, and a dotted line below each term."""
        super().paintEvent(event)
        if not self._terms:
            return
        painter = QPainter(self)
        painter.setPen(QPen(QColor(theme().colors.muted), 1.0, Qt.PenStyle.DotLine))
        layout = self._lay_out_text()
        room, height = self.contentsRect(), layout.boundingRect().height()
        is_centered = self.alignment() & Qt.AlignmentFlag.AlignVCenter
        top = room.top() + ((room.height() - height) / 2 if is_centered else 0.0)
        for term in self._terms:
            line = layout.lineForTextPosition(term.start)
            end = min(term.start + len(term.text), line.textStart() + line.textLength())
            y = top + line.y() + line.ascent() + _GAP
            left, right = (room.left() + _find_x(line, place) for place in (term.start, end))
            painter.drawLine(QPointF(left, y), QPointF(right, y))
        painter.end()

    def _lay_out_text(self) -> QTextLayout:
        """Break the text into lines as the label does."""
        layout = QTextLayout(self.text(), self.font())
        wrap = QTextOption.WrapMode.WordWrap if self.wordWrap() else QTextOption.WrapMode.NoWrap
        option = QTextOption()
        option.setWrapMode(wrap)
        layout.setTextOption(option)
        layout.beginLayout()
        y = 0.0
        line = layout.createLine()
        while line.isValid():
            line.setLineWidth(self.contentsRect().width())
            line.setPosition(QPointF(0, y))
            y += line.height()
            line = layout.createLine()
        layout.endLayout()
        return layout


def _find_x(line: QTextLine, place: int) -> float:
    return float(line.cursorToX(place)[0])  # type: ignore[index]  # PySide's stubs lack the pair


def _begin_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
