"""Which validation is the best: by PSNR or by spectrum distance, for the best model and early stopping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.core.test_trainer import only, train
from tests.small_runs import make_photos
from trainer_core.events import CheckpointSaved, Notice, RunFinished, Validated
from trainer_core.settings.config import TrainerConfig
from trainer_core.sinks.event_text import EventFormatter
from trainer_core.training import checkpoint
from trainer_core.training.evaluation import ValidationRecord
from trainer_core.training.validation import ValidationResult, Validator

Script = list[tuple[float, float]]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Script:
    """PSNR and spectrum distance of the coming validations; the last pair repeats."""
    results: Script = []
    real = Validator.measure

    def measure(self: Validator, network: Any, *, image_count: int = 0) -> ValidationResult:
        result = real(self, network, image_count=image_count)
        psnr, spectrum = results.pop(0) if len(results) > 1 else results[0]
        return ValidationResult(psnr, result.ssim, result.images, result.contrast, spectrum)

    monkeypatch.setattr(Validator, "measure", measure)
    return results


def run(photos: Path, workspace: Path, steps: int, **settings: Any) -> list[Any]:
    _, events = train(photos, workspace, steps=steps, val_interval=1, checkpoint_interval=100, **settings)
    return events


def best_steps(events: list[Any]) -> list[int]:
    return [event.step for event in only(Validated, events) if event.is_best]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"best_by": "spectrum"}, True),
        ({"gan_weight": 0.1}, True),
        ({"gan_weight": 0.1, "best_by": "psnr"}, False),
    ],
)
def test_the_spectrum_decides_in_an_adversarial_stage_or_on_request(settings: dict[str, Any], expected: bool) -> None:
    config = TrainerConfig().replace(**settings)
    assert config.is_ranked_by_spectrum is expected
    assert config.measures_sharpness is bool(settings)


def test_the_smallest_distance_is_the_best_unless_it_costs_too_much_psnr(
    photos: Path, tmp_path: Path, scripted: Script
) -> None:
    scripted += [(30.0, 3.0), (29.5, 2.0), (29.6, 2.5), (29.3, 1.0), (29.45, 1.5), (29.5, 1.495)]
    events = run(photos, tmp_path, 6, best_by="spectrum")
    assert best_steps(events) == [1, 2, 5]
    finished = only(RunFinished, events)[0]
    assert (finished.best_step, finished.best_psnr, finished.best_spectrum) == (5, 29.45, 1.5)
    assert [event.step for event in only(CheckpointSaved, events) if event.kind == "best"] == [1, 2, 5]
    best = checkpoint.load_checkpoint(tmp_path / "checkpoints" / "scale4_final.pth").best
    assert (best["best_spectrum"], best["highest_psnr"], best["since_best"]) == (1.5, 30.0, 1)
    lines = [line for event in (only(Validated, events)[1], finished) for line in EventFormatter().format_event(event)]
    assert "; spectrum distance 2.00 dB, bicubic " in lines[0] and lines[0].endswith("new best")
    assert "Best validation at step 5: spectrum distance 1.50 dB, PSNR 29.45 dB" in "\n".join(lines)


def test_psnr_decides_otherwise_and_leaves_the_record_of_earlier_versions(
    photos: Path, tmp_path: Path, scripted: Script
) -> None:
    scripted += [(22.0, 3.0), (21.5, 2.0), (22.5, 4.0)]
    events = run(photos, tmp_path, 3, gan_weight=0.01, gan_features=4, best_by="psnr")
    assert best_steps(events) == [1, 3] and only(RunFinished, events)[0].best_spectrum is None
    best = checkpoint.load_checkpoint(tmp_path / "checkpoints" / "scale4_final.pth").best
    assert set(best) == {"best_psnr", "best_step", "since_best", "last", "test_psnr"}


def test_early_stop_counts_validations_without_a_smaller_distance(
    photos: Path, tmp_path: Path, scripted: Script
) -> None:
    scripted += [(21.0, 3.0), (21.1, 2.0), (21.2, 2.0), (21.3, 2.1), (21.4, 2.2)]
    events = run(photos, tmp_path, 9, best_by="spectrum", early_stop=2)
    assert only(RunFinished, events)[0].step == 4
    scripted[:] = [(21.0, 3.0), (21.1, 2.0), (21.2, 2.0)]
    events = run(photos, tmp_path / "b", 13, best_by="spectrum")
    text = "The spectrum distance has not improved for 10 validations; the best was at step 2."
    assert text in [notice.text for notice in only(Notice, events)]


def test_a_resumed_run_continues_with_the_best_of_its_checkpoint(
    photos: Path, tmp_path: Path, scripted: Script
) -> None:
    scripted += [(22.0, 3.0), (21.5, 2.0)]
    run(photos, tmp_path, 2, best_by="spectrum")
    scripted[:] = [(21.5, 2.5), (20.9, 1.0), (21.5, 1.5)]
    _, events = train(photos, tmp_path, resume_from="latest", steps=5)
    assert best_steps(events) == [5]


def test_a_stage_that_begins_from_a_run_of_psnr_may_lose_little_against_its_best(
    photos: Path, tmp_path: Path, scripted: Script
) -> None:
    scripted += [(22.0, 3.0), (22.4, 3.0)]
    run(photos, tmp_path, 2)
    scripted[:] = [(21.7, 1.0), (21.85, 2.0), (21.9, 2.5)]
    _, events = train(photos, tmp_path, resume_from="latest", steps=5, best_by="spectrum")
    assert best_steps(events) == [4]


def test_a_plain_run_measures_no_spectrum(photos: Path, tmp_path: Path) -> None:
    events = run(photos, tmp_path / "plain", 1)
    assert {(event.spectrum, event.bicubic_spectrum) for event in only(Validated, events)} == {(None, None)}
    events = run(photos, tmp_path / "measured", 1, best_by="spectrum")
    event = only(Validated, events)[0]
    assert event.spectrum > 0 and event.bicubic_spectrum > 0 and event.grain > 0 and event.bicubic_grain > 0
    line = EventFormatter().format_event(event)[0]
    assert f"; grain {event.grain:.1f}, bicubic {event.bicubic_grain:.1f}" in line
    meta = torch.load(tmp_path / "measured" / "checkpoints" / "scale4_final_deploy.pth", weights_only=True)["meta"]
    assert meta["spectrum"] == event.spectrum


def test_odd_figures_of_a_checkpoint_are_left_out() -> None:
    values = {"best_psnr": 20.0, "best_spectrum": float("nan"), "highest_psnr": 21.0}
    assert ValidationRecord.restore(values).as_dict() == {
        "best_psnr": 20.0,
        "best_step": None,
        "since_best": 0,
        "last": {},
        "test_psnr": None,
        "highest_psnr": 21.0,
    }


def test_first_weights_that_nothing_beats_are_the_model_of_the_run(
    photos: Path, tmp_path: Path, scripted: Script
) -> None:
    scripted[:] = [(20.0, 9.0)]
    start, _ = train(photos, tmp_path / "start", steps=1)
    scripted[:] = [(25.0, 9.0), (24.0, 9.0)]
    result, events = train(photos, tmp_path / "run", steps=4, val_interval=2, init_weights=str(start.model))
    assert [(event.step, event.kind) for event in only(CheckpointSaved, events)] == [(0, "best"), (4, "final")]
    (end,) = only(RunFinished, events)
    assert (end.best_step, end.best_psnr) == (0, 25.0)
    assert end.model == str(result.model) and str(end.model).endswith("wqv_neosr_x4_best.pth")
    assert checkpoint.load_checkpoint(tmp_path / "run" / "checkpoints" / "scale4_best.pth").step == 0
