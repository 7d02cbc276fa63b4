"""What the window decides without Qt and without torch: drafts, checklists, commands, offers, the meaning of a path."""

from __future__ import annotations

import importlib.resources
import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from trainer_core.cli import build_parser
from trainer_core.errors import UserError
from trainer_core.events import Notice, RunFinished, RunStarted, StepDone, Validated, event_from_json, event_to_json
from trainer_core.planning.command_line import format_command
from trainer_core.planning.draft import Draft
from trainer_core.planning.plan import find_run_photos, make_plan
from trainer_core.planning.readiness import ERROR, OK, PENDING, SourceStatus, build_checklist, workspace_problem
from trainer_core.planning.recognition import PathKind, classify_content, classify_path
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.stored import StoredSettings
from trainer_core.settings.stored import settings_to_json as to_settings
from trainer_core.sinks.journal import format_json_line, read_journal
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.other_process import find_training_process
from trainer_core.workspace.unfinished import find_unfinished_run, lost_run_step

ROOT = Path(__file__).resolve().parents[2]


def stored(folder: Path, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "training_config.json").write_text(json.dumps({"schema": 1, **values}), "utf-8")
    return folder


# -- drafts ------------------------------------------------------------------------------------


def test_a_choice_means_what_the_option_means() -> None:
    draft = Draft()
    draft.set("preset", "nano")
    draft.set("batch_size", 8)
    assert draft.given == {"preset": "nano", "batch_size": 8}
    assert (draft.config.num_feat, draft.config.batch_size) == (32, 8)


def test_choosing_a_preset_takes_back_what_belongs_to_it() -> None:
    draft = Draft()
    draft.set("num_feat", 48)
    draft.set("preset", "nano")
    assert draft.config.num_feat == 32


def test_steps_and_a_time_budget_replace_each_other() -> None:
    draft = Draft()
    draft.set("max_minutes", 5.0)
    draft.set("steps", 100)
    assert (draft.config.steps, draft.config.max_minutes) == (100, None)
    draft.set("max_minutes", 5.0)
    assert draft.given == {"max_minutes": 5.0}


def test_a_source_folder_replaces_the_demo_and_an_emptied_one_does_not(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", demo=True, source_dir="/made/scenes")))
    assert draft.given["demo"] is True and "source_dir" not in draft.given
    draft.set("source_dir", "")
    assert draft.config.demo
    draft.set("source_dir", "/photos")
    assert (draft.config.demo, draft.config.source_dir) == (False, "/photos")


def test_a_choice_that_undoes_others_counts_even_if_it_repeats_what_holds(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", preset="nano", num_block=9, max_minutes=5.0, steps=70)))
    draft.set("steps", 70)
    assert draft.given["steps"] == 70 and draft.config.max_minutes is None
    draft.set("preset", "nano")
    assert draft.given["preset"] == "nano" and draft.config.num_block == 4
    draft.set("max_minutes", 5.0)
    assert not {"steps", "max_minutes"} & {*draft.given}, "the workspace has this budget"


def test_a_proposed_preset_gives_way_to_every_choice(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    assert draft.config.num_block == 6
    draft.open_workspace(str(stored(tmp_path / "run", preset="full")))
    assert draft.config.preset == "full"
    draft.set("preset", "nano")
    assert draft.config.preset == "nano"


def test_a_proposed_preset_leaves_a_workspace_s_own_sizes_alone(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    draft.open_workspace(str(stored(tmp_path / "run", num_block=3, batch_size=5)))
    assert (draft.config.num_block, draft.config.batch_size) == (3, 5) and "preset" not in draft.given


def test_a_workspace_brings_its_settings_and_its_photos(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", scale=2, source_dir="/photos")))
    assert (draft.config.scale, draft.config.source_dir) == (2, "/photos")
    other = Draft()
    other.set("source_dir", "/mine")
    other.open_workspace(str(tmp_path / "run"))
    assert other.config.source_dir == "/mine"


def test_reset_goes_to_the_default_not_to_what_is_stored(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", batch_size=3)))
    draft.reset("batch_size")
    assert draft.config.batch_size == 16


def test_unreadable_settings_are_reported_and_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "training_config.json").write_text("{", "utf-8")
    draft = Draft()
    with pytest.raises(UserError, match="cannot be read as JSON"):
        draft.open_workspace(str(tmp_path))
    assert draft.config.workspace == str(tmp_path)


def test_a_value_that_cannot_be_used_is_kept_and_explained() -> None:
    draft = Draft()
    draft.set("batch_size", "many")
    assert "whole number" in draft.problems["batch_size"]
    assert draft.config.batch_size == "many"


def test_the_demo_needs_no_photos(tmp_path: Path) -> None:
    draft = Draft()
    draft.set("scale", 2)
    draft.use_demo(str(tmp_path / "demo"))
    assert draft.given == {"demo": True, "workspace": str(tmp_path / "demo")}
    assert (draft.config.scale, draft.config.preset) == (4, "nano")


# -- the command -------------------------------------------------------------------------------


def test_the_command_gives_the_same_settings_again() -> None:
    given = {
        "source_dir": "my photos",
        "workspace": "runs/a b",
        "scale": 2,
        "monochrome_style": True,
        "amp": False,
        "learning_rate": 1e-3,
        "betas": (0.9, 0.999),
        "max_minutes": None,
        "val_interval": "auto",
    }
    words = shlex.split(format_command(given))
    read = vars(build_parser().parse_args(words[1:]))
    assert {**read, "betas": tuple(read["betas"])} == given


def test_the_demo_s_command_names_only_the_workspace() -> None:
    assert format_command({"demo": True, "workspace": "runs/demo"}) == "wqv-upscale-trainer runs/demo --demo"


def test_missing_places_are_marked_in_the_command() -> None:
    assert format_command({}) == "wqv-upscale-trainer <source_dir> <workspace_dir>"


# -- the checklist -----------------------------------------------------------------------------


def test_the_checklist_says_what_is_missing_and_where(tmp_path: Path) -> None:
    empty = build_checklist(TrainerConfig(), {}, SourceStatus())
    assert [(c.state, c.setting) for c in empty] == [(ERROR, "source_dir"), (ERROR, "workspace"), (OK, "scale")]
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    config = TrainerConfig(source_dir=str(tmp_path), workspace=str(tmp_path / "run"))
    assert build_checklist(config, {}, SourceStatus())[0].state == PENDING
    source = SourceStatus(*find_run_photos(config))
    assert source.summary().startswith("1 photo, 48 px")
    assert [c.state for c in build_checklist(config, {}, source)] == [OK, OK, OK]
    wrong = build_checklist(config, {"batch_size": "too many"}, source)
    assert wrong[-1].text == "too many"
    assert wrong[-1].setting == "batch_size"


def test_a_file_cannot_be_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "a file" in workspace_problem(tmp_path / "file")
    assert "not a folder" in workspace_problem(tmp_path / "file" / "below")
    assert workspace_problem(tmp_path / "new" / "deep") == ""


# -- runs --------------------------------------------------------------------------------------


def begun(folder: Path, *records: object) -> Workspace:
    workspace = Workspace(stored(folder))
    workspace.checkpoints_folder.mkdir()
    (workspace.checkpoints_folder / "scale4_step40.pth").write_bytes(b"")
    lines = [{"event": "RunStarted", "start_step": 0, "total_steps": 100}, {"event": "StepDone", "step": 55}, *records]
    workspace.journal_file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return workspace


def test_a_run_without_an_end_is_offered_as_interrupted(tmp_path: Path) -> None:
    found = find_unfinished_run(begun(tmp_path / "run"))
    assert found is not None
    assert (found.step, found.total_steps, found.outcome) == (40, 100, "interrupted")


def test_a_stopped_run_is_offered_and_a_finished_one_is_not(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run", {"event": "RunFinished", "outcome": "stopped", "step": 55})
    found = find_unfinished_run(workspace)
    assert found is not None
    assert found.outcome == "stopped"
    (workspace.checkpoints_folder / "scale4_final.pth").write_bytes(b"")
    assert find_unfinished_run(workspace) is None
    assert find_unfinished_run(Workspace(tmp_path / "nowhere")) is None


def test_only_a_living_process_counts_as_running_elsewhere(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert find_training_process(workspace) is None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock = {"pid": child.pid, "host": socket.gethostname(), "since": ""}
    (tmp_path / ".lock.json").write_text(json.dumps(lock), "utf-8")
    assert find_training_process(workspace) == child.pid
    os.utime(tmp_path / ".lock.json", (0, 0))  # older than the child: the holder has died and its number is taken
    assert find_training_process(workspace) is None
    (tmp_path / ".lock.json").touch()
    child.communicate(b"\n")
    assert find_training_process(workspace) is None
    (tmp_path / ".lock.json").write_text(json.dumps({**lock, "pid": os.getpid()}), "utf-8")
    assert find_training_process(workspace) is None


def test_events_come_back_from_the_journal(tmp_path: Path) -> None:
    step = StepDone(3, None, {"l1": 0.5, "total": float("nan")}, 1e-4, 1.0, 2.0, 3.0, None, 4)
    events = [step, Validated(3, "val", 30.0, 0.9, 29.0, 0.8, True, 4, 0.1), Notice("info", "hello")]
    path = tmp_path / "journal.jsonl"
    path.write_text("".join(format_json_line(event) + "\n" for event in events) + '{"torn', "utf-8")
    back = [event_from_json(record) for record in read_journal(path)]
    assert back[1:] == events[1:]
    assert isinstance(back[0], StepDone)
    assert back[0].losses["l1"] == 0.5
    assert back[0].losses["total"] != back[0].losses["total"]


def test_unknown_records_are_no_events() -> None:
    assert event_from_json({"event": "Invented"}) is None
    assert event_from_json({"event": "Notice"}) is None
    assert event_from_json({**event_to_json(Notice("info", "x")), "added_later": 1}) == Notice("info", "x")


# -- what a path means -------------------------------------------------------------------------


def test_what_is_dropped_is_recognized(tmp_path: Path) -> None:
    run = stored(tmp_path / "run")
    (run / "checkpoints").mkdir()
    files = {
        "run/checkpoints/scale4_step1.pth": PathKind.CHECKPOINT,
        "a.pth": PathKind.WEIGHTS,
        "b.safetensors": PathKind.WEIGHTS,
        "c.JPG": PathKind.PICTURE,
        "e.json": PathKind.PROFILE,
        "d.txt": PathKind.OTHER,
    }
    for name, kind in files.items():
        (tmp_path / name).write_bytes(b"")
        assert classify_path(tmp_path / name, run) is kind, name
    assert classify_path(run) is PathKind.RUN
    assert classify_path(tmp_path) is PathKind.PHOTOS
    assert classify_path(tmp_path / "gone.pth") is PathKind.OTHER
    assert classify_path(run / "checkpoints" / "scale4_step1.pth") is PathKind.WEIGHTS


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"schema": 1, "scale": 2}', PathKind.SETTINGS),
        ('{"batch_size": 8}', PathKind.SETTINGS),
        ('{"schema": 1, "kind": "mono", "ranges": {}, "scale": 2}', PathKind.PROFILE),
        ('{"schema": 1, "name": "of another program"}', PathKind.UNKNOWN_JSON),
        ("[1, 2]", PathKind.UNKNOWN_JSON),
        ("{torn", PathKind.INVALID_JSON),
        ("[" * 100_000, PathKind.INVALID_JSON),
        ("", PathKind.INVALID_JSON),
    ],
)
def test_json_shows_by_its_content_what_it_is(tmp_path: Path, content: str, kind: PathKind) -> None:
    path = tmp_path / "it.json"
    path.write_text(content)
    assert classify_content(path) is kind


def test_the_built_in_cameras_and_what_is_exported_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    for name in ("wqv1", "wqv10"):
        path.write_bytes(importlib.resources.files("resources").joinpath(f"{name}.json").read_bytes())
        assert classify_content(path) is PathKind.PROFILE
    path.write_text(json.dumps(to_settings(TrainerConfig(), stored=StoredSettings(), derived=None, warm_start=None)))
    assert classify_content(path) is PathKind.SETTINGS


def test_none_of_it_needs_torch_or_qt() -> None:
    names = (
        "planning.draft planning.readiness planning.recognition planning.command_line planning.plan "
        "workspace.unfinished verbs.inspect verbs.install weights.warm_start"
    )
    code = "import sys; sys.modules.update(torch=None, PySide6=None); " + "; ".join(
        f"import trainer_core.{name}" for name in names.split()
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_resuming_and_a_warm_start_take_each_other_back() -> None:
    draft = Draft()
    draft.set("init_weights", "a.pth")
    draft.set("resume_from", "scale4_step8.pth")
    assert draft.given == {"resume_from": "scale4_step8.pth"}
    draft.set("init_weights", "a.pth")
    assert draft.given == {"init_weights": "a.pth"}
    draft.set("resume_from", "scale4_step8.pth")
    draft.apply_imported({"init_weights": "b.pth"})
    assert draft.given == {"init_weights": "b.pth"}


def test_another_workspace_leaves_the_photos_of_the_one_before(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "mono", source_dir="/photos")))
    draft.open_workspace(str(tmp_path / "mono2"))
    assert draft.given == {"workspace": str(tmp_path / "mono2")}
    draft.open_workspace(str(tmp_path / "mono"))
    draft.set("source_dir", "")
    assert not draft.config.source_dir
    draft.open_workspace(str(tmp_path / "mono"))
    draft.open_workspace("")
    assert draft.given == {}


def test_a_folder_that_remembers_nothing_changes_nothing_in_the_form(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    draft.open_workspace(str(stored(tmp_path / "mono", preset="nano", monochrome_style=True, batch_size=5, scale=2)))
    before = draft.config
    draft.open_workspace(str(tmp_path / "passed"))
    draft.open_workspace(str(tmp_path / "new"))
    assert draft.config == before.replace(workspace=str(tmp_path / "new"))
    assert draft.given["batch_size"] == 5 and draft.session_choices["preset"] == "nano", "a run would be given them"
    draft.set("preset", "full")
    assert draft.config.batch_size == Draft().default("batch_size") and draft.config.scale == 2
    draft.reset("scale")
    assert draft.config.scale == 4
    draft.open_workspace(str(stored(tmp_path / "other", preset="light", scale=8)))
    assert (draft.config.scale, draft.config.monochrome_style) == (8, False), "its own"
    assert draft.config.preset == "full", "but for what was chosen since"
    draft.use_demo(str(tmp_path / "demo"))
    assert draft.given == {"demo": True, "workspace": str(tmp_path / "demo")}


def test_what_was_only_proposed_is_no_choice(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    assert draft.given == {"preset": "light"} and draft.session_choices == {}


def test_a_run_s_choices_are_its_workspace_s_and_its_budget_is_spent_once(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(tmp_path / "run"))
    draft.set("max_minutes", 480.0)
    draft.set("batch_size", 8)
    stored(tmp_path / "run", max_minutes=480.0, steps=1234, batch_size=8)  # as the trainer writes it
    draft.commit()
    assert draft.session_choices == {"workspace": str(tmp_path / "run")}
    assert (draft.config.batch_size, draft.config.steps) == (8, 1234)
    checkpoint = Workspace(tmp_path / "run").checkpoint_path(4, "step1")
    checkpoint.parent.mkdir()
    checkpoint.touch()
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    plan = make_plan({**draft.given, "source_dir": str(tmp_path), "resume_from": "latest"})
    assert (plan.config.max_minutes, plan.config.steps, plan.checkpoint) == (None, 1234, checkpoint)


def test_a_run_without_an_end_and_without_a_checkpoint_was_cut_short(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run")
    started = RunStarted("1", "", 4, True, 0, 100, "cpu", "fp32", 1, {})
    step = StepDone(7, 100, {}, 0.1, 0.1, 1.0, 1.0, None, 1)
    assert lost_run_step(workspace, [started, step]) is None  # it has a checkpoint
    (workspace.checkpoints_folder / "scale4_step40.pth").unlink()
    assert lost_run_step(workspace, [started, step]) == 7
    assert lost_run_step(workspace, [started, step, RunFinished("discarded", 7)]) is None
    assert lost_run_step(workspace, []) is None
