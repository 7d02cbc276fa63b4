"""A trial whose jobs and answers the test delivers itself, in an order that a busy computer can produce."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from app.enlarge.enlargement import TrialPhoto
from app.enlarge.trial import THIS_MODEL, Trial
from app.system.background import Background
from tests.core.networks import network_of, saved
from tests.small_runs import picture
from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.watches import WQV1


class SlowThread:
    """The training thread: it does its jobs in order, and the window gets the answers later."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]]] = []
        self.answers: list[Callable[[], None]] = []

    def ask(self, job: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        self.jobs.append((job, done, failed))

    def work(self) -> None:
        while self.jobs:
            job, done, failed = self.jobs.pop(0)
            try:
                self.answers.append(partial(done, job()))
            except UserError as error:
                self.answers.append(partial(failed, error))

    def settle(self) -> None:
        while self.jobs or self.answers:
            self.work()
            while self.answers:
                self.answers.pop(0)()


class ImmediateBackground(Background):
    def run_job(
        self, name: str, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        done(work())


@pytest.fixture
def thread() -> SlowThread:
    return SlowThread()


@pytest.fixture
def trial(qapp: QApplication, thread: SlowThread) -> Trial:
    return Trial(thread.ask, ImmediateBackground())


@pytest.fixture
def models(tmp_path: Path) -> dict[int, Path]:
    return {scale: saved(network_of(NetworkSpec(scale, 8, 1, 4)), tmp_path / f"own_x{scale}.pth") for scale in (2, 4)}


def make_photo(size: tuple[int, int]) -> TrialPhoto:
    pixels = np.asarray(picture(1).resize(size))
    return TrialPhoto(Path("photo.png"), "photo", pixels, WQV1, "")


def test_two_models_chosen_in_a_row_leave_the_second_and_its_result(
    trial: Trial, thread: SlowThread, models: dict[int, Path]
) -> None:
    photo = make_photo((40, 30))
    trial.load_model(THIS_MODEL, models[2])
    trial.show_photo(photo)
    thread.settle()
    trial.load_model(THIS_MODEL, models[4])
    trial.load_model(THIS_MODEL, models[2])
    trial.show_photo(TrialPhoto(Path("other.png"), "other", photo.pixels, WQV1, ""))
    thread.settle()
    result = trial.result(THIS_MODEL)
    assert result is not None and result.is_complete and result.pixels.shape[:2] == (60, 80)
    assert result.model.path == models[2] and trial.busy == ""


def test_a_model_that_is_being_replaced_upscales_no_further_photo(
    trial: Trial, thread: SlowThread, models: dict[int, Path]
) -> None:
    trial.load_model(THIS_MODEL, models[2])
    thread.settle()
    trial.load_model(THIS_MODEL, models[4])
    trial.show_photo(make_photo((40, 30)))
    assert trial.busy == "" and trial.result(THIS_MODEL) is None
    thread.settle()
    result = trial.result(THIS_MODEL)
    assert result is not None and result.model.path == models[4] and result.pixels.shape[:2] == (120, 160)


def test_a_photo_gets_its_result_from_the_model_before_if_the_next_is_refused(
    trial: Trial, thread: SlowThread, models: dict[int, Path], tmp_path: Path
) -> None:
    refused: list[str] = []
    trial.model_refused.connect(lambda role, error: refused.append(role))
    trial.load_model(THIS_MODEL, models[2])
    thread.settle()
    (tmp_path / "broken.pth").write_bytes(b"no model")
    trial.load_model(THIS_MODEL, tmp_path / "broken.pth")
    trial.show_photo(make_photo((40, 30)))
    thread.settle()
    result = trial.result(THIS_MODEL)
    assert refused == [THIS_MODEL] and result is not None and result.is_complete and result.model.path == models[2]


def test_a_photo_that_is_removed_is_not_upscaled_further(
    trial: Trial, thread: SlowThread, models: dict[int, Path]
) -> None:
    photo = make_photo((300, 200))
    trial.load_model(THIS_MODEL, models[2])
    thread.settle()
    trial.show_photo(photo)
    assert trial.busy == THIS_MODEL
    trial.remove_photo(photo.file)  # the list selects the next photo a moment later
    thread.settle()
    assert trial.busy == "" and trial.result(THIS_MODEL) is None
    trial.show_photo(photo)
    thread.settle()
    result = trial.result(THIS_MODEL)
    assert result is not None and result.is_complete
