"""How Qt's own menus and dialogs look in both themes, in pixels."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QColor, QIcon, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

from app.widgets.theme import ThemeColors
from tests.gui.audit import contrast, max_contrast

_ARROWS = ("toParentButton", "backButton", "forwardButton")  # Qt's names of the file dialog's buttons


def draw_entry(menu: QMenu, entry: QAction) -> QImage:
    """Draw an entry of an open menu, without the menu's border."""
    return menu.grab(menu.actionGeometry(entry).adjusted(1, 1, -1, -1)).toImage()


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_the_entry_of_a_menu_below_the_pointer_can_be_read_and_is_marked(
    apply_theme: Callable[[str], ThemeColors], qtbot: Any, choice: str
) -> None:
    colors = apply_theme(choice)
    menu = QMenu()
    qtbot.addWidget(menu)
    plain = menu.addAction("Open")
    checked = menu.addAction("Light")
    checked.setCheckable(True)
    checked.setChecked(True)
    submenu = menu.addMenu("Theme")
    submenu.addAction("Dark")
    disabled = menu.addAction("Pause")
    disabled.setEnabled(False)
    menu.popup(QPoint())
    for entry in (plain, checked, submenu.menuAction()):
        usual = draw_entry(menu, entry)
        menu.setActiveAction(entry)
        hovered = draw_entry(menu, entry)
        assert hovered.pixelColor(1, 1) == QColor(colors.accent), entry.text()
        assert usual.pixelColor(1, 1) == QColor(colors.raised), entry.text()
        assert min(map(max_contrast, (usual, hovered))) >= 4.5, entry.text()
    menu.setActiveAction(disabled)
    assert max_contrast(draw_entry(menu, disabled)) >= 4.5
    submenu.close()
    menu.close()


@pytest.mark.parametrize("desktop", ["", "hicolor", "Adwaita"])
def test_the_arrows_of_the_file_dialog_follow_the_theme_whatever_icons_the_desktop_has(
    apply_theme: Callable[[str], ThemeColors], qtbot: Any, desktop: str
) -> None:
    QIcon.setThemeName(desktop)
    for choice in ("light", "dark", "light"):
        colors = apply_theme(choice)
        dialog = QFileDialog()
        qtbot.addWidget(dialog)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        for name in _ARROWS:
            button = dialog.findChild(QToolButton, name)
            assert button is not None
            for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled):
                picture = button.icon().pixmap(button.iconSize(), mode).toImage()
                places = [(x, y) for x in range(picture.width()) for y in range(picture.height())]
                drawn = [picture.pixelColor(*place) for place in places if picture.pixelColor(*place).alpha() > 200]
                assert drawn, (choice, name, mode)
                assert min(contrast(color, QColor(colors.window)) for color in drawn) > 3, (choice, name, mode)
