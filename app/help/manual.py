"""The manual and the other documents in a window of their own, beside a list of the sections of the shown page."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QDialog, QGridLayout, QListWidget, QListWidgetItem, QWidget

import resources
from app.help.browser import PageBrowser
from app.help.find_bar import FindBar
from app.help.pages import PAGES, find_page
from app.widgets.errors import bug_report, show_report
from app.widgets.placement import fit_size
from app.widgets.plain_text import visible
from app.widgets.theme import SPACING, scale_width, theme

_SIZE = (1000, 720)
_SECTIONS_WIDTH = 240  # pixels
_INDENT = "    "  # of the parts of a section


class ManualWindow(QDialog):
    """Window with a page of the help; `show_manual` opens it.

    Attributes:
        pages: the documents; choosing one shows it, and the shown one is selected.
        browser: the shown page.
        sections: its sections and their parts; choosing one scrolls there, and the one that is shown is selected.
        find_bar: the search in the shown page.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Manual")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self._page: Path | None = None
        self.pages, self.browser, self.sections = QComboBox(), PageBrowser(), QListWidget()
        self.pages.setAccessibleName("Document")
        for title, place in PAGES:
            self.pages.addItem(title, str(resources.help_folder() / place))
        self.pages.activated.connect(lambda row: self._show_page(Path(self.pages.itemData(row))))
        self.browser.setAccessibleName("Page")
        self.browser.anchorClicked.connect(self._open_link)
        self.sections.setAccessibleName("Sections")
        self.sections.setSpacing(SPACING // 4)
        self.sections.setFixedWidth(scale_width(_SECTIONS_WIDTH))
        self.sections.itemClicked.connect(self._open_section)
        self.sections.itemActivated.connect(self._open_section)
        self.browser.verticalScrollBar().valueChanged.connect(lambda value: self._mark_section())
        self.find_bar = FindBar(self.browser, self)
        grid = QGridLayout(self)
        grid.setContentsMargins(SPACING, SPACING, SPACING, SPACING)
        grid.setSpacing(SPACING)
        grid.addWidget(self.pages, 0, 0)
        grid.addWidget(self.sections, 1, 0)
        grid.addWidget(self.find_bar, 0, 1)
        grid.addWidget(self.browser, 1, 1)
        grid.setColumnStretch(1, 1)
        self.resize(fit_size(QSize(*_SIZE), self.screen()))
        theme().changed.connect(self._render)

    def show_manual(self, section: str = "") -> None:
        """Show the manual from the section with this heading, and bring the window to the front."""
        self._show_page(resources.manual_path(), section)
        self.show()
        self.raise_()
        self.activateWindow()
        self.browser.go_to(section)

    def _show_page(self, page: Path, section: str = "") -> None:
        if page != self._page:
            self._page = page
            self.pages.setCurrentIndex(self.pages.findData(str(page)))  # none for a page that only links lead to
            self._render()
        self.browser.go_to(section)

    def _render(self) -> None:
        """Make the text of the page, whose colors are those of the theme at this moment."""
        if self._page is None:
            return
        place = self.browser.verticalScrollBar().value()
        try:
            self.browser.show_page(self._page)
        except OSError as error:
            show_report(bug_report(error), self)
        self.browser.verticalScrollBar().setValue(place)
        self.find_bar.refresh()
        self.sections.clear()
        for level, heading in self.browser.list_sections():
            item = QListWidgetItem(visible(_INDENT * (level - 2) + heading))
            item.setData(Qt.ItemDataRole.UserRole, heading)
            self.sections.addItem(item)
        self._mark_section()

    def _mark_section(self) -> None:
        """Select the section that is shown."""
        self.sections.setCurrentRow(self.browser.find_shown_section())

    def _open_section(self, item: QListWidgetItem) -> None:
        self.browser.go_to(item.data(Qt.ItemDataRole.UserRole))
        self.sections.setCurrentItem(item)  # also one near the end, which cannot be scrolled to the upper edge

    def _open_link(self, link: QUrl) -> None:
        assert self._page is not None, "links are in pages"
        page = find_page(self._page, link.path()) if link.path() else self._page
        if link.scheme() in ("http", "https"):
            QDesktopServices.openUrl(link)
        elif page is not None:
            self._show_page(page, link.fragment())
