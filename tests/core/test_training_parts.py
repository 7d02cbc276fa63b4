"""The small parts of training: schedule, cadence, average, metrics, losses, initialization, budget."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from trainer_core.control import RunRequest
from trainer_core.errors import UserError
from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import MemoryNeed, choose_hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.sinks.event_text import format_rough_duration
from trainer_core.training import time_estimate
from trainer_core.training.clock import Cadences, RunClock, StepTiming
from trainer_core.training.ema import Ema
from trainer_core.training.losses import TrainingLoss
from trainer_core.training.metrics import psnr, ssim
from trainer_core.training.schedule import Cadence, learning_rate_at, make_checkpoint_cadence, make_validation_cadence


def test_cosine_warms_up_and_ends_at_zero() -> None:
    rates = [learning_rate_at(s, peak=1.0, schedule="cosine", total_steps=1000) for s in range(1000)]
    assert rates[0] == pytest.approx(1 / 50) and max(rates) == pytest.approx(1.0)
    assert rates[-1] < 1e-4 and rates.index(max(rates)) in range(48, 52)


def test_a_constant_rate_does_not_depend_on_the_number_of_steps() -> None:
    for step in (0, 10, 99, 100, 5000):
        assert learning_rate_at(step, peak=1.0, schedule="constant", total_steps=200) == learning_rate_at(
            step, peak=1.0, schedule="constant", total_steps=10**6
        )


def test_auto_is_every_30_seconds_or_a_twentieth_of_the_run_at_most_10_minutes_apart() -> None:
    cadence = make_validation_cadence("auto")
    assert cadence.period(300) == 30 and cadence.period(3600) == 180 and cadence.period(1e6) == 600
    assert not cadence.is_due(7, 29, 300) and cadence.is_due(7, 31, 300)
    cadence.record(31, 0.1)
    assert not cadence.is_due(8, 60, 300)
    cadence.cost = 4.0
    assert cadence.period(600) == 80  # a validation never takes more than a twentieth of the time


@pytest.mark.parametrize("cost", [0.1, 8.0])
def test_a_two_minute_run_shows_at_least_four(cost: float) -> None:
    for cadence in (make_validation_cadence("auto"), make_checkpoint_cadence("auto")):
        cadence.cost = cost
        assert 120 // cadence.period(120) >= 4
        assert 95 // cadence.period(95) >= 3  # and the last step always comes with one


def test_numbers_mean_steps() -> None:
    cadence = Cadence(50, fraction=0, min_period=0)
    assert [s for s in range(1, 201) if cadence.is_due(s, 0.0, None)] == [50, 100, 150, 200]


def test_the_average_follows_early_and_settles_later() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    ema = Ema(layer, 0.999)
    with torch.no_grad():
        layer.weight.fill_(5.0)
    ema.update()
    first = float(ema.state()["weight"])  # 2/11 of the old weight is left
    assert first == pytest.approx(5.0 - 4.0 * 2 / 11)
    for _ in range(60):
        ema.update()
    assert float(ema.state()["weight"]) == pytest.approx(5.0, abs=0.05)


def test_psnr_and_ssim_of_known_pictures() -> None:
    reference = torch.full((1, 3, 32, 32), 0.5)
    assert float(psnr(reference + 0.1, reference)) == pytest.approx(20.0, abs=1e-4)
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert float(ssim(noise, noise)) == pytest.approx(1.0)
    assert float(ssim(noise, noise.flip(-1))) < 0.3
    # a shift of means only: (2 a b + C1) / (a^2 + b^2 + C1), Wang et al. 2004, eq. 6
    flat = (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4)
    assert float(ssim(reference + 0.1, reference)) == pytest.approx(flat, abs=1e-4)


def test_each_loss_term_is_reported_with_its_weight() -> None:
    config = TrainerConfig(l1_weight=2.0, frequency_weight=0.5)
    terms = TrainingLoss(config, torch.device("cpu"))(torch.full((1, 3, 8, 8), 0.75), torch.full((1, 3, 8, 8), 0.5))
    assert float(terms["l1"]) == pytest.approx(0.5)
    # a constant difference d has one coefficient, d*sqrt(h*w), among h*(w/2+1)*2 values
    assert float(terms["frequency"]) == pytest.approx(0.5 * 0.25 * 8 / (8 * 5 * 2))
    assert float(terms["total"]) == pytest.approx(float(terms["l1"]) + float(terms["frequency"]))


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_an_untrained_network_interpolates_smoothly(scale: int) -> None:
    network = RRDBNet(NetworkSpec(scale, 16, 2, 8))
    initialize(network, seed=1)
    coarse = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(2))
    lr = F.interpolate(coarse, size=(24, 24), mode="bilinear")
    with torch.no_grad():
        sr = network(lr)
    smooth = F.interpolate(lr, scale_factor=scale, mode="bilinear")
    inner = slice(3 * scale, -3 * scale)
    error = (sr - smooth)[..., inner, inner].abs().mean()
    assert float(error) < 0.05, "the network should start as an interpolator"


def test_the_start_depends_on_the_seed_alone() -> None:
    networks = [RRDBNet(NetworkSpec(4, 8, 1, 4)) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2)):
        initialize(network, seed)
    first, same, other = (n.body[0].rdb1.conv1.weight for n in networks)
    assert torch.equal(first, same) and not torch.equal(first, other)


def clock_of(config: TrainerConfig, steps: int = 0, seconds: float = 1.0) -> RunClock:
    """A clock that has just started and has seen `steps` steps."""
    clock = RunClock(config, started=time.monotonic())
    for _ in range(steps):
        clock.add_step(seconds)
    return clock


def test_the_clock_knows_speed_time_left_and_when_the_run_is_over() -> None:
    clock = clock_of(TrainerConfig(steps=100), steps=40, seconds=0.25)
    assert clock.steps_per_second == 4 and clock.seconds_left(40) == 15
    assert not clock.is_over(99) and clock.is_over(100)
    assert clock_of(TrainerConfig(steps=100), steps=4).planned_seconds(4) is None
    assert clock.planned_seconds(40) == pytest.approx(15, abs=1)
    assert not clock.can_plan_steps, "there is no budget"


def test_pauses_are_not_time_of_the_run_but_earlier_sessions_are(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = RunClock(TrainerConfig(), started=90.0, previous_seconds=50.0)
    with clock.pause():
        now[0] = 107.0
    now[0] = 108.0
    assert (clock.elapsed, clock.total_seconds) == (11.0, 61.0)


def test_the_clock_turns_a_budget_into_steps_once() -> None:
    clock = clock_of(TrainerConfig(max_minutes=2.0), steps=3 + 11, seconds=0.5)
    assert clock.total_steps is None and not clock.can_plan_steps
    assert clock.seconds_left(14) == pytest.approx(120, abs=1)
    clock.add_step(0.5)
    assert clock.can_plan_steps, "twelve steps were timed"
    asked: list[tuple[float, float]] = []

    def overhead(left: float, planned: float) -> float:
        asked.append((left, planned))
        return 20.0

    total = clock.plan_steps(15, overhead)
    assert asked == [pytest.approx((120, 120), abs=1)]
    assert total == clock.total_steps == pytest.approx(15 + 0.98 * 100 / 0.5, abs=3)
    assert not clock.can_plan_steps


def test_what_is_due_and_what_was_requested_come_together() -> None:
    config = TrainerConfig(steps=12, val_interval=4, checkpoint_interval=6, image_log_interval=3)
    cadences = Cadences(config, clock_of(config, steps=1))
    due = {step: {task.value for task in cadences.due(step, frozenset())} for step in range(1, 13)}
    assert {step: tasks for step, tasks in due.items() if tasks} == {
        3: {"preview"},
        4: {"validate"},
        6: {"preview", "save"},
        8: {"validate"},
        9: {"preview"},
    }
    assert cadences.due(6, frozenset({RunRequest.SAVE})) == {RunRequest.SAVE, RunRequest.PREVIEW}
    assert cadences.due(7, frozenset({RunRequest.VALIDATE})) == {RunRequest.VALIDATE, RunRequest.PREVIEW}
    assert cadences.due(12, frozenset({RunRequest.SAVE})) == {RunRequest.SAVE}, "the end does the rest"


def test_every_validation_has_a_preview_unless_previews_have_an_interval() -> None:
    config = TrainerConfig(steps=12, val_interval=4)
    cadences = Cadences(config, clock_of(config, steps=1))
    assert cadences.due(4, frozenset()) == {RunRequest.VALIDATE, RunRequest.PREVIEW}
    assert cadences.due(5, frozenset()) == frozenset()


def test_a_task_s_cost_and_time_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    config = TrainerConfig(steps=12)
    clock = RunClock(config, started=0.0)
    cadences = Cadences(config, clock)
    now[0] = 5.0
    cadences.start()
    now[0] = 28.0
    assert RunRequest.SAVE not in cadences.due(1, frozenset())
    now[0] = 29.0
    assert RunRequest.SAVE in cadences.due(1, frozenset())
    with cadences.timing(RunRequest.SAVE):
        now[0] = 31.0
    assert cadences.checkpoint.cost == 2.0 and RunRequest.SAVE not in cadences.due(2, frozenset())


def test_a_budget_becomes_the_steps_that_fit() -> None:
    timing = StepTiming()
    for _ in range(3):
        timing.add(9.0)  # the first steps are slow and do not count
    for _ in range(20):
        timing.add(0.5)
    assert timing.is_sufficient(600) and not StepTiming().is_sufficient(600)
    assert timing.steps_in(100) == int(0.98 * 200)
    config = TrainerConfig(max_minutes=10.0)
    cadences = Cadences(config, RunClock(config, started=0.0))
    cadences.validation.cost = 2.0
    assert (cadences.validation.period(300), cadences.checkpoint.period(300)) == (40, 60)
    assert cadences.estimate_overhead(190, 300) == 5 * (2 + 1) + 4 * 1


def vgg_file(path: Path) -> Path:
    layers = ((0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256), (14, 256, 256))
    generator = torch.Generator().manual_seed(4)
    state = {}
    for index, inputs, outputs in layers:
        state[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * 0.05
        state[f"features.{index}.bias"] = torch.zeros(outputs)
    torch.save(state, path)
    return path


def test_the_perceptual_loss_reads_torchvisions_file_and_feels_structure(tmp_path: Path) -> None:
    config = TrainerConfig(l1_weight=0.0, perceptual_weight=0.5, vgg_weights=str(vgg_file(tmp_path / "vgg.pth")))
    losses = TrainingLoss(config, torch.device("cpu"))
    hr = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    sr = hr.flip(-1).requires_grad_()
    assert float(losses(hr, hr)["perceptual"]) == 0.0
    terms = losses(sr, hr)
    terms["total"].backward()
    assert float(terms["perceptual"].detach()) > 0 and sr.grad is not None and bool(sr.grad.abs().sum() > 0)


def test_another_file_than_vgg19_is_refused_by_name(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(3, 3, 3, 3)}, tmp_path / "x.pth")
    config = TrainerConfig(perceptual_weight=0.5, vgg_weights=str(tmp_path / "x.pth"))
    with pytest.raises(UserError, match=r"vgg19-dcbb9e9d\.pth"):
        TrainingLoss(config, torch.device("cpu"))


# -- time estimate -----------------------------------------------------------------------------


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
    monkeypatch.setattr(time_estimate, "_time_step", lambda *arguments: 0.5)
    monkeypatch.setattr(time_estimate, "_PROBE_MULTIPLICATIONS", 3.5 * time_estimate.count_multiplications(piece, 16))
    share = time_estimate.count_multiplications(spec, 16) / time_estimate.count_multiplications(piece, 16)
    assert time_estimate.measure_step_seconds(config, spec, choose_hardware(config)) == pytest.approx(
        0.5 * share * 3 * 8 / 4
    )


def test_measuring_a_piece_leaves_the_random_numbers_alone() -> None:
    config = TrainerConfig(patch_size=16, device="cpu", amp=False, perceptual_weight=0.1)
    before = torch.random.get_rng_state()
    spec = NetworkSpec(4, num_feat=8, num_block=2, num_grow_ch=4)
    assert time_estimate.measure_step_seconds(config, spec, choose_hardware(config)) > 0
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_run_takes_its_budget_or_its_steps_and_a_tenth() -> None:
    config = TrainerConfig(steps=100)
    assert time_estimate.estimate_run_seconds(config, 2.0) == pytest.approx(220)
    assert time_estimate.estimate_run_seconds(config.replace(max_minutes=7.0), 2.0) == 420


@pytest.mark.parametrize(
    "seconds, text", [(0.2, "1 second"), (89, "89 seconds"), (700, "12 minutes"), (6100, "2 hours"), (4e5, "5 days")]
)
def test_rough_durations_are_words(seconds: float, text: str) -> None:
    assert format_rough_duration(seconds) == text


# -- memory ------------------------------------------------------------------------------------


def test_memory_that_is_nearly_used_up_is_warned_of() -> None:
    assert MemoryNeed(8 * 10**9, 10 * 10**9).warning == ""
    scarce = MemoryNeed(95 * 10**8, 10 * 10**9)
    assert scarce.exceeds_free
    assert "about 9.50 GB needed, 10.0 GB free. Lower --batch-size" in scarce.warning
