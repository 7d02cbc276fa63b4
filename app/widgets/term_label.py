"""Labels and headers whose terms have a dotted line below them and are explained in a tooltip."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QTextLayout, QTextLine, QTextOption
from PySide6.QtWidgets import QHeaderView, QTableWidget

from app.widgets.elided import ElidedLabel
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.terms import explain_terms, find_first_terms
from app.widgets.theme import theme

_GAP = 2  # pixels between the base line and the dotted one
_HEADER_PADDING = 6  # pixels left of the text of a header, as in the style sheet


def paint_term_lines(painter: QPainter, text: str, left: float, base_line: float) -> None:
    """Paint a dotted line below each term of a line of text, where it stands for the first time."""
    metrics = painter.fontMetrics()
    painter.setPen(QPen(QColor(theme().colors.muted), 1.0, Qt.PenStyle.DotLine))
    for term in find_first_terms(text):
        begin = left + metrics.horizontalAdvance(text[: term.start])
        end = left + metrics.horizontalAdvance(text[: term.start + len(term.text)])
        painter.drawLine(QPointF(begin, base_line + _GAP), QPointF(end, base_line + _GAP))


class TermLine(ElidedLabel):
    """Line of text that changes; who fills it sets a tooltip with `explain_terms`."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, and a dotted line below each term."""
        super().paintEvent(event)
        painter, metrics = QPainter(self), self.fontMetrics()
        base_line = (self.height() - metrics.height()) / 2 + metrics.ascent()
        paint_term_lines(painter, self.text(), self.contentsRect().left() + self.indent(), base_line)
        painter.end()


class TermHeader(QHeaderView):
    """Horizontal header of a table, whose terms are dotted; its texts begin at the left."""

    def __init__(self, table: QTableWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def explain(self) -> None:
        """Explain the terms of each column in the tooltip of its header."""
        for column in range(self.count()):
            text = str(self.model().headerData(column, self.orientation()))
            tip = plain_tooltip(explain_terms(text))
            self.model().setHeaderData(column, self.orientation(), tip, Qt.ItemDataRole.ToolTipRole)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        """Draw the header of a column, and a dotted line below each term."""
        painter.save()
        super().paintSection(painter, rect, logicalIndex)
        painter.restore()
        painter.save()
        painter.setFont(self.font())
        metrics = painter.fontMetrics()
        base_line = rect.top() + (rect.height() - metrics.height()) / 2 + metrics.ascent()
        text = str(self.model().headerData(logicalIndex, self.orientation()))
        paint_term_lines(painter, text, rect.left() + _HEADER_PADDING, base_line)
        painter.restore()


class TermLabel(PlainLabel):
    """Label of plain text, which does not change; aligned to the left.

    Args:
        text: the text; "&" marks the key that gives the focus to the buddy.
        tooltip: what the tooltip says before the terms.
    """

    def __init__(self, text: str, tooltip: str = "") -> None:
        super().__init__(text)
        self._plain = text.replace("&", "")
        self._terms = find_first_terms(self._plain)
        if self._terms:
            self.setCursor(Qt.CursorShape.WhatsThisCursor)
        self.set_tooltip(tooltip)

    def set_tooltip(self, text: str) -> None:
        """Explain in the tooltip this text, then each term of the label."""
        self.setToolTip(plain_tooltip(explain_terms(self._plain, after=text)))

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
        layout = QTextLayout(self._plain, self.font())
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
