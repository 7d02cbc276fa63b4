"""The help: the manual without a network, its glossary, and the sheet of all shortcuts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QWidget

import resources
from app.help import sections
from app.help.manual import ManualWindow
from app.help.pages import PAGES, find_page, read_page
from app.help.shortcuts import ShortcutSheet
from app.run.queue_dialog import QueueDialog
from app.widgets.theme import theme_colors
from app.window import Window
from tests.gui.window_driver import find_tabs, show_tab, visible_text


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pages of an installed program, without a repository around them."""
    folder = tmp_path / "resources" / "help"
    folder.mkdir(parents=True)
    for name in ("docs/manual.md", "GLOSSARY.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((resources.help_folder() / name).read_bytes())
    monkeypatch.setattr(resources, "_FOLDER", folder.parent)
    return folder


def press(window: Window, qtbot: Any, keys: str) -> None:
    """Press the keys of a shortcut while a text field has the focus."""
    window.activateWindow()
    window.form.focus_setting("source_dir")
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    pressed = QKeySequence(keys)[0]  # type: ignore[index]  # PySide's stubs lack it
    qtbot.keyClick(field, pressed.key(), pressed.keyboardModifiers())


def manual_of(window: Window, qtbot: Any) -> ManualWindow:
    qtbot.waitUntil(lambda: any(found.isVisible() for found in window.findChildren(ManualWindow)))
    found = window.findChild(ManualWindow)
    assert isinstance(found, ManualWindow)
    return found


def test_f1_opens_the_manual_from_the_window_that_enlarges_photos(window: Window, qtbot: Any) -> None:
    window.deployment.open_enlarging()
    qtbot.waitUntil(lambda: window.deployment.trial_dialog is not None and window.deployment.trial_dialog.isVisible())
    dialog = window.deployment.trial_dialog
    assert dialog is not None
    dialog.activateWindow()
    qtbot.keyClick(dialog, Qt.Key.Key_F1)
    assert manual_of(window, qtbot).isVisible()


def test_f1_opens_the_manual_from_a_text_field(window: Window, qtbot: Any) -> None:
    press(window, qtbot, "F1")
    manual = manual_of(window, qtbot)
    text = manual.browser.toPlainText()
    assert "Warm start or resume?" in text and "**" not in text and "```" not in text
    sections = [manual.sections.item(row).text().strip() for row in range(manual.sections.count())]
    assert sections == re.findall(r"^###? (.+)$", resources.manual_path().read_text("utf-8"), re.MULTILINE)
    manual.browser.go_to("The window")
    assert manual.sections.currentItem().text() == "The window"
    for section in ("Running", "When the disk is full or lost", sections[-1]):
        item = manual.sections.item(sections.index(section))
        assert item.text().startswith(" ") == (section == "When the disk is full or lost")
        manual.sections.itemClicked.emit(item)
        assert manual.sections.currentItem() is item
        assert first_line(manual) == section or section == sections[-1]


def first_line(manual: ManualWindow) -> str:
    """The text at the top of the page as it is scrolled."""
    return manual.browser.cursorForPosition(manual.browser.viewport().rect().topLeft()).block().text()


def test_the_glossary_is_a_section_of_the_manual(window: Window, qtbot: Any) -> None:
    action(window, "Glossary").trigger()
    manual = manual_of(window, qtbot)
    bar, text = manual.browser.verticalScrollBar(), manual.browser.toPlainText()
    assert bar.value() > 0 and "warm start" in text.split("\nGlossary\n")[1]


def action(window: Window, text: str) -> QAction:
    return next(found for found in window.menuBar().findChildren(QAction) if found.text().replace("&", "") == text)


def test_an_installed_program_shows_its_own_pages_without_dead_links(
    installed: Path, window: Window, qtbot: Any
) -> None:
    assert resources.manual_path() == installed / "docs" / "manual.md"
    text = read_page(resources.manual_path())
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    pages = [link for link in links if link and "://" not in link]
    assert pages and [link for link in pages if find_page(resources.manual_path(), link) is None] == []
    assert "![" not in text and "[options.md]" not in text
    assert "options.md" in text, "the text of the link stays"
    action(window, "Manual").trigger()
    manual_of(window, qtbot).browser.anchorClicked.emit(QUrl("../GLOSSARY.md"))
    assert "Not that" in manual_of(window, qtbot).browser.toPlainText()


def test_links_lead_to_pages_sections_and_the_web(window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda link: opened.append(link.toString()))
    action(window, "Manual").trigger()
    manual = manual_of(window, qtbot)
    manual.browser.anchorClicked.emit(QUrl("options.md"))
    assert "--max-minutes" in manual.browser.toPlainText()
    manual.browser.anchorClicked.emit(QUrl("manual.md#sharper-pictures"))
    assert first_line(manual) == "Sharper pictures"
    manual.browser.anchorClicked.emit(QUrl("#watching"))
    assert first_line(manual) == "Watching"
    manual.browser.anchorClicked.emit(QUrl("https://example.org/a"))
    assert opened == ["https://example.org/a"]
    for missing in ("missing.md", "../run.py"):
        manual.browser.anchorClicked.emit(QUrl(missing))
    assert first_line(manual) == "Watching"


def test_the_window_offers_every_document_and_selects_the_shown_one(window: Window, qtbot: Any) -> None:
    action(window, "Manual").trigger()
    manual = manual_of(window, qtbot)
    manual.show_manual()
    for row, (title, place) in enumerate(PAGES):
        manual.pages.setCurrentIndex(row)
        manual.pages.activated.emit(row)
        text = (resources.help_folder() / place).read_text("utf-8")
        assert first_line(manual) == text.partition("\n")[0].lstrip("# "), title
        assert manual.browser.verticalScrollBar().value() == 0 and manual.pages.currentText() == title
    manual.browser.anchorClicked.emit(QUrl("09-speed-on-processors.md"))  # on the page of the decisions
    assert "bf16" in first_line(manual) and manual.pages.currentIndex() == -1
    manual.browser.anchorClicked.emit(QUrl("../architecture.md"))
    assert manual.pages.currentText() == "Architecture"


def test_the_links_between_the_documents_lead_to_documents() -> None:
    for _, place in PAGES:
        page = resources.help_folder() / place
        links = {
            link.partition("#")[0] for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)", page.read_text("utf-8"))
        }
        pages = [link for link in links if link.endswith(".md") and "://" not in link]
        assert [link for link in pages if find_page(page, link) is None] == []


def test_pictures_fit_into_the_page(window: Window, qtbot: Any) -> None:
    action(window, "Manual").trigger()
    manual = manual_of(window, qtbot)
    assert manual.browser.loadResource(2, QUrl("screenshots/resume.png")).width() == 680
    assert manual.browser.loadResource(2, QUrl("screenshots/missing.png")) is None


@pytest.fixture
def sheet(window: Window) -> Iterator[ShortcutSheet]:
    made = ShortcutSheet(window)
    made.show()
    yield made
    made.reject()
    made.deleteLater()


def test_the_sheet_lists_every_shortcut_of_the_menus_and_the_keys_of_the_views(
    window: Window, sheet: ShortcutSheet
) -> None:
    shown = visible_text(sheet).split("\n")
    native = QKeySequence.SequenceFormat.NativeText
    actions = [a for menu in window.menuBar().findChildren(QMenu) for a in menu.actions() if not a.shortcut().isEmpty()]
    assert len(actions) > 12
    missing = [a.text() for a in actions if a.shortcut().toString(native) not in shown]
    assert missing == []
    assert "Start training" in shown and not any("&" in line for line in shown)
    assert any("S slider" in line for line in shown)
    assert any("← left is better" in line for line in shown)


def test_the_sheet_opens_by_its_own_shortcut(window: Window, qtbot: Any) -> None:
    press(window, qtbot, "Shift+F1")
    qtbot.waitUntil(lambda: any(found.isVisible() for found in window.findChildren(ShortcutSheet)))
    for found in window.findChildren(ShortcutSheet):
        found.reject()


def test_a_word_is_found_in_the_manual_and_its_hits_are_gone_through(window: Window, qtbot: Any) -> None:
    action(window, "Manual").trigger()
    manual = manual_of(window, qtbot)
    manual.show_manual()  # from its beginning
    field, count, text = manual.find_bar.field, manual.find_bar.count, manual.browser.toPlainText()
    total = text.lower().count("learning rate")
    assert total > 1
    manual.activateWindow()
    qtbot.waitUntil(manual.isActiveWindow)
    manual.browser.setFocus()
    qtbot.keyClick(manual.browser, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClicks(field, "LEARNING rate")
    assert count.text() == f"1 of {total}"
    first = manual.browser.verticalScrollBar().value()
    assert first > 0 and len(manual.browser.extraSelections()) == total
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert count.text() == f"2 of {total}"
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert count.text() == f"{total} of {total}" and manual.browser.verticalScrollBar().value() > first
    qtbot.keyClicks(field, "x")
    assert count.text() == "Not found" and not manual.browser.extraSelections()
    assert field.property("invalid") and count.property("role") == "error"
    field.clear()
    assert count.text() == "" and not field.property("invalid")


def test_a_search_without_a_hit_stays_where_it_began(window: Window, qtbot: Any) -> None:
    action(window, "Manual").trigger()
    manual = manual_of(window, qtbot)
    manual.show_manual("Running")
    bar = manual.browser.verticalScrollBar()
    before, places = bar.value(), set()
    for length in range(1, 8):
        manual.find_bar.field.setText("trayqqq"[:length])
        places.add(bar.value())
    assert len(places) > 1 and manual.find_bar.count.text() == "Not found" and bar.value() == before


def test_the_lines_of_tables_have_the_color_of_borders(window: Window, qtbot: Any) -> None:
    action(window, "Glossary").trigger()
    frames = manual_of(window, qtbot).browser.document().rootFrame().childFrames()
    colors = {frame.format().toTableFormat().borderBrush().color().name() for frame in frames}
    assert colors == {theme_colors().border}


def shown_line(manual: ManualWindow) -> str:
    """The line at the upper edge of the shown part."""
    return manual.browser.cursorForPosition(QPoint(100, 8)).block().text()


def test_f1_opens_the_manual_where_it_explains_what_has_the_focus(window: Window, qtbot: Any) -> None:
    press(window, qtbot, "F1")
    manual = manual_of(window, qtbot)
    assert shown_line(manual) == "Running"
    manual.close()
    window.show_run(True)
    tabs = find_tabs(window)
    for title, section in (("Progress", "Watching"), ("What the watch sees", "Your own watch")):
        show_tab(window, title)
        window.activateWindow()
        tabs.tabBar().setFocus()
        qtbot.waitUntil(tabs.tabBar().hasFocus)
        action(window, "Manual").trigger()
        assert shown_line(manual) == section
        manual.close()
    window.controller.show_queue()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), QueueDialog))
    action(window, "Manual").trigger()
    assert shown_line(manual).startswith("Several trainings.")


def test_f1_opens_the_chapter_on_the_window_where_nothing_else_is_explained() -> None:
    assert sections.find_section(None) == sections.find_section(QWidget()) == "The window"


def test_every_section_that_f1_opens_is_in_the_manual() -> None:
    text = resources.manual_path().read_text("utf-8")
    names = {value for name, value in vars(sections).items() if name.isupper() and not name.startswith("_")}
    assert len(names) == 8
    assert [name for name in sorted(names) if f"## {name}\n" not in text and f"**{name}.**" not in text] == []
