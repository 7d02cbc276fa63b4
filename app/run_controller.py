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
from app.charts.comparison import Comparison
from app.deploy.deployment import Deployment
from app.errors import Report, fault_report, reason, show_report
from app.estimate import Estimate
from app.form.entries import PathEntry
from app.form.settings_files import SettingsFiles
from app.form.wording import sentence
from app.last_session import keep, kept
from app.questions import ask
from app.runs.other_process import Elsewhere
from app.runs.recent_workspaces import remember_workspace
from app.runs.workspace_contents import Opened
from app.session import State
from app.system.sleep_inhibitor import awake
from app.system.tensorboard_server import TensorBoards
from app.training_thread import Ended
from trainer_core.control import Request
from trainer_core.errors import UserError
from trainer_core.events import CheckpointSaved, Event, RunFinished, RunStarted
from trainer_core.planning.hardware import Hardware, choose
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import proposed

if TYPE_CHECKING:
    from app.window import Window


class Conductor(QObject):
    """Made by the window, for the window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._estimate = Estimate(window.training, self)
        self._estimate.changed.connect(window.run_bar.show_estimate)
        self._estimate.device_changed.connect(window.status.show_device)
        self._loads_in = ""
        self._awake = awake()
        self._boards = TensorBoards(self)
        self._boards.told.connect(window.messages.tell)
        self.settings_files = SettingsFiles(window.project, window)
        self.settings_files.told.connect(window.messages.tell)
        self.deployment = Deployment(window)
        self._elsewhere = Elsewhere(window)
        self.comparison = Comparison(window.charts, window.project)
        self.comparison.told.connect(window.messages.tell)
        self._starts_when_ready = self._save_is_awaited = False
        self._finished: RunFinished | None = None
        self._shown: Path | None = None  # the workspace whose run is in sight
        self._unfinished = False  # and whether that run can be resumed
        self._holds_run = False  # and whether there is one at all
        project, session = window.project, window.session
        project.changed.connect(self._settings_changed)
        project.opened.connect(self._workspace_opened)
        project.left.connect(self._show_no_workspace)
        project.told.connect(window.messages.tell)
        session.changed.connect(self._state_changed)
        session.happened.connect(self._hear)
        session.ended.connect(self._run_ended)

    # -- the beginning -------------------------------------------------------------------------

    def find_hardware(self) -> None:
        """Ask the training thread, which imports torch for it."""
        self._window.training.ask(lambda: choose(TrainerConfig()), self._hardware_found, self._fault)

    def _hardware_found(self, hardware: Hardware) -> None:
        self._window.status.show_device(f"{hardware.name} · {hardware.precision}")
        self._estimate.begin()
        self._window.project.propose_preset(proposed(hardware.device))

    def _settings_changed(self) -> None:
        project, session = self._window.project, self._window.session
        if not session.active and (project.workspace.root if project.workspace else None) != self._shown:
            self._show_no_workspace()  # until it is known what lies in the one that is named now
        if not session.active:
            self._estimate.follow(None if project.wrong else project.draft.config)
        self._window.run_bar.start_button.setText(
            "Resume training" if project.draft.config.resume_from else "Start training"
        )
        if self._starts_when_ready and project.ready:
            self._starts_when_ready = False
            self.start()

    def _workspace_opened(self, opened: Opened) -> None:
        """Show what lies in the workspace, unless a training fills the views."""
        window = self._window
        if window.session.active:
            return
        self._shown, self._unfinished = opened.workspace.root, opened.unfinished is not None
        self._holds_run = bool(opened.events) or self._unfinished
        if self._holds_run and not window.project.workspace_is_typed:
            remember_workspace(opened.workspace.root)
        window.welcome.refresh()
        window.resume_card.hide()
        window.result_card.hide()
        window.charts.load(opened.figures)
        window.preview.load(opened.workspace.previews)
        window.show_run(bool(opened.events))
        if self._elsewhere.show(opened):
            self._starts_when_ready = False
        elif opened.unfinished is not None:
            window.resume_card.offer(opened.unfinished)
        elif opened.cut_short is not None:
            self._tell_cut_short(opened.cut_short)
        else:
            self._present(opened)
        self._elsewhere.tell_end()

    def _tell_cut_short(self, step: int) -> None:
        text = f"The last run here was interrupted at step {step}, before its first checkpoint: nothing can be resumed."
        self._window.messages.tell("warning", f"{text} Start begins anew.")

    def _show_no_workspace(self) -> None:
        """Nothing of the one that was in sight: its offers must not reach another folder."""
        window = self._window
        if self._shown is None or window.session.active:
            return
        self._shown, self._unfinished, self._holds_run = None, False, False
        window.resume_card.hide()
        window.result_card.hide()
        window.charts.clear()
        window.preview.clear()
        window.log.clear()
        window.status.clear_run()
        window.show_run(False)

    def _present(self, opened: Opened) -> None:
        """The model that the last run left, where the workspace lies now: it may have been moved since."""
        finished = [event for event in opened.events if isinstance(event, RunFinished)]
        saved = [event.loads_in for event in opened.events if isinstance(event, CheckpointSaved) and event.loads_in]
        if finished and opened.model is not None:
            done = replace(finished[-1], model=str(opened.model))
            self._window.result_card.present(done, saved[-1] if saved else "")

    # -- what the user does --------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go to what is missing."""
        window = self._window
        if window.session.active:
            return
        missing = window.run_bar.checklist.first_wrong()
        if missing:
            window.form.go_to(missing)
        elif not window.project.ready:
            window.messages.tell("info", "The folders are still being looked at; try again in a moment.")
        elif self._unfinished and not window.project.draft.config.resume_from:
            ask(
                window, "Resume the unfinished run, or start anew?",
                "Starting anew begins at step 0 and moves the files of the unfinished run to previous_runs.",
                [("Resume", self.resume), ("Start anew", lambda: self._begin(resume=False))],
            )  # fmt: skip
        else:
            self._begin(resume=False)

    def start_when_ready(self) -> None:
        """Begin as soon as what was filled in has been looked at."""
        self._starts_when_ready = True
        self._settings_changed()

    def resume(self) -> None:
        """Go on with the workspace's unfinished run."""
        if self._unfinished and not self._window.session.active:
            self._begin(resume=True)

    def _begin(self, *, resume: bool) -> None:
        window = self._window
        window.resume_card.hide()
        window.result_card.hide()
        window.show_run(True)
        self._estimate.stop()
        keep(window.project.draft.choices)
        workspace = window.project.workspace
        self._shown = workspace.root if workspace else None
        window.session.start(window.project.given(resume=resume))

    def remember(self) -> None:
        """What is open now is taken up at the next start; a run that was typed was meant."""
        project = self._window.project
        keep(project.draft.choices)
        if project.workspace is not None and self._shown == project.workspace.root and self._holds_run:
            remember_workspace(self._shown)

    def reopen(self) -> None:
        """Take up where the window was left, or was cut off."""
        self._window.project.restore(kept())

    def try_demo(self) -> None:
        """Fill in the built-in scenes; what was chosen is given up only after a question."""
        given = self._window.project.draft.given
        if given.get("demo") or not set(given) - {"preset"}:
            self.begin_demo()
        else:
            ask(
                self._window, "Fill in the built-in scenes?",
                "They take the place of the folders and settings chosen here. Files stay as they are.",
                [("Fill in", self.begin_demo)],
            )  # fmt: skip

    def begin_demo(self, workspace: str = "") -> None:
        """Fill in the built-in scenes; without a workspace in the user's documents."""
        if not self._window.session.active:
            documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
            self._window.project.begin_demo(workspace or os.path.join(documents, "WQV Upscale Trainer", "demo"))
            self._window.messages.tell("info", "The built-in scenes are filled in. Start trains for about two minutes.")

    def pause_or_resume(self) -> None:
        """At the next step boundary."""
        self._window.session.pause_or_resume()

    def stop(self) -> None:
        """Save and leave."""
        self._window.session.stop()

    def discard(self) -> None:
        """Leave without saving, after a question."""
        if self._window.session.active:
            ask(
                self._window, "Stop without saving?",
                "The steps since the last checkpoint are dropped. No file is deleted.",
                [("Stop and save", self.stop), ("Discard", lambda: self._window.session.stop(discard=True))],
                cancel="Go on training",
            )  # fmt: skip

    def save_now(self) -> None:
        """A checkpoint at the next step boundary; it is said when it is there."""
        self._save_is_awaited = True
        self._window.session.request(Request.SAVE)

    def preview_now(self) -> None:
        """Pictures at the next step boundary."""
        self._window.session.request(Request.PREVIEW)

    def choose_path(self, name: str) -> None:
        """Browse for a setting that is a path."""
        entry = self._window.form.rows[name].entry
        assert isinstance(entry, PathEntry)
        entry.ask()

    def open_workspace(self, path: str) -> None:
        """Make a folder the workspace, with its own photos."""
        if not self._window.session.active:
            self._window.project.choose("workspace", path)

    def open_tensorboard(self) -> None:
        """Show the workspace's event files in the browser."""
        workspace = self._window.project.workspace
        if workspace is None:
            self._window.messages.tell("info", "Choose a workspace first; TensorBoard shows what its run has written.")
        else:
            self._boards.open(workspace.tensorboard)

    def about(self) -> None:
        """Versions."""
        text = Report("WQV Upscale Trainer", "Trains networks that enlarge Casio WQV wrist camera photos.").as_text()
        title = f"About version {trainer_core.__version__}"
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, self._window)
        box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    # -- what the run does ---------------------------------------------------------------------

    @Slot(object)
    def _state_changed(self, state: State) -> None:
        window = self._window
        for part in (window.run_bar, window.status, window.menus, window.notifier):
            part.show_state(state)
        window.form.lock(state is not State.IDLE)
        window.watch.set_idle(state is State.IDLE)
        if state is State.IDLE:
            self._awake.release()
        else:
            self._awake.hold()
        running = state not in (State.IDLE, State.STARTING)
        window.setWindowTitle(f"{state.value} – {window.TITLE}" if running else window.TITLE)

    @Slot(object)
    def _hear(self, event: Event) -> None:
        window = self._window
        if isinstance(event, RunStarted):
            self._loads_in, self._finished, self._save_is_awaited = "", None, False
            if event.start_step == 0:
                window.preview.clear()
            remember_workspace(Path(event.workspace))
        if isinstance(event, CheckpointSaved):
            self._loads_in = event.loads_in or self._loads_in
            if self._save_is_awaited and event.kind != "best":  # which is kept whoever asks
                self._save_is_awaited = False
                window.messages.tell("info", f"Saved at step {event.step} as {Path(event.path).name}.")
        if isinstance(event, RunFinished):
            self._finished = event
        for part in (window.charts, window.preview, window.log, window.status, window.run_bar):
            part.hear(event)

    @Slot(object)
    def _run_ended(self, ended: Ended) -> None:
        window, finished = self._window, self._finished
        window.project.draft.reset("resume_from")
        if finished is not None:
            window.project.hand_over()
        window.project.changed.emit()
        window.welcome.refresh()
        if ended.error is not None:
            title = "The training failed" if finished else "The training did not start"
            said = ended.error.message if isinstance(ended.error, UserError) else reason(ended.error)
            window.notifier.tell(title, sentence(said))  # first: a dialog would make the window the active one
            self._fault(ended.error, ended.details)
            window.project.open_again()  # for what is there: an unfinished run, a training of another process
        elif finished is not None:
            workspace = window.project.workspace
            left = finished.outcome != "completed" and workspace is not None and workspace.step_checkpoints()
            self._unfinished = bool(left)
            window.result_card.present(finished, self._loads_in, resumable=self._unfinished)
            failed = finished.outcome == "failed"
            window.notifier.tell("The training failed" if failed else "The training has ended", window.result_card.text)
            if failed:
                self._report_failure(finished)
        self._finished = None
        window.notifier.hide()
        window.run_is_over()

    def _report_failure(self, finished: RunFinished) -> None:
        title = f"The training failed at step {finished.step}"
        cause = sentence(finished.error or "No reason was given.")
        if finished.remedy:
            advice = "The settings that need less can be taken over here, and the training goes on with them."
            words = "Apply and resume" if self._unfinished else "Apply and start again"
            mend = (words, lambda: self._mend(finished.remedy))
        else:
            advice, mend = "Change the settings and press Start. What was saved can be resumed.", None
        show_report(Report(title, cause, advice, self._window.log.text), self._window, remedy=mend)

    def _mend(self, remedy: Mapping[str, int]) -> None:
        """Take the settings over and train on, from the last checkpoint if there is one."""
        if not self._window.session.active:
            for name, value in remedy.items():
                self._window.project.set(name, value)
            self._begin(resume=self._unfinished)

    def _fault(self, error: Exception, details: str = "") -> None:
        """Say what went wrong: a sentence for what the user can mend, a report for the rest."""
        if isinstance(error, UserError):
            show_report(Report("This cannot be done yet", sentence(error.message)), self._window)
        else:
            show_report(fault_report(error, details), self._window)

    def close(self) -> None:
        """Let the machine sleep again, and end what runs beside the training."""
        self._estimate.stop()
        self._awake.release()
        self._boards.close()
        self._elsewhere.close()
        self.deployment.close()
        self._window.notifier.close()
