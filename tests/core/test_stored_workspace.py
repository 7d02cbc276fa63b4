"""A workspace that version 0.1.0 wrote opens, resumes and seeds new runs for ever after."""

from __future__ import annotations

import shutil
from pathlib import Path

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
# The losses of steps 9 to 12, recorded in the environment of tests/golden/mono_x2.txt. Recorded again when the streams
# of a sample were unified (0.2.0; the version that wrote the workspace drew other parameters and noise), and with
# the golden losses when the exposure was metered with NumPy and when short runs got a longer warm-up.
CONTINUED = ("0x1.75e2720000000p-4", "0x1.69ca7a0000000p-4", "0x1.5a064a0000000p-4", "0x1.fc2bd00000000p-5")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A copy of the workspace; its photos lie in `photos` beside it."""
    shutil.copytree(DATA / "photos", tmp_path / "photos")
    return Path(shutil.copytree(DATA / "workspace_0.1.0", tmp_path / "workspace"))


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


def test_it_resumes_with_the_recorded_losses_and_says_that_another_version_began_it(stored: Path) -> None:
    events = train(stored, resume_from="latest")
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [event.step for event in steps] == [9, 10, 11, 12]
    losses = [event.losses["total"] for event in steps]
    if recorder.environment() == recorder.read("mono_x2")[0]:
        assert tuple(loss.hex() for loss in losses) == CONTINUED
    else:
        assert losses == pytest.approx([float.fromhex(text) for text in CONTINUED], rel=1e-4)
    assert isinstance(events[-1], RunFinished) and events[-1].outcome == "completed"
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert not [text for text in notices if "changed settings" in text]
    assert [text for text in notices if "not be bit-identical" in text and f"0.1.0 -> {__version__}" in text]


def test_it_opens(stored: Path) -> None:
    workspace = Workspace(stored)
    settings = workspace.read_settings()
    assert (settings.values["scale"], settings.values["steps"], settings.notices) == (2, 12, ())
    unfinished = find_unfinished_run(workspace)
    assert unfinished is not None
    assert (unfinished.step, unfinished.total_steps, unfinished.outcome) == (8, 12, "stopped")
    assert [model.label for model in find_models(stored)] == ["best", "newest", "step 8"]
    assert find_previews(workspace.previews) == {4: ("1",), 8: ("1",)}
    records = read_journal(workspace.journal_file)
    assert len(records) == 14
    assert all(event_from_json(record) is not None for record in records)


@pytest.mark.parametrize(
    "name", ["checkpoints/scale2_step8.pth", "checkpoints/scale2_step8_deploy.pth", "models/wqv_neosr_x2_best.pth"]
)
def test_its_weights_start_a_new_run(stored: Path, name: str) -> None:
    events = train(
        stored.parent / "new", **recorder.CASES["mono_x2"], **settings_of(stored), init_weights=str(stored / name)
    )
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert any("100" in text and "%" in text for text in notices), notices
    assert isinstance(events[-1], RunFinished) and events[-1].outcome == "completed"


def settings_of(stored: Path) -> dict[str, object]:
    names = ("base_resolution", "patch_size", "batch_size", "monochrome_style", "amp", "device", "compact_export")
    values = Workspace(stored).read_settings().values
    return {**{name: values[name] for name in names}, "steps": 2}
