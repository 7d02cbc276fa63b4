"""A resumed run has its own settings, split and workspace: beside its checkpoint, else in the checkpoint itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core.errors import NewerFileError, UserError
from trainer_core.events import Event, Notice, RunStarted, StepDone
from trainer_core.files import rename_file
from trainer_core.planning.draft import Draft
from trainer_core.planning.plan import RunPlan, make_plan
from trainer_core.planning.run_record import read_record
from trainer_core.training.trainer import Trainer
from trainer_core.workspace import layout
from trainer_core.workspace.layout import Workspace

OWN = {"learning_rate": 3e-4, "patch_size": 20, "betas": (0.8, 0.95), "max_minutes": None, "steps": 2}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose run trained for two steps with settings of its own."""
    workspace = tmp_path_factory.mktemp("trained") / "run"
    train(photos, workspace, checkpoint_interval=1, **OWN)
    return workspace


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def train(photos: Path, workspace: Path, **given: Any) -> list[Event]:
    events: list[Event] = []
    base = {} if given.get("resume_from") else TINY
    settings = {**base, "source_dir": str(photos), "workspace": str(workspace), **given}
    Trainer(make_plan(settings), events.append).run()
    return events


def resume(photos: Path, run: Path, checkpoint: Path | str = "latest", **given: Any) -> RunPlan:
    return make_plan(
        {"source_dir": str(photos), "workspace": str(run), "resume_from": str(checkpoint), "steps": 3, **given}
    )


def notices(events: list[Event]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Notice))


def own_settings(plan: RunPlan) -> dict[str, Any]:
    return {name: getattr(plan.config, name) for name in OWN if name != "steps"}


@pytest.mark.parametrize("content", [None, "null", "{", "[]", '{"schema": 1, "scale": "x4"}', '{"workspace_id": 3}'])
def test_settings_that_are_missing_or_unusable_are_those_of_the_checkpoint(
    photos: Path, run: Path, content: str | None
) -> None:
    file = run / "training_config.json"
    before = Workspace(run).read_settings()
    file.unlink()
    if content is not None:
        file.write_text(content, "utf-8")
    plan = resume(photos, run)
    assert own_settings(plan) == {name: OWN[name] for name in OWN if name != "steps"}
    assert (plan.config.monochrome_style, plan.config.base_resolution) == (True, TINY["base_resolution"])
    assert plan.stored.workspace_id == before.workspace_id and plan.changes == ()
    assert "Continuing with the settings in scale4_step2.pth" in plan.notices[0]
    assert resume(photos, run, learning_rate=1e-4).config.learning_rate == 1e-4
    assert file.exists() is (content is not None), "a plan writes nothing"


def test_an_unusable_settings_file_is_renamed_and_the_workspace_keeps_its_identity(photos: Path, run: Path) -> None:
    file = run / "training_config.json"
    before = Workspace(run).read_settings()
    file.write_text("null", "utf-8")
    said = notices(train(photos, run, resume_from="latest", steps=3))
    assert (run / "training_config.unusable.json").read_text("utf-8") == "null"
    assert f"{file} was moved to" in said and "Continuing with the settings in scale4_step2.pth" in said
    after = Workspace(run).read_settings()
    assert after.workspace_id == before.workspace_id
    assert after.values == {**before.values, "steps": 3}
    file.write_text("{", "utf-8")
    train(photos, run, resume_from="latest", steps=4)
    assert (run / "training_config.unusable2.json").read_text("utf-8") == "{"
    older = run / "checkpoints" / "scale4_step2.pth"
    assert "belongs to another" not in notices(train(photos, run, resume_from=str(older), steps=3))


@pytest.mark.parametrize("name", ["training_config.json", "dataset_splits.json"])
@pytest.mark.parametrize("kind", ["loop", "link to nothing", "folder"])
def test_a_run_that_continues_without_a_file_sets_aside_whatever_has_its_name(
    photos: Path, run: Path, name: str, kind: str
) -> None:
    file = run / name
    file.unlink()
    if kind == "folder":
        file.mkdir()
    else:
        file.symlink_to(name if kind == "loop" else "nothing")
    said = notices(train(photos, run, resume_from="latest", steps=3))
    assert "Continuing with the s" in said and f"{file} was moved to" in said
    assert file.is_file() and f"{file.stem}.unusable.json" in {path.name for path in run.iterdir()}
    assert (run / "checkpoints" / "scale4_step3.pth").is_file()


def test_a_settings_file_of_a_newer_version_is_refused_and_stays(photos: Path, run: Path) -> None:
    (run / "training_config.json").write_text('{"schema": 99}', "utf-8")
    with pytest.raises(NewerFileError):
        resume(photos, run)


def test_a_new_run_still_refuses_an_unusable_settings_file(photos: Path, run: Path) -> None:
    (run / "training_config.json").write_text("null", "utf-8")
    with pytest.raises(UserError, match="contains no settings"):
        make_plan({**TINY, "source_dir": str(photos), "workspace": str(run)})


def test_a_new_run_without_settings_keeps_the_identity_of_the_workspace(photos: Path, run: Path) -> None:
    known = Workspace(run).read_settings().workspace_id
    (run / "training_config.json").unlink()
    train(photos, run, steps=1)
    assert Workspace(run).read_settings().workspace_id == known
    (archive,) = (run / "previous_runs").iterdir()
    shutil.rmtree(run / "checkpoints")
    (run / "training_config.json").unlink()
    assert resume(photos, run, archive / "checkpoints" / "scale4_step2.pth").stored.workspace_id == known


def test_a_deploy_file_alone_names_at_least_the_watch_and_the_network(photos: Path, run: Path) -> None:
    (run / "training_config.json").unlink()
    for path in (run / "checkpoints").glob("scale4_*.pth"):
        if "_deploy" not in path.name:
            path.unlink()
    config = resume(photos, run, base_resolution=48, patch_size=16).config
    assert (config.scale, config.monochrome_style, config.num_feat) == (4, True, 8)


def test_a_previous_run_comes_back_with_its_own_settings_and_split(photos: Path, run: Path) -> None:
    first = json.loads((run / "training_config.json").read_text("utf-8"))
    splits = json.loads((run / "dataset_splits.json").read_text("utf-8"))
    train(
        photos,
        run,
        monochrome_style=False,
        scale=2,
        learning_rate=5e-4,
        steps=1,
        train_split=0.6,
        val_split=0.4,
        resplit=True,
    )
    assert json.loads((run / "dataset_splits.json").read_text("utf-8")) != splits
    (archive,) = (run / "previous_runs").iterdir()
    events = train(photos, run, resume_from=str(archive / "checkpoints" / "scale4_step2.pth"), steps=3)
    (started,) = (event for event in events if isinstance(event, RunStarted))
    assert (started.mono, started.scale, started.start_step) == (True, 4, 2)
    assert "changed" not in notices(events) and "differ" not in notices(events)
    after = json.loads((run / "training_config.json").read_text("utf-8"))
    assert {name: after[name] for name in first if name in OWN and name != "steps"} == {
        name: first[name] for name in first if name in OWN and name != "steps"
    }
    assert json.loads((run / "dataset_splits.json").read_text("utf-8")) == {**splits, "source": "recorded"}
    (other,) = (run / "previous_runs").iterdir()
    assert other != archive, "the folder of the first one is gone"
    plan = resume(photos, run, other / "checkpoints" / "scale2_step1.pth")
    assert (plan.config.scale, plan.config.monochrome_style, plan.config.learning_rate) == (2, False, 5e-4)
    assert [len(part) for part in (plan.splits.train, plan.splits.val)] == [4, 2] and plan.changes == ()


def test_a_resume_after_an_interrupted_restoring_finds_the_run_where_it_is_now(
    photos: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(photos, run, steps=1)
    (archive,) = (run / "previous_runs").iterdir()
    path = archive / "checkpoints" / "scale4_step2.pth"

    def rename_all_but_checkpoints(source: Path, target: Path) -> None:
        if source == archive / "checkpoints":
            raise KeyboardInterrupt
        rename_file(source, target)

    monkeypatch.setattr(layout, "rename_file", rename_all_but_checkpoints)
    with pytest.raises(KeyboardInterrupt):
        train(photos, run, resume_from=str(path), steps=3)
    monkeypatch.undo()
    said = notices(train(photos, run, resume_from=str(path), steps=3))
    assert f"An interrupted move was completed: the run in {archive} is back in {run}." in said
    assert (run / "checkpoints" / "scale4_step3.pth").is_file()
    (other,) = (run / "previous_runs").iterdir()
    assert not archive.exists() and (other / "checkpoints" / "scale4_step1.pth").is_file()


def test_a_previous_run_without_its_files_takes_them_from_its_checkpoint(photos: Path, run: Path) -> None:
    splits = json.loads((run / "dataset_splits.json").read_text("utf-8"))
    train(photos, run, monochrome_style=False, steps=1)
    (archive,) = (run / "previous_runs").iterdir()
    (archive / "training_config.json").unlink()
    (archive / "dataset_splits.json").write_text("{", "utf-8")
    path = archive / "checkpoints" / "scale4_step2.pth"
    train(photos, run, resume_from=str(path), steps=3)
    assert json.loads((run / "dataset_splits.json").read_text("utf-8")) == {**splits, "source": "recorded"}
    assert Workspace(run).read_settings().values["monochrome_style"] is True
    assert (archive / "dataset_splits.unusable.json").read_text("utf-8") == "{"


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_split_that_is_missing_or_unusable_is_that_of_the_checkpoint(
    photos: Path, run: Path, content: str | None
) -> None:
    file = run / "dataset_splits.json"
    splits = json.loads(file.read_text("utf-8"))
    swapped = {**splits, "train": [*splits["train"][1:], *splits["val"]], "val": splits["train"][:1]}
    file.write_text(json.dumps(swapped), "utf-8")
    train(photos, run, resume_from="latest", steps=3)
    file.unlink()
    if content is not None:
        file.write_text(content, "utf-8")
    plan = resume(photos, run, steps=4)
    assert [photo.name for photo in plan.splits.val] == swapped["val"]
    assert plan.unusable == (() if content is None else (file,)) and "split in scale4_step3.pth" in plan.notices[0]


def test_the_record_of_a_checkpoint_is_read_without_its_odd_parts(photos: Path, run: Path, tmp_path: Path) -> None:
    from trainer_core.training import checkpoint

    path = run / "checkpoints" / "scale4_step2.pth"
    state = checkpoint.load_checkpoint(path)
    for odd in ({"photos": "{"}, {"photos": '{"train": [3], "val": 1}'}, {"camera": 5, "precision": "x" * 99}):
        checkpoint.write_checkpoint(
            path,
            checkpoint.prepare_checkpoint(checkpoint.TrainingState(**{**vars(state), "plan": {**state.plan, **odd}})),
        )
        assert resume(photos, run).config.scale == 4
        record = read_record(path)
        assert record is not None and record.photos["train"]
    (tmp_path / "text.pth").write_text("text", "utf-8")
    assert read_record(tmp_path / "text.pth") is None


@pytest.mark.parametrize("content", [None, "null"])
def test_the_form_shows_and_resumes_the_settings_of_the_checkpoint(
    photos: Path, run: Path, content: str | None
) -> None:
    before = Workspace(run).read_settings()
    (run / "training_config.json").unlink()
    draft = Draft()
    draft.set("source_dir", "/mine")
    draft.set("scale", 8)
    if content is None:
        assert "scale4_step2.pth" in draft.open_workspace(str(run))[0]
    else:
        (run / "training_config.json").write_text(content, "utf-8")
        with pytest.raises(UserError, match="contains no settings"):
            draft.open_workspace(str(run))
    assert draft.config.source_dir == str(photos)
    assert {name: getattr(draft.config, name) for name in before.values} == before.values
    plan = make_plan({**draft.given, "resume_from": "latest", "steps": 3})
    assert plan.changes == () and plan.stored.workspace_id == before.workspace_id
    draft.set("learning_rate", 7e-4)
    if content is None:
        draft.open_workspace(str(run))
        assert draft.config.learning_rate == 7e-4, "opened again"
    shown = {**before.values, "schema": 1, "learning_rate": 2e-4}
    (run / "training_config.json").write_text(json.dumps(shown), "utf-8")
    draft.open_workspace(str(run))
    assert draft.config.learning_rate == 2e-4 and "learning_rate" not in draft.given, "the file counts again"


@pytest.mark.parametrize("kept", [(), ("schema", "steps", "learning_rate")])
def test_settings_that_the_file_lacks_are_those_of_the_checkpoint(
    photos: Path, run: Path, kept: tuple[str, ...]
) -> None:
    file = run / "training_config.json"
    data = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({name: data[name] for name in kept}), "utf-8")
    plan = resume(photos, run)
    assert own_settings(plan) == {name: OWN[name] for name in OWN if name != "steps"}
    assert plan.stored.workspace_id == data["workspace_id"] and plan.changes == ()
    assert any("lacks" in text and "scale4_step2.pth" in text for text in plan.notices)


@pytest.mark.parametrize("checkpoint", ["latest", "checkpoints/scale4_step1.pth"])
def test_a_settings_file_of_another_workspace_does_not_replace_checkpoints_by_their_deploy_siblings(
    photos: Path, run: Path, checkpoint: str
) -> None:
    file = run / "training_config.json"
    data = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**data, "workspace_id": "another"}), "utf-8")
    named = checkpoint if checkpoint == "latest" else str(run / checkpoint)
    with pytest.raises(UserError, match="another workspace") as refused:
        train(photos, run, resume_from=named, steps=3)
    assert "--resume" not in refused.value.message and "move it away" in refused.value.message
    assert not (run / "previous_runs").exists()
    file.rename(run.parent / file.name)  # the advice works
    assert "new optimizer" not in notices(train(photos, run, resume_from=named, steps=3))
    assert Workspace(run).checkpoint_path(4, "step3").is_file()


def test_the_time_of_a_resumed_run_counts_its_earlier_sessions(photos: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "run"
    first = [event for event in train(photos, workspace, steps=2) if isinstance(event, StepDone)]
    resumed = [
        event for event in train(photos, workspace, steps=3, resume_from="latest") if isinstance(event, StepDone)
    ]
    assert first[-1].run_seconds == pytest.approx(first[-1].elapsed, abs=0.1)
    assert resumed[-1].run_seconds >= first[-1].run_seconds + resumed[-1].elapsed
