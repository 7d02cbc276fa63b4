"""Workspaces that earlier versions wrote open, resume and seed new runs; docs/formats.md promises it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.golden import recorder
from trainer_core import __version__
from trainer_core.events import Event, Notice, RunFinished, StepDone, event_from_json
from trainer_core.planning.plan import make_plan
from trainer_core.previews.files import find_previews
from trainer_core.sinks.journal import read_journal
from trainer_core.training.trainer import Trainer
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import find_models
from trainer_core.workspace.unfinished import find_unfinished_run

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Stored:
    """A stored workspace, stopped after 8 of 12 steps, and the losses of the last four steps once it is resumed.

    The losses were recorded in the environment of tests/golden/mono_x2.txt. Those of 0.1.0 were recorded again when the
    streams of a sample were unified (that version drew other parameters and noise), and with the golden losses when
    the exposure was metered with NumPy and when short runs got a longer warm-up.
    """

    name: str
    version: str
    model: str
    records: int
    previews: tuple[int, ...]
    continued: tuple[str, ...]


WORKSPACES = (
    Stored(
        "workspace_0.1.0",
        "0.1.0",
        "wqv_neosr",
        14,
        (4, 8),
        ("0x1.75e2720000000p-4", "0x1.69ca7a0000000p-4", "0x1.5a064a0000000p-4", "0x1.fc2bd00000000p-5"),
    ),
    Stored(
        "workspace_1.0",
        "1.0.0rc1",
        "harbor",
        13,
        (4,),
        ("0x1.d6c01c0000000p-4", "0x1.a5abac0000000p-4", "0x1.9a75100000000p-4", "0x1.4e118c0000000p-4"),
    ),
)
WEIGHTS = ("checkpoints/scale2_step8.pth", "checkpoints/scale2_step8_deploy.pth", "models/{model}_x2_best.pth")


@pytest.fixture(params=WORKSPACES, ids=lambda stored: stored.name)
def stored(request: pytest.FixtureRequest) -> Stored:
    found: Stored = request.param
    return found


@pytest.fixture
def folder(stored: Stored, tmp_path: Path) -> Path:
    """A copy of the workspace; its photos lie in `photos` beside it."""
    shutil.copytree(DATA / "photos", tmp_path / "photos")
    return Path(shutil.copytree(DATA / stored.name, tmp_path / "workspace"))


def train(workspace: Path, **settings: object) -> list[Event]:
    events: list[Event] = []
    given = {"source_dir": str(workspace.parent / "photos"), "workspace": str(workspace), **settings}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        Trainer(make_plan(given), events.append).run()
    finally:
        torch.set_num_threads(threads)
    return events


def test_it_resumes_with_the_recorded_losses_and_names_the_version_that_began_it(stored: Stored, folder: Path) -> None:
    events = train(folder, resume_from="latest")
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [event.step for event in steps] == [9, 10, 11, 12]
    losses = [event.losses["total"] for event in steps]
    if recorder.environment() == recorder.read("mono_x2")[0]:
        assert tuple(loss.hex() for loss in losses) == stored.continued
    else:
        assert losses == pytest.approx([float.fromhex(text) for text in stored.continued], rel=1e-4)
    assert isinstance(events[-1], RunFinished) and events[-1].outcome == "completed"
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert not [text for text in notices if "changed settings" in text]
    another = [text for text in notices if f"{stored.version} -> {__version__}" in text]
    assert bool(another) == (stored.version != __version__) and all("not be bit-identical" in text for text in another)


def test_it_opens(stored: Stored, folder: Path) -> None:
    workspace = Workspace(folder)
    settings = workspace.read_settings()
    assert (settings.values["scale"], settings.values["steps"], settings.notices) == (2, 12, ())
    unfinished = find_unfinished_run(workspace)
    assert unfinished is not None
    assert (unfinished.step, unfinished.total_steps, unfinished.outcome) == (8, 12, "stopped")
    labels = [model.label for model in find_models(folder)]
    assert labels in (["best and newest, step 8"], ["best, step 4", "newest, step 8"])
    assert find_previews(workspace.previews) == dict.fromkeys(stored.previews, ("1",))
    records = read_journal(workspace.journal_file)
    assert len(records) == stored.records
    assert all(event_from_json(record) is not None for record in records)


@pytest.mark.parametrize("name", WEIGHTS)
def test_its_weights_start_a_new_run(stored: Stored, folder: Path, name: str) -> None:
    weights = folder / name.format(model=stored.model)
    events = train(folder.parent / "new", **recorder.CASES["mono_x2"], **settings_of(folder), init_weights=str(weights))
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert any("100" in text and "%" in text for text in notices), notices
    assert isinstance(events[-1], RunFinished) and events[-1].outcome == "completed"


def test_a_resumed_run_writes_every_key_that_the_stored_one_has(stored: Stored, folder: Path) -> None:
    before = keys_of(folder, stored.model)
    train(folder, resume_from="latest")
    after = keys_of(folder, stored.model)
    assert {name: keys - after[name] for name, keys in before.items()} == {name: set() for name in before}


def keys_of(folder: Path, model: str) -> dict[str, set[str]]:
    """The keys of the files of a workspace that other programs may read, by name of the file."""
    workspace = Workspace(folder)
    contents = {
        "settings": json.loads(workspace.settings_file.read_text("utf-8")),
        "splits": json.loads(workspace.splits_file.read_text("utf-8")),
        "model": torch.load(workspace.model_path(2, best=False, name=model), weights_only=True),
        "checkpoint": torch.load(workspace.step_checkpoints()[-1][1], weights_only=True),
    }
    return {name: set(_list_keys(content)) for name, content in contents.items()}


def _list_keys(content: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield f"{prefix}{key}"
            yield from _list_keys(value, f"{prefix}{key}.")


def settings_of(folder: Path) -> dict[str, object]:
    names = ("base_resolution", "patch_size", "batch_size", "monochrome_style", "amp", "device", "compact_export")
    values = Workspace(folder).read_settings().values
    return {**{name: values[name] for name in names}, "steps": 2}
