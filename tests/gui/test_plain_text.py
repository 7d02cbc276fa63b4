"""Names and texts of files are shown as they are: no markup, no shortcuts, no control characters."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QTextDocument
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QLabel, QMessageBox, QToolTip, QWidget

from app.form.checklist import ChecklistLine
from app.system.crash_log import CrashLog
from app.widgets.cards import MessageStrip
from app.widgets.elided import ElidedLabel
from app.widgets.errors import ErrorDialog, ErrorReport
from app.widgets.plain_text import TOOLTIP_WIDTH, PlainLabel, button_text, keep_units, plain_tooltip, visible
from app.widgets.questions import ask_question
from app.window import Window

ROOT = Path(__file__).parents[2]
NAMES = [
    "<b>x</b>.png",
    "<img src=file:///etc/passwd>.png",
    "a &lt;b & c.png",
    "<!-- x -->",
    "a\x1b[2J\u202egnp.\udce9",
]


def shown(text: str) -> str:
    """What Qt shows for a text whose format it finds out itself, as in a tooltip."""
    if not GuiQt.mightBeRichText(text):
        return text
    document = QTextDocument()
    document.setHtml(text)
    return document.toPlainText()


@pytest.mark.parametrize("name", NAMES)
def test_tooltips_show_names_as_they_are(name: str, qapp: Any) -> None:
    assert shown(plain_tooltip(name)) == visible(name)
    assert shown(plain_tooltip(f"{name}\nClick to compare")) == f"{visible(name)}\nClick to compare"


@pytest.mark.parametrize(
    "text",
    [
        "one word after the other, " * 20,
        "first line\n\n" + "and a long  second one with some  double spaces " * 4,
        "/home/somebody/" + "a folder with a long name/" * 10 + "photo.png",
        "C:\\Users\\somebody\\" + "folder_without_spaces\\" * 10 + "photo.png",
        "https://example.org/" + "x" * 300,
    ],
)
def test_a_long_tooltip_is_wrapped_and_loses_no_word(text: str, qapp: Any) -> None:
    wrapped = plain_tooltip(text)
    assert max(map(len, wrapped.split("\n"))) <= TOOLTIP_WIDTH
    assert "".join(wrapped.split()) == "".join(text.split())
    assert wrapped.count("\n\n") == text.count("\n\n")


def test_a_tooltip_breaks_between_words_and_behind_the_separators_of_a_path() -> None:
    words = "".join(f"{number} " for number in range(100, 130))
    assert plain_tooltip(words).split("\n")[0] == " ".join(map(str, range(100, 118)))
    folders = "/" + "/".join(map(str, range(100, 130)))
    assert plain_tooltip(folders).split("\n")[0] == "/" + "".join(f"{number}/" for number in range(100, 117))


def test_a_number_and_its_unit_stay_in_one_line() -> None:
    assert keep_units("1 to 99 %) of 3 models, 2.5 GB.") == "1 to 99\u00a0%) of 3 models, 2.5\u00a0GB."


def test_no_tooltip_of_the_window_is_wider_than_a_page_of_a_book(window: Window) -> None:
    metrics = QFontMetrics(QToolTip.font())
    tips = {widget.toolTip() for widget in window.findChildren(QWidget)}
    assert any(tip.startswith("A quick try shows") and "\n" in tip for tip in tips)
    assert max(metrics.size(0, tip).width() for tip in tips) < 45 * metrics.height()


@pytest.mark.parametrize("name", NAMES)
def test_labels_buttons_and_dialogs_show_names_as_they_are(name: str, qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    label, elided, line, strip = PlainLabel(name), ElidedLabel(), ChecklistLine(), MessageStrip()
    elided.set_text(name)
    line.set_text(name)
    strip.show_message("error", f"{name} cannot be used.")
    for widget in (label, elided, line, strip):
        qtbot.addWidget(widget)
        widget.resize(900, 40)
    assert label.text() == visible(name) and elided.full_text == visible(name)
    assert line.text().replace("&&", "&") == visible(name)
    dialog = ErrorDialog(ErrorReport("Not used", name, name, name), window)
    texts = [*strip.findChildren(QLabel), *dialog.findChildren(QLabel)]
    assert all(found.textFormat() is Qt.TextFormat.PlainText for found in texts if found.text())
    box = ask_question(window, f"Unpin {name}?", f"{name} is deleted.", [("Unpin", lambda: None)])
    assert shown(box.informativeText()) == f"{visible(name)} is deleted."
    assert shown(box.text()) == f"Unpin {visible(name)}?"
    box.close()
    assert button_text("a & b") == "a && b" and isinstance(box, QMessageBox)


def test_reports_and_the_crash_log_hold_no_control_characters(tmp_path: Path) -> None:
    report = ErrorReport("Not used", "a\x1b[2J.png", "", "Traceback\n  b\u202e.png").format_text()
    assert r"a\x1b[2J.png" in report and "Traceback\n  b\\u202e.png" in report
    CrashLog(tmp_path).add_entry("a\x1b[2J.png\nb")
    assert all(c.isprintable() or c == "\n" for c in (tmp_path / "errors.log").read_text("utf-8"))


def test_no_other_label_tooltip_or_message_box_gets_text_from_files() -> None:
    found = []
    for path in ROOT.glob("app/**/*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        constants = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func).rpartition(".")[2]
            is_rich = path.name == "chart.py" and ast.unparse(call) in ("QLabel()", "QLabel(self)")  # it escapes names
            is_made = name in ("QLabel", "QMessageBox") and path.name not in ("plain_text.py", "questions.py")
            is_raw_tip = name == "setToolTip" and not _is_short_or_passes(call.args[0], constants)
            if (is_made and not is_rich and path.name != "errors.py") or is_raw_tip:
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}")
    assert found == []


def _is_short_or_passes(argument: ast.expr, constants: dict[str, ast.expr]) -> bool:
    known = constants.get(ast.unparse(argument), argument)
    if isinstance(known, ast.Constant):
        return len(str(known.value)) <= TOOLTIP_WIDTH
    return isinstance(argument, ast.Call) and ast.unparse(argument.func) == "plain_tooltip"
