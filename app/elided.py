"""What gives way: where there is no room the text is cut with "…"."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QLabel, QStyle, QStyleOptionComboBox, QStylePainter

_MIN_WIDTH = 60  # pixels
_TEXT_FRAME = 2  # pixels beside the text of a combo box
_ICON_GAP = 4  # pixels between its icon and its text
_LIST_FRAME = 16  # pixels beside the rows of its list, with room for a scroll bar
_MAX_LIST_WIDTH = 600


class ElidedLabel(QLabel):
    """Say its text with `say`; the tooltip has all of it. `indent` is the room beside it, in pixels."""

    def __init__(self, indent: int = 0) -> None:
        super().__init__()
        self._whole = ""
        self.setIndent(indent)
        self.setTextFormat(Qt.TextFormat.PlainText)

    @property
    def full_text(self) -> str:
        """The whole text, of which the label may show the beginning only."""
        return self._whole

    def set_text(self, text: str) -> None:
        """Show this."""
        self._whole = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.updateGeometry()
        self._elide()

    def sizeHint(self) -> QSize:
        needed = self.fontMetrics().horizontalAdvance(self._whole) + 2 * self.indent()
        return QSize(needed + 1, super().sizeHint().height())  # elidedText cuts what fits to the pixel

    def minimumSizeHint(self) -> QSize:
        return QSize(min(_MIN_WIDTH, self.sizeHint().width()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = self.width() - 2 * self.indent()
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room))


class ElidedComboBox(QComboBox):
    """As wide as what is in it, where there is room. Cut in the middle: file names differ at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def visible_text(self) -> str:
        """What fits of the chosen text."""
        return self._option().currentText

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), self._option()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def showPopup(self) -> None:
        """The list has room for whole names, as a rule."""
        self.view().setMinimumWidth(min(self.view().sizeHintForColumn(0) + _LIST_FRAME, _MAX_LIST_WIDTH))
        super().showPopup()

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        if not option.currentIcon.isNull():
            room -= option.iconSize.width() + _ICON_GAP
        mode = Qt.TextElideMode.ElideMiddle
        option.currentText = self.fontMetrics().elidedText(option.currentText, mode, room - _TEXT_FRAME)
        return option
