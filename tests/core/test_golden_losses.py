"""The numbers of a training do not change by accident: 20 recorded losses of five small runs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.golden import recorder

ELSEWHERE = 1e-4  # relative: other versions and processors add in another order


@pytest.mark.parametrize("name", recorder.CASES)
def test_losses_are_those_recorded(name: str, tmp_path: Path) -> None:
    environment, recorded = recorder.read(name)
    found = recorder.measure(name, tmp_path)
    assert len(recorded) == recorder.STEPS
    if recorder.environment() == environment:
        assert [loss.hex() for loss in found] == [loss.hex() for loss in recorded]
    else:
        assert found == pytest.approx(recorded, rel=ELSEWHERE)
