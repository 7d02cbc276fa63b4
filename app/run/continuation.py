"""The unfinished run of the workspace: what is left of its time limit, and with which settings it would continue."""

from __future__ import annotations

from typing import Callable

from PySide6.QtWidgets import QWidget

from app.form.project import Project
from app.run.questions import ask_about_little_time
from trainer_core.events import CheckpointSaved, Event, RunStarted, StepDone
from trainer_core.planning.readiness import OK, WARNING, Check
from trainer_core.settings.config import SETTINGS
from trainer_core.sinks.event_text import format_time_left
from trainer_core.workspace.unfinished import UnfinishedRun

_SHORT = 60.0  # seconds left that are hardly worth a resume
_MAX_NAMES = 3  # settings that a line names
_OF_QUESTION = ("monochrome_style", "camera_profile")  # a resume asks about them


class Continuation:
    """Facts on resuming the unfinished run of the workspace, with the settings of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.is_possible = False
        self._seconds = 0.0  # that the run had trained at its newest checkpoint; 0 if that is not known
        self._latest_seconds = 0.0  # at its newest step

    def set_run(self, found: UnfinishedRun | None) -> None:
        """Set the unfinished run of the workspace, None without one."""
        self.is_possible = found is not None
        self._seconds = found.seconds if found is not None else 0.0

    def on_event(self, event: Event) -> None:
        """Follow the run of this window, so that its end leaves what is known of its newest checkpoint."""
        if isinstance(event, RunStarted) and event.is_new:
            self._seconds = 0.0
        elif isinstance(event, StepDone):
            self._latest_seconds = event.run_seconds
        elif isinstance(event, CheckpointSaved) and event.kind != "best":
            self._seconds = self._latest_seconds

    def resume_or_ask(self, parent: QWidget, change_limit: Callable[[], object], resume: Callable[[], object]) -> None:
        """Resume, after a question if hardly anything is left of a time limit of more than a minute."""
        if self._is_short:
            ask_about_little_time(parent, self._time_text, change_limit, resume)
        else:
            resume()

    @property
    def _is_short(self) -> bool:
        left, minutes = self._seconds_left, self._project.draft.config.max_minutes
        return left is not None and minutes is not None and left <= _SHORT < 60 * minutes

    @property
    def _time_text(self) -> str:
        """What is left of the time limit, such as "30 seconds left of 10 minutes"; "" if that is not known."""
        left, minutes = self._seconds_left, self._project.draft.config.max_minutes
        if left is None or minutes is None:
            return ""
        return (
            f"{format_time_left(left)} of {minutes:g} minutes" if left > 0 else f"nothing left of {minutes:g} minutes"
        )

    def build_checks(self) -> tuple[Check, ...]:
        """Return the lines of the checklist on a resume."""
        if not self.is_possible:
            return ()
        checks = []
        if self._is_short:
            text = f"Resume: {self._time_text}. Set a longer time limit to train on"
            checks.append(Check(WARNING, text, "max_minutes"))
        elif self._time_text:
            checks.append(Check(OK, f"Resume: {self._time_text}", "max_minutes"))
        changed = self._find_changed()
        if changed:
            names = [SETTINGS[name].label for name in changed[:_MAX_NAMES]]
            if len(changed) > _MAX_NAMES:
                names.append(f"{len(changed) - _MAX_NAMES} more")
            text = f"Resume would change: {', '.join(names)}. Edit > Undo restores the settings of the run"
            checks.append(Check(WARNING, text, changed[0]))
        return tuple(checks)

    @property
    def _seconds_left(self) -> float | None:
        minutes = self._project.draft.config.max_minutes
        return 60 * minutes - self._seconds if minutes is not None and self.is_possible and self._seconds else None

    def _find_changed(self) -> list[str]:
        """Return the settings with which the run would not continue as it was."""
        config, stored = self._project.draft.config, self._project.draft.stored.values
        names = [name for name, setting in SETTINGS.items() if setting.fixed_on_resume and name not in _OF_QUESTION]
        return [name for name in names if name in stored and stored[name] != getattr(config, name)]
