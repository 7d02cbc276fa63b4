"""Questions before a run is replaced or stopped without saving; no answer changes anything by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from PySide6.QtWidgets import QWidget

from app.widgets.questions import Answer, ask_question
from trainer_core.planning.changes import UnacceptedChanges

_Action = Callable[[], object]


def ask_about_unfinished_run(parent: QWidget, resume: _Action, start_over: _Action) -> None:
    """Ask before a start in a workspace with an unfinished run."""
    ask_question(
        parent,
        "Resume the unfinished run?",
        "Starting over begins at step 0 and moves the files of the unfinished run to previous_runs.",
        [("Resume", resume), ("Start over", start_over)],
    )


def ask_about_finished_run(parent: QWidget, choose_workspace: _Action, start: _Action) -> None:
    """Ask before a start in a workspace with the model of a finished run."""
    ask_question(
        parent,
        "Start a new run here?",
        "This folder contains a finished run. A new run moves all its files to the folder previous_runs in it.",
        [("Choose another folder", choose_workspace), ("Start new run", start)],
    )


def ask_about_little_time(parent: QWidget, left: str, change_limit: _Action, resume: _Action) -> None:
    """Ask before a run resumes of whose time limit hardly anything is left, as `left` says."""
    ask_question(
        parent,
        "Resume for so short a time?",
        f"The time limit counts the whole training: {left}. Set a longer one to train on.",
        [("Change time limit", change_limit), ("Resume", resume)],
    )


def ask_about_changes(parent: QWidget, error: UnacceptedChanges, resume: Callable[[Mapping[str, Any]], object]) -> None:
    """Ask before a run resumes with other photos, another watch or another camera profile.

    Args:
        parent: window of the dialog.
        error: the refused resume with its changes.
        resume: resumes after it has changed these settings.
    """
    original = error.original
    answers: list[Answer] = []
    if original is not None:
        answers.append(("Resume as before", lambda: resume(original)))
    if error.can_be_accepted:
        answers.append(("Accept changes", lambda: resume({"accept_changes": True})))
    explanation = "The run was trained with other data than the form shows now:"
    if not error.can_be_accepted:
        explanation = "A run keeps its scale; start a new run to train another one. The form differs from the run:"
    ask_question(
        parent,
        "Resume with these changes?" if error.can_be_accepted else "Resume as before?",
        "\n".join([explanation, *(change.text for change in error.changes)]),
        answers,
        cancel_is_default=original is None,
    )


def ask_to_use_scenes(parent: QWidget, use_scenes: _Action) -> None:
    """Ask before the built-in scenes replace the choices in the form."""
    ask_question(
        parent,
        "Use the built-in scenes?",
        "This replaces the folders and settings in the form. No files are changed.",
        [("Use scenes", use_scenes)],
    )


def ask_to_stop(parent: QWidget, save: _Action, discard: _Action) -> None:
    """Ask before a run stops without saving."""
    ask_question(
        parent,
        "Stop without saving?",
        "The steps since the last save will be lost. No file is deleted.",
        [("Stop and save", save), ("Stop without saving", discard)],
        cancel="Keep training",
    )
