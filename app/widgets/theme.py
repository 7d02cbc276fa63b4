"""Theme: a light and a dark palette on Qt's Fusion style, one accent color, one unit of spacing.

It follows the system's choice where Qt knows it, else it is light (plain X11). Widgets that paint themselves use
`theme_colors()` and repaint on `theme().changed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetrics, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from app.system.settings_store import open_settings_store

SPACING = 8  # pixels; distances are this, half of it, or a multiple
CHOICES = ("system", "light", "dark")
_ICON_THEME = "wqv-upscale-trainer"  # without a folder: Qt looks for its icons only where a theme has a name


@dataclass(frozen=True)
class ThemeColors:
    """Colors of a palette, as #rrggbb."""

    window: str
    base: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    success: str
    error: str
    warning: str
    series: tuple[str, ...]


LIGHT = ThemeColors(
    window="#f4f5f7",
    base="#ffffff",
    raised="#fbfbfc",
    border="#d3d8e0",
    text="#1c2430",
    muted="#5d6878",
    accent="#2563c9",
    accent_hover="#1d52ab",
    on_accent="#ffffff",
    success="#1b7a47",
    error="#b3261e",
    warning="#8a5a00",
    series=("#2563c9", "#b4540a", "#1b7a47", "#8e3fa8", "#1c2430"),
)
DARK = ThemeColors(
    window="#191c21",
    base="#121418",
    raised="#21252c",
    border="#383e48",
    text="#e7eaee",
    muted="#9aa4b2",
    accent="#6ea4ff",
    accent_hover="#8cb7ff",
    on_accent="#0d1624",
    success="#63cf95",
    error="#ff8f86",
    warning="#e8b95a",
    series=("#6ea4ff", "#f2a65a", "#63cf95", "#cf94e8", "#e7eaee"),
)

_MIN_SIZE, _MAX_SIZE = 10, 16  # points; between these limits the user's size applies
_MIN_HEIGHT = 18  # pixels of a line of text in a field or a button

_SHEET = Template("""
QWidget { font-size: ${size}pt; }
QToolTip { color: $text; background: $raised; border: 1px solid $border; padding: 4px; }
QLabel[role="title"] { font-size: ${title}pt; font-weight: 600; }
QLabel[role="subtitle"] { font-size: ${subtitle}pt; font-weight: 600; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="error"] { color: $error; }
QLabel[role="success"] { color: $success; }
QFrame[role="card"] { background: $raised; border: 1px solid $border; border-radius: 8px; }
QFrame[role="card"][dragged="true"] { border: 1px solid $accent; background: $base; }
QFrame[role="line"] { background: $border; border: none; max-height: 1px; min-height: 1px; }
QLineEdit, QAbstractSpinBox { background: $base; border: 1px solid $border; border-radius: 5px; padding: 4px 7px;
    min-height: ${line}px; }
QLineEdit:focus, QAbstractSpinBox:focus { border: 1px solid $accent; }
QLineEdit[invalid="true"] { border: 1px solid $error; }
QLineEdit:disabled, QAbstractSpinBox:disabled { color: $muted; background: $window; }
QAbstractSpinBox { max-height: ${line}px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { subcontrol-origin: border; width: 20px; border: none; }
QAbstractSpinBox::up-button { subcontrol-position: top right; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; }
QAbstractSpinBox::up-arrow { image: url("$up"); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: url("$arrow"); width: 10px; height: 10px; }
QComboBox { background: $raised; border: 1px solid $border; border-radius: 5px; padding: 4px 8px;
    min-height: ${line}px; combobox-popup: 0; /* a list, which can be styled, instead of a menu */ }
QComboBox:hover, QComboBox:focus { border-color: $accent; }
QComboBox:disabled { color: $muted; background: $window; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url("$arrow"); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $base; border: 1px solid $border; outline: 0; padding: 3px;
    selection-background-color: $accent; selection-color: $on_accent; }
QComboBox QAbstractItemView::item { min-height: ${row}px; padding: 0 4px; }
QCheckBox { spacing: 6px; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $muted; border-radius: 3px; background: $base; }
QCheckBox::indicator:hover { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url("$tick"); }
QCheckBox::indicator:focus { border: 2px solid $text; width: 12px; height: 12px; }
QCheckBox::indicator:disabled { border-color: $border; background: $window; }
QCheckBox::indicator:checked:disabled { background: $muted; border-color: $muted; }
QPushButton { background: $raised; border: 1px solid $border; border-radius: 5px; padding: 5px 12px;
    min-height: ${line}px; }
QPushButton:hover { border-color: $accent; }
QPushButton:focus { border: 1px solid $accent; }
QPushButton:pressed { background: $border; }
QPushButton:disabled { color: $muted; background: $window; }
QPushButton:checked { background: $accent; color: $on_accent; border-color: $accent; }
QPushButton:checked:disabled { background: $border; color: $muted; border-color: $border; }
QPushButton:checked:focus { border: 2px solid $text; padding: 4px 11px; }
QPushButton[role="primary"] { background: $accent; color: $on_accent; border-color: $accent;
    font-weight: 600; padding: 7px 16px; }
QPushButton[role="primary"]:hover { background: $accent_hover; border-color: $text; }
QPushButton[role="primary"]:focus { background: $accent_hover; border: 2px solid $text; padding: 6px 15px; }
QPushButton[role="primary"]:disabled { background: $border; color: $muted; border-color: $border; }
QPushButton[role="secondary"] { font-weight: 600; padding: 7px 16px; }
QPushButton[role="segment"] { padding: 5px 3px; }
QPushButton[role="segment"]:checked:focus { padding: 4px 2px; }
QPushButton[role="line"] { background: transparent; border: 1px solid transparent; text-align: left;
    padding: 1px 4px 1px 0; }
QPushButton[role="line"][emphasized="true"] { color: $error; font-weight: 600; }
QPushButton[role="line"]:hover { background: $border; }
QPushButton[role="line"]:focus { border-color: $accent; }
QPushButton[role="link"] { background: transparent; border: 1px solid transparent; color: $accent;
    padding: 0 4px; min-height: 0; }
QPushButton[role="link"]:hover { text-decoration: underline; }
QPushButton[role="link"]:focus { border-color: $accent; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; /* the system's do not follow the theme */ }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 5px; padding: 3px; }
QToolButton:hover { background: $border; }
QToolButton:focus { border-color: $accent; }
QToolButton[role="fold"] { font-weight: 600; text-align: left; padding: 5px 0; }
QProgressBar { background: $border; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 4px; margin: 1px; }
QScrollBar::handle:vertical { min-height: 30px; }
QScrollBar::handle:horizontal { min-width: 30px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::handle:disabled { background: transparent; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QTabWidget::pane { border: none; border-top: 1px solid $border; }
QTabBar { qproperty-drawBase: 0; }
QTabBar::tab { padding: 7px 14px; border: none; border-bottom: 2px solid transparent; color: $muted;
    background: transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:focus { color: $accent; }
QTableView { background: $base; border: 1px solid $border; border-radius: 5px; outline: 0;
    selection-background-color: $accent; selection-color: $on_accent; }
QTableView::item { padding: 0 3px; }
QHeaderView { background: transparent; }
QHeaderView::section { background: $base; color: $muted; border: none; border-bottom: 1px solid $border;
    padding: 4px 6px; }
QPlainTextEdit { background: $base; border: 1px solid $border; border-radius: 5px; }
QMenu { background: $raised; border: 1px solid $border; }
QMenu::item:selected { background: $accent; color: $on_accent; /* without it Qt changes the color only */ }
QStatusBar { border-top: 1px solid $border; }
QStatusBar::item { border: none; }
QSplitter::handle { background: $window; }
""")


class Theme(QObject):
    """Current palette and font size, and the user's choice of palette."""

    changed = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self.choice = str(open_settings_store().value("theme", "system"))
        application.styleHints().colorSchemeChanged.connect(lambda scheme: self._apply())
        self.colors = LIGHT
        self.font_size = _MIN_SIZE  # points
        self._apply()

    def set_choice(self, choice: str) -> None:
        """Apply and save the choice "system", "light" or "dark"."""
        self.choice = choice
        open_settings_store().setValue("theme", choice)
        self._apply()

    def _apply(self) -> None:
        system_dark = self._application.styleHints().colorScheme() == Qt.ColorScheme.Dark
        dark = self.choice == "dark" or (self.choice == "system" and system_dark)
        self.colors = DARK if dark else LIGHT
        self._application.setPalette(_make_palette(self.colors))
        icons = Path(str(resources.files("resources") / "icons"))
        arrow, up, tick = (
            (icons / f"{name}_{'dark' if dark else 'light'}.svg").as_posix() for name in ("choose", "raise", "tick")
        )
        QIcon.setThemeName(_ICON_THEME)  # the desktop's icons, and Qt's own arrows in the file dialog, may be black
        QIcon.setFallbackSearchPaths([str(icons / "dialogs_dark")] if dark else [])
        self.font_size = size = min(max(_MIN_SIZE, round(_font_points(self._application.font()))), _MAX_SIZE)
        line = max(_MIN_HEIGHT, QFontMetrics(self.font()).height())
        sheet = _SHEET.substitute(
            vars(self.colors),
            arrow=arrow,
            up=up,
            tick=tick,
            size=size,
            title=round(1.7 * size),
            subtitle=round(1.4 * size),
            line=line,
            row=line + SPACING // 2,
        )
        self._application.setStyleSheet(sheet)
        self.changed.emit()

    @contextmanager
    def unstyled(self) -> Iterator[None]:
        """Style the widgets that are made inside once, at the end.

        Otherwise Qt styles a group of widgets again for each widget that it is put into.
        """
        sheet = self._application.styleSheet()
        self._application.setStyleSheet("")
        try:
            yield
        finally:
            self._application.setStyleSheet(sheet)

    def font(self) -> QFont:
        """Return the font of plain text, for drawing outside of widgets."""
        font = QFont(self._application.font())
        font.setPointSize(self.font_size)
        return font


_theme: Theme | None = None


def install_theme(application: QApplication) -> Theme:
    """Apply the theme to the application; a second call returns the installed theme."""
    global _theme
    if _theme is None:
        application.setStyle("Fusion")
        _theme = Theme(application)
    return _theme


def theme() -> Theme:
    """Return the installed theme."""
    assert _theme is not None, "call install_theme first"
    return _theme


def scale_width(pixels: int) -> int:
    """Scale a width in pixels from the smallest font size to the user's font size."""
    return round(pixels * theme().font_size / _MIN_SIZE)


def theme_colors() -> ThemeColors:
    """Return the current colors."""
    return theme().colors


def _font_points(font: QFont) -> float:
    """Return the size of a font in points, also if it is set in pixels."""
    return font.pointSizeF() if font.pointSizeF() > 0 else QFontInfo(font).pointSizeF()


def _make_palette(c: ThemeColors) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: c.window,
        QPalette.ColorRole.WindowText: c.text,
        QPalette.ColorRole.Base: c.base,
        QPalette.ColorRole.AlternateBase: c.raised,
        QPalette.ColorRole.Text: c.text,
        QPalette.ColorRole.Button: c.raised,
        QPalette.ColorRole.ButtonText: c.text,
        QPalette.ColorRole.BrightText: c.error,
        QPalette.ColorRole.Link: c.accent,
        QPalette.ColorRole.Highlight: c.accent,
        QPalette.ColorRole.HighlightedText: c.on_accent,
        QPalette.ColorRole.ToolTipBase: c.raised,
        QPalette.ColorRole.ToolTipText: c.text,
        QPalette.ColorRole.PlaceholderText: c.muted,
        QPalette.ColorRole.Mid: c.border,
        QPalette.ColorRole.Dark: c.border,
    }
    palette = QPalette()
    for role, color in roles.items():
        palette.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(c.muted))
    return palette
