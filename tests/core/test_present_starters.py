"""The starters that come with the program are what their cards say, and as good."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks.starter_frames import FrameSet, scene_frames
from benchmarks.starter_release import measure
from benchmarks.starters import TRAIN_SEED
from trainer_core.starters.card import Starter, starter_name
from trainer_core.starters.registry import FOLDER, find_starters
from trainer_core.verbs.mirroring import MIRRORS
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import WQV1
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.programs import scale_mark_problem
from trainer_core.weights.rrdb.dialects import identify

STARTERS = find_starters()
NAMES = [f"{watch}_x{scale}_starter" for watch in ("wqv1", "wqv10") for scale in (2, 4, 8)]
PRECISIONS = {"float16": "fp16", "float32": "fp32"}
FREE = re.compile(
    rf"\d+ built-in scenes of seed {TRAIN_SEED}|\d+ photographs of gb82 \(CC0\)(, and \d+ variants of each)?"
)
each = pytest.mark.parametrize("starter", STARTERS, ids=[starter.name for starter in STARTERS])
README = Path(__file__).resolve().parents[2] / "README.md"
MAX_BYTES = 24_000_000  # of all together


@each
def test_a_starter_is_what_its_card_says(starter: Starter) -> None:
    assert starter.is_intact and starter.card["bytes"] == starter.path.stat().st_size
    assert starter.name == starter.card["name"] == starter_name(starter.watch, starter.scale)
    assert not scale_mark_problem(starter.path, starter.scale)
    found = identify(open_weights(starter.path))
    assert found.spec == starter.spec and found.is_complete and not found.unexpected
    assert (found.spec.scale, found.meta["camera"]) == (starter.scale, starter.watch.profile)
    assert starter.card["license"] == found.meta["license"] == "Apache-2.0"
    sessions = starter.card["sessions"]
    assert starter.card["steps"] == sum(session["steps"] for session in sessions) == found.meta["step"]
    assert all(session["machine"] and session["trained_on"] for session in sessions) and starter.card["trained_on"]
    for session in sessions:  # the first ones have none
        assert not re.search(r"[/\\]", json.dumps(session.get("options", {}))), "a path"
    assert set(starter.mirrors) <= set(MIRRORS)
    assert Upscaler(starter.path, device="cpu").gray == (starter.watch == WQV1)


@each
def test_a_starter_beats_bicubic_enlargement_by_its_figure(starter: Starter) -> None:
    said = next(figures for figures in starter.measured if figures.scenes_seed is not None)
    frames: FrameSet = scene_frames(starter.watch, starter.scale, seed=said.scenes_seed or 0, count=said.count)
    (found,) = measure(starter.path, [frames])
    assert found.gain > 0 and all(figures.gain > 0 for figures in starter.measured)
    assert found.gain == pytest.approx(said.gain, abs=0.05)
    assert found.ssim - found.bicubic_ssim == pytest.approx(said.ssim - said.bicubic_ssim, abs=0.01)


@each
def test_the_precision_of_a_card_is_that_of_each_tensor(starter: Starter) -> None:
    tensors = identify(open_weights(starter.path)).tensors
    assert len(tensors) > 100
    assert {PRECISIONS[tensor.dtype] for tensor in tensors.values()} == {starter.card["precision"]}


@each
def test_a_starter_was_trained_on_free_material_only(starter: Starter) -> None:
    sessions = starter.card["sessions"]
    sources = [source for session in sessions for source in (session, session["started_from"]) if source]
    found = {text for source in sources for text in source["trained_on"]}
    assert found == set(starter.card["trained_on"])
    assert [text for text in found if not FREE.fullmatch(text)] == []


def test_all_six_starters_are_present_and_small_and_each_has_its_card() -> None:
    assert [starter.name for starter in STARTERS] == NAMES
    weights = {path.stem for path in FOLDER.glob("*.pth")}
    assert weights == {starter.name for starter in STARTERS} == {path.stem for path in FOLDER.glob("*.json")}
    assert np.sum([starter.path.stat().st_size for starter in STARTERS]) <= MAX_BYTES


@pytest.mark.parametrize("name", ["wqv1_x4_starter", "wqv10_x4_starter"])
def test_the_readme_states_the_gain_of_a_starter_on_photographs(name: str) -> None:
    starter = next(starter for starter in STARTERS if starter.name == name)
    figures = next(figures for figures in starter.measured if figures.scenes_seed is None)
    (line,) = [line for line in README.read_text("utf-8").splitlines() if f"{name}.json" in line]
    assert f"{figures.gain:.2f} dB" in line
