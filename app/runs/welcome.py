"""The page that the window shows before the first run: enlarge photos, train, the demo and the recent workspaces."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.plain_text import PlainLabel, button_text, plain_tooltip
from app.icons import pixmap, set_icon
from app.runs.recent_workspaces import read_recent_workspaces
from app.theme import SPACING, theme, theme_colors

_WIDTH = 520
_ENLARGING = (
    "Choose photos from your watch, look at them enlarged by the built-in models, and save all of them to a folder. "
    "No training is needed."
)
_STEPS = (
    ("folder", "Drop a folder of clean photos anywhere on this window, and choose a workspace for the results."),
    ("preview", "Choose the watch and the scale. The program makes synthetic watch photos from your photos."),
    ("start", "Press Start and see the previews become sharper. You can stop at any time."),
    ("deploy", "Copy the model to WQV-Viewer's models/custom folder, or use it in chaiNNer."),
)


class WelcomePage(QWidget):
    """Page with two doors, enlarging and training, and a button for each recent workspace."""

    enlarging_requested = Signal()
    demo_requested = Signal()
    workspace_chosen = Signal(str)  # path

    def __init__(self) -> None:
        super().__init__()
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._icon_labels: list[tuple[QLabel, str]] = []
        content = QWidget()
        content.setMaximumWidth(_WIDTH)
        self._build(QVBoxLayout(content))
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(content, 100)
        row.addStretch(1)
        theme().changed.connect(self._apply_theme)
        self._apply_theme()
        self.refresh()

    def _build(self, layout: QVBoxLayout) -> None:
        layout.setSpacing(2 * SPACING)
        layout.addStretch(1)
        layout.addWidget(_make_title("Enlarge my watch photos"))
        layout.addLayout(self._make_step("picture", _ENLARGING))
        self.enlarge_button = QPushButton("Enlarge photos …")
        self.enlarge_button.setProperty("role", "primary")
        set_icon(self.enlarge_button, "picture", "on_accent")
        self.enlarge_button.clicked.connect(lambda: self.enlarging_requested.emit())
        layout.addLayout(_make_row(self.enlarge_button))
        layout.addSpacing(2 * SPACING)
        layout.addWidget(_make_title("Train a model for my watch"))
        for icon, text in _STEPS:
            layout.addLayout(self._make_step(icon, text))
        self.demo_button = QPushButton("Try it with built-in scenes")
        set_icon(self.demo_button, "try", "accent")
        self.demo_button.clicked.connect(lambda: self.demo_requested.emit())
        layout.addLayout(_make_row(self.demo_button))
        self._box = QFrame()
        box = QVBoxLayout(self._box)
        box.setContentsMargins(0, SPACING, 0, 0)
        heading = PlainLabel("Recent workspaces")
        heading.setProperty("role", "muted")
        box.addWidget(heading)
        box.addLayout(self._recent)
        layout.addWidget(self._box)
        layout.addStretch(2)

    def _make_step(self, icon: str, text: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * SPACING)
        icon_label = PlainLabel()
        icon_label.setFixedWidth(24)
        self._icon_labels.append((icon_label, icon))
        label = PlainLabel(text)
        label.setWordWrap(True)
        row.addWidget(icon_label, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label, 1)
        return row

    def _apply_theme(self) -> None:
        for icon_label, icon in self._icon_labels:
            icon_label.setPixmap(pixmap(icon, theme_colors().accent, 22))

    def refresh(self) -> None:
        """Show the current list of recent workspaces."""
        while self._recent.count():
            item = self._recent.takeAt(0)
            widget = item.widget() if item else None
            if widget is not None:
                widget.deleteLater()
        paths = read_recent_workspaces()
        for path in paths:
            self._recent.addWidget(self._make_workspace_button(path))
        self._box.setVisible(bool(paths))

    def _make_workspace_button(self, path: Path) -> QPushButton:
        line = QPushButton(button_text(f"{path.name}   {_shorten_path(path.parent)}"))
        line.setProperty("role", "line")
        line.setToolTip(plain_tooltip(str(path)))
        line.setAccessibleName(f"Open workspace {path.name}")
        set_icon(line, "folder", "muted")
        line.clicked.connect(lambda: self.workspace_chosen.emit(str(path)))
        return line


def _make_title(text: str) -> QLabel:
    title = PlainLabel(text)
    title.setProperty("role", "title")
    title.setWordWrap(True)
    return title


def _make_row(button: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(button)
    row.addStretch(1)
    return row


def _shorten_path(path: Path) -> str:
    text = str(path)
    home = str(Path.home())
    text = f"~{text[len(home) :]}" if text.startswith(home) else text
    return text if len(text) <= 48 else f"…{text[-47:]}"
