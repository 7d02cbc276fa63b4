"""The question of a run that has ended but cannot be saved: try again, choose another folder, or end without saving.

The run tries again by itself as well. Once it has ended, the question closes, and a run that was saved to another
folder is opened there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.form.project import Project
from app.run.session import Session
from app.widgets.file_filters import DOCUMENTS, start_folder, store_folder
from app.widgets.plain_text import plain_message
from app.widgets.questions import ask_question
from trainer_core.control import SaveAnswer
from trainer_core.events import Event, RunFinished, SaveBlocked

_FOLDER = "workspace_folder"  # of the workspace that was chosen last, in the settings store
_TITLE = "The run cannot be saved"
_MOVE, _END, _RETRY = "Choose another folder …", "End without saving", "Try again"


class SaveQuestion(QObject):
    """The question, shown while the run of `session` waits; `notify` shows a message on the desktop."""

    def __init__(
        self, session: Session, project: Project, parent: QWidget, notify: Callable[[str, str], object]
    ) -> None:
        super().__init__(parent)
        self._session, self._project, self._parent, self._notify = session, project, parent, notify
        self._box: QMessageBox | None = None
        self._is_choosing = False  # whether the dialog for another folder is open
        self._saved_in: Path | None = None  # the workspace of the last checkpoint
        session.event_received.connect(self._on_event)
        session.ended.connect(self._on_ended)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, SaveBlocked):
            self._ask(event)
        elif isinstance(event, RunFinished):
            self._saved_in = Path(event.checkpoint).parent.parent if event.checkpoint else None

    @Slot()
    def _on_ended(self) -> None:
        if self._box is not None:
            box, self._box = self._box, None  # closing it is no answer
            box.close()
        workspace = self._project.workspace
        if self._saved_in is not None and workspace is not None and self._saved_in != workspace.root:
            self._project.set_path("workspace", str(self._saved_in))
        self._saved_in = None

    def _ask(self, event: SaveBlocked) -> None:
        if self._is_choosing:
            return  # the run answers what is chosen there with the latest figures
        text = f"Step {event.step} is not saved yet. {event.text}"
        if self._box is not None:
            self._box.setInformativeText(plain_message(text))
            return
        self._notify(_TITLE, text)  # before the dialog, which activates the window
        answers = [(label, lambda: None) for label in (_MOVE, _END)]
        self._box = ask_question(self._parent, _TITLE, text, answers, cancel=_RETRY)
        self._box.finished.connect(self._on_answer)

    @Slot()
    def _on_answer(self) -> None:
        if self._box is None:
            return
        button = self._box.clickedButton()
        label = button.text() if button is not None else _RETRY
        self._box = None
        if label == _MOVE:
            self._is_choosing = True
            start = str(start_folder(_FOLDER, DOCUMENTS))
            folder = QFileDialog.getExistingDirectory(self._parent, "Choose a folder for this run", start)
            self._is_choosing = False
            if folder:
                store_folder(_FOLDER, Path(folder))
            self._session.answer_save(SaveAnswer(folder=Path(folder) if folder else None))
        else:
            self._session.answer_save(SaveAnswer(gives_up=label == _END))
