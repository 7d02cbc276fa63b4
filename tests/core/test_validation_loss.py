"""The validation loss: the term of the training loss that a validation measures on whole frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.core.test_trainer import only, train
from tests.core.test_validation_memory import make_frames
from tests.small_runs import make_photos
from trainer_core.events import StepDone, Validated, event_from_json
from trainer_core.sinks.journal import read_journal
from trainer_core.training.validation import Validator

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


@pytest.mark.parametrize("mono", [True, False])
def test_it_is_the_mean_absolute_error_of_the_frames(tmp_path: Path, mono: bool) -> None:
    frames, camera, config = make_frames(tmp_path, monochrome_style=mono)
    validator = Validator(frames, camera, scale=config.scale, device=torch.device("cpu"))
    network = torch.nn.Sequential(torch.nn.Upsample(scale_factor=config.scale), torch.nn.Conv2d(3, 3, 3, padding=1))
    with torch.no_grad():
        errors = [
            (network(case.lr) - case.upload_target(torch.device("cpu"))).abs().mean() for case in validator._cases
        ]
    assert len(errors) == 3 and len({float(error) for error in errors}) == 3
    assert validator.measure(network).l1 == pytest.approx(float(torch.stack(errors).mean()), rel=1e-5)


def test_it_has_the_weight_of_the_term_that_it_is_compared_with(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[float] = []
    real = Validator.measure

    def measure(self: Validator, network: Any, **arguments: Any) -> Any:
        result = real(self, network, **arguments)
        measured.append(result.l1)
        return result

    monkeypatch.setattr(Validator, "measure", measure)
    settings: dict[str, Any] = {"train_split": 0.6, "val_split": 0.2, "l1_weight": 2.0, "frequency_weight": 1.0}
    _, events = train(photos, tmp_path, steps=2, val_interval=1, **settings)
    found = only(Validated, events)
    assert {event.split for event in found} == {"val", "test"}
    assert sorted(event.loss for event in found) == pytest.approx(sorted(2 * error for error in measured))
    stored = map(event_from_json, read_journal(tmp_path / "journal.jsonl"))
    assert [event.loss for event in stored if isinstance(event, Validated)] == [event.loss for event in found]
    assert "l1" in only(StepDone, events)[0].losses


def test_a_run_without_the_term_has_none(photos: Path, tmp_path: Path) -> None:
    _, events = train(photos, tmp_path, steps=1, val_interval=1, l1_weight=0.0, frequency_weight=1.0)
    assert [event.loss for event in only(Validated, events)] == [None] and "l1" not in only(StepDone, events)[0].losses


@pytest.mark.parametrize("version", ["0.1.0", "1.0"])
def test_a_journal_of_an_earlier_version_has_none(version: str) -> None:
    records = read_journal(DATA / f"workspace_{version}" / "journal.jsonl")
    found = [event for event in map(event_from_json, records) if isinstance(event, Validated)]
    assert found and {event.loss for event in found} == {None}
