"""The windows of the help, which the menu Help opens."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMainWindow

from app.help.manual import ManualWindow
from app.help.sections import find_section
from app.help.shortcuts import ShortcutSheet

_GLOSSARY_SECTION = "Glossary"  # of the manual


class Help:
    """Help of a window."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._manual: ManualWindow | None = None

    def open_manual(self, section: str = "") -> None:
        """Open the manual, or bring it to the front."""
        if self._manual is None:
            self._manual = ManualWindow(self._window)
        self._manual.show_manual(section)

    def open_manual_here(self) -> None:
        """Open the manual at the section of the view that has the focus; the manual itself stays where it is."""
        if self._manual is None or not self._manual.isActiveWindow():
            self.open_manual(find_section(QApplication.focusWidget() or QApplication.activeWindow()))

    def open_glossary(self) -> None:
        """Open the manual where it explains the words of the program."""
        self.open_manual(_GLOSSARY_SECTION)

    def open_shortcuts(self) -> None:
        """Show the sheet of all shortcuts."""
        sheet = ShortcutSheet(self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()
