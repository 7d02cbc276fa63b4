"""Controller that connects the project, the session and the views, and owns the order of a run's events.

`app/run/contract.py` says what it asks of the views; trainer_core defines the rules of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Callable

from PySide6.QtCore import QObject, Slot

from app.form.entries import PathEntry
from app.form.last_session import load_session, save_session
from app.form.results_folder import DEMO, results_folder
from app.form.settings_files import SettingsTransfer
from app.form.start_entry import StartEntry
from app.run import questions as run_questions
from app.run.continuation import Continuation
from app.run.contract import RunViews
from app.run.estimate import Estimate, EstimateModel
from app.run.last_run import LastRun
from app.run.other_process import OtherProcess, OtherProcessCard
from app.run.queue import RunQueue
from app.run.queue_addition import QueueAddition
from app.run.queue_dialog import QueueDialog
from app.run.reports import report_error, report_failure
from app.run.save_question import SaveQuestion
from app.run.session import CONTROLLABLE_STATES, SessionState
from app.run.training_thread import RunEnded
from app.runs.recent_workspaces import add_recent_workspace
from app.runs.workspace_contents import WorkspaceContents
from app.system.tensorboard_server import TensorBoardServers
from app.widgets.errors import error_message, show_versions
from app.widgets.wording import with_form_labels
from trainer_core.control import RunRequest
from trainer_core.errors import UserError
from trainer_core.events import CheckpointSaved, Event, PlanChanged, RunFinished, RunStarted
from trainer_core.planning.changes import UnacceptedChanges
from trainer_core.planning.hardware import Hardware, choose_hardware, list_devices
from trainer_core.settings.config import TrainerConfig
from trainer_core.sleep_inhibitor import make_sleep_inhibitor
from trainer_core.workspace.checkpoints import list_checkpoints

_DEMO_SELECTED = "Built-in scenes are selected. Press Start: training takes about two minutes."
_DEMO_STARTS = "The demo trains a small network on built-in scenes. It takes about two minutes."


class RunController(QObject):
    """Connection of project, session and views; it implements the commands of the menus."""

    def __init__(self, views: RunViews, other_process_card: OtherProcessCard) -> None:
        super().__init__(views.dialog_parent)
        self._views = views
        self._estimate = EstimateModel(views.training, self)
        self._estimate.changed.connect(self._show_estimate)
        self._estimate.device_changed.connect(views.status_line.show_device)
        self._compatibility = ""
        self._sleep_inhibitor = make_sleep_inhibitor()
        self._tensorboards = TensorBoardServers(self)
        self._tensorboards.message_posted.connect(views.message_strip.show_message)
        self.settings_files = SettingsTransfer(views.project, views.dialog_parent)
        self.settings_files.message_posted.connect(views.message_strip.show_message)
        self._other_process = OtherProcess(views, other_process_card)
        self.last_run = LastRun(views.project, views.last_run_card, self._resume_when_ready)
        self.queue = RunQueue(views.project, views.session, self.start_when_ready, self.cancel_start)
        self.queue.message_posted.connect(views.message_strip.show_message)
        self._when_ready: Callable[[], None] | None = None  # called as soon as all settings are checked
        self._finish_event: RunFinished | None = None
        self._shown_workspace: Path | None = None  # the workspace whose run the views show
        self._has_model = self._has_run = False  # whether it has a model, and whether there is one at all
        self._resuming = False  # whether the last start was a resume of the newest checkpoint
        project, session = views.project, views.session
        self._continuation = Continuation(project)  # of that run, if it is unfinished
        project.propose_choices("cpu")  # most likely, so that they do not change when the hardware is known
        project.changed.connect(self._settings_changed)
        project.workspace_opened.connect(self._workspace_opened)
        project.workspace_closed.connect(self._clear_views)
        project.message_posted.connect(views.message_strip.show_message)
        session.state_changed.connect(self._state_changed)
        session.event_received.connect(self._on_event)
        session.ended.connect(self._on_run_ended)
        self._save_question = SaveQuestion(session, project, views.dialog_parent, views.notifier.notify)

    # -- hardware and workspace ------------------------------------------------------------------

    def find_hardware(self) -> None:
        """Query the hardware in the training thread, which imports torch for it."""
        failed = partial(report_error, self._views.dialog_parent)
        self._views.training.submit(
            lambda: (choose_hardware(TrainerConfig()), list_devices()),
            lambda found: self._hardware_found(*found),
            failed,
        )

    def _hardware_found(self, hardware: Hardware, devices: Mapping[str, str]) -> None:
        self._views.form.show_choices("device", devices)
        self._views.status_line.show_device(f"{hardware.label} · {hardware.precision}")
        self._estimate.enable()
        self._views.project.propose_choices(hardware.kind)

    def _show_estimate(self, estimate: Estimate) -> None:
        self._views.run_bar.show_estimate(estimate)
        if not self._views.session.is_active:
            self._views.form.show_planned_steps(estimate.steps)
            self._views.form.show_advice({} if self._continuation.is_possible else estimate.new_run_advice)

    def _settings_changed(self) -> None:
        project, session, bar = self._views.project, self._views.session, self._views.run_bar
        if not session.is_active and (project.workspace.root if project.workspace else None) != self._shown_workspace:
            self._clear_views()  # until the contents of the new workspace are known
        if not session.is_active:
            self._estimate.set_config(None if project.problems else project.draft.config)
        bar.show_start(resumes=bool(project.draft.config.resume_from))
        bar.show_continuation(self._continuation.build_checks(), self._continuation.is_possible)
        if self._when_ready is not None and project.is_ready:
            action, self._when_ready = self._when_ready, None
            action()

    def _workspace_opened(self, opened: WorkspaceContents) -> None:
        """Show the contents of the workspace, unless a running training fills the views."""
        views = self._views
        if views.session.is_active:
            return
        self._shown_workspace = opened.workspace.root
        self._continuation.set_run(opened.unfinished)
        self._has_model = opened.model is not None
        self._has_run = bool(opened.events) or opened.unfinished is not None
        if self._has_run and not views.project.is_workspace_typed:
            add_recent_workspace(opened.workspace.root)
        views.hide_cards()
        views.show_contents(opened)
        if self._other_process.follow_workspace(opened):
            self._when_ready = None
        elif opened.unfinished is not None:
            views.resume_card.show_run(opened.unfinished)
        elif opened.lost_run_step is not None:
            views.resume_card.show_lost_run(opened.lost_run_step)
        else:
            views.show_last_run(opened)
        self._other_process.notify_ended()

    def _clear_views(self) -> None:
        """Clear everything shown of the previous workspace, so that its offers cannot reach another folder."""
        views = self._views
        if self._shown_workspace is None or views.session.is_active:
            return
        self._shown_workspace, self._has_model, self._has_run = None, False, False
        self._continuation.set_run(None)
        views.hide_cards()
        views.clear_run()
        views.show_run(False)

    # -- commands --------------------------------------------------------------------------------

    def start(self) -> None:
        """Start a run, or show what keeps it from starting, with the focus on the first such setting."""
        views = self._views
        if views.session.is_active:
            return
        problems, start_over = views.run_bar.emphasize_problems(), partial(self._start_run, resume=False)
        if problems:
            views.form.ask_for(problems)
        elif not views.project.is_ready:
            views.message_strip.show_message("info", "Still checking the folders. Try again in a moment.")
        elif views.project.draft.config.resume_from:
            self._start_run(resume=False)
        elif self._continuation.is_possible:
            run_questions.ask_about_unfinished_run(views.dialog_parent, self.resume, start_over)
        elif self._has_model:
            run_questions.ask_about_finished_run(
                views.dialog_parent, lambda: self.choose_path("workspace"), lambda: self._start_run(resume=False)
            )
        else:
            self._start_run(resume=False)

    def start_when_ready(self) -> None:
        """Start a run as soon as all settings are checked."""
        self._when_ready = self.start
        self._settings_changed()

    def cancel_start(self) -> None:
        """Do not start as soon as all settings are checked."""
        self._when_ready = None

    def _resume_when_ready(self) -> None:
        self._when_ready = self.resume
        self._settings_changed()

    def resume(self) -> None:
        """Resume the unfinished run of the workspace, after a question if hardly any time is left."""
        if self._continuation.is_possible and not self._views.session.is_active:
            change_limit = partial(self._views.form.focus_setting, "max_minutes")
            self._continuation.resume_or_ask(
                self._views.dialog_parent, change_limit, partial(self._start_run, resume=True)
            )

    def _start_run(self, *, resume: bool) -> None:
        views = self._views
        views.hide_cards()
        if not (resume or views.project.draft.config.resume_from):
            views.clear_run()
        self.last_run.end()
        views.watch_card.dismiss()
        views.show_run(True)
        self._estimate.stop()
        save_session(views.project.draft.session_choices)
        workspace = views.project.workspace
        self._shown_workspace = workspace.root if workspace else None
        self._resuming = resume
        views.session.start(views.project.given(resume=resume))

    def save_session(self) -> None:
        """Save the current choices for the next start; a shown run also enters the recent workspaces."""
        project = self._views.project
        save_session(project.draft.session_choices)
        if project.workspace is not None and self._shown_workspace == project.workspace.root and self._has_run:
            add_recent_workspace(self._shown_workspace)

    def restore_session(self) -> None:
        """Restore the choices of the last session."""
        self._views.project.restore_session(load_session())

    def ask_to_load_demo(self, *, begin: bool = False) -> None:
        """Select the built-in scenes, after a question if that replaces choices; with `begin`, also start."""
        draft, load = self._views.project.draft, partial(self.load_demo, begin=begin)
        if draft.config.demo or not draft.session_choices:
            load()
        else:
            run_questions.ask_to_use_scenes(self._views.dialog_parent, load)

    def load_demo(self, workspace: str = "", *, begin: bool = False) -> None:
        """Select the built-in scenes, and start with `begin`; the default workspace is in the documents folder."""
        if self._views.session.is_active:
            return
        self._views.project.use_demo(workspace or results_folder(DEMO))
        self._views.message_strip.show_message("info", _DEMO_STARTS if begin else _DEMO_SELECTED)
        if begin:
            self.start_when_ready()

    def pause_or_resume(self) -> None:
        """Pause or resume the run at the next step boundary."""
        self._views.session.pause_or_resume()

    def stop(self) -> None:
        """Save a checkpoint and stop the run."""
        self._views.session.stop()

    def discard(self) -> None:
        """Stop the run without saving, after a question."""
        if self._views.session.is_active:
            run_questions.ask_to_stop(
                self._views.dialog_parent, self.stop, lambda: self._views.session.stop(discard=True)
            )

    def save_now(self) -> None:
        """Request a checkpoint at the next step boundary; a message reports when it is saved."""
        self._request(RunRequest.SAVE)

    def preview_now(self) -> None:
        """Request a preview at the next step boundary."""
        self._request(RunRequest.PREVIEW)

    def _request(self, request: RunRequest) -> None:
        if self._views.session.state in CONTROLLABLE_STATES:
            self._views.session.request(request)
            self._views.run_bar.show_request(request)

    def choose_path(self, name: str) -> None:
        """Open the file dialog of a path setting."""
        entry = self._views.form.rows[name].entry
        assert isinstance(entry, (PathEntry, StartEntry))
        entry.browse_path()

    def add_to_queue(self) -> None:
        """Add the training of the form to the queue; while it runs, ask for another one."""
        if self._views.session.is_active:
            QueueAddition(self.queue, self._views.dialog_parent).open_and_delete()
        else:
            self.queue.add_present()

    def show_queue(self) -> None:
        """Show the queue of trainings."""
        QueueDialog(self.queue, self._views.dialog_parent).open_and_delete()

    def choose_captures(self) -> None:
        """Choose photos of the watch to pin."""
        self._views.choose_captures()

    def open_workspace(self, path: str) -> None:
        """Open a workspace with its settings and photos."""
        if not self._views.session.is_active:
            self._views.project.set_path("workspace", path)

    def resume_workspace(self, path: str) -> None:
        """Open a workspace and resume its unfinished run as soon as its folders are checked."""
        if not self._views.session.is_active:
            self.open_workspace(path)
            self._resume_when_ready()

    def open_tensorboard(self) -> None:
        """Open the workspace's TensorBoard files in the browser."""
        workspace = self._views.project.workspace
        if workspace is None:
            self._views.message_strip.show_message(
                "info", "Choose a workspace first: TensorBoard shows the files of its run."
            )
        else:
            self._tensorboards.open(workspace.tensorboard)

    def about(self) -> None:
        """Show the versions of the program and its libraries."""
        show_versions(self._views.dialog_parent)

    # -- events of the run -----------------------------------------------------------------------

    @Slot(object)
    def _state_changed(self, state: SessionState) -> None:
        self._views.show_state(state)
        if state is SessionState.IDLE:
            self._sleep_inhibitor.release()
        else:
            self._sleep_inhibitor.inhibit()

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        views = self._views
        self._continuation.on_event(event)
        if isinstance(event, RunStarted):
            self._compatibility, self._finish_event = "", None
            if event.is_new:
                views.clear_pictures()
            add_recent_workspace(Path(event.workspace))
            save_session(views.project.draft.places)  # the workspace holds the other choices from now on
        if isinstance(event, (RunStarted, PlanChanged)):
            views.form.show_planned_steps(str(event.total_steps or ""))
        if isinstance(event, CheckpointSaved):
            self._compatibility = event.loads_in or self._compatibility
            if views.run_bar.is_saving and event.kind != "best":  # written regardless of the request
                views.message_strip.show_message("info", f"Saved at step {event.step} as {Path(event.path).name}.")
        if isinstance(event, RunFinished):
            self._finish_event = event
        views.on_event(event)
        views.run_bar.on_event(event)

    @Slot(object)
    def _on_run_ended(self, ended: RunEnded) -> None:
        views, finished = self._views, self._finish_event
        if isinstance(ended.error, UnacceptedChanges):
            views.notifier.notify("Training did not start", "The run to resume was trained with other data.")
            run_questions.ask_about_changes(
                views.dialog_parent, ended.error, lambda changes: self._start_changed(changes, resume=self._resuming)
            )
            views.project.reload_workspace()
            views.on_run_ended()
            return
        for name in ("resume_from", "accept_changes"):  # they are for one start
            views.project.draft.reset(name)
        if finished is not None:
            views.project.commit()
        views.project.changed.emit()
        if ended.error is not None:
            title = "Training failed" if finished else "Training did not start"
            text = ended.error.message if isinstance(ended.error, UserError) else error_message(ended.error)
            views.notifier.notify(title, with_form_labels(text))  # before the dialog, which activates the window
            report_error(views.dialog_parent, ended.error, ended.details)
            views.project.reload_workspace()  # it may have an unfinished run or another process
        elif finished is not None:
            workspace = views.project.workspace
            left = finished.outcome != "completed" and workspace is not None and list_checkpoints(workspace)
            can_resume = self._continuation.is_possible = bool(left)
            self._has_model = finished.model is not None
            views.run_bar.show_continuation(self._continuation.build_checks(), self._continuation.is_possible)
            views.show_result(finished, self._compatibility, resumable=can_resume)
            failed = finished.outcome == "failed"
            views.notifier.notify("Training failed" if failed else "Training has ended", views.result_text)
            if failed:
                start_again = partial(self._start_changed, resume=can_resume)
                report_failure(views.dialog_parent, finished, views.log.text, start_again, can_resume=can_resume)
        self._finish_event = None
        views.notifier.hide_icon()
        views.on_run_ended()

    def _start_changed(self, changes: Mapping[str, Any], *, resume: bool) -> None:
        """Change these settings and start again."""
        if not self._views.session.is_active:
            for name, value in changes.items():
                self._views.project.set_value(name, value)
            self._start_run(resume=resume)

    def close(self) -> None:
        """Release the sleep inhibitor and stop the helpers."""
        self._estimate.stop()
        self._sleep_inhibitor.release()
        self._tensorboards.close()
        self._other_process.close()
        self._views.notifier.close()
