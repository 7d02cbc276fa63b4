"""The queue of trainings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QAction

from app.run.queue import RunQueue
from app.run.queue_addition import QueueAddition
from app.run.queue_dialog import QueueDialog
from app.start import make_window
from app.system.settings_store import open_settings_store
from app.window import Window
from tests.core.networks import network_of, saved
from tests.gui.audit import find_cut_texts
from tests.gui.test_accessibility import nameless
from tests.gui.test_deploy import click
from tests.gui.window_driver import close_window, fill_form, flush_deferred_deletes, wait_until_quiet
from tests.small_runs import TINY, make_photos
from trainer_core.model.spec import NetworkSpec
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.stored import SCHEMA_VERSION
from trainer_core.sinks.journal import read_journal

_LONG = 240_000  # milliseconds; a busy machine needs them


def add(window: Window, qtbot: Any, photos: Path, workspace: Path, **settings: Any) -> None:
    fill_form(window, photos, workspace, steps=2, **settings)
    qtbot.waitUntil(lambda: window.project.is_ready and window.project.workspace is not None, timeout=_LONG)
    window.controller.queue.add_present()


def is_complete(workspace: Path) -> bool:
    return any(record["event"] == "RunFinished" for record in read_journal(workspace / "journal.jsonl"))


def test_trainings_start_one_after_the_other(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    workspaces = [tmp_path / name for name in ("one", "two")]
    for number, workspace in enumerate(workspaces):
        add(window, qtbot, photos, workspace, seed=number)
    assert [entry.paths["workspace"] for entry in window.controller.queue.entries] == [str(w) for w in workspaces]
    window.controller.queue.start()
    qtbot.waitUntil(lambda: is_complete(workspaces[1]), timeout=_LONG)
    qtbot.waitUntil(lambda: "All trainings of the queue have ended." in window.message_strip.text, timeout=_LONG)
    assert is_complete(workspaces[0]) and not window.controller.queue.is_running
    assert window.controller.queue.entries == []


def test_a_training_that_cannot_start_stays_with_the_reason_and_the_next_one_starts(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    lost = Path(shutil.copytree(photos, tmp_path / "lost"))
    weights = saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "start_x4.pth")
    add(window, qtbot, lost, tmp_path / "one")
    add(window, qtbot, photos, tmp_path / "two", init_weights=str(weights))
    window.project.set_value("init_weights", None)
    add(window, qtbot, photos, tmp_path / "three")
    shutil.rmtree(lost)
    weights.write_bytes(b"no weights")
    window.controller.open_workspace(str(tmp_path / "another"))
    queue = window.controller.queue
    queue.start()
    qtbot.waitUntil(lambda: is_complete(tmp_path / "three"), timeout=_LONG)
    qtbot.waitUntil(lambda: "The queue has ended" in window.message_strip.text, timeout=_LONG)
    assert f"one cannot start: {lost} is missing." in window.message_strip.text
    assert "keeps them. Correct this and start it again" in window.message_strip.text
    assert "two cannot start: " in window.message_strip.text and weights.name in window.message_strip.text
    assert [Path(entry.paths["workspace"]).name for entry in queue.entries] == ["one", "two"]
    assert not queue.is_running
    make_photos(lost)
    window.project.set_value("source_dir", str(photos))
    wait_until_quiet(window, qtbot)
    assert not window.session.is_active, "nothing waits for the settings any longer"
    queue.remove(1)
    queue.start()
    qtbot.waitUntil(lambda: is_complete(tmp_path / "one"), timeout=_LONG)
    qtbot.waitUntil(lambda: "All trainings of the queue have ended." in window.message_strip.text, timeout=_LONG)


def test_a_queue_stops_where_a_training_is_stopped(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    add(window, qtbot, photos, tmp_path / "next")
    fill_form(window, photos, tmp_path / "now", steps=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    window.controller.queue.start()
    qtbot.waitUntil(lambda: window.session.step >= 1, timeout=_LONG)
    assert len(window.controller.queue.entries) == 1, "it waits for the present training"
    window.session.stop()
    qtbot.waitUntil(lambda: "The queue stops" in window.message_strip.text, timeout=_LONG)
    assert not window.session.is_active and len(window.controller.queue.entries) == 1


def test_only_a_complete_form_is_added_and_each_workspace_once(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window.controller.queue.add_present()
    assert "Complete the settings first" in window.message_strip.text
    for _ in range(2):
        add(window, qtbot, photos, tmp_path / "one")
    assert "is in the queue already" in window.message_strip.text
    assert len(window.controller.queue.entries) == 1


def test_the_dialog_lists_starts_and_removes(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(window, qtbot, photos, tmp_path / "one", max_minutes=5)
    queue = window.controller.queue
    dialog = QueueDialog(queue, window)
    dialog.show()
    assert dialog.list.item(0).text().startswith("one: WQV-1, x") and "5 minutes" in dialog.list.item(0).text()
    assert nameless(dialog) == []
    started: list[None] = []
    monkeypatch.setattr(queue, "_start_next", lambda: started.append(None))
    click(qtbot, dialog.start_button)
    assert started and dialog.start_button.text() == "Stop after this training"
    click(qtbot, dialog.start_button)
    assert not queue.is_running
    click(qtbot, dialog.remove_button)
    assert dialog.list.count() == 0 and not dialog.start_button.isEnabled()
    dialog.close()


@pytest.mark.parametrize("stored", ["no JSON", "{}", "[3]"])
def test_a_damaged_queue_is_empty(window: Window, stored: str) -> None:
    open_settings_store().setValue("queue", stored)
    assert window.controller.queue.entries == []


def addition(window: Window, qtbot: Any) -> QueueAddition:
    """The dialog, opened from the menu while a training runs."""
    action = next(a for a in window.menuBar().findChildren(QAction) if a.text() == "Add to &queue …")
    action.trigger()
    dialog = next(found for found in window.findChildren(QueueAddition) if found.isVisible())
    assert nameless(dialog) == [] and find_cut_texts(dialog) == []
    return dialog


def refused(dialog: QueueAddition, qtbot: Any, **places: Path | str) -> str:
    """Press Add with these folders and read why the training is refused."""
    for name, place in places.items():
        dialog.entries[name].show_value(str(place))
    dialog.problem.clear()
    click(qtbot, dialog.add_button)
    qtbot.waitUntil(lambda: bool(dialog.problem.text()), timeout=_LONG)
    return dialog.problem.text()


def test_a_training_is_added_while_another_one_runs_and_has_its_settings(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "now", steps=100000, seed=5)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.step >= 1, timeout=_LONG)
    dialog, queue = addition(window, qtbot), window.controller.queue
    assert dialog.entries["source_dir"].value() == str(photos)
    assert dialog.entries["workspace"].value() == str(tmp_path / "now_2")
    assert "is not a folder" in refused(dialog, qtbot, source_dir=tmp_path / "missing")
    assert "Another training has its results" in refused(dialog, qtbot, source_dir=photos, workspace=tmp_path / "now")
    (tmp_path / "file").write_bytes(b"")
    assert "it is a file" in refused(dialog, qtbot, workspace=tmp_path / "file")
    assert f"no folder {tmp_path / 'missing'}" in refused(dialog, qtbot, workspace=tmp_path / "missing" / "one")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "journal.jsonl").write_bytes(b"")
    assert "There is a run in" in refused(dialog, qtbot, workspace=tmp_path / "old")
    assert queue.entries == []
    dialog.entries["workspace"].show_value(str(tmp_path / "later"))
    click(qtbot, dialog.add_button)
    qtbot.waitUntil(lambda: len(queue.entries) == 1, timeout=_LONG)
    (entry,) = queue.entries
    assert entry.paths == {"source_dir": str(photos), "workspace": str(tmp_path / "later")}
    config = TrainerConfig().replace(**entry.values)
    assert (config.steps, config.seed, config.num_feat) == (100000, 5, TINY["num_feat"])
    assert "It waits until you start the queue" in window.message_strip.text
    queue.start()
    queue._append({"workspace": "next"})
    assert window.message_strip.text.startswith("Added to the queue: next. It starts by itself")
    queue.stop()
    queue.remove(1)
    assert addition(window, qtbot).entries["workspace"].value() == str(tmp_path / "now_2")


def test_a_training_for_the_queue_takes_the_settings_of_a_file(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    dialog = QueueAddition(window.controller.queue, window)
    dialog.show()
    assert "Choose a folder with sharp photos" in refused(dialog, qtbot)
    assert "Choose a folder for the results" in refused(dialog, qtbot, source_dir=photos)
    settings = tmp_path / "mine.json"
    settings.write_text("[]", "utf-8")
    dialog.use_settings(settings)
    assert str(settings) in refused(dialog, qtbot, workspace=tmp_path / "one")
    settings.write_text(json.dumps({"schema": SCHEMA_VERSION, **TINY, "steps": 2, "seed": 9}), "utf-8")
    click(qtbot, dialog.add_button)
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=_LONG)
    window.controller.queue.start()
    qtbot.waitUntil(lambda: is_complete(tmp_path / "one"), timeout=_LONG)
    qtbot.waitUntil(lambda: not window.controller.queue.is_running, timeout=_LONG)
    stored = json.loads((tmp_path / "one" / "training_config.json").read_text("utf-8"))
    assert (stored["seed"], stored["steps"], stored["source_dir"]) == (9, 2, str(photos))


def test_a_canceled_addition_adds_nothing(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    dialog = QueueAddition(window.controller.queue, window)
    dialog.entries["source_dir"].show_value(str(photos))
    dialog.entries["workspace"].show_value(str(tmp_path / "one"))
    dialog.show()
    click(qtbot, dialog.add_button)
    dialog.close()
    qtbot.waitUntil(lambda: not window.project.background.is_busy, timeout=_LONG)
    qtbot.wait(50)
    assert window.controller.queue.entries == []


def test_a_window_that_is_deleted_starts_no_training_of_the_queue(window: Window, qtbot: Any) -> None:
    queue = RunQueue(window.project, window.session, lambda: None, lambda: None)
    started: list[None] = []
    queue._start_next = lambda: started.append(None)  # type: ignore[method-assign]
    queue.is_running, queue._outcome = True, "completed"
    queue._on_ended()
    queue.deleteLater()
    flush_deferred_deletes()
    qtbot.wait(50)
    assert not started
    queue = RunQueue(window.project, window.session, lambda: None, lambda: None)
    queue._start_next = lambda: started.append(None)  # type: ignore[method-assign]
    queue.is_running, queue._outcome = True, "completed"
    queue._on_ended()
    qtbot.waitUntil(lambda: bool(started))


def test_the_queue_is_kept_from_one_window_to_the_next(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    names = ["two", "one", "three"]
    for seed, name in enumerate(names):
        add(window, qtbot, photos, tmp_path / name, seed=seed)
    filled = window.controller.queue.entries
    window.close()
    again = make_window()
    again.show()
    again.start_background_work()
    again.apply_arguments(None)
    entries = again.controller.queue.entries
    assert entries == filled and [Path(entry.paths["workspace"]).name for entry in entries] == names
    dialog = QueueDialog(again.controller.queue, again)
    dialog.show()
    assert [dialog.list.item(row).text().split(":")[0] for row in range(dialog.list.count())] == names
    assert not again.controller.queue.is_running, "it waits until it is started"
    dialog.close()
    close_window(again, qtbot)
