"""The terms of the training loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from trainer_core.errors import UserError
from trainer_core.model import vgg_spec
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.rules import find_problems
from trainer_core.training import losses
from trainer_core.training.losses import TrainingLoss


def test_each_loss_term_is_reported_with_its_weight() -> None:
    config = TrainerConfig(l1_weight=2.0, frequency_weight=0.5)
    terms = TrainingLoss(config, Hardware("cpu", "fp32", "CPU"))(
        torch.full((1, 3, 8, 8), 0.75), torch.full((1, 3, 8, 8), 0.5)
    )
    assert float(terms["l1"]) == pytest.approx(0.5)
    # a constant difference d has one coefficient, d*sqrt(h*w), among h*(w/2+1)*2 values
    assert float(terms["frequency"]) == pytest.approx(0.5 * 0.25 * 8 / (8 * 5 * 2))
    assert float(terms["total"]) == pytest.approx(float(terms["l1"]) + float(terms["frequency"]))


def test_the_error_at_an_edge_counts_by_its_height_and_in_a_flat_image_not_at_all() -> None:
    hr = torch.full((1, 3, 8, 8), 0.2)
    hr[..., 4:] = 0.6  # an edge in 7 of 64 pixels: the last row and column have no lower and right neighbor
    error = torch.zeros(1, 3, 8, 8)
    error[..., 3] = 0.1
    at_edge, beside = (float(losses.edge_weighted_l1(hr + moved, hr)) for moved in (error, error.roll(2, -1)))
    assert at_edge == pytest.approx(0.1) and beside == 0.0  # all weight is in the column before the edge
    assert float(losses.edge_weighted_l1(torch.full((1, 3, 8, 8), 0.3), torch.full((1, 3, 8, 8), 0.2))) == 0.0


def test_each_image_has_the_same_share_of_edges() -> None:
    generator = torch.Generator().manual_seed(2)
    hr, noise = (torch.rand(1, 3, 16, 16, generator=generator) for _ in range(2))
    soft = 0.5 + 0.1 * (hr - 0.5)
    losses_of = [float(losses.edge_weighted_l1(image + noise, image)) for image in (hr, soft)]
    assert losses_of[0] == pytest.approx(losses_of[1], rel=1e-4)


def test_an_even_error_is_no_artifact_and_a_speckled_one_is() -> None:
    hr, generator = torch.full((1, 3, 16, 16), 0.5), torch.Generator().manual_seed(3)
    speckled = 0.1 * (torch.rand(1, 1, 16, 16, generator=generator) < 0.5).float()
    speckled[..., 8, 8] = 0.1
    assert float(losses.artifact_weighted_l1(hr + 0.05, hr)) < 1e-6
    assert float(losses.artifact_weighted_l1(hr + speckled, hr)) > 1e-4
    error = 3 * speckled
    middle = error[0, 0, 5:12, 5:12]
    sr = (hr + speckled).requires_grad_()
    losses.artifact_weighted_l1(sr, hr).backward()  # type: ignore[no-untyped-call]
    assert sr.grad is not None
    expected = error.var().pow(1 / 5) * middle.var(unbiased=False) / hr.numel()
    assert float(sr.grad[0, 0, 8, 8]) == pytest.approx(float(expected), rel=1e-3)


def test_the_error_at_edges_can_train_alone_and_the_others_cannot() -> None:
    alone = TrainerConfig(source_dir="photos", workspace="run", l1_weight=0.0)
    assert find_problems(alone.replace(gradient_weight=0.5)) == {}
    for other in ("artifact_weight", "gan_weight"):
        assert "--gradient-weight" in find_problems(alone.replace(**{other: 0.5}))["l1_weight"]


@pytest.mark.parametrize("name", ["gradient", "artifact"])
def test_a_term_with_a_weight_is_part_of_the_sum(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    sr, hr = (torch.rand(2, 3, 16, 16, generator=generator) for _ in range(2))
    hardware = Hardware("cpu", "fp32", "CPU")
    single, double = (
        TrainingLoss(TrainerConfig().replace(**{f"{name}_weight": w}), hardware)(sr, hr) for w in (0.5, 1.0)
    )
    assert 0 < float(single[name]) == pytest.approx(float(double[name]) / 2)
    assert float(single["total"]) == pytest.approx(float(single["l1"]) + float(single[name]))


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
    loss = TrainingLoss(config, Hardware("cpu", "fp32", "CPU"))
    hr = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    sr = hr.flip(-1).requires_grad_()
    assert float(loss(hr, hr)["perceptual"]) == 0.0
    terms = loss(sr, hr)
    torch.autograd.backward(terms["total"])
    assert float(terms["perceptual"].detach()) > 0 and sr.grad is not None and bool(sr.grad.abs().sum() > 0)


def test_the_perceptual_loss_computes_in_the_precision_of_the_run(tmp_path: Path) -> None:
    config = TrainerConfig(l1_weight=0.0, perceptual_weight=0.5, vgg_weights=str(vgg_file(tmp_path / "vgg.pth")))
    hr = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    sr = (hr + 0.1 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(6))).requires_grad_()
    terms = [TrainingLoss(config, Hardware("cpu", name, "CPU"))(sr, hr)["total"] for name in ("fp32", "bf16")]
    assert {term.dtype for term in terms} == {torch.float32}
    exact, mixed = (float(term.detach()) for term in terms)
    assert exact != mixed and mixed == pytest.approx(exact, rel=0.02)


def test_the_perceptual_loss_keeps_the_bytes_that_are_counted(tmp_path: Path) -> None:
    config = TrainerConfig(l1_weight=0.0, perceptual_weight=0.5, vgg_weights=str(vgg_file(tmp_path / "vgg.pth")))
    hr = torch.rand(1, 3, 64, 64)
    sr = (hr + 0.1).requires_grad_()
    for precision, value_bytes in (("fp32", 4), ("bf16", 2)):
        loss = TrainingLoss(config, Hardware("cpu", precision, "CPU"))
        kept: dict[int, int] = {}

        def pack(tensor: Any, kept: dict[int, int] = kept) -> Any:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            terms = loss(sr, hr)
        assert terms["total"].requires_grad
        weights = vgg_spec.count_parameters() * value_bytes
        expected = vgg_spec.count_kept_bytes(value_bytes) * 64 * 64
        assert sum(kept.values()) - weights == pytest.approx(expected, rel=0.02)


def test_only_the_layers_that_count_are_read_from_the_file(tmp_path: Path) -> None:
    path = vgg_file(tmp_path / "vgg.pth")
    state = torch.load(path, weights_only=True)
    assert vgg_spec.count_parameters() == sum(tensor.numel() for tensor in state.values())
    state["classifier.0.weight"] = torch.full((4, 4), float("nan"))  # which a reader of all values refuses
    torch.save(state, path)
    config = TrainerConfig(perceptual_weight=0.5, vgg_weights=str(path))
    image = torch.rand(1, 3, 16, 16)
    assert "perceptual" in TrainingLoss(config, Hardware("cpu", "fp32", "CPU"))(image, image)


def test_another_file_than_vgg19_is_refused_by_name(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(3, 3, 3, 3)}, tmp_path / "x.pth")
    config = TrainerConfig(perceptual_weight=0.5, vgg_weights=str(tmp_path / "x.pth"))
    with pytest.raises(UserError, match=r"vgg19-dcbb9e9d\.pth"):
        TrainingLoss(config, Hardware("cpu", "fp32", "CPU"))
