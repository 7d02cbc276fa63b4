"""Device, precision and memory of a run."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from trainer_core.planning.hardware import MemoryNeed


def test_memory_that_is_nearly_used_up_is_warned_of() -> None:
    assert MemoryNeed(8 * 10**9, 10 * 10**9).warning == ""
    scarce = MemoryNeed(95 * 10**8, 10 * 10**9)
    assert scarce.exceeds_free
    assert "about 9.50 GB needed, 10.0 GB free. Lower --batch-size" in scarce.warning
