"""A resume asks about other photos, another watch, profile or scale, and reports what else has changed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos, picture, profile_file
from trainer_core import cli, environment
from trainer_core.errors import UserError
from trainer_core.planning.changes import UnacceptedChanges
from trainer_core.planning.hardware import Hardware
from trainer_core.planning.plan import RunPlan, make_plan
from trainer_core.training import checkpoint
from trainer_core.training.resume import make_resume_notices
from trainer_core.training.trainer import Trainer


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with six `photos`, of which five train, and the workspace `run`, trained for one step."""
    root = tmp_path_factory.mktemp("trained")
    train(make_photos(root / "photos", 6), root / "run")
    return root


@pytest.fixture
def source(trained: Path, tmp_path: Path) -> Path:
    """The photos of the run."""
    return Path(shutil.copytree(trained / "photos", tmp_path / "photos"))


@pytest.fixture
def run(trained: Path, source: Path, tmp_path: Path) -> Path:
    """The run of these photos: a copy whose checkpoint names their present folder."""
    workspace = Path(shutil.copytree(trained / "run", tmp_path / "run"))
    rewrite_checkpoint(workspace, lambda state: state.config.update(source_dir=str(source)))
    return workspace


def rewrite_checkpoint(workspace: Path, change: Callable[[checkpoint.TrainingState], object]) -> None:
    path = workspace / "checkpoints" / "scale4_step1.pth"
    state = checkpoint.load_checkpoint(path)
    change(state)
    checkpoint.write_checkpoint(path, checkpoint.prepare_checkpoint(state))


def train(source: Path, workspace: Path, **given: Any) -> Path:
    settings = {**TINY, "source_dir": str(source), "workspace": str(workspace), "steps": 1, **given}
    assert Trainer(make_plan(settings), lambda event: None).run().outcome == "completed"
    return workspace


def resume(source: Path, run: Path, **given: Any) -> RunPlan:
    return make_plan({"source_dir": str(source), "workspace": str(run), "resume_from": "latest", "steps": 2, **given})


def notices(source: Path, run: Path, **given: Any) -> list[str]:
    return [change.text for change in resume(source, run, **given).changes]


def question(source: Path, run: Path, **given: Any) -> UnacceptedChanges:
    """Return what the resume asks; it resumes once that is accepted."""
    with pytest.raises(UnacceptedChanges) as error:
        resume(source, run, **given)
    asked = [change for change in resume(source, run, **given, accept_changes=True).changes if change.must_be_accepted]
    assert asked == [*error.value.changes]
    return error.value


def texts(asked: UnacceptedChanges) -> list[str]:
    return [change.text for change in asked.changes]


def test_an_unchanged_run_has_no_changes_however_its_folder_is_spelled(
    source: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(source)
    monkeypatch.chdir(tmp_path)
    for spelling in (source, Path("photos"), tmp_path / "run" / ".." / "photos", tmp_path / "link"):
        assert notices(spelling, run) == []


def test_an_option_that_the_user_gives_needs_no_acceptance(source: Path, run: Path) -> None:
    assert notices(source, run, num_workers=1, val_interval=7, early_stop=3) == []
    assert notices(source, run, learning_rate=5e-4, batch_size=1) == [
        "Resumed with changed settings: batch_size 2 -> 1, learning_rate 0.001 -> 0.0005."
    ]
    assert notices(source, run, num_feat=16) == [
        "The checkpoint sets the size of the network: num_feat 8 instead of 16."
    ]


def test_another_optimizer_is_reported_with_what_becomes_of_its_moments(source: Path, run: Path) -> None:
    changed, moments = notices(source, run, optimizer="muon")
    assert changed == "Resumed with changed settings: optimizer adam -> muon."
    assert "muon instead of adam" in moments and "without moments" in moments
    assert "still 0.001, which was chosen for adam; --lr" in moments
    rewrite_checkpoint(run, lambda state: state.config.pop("optimizer"))  # as in a version before muon
    (text,) = notices(source, run, optimizer="muon", learning_rate=5e-3)[1:]
    assert "muon instead of adam" in text and "--lr" not in text


def test_another_folder_is_asked(source: Path, run: Path, tmp_path: Path) -> None:
    other = make_photos(tmp_path / "other", 9)  # the first six are the same
    asked = question(other, run)
    assert texts(asked) == [f"Photos: {source} in the checkpoint, {other} now, with 5 of the 5 training photos."]
    assert asked.original == {"source_dir": str(source)}
    assert asked.can_be_accepted and "--accept-changes" in asked.message


def test_a_copy_of_the_folder_and_a_renamed_folder_are_reported(source: Path, run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "copy", copy_function=shutil.copyfile))
    same = f"Photos: {source} in the checkpoint, {copy} now, with the same photos."
    assert notices(copy, run) == [same]
    shutil.rmtree(source)
    assert notices(copy, run) == [same]
    (copy / "photo0.png").unlink()
    assert len(notices(copy, run)) == 2, "a moved folder may lose a photo as well"
    for photo in copy.iterdir():
        photo.write_bytes(photo.read_bytes() + b" ")
    assert texts(question(copy, run)) == [
        f"Photos: {source} in the checkpoint, {copy} now, with 0 of the 5 training photos."
    ], "the same names are not the same photos"


def test_a_folder_that_lost_most_of_its_photos_is_asked_and_one_that_lost_some_is_not(source: Path, run: Path) -> None:
    train = json.loads((run / "dataset_splits.json").read_text("utf-8"))["train"]
    for name in train[:2]:
        (source / name).unlink()
    assert notices(source, run) == [
        f"The training photos have changed since the checkpoint: 2 missing ({train[0]}, {train[1]})."
    ]
    (source / train[2]).unlink()
    asked = question(source, run)
    assert texts(asked) == [f"Photos: only 2 of the 5 training photos of the checkpoint are in {source}."]
    assert asked.original is None


def test_photos_with_other_content_of_the_same_name_count_as_gone(source: Path, run: Path) -> None:
    times = {photo: photo.stat().st_mtime_ns for photo in source.iterdir()}
    for number, photo in enumerate(sorted(times)):
        picture(50 + number).save(photo)
        os.utime(photo, ns=(times[photo], times[photo]))
    assert "only 0 of the 5 training photos" in question(source, run).message


def test_a_photo_that_was_edited_renamed_or_added_is_named(source: Path, run: Path) -> None:
    splits = json.loads((run / "dataset_splits.json").read_text("utf-8"))
    edited, renamed = splits["train"][:2]
    picture(77).save(source / edited)
    (source / renamed).rename(source / "z.png")
    picture(78).save(source / splits["val"][0])
    training, validation = notices(source, run)
    assert f"1 with other content ({edited})" in training and f"1 renamed ({renamed})" in training
    assert validation == (
        f"The validation photos have changed since the checkpoint: 1 with other content ({splits['val'][0]})."
    )


def test_renamed_photos_keep_their_split(tmp_path: Path) -> None:
    source = make_photos(tmp_path / "photos", 12)
    run = train(source, tmp_path / "run")
    splits = json.loads((run / "dataset_splits.json").read_text("utf-8"))
    for photo in source.iterdir():
        photo.rename(source / f"IMG {photo.name}")
    picture(90).save(source / "new.png")
    (source / "IMG photo0.png").unlink()
    assert splits["test"] and splits["val"] and "photo0.png" in splits["train"]
    photos = resume(source, run).photos
    assert photos is not None
    for split, names in (("val", photos.splits.val), ("test", photos.splits.test)):
        assert {f"IMG {name}" for name in splits[split]} <= {photo.name for photo in names}
    trained = {photo.name for photo in photos.splits.train}
    assert {f"IMG {name}" for name in splits["train"]} - trained == {"IMG photo0.png"}
    assert Trainer(resume(source, run), lambda event: None).run().outcome == "completed"
    recorded = json.loads((run / "dataset_splits.json").read_text("utf-8"))
    for split, before in splits.items():
        if split in ("train", "val", "test"):
            assert {*before, *(f"IMG {name}" for name in before if name != "photo0.png")} <= {*recorded[split]}


def test_a_validation_photo_that_vanished_is_named(tmp_path: Path) -> None:
    source = make_photos(tmp_path / "photos", 12)
    run = train(source, tmp_path / "run")
    (name,) = json.loads((run / "dataset_splits.json").read_text("utf-8"))["val"]
    (source / name).unlink()
    assert notices(source, run) == [f"The validation photos have changed since the checkpoint: 1 missing ({name})."]
    photos = resume(source, run).photos
    assert photos is not None and any("the test photos are used for validation" in text for text in photos.warnings)


def test_built_in_scenes_instead_of_photos_and_photos_instead_of_scenes_are_asked(source: Path, run: Path) -> None:
    asked = question(source, run, demo=True)
    assert texts(asked) == [f"Photos: {source} in the checkpoint, the built-in scenes now."]
    assert asked.original == {"demo": False, "source_dir": str(source)}
    assert resume(source, run, **{"demo": True, **(asked.original or {})}).changes == ()


def test_another_watch_is_asked_even_if_an_option_says_so(source: Path, run: Path) -> None:
    asked = question(source, run, monochrome_style=False)
    assert texts(asked) == ["Watch: WQV-1/2 mono in the checkpoint, WQV-3/10 color now."]
    assert asked.original == {"camera_profile": None, "monochrome_style": True}


def test_a_camera_profile_is_compared_by_its_content(source: Path, tmp_path: Path) -> None:
    profile = profile_file(tmp_path)
    run = train(source, tmp_path / "run", camera_profile=str(profile))
    moved = profile.rename(tmp_path / "moved.json")
    with pytest.raises(UserError, match="Set its new path"):
        resume(source, run)
    assert notices(source, run, camera_profile=str(moved)) == []
    assert notices(source, run, camera_profile=None) == [], "the built-in profile has the same content"
    content = json.loads(moved.read_text("utf-8"))
    profile.write_text(json.dumps({**content, "name": "b", "notes": "x"}, indent=4), "utf-8")
    assert notices(source, run) == [], "neither name nor notes change the camera"
    content["ranges"]["psf_v"] = [content["ranges"]["psf_v"][1]] * 2
    profile.write_text(json.dumps(content), "utf-8")
    asked = question(source, run)
    assert texts(asked) == [f"Camera profile: the content of {profile} has changed."]
    assert asked.original is None
    moved.write_text(json.dumps(content), "utf-8")
    assert question(source, run, camera_profile=str(moved)).original == {"camera_profile": str(profile)}


def test_another_scale_is_asked_and_cannot_be_accepted(source: Path, run: Path) -> None:
    for accepted in (False, True):
        with pytest.raises(UnacceptedChanges, match="use --scale 4") as error:
            resume(source, run, scale=2, accept_changes=accepted)
        assert not error.value.can_be_accepted and error.value.original == {"scale": 4}


def test_another_precision_is_reported(source: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer_core.planning import hardware

    monkeypatch.setattr(hardware, "choose_cpu_precision", lambda: "bf16")
    (text,) = notices(source, run, amp=True)
    assert "trained in fp32 on cpu (" in text and "this session computes in bf16 on cpu (" in text


def test_the_terminal_lists_the_changes_and_goes_on_when_they_are_accepted(
    source: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "configure_libraries", lambda: None)
    other = make_photos(tmp_path / "other", 4, width=240)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    words = [str(other), str(run), "--resume", "latest", "--steps", "2", "--no-monochrome-style"]
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert "Watch: WQV-1/2 mono in the checkpoint" in error and f"Photos: {source} in the checkpoint" in error
    assert error.count("\n") == 4 and "\n  Watch: " in error and "\n  Photos: " in error
    assert "--accept-changes" in error and {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    assert cli.main([*words, "--accept-changes"]) == 0
    assert f"Photos: {source} in the checkpoint" in (run / "trainer.log").read_text("utf-8")
    assert cli.main([str(source), str(run), "--resume", "latest", "--steps", "3"]) == 2, "accepted once, not for good"


def test_a_checkpoint_of_an_older_version_compares_what_it_knows(source: Path, run: Path, tmp_path: Path) -> None:
    known = ("total_steps", "max_minutes", "seconds")
    rewrite_checkpoint(run, lambda state: [state.plan.pop(name) for name in {*state.plan} - {*known}])
    assert notices(source, run) == []
    other = Path(shutil.copytree(source, tmp_path / "other"))
    assert "with 5 of the 5 training photos" in question(other, run).message, "equal names prove nothing"
    shutil.rmtree(source)
    assert notices(other, run) == [f"Photos: {source} in the checkpoint, {other} now, with 5 of the 5 training photos."]
    profile = profile_file(tmp_path)
    assert len(notices(other, run, camera_profile=str(profile))) == 1, "it equals the built-in one"
    content = json.loads(profile.read_text("utf-8"))
    content["ranges"]["psf_v"] = [content["ranges"]["psf_v"][1]] * 2
    profile.write_text(json.dumps(content), "utf-8")
    assert texts(question(other, run, camera_profile=str(profile))) == [
        f"Camera profile: the built-in profile in the checkpoint, {profile} now, with other content."
    ]


def test_another_processor_is_reported(source: Path, run: Path) -> None:
    rewrite_checkpoint(run, lambda state: state.plan.update(device_name="Some Processor"))
    (text,) = notices(source, run)
    assert "trained in fp32 on cpu (Some Processor); this session computes in fp32 on cpu (" in text


def test_threads_matter_on_a_processor_and_cudnn_on_a_gpu(
    source: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run / "checkpoints" / "scale4_step1.pth"
    rewrite_checkpoint(run, lambda state: state.versions.update(threads=99, cudnn=90000))
    plan, state = resume(source, run), checkpoint.load_checkpoint(path)
    (notice,) = make_resume_notices(plan, state, 1)
    assert "threads 99 -> " in notice.text and "cudnn" not in notice.text
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    on_gpu = dataclasses.replace(plan, hardware=Hardware("cuda:0", "bf16", "GPU"))
    (notice,) = make_resume_notices(on_gpu, state, 1)
    assert "cudnn 90000 -> 91002" in notice.text and "threads" not in notice.text
