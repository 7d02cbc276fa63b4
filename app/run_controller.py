"""Controller that connects the project, the session and the views, and owns the order of a run's events.

`app/window.py` creates and lays out the views; trainer_core defines the rules of a run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from PySide6.QtCore import QObject, QStandardPaths, Slot

from app import run_questions
from app.charts.comparison import RunComparison
from app.deploy.deployment import Deployment
from app.errors import error_message, show_versions
from app.estimate import EstimateModel
from app.form.entries import PathEntry
from app.form.settings_files import SettingsTransfer
from app.form.wording import with_form_labels
from app.last_run import LastRun
from app.last_session import load_session, save_session
from app.run_reports import report_error, report_failure
from app.runs.other_process import OtherProcess
from app.runs.recent_workspaces import add_recent_workspace
from app.runs.workspace_contents import WorkspaceContents
from app.save_question import SaveQuestion
from app.session import SessionState
from app.system.sleep_inhibitor import make_sleep_inhibitor
from app.system.tensorboard_server import TensorBoardServers
from app.training_thread import RunEnded
from trainer_core.control import RunRequest
from trainer_core.errors import UserError
from trainer_core.events import CheckpointSaved, Event, RunFinished, RunStarted
from trainer_core.planning.changes import UnacceptedChanges
from trainer_core.planning.hardware import Hardware, choose_hardware, list_devices
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import preset_for_device
from trainer_core.workspace.checkpoints import list_checkpoints

if TYPE_CHECKING:
    from app.window import Window


class RunController(QObject):
    """Connection of project, session and views; it implements the commands of the menus."""

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
        self._other_process = OtherProcess(window)
        self.comparison = RunComparison(window.charts, window.project)
        self.comparison.message_posted.connect(window.message_strip.show_message)
        self.last_run = LastRun(window.project, window.last_run_card, self._resume_when_ready)
        self._when_ready: Callable[[], None] | None = None  # called as soon as all settings are checked
        self._save_requested = False
        self._finish_event: RunFinished | None = None
        self._shown_workspace: Path | None = None  # the workspace whose run the views show
        self._unfinished = False  # and whether that run can be resumed
        self._has_model = False  # and whether a model of it exists
        self._resuming = False  # whether the last start was a resume of the newest checkpoint
        self._has_run = False  # and whether the workspace has a run
        project, session = window.project, window.session
        project.changed.connect(self._settings_changed)
        project.workspace_opened.connect(self._workspace_opened)
        project.workspace_closed.connect(self._clear_views)
        project.message_posted.connect(window.message_strip.show_message)
        session.state_changed.connect(self._state_changed)
        session.event_received.connect(self._on_event)
        session.ended.connect(self._on_run_ended)
        self._save_question = SaveQuestion(session, project, window, window.notifier.notify)

    # -- hardware and workspace ------------------------------------------------------------------

    def find_hardware(self) -> None:
        """Query the hardware in the training thread, which imports torch for it."""
        failed = partial(report_error, self._window)
        self._window.training.submit(
            lambda: (choose_hardware(TrainerConfig()), list_devices()),
            lambda found: self._hardware_found(*found),
            failed,
        )

    def _hardware_found(self, hardware: Hardware, devices: Mapping[str, str]) -> None:
        self._window.form.show_choices("device", devices)
        self._window.status_line.show_device(f"{hardware.label} · {hardware.precision}")
        self._estimate.enable()
        self._window.project.propose_preset(preset_for_device(hardware.kind))

    def _settings_changed(self) -> None:
        project, session = self._window.project, self._window.session
        if not session.is_active and (project.workspace.root if project.workspace else None) != self._shown_workspace:
            self._clear_views()  # until the contents of the new workspace are known
        if not session.is_active:
            self._estimate.set_config(None if project.problems else project.draft.config)
        self._window.run_bar.start_button.setText(
            "Resume training" if project.draft.config.resume_from else "Start training"
        )
        if self._when_ready is not None and project.is_ready:
            action, self._when_ready = self._when_ready, None
            action()

    def _workspace_opened(self, opened: WorkspaceContents) -> None:
        """Show the contents of the workspace, unless a running training fills the views."""
        window = self._window
        if window.session.is_active:
            return
        self._shown_workspace, self._unfinished = opened.workspace.root, opened.unfinished is not None
        self._has_model = opened.model is not None
        self._has_run = bool(opened.events) or self._unfinished
        if self._has_run and not window.project.is_workspace_typed:
            add_recent_workspace(opened.workspace.root)
        window.welcome.refresh()
        window.resume_card.hide()
        window.result_card.hide()
        window.charts.show_figures(opened.figures)
        window.preview.load_folder(opened.workspace.previews)
        window.show_run(bool(opened.events))
        if self._other_process.follow_workspace(opened):
            self._when_ready = None
        elif opened.unfinished is not None:
            window.resume_card.show_run(opened.unfinished)
        elif opened.lost_run_step is not None:
            window.message_strip.show_message("warning", opened.lost_run_warning)
        else:
            window.result_card.show_last_run(opened)
        self._other_process.notify_ended()

    def _clear_views(self) -> None:
        """Clear everything shown of the previous workspace, so that its offers cannot reach another folder."""
        window = self._window
        if self._shown_workspace is None or window.session.is_active:
            return
        self._shown_workspace, self._unfinished, self._has_model, self._has_run = None, False, False, False
        self._clear_figures()
        window.show_run(False)

    def _clear_figures(self) -> None:
        """Clear the cards, curves, pictures and texts of a run."""
        window = self._window
        window.resume_card.hide()
        window.result_card.hide()
        window.charts.clear()
        window.preview.clear()
        window.log.clear()
        window.status_line.clear_run()

    # -- commands --------------------------------------------------------------------------------

    def start(self) -> None:
        """Start a run, or focus the first setting with a problem."""
        window = self._window
        if window.session.is_active:
            return
        missing, start_over = window.run_bar.checklist.first_problem(), partial(self._start_run, resume=False)
        if missing:
            window.form.focus_setting(missing)
        elif not window.project.is_ready:
            window.message_strip.show_message("info", "Still checking the folders. Try again in a moment.")
        elif window.project.draft.config.resume_from:
            self._start_run(resume=False)
        elif self._unfinished:
            run_questions.ask_about_unfinished_run(window, self.resume, start_over)
        elif self._has_model:
            run_questions.ask_about_finished_run(
                window, lambda: self.choose_path("workspace"), lambda: self._start_run(resume=False)
            )
        else:
            self._start_run(resume=False)

    def start_when_ready(self) -> None:
        """Start a run as soon as all settings are checked."""
        self._when_ready = self.start
        self._settings_changed()

    def _resume_when_ready(self) -> None:
        self._when_ready = self.resume
        self._settings_changed()

    def resume(self) -> None:
        """Resume the unfinished run of the workspace."""
        if self._unfinished and not self._window.session.is_active:
            self._start_run(resume=True)

    def _start_run(self, *, resume: bool) -> None:
        window = self._window
        if resume or window.project.draft.config.resume_from:
            window.resume_card.hide()
            window.result_card.hide()
        else:
            self._clear_figures()
        window.last_run_card.hide()
        window.show_run(True)
        self._estimate.stop()
        save_session(window.project.draft.session_choices)
        workspace = window.project.workspace
        self._shown_workspace = workspace.root if workspace else None
        self._resuming = resume
        window.session.start(window.project.given(resume=resume))

    def save_session(self) -> None:
        """Save the current choices for the next start; a shown run also enters the recent workspaces."""
        project = self._window.project
        save_session(project.draft.session_choices)
        if project.workspace is not None and self._shown_workspace == project.workspace.root and self._has_run:
            add_recent_workspace(self._shown_workspace)

    def restore_session(self) -> None:
        """Restore the choices of the last session."""
        self._window.project.restore_session(load_session())

    def ask_to_load_demo(self) -> None:
        """Select the built-in scenes, after a question if that replaces choices."""
        given = self._window.project.draft.given
        if given.get("demo") or not set(given) - {"preset"}:
            self.load_demo()
        else:
            run_questions.ask_to_use_scenes(self._window, self.load_demo)

    def load_demo(self, workspace: str = "") -> None:
        """Select the built-in scenes; the default workspace is in the user's documents folder."""
        if not self._window.session.is_active:
            documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
            self._window.project.use_demo(workspace or os.path.join(documents, "WQV Upscale Trainer", "demo"))
            self._window.message_strip.show_message(
                "info", "Built-in scenes are selected. Press Start: training takes about two minutes."
            )

    def pause_or_resume(self) -> None:
        """Pause or resume the run at the next step boundary."""
        self._window.session.pause_or_resume()

    def stop(self) -> None:
        """Save a checkpoint and stop the run."""
        self._window.session.stop()

    def discard(self) -> None:
        """Stop the run without saving, after a question."""
        if self._window.session.is_active:
            run_questions.ask_to_stop(self._window, self.stop, lambda: self._window.session.stop(discard=True))

    def save_now(self) -> None:
        """Request a checkpoint at the next step boundary; a message reports when it is saved."""
        self._save_requested = True
        self._window.session.request(RunRequest.SAVE)

    def preview_now(self) -> None:
        """Request a preview at the next step boundary."""
        self._window.session.request(RunRequest.PREVIEW)

    def choose_path(self, name: str) -> None:
        """Open the file dialog of a path setting."""
        entry = self._window.form.rows[name].entry
        assert isinstance(entry, PathEntry)
        entry.browse_path()

    def choose_captures(self) -> None:
        """Choose photos of the watch to pin."""
        self._window.pins.choose()

    def open_workspace(self, path: str) -> None:
        """Open a workspace with its settings and photos."""
        if not self._window.session.is_active:
            self._window.project.set_path("workspace", path)

    def open_tensorboard(self) -> None:
        """Open the workspace's TensorBoard files in the browser."""
        workspace = self._window.project.workspace
        if workspace is None:
            self._window.message_strip.show_message(
                "info", "Choose a workspace first: TensorBoard shows the files of its run."
            )
        else:
            self._tensorboards.open(workspace.tensorboard)

    def about(self) -> None:
        """Show the versions of the program and its libraries."""
        show_versions(self._window)

    # -- events of the run -----------------------------------------------------------------------

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
            save_session(window.project.draft.places)  # the workspace holds the other choices from now on
        if isinstance(event, CheckpointSaved):
            self._compatibility = event.loads_in or self._compatibility
            if self._save_requested and event.kind != "best":  # written regardless of the request
                self._save_requested = False
                window.message_strip.show_message("info", f"Saved at step {event.step} as {Path(event.path).name}.")
        if isinstance(event, RunFinished):
            self._finish_event = event
        for part in (window.charts, window.preview, window.log, window.status_line, window.run_bar):
            part.on_event(event)

    @Slot(object)
    def _on_run_ended(self, ended: RunEnded) -> None:
        window, finished = self._window, self._finish_event
        if isinstance(ended.error, UnacceptedChanges):
            window.notifier.notify("Training did not start", "The run to resume was trained with other data.")
            run_questions.ask_about_changes(
                window, ended.error, lambda changes: self._start_changed(changes, resume=self._resuming)
            )
            window.project.reload_workspace()
            window.on_run_ended()
            return
        for name in ("resume_from", "accept_changes"):  # they are for one start
            window.project.draft.reset(name)
        if finished is not None:
            window.project.commit()
        window.project.changed.emit()
        window.welcome.refresh()
        if ended.error is not None:
            title = "Training failed" if finished else "Training did not start"
            text = ended.error.message if isinstance(ended.error, UserError) else error_message(ended.error)
            window.notifier.notify(title, with_form_labels(text))  # before the dialog, which activates the window
            report_error(window, ended.error, ended.details)
            window.project.reload_workspace()  # it may have an unfinished run or another process
        elif finished is not None:
            workspace = window.project.workspace
            left = finished.outcome != "completed" and workspace is not None and list_checkpoints(workspace)
            self._unfinished, self._has_model = bool(left), finished.model is not None
            window.result_card.show_result(finished, self._compatibility, resumable=self._unfinished)
            failed = finished.outcome == "failed"
            window.notifier.notify("Training failed" if failed else "Training has ended", window.result_card.text)
            if failed:
                start_again = partial(self._start_changed, resume=self._unfinished)
                report_failure(window, finished, window.log.text, start_again, can_resume=self._unfinished)
        self._finish_event = None
        window.notifier.hide_icon()
        window.on_run_ended()

    def _start_changed(self, changes: Mapping[str, Any], *, resume: bool) -> None:
        """Change these settings and start again."""
        if not self._window.session.is_active:
            for name, value in changes.items():
                self._window.project.set_value(name, value)
            self._start_run(resume=resume)

    def close(self) -> None:
        """Release the sleep inhibitor and stop the helpers."""
        self._estimate.stop()
        self._sleep_inhibitor.release()
        self._tensorboards.close()
        self._other_process.close()
        self.deployment.close()
        self._window.notifier.close()
