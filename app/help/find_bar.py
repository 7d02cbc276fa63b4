"""The search in a page of the help: a field, the number of hits, and buttons for the previous and the next one."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QTextBrowser, QTextEdit, QToolButton, QWidget

from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.theme import SPACING, scale_width, theme_colors

_COUNT_WIDTH = 90  # pixels


class FindBar(QWidget):
    """Search in the page of a browser, which does not distinguish upper and lower case.

    Attributes:
        field: what is searched for; Enter goes to the next hit, Shift+Enter to the previous one.
        count: the number of the hit that is shown and of all hits, or "Not found".
    """

    def __init__(self, browser: QTextBrowser, window: QWidget) -> None:
        super().__init__(window)
        self._browser = browser
        self._hits: list[QTextCursor] = []
        self._present = 0  # index of the hit that is shown
        self._origin: int | None = None  # character from which the next hit is searched while the text is typed
        self._place = 0  # of the scroll bar, where the page returns to without a hit
        self.field, self.count = QLineEdit(), PlainLabel()
        self.field.setPlaceholderText("Find in this page")
        self.field.setAccessibleName("Find in this page")
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(lambda text: self._search())
        self.field.returnPressed.connect(self._on_enter)
        self.count.setProperty("role", "muted")
        self.count.setMinimumWidth(scale_width(_COUNT_WIDTH))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        row.addWidget(self.field, 1)
        row.addWidget(self.count)
        for text, icon, move, key in (
            ("Previous hit", "up", -1, QKeySequence.StandardKey.FindPrevious),
            ("Next hit", "down", 1, QKeySequence.StandardKey.FindNext),
        ):
            row.addWidget(self._make_button(text, icon, move))
            QShortcut(key, window).activated.connect(lambda move=move: self.go(move))
        QShortcut(QKeySequence.StandardKey.Find, window).activated.connect(self._begin)

    def _make_button(self, text: str, icon: str, move: int) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(text)
        button.setToolTip(plain_tooltip(text))
        set_icon(button, icon)
        button.clicked.connect(lambda: self.go(move))
        return button

    def refresh(self) -> None:
        """Mark the hits again after the page or its colors have changed; the page does not scroll."""
        self._find_hits()
        self._show(scrolls=False)

    def go(self, move: int) -> None:
        """Go `move` hits on, from the last one to the first and back."""
        if self._hits:
            self._present = (self._present + move) % len(self._hits)
            self._origin = self._hits[self._present].selectionStart()
            self._show()
            self._place = self._browser.verticalScrollBar().value()

    def _begin(self) -> None:
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def _on_enter(self) -> None:
        self.go(-1 if QApplication.keyboardModifiers() & Qt.KeyboardModifier.ShiftModifier else 1)

    def _search(self) -> None:
        """Go to the first hit below what was the upper edge when the search began, else to the first one.

        Without a hit, the page returns to where it was.
        """
        if self._origin is None:
            self._place = self._browser.verticalScrollBar().value()
            self._origin = self._browser.cursorForPosition(self._browser.viewport().rect().topLeft()).position()
        self._find_hits()
        self._present = next((n for n, hit in enumerate(self._hits) if hit.selectionStart() >= self._origin), 0)
        self._show()
        if not self._hits:
            self._browser.verticalScrollBar().setValue(self._place)
        if not self.field.text():
            self._origin = None

    def _find_hits(self) -> None:
        document, text = self._browser.document(), self.field.text()
        self._hits = []
        hit = document.find(text) if text else QTextCursor()
        while not hit.isNull():
            self._hits.append(hit)
            hit = document.find(text, hit)
        self._present = min(self._present, max(0, len(self._hits) - 1))

    def _show(self, *, scrolls: bool = True) -> None:
        """Mark all hits, and the present one in another color, and scroll there."""
        total = len(self._hits)
        self._set_missing(not total and bool(self.field.text()))
        self.count.setText(f"{self._present + 1} of {total}" if total else "Not found" if self.field.text() else "")
        if total and scrolls:
            place = QTextCursor(self._hits[self._present])
            place.clearSelection()
            self._browser.setTextCursor(place)  # scrolls there
        colors, marks = theme_colors(), []
        for number, hit in enumerate(self._hits):
            mark = QTextEdit.ExtraSelection()
            mark.cursor = hit
            is_present = number == self._present
            mark.format.setBackground(QColor(colors.accent if is_present else colors.border))
            mark.format.setForeground(QColor(colors.on_accent if is_present else colors.text))
            marks.append(mark)
        self._browser.setExtraSelections(marks)

    def _set_missing(self, is_missing: bool) -> None:
        """Show in red that the text is not found."""
        self.field.setProperty("invalid", is_missing)
        self.count.setProperty("role", "error" if is_missing else "muted")
        for widget in (self.field, self.count):
            widget.style().unpolish(widget)
            widget.style().polish(widget)
