"""The queue of trainings, which start one after the other; it is kept from one start of the window to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.form.last_session import LastSession, parse_choices
from app.form.project import Project
from app.run.queue_entry import make_choices, propose_workspace
from app.run.session import Session, SessionState
from app.system.settings_store import open_settings_store
from app.widgets.wording import with_form_labels
from trainer_core.errors import UserError
from trainer_core.events import Event, RunFinished
from trainer_core.json_files import parse_json
from trainer_core.planning.readiness import ERROR, PENDING

_KEY = "queue"
_ADDED_TO_RUNNING = "Added to the queue: {name}. It starts by itself when the trainings before it are complete."
_ADDED_TO_WAITING = "Added to the queue: {name}. It waits until you start the queue: Run > Queue > Start the queue."
_JOB = "training for the queue"


class RunQueue(QObject):
    """Trainings that wait, each as the choices of its form.

    Args:
        start_when_ready: starts the training of the project as soon as its folders are checked.
        cancel_start: takes that back.

    Attributes:
        is_running: whether the next training starts when the present one is complete.
    """

    changed = Signal()
    message_posted = Signal(str, str)  # level, text

    def __init__(
        self, project: Project, session: Session, start_when_ready: Callable[[], None], cancel_start: Callable[[], None]
    ) -> None:
        super().__init__(project)
        self._project, self._session = project, session
        self._start_when_ready, self._cancel_start = start_when_ready, cancel_start
        self.is_running = False
        self._next: Mapping[str, Any] | None = None  # the training whose folders are being checked
        self._refused: dict[str, str] = {}  # workspaces of trainings that could not start: name and reason
        self._outcome = ""  # of the newest run of this window
        session.event_received.connect(self._on_event)
        session.state_changed.connect(self._on_state)
        project.changed.connect(self._refuse_if_impossible)
        session.ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)  # after the reports of the run

    @property
    def entries(self) -> list[LastSession]:
        """The trainings, the next one first."""
        return [parse_choices(choices) for choices in _read()]

    def add_present(self) -> None:
        """Add the training that the form describes."""
        workspace = self._project.workspace
        if workspace is None or not self._project.is_ready:
            self.message_posted.emit("info", "Complete the settings first; the checklist says what is missing.")
            return
        waiting = _read()
        if any(choices.get("workspace") == str(workspace.root) for choices in waiting):
            text = f"A training in {workspace.root} is in the queue already. Choose another folder."
            self.message_posted.emit("warning", text)
            return
        self._write([*waiting, self._project.draft.session_choices])
        text = f"Added to the queue: {workspace.root.name}. Set up the next training, or choose Run > Queue to start."
        self.message_posted.emit("info", text)

    def add(
        self,
        photos: str,
        workspace: str,
        settings: Path | None,
        done: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        """Add a training with the settings of the form, or of a file, while another one may run.

        Args:
            photos: the source folder.
            workspace: a folder without a run.
            settings: a settings file, None for the settings of the form.
            done: called when the training is added.
            failed: called with the reason if it cannot be added.
        """
        config, used = self._project.draft.config, self._used_workspaces()

        def add(choices: Mapping[str, Any]) -> None:
            self._append(choices)
            done()

        def report(error: Exception) -> None:
            if not isinstance(error, UserError):
                raise error
            failed(error.message)

        self._project.background.run_job(
            _JOB, lambda: make_choices(photos, workspace, settings, config, used), add, report
        )

    def propose_places(self) -> dict[str, str]:
        """Return the photos of the form, and a workspace beside its own that no other training uses."""
        workspace, photos = self._project.workspace, self._project.draft.config.source_dir
        proposal = propose_workspace(workspace.root, self._used_workspaces()) if workspace is not None else ""
        return {"source_dir": photos or "", "workspace": str(proposal)}

    def _used_workspaces(self) -> set[str]:
        """Return the workspaces of the trainings that wait, and of the one that runs."""
        running = self._project.workspace if self._session.is_active else None
        return {str(choices.get("workspace")) for choices in _read()} | ({str(running.root)} if running else set())

    def _append(self, choices: Mapping[str, Any]) -> None:
        self._write([*_read(), choices])
        text = _ADDED_TO_RUNNING if self.is_running else _ADDED_TO_WAITING
        self.message_posted.emit("info", text.format(name=Path(choices["workspace"]).name))

    def cancel_adding(self) -> None:
        """Do not add the training that is being checked."""
        self._project.background.cancel(_JOB)

    def remove(self, number: int) -> None:
        """Remove a training, counted from 0; no file changes."""
        waiting = _read()
        self._write(waiting[:number] + waiting[number + 1 :])
        if self._next is not None and self._next not in _read():
            self._skip()

    def start(self) -> None:
        """Start the first training, now or when the present one is complete, then the others."""
        self.is_running = True
        self._refused.clear()
        if not self._session.is_active:
            self._start_next()
        self.changed.emit()

    def stop(self) -> None:
        """Start none of the trainings that wait; the present one continues."""
        self.is_running = False
        if self._next is not None:
            self._next = None
            self._cancel_start()
        self.changed.emit()

    def _start_next(self) -> None:
        waiting = [choices for choices in _read() if choices.get("workspace") not in self._refused]
        if not self.is_running or self._session.is_active:
            return
        if not waiting:
            self._finish()
            return
        self._project.restore_session(parse_choices(waiting[0]))
        self._next = waiting[0]  # only now, because the settings come one by one
        self._start_when_ready()
        self._refuse_if_impossible()

    def _finish(self) -> None:
        self.is_running = False
        self.changed.emit()
        if not self._refused:
            self.message_posted.emit("info", "All trainings of the queue have ended.")
            return
        what = "it" if len(self._refused) == 1 else "them"
        advice = f"The queue has ended and keeps {what}. Correct this and start it again, or remove {what} from it."
        self.message_posted.emit("warning", "\n".join([*self._refused.values(), advice]))

    def _on_state(self, state: SessionState) -> None:
        """Remove the next training from those that wait once it starts."""
        workspace, choices = self._project.workspace, self._next
        if state is not SessionState.STARTING or choices is None or workspace is None:
            return
        if choices.get("workspace") == str(workspace.root):
            self._next = None
            self._write([other for other in _read() if other != choices])

    def _refuse_if_impossible(self) -> None:
        """Go on with the training after the next one if the settings of that one are checked and cannot be used."""
        choices = self._next
        if choices is None or self._session.is_active or self._project.is_busy:
            return
        checks = self._project.build_checklist()
        problems = [check.text for check in checks if check.state == ERROR]
        if not problems or any(check.state == PENDING for check in checks):
            return
        workspace = str(choices.get("workspace"))
        reason = _find_missing_folder(choices) or problems[0]
        self._refused[workspace] = with_form_labels(f"{Path(workspace).name} cannot start: {reason.rstrip('.')}.")
        self.message_posted.emit("warning", self._refused[workspace])
        self._skip()

    def _skip(self) -> None:
        """Start the training after the next one."""
        self._next = None
        self._cancel_start()
        QTimer.singleShot(0, self, self._start_next)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            self._outcome = event.outcome

    def _on_ended(self) -> None:
        outcome, self._outcome = self._outcome, ""
        if not self.is_running:
            return
        if outcome == "completed":
            QTimer.singleShot(0, self, self._start_next)  # not after the window is deleted
        else:
            self.stop()
            text = "The queue stops, because the training did not complete. Choose Run > Queue to start the next one."
            self.message_posted.emit("warning", text)

    def _write(self, waiting: list[Mapping[str, Any]]) -> None:
        open_settings_store().setValue(_KEY, json.dumps(waiting))
        open_settings_store().sync()
        self.changed.emit()


def _find_missing_folder(choices: Mapping[str, Any]) -> str:
    """Return a sentence on a folder of a training that is missing now, or ""."""
    paths = parse_choices(choices).paths
    missing = [choices[name] for name in ("source_dir", "workspace") if choices.get(name) and name not in paths]
    return f"{missing[0]} is missing. Connect its drive or restore the folder" if missing else ""


def _read() -> list[Mapping[str, Any]]:
    try:
        waiting = parse_json(str(open_settings_store().value(_KEY, "[]")))
    except ValueError:
        return []
    return [choices for choices in waiting if isinstance(choices, dict)] if isinstance(waiting, list) else []
