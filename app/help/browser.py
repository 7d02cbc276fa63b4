"""A text browser for the pages of the help, with pictures that fit into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QColor, QImage, QTextBlock, QTextBlockFormat, QTextCursor, QTextDocument, QTextTable
from PySide6.QtWidgets import QTextBrowser

from app.help.pages import make_anchor, read_page
from app.widgets.theme import SPACING, theme_colors
from trainer_core.data.decoding import decode
from trainer_core.data.photo_error import PhotoError

_MAX_PICTURE_WIDTH = 680  # pixels
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


class PageBrowser(QTextBrowser):
    """Text browser that shows one page; `anchorClicked` reports its links."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path()
        self.setOpenLinks(False)
        self.document().setDocumentMargin(2 * SPACING)

    def show_page(self, page: Path) -> None:
        """Show a page from its beginning.

        Raises:
            OSError: the page cannot be read.
        """
        self._folder = page.parent
        self.document().setMarkdown(read_page(page), _FEATURES)
        self._wrap_code()
        self._outline_tables()

    def _outline_tables(self) -> None:
        """Draw the lines of tables thin, in the color of other borders."""
        for table in self.document().rootFrame().childFrames():
            if isinstance(table, QTextTable):
                layout = table.format().toTableFormat()
                layout.setBorderBrush(QColor(theme_colors().border))
                layout.setBorderCollapse(True)
                layout.setCellPadding(SPACING // 2)
                table.setFormat(layout)

    def _wrap_code(self) -> None:
        """Let long lines of commands wrap, so that the page never scrolls to the side."""
        may_break = QTextBlockFormat()
        may_break.setNonBreakableLines(False)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(may_break)

    def list_sections(self) -> list[tuple[int, str]]:
        """Return level and text of the headings of sections (level 2) and of their parts (level 3)."""
        return [(_level(heading), heading.text()) for heading in self._find_sections()]

    def find_shown_section(self) -> int:
        """Return the index in `list_sections` of the section at the upper edge, -1 above the first one."""
        layout, edge = self.document().documentLayout(), self.verticalScrollBar().value() + SPACING
        return sum(layout.blockBoundingRect(heading).top() <= edge for heading in self._find_sections()) - 1

    def _find_sections(self) -> list[QTextBlock]:
        return [heading for heading in self._find_headings() if _level(heading) in (2, 3)]

    def go_to(self, section: str) -> None:
        """Scroll to a heading, given as its text or its anchor, or a paragraph that begins with it; else to the top."""
        anchor, layout = make_anchor(section), self.document().documentLayout()
        headings = [h for h in self._find_headings() if make_anchor(h.text()) == anchor]
        places = headings or [b for b in self._list_blocks() if section and b.text().startswith(f"{section}.")]
        self.verticalScrollBar().setValue(round(layout.blockBoundingRect(places[0]).top()) if places else 0)

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Load a picture of the page; nothing else is loaded."""
        if kind != QTextDocument.ResourceType.ImageResource.value:
            return None
        try:
            pixels = decode(self._folder / QUrl(name).path())
        except PhotoError:
            return None
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)
        smooth = Qt.TransformationMode.SmoothTransformation
        return image.copy() if width <= _MAX_PICTURE_WIDTH else image.scaledToWidth(_MAX_PICTURE_WIDTH, smooth)

    def _find_headings(self) -> list[QTextBlock]:
        return [block for block in self._list_blocks() if _level(block)]

    def _list_blocks(self) -> list[QTextBlock]:
        block, found = self.document().begin(), []
        while block.isValid():
            found.append(block)
            block = block.next()
        return found


def _level(heading: QTextBlock) -> int:
    return heading.blockFormat().headingLevel()
