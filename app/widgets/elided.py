"""Labels and combo boxes that shorten their text with "…" where there is no room."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from app.widgets.plain_text import PlainLabel, plain_tooltip, visible

_MIN_WIDTH = 60  # pixels
_TEXT_FRAME = 2  # pixels beside the text of a combo box
_FRACTION = 1  # pixels: widths of texts are no whole numbers
_ICON_GAP = 4  # pixels between its icon and its text
_LIST_FRAME = 16  # pixels beside the rows of its list, with room for a scroll bar
_MAX_LIST_WIDTH = 600


class ElidedLabel(PlainLabel):
    """Label that shortens its text and shows all of it in a tooltip.

    Args:
        indent: empty room on each side of the text, in pixels.
    """

    def __init__(self, indent: int = 0) -> None:
        super().__init__()
        self._full_text = ""
        self._shorter_texts: tuple[str, ...] = ()
        self.setIndent(indent)

    @property
    def full_text(self) -> str:
        """The whole text, even where the label shows only its beginning."""
        return self._full_text

    def set_text(self, text: str, *shorter: str) -> None:
        """Show this text, or the first that fits of shorter ones, the last one shortened to the width of the label."""
        self._full_text, self._shorter_texts = visible(text), tuple(map(visible, shorter))
        text = self._full_text
        self.setToolTip(plain_tooltip(text))
        self.setAccessibleName(text)
        self.updateGeometry()
        self._elide()

    def sizeHint(self) -> QSize:
        """Return the size that shows the whole text."""
        needed = self.fontMetrics().horizontalAdvance(self._full_text) + 2 * self.indent()
        return QSize(needed + 1, super().sizeHint().height())  # elidedText cuts what fits to the pixel

    def minimumSizeHint(self) -> QSize:
        """Return a small width, down to which the text is shortened."""
        return QSize(min(_MIN_WIDTH, self.sizeHint().width()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten the text to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = self.width() - 2 * self.indent()
        texts = (self._full_text, *self._shorter_texts)
        fitting = (text for text in texts if self.fontMetrics().horizontalAdvance(text) <= room)
        text = next(fitting, texts[-1])
        self.setText(self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room))


class ElidedComboBox(QComboBox):
    """Combo box that shortens its text in the middle, because file names differ at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def sizeHint(self) -> QSize:
        """Return the size that shows the longest text whole; the style's own is too narrow under a style sheet."""
        size, option = super().sizeHint(), QStyleOptionComboBox()
        self.initStyleOption(option)
        option.rect = QRect(QPoint(0, 0), size)
        texts = [self.itemText(index) for index in range(self.count())]
        widest = max((self.fontMetrics().horizontalAdvance(text) for text in texts), default=0)
        return size + QSize(max(0, widest + _FRACTION - self._text_room(option)), 0)

    def visible_text(self) -> str:
        """Return the chosen text as it is drawn, shortened to fit."""
        return self._option().currentText

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box with the shortened text."""
        painter, option = QStylePainter(self), self._option()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def showPopup(self) -> None:
        """Open the list wide enough for whole names, up to a maximum."""
        self.view().setMinimumWidth(min(self.view().sizeHintForColumn(0) + _LIST_FRAME, _MAX_LIST_WIDTH))
        super().showPopup()

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        mode = Qt.TextElideMode.ElideMiddle
        option.currentText = self.fontMetrics().elidedText(option.currentText, mode, self._text_room(option))
        return option

    def _text_room(self, option: QStyleOptionComboBox) -> int:
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        icon = 0 if option.currentIcon.isNull() else option.iconSize.width() + _ICON_GAP
        return room - icon - _TEXT_FRAME
