"""The command line inside this process: signals."""

from __future__ import annotations

import os
import signal

import pytest

from trainer_core.cli import _SignalHandler
from trainer_core.control import RunControl, StopMode


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_first_signal_asks_the_run_to_stop_and_the_second_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    control, exits = RunControl(), list[int]()
    monkeypatch.setattr(os, "_exit", exits.append)
    signals = _SignalHandler(control)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert control.stop_requested is StopMode.SAVE and signals.exit_code == 143 and not exits
        os.kill(os.getpid(), signal.SIGTERM)
        assert exits == [143]
    finally:
        signals.restore()
