"""The card of a finished run: its result, where its model is, which programs load it, and buttons to use it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from app.cards import Card, open_folder
from app.form.wording import with_form_labels
from app.icons import set_icon
from app.plain_text import PlainLabel, plain_tooltip, visible
from app.runs.workspace_contents import WorkspaceContents
from app.theme import SPACING
from trainer_core.events import CheckpointSaved, RunFinished
from trainer_core.weights.programs import format_for_reading

_OUTCOMES = {"completed": "Training is complete", "stopped": "Stopped and saved", "failed": "Training failed"}


class ResultCard(Card):
    """Card of a run's end (`show_result`), with the actions for its model if it has one."""

    resume_requested = Signal()
    copy_requested = Signal(str)  # path of the model, as in the two below
    trial_requested = Signal(str)
    export_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.model = ""
        self._path_label, self._loads_in = ElidedPathLabel(), PlainLabel()
        self._loads_in.setWordWrap(True)
        self._path_row = QWidget()
        self._lay_out()
        self.resume_button = self._button("Resume", "start", self.resume_requested.emit, primary=True)
        self.deploy_button, self.try_button, self.export_button = self._actions = [
            self._button("Copy to WQV-Viewer", "deploy", lambda: self.copy_requested.emit(self.model), primary=True),
            self._button("Try on photos …", "preview", lambda: self.trial_requested.emit(self.model)),
            self._button("Export …", "export", lambda: self.export_requested.emit(self.model)),
        ]
        self.buttons.addStretch(1)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self._path_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        row.addWidget(self._path_label)
        row.addWidget(_make_tool_button("Open folder", "folder", lambda: open_folder(Path(self.model).parent)))
        row.addWidget(_make_tool_button("Copy path", "copy", lambda: QGuiApplication.clipboard().setText(self.model)))
        row.addStretch(1)
        for widget in (self._path_row, self._loads_in):
            self.texts.insertWidget(self.texts.count() - 1, widget)

    @property
    def text(self) -> str:
        """All text on the card, "" while it is hidden."""
        return " ".join(part for part in (super().text, self._loads_in.text()) if part and not self.isHidden())

    def show_result(self, event: RunFinished, loads_in: str, *, resumable: bool = False) -> None:
        """Show how a run ended.

        Args:
            event: the end of the run.
            loads_in: the gate's sentence about the programs that load the model, "" without a model.
            resumable: whether the run can be resumed; Resume is then the primary button.
        """
        self.resume_button.setVisible(resumable)
        _set_primary(self.deploy_button, not resumable)
        self.model = event.model or ""
        for widget in (*self._actions, self._path_row):
            widget.setVisible(bool(self.model))
        # Resume leaves no room for Export, which is in the menu too.
        self.export_button.setVisible(bool(self.model) and not resumable)
        self._path_label.set_path(self.model)
        self._loads_in.setText(format_for_reading(loads_in))
        self._loads_in.setVisible(bool(loads_in))
        title = f"{_OUTCOMES.get(event.outcome, 'Stopped without saving')} at step {event.step}"
        done = event.outcome == "completed"
        self.set_content("ok" if done else "info", "success" if done else "accent", title, _describe(event))

    def show_last_run(self, opened: WorkspaceContents) -> None:
        """Show the model of the last run at the workspace's current path, because the folder may have been moved."""
        finished = [event for event in opened.events if isinstance(event, RunFinished)]
        saved = [event.loads_in for event in opened.events if isinstance(event, CheckpointSaved) and event.loads_in]
        if finished and opened.model is not None:
            self.show_result(replace(finished[-1], model=str(opened.model)), saved[-1] if saved else "")


class ElidedPathLabel(PlainLabel):
    """Label that elides a path in the middle if it does not fit; the tooltip shows the whole path."""

    def __init__(self) -> None:
        super().__init__()
        self._path = ""
        self.setProperty("role", "muted")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def set_path(self, path: str) -> None:
        """Show this path."""
        self._path = visible(path)
        self.setToolTip(plain_tooltip(path))
        self.setAccessibleName(f"Model file {path}")
        self.updateGeometry()
        self._elide()

    def sizeHint(self) -> QSize:
        """Return the size of the whole path."""
        return QSize(self.fontMetrics().horizontalAdvance(self._path) + SPACING, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return a width of 60 pixels, so that a long path does not widen the card."""
        return QSize(60, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide the path for the new width."""
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Elide the path again when the font changes."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._elide()

    def _elide(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._path, Qt.TextElideMode.ElideMiddle, self.width()))


def _set_primary(button: QPushButton, primary: bool) -> None:
    """Make a button the primary one of its card, or an ordinary one."""
    button.setProperty("role", "primary" if primary else "")
    set_icon(button, "deploy", "on_accent" if primary else "text")
    button.style().unpolish(button)
    button.style().polish(button)


def _make_tool_button(name: str, icon: str, clicked: Callable[[], object]) -> QToolButton:
    button = QToolButton()
    set_icon(button, icon, "muted")
    button.setAccessibleName(name)
    button.setToolTip(plain_tooltip(name))
    button.clicked.connect(lambda: clicked())
    return button


def _describe(event: RunFinished) -> str:
    """Return why a run failed, and its best PSNR."""
    return " ".join(text for text in (with_form_labels(event.error or ""), _psnr_text(event)) if text)


def _psnr_text(event: RunFinished) -> str:
    if event.best_psnr is None or event.bicubic_psnr is None:
        return ""
    text = f"Best PSNR {event.best_psnr:.2f} dB at step {event.best_step}; bicubic {event.bicubic_psnr:.2f} dB"
    if event.best_spectrum is not None:  # which the highest PSNR did not decide
        text = f"Best at step {event.best_step}: PSNR {event.best_psnr:.2f} dB; bicubic {event.bicubic_psnr:.2f} dB"
    return f"{text} ({event.best_psnr - event.bicubic_psnr:+.2f} dB)"
