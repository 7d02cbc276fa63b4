"""The card of a finished run: its result in three lines, with buttons and a menu to use its model.

A line that does not fit is shortened and shows all of it in a tooltip, so that nothing scrolls; only the cause of a
failure may take more lines.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QPushButton

from app.runs.workspace_contents import WorkspaceContents
from app.system.file_manager import open_folder
from app.widgets.cards import Card
from app.widgets.elided import ElidedLabel
from app.widgets.icons import set_icon
from app.widgets.plain_text import plain_tooltip
from app.widgets.wording import with_form_labels
from trainer_core.events import CheckpointSaved, RunFinished
from trainer_core.verdict import GainRecord, describe_gain
from trainer_core.weights.programs import format_for_reading
from trainer_core.workspace.checkpoints import read_step


class ResultCard(Card):
    """Card of a run's end (`show_result`), with the actions for its model if it has one."""

    resume_requested = Signal()
    copy_requested = Signal(str)  # path of the model, as in the two below
    trial_requested = Signal(str)
    export_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.model = ""
        self._headline, self._gain, self._loads_in = ElidedLabel(), ElidedLabel(), ElidedLabel()
        self._headline.setProperty("role", "heading")
        self._loads_in.setProperty("role", "muted")
        self.texts.insertWidget(1, self._headline)
        for label in (self._gain, self._loads_in):
            self.texts.insertWidget(self.texts.count() - 1, label)
        self.resume_button = self._button("Resume", "start", self.resume_requested.emit, primary=True)
        self.try_button = self._button("Enlarge photos …", "picture", self._try_model, primary=True)
        self.try_button.setToolTip("Enlarges your photos with the model of this training.")
        self.model_button = QPushButton("Use model")
        self.model_button.setAccessibleName("Use model")
        self.model_button.setMenu(self._make_menu())
        set_icon(self.model_button, "deploy")
        self.buttons.addWidget(self.model_button)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        self.try_action = menu.addAction("Enlarge photos …", self._try_model)
        self.deploy_action = menu.addAction("Copy to WQV-Viewer", lambda: self.copy_requested.emit(self.model))
        self.export_action = menu.addAction("Export …", lambda: self.export_requested.emit(self.model))
        menu.addSeparator()
        menu.addAction("Open folder", lambda: open_folder(Path(self.model).parent))
        menu.addAction("Copy path", lambda: QGuiApplication.clipboard().setText(self.model))
        return menu

    def _try_model(self) -> None:
        self.trial_requested.emit(self.model)

    @property
    def text(self) -> str:
        """All text on the card, "" while it is closed."""
        lines = (self._headline.full_text, super().text, self._gain.full_text, self._loads_in.full_text)
        return " ".join(line for line in lines if line and self.is_open)

    def show_result(
        self, event: RunFinished, loads_in: str, *, resumable: bool = False, record: GainRecord | None = None
    ) -> None:
        """Show how a run ended.

        Args:
            event: the end of the run.
            loads_in: the gate's sentence about the programs that load the model, "" without a model.
            resumable: whether the run can be resumed; Resume is then the primary button.
            record: the validations of the run, which tell whether it no longer improved.
        """
        self.model = event.model or ""
        self.resume_button.setVisible(resumable)
        self.try_button.setVisible(bool(self.model) and not resumable)  # Resume leaves no room for it
        self.try_action.setVisible(resumable)
        self.model_button.setVisible(bool(self.model))
        self.model_button.setToolTip(plain_tooltip(self.model))
        done = event.outcome == "completed"
        gain, psnr = _describe_gain(event, record or GainRecord()), _describe_psnr(event)
        short_gain = _describe_gain(event, record or GainRecord(), is_short=True)
        for label, text in (
            (self._headline, _describe_end(event)),
            (self._gain, gain),
            (self._loads_in, format_for_reading(loads_in)),
        ):
            label.set_text(text)
            label.setVisible(bool(text))
        self._gain.set_text(gain, short_gain)
        self._gain.setToolTip(plain_tooltip(f"{gain}\n{psnr}"))
        cause = with_form_labels(event.error) if event.error else ""
        self.set_content("ok" if done else "info", "success" if done else "accent", "", cause)

    def show_last_run(self, opened: WorkspaceContents) -> None:
        """Show the model of the last run at the workspace's current path, because the folder may have been moved."""
        finished = [event for event in opened.events if isinstance(event, RunFinished)]
        saved = [event.loads_in for event in opened.events if isinstance(event, CheckpointSaved) and event.loads_in]
        if finished and opened.model is not None:
            end = replace(finished[-1], model=str(opened.model))
            self.show_result(end, saved[-1] if saved else "", record=GainRecord(opened.events))


def _describe_end(event: RunFinished) -> str:
    """Return how the run ended, and at which step if it was not the last one."""
    if event.outcome == "completed":
        return "Training is complete"
    has_failed = event.outcome == "failed"
    if not event.step:
        return "Training failed before the first step" if has_failed else "Stopped before the first step"
    if event.outcome == "stopped":
        return f"Stopped and saved at step {event.step}"
    if has_failed:
        return f"Training failed at step {event.step}"
    saved = read_step(Path(event.checkpoint)) if event.checkpoint else None
    if saved is None:
        return f"Stopped without saving at step {event.step}"
    return f"Stopped without saving at step {event.step}; the newest save is of step {saved}"


def _describe_gain(event: RunFinished, record: GainRecord, *, is_short: bool = False) -> str:
    """Return the gain with its verdict, "" without a validation."""
    if event.best_psnr is None or event.bicubic_psnr is None:
        return ""
    return describe_gain(
        event.best_psnr - event.bicubic_psnr,
        is_start=event.best_step == 0,
        is_unchecked=record.is_unchecked,
        start_gain=record.start_gain,
        has_plateaued=record.has_plateaued,
        is_sharpened=event.best_spectrum is not None,
        verdict_first=True,
        is_short=is_short,
    )


def _describe_psnr(event: RunFinished) -> str:
    """Return the PSNR of the best model, "" without a validation."""
    if event.best_psnr is None or event.bicubic_psnr is None:
        return ""
    return (
        f"Best model: PSNR {event.best_psnr:.2f} dB at step {event.best_step}; "
        f"plain enlargement {event.bicubic_psnr:.2f} dB."
    )
