"""Drives a window as a user would, and finds what a user sees in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPlainTextEdit, QTabWidget, QWidget

from app.form.group import FoldedGroup
from app.preview.panel import PreviewPanel
from app.window import Window
from tests.small_runs import TINY


def close_window(window: Window, qtbot: Any) -> None:
    """Close a window, even during a training, and wait until its training thread has ended."""
    window.close_at_once()
    qtbot.waitUntil(lambda: not window.session.is_active and not window.training.isRunning(), timeout=240_000)
    window.close()
    window.deleteLater()


def flush_deferred_deletes() -> None:
    """Delete now what `deleteLater` was called for."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QApplication.processEvents()


def is_quiet(window: Window) -> bool:
    """Whether nothing waits to be drawn, measured or read a moment later."""
    waiting = [t for t in window.findChildren(QTimer) if t.isActive() and t.isSingleShot() and t.interval() < 5000]
    return not waiting and not window.project.background.is_busy


def wait_until_quiet(window: Window, qtbot: Any) -> None:
    """Wait until the training thread has answered and the window is quiet: what it shows now lasts."""
    answered: list[None] = []
    window.training.submit(lambda: None, answered.append, lambda error: None)
    qtbot.waitUntil(lambda: bool(answered) and is_quiet(window), timeout=240_000)


def fill_form(window: Window, photos: Path, workspace: Path, **more: object) -> None:
    """Enter the settings of a tiny training."""
    for name, value in {**TINY, **more}.items():
        window.project.set_value(name, value)
    window.project.set_path("source_dir", str(photos))
    window.project.set_path("workspace", str(workspace))


def find_named(root: QWidget, name: str) -> QWidget:
    """Find the widget with this accessible name; fail unless there is exactly one."""
    found = [widget for widget in root.findChildren(QWidget) if widget.accessibleName() == name]
    assert len(found) == 1, f"{len(found)} widgets named {name!r}"
    return found[0]


def visible_text(root: QWidget) -> str:
    """Return all visible texts below `root`, one a line."""
    labels = [label.text() for label in root.findChildren(QLabel) if label.isVisible()]
    return "\n".join([*labels, *(edit.toPlainText() for edit in root.findChildren(QPlainTextEdit) if edit.isVisible())])


def unwrapped(tooltip: str) -> str:
    """Return the text of a tooltip in one line."""
    return " ".join(tooltip.split())


def find_tabs(window: Window) -> QTabWidget:
    """Find the tabs with the views of a run."""
    tabs = find_named(window, "Views of the run")
    assert isinstance(tabs, QTabWidget)
    return tabs


def listed_previews(panel: PreviewPanel) -> list[str]:
    """List the names of the pictures that can be chosen in the previews."""
    return [panel.picture_box.itemText(place) for place in range(panel.picture_box.count())]


def shown_step(panel: PreviewPanel) -> int:
    """Return the step of the preview that is shown, -1 without one."""
    return panel.view.pictures.step if panel.view.pictures else -1


def answer(window: Window, qtbot: Any, label: str) -> None:
    """Wait for the question and click the answer with this label."""
    qtbot.waitUntil(lambda: any(box.isVisible() for box in window.findChildren(QMessageBox)), timeout=240_000)
    box = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    qtbot.mouseClick(next(b for b in box.buttons() if b.text() == label), Qt.MouseButton.LeftButton)


def drop_files(onto: QWidget, *paths: Path, place: QPoint | None = None) -> None:
    """Drop files in the middle of a widget, or at `place` in it, as the desktop does; they must be accepted."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    place = onto.rect().center() if place is None else place
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(place, action, data, button, keys)
    QApplication.sendEvent(onto, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(onto, QDropEvent(QPointF(place), action, data, button, keys))


def show_tab(window: Window, title: str) -> None:
    """Show the tab with this title."""
    tabs = find_tabs(window)
    titles = [tabs.tabText(place) for place in range(tabs.count())]
    tabs.setCurrentIndex(titles.index(title))


def unfold_groups(window: Window) -> None:
    """Show all settings of the form."""
    groups = window.form.findChildren(FoldedGroup)
    assert groups
    for group in groups:
        group.set_open(True)
