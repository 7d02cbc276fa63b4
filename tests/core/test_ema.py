"""The moving average of the weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from trainer_core.training.ema import Ema


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
