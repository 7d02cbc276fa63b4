"""A run is planned once: what it names is read once, and every part works with what the plan holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.openings import counted_openings
from tests.small_runs import TINY, flags, make_photos, profile_file, watch_photo
from trainer_core.errors import UserError
from trainer_core.planning.photos import find_photos
from trainer_core.planning.plan import find_run_photos, make_plan
from trainer_core.settings.config import TrainerConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 4)


def test_the_command_line_reads_each_file_once(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from tests.core.networks import network_of, saved
    from trainer_core import cli, environment
    from trainer_core.model.spec import NetworkSpec

    monkeypatch.setattr(environment, "configure_libraries", lambda: None)
    weights, profile = saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "a.pth"), profile_file(tmp_path)
    settings = {**TINY, "steps": 1, "init_weights": weights, "camera_profile": profile}
    with counted_openings() as counts:
        assert cli.main([str(photos), str(tmp_path / "run"), *flags(settings)]) == 0
    assert (counts[str(profile)], counts[str(photos)]) == (1, 1)
    assert counts[str(weights)] == 2, "its header for the plan, its tensors for the network"


def test_config_only_needs_no_torch_where_neither_gpu_nor_bf16_must_be_known(photos: Path, tmp_path: Path) -> None:
    done = config_only(photos, tmp_path / "w", "--device", "cpu", "--no-amp")
    assert done.returncode == 0, done.stderr
    derived = json.loads(done.stdout)["derived"]
    assert (derived["device"], derived["precision"], derived["images"]["train"]) == ("cpu", "fp32", 3)
    assert not (tmp_path / "w").exists()
    assert config_only(photos, tmp_path / "w", "--device", "cpu").returncode != 0, "bf16 is torch's to know"


def config_only(*arguments: Any) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.modules['torch'] = None; from trainer_core.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, *map(str, arguments), "--config-only"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)


CAPTURES_SENTENCE = "Choose ordinary photos; add watch photos to the previews."


def test_photos_from_the_watch_are_refused_with_exit_code_2_unless_they_are_accepted(tmp_path: Path) -> None:
    mixed, captures = make_photos(tmp_path / "mixed", 1), tmp_path / "captures"
    for folder, count in ((mixed, 2), (captures, 3)):
        for seed in range(count):
            watch_photo(folder / f"watch{seed}.png", seed)
        options = (folder, tmp_path / "w", "--device", "cpu", "--no-amp")
        refused = config_only(*options)
        assert refused.returncode == 2
        assert CAPTURES_SENTENCE in refused.stderr and f"{count} of the 3 pictures in {folder}" in refused.stderr
        assert "use --accept-captures" in refused.stderr
        accepted = config_only(*options, "--accept-captures")
        assert accepted.returncode == 0, accepted.stderr
        images = json.loads(accepted.stdout)["derived"]["images"]
        assert (sum(images.values()), images["unusable"]) == (3, 0)


def test_a_run_resumes_with_a_warning_although_most_pictures_are_from_the_watch_by_now(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from trainer_core.training.trainer import Trainer

    photos = make_photos(tmp_path / "photos", 2)
    settings = {**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "w"), "steps": 1}
    Trainer(make_plan(settings), lambda event: None).run()
    for seed in range(3):
        watch_photo(photos / f"watch{seed}.png", seed)
    with pytest.raises(UserError, match=CAPTURES_SENTENCE):
        make_plan(settings)
    plan = make_plan({**settings, "steps": 2, "resume_from": "latest"})
    assert plan.photos is not None and "Most pictures in" in plan.photos.warnings[1]


def test_a_plan_holds_what_was_found(photos: Path, tmp_path: Path) -> None:
    plan = make_plan({**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "w"), "steps": 5})
    assert plan.photos is not None and plan.photos == find_run_photos(plan.config)
    assert plan.photo_counts == {"train": 3, "val": 1, "test": 0, "unusable": 0} == plan.derived["images"]
    assert (plan.workspace.root, plan.hardware.device, plan.config.steps) == (tmp_path / "w", "cpu", 5)
    assert (plan.warm_start, plan.profile, plan.checkpoint, plan.notices) == (None, None, None, ())
    assert not (tmp_path / "w").exists()


def test_a_demo_has_no_photos_before_its_scenes_are_made(tmp_path: Path) -> None:
    plan = make_plan({"demo": True, "workspace": str(tmp_path / "w"), "device": "cpu", "amp": False})
    assert plan.photos is None and plan.photo_counts == {"train": 72, "val": 10, "test": 6}
    with pytest.raises(AssertionError):
        _ = plan.splits
    assert not (tmp_path / "w").exists()


def test_a_resumed_demo_continues_its_time_budget(tmp_path: Path) -> None:
    demo = {"demo": True, "workspace": str(tmp_path / "w"), "device": "cpu", "amp": False}
    assert make_plan(demo).config.max_minutes == 2.0
    checkpoints = tmp_path / "w" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "scale4_step00000005.pth").write_bytes(b"x")
    assert make_plan({**demo, "resume_from": "latest"}).config.max_minutes == 2.0
    assert make_plan({**demo, "steps": 9, "resume_from": "latest"}).config.max_minutes is None


def test_the_checkpoint_to_resume_is_located(photos: Path, tmp_path: Path) -> None:
    given = {**TINY, "source_dir": str(photos), "workspace": str(tmp_path), "resume_from": "latest"}
    with pytest.raises(UserError, match="no checkpoint to resume"):
        make_plan(given)
    newest = tmp_path / "checkpoints" / "scale4_step20.pth"
    newest.parent.mkdir()
    for path in (newest, newest.with_name("scale4_step3.pth")):
        path.touch()
    assert make_plan(given).checkpoint == newest


def test_photos_are_found_without_a_workspace(photos: Path) -> None:
    found = find_photos(photos, train_split=0.5, val_split=0.25)
    assert [len(part) for part in (found.splits.train, found.splits.val, found.splits.test)] == [2, 1, 1]
    config = TrainerConfig(source_dir=str(photos), train_split=0.5, val_split=0.25)
    assert find_run_photos(config) == found
    assert not [path for path in photos.iterdir() if path.suffix != ".png"], "nothing is written there"


def test_photos_keep_the_split_that_was_recorded_and_excluded_folders_are_left_out(tmp_path: Path) -> None:
    source = make_photos(tmp_path / "photos", 4)
    make_photos(source / "run", 6)
    recorded = {"train": ["photo3.png"], "val": ["photo0.png"], "test": ["photo1.png", "photo2.png"]}
    found = find_photos(source, train_split=0.9, val_split=0.1, exclude=[source / "run"], recorded=recorded)
    assert [photo.name for photo in found.splits.test] == ["photo1.png", "photo2.png"]
    assert found.counts == {"train": 1, "val": 1, "test": 2, "unusable": 0}


def test_what_is_not_used_is_a_warning(tmp_path: Path) -> None:
    source = make_photos(tmp_path, 1)
    assert find_photos(source, train_split=0.9, val_split=0.1).warnings == (
        "There are too few photos to split, so validation uses the training photos. Add photos.",
    )
    (source / "broken.jpg").write_bytes(b"no picture")
    (first, _) = find_photos(source, train_split=0.9, val_split=0.1).warnings
    assert first.startswith("Files that cannot be used and are skipped (1):\n  broken.jpg: ")
