"""`--init-weights starter`: a run begins with exactly the function of the built-in model, in the preset's network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.core.starter_files import use_starters
from tests.small_runs import TINY, make_photos, make_workspace
from trainer_core.data.frames import validation_frames
from trainer_core.errors import UserError
from trainer_core.events import Event, Notice, Validated
from trainer_core.planning.command_line import format_command, with_absolute_paths
from trainer_core.planning.draft import Draft
from trainer_core.planning.plan import make_plan
from trainer_core.planning.starting_weights import identify_start
from trainer_core.settings.config import STARTER
from trainer_core.settings.presets import PRESETS
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.trainer import Trainer
from trainer_core.training.validation import FRAME_SEED, Validator
from trainer_core.weights.network import load_network


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4", "wqv10_x2")
    return make_photos(tmp_path / "photos")


def plan_settings(photos: Path, **given: Any) -> dict[str, Any]:
    settings = {**TINY, "source_dir": str(photos), "workspace": str(photos.parent / "run"), **given}
    return {name: value for name, value in settings.items() if value is not None}


def test_a_run_starts_with_the_function_of_the_built_in_model(photos: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    given = plan_settings(photos, init_weights=STARTER, num_feat=12, num_block=2, num_grow_ch=8, steps=1)
    plan = make_plan(given)
    assert Trainer(plan, events.append).run().outcome == "completed"
    (text,) = (e.text for e in events if isinstance(e, Notice) and e.text.startswith("Warm start"))
    assert "from wqv1_x4_starter.pth" in text and "RRDB x4 12/2/8, same output as the file" in text
    first = next(event for event in events if isinstance(event, Validated))
    network, _ = load_network(tmp_path / "starters" / "wqv1_x4_starter.pth")
    camera = make_camera(plan.config)
    frames = validation_frames(plan.splits.val, make_region_spec(plan.config, camera), seed=FRAME_SEED)
    expected = Validator(frames, camera, scale=4, device=torch.device("cpu")).measure(network).psnr
    assert first.step == 0 and first.psnr == pytest.approx(expected, abs=1e-3)
    stored = json.loads((tmp_path / "run" / "training_config.json").read_text(encoding="utf-8"))
    assert stored["init_weights"] == "starter" and stored["warm_start"]["function_kept"]


@pytest.mark.parametrize(
    ("given", "network"),
    [
        ({"preset": "light"}, (64, 6, 32)),
        ({"preset": "nano"}, (32, 4, 16)),
        ({"preset": "nano", "num_feat": 16}, (16, 4, 16)),
        ({}, (64, 23, 32)),
    ],
)
def test_the_preset_decides_the_network(given: dict[str, Any], network: tuple[int, ...], photos: Path) -> None:
    free = dict.fromkeys(("num_feat", "num_block", "num_grow_ch"))
    config = make_plan(plan_settings(photos, **{**free, "init_weights": STARTER, **given})).config
    assert (config.num_feat, config.num_block, config.num_grow_ch) == network


def test_the_network_is_never_smaller_than_the_built_in_model(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "nano", {**PRESETS["nano"], "num_block": 1, "num_grow_ch": 4})
    free = dict.fromkeys(("num_feat", "num_block", "num_grow_ch"))
    plan = make_plan(plan_settings(photos, **{**free, "init_weights": STARTER, "preset": "nano"}))
    assert (plan.config.num_feat, plan.config.num_block, plan.config.num_grow_ch) == (32, 1, 8)
    assert "The built-in model sets the network: RRDB x4 32/1/8 instead of the preset's RRDB x4 32/1/4." in str(
        plan.notices
    )


def test_watch_and_scale_decide_about_the_model(photos: Path) -> None:
    for given, name in (({}, "wqv1_x4_starter"), ({"monochrome_style": False, "scale": 2}, "wqv10_x2_starter")):
        warm = make_plan(plan_settings(photos, init_weights=STARTER, **given)).warm_start
        assert warm is not None and warm.path.stem == name
    with pytest.raises(UserError, match=r"no built-in model for the mono watch .* at x2. Built-in models exist for"):
        make_plan(plan_settings(photos, init_weights=STARTER, scale=2))


def test_a_rerun_starts_from_the_stored_choice_and_a_demo_from_nothing(photos: Path, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "again", init_weights=STARTER)
    settings = {"source_dir": str(photos), "workspace": str(workspace)}
    warm = make_plan(settings).warm_start
    assert warm is not None and warm.path.stem == "wqv1_x4_starter"
    assert make_plan({**settings, "init_weights": None}).warm_start is None
    assert make_plan({"demo": True, "workspace": str(tmp_path / "demo"), "device": "cpu"}).warm_start is None


def test_the_word_is_no_path() -> None:
    given = with_absolute_paths({"workspace": "w", "init_weights": STARTER, "camera_profile": "mine.json"})
    assert given["init_weights"] == STARTER and Path(given["camera_profile"]).is_absolute()
    assert "--init-weights starter" in format_command(given)


def test_the_form_shows_the_network_of_preset_and_built_in_model(photos: Path) -> None:
    draft = Draft()
    draft.set("preset", "nano")
    draft.set("init_weights", STARTER)
    draft.set("monochrome_style", True)
    draft.warm_start = identify_start(STARTER, draft.config)
    config = draft.config
    assert (config.num_feat, config.num_block, config.num_grow_ch) == (32, 4, 16)
