"""Reports of a run that failed or did not start."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Callable

from PySide6.QtWidgets import QWidget

from app.widgets.errors import ErrorReport, bug_report, show_report
from app.widgets.wording import with_form_labels
from trainer_core.errors import UserError
from trainer_core.events import RunFinished


def report_error(parent: QWidget, error: Exception, details: str = "") -> None:
    """Show an error: a sentence if the user can fix it, else a report with details."""
    if isinstance(error, UserError):
        show_report(ErrorReport("Cannot continue", with_form_labels(error.message)), parent)
    else:
        show_report(bug_report(error, details), parent)


def report_failure(
    parent: QWidget,
    finished: RunFinished,
    log: str,
    start_changed: Callable[[Mapping[str, Any]], object],
    *,
    can_resume: bool,
) -> None:
    """Show why a run failed, with a button for its remedy if it has one.

    Args:
        parent: window of the dialog.
        finished: the end of the run.
        log: the messages of the run.
        start_changed: starts again after it has changed these settings.
        can_resume: whether that start resumes the run.
    """
    title = f"Training failed at step {finished.step}"
    cause = with_form_labels(finished.error or "The cause is unknown.")
    if finished.remedy:
        advice = "Apply settings that need less memory and continue training."
        label = "Apply and resume" if can_resume else "Apply and start again"
        remedy = (label, partial(start_changed, finished.remedy))
    else:
        advice = "Change the settings and press Start, or resume from the last save if there is one."
        remedy = None
    show_report(ErrorReport(title, cause, advice, log), parent, remedy=remedy)
