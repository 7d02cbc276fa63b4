"""What happens on what: connects the project, the session and everything that is shown.

The window puts the parts in place; the rules of a run are trainer_core's; this is the order of events between them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QStandardPaths, Qt, Slot
from PySide6.QtWidgets import QMessageBox

import trainer_core
from app.charts.comparison import RunComparison
from app.deploy.deployment import Deployment
from app.errors import ErrorReport, bug_report, error_message, show_report
from app.estimate import EstimateModel
from app.form.entries import PathEntry
from app.form.settings_files import SettingsTransfer
from app.form.wording import with_form_labels
from app.last_session import load_session, save_session
from app.questions import ask_question
from app.runs.other_process import OtherProcess
from app.runs.recent_workspaces import add_recent_workspace
from app.runs.workspace_contents import WorkspaceContents
from app.session import SessionState
from app.system.sleep_inhibitor import make_sleep_inhibitor
from app.system.tensorboard_server import TensorBoardServers
from app.training_thread import RunEnded
from trainer_core.control import RunRequest
from trainer_core.errors import UserError
from trainer_core.events import CheckpointSaved, Event, RunFinished, RunStarted
from trainer_core.planning.hardware import Hardware, choose_hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import preset_for_device

if TYPE_CHECKING:
    from app.window import Window


class RunController(QObject):
    """Made by the window, for the window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._estimate = EstimateModel(window.training, self)
        self._estimate.changed.connect(window.run_bar.show_estimate)
        self._estimate.device_changed.connect(window.status_line.show_device)
        self._compatibility = ""
        self._sleep_inhibitor = make_sleep_inhibitor()
        self._tensorboards = TensorBoardServers(self)
        self._tensorboards.message_posted.connect(window.message_strip.show_message)
        self.settings_files = SettingsTransfer(window.project, window)
        self.settings_files.message_posted.connect(window.message_strip.show_message)
        self.deployment = Deployment(window)
        self._elsewhere = OtherProcess(window)
        self.comparison = RunComparison(window.charts, window.project)
        self.comparison.message_posted.connect(window.message_strip.show_message)
        self._start_when_ready = self._save_requested = False
        self._finish_event: RunFinished | None = None
        self._shown_workspace: Path | None = None  # the workspace whose run is in sight
        self._unfinished = False  # and whether that run can be resumed
        self._has_run = False  # and whether there is one at all
        project, session = window.project, window.session
        project.changed.connect(self._settings_changed)
        project.workspace_opened.connect(self._workspace_opened)
        project.workspace_closed.connect(self._clear_views)
        project.message_posted.connect(window.message_strip.show_message)
        session.state_changed.connect(self._state_changed)
        session.event_received.connect(self._on_event)
        session.ended.connect(self._on_run_ended)

    # -- the beginning -------------------------------------------------------------------------

    def find_hardware(self) -> None:
        """Ask the training thread, which imports torch for it."""
        self._window.training.submit(lambda: choose_hardware(TrainerConfig()), self._hardware_found, self._report_error)

    def _hardware_found(self, hardware: Hardware) -> None:
        self._window.status_line.show_device(f"{hardware.name} · {hardware.precision}")
        self._estimate.enable()
        self._window.project.propose_preset(preset_for_device(hardware.device))

    def _settings_changed(self) -> None:
        project, session = self._window.project, self._window.session
        if not session.is_active and (project.workspace.root if project.workspace else None) != self._shown_workspace:
            self._clear_views()  # until it is known what lies in the one that is named now
        if not session.is_active:
            self._estimate.set_config(None if project.problems else project.draft.config)
        self._window.run_bar.start_button.setText(
            "Resume training" if project.draft.config.resume_from else "Start training"
        )
        if self._start_when_ready and project.is_ready:
            self._start_when_ready = False
            self.start()

    def _workspace_opened(self, opened: WorkspaceContents) -> None:
        """Show what lies in the workspace, unless a training fills the views."""
        window = self._window
        if window.session.is_active:
            return
        self._shown_workspace, self._unfinished = opened.workspace.root, opened.unfinished is not None
        self._has_run = bool(opened.events) or self._unfinished
        if self._has_run and not window.project.is_workspace_typed:
            add_recent_workspace(opened.workspace.root)
        window.welcome.refresh()
        window.resume_card.hide()
        window.result_card.hide()
        window.charts.show_figures(opened.figures)
        window.preview.load_folder(opened.workspace.previews)
        window.show_run(bool(opened.events))
        if self._elsewhere.follow_workspace(opened):
            self._start_when_ready = False
        elif opened.unfinished is not None:
            window.resume_card.show_run(opened.unfinished)
        elif opened.lost_run_step is not None:
            self._warn_lost_run(opened.lost_run_step)
        else:
            self._show_last_model(opened)
        self._elsewhere.notify_ended()

    def _warn_lost_run(self, step: int) -> None:
        text = f"The last run here was interrupted at step {step}, before its first checkpoint: nothing can be resumed."
        self._window.message_strip.show_message("warning", f"{text} Start begins anew.")

    def _clear_views(self) -> None:
        """Nothing of the one that was in sight: its offers must not reach another folder."""
        window = self._window
        if self._shown_workspace is None or window.session.is_active:
            return
        self._shown_workspace, self._unfinished, self._has_run = None, False, False
        window.resume_card.hide()
        window.result_card.hide()
        window.charts.clear()
        window.preview.clear()
        window.log.clear()
        window.status_line.clear_run()
        window.show_run(False)

    def _show_last_model(self, opened: WorkspaceContents) -> None:
        """The model that the last run left, where the workspace lies now: it may have been moved since."""
        finished = [event for event in opened.events if isinstance(event, RunFinished)]
        saved = [event.loads_in for event in opened.events if isinstance(event, CheckpointSaved) and event.loads_in]
        if finished and opened.model is not None:
            done = replace(finished[-1], model=str(opened.model))
            self._window.result_card.show_result(done, saved[-1] if saved else "")

    # -- what the user does --------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go to what is missing."""
        window = self._window
        if window.session.is_active:
            return
        missing = window.run_bar.checklist.first_problem()
        if missing:
            window.form.focus_setting(missing)
        elif not window.project.is_ready:
            window.message_strip.show_message("info", "The folders are still being looked at; try again in a moment.")
        elif self._unfinished and not window.project.draft.config.resume_from:
            ask_question(
                window,
                "Resume the unfinished run, or start anew?",
                "Starting anew begins at step 0 and moves the files of the unfinished run to previous_runs.",
                [("Resume", self.resume), ("Start anew", lambda: self._start_run(resume=False))],
            )
        else:
            self._start_run(resume=False)

    def start_when_ready(self) -> None:
        """Begin as soon as what was filled in has been looked at."""
        self._start_when_ready = True
        self._settings_changed()

    def resume(self) -> None:
        """Go on with the workspace's unfinished run."""
        if self._unfinished and not self._window.session.is_active:
            self._start_run(resume=True)

    def _start_run(self, *, resume: bool) -> None:
        window = self._window
        window.resume_card.hide()
        window.result_card.hide()
        window.show_run(True)
        self._estimate.stop()
        save_session(window.project.draft.session_choices)
        workspace = window.project.workspace
        self._shown_workspace = workspace.root if workspace else None
        window.session.start(window.project.given(resume=resume))

    def save_session(self) -> None:
        """What is open now is taken up at the next start; a run that was typed was meant."""
        project = self._window.project
        save_session(project.draft.session_choices)
        if project.workspace is not None and self._shown_workspace == project.workspace.root and self._has_run:
            add_recent_workspace(self._shown_workspace)

    def restore_session(self) -> None:
        """Take up where the window was left, or was cut off."""
        self._window.project.restore_session(load_session())

    def ask_to_load_demo(self) -> None:
        """Fill in the built-in scenes; what was chosen is given up only after a question."""
        given = self._window.project.draft.given
        if given.get("demo") or not set(given) - {"preset"}:
            self.load_demo()
        else:
            ask_question(
                self._window,
                "Fill in the built-in scenes?",
                "They take the place of the folders and settings chosen here. Files stay as they are.",
                [("Fill in", self.load_demo)],
            )

    def load_demo(self, workspace: str = "") -> None:
        """Fill in the built-in scenes; without a workspace in the user's documents."""
        if not self._window.session.is_active:
            documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
            self._window.project.use_demo(workspace or os.path.join(documents, "WQV Upscale Trainer", "demo"))
            self._window.message_strip.show_message(
                "info", "The built-in scenes are filled in. Start trains for about two minutes."
            )

    def pause_or_resume(self) -> None:
        """At the next step boundary."""
        self._window.session.pause_or_resume()

    def stop(self) -> None:
        """Save and leave."""
        self._window.session.stop()

    def discard(self) -> None:
        """Leave without saving, after a question."""
        if self._window.session.is_active:
            ask_question(
                self._window,
                "Stop without saving?",
                "The steps since the last checkpoint are dropped. No file is deleted.",
                [("Stop and save", self.stop), ("Discard", lambda: self._window.session.stop(discard=True))],
                cancel="Go on training",
            )

    def save_now(self) -> None:
        """A checkpoint at the next step boundary; it is said when it is there."""
        self._save_requested = True
        self._window.session.request(RunRequest.SAVE)

    def preview_now(self) -> None:
        """Pictures at the next step boundary."""
        self._window.session.request(RunRequest.PREVIEW)

    def choose_path(self, name: str) -> None:
        """Browse for a setting that is a path."""
        entry = self._window.form.rows[name].entry
        assert isinstance(entry, PathEntry)
        entry.browse_path()

    def open_workspace(self, path: str) -> None:
        """Make a folder the workspace, with its own photos."""
        if not self._window.session.is_active:
            self._window.project.set_path("workspace", path)

    def open_tensorboard(self) -> None:
        """Show the workspace's event files in the browser."""
        workspace = self._window.project.workspace
        if workspace is None:
            self._window.message_strip.show_message(
                "info", "Choose a workspace first; TensorBoard shows what its run has written."
            )
        else:
            self._tensorboards.open(workspace.tensorboard)

    def about(self) -> None:
        """Versions."""
        text = ErrorReport(
            "WQV Upscale Trainer", "Trains networks that enlarge Casio WQV wrist camera photos."
        ).format_text()
        title = f"About version {trainer_core.__version__}"
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, self._window)
        box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    # -- what the run does ---------------------------------------------------------------------

    @Slot(object)
    def _state_changed(self, state: SessionState) -> None:
        window = self._window
        for part in (window.run_bar, window.status_line, window.menus, window.notifier):
            part.show_state(state)
        window.form.set_locked(state is not SessionState.IDLE)
        window.simulation.set_idle(state is SessionState.IDLE)
        if state is SessionState.IDLE:
            self._sleep_inhibitor.release()
        else:
            self._sleep_inhibitor.inhibit()
        running = state not in (SessionState.IDLE, SessionState.STARTING)
        window.setWindowTitle(f"{state.value} – {window.TITLE}" if running else window.TITLE)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        window = self._window
        if isinstance(event, RunStarted):
            self._compatibility, self._finish_event, self._save_requested = "", None, False
            if event.start_step == 0:
                window.preview.clear()
            add_recent_workspace(Path(event.workspace))
        if isinstance(event, CheckpointSaved):
            self._compatibility = event.loads_in or self._compatibility
            if self._save_requested and event.kind != "best":  # which is kept whoever asks
                self._save_requested = False
                window.message_strip.show_message("info", f"Saved at step {event.step} as {Path(event.path).name}.")
        if isinstance(event, RunFinished):
            self._finish_event = event
        for part in (window.charts, window.preview, window.log, window.status_line, window.run_bar):
            part.on_event(event)

    @Slot(object)
    def _on_run_ended(self, ended: RunEnded) -> None:
        window, finished = self._window, self._finish_event
        window.project.draft.reset("resume_from")
        if finished is not None:
            window.project.commit()
        window.project.changed.emit()
        window.welcome.refresh()
        if ended.error is not None:
            title = "The training failed" if finished else "The training did not start"
            text = ended.error.message if isinstance(ended.error, UserError) else error_message(ended.error)
            window.notifier.notify(
                title, with_form_labels(text)
            )  # first: a dialog would make the window the active one
            self._report_error(ended.error, ended.details)
            window.project.reload_workspace()  # for what is there: an unfinished run, a training of another process
        elif finished is not None:
            workspace = window.project.workspace
            left = finished.outcome != "completed" and workspace is not None and workspace.step_checkpoints()
            self._unfinished = bool(left)
            window.result_card.show_result(finished, self._compatibility, resumable=self._unfinished)
            failed = finished.outcome == "failed"
            window.notifier.notify(
                "The training failed" if failed else "The training has ended", window.result_card.text
            )
            if failed:
                self._report_failure(finished)
        self._finish_event = None
        window.notifier.hide_icon()
        window.on_run_ended()

    def _report_failure(self, finished: RunFinished) -> None:
        title = f"The training failed at step {finished.step}"
        cause = with_form_labels(finished.error or "No reason was given.")
        if finished.remedy:
            advice = "The settings that need less can be taken over here, and the training goes on with them."
            words = "Apply and resume" if self._unfinished else "Apply and start again"
            remedy_action = (words, lambda: self._apply_remedy(finished.remedy))
        else:
            advice, remedy_action = "Change the settings and press Start. What was saved can be resumed.", None
        show_report(ErrorReport(title, cause, advice, self._window.log.text), self._window, remedy=remedy_action)

    def _apply_remedy(self, remedy: Mapping[str, int]) -> None:
        """Take the settings over and train on, from the last checkpoint if there is one."""
        if not self._window.session.is_active:
            for name, value in remedy.items():
                self._window.project.set_value(name, value)
            self._start_run(resume=self._unfinished)

    def _report_error(self, error: Exception, details: str = "") -> None:
        """Say what went wrong: a sentence for what the user can mend, a report for the rest."""
        if isinstance(error, UserError):
            show_report(ErrorReport("This cannot be done yet", with_form_labels(error.message)), self._window)
        else:
            show_report(bug_report(error, details), self._window)

    def close(self) -> None:
        """Let the machine sleep again, and end what runs beside the training."""
        self._estimate.stop()
        self._sleep_inhibitor.release()
        self._tensorboards.close()
        self._elsewhere.close()
        self.deployment.close()
        self._window.notifier.close()
