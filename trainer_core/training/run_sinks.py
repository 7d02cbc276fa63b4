"""The workspace's own listeners: `trainer.log`, the journal and, if asked for, TensorBoard."""

from __future__ import annotations

import contextlib
from typing import Any

from trainer_core.events import Fanout, Notice
from trainer_core.sinks.console import LogFileSink
from trainer_core.sinks.journal import JournalSink
from trainer_core.sinks.tensorboard import tensorboard_sink
from trainer_core.training.preparation import Prepared


def attach(sink: Fanout, prepared: Prepared, closing: contextlib.ExitStack) -> None:
    """Let them hear everything that `sink` hears, until `closing` ends."""
    workspace, config = prepared.workspace, prepared.config
    own: list[Any] = [
        LogFileSink(workspace.log_file, log_interval=config.log_interval),
        JournalSink(workspace.journal_file),
    ]
    if config.tensorboard:
        own.append(tensorboard_sink(workspace.tensorboard, prepared.resumed.step if prepared.resumed else 0))
    for listener in own:
        if isinstance(listener, Notice):  # TensorBoard is not installed
            sink(listener)
            continue
        sink.add(listener)
        closing.callback(getattr(listener, "close", lambda: None))
