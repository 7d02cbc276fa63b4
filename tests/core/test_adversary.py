"""The adversarial stage: what both networks learn from each other, and runs that stop, fail, resume and go back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor

from tests.core.test_learner import make_batch
from tests.core.test_micro_batch import Run, _step_file
from tests.core.test_trainer import losses_by_step, only, stop_at, train
from tests.small_runs import TINY, make_photos
from trainer_core.errors import NewerFileError, UserError
from trainer_core.events import Notice, RolledBack, StepDone
from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import Hardware
from trainer_core.planning.plan import network_spec
from trainer_core.settings.config import TrainerConfig
from trainer_core.sinks.journal import read_journal
from trainer_core.training import checkpoint
from trainer_core.training.adversary import Adversary, relativistic_loss
from trainer_core.training.learner import Learner
from trainer_core.training.resources import estimate_checkpoint_bytes
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.rrdb.dialects import identify

GAN: dict[str, Any] = dict(gan_weight=0.05, gan_ramp=4, gan_features=4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def make_learner(precision: str = "fp32", **settings: Any) -> Learner:
    config = TrainerConfig(source_dir="photos", workspace="run").replace(**{**TINY, **GAN, **settings})
    network = RRDBNet(network_spec(config))
    initialize(network, 1)
    return Learner(config, network, Hardware("cpu", precision, "CPU"))


def adversary_of(learner: Learner) -> Adversary:
    assert learner.adversary is not None
    return learner.adversary


def values_of(learner: Learner) -> list[Tensor]:
    networks = (learner.network, adversary_of(learner).network)
    return [torch.cat([p.detach().flatten() for p in network.parameters()]) for network in networks]


def digest(path: Path) -> str:
    state = checkpoint.load_checkpoint(path)
    assert state.discriminator is not None
    return checkpoint.compute_digest(
        [state.params, state.params_ema, state.optimizer, state.discriminator, state.step, state.samples]
    )


# -- losses and updates ------------------------------------------------------------------------


def test_the_relativistic_loss_falls_as_ratings_move_apart() -> None:
    even = torch.zeros(2, 1, 4, 4)
    assert float(relativistic_loss(even, even)) == pytest.approx(math.log(2))
    assert float(relativistic_loss(even + 1, even)) == pytest.approx(math.log(1 + math.exp(-1)))
    assert float(relativistic_loss(even, even + 1)) == pytest.approx(math.log(1 + math.exp(1)))
    apart = even.clone()
    apart[0] += 2  # mean 1: each rating is compared with the mean of the other kind
    expected = (math.log(1 + math.exp(-2)) + math.log(2)) / 2 / 2 + math.log(1 + math.exp(-1)) / 2
    assert float(relativistic_loss(apart, even)) == pytest.approx(expected)


def test_the_weight_rises_in_the_first_updates_only() -> None:
    adversary = adversary_of(make_learner())
    seen = []
    for _ in range(6):
        seen.append(adversary.weight)
        adversary.end_step()
    assert seen == pytest.approx([0.0125, 0.025, 0.0375, 0.05, 0.05, 0.05])
    assert adversary_of(make_learner(gan_ramp=0)).weight == 0.05


def test_the_term_is_part_of_the_total_and_trains_the_generator_alone() -> None:
    learner = make_learner(gan_ramp=0)
    batch, adversary = make_batch(), adversary_of(learner)
    sr = learner.network(batch.lr)
    terms = adversary.add_term({"total": torch.tensor(0.25)}, sr, batch.hr)
    assert float(terms["gan"].detach()) == pytest.approx(0.05 * math.log(2), rel=0.2)
    assert torch.equal(terms["total"], terms["gan"] + 0.25)
    torch.autograd.backward(terms["total"])
    assert all(parameter.grad is None for parameter in adversary.network.parameters())
    assert all(parameter.requires_grad for parameter in adversary.network.parameters())
    assert any(bool(parameter.grad.abs().sum() > 0) for parameter in learner.network.parameters())


def test_the_discriminator_learns_to_tell_both_apart() -> None:
    learner = make_learner(learning_rate=1e-3)
    lr, generator = torch.rand(2, 3, 16, 16), torch.Generator().manual_seed(5)
    batch = type(make_batch())(lr, torch.rand(2, 3, 64, 64, generator=generator))
    before = adversary_of(learner).state()["directions"]
    for _ in range(30):
        learner.update([batch], count=1, learning_rate=1e-3)
    reading = learner.read_latest()
    assert reading.discriminator["loss"] < 0.6 and reading.discriminator["real"] > reading.discriminator["fake"]
    assert set(reading.losses) == {"l1", "gan", "total"} and adversary_of(learner).updates == 30
    after = adversary_of(learner).state()["directions"]
    assert all(not torch.equal(before[name], after[name]) for name in before), "the normalization follows the weights"


def test_readings_and_gradients_are_means_over_the_micro_batches() -> None:
    one, two = make_learner(), make_learner()
    one.update([make_batch()], count=1, learning_rate=1e-3)
    two.update([make_batch(), make_batch()], count=2, learning_rate=1e-3)
    assert one.read_latest().discriminator == pytest.approx(two.read_latest().discriminator)
    for single, double in zip(values_of(one), values_of(two)):
        assert torch.allclose(single, double, atol=1e-6)


@pytest.mark.parametrize("broken", ["generator", "discriminator"])
def test_both_networks_skip_a_step_in_which_one_has_gradients_that_are_not_finite(broken: str) -> None:
    learner = make_learner()
    network = learner.network if broken == "generator" else adversary_of(learner).network
    next(network.parameters()).register_hook(lambda grad: grad * float("nan"))
    before = values_of(learner)
    learner.update([make_batch()], count=1, learning_rate=1e-3)
    assert all(torch.equal(left, right) for left, right in zip(before, values_of(learner)))
    assert learner.read_latest().consecutive_skips == 1


def test_gradients_of_the_discriminator_that_overflow_in_fp16_lower_the_scale_of_the_loss() -> None:
    learner = make_learner()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    learner._scaler, calls = scaler, [0]

    def overflow(grad: Tensor) -> Tensor:
        calls[0] += 1
        return grad * float("inf") if calls[0] <= 2 else grad

    next(adversary_of(learner).network.parameters()).register_hook(overflow)
    changed = []
    for _ in range(4):
        before = values_of(learner)
        learner.update([make_batch()], count=1, learning_rate=1e-3)
        changed.append([not torch.equal(left, right) for left, right in zip(before, values_of(learner))])
        assert learner.read_latest().consecutive_skips == 0
    assert changed == [[False] * 2] * 2 + [[True] * 2] * 2 and scaler.get_scale() == 2.0**14


def test_a_scaled_loss_gives_the_same_update() -> None:
    plain, scaled = make_learner(), make_learner()
    scaled._scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for learner in (plain, scaled):
        learner.update([make_batch()], count=1, learning_rate=1e-3)
    for left, right in zip(values_of(plain), values_of(scaled)):
        assert torch.allclose(left, right, atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_follows_float32(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device: scaler)
    generator = torch.Generator().manual_seed(3)
    batch = type(make_batch())(*(torch.rand(2, 3, side, side, generator=generator) for side in (16, 64)))
    readings = []
    for which in ("fp32", precision):
        learner = make_learner(precision=which, gan_ramp=0, gan_features=16)
        for _ in range(4):
            learner.update([batch], count=1, learning_rate=1e-3)
        readings.append(learner.read_latest())
    exact, mixed = readings
    assert mixed.skipped == 0 and mixed.losses["gan"] != exact.losses["gan"]
    assert mixed.losses["gan"] == pytest.approx(exact.losses["gan"], rel=0.02)
    assert mixed.discriminator["loss"] == pytest.approx(exact.discriminator["loss"], rel=0.02)


def test_another_process_gets_every_bit_of_the_discriminator() -> None:
    one, other = make_learner(), make_learner(seed=7)
    for steps in (0, 2):
        for _ in range(steps):
            one.update([make_batch()], count=1, learning_rate=1e-3)
        source, target = adversary_of(one), adversary_of(other)
        target.load_flat(source.flatten(), source.updates)
        for name in ("params", "directions", "updates"):
            assert checkpoint.compute_digest(target.state()[name]) == checkpoint.compute_digest(source.state()[name])
        moments = [adversary.state()["optimizer"]["state"] for adversary in (source, target)]
        assert checkpoint.compute_digest(moments[0]) == checkpoint.compute_digest(moments[1])


def test_a_learner_that_restarts_has_the_first_discriminator_again() -> None:
    learner, fresh = make_learner(), make_learner()
    learner.update([make_batch()], count=1, learning_rate=1e-3)
    learner.restart({name: p.detach().clone() for name, p in learner.network.named_parameters()})
    states = [adversary_of(which).state() for which in (learner, fresh)]
    del states[0]["optimizer"]["param_groups"], states[1]["optimizer"]["param_groups"]
    assert checkpoint.compute_digest(states[0]) == checkpoint.compute_digest(states[1])


# -- runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_resumed_stage_gives_the_same_bits_as_an_uninterrupted_one(
    optimizer: str, photos: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = dict(
        GAN, optimizer=optimizer, steps=8, val_interval=4, checkpoint_interval=100, grad_accum_steps=2
    )
    _, straight = train(photos, tmp_path / "a", **settings)
    wanted, losses = digest(tmp_path / "a" / "checkpoints" / "scale4_final.pth"), losses_by_step(straight)
    _, part = train(photos, tmp_path / "b", stop_at(2), **settings)
    seen = losses_by_step(part)
    for stop in (5, 99):
        _, part = train(photos, tmp_path / "b", stop_at(stop), resume_from="latest")
        seen.update(losses_by_step(part))
        assert not [notice for notice in only(Notice, part) if notice.level == "warning"]
    assert seen == losses
    assert digest(tmp_path / "b" / "checkpoints" / "scale4_final.pth") == wanted
    readings = only(StepDone, straight)[-1].discriminator
    assert set(readings) == {"loss", "real", "fake"} and readings["loss"] > 0
    steps = [r for r in read_journal(tmp_path / "a" / "journal.jsonl") if r["event"] == "StepDone"]
    assert steps[-1]["discriminator"] == readings


def test_only_a_checkpoint_with_a_discriminator_has_the_format_that_earlier_versions_refuse(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(photos, tmp_path / "plain", steps=1)
    train(photos, tmp_path / "gan", steps=1, **GAN)
    plain, gan = (tmp_path / name / "checkpoints" / "scale4_final.pth" for name in ("plain", "gan"))
    contents = [torch.load(path, weights_only=True) for path in (plain, gan)]
    assert [content["format"] for content in contents] == [1, 2]
    assert "discriminator" not in contents[0] and "discriminator" in contents[1]
    deployed = torch.load(gan.with_name("scale4_final_deploy.pth"), weights_only=True)
    assert set(deployed) == {"params", "meta"} and len(deployed["params"]) == len(contents[1]["params"])
    monkeypatch.setattr(checkpoint, "FORMAT", 1)
    assert checkpoint.load_checkpoint(plain).discriminator is None
    with pytest.raises(NewerFileError):
        checkpoint.load_checkpoint(gan)


def test_a_stage_begins_from_a_run_without_one_and_says_so(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=2)
    result, events = train(photos, tmp_path, resume_from="latest", steps=4, **GAN)
    warnings = [notice.text for notice in only(Notice, events) if notice.level == "warning"]
    assert result.outcome == "completed"
    assert "The checkpoint has no discriminator, so the adversarial stage begins with a new one." in warnings
    assert any("gan_weight 0.0 -> 0.05" in text for text in warnings)
    _, events = train(photos, tmp_path, resume_from="latest", steps=5, gan_features=8)
    warnings = [notice.text for notice in only(Notice, events) if notice.level == "warning"]
    assert any("has 4 features instead of 8, so" in text for text in warnings)
    _, events = train(photos, tmp_path, resume_from="latest", steps=6, gan_weight=0.0)
    assert set(only(StepDone, events)[-1].losses) == {"l1", "total"}


def test_a_stage_starts_from_a_model_and_an_untrained_network_is_noticed(photos: Path, tmp_path: Path) -> None:
    first, _ = train(photos, tmp_path / "a", steps=2)
    result, events = train(photos, tmp_path / "b", steps=2, init_weights=str(first.model), **GAN)
    assert result.outcome == "completed" and "gan" in only(StepDone, events)[-1].losses
    assert not any("untrained" in notice.text for notice in only(Notice, events))
    sharp = tmp_path / "b" / "checkpoints" / "scale4_final.pth"
    assert (
        identify(open_weights(sharp)).spec
        == identify(open_weights(tmp_path / "a" / sharp.relative_to(tmp_path / "b"))).spec
    )
    result, events = train(photos, tmp_path / "d", steps=1, init_weights=str(sharp))
    assert result.outcome == "completed" and "gan" not in only(StepDone, events)[-1].losses
    _, events = train(photos, tmp_path / "c", steps=1, **GAN)
    assert any(
        "starts from an untrained one. Use --init-weights starter" in notice.text for notice in only(Notice, events)
    )


def test_memory_that_runs_out_leaves_both_networks_at_the_step_before(photos: Path, tmp_path: Path) -> None:
    answers = iter([True, True, True, False])  # no room for the second micro-batch of the second step
    settings = dict(GAN, batch_size=2, grad_accum_steps=2, steps=5)
    run = Run(photos, tmp_path, lambda step, size: next(answers, True), **settings)
    assert run.result.outcome == "completed" and len(run.warnings()) == 1
    assert "compares the ratings of fewer patches" in run.warnings()[0]
    later = Run(photos, tmp_path, lambda step, size: True, resume_from=_step_file(tmp_path, 3))
    assert later.losses(4) == run.losses(4)
    earlier = Run(photos, tmp_path, lambda step, size: size <= 1, resume_from=_step_file(tmp_path, 1))
    assert earlier.losses(2) == run.losses(2)


def test_a_run_that_diverges_goes_back_with_its_discriminator(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = dict(GAN, steps=6, checkpoint_interval=2, learning_rate=1e-3)
    real, count = Learner.update, [0]

    def update(self: Learner, *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **options)
        count[0] += 1
        if count[0] == 3:
            with torch.no_grad():
                next(adversary_of(self).network.parameters()).fill_(float("nan"))

    monkeypatch.setattr(Learner, "update", update)
    result, events = train(photos, tmp_path / "a", **settings)
    (event,) = only(RolledBack, events)
    assert result.outcome == "completed" and event.to_step == 2, "a broken discriminator is not saved"
    assert "discriminator.params" in event.reason or "gradients were not finite" in event.reason
    monkeypatch.setattr(Learner, "update", real)
    train(photos, tmp_path / "b", stop_at(2), **settings)
    half = dict(learning_rate=settings["learning_rate"] / 2)
    train(photos, tmp_path / "b", resume_from="latest", **half)
    states = [checkpoint.load_checkpoint(tmp_path / name / "checkpoints" / "scale4_final.pth") for name in "ab"]
    assert checkpoint.compute_digest(states[0].discriminator) == checkpoint.compute_digest(states[1].discriminator)


def test_a_discriminator_that_wins_is_no_divergence(photos: Path, tmp_path: Path) -> None:
    still: dict[str, Any] = dict(learning_rate=1e-9)  # only the weight of the term changes
    result, events = train(photos, tmp_path, steps=40, **{**GAN, **still, "gan_weight": 1e3, "gan_ramp": 40})
    losses = [event.losses for event in only(StepDone, events)]
    assert losses[-1]["total"] > 30 * losses[0]["total"]
    assert result.outcome == "completed" and not only(RolledBack, events)


def test_a_checkpoint_takes_the_disk_space_that_was_estimated(photos: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {**GAN, "gan_features": 16, "num_feat": 16}
    train(photos, tmp_path, steps=1, **settings)
    config = TrainerConfig(source_dir="photos", workspace="run").replace(**{**TINY, **settings})
    size = (tmp_path / "checkpoints" / "scale4_final.pth").stat().st_size
    assert estimate_checkpoint_bytes(config, network_spec(config)) == pytest.approx(size, rel=0.03)
    plain = config.replace(gan_weight=0.0)
    assert estimate_checkpoint_bytes(plain, network_spec(plain)) < 0.5 * size


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(features=8),
        lambda state: state.update(features="4"),
        lambda state: state.update(updates=-1),
        lambda state: state["params"].popitem(),
        lambda state: state["params"].update({"first.weight": torch.zeros(1)}),
        lambda state: state["directions"].update({"down1.direction": torch.zeros(3)}),
        lambda state: state["optimizer"].update(state={}),
        lambda state: state.update(optimizer=[]),
    ],
)
def test_a_discriminator_that_cannot_be_used_is_refused(change: Any, photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=1, **GAN)
    path = tmp_path / "checkpoints" / "scale4_final.pth"
    tree = torch.load(path, weights_only=True)
    del tree["sha256"]
    change(tree["discriminator"])
    torch.save({**tree, "sha256": checkpoint.compute_digest(tree)}, path)
    with pytest.raises(UserError, match='"discriminator" cannot be used'):
        checkpoint.load_checkpoint(path)
