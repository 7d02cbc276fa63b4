"""The command line inside this process: signals."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from trainer_core.cli import _SignalHandler
from trainer_core.control import RunControl, SaveAnswer, StopMode


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_first_signal_asks_the_run_to_stop_and_the_second_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    control, exits = RunControl(), list[int]()
    monkeypatch.setattr(os, "_exit", exits.append)
    control.begin()
    with _SignalHandler(control) as signals:
        signal.raise_signal(signal.SIGTERM)
        assert control.stop_requested is StopMode.SAVE and signals.exit_code == 143 and not exits
        signal.raise_signal(signal.SIGTERM)
        assert exits == [143]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_while_a_run_waits_for_room_only_the_second_signal_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    control, exits = RunControl(), list[int]()
    monkeypatch.setattr(os, "_exit", exits.append)
    control.begin()
    with _SignalHandler(control), control.waiting_for_room():
        os.kill(os.getpid(), signal.SIGTERM)
        assert control.wait_for_save_answer(0) is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert control.wait_for_save_answer(0) == SaveAnswer(gives_up=True) and not exits


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_before_the_run_writes_anything_the_first_signal_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    control, exits = RunControl(), list[int]()
    monkeypatch.setattr(os, "_exit", exits.append)
    with _SignalHandler(control):
        signal.raise_signal(signal.SIGINT)
    assert exits == [130]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signals_that_the_parent_ignores_stay_ignored(number: int) -> None:
    control = RunControl()
    control.begin()
    previous = signal.signal(number, signal.SIG_IGN)
    try:
        with _SignalHandler(control) as signals:
            signal.raise_signal(number)
            assert signals.exit_code == 0 and control.stop_requested is None
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, previous)


def test_a_closed_terminal_does_not_disturb_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(descriptor: int, data: bytes) -> int:
        raise OSError(errno.EBADF, "closed")

    control = RunControl()
    control.begin()
    monkeypatch.setattr(os, "write", closed)
    with _SignalHandler(control) as signals:
        signal.raise_signal(signal.SIGTERM)
    assert control.stop_requested is StopMode.SAVE and signals.exit_code == 143
