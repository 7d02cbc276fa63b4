"""Exports a model in another form: the choices of `wqv-upscale-tools export`, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.cards import show_folder
from app.deploy.model_choice import ModelChoice
from app.deploy.trial import Ask
from app.errors import fault_report, reason, show_report
from app.form.wording import sentence
from app.icons import dress
from app.questions import ask
from app.theme import SPACE
from trainer_core.errors import UserError
from trainer_core.verbs.export_options import (
    ALPHA,
    BLEND,
    DEFAULT_ALPHA,
    FORMATS,
    HALF,
    VIEWER_COMPATIBLE,
    proposed_name,
)
from trainer_core.weights.programs import in_words
from trainer_core.workspace.models import RunModel

if TYPE_CHECKING:
    from trainer_core.verbs.export import Exported

_FOR_THE_VIEWER = "pth"
_LEAST_WIDTH = 530  # pixels of the fields; long texts may need more
_HALF_TIP = "Numbers of 16 instead of 32 bits: the file is half as large, the pictures are nearly the same."
_VIEWER_TIP = (
    "WQV-Viewer loads networks of one size only. A smaller one is filled up to that size: "
    "the file grows, the pictures stay the same."
)


class ExportDialog(QDialog):
    """`present` opens it; it stays open, so that several forms can be written."""

    def __init__(self, ask_thread: Ask, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export a model")
        self._ask = ask_thread
        self._proposed = ""  # the target, as long as the user has not written another one
        self._written = Path()
        self.model = ModelChoice("Model", "Choose a weight file")
        self.blend = ModelChoice("Blend with", "No other model")
        self.half = QCheckBox(f"Half precision: {HALF}")
        self.viewer = QCheckBox(f"For WQV-Viewer: {VIEWER_COMPATIBLE}")
        self.half.setToolTip(_HALF_TIP)
        self.viewer.setToolTip(_VIEWER_TIP)
        self.alpha = QDoubleSpinBox()
        self.target = QLineEdit()
        self.outcome = QLabel()
        self._make_entries()
        self._lay_out()
        self._choose_format("pth")

    # -- layout --------------------------------------------------------------------------------

    def _make_entries(self) -> None:
        self.formats = QButtonGroup(self)
        for number, (form, meaning) in enumerate(FORMATS.items()):
            button = QPushButton(f".{form}")
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setToolTip(meaning)
            button.setAccessibleName(f"Format: {form}")
            button.setAccessibleDescription(meaning)
            self.formats.addButton(button, number)
        self.formats.idClicked.connect(lambda number: self._choose_format(list(FORMATS)[number]))
        self.alpha.setRange(0, 1)
        self.alpha.setSingleStep(0.05)
        self.alpha.setValue(DEFAULT_ALPHA)
        self.alpha.setToolTip(ALPHA)
        self.alpha.lineEdit().setTextMargins(SPACE, 0, 0, 0)  # a style sheet's padding is above and below only
        for widget in (self.alpha, self.alpha.lineEdit()):
            widget.setAccessibleName("The other model's share")
        self.blend.setToolTip(BLEND)
        self.target.setAccessibleName("File to write")
        self.target.textEdited.connect(lambda text: self._ready())
        self.outcome.setWordWrap(True)
        self.outcome.setTextFormat(Qt.TextFormat.PlainText)
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for choice in (self.model, self.blend):
            choice.chosen.connect(lambda path: self._propose())
        self.half.toggled.connect(lambda on: self._propose())

    def _lay_out(self) -> None:
        self._meaning = QLabel()
        self._meaning.setProperty("role", "muted")
        browse = QToolButton()
        dress(browse, "folder")
        browse.setAccessibleName("Browse for: file to write")
        browse.clicked.connect(self._browse)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * SPACE)
        form.setVerticalSpacing(SPACE)
        form.addRow(_label("&Model", self.model), self.model)
        form.addRow("Format", _row(*self.formats.buttons(), stretch=True))
        form.addRow("", self._meaning)
        form.addRow("", self.viewer)
        form.addRow("", self.half)
        form.addRow(_label("&Blend with", self.blend), _row(self.blend, _label("&Share", self.alpha), self.alpha))
        form.addRow(_label("&File", self.target), _row(self.target, browse))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(2 * SPACE)
        layout.addStrut(_LEAST_WIDTH)
        layout.addLayout(form)
        layout.addWidget(self.outcome)
        layout.addStretch(1)
        layout.addWidget(self._buttons())

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        dress(box.button(QDialogButtonBox.StandardButton.Close), "close")
        self.folder_button = box.addButton("Open folder", QDialogButtonBox.ButtonRole.ActionRole)
        dress(self.folder_button, "folder")
        self.folder_button.clicked.connect(lambda: show_folder(self._written.parent))
        self.folder_button.hide()
        self.export_button = box.addButton("Export", QDialogButtonBox.ButtonRole.ActionRole)
        self.export_button.setProperty("role", "primary")
        self.export_button.setDefault(True)
        dress(self.export_button, "export", "on_accent")
        self.export_button.clicked.connect(self.export)
        return box

    # -- choices -------------------------------------------------------------------------------

    def present(self, model: Optional[Path], models: Sequence[RunModel]) -> None:
        """Open for `model`; `models` are offered besides."""
        for choice in (self.model, self.blend):
            choice.offer(models)
        if model is not None:
            self.model.show_path(model)
        self._propose()
        self.show()
        self.raise_()
        self.activateWindow()

    @property
    def form(self) -> str:
        """The chosen format."""
        return list(FORMATS)[self.formats.checkedId()]

    def _choose_format(self, form: str) -> None:
        self.formats.button(list(FORMATS).index(form)).setChecked(True)
        self._meaning.setText(FORMATS[form])
        self.viewer.setChecked(form == _FOR_THE_VIEWER)
        self._propose()

    def _propose(self) -> None:
        """Name the file, unless the user has; a name of the user's gets the right suffix."""
        text = self.target.text()
        if text and text != self._proposed:
            self.target.setText(str(Path(text).with_suffix(f".{self.form}")))
        elif self.model.path is not None:
            blended = self.blend.path is not None
            proposed = proposed_name(self.model.path, self.form, half=self.half.isChecked(), blended=blended)
            self._proposed = str(proposed)
            self.target.setText(self._proposed)
        self._ready()

    def _ready(self) -> None:
        self.alpha.setEnabled(self.blend.path is not None)
        self.export_button.setEnabled(self.model.path is not None and bool(self.target.text().strip()))
        self._say("", "")

    def _browse(self) -> None:
        kinds = f"{self.form} (*.{self.form})"
        options = QFileDialog.Option.DontConfirmOverwrite  # Export asks
        name, _ = QFileDialog.getSaveFileName(self, "Export to", self.target.text(), kinds, options=options)
        if name:
            self.target.setText(str(Path(name).with_suffix(f".{self.form}")))
            self._ready()

    # -- the work ------------------------------------------------------------------------------

    def export(self) -> None:
        """Write the file, after a question if it would replace one."""
        target = Path(self.target.text().strip()).expanduser()
        if target.exists():
            ask(self, "Replace the file?", f"{target} is there already.", [("Replace", lambda: self._write(target))])
        else:
            self._write(target)

    def _write(self, target: Path) -> None:
        model, blend, form = self.model.path, self.blend.path, self.form
        half, viewer, alpha = self.half.isChecked(), self.viewer.isChecked(), self.alpha.value()
        assert model is not None

        def work() -> Exported:
            from trainer_core.verbs.export import export

            return export(model, target, form=form, half=half, viewer_compatible=viewer, blend=blend, alpha=alpha)

        self.export_button.setEnabled(False)
        self._say("Writing …", "muted")
        self._ask(work, self._done, self._failed)

    def _done(self, exported: Exported) -> None:
        self._ready()
        self._written = exported.path
        size = exported.path.stat().st_size / 1e6
        self._say(
            f"Written: {exported.path} ({size:.1f} MB, {exported.spec.describe()}).\n{in_words(exported.sentence)}",
            "good",
        )
        self.folder_button.show()

    def _failed(self, error: Exception) -> None:
        self._ready()
        if isinstance(error, UserError):
            self._say(sentence(error.message), "bad")
        elif isinstance(error, OSError):
            self._say(f"The file could not be written: {reason(error)}.", "bad")
        else:
            show_report(fault_report(error), self)

    def _say(self, text: str, role: str) -> None:
        self.outcome.setText(text)
        self.outcome.setVisible(bool(text))
        self.outcome.setProperty("role", role)
        self.outcome.style().unpolish(self.outcome)
        self.outcome.style().polish(self.outcome)
        self._keep_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._keep_room()

    def _keep_room(self) -> None:
        """A layout counts a wrapped text as low as it may be, and would take the rest from the fields."""
        layout = self.layout()
        if layout is not None:
            self.setMinimumHeight(max(0, layout.totalHeightForWidth(self.width())))  # -1 where no text wraps


def _label(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text)
    label.setBuddy(buddy)
    return label


def _row(*widgets: QWidget, stretch: bool = False) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(SPACE // 2)
    for widget in widgets:
        row.addWidget(widget)
    if stretch:
        row.addStretch(1)
    return row
