"""Everything can be reached and is named: an audit of the window, its menus and its dialogs, as they stand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAccessible, QAction, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QTextEdit,
    QWidget,
)

from app.form.row import Row
from app.widgets.errors import ErrorReport, show_report
from app.widgets.questions import ask_question
from app.widgets.wording import setting_tooltip
from app.window import Window
from tests.gui.window_driver import fill_form, find_tabs, unfold_groups
from trainer_core.events import RunFinished

_NAME = QAccessible.Text.Name


def open_everything(window: Window) -> None:
    """All groups, cards and views at once."""
    unfold_groups(window)
    window.show_run(True)
    window.message_strip.show_message("info", "Hello")
    window.crash_card.show_crash("Segmentation fault")
    window.result_card.show_result(RunFinished("completed", 4, model="model.pth"), "WQV-Viewer yes")
    window.resume_card.set_content("waiting", "accent", "There is an unfinished run", "")


def nameless(root: QWidget) -> list[str]:
    """What takes the focus, is in sight and has no name for those who cannot see it."""
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or not widget.isVisible():
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        if interface is not None and not interface.text(_NAME):
            found.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    return found


def test_everything_that_takes_the_focus_has_a_name(window: Window) -> None:
    open_everything(window)
    assert nameless(window) == []
    tabs = find_tabs(window)
    for page in range(tabs.count()):
        tabs.setCurrentIndex(page)
        assert nameless(window) == []


def test_the_start_page_has_names(window: Window) -> None:
    window.show_run(False)
    assert nameless(window) == []


def test_the_running_training_has_names(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000, val_interval=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=240_000)
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.step >= 1, timeout=240_000)
    open_everything(window)
    assert nameless(window) == []


def test_dialogs_have_names_a_title_and_a_way_out(window: Window, qtbot: Any) -> None:
    report = show_report(ErrorReport("No", "A cause", "Try again", "details"), window, unfold=True)
    question = ask_question(window, "Really?", "It is gone then.", [("Keep", lambda: None), ("Go", lambda: None)])
    for dialog in (report, question):
        assert dialog.isVisible()
        assert dialog.windowTitle()
        assert nameless(dialog) == []
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()


def test_what_the_menus_open_has_names_a_title_and_a_way_out(
    window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for chooser in ("getOpenFileName", "getOpenFileNames", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, chooser, lambda *a, **k: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: "")
    opened = []
    for action in window.findChildren(QAction):
        if action.text().endswith("…") and action.isEnabled():
            action.trigger()
            qtbot.waitUntil(lambda: not window.project.background.is_busy)
            QApplication.processEvents()
            for dialog in [d for d in window.findChildren(QDialog) if d.isVisible()]:
                opened.append(dialog.windowTitle())
                assert nameless(dialog) == [], dialog.windowTitle()
                qtbot.keyClick(dialog, Qt.Key.Key_Escape)
                assert not dialog.isVisible()
    assert len(opened) >= 3
    assert all(opened)


def test_everything_in_the_menus_has_a_name_and_a_shortcut_and_a_letter_of_its_own(window: Window) -> None:
    everywhere = [key.toString() for action in window.findChildren(QAction) for key in action.shortcuts()]
    tabs = find_tabs(window)
    for page in [tabs.widget(number) for number in range(tabs.count())]:  # one is visible at a time
        assert page is not None
        others = [s for s in window.findChildren(QShortcut) if not is_inside(s.parent(), tabs)]
        keys = Counter([*everywhere, *(s.key().toString() for s in (*others, *page.findChildren(QShortcut)))])
        assert len(keys) > 8
        assert [key for key, count in keys.items() if key and count > 1] == []
    for menu in [*window.menuBar().findChildren(QMenu), window.notifier.menu]:
        texts = [action.text() for action in menu.actions() if not action.isSeparator()]
        assert all(texts)
        letters = Counter(text[text.index("&") + 1].lower() for text in texts if "&" in text)
        assert [letter for letter, count in letters.items() if count > 1] == [], menu.title()


def test_the_tab_key_goes_through_the_form_from_top_to_bottom(window: Window, qtbot: Any) -> None:
    window.project.set_value("steps", 5)  # with a time limit they are gray
    unfold_groups(window)
    QApplication.processEvents()
    window.form.focus_setting("source_dir")
    QApplication.processEvents()
    content = window.form.widget()
    assert content is not None
    heights: list[int] = []
    seen: list[QWidget] = []
    for _ in range(400):
        widget = window.focusWidget()
        if widget is None or widget in seen or not content.isAncestorOf(widget):
            break
        seen.append(widget)
        row = next((part for part in parents(widget, content) if isinstance(part, Row)), widget)
        heights.append(row.mapTo(content, QPoint(0, 0)).y())
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    lines = [row.entry.focusProxy() or row.entry for row in window.form.rows.values()]
    reached = sum(any(line is w or line.isAncestorOf(w) or w.isAncestorOf(line) for w in seen) for line in lines)
    assert reached == len(window.form.rows)
    assert heights == sorted(heights)


def out_of_reach(root: QWidget) -> list[str]:
    """What can be clicked, is in sight, and is not reached by the Tab key."""
    found = []
    for widget in root.findChildren(QWidget):
        if not isinstance(widget, (QLabel, QAbstractButton)) or not widget.isVisible() or not widget.isEnabled():
            continue
        if isinstance(widget, QLabel) and "<a " not in widget.text():
            continue
        by_keyboard = Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        mouse_only = isinstance(widget, QLabel) and not widget.textInteractionFlags() & by_keyboard
        if mouse_only or not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found.append(f"{type(widget).__name__} {widget.text()!r} in {type(widget.parent()).__name__}")
    return found


def test_everything_that_can_be_clicked_is_reached_by_the_tab_key(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    fill_form(window, photos, tmp_path / "run", steps="many")
    qtbot.waitUntil(lambda: "1 unusable" in window.form.rows["source_dir"].note, timeout=240_000)
    assert out_of_reach(window) == []
    open_everything(window)
    tabs = find_tabs(window)
    for page in range(tabs.count()):
        tabs.setCurrentIndex(page)
        assert out_of_reach(window) == []


def test_unusable_files_are_listed_by_keyboard_alone(window: Window, qtbot: Any, photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    window.project.set_path("source_dir", str(photos))
    qtbot.waitUntil(lambda: "1 unusable" in window.form.rows["source_dir"].note, timeout=240_000)
    window.activateWindow()
    window.form.focus_setting("source_dir")
    spoken: list[str] = []
    while "cannot be used" not in "".join(spoken[-1:]) and len(spoken) < 5:
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        spoken.append(QAccessible.queryAccessibleInterface(window.focusWidget()).text(_NAME))
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Space)
    dialog = next(dialog for dialog in window.findChildren(QDialog) if dialog.isVisible())
    assert dialog.accessibleName() == "Unusable files"
    dialog.reject()


def test_every_field_says_first_what_is_wrong_with_it(window: Window) -> None:
    open_everything(window)
    for name in ("steps", "learning_rate", "betas", "batch_size", "workspace"):
        window.project.set_value(name, ("a", "b") if name == "betas" else "many" if name != "workspace" else "\0")
    wrong = window.project.problems
    assert {"steps", "learning_rate", "betas", "batch_size"} <= wrong.keys()
    for name in wrong:
        row = window.form.rows[name]
        for line in row.entry.findChildren(QLineEdit):
            spoken = QAccessible.queryAccessibleInterface(line).text(QAccessible.Text.Description)
            assert spoken.startswith(row.note) and row.note, name
            assert spoken.endswith(setting_tooltip(row.setting, window.project.draft.default(name))), name


def parents(widget: QWidget, root: QWidget) -> list[QWidget]:
    """The widget and what it lies in, up to the root."""
    chain = [widget]
    while (parent := chain[-1].parentWidget()) is not root:
        assert parent is not None
        chain.append(parent)
    return chain


def is_inside(part: QObject | None, widget: QWidget) -> bool:
    """Whether `part` is a widget below `widget`."""
    return isinstance(part, QWidget) and widget.isAncestorOf(part)


@pytest.mark.parametrize("kind", [QLineEdit, QTextEdit, QDialog])
def test_the_audit_finds_what_has_no_name(qtbot: Any, kind: type[QWidget]) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    widget = kind(parent)
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    parent.show()
    widget.show()
    assert any(type(widget).__name__ in line for line in nameless(parent))
