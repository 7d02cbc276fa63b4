"""How long a run will take, measured on a small network."""

from __future__ import annotations

import time
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode

from trainer_core.control import Stopped
from trainer_core.model import rrdb
from trainer_core.model.discriminator_spec import count_multiplications
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import choose_hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import muon, time_estimate
from trainer_core.training.learner import Learner


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_multiplications_are_those_that_torch_counts(scale: int) -> None:
    spec = NetworkSpec(scale, num_feat=8, num_block=2, num_grow_ch=4)
    with FlopCounterMode(display=False) as counter:
        RRDBNet(spec)(torch.zeros(1, 3, 16, 16))
    assert time_estimate.count_multiplications(spec, 16) == counter.get_total_flops() / 2


def test_the_time_of_a_step_is_that_of_a_piece_scaled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainerConfig(patch_size=16, batch_size=8, grad_accum_steps=3, device="cpu", amp=False)
    spec = NetworkSpec(4, num_feat=8, num_block=20, num_grow_ch=4)
    piece = NetworkSpec(4, num_feat=8, num_block=2, num_grow_ch=4)
    monkeypatch.setattr(time_estimate, "_time_step", lambda *arguments: (0.5, 0.25))
    monkeypatch.setattr(time_estimate, "_PROBE_MULTIPLICATIONS", 3.5 * time_estimate.count_multiplications(piece, 16))
    share = time_estimate.count_multiplications(spec, 16) / time_estimate.count_multiplications(piece, 16)
    passes = 0.5 * share * 3 * 8 / 4
    updates = {"adam": spec.parameter_count() / piece.parameter_count()}
    updates["muon"] = muon.count_multiplications(spec) / muon.count_multiplications(piece)
    for optimizer, ratio in updates.items():
        measured = time_estimate.measure_step_seconds(
            config.replace(optimizer=optimizer), spec, choose_hardware(config), 8
        )
        assert measured == pytest.approx(passes + 0.25 * ratio)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_the_update_is_measured_apart_and_counts_once_for_all_patches(
    optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainerConfig(patch_size=16, batch_size=16, grad_accum_steps=4, device="cpu", amp=False)
    config, spec = config.replace(optimizer=optimizer), NetworkSpec(4, num_feat=8, num_block=1, num_grow_ch=4)
    now = [0.0]
    real = Learner.update
    monkeypatch.setattr(time_estimate, "_PROBE_MULTIPLICATIONS", 1.0)  # one patch of 64
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Pass(RRDBNet):
        def forward(self, lr: Any) -> Any:
            now[0] += 1.0
            return super().forward(lr)

    def update(self: Learner, *args: Any, **more: Any) -> None:
        real(self, *args, **more)
        now[0] += 5.0

    monkeypatch.setattr(rrdb, "RRDBNet", Pass)
    monkeypatch.setattr(Learner, "update", update)
    measured = time_estimate.measure_step_seconds(config, spec, choose_hardware(config), 16)
    assert measured == pytest.approx(64 * 1.0 + 5.0)


def test_the_multiplications_of_muon_are_those_that_torch_counts() -> None:
    spec = NetworkSpec(4, num_feat=8, num_block=2, num_grow_ch=4)
    network = RRDBNet(spec)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer = muon.Muon(network.parameters(), muon.find_inner_kernels(network), lr=1e-3)
    with FlopCounterMode(display=False) as counter:
        optimizer.step()
    assert muon.count_multiplications(spec) == counter.get_total_flops() / 2


def test_the_discriminator_counts_as_much_beside_a_piece_as_beside_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainerConfig(patch_size=16, batch_size=8, device="cpu", amp=False, gan_weight=0.1, gan_features=8)
    whole, piece = (NetworkSpec(4, num_feat=8, num_block=blocks, num_grow_ch=4) for blocks in (20, 2))
    monkeypatch.setattr(time_estimate, "_time_step", lambda *arguments: (0.5, 0.0))
    monkeypatch.setattr(time_estimate, "_PROBE_MULTIPLICATIONS", 1e12)
    # nine forward passes of the discriminator, three (with the backward pass) of the generator
    rated = 9 / 3 * count_multiplications(8) * 64**2
    share = [time_estimate.count_multiplications(spec, 16) + rated for spec in (whole, piece)]
    measured = time_estimate.measure_step_seconds(config, whole, choose_hardware(config), 8)
    assert measured == pytest.approx(0.5 * share[0] / share[1])


def test_measuring_a_piece_leaves_the_random_numbers_alone() -> None:
    config = TrainerConfig(patch_size=16, device="cpu", amp=False, perceptual_weight=0.1)
    before = torch.random.get_rng_state()
    spec = NetworkSpec(4, num_feat=8, num_block=2, num_grow_ch=4)
    assert time_estimate.measure_step_seconds(config, spec, choose_hardware(config), 16) > 0
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_run_takes_its_budget_or_its_steps_and_a_tenth() -> None:
    config = TrainerConfig(steps=100)
    assert time_estimate.estimate_run_seconds(config, 2.0) == pytest.approx(220)
    assert time_estimate.estimate_run_seconds(config.replace(max_minutes=7.0), 2.0) == 420


def test_a_measurement_ends_between_two_blocks_when_a_run_starts() -> None:
    checks: list[int] = []

    def check_stop() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise Stopped

    config = TrainerConfig(patch_size=16, device="cpu", amp=False)
    with pytest.raises(Stopped):
        time_estimate.measure_step_seconds(
            config, NetworkSpec(2, num_feat=8, num_block=2, num_grow_ch=4), choose_hardware(config), 16, check_stop
        )
    assert len(checks) == 3


def test_the_steps_that_fit_into_a_time_limit_take_that_time() -> None:
    steps = time_estimate.estimate_steps(60.0, 0.5)
    assert time_estimate.estimate_run_seconds(TrainerConfig(steps=steps), 0.5) == pytest.approx(3600, abs=1)
    assert time_estimate.estimate_steps(0.001, 90.0) == 1
