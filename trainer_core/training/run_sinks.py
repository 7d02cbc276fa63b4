"""The sinks of the workspace: `trainer.log`, the journal and, if `--tensorboard` is set, TensorBoard."""

from __future__ import annotations

import contextlib

from trainer_core.events import EventSink, Fanout, Notice
from trainer_core.planning.plan import RunPlan
from trainer_core.sinks.console import LogFileSink
from trainer_core.sinks.journal import JournalSink
from trainer_core.sinks.tensorboard import make_tensorboard_sink


def attach_workspace_sinks(sink: Fanout, plan: RunPlan, start_step: int, exit_stack: contextlib.ExitStack) -> None:
    """Attach the workspace's sinks to `sink`; `exit_stack` closes them.

    Args:
        sink: passes its events to the attached sinks.
        plan: gives the workspace and the settings.
        start_step: step from which the run continues; 0 for a new run.
        exit_stack: receives the calls that close the sinks.
    """
    workspace, config = plan.workspace, plan.config
    workspace_sinks: list[EventSink | Notice] = [
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
