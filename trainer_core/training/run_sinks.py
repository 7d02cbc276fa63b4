"""The workspace's own sinks: `trainer.log`, the journal and, if asked for, TensorBoard."""

from __future__ import annotations

import contextlib
from typing import Any

from trainer_core.events import Fanout, Notice
from trainer_core.planning.plan import RunPlan
from trainer_core.sinks.console import LogFileSink
from trainer_core.sinks.journal import JournalSink
from trainer_core.sinks.tensorboard import make_tensorboard_sink


def attach_workspace_sinks(sink: Fanout, plan: RunPlan, start_step: int, exit_stack: contextlib.ExitStack) -> None:
    """Pass every event that `sink` receives to them as well, until `exit_stack` ends.

    Args:
        start_step: step from which the run goes on; 0 for a new run.
    """
    workspace, config = plan.workspace, plan.config
    workspace_sinks: list[Any] = [
        LogFileSink(workspace.log_file, log_interval=config.log_interval),
        JournalSink(workspace.journal_file),
    ]
    if config.tensorboard:
        workspace_sinks.append(make_tensorboard_sink(workspace.tensorboard, start_step))
    for workspace_sink in workspace_sinks:
        if isinstance(workspace_sink, Notice):  # TensorBoard is not installed
            sink(workspace_sink)
            continue
        sink.add(workspace_sink)
        exit_stack.callback(getattr(workspace_sink, "close", lambda: None))
