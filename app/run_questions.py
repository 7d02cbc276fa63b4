"""Questions before a run is replaced or stopped without saving; no answer changes anything by itself."""

from __future__ import annotations

from typing import Callable

from PySide6.QtWidgets import QWidget

from app.questions import ask_question

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
        "This workspace contains a finished run. A new run moves its models, checkpoints and previews to "
        "previous_runs.",
        [("Choose another workspace", choose_workspace), ("Start new run", start)],
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
        "The steps since the last checkpoint will be lost. No file is deleted.",
        [("Stop and save", save), ("Stop without saving", discard)],
        cancel="Keep training",
    )
