"""The dialog that exports a model; its choices and their wording are those of `wqv-upscale-tools export`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.enlarge.model_choice import ModelChoice
from app.enlarge.named_model import NamedModel
from app.enlarge.trial import AskThread
from app.help.sections import DEPLOYING, set_section
from app.system.file_manager import open_folder
from app.widgets.dialogs import Dialog
from app.widgets.errors import bug_report, error_message, show_report
from app.widgets.icons import set_icon
from app.widgets.path_line import PathLine
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.questions import ask_question
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING
from app.widgets.wording import with_form_labels
from trainer_core.errors import UserError
from trainer_core.verbs.export_options import (
    DEFAULT_ALPHA,
    FORMATS,
    HALF_HELP,
    NOT_CHECKED,
    VIEWER_COMPATIBLE,
    suggest_file_name,
)
from trainer_core.weights.programs import format_for_reading

if TYPE_CHECKING:
    from trainer_core.verbs.export import ExportResult

_VIEWER_FORMAT = "pth"
_MIN_WIDTH = 530  # pixels for the fields; long texts may widen the dialog
_HALF_TIP = "Stores 16-bit instead of 32-bit numbers: the file is half as large and the results are nearly the same."
_BLEND_TIP = "Mix in another model of the same dimensions."
_SHARE_TIP = "Choose the share of the other model, from 0 to 1."
_VIEWER_TIP = (
    "WQV-Viewer loads networks of one size only. Smaller ones are padded to that size: "
    "the file grows and the results stay the same."
)


class ExportDialog(Dialog):
    """Dialog to export a model (`open_for`); it stays open so that the user can write several formats."""

    def __init__(self, ask_thread: AskThread, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export model")
        set_section(self, DEPLOYING)
        self._ask_thread = ask_thread
        self._suggested_name = ""  # what `target` holds until the user edits it
        self._written_file = Path()
        self.model = ModelChoice("Model", "Choose a weight file")
        self.blend = ModelChoice("Blend with", "No other model")
        self.half = QCheckBox(f"Half precision: {HALF_HELP}")
        self.viewer = QCheckBox(f"For WQV-Viewer: {VIEWER_COMPATIBLE}")
        self.half.setToolTip(plain_tooltip(_HALF_TIP))
        self.viewer.setToolTip(plain_tooltip(_VIEWER_TIP))
        self.alpha = QDoubleSpinBox()
        self.target = PathLine()
        self.status_label = PlainLabel()
        self._make_entries()
        self._lay_out()
        self._choose_format(_VIEWER_FORMAT)

    # -- layout --------------------------------------------------------------------------------

    def _make_entries(self) -> None:
        self.formats = QButtonGroup(self)
        for number, (file_format, meaning) in enumerate(FORMATS.items()):
            button = QPushButton(f".{file_format}")
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setToolTip(plain_tooltip(f"{meaning}."))
            button.setAccessibleName(f"Format: {file_format}")
            button.setAccessibleDescription(meaning)
            self.formats.addButton(button, number)
        self.formats.idClicked.connect(lambda number: self._choose_format(list(FORMATS)[number]))
        self.alpha.setRange(0, 1)
        self.alpha.setSingleStep(0.05)
        self.alpha.setValue(DEFAULT_ALPHA)
        self.alpha.setToolTip(_SHARE_TIP)
        self.alpha.lineEdit().setTextMargins(SPACING, 0, 0, 0)  # the style sheet pads only above and below
        for widget in (self.alpha, self.alpha.lineEdit()):
            widget.setAccessibleName("Share of the other model")
        self.blend.setToolTip(_BLEND_TIP)
        self.target.setAccessibleName("File to write")
        self.target.textEdited.connect(lambda text: self._update_button())
        self.status_label.setWordWrap(True)
        self.status_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for choice in (self.model, self.blend):
            choice.model_chosen.connect(lambda path: self._suggest_file_name())
        self.half.toggled.connect(lambda on: self._suggest_file_name())

    def _lay_out(self) -> None:
        self._format_note = PlainLabel()
        self._format_note.setProperty("role", "muted")
        browse = QToolButton()
        set_icon(browse, "folder")
        browse.setAccessibleName("Browse for the file to write")
        browse.clicked.connect(self._browse)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * SPACING)
        form.setVerticalSpacing(SPACING)
        form.addRow(_make_label("&Model", self.model), self.model)
        form.addRow("Format", _make_row(*self.formats.buttons(), stretch=True))
        form.addRow("", self._format_note)
        form.addRow("", self.viewer)
        form.addRow("", self.half)
        form.addRow(
            _make_label("&Blend with", self.blend), _make_row(self.blend, _make_label("&Share", self.alpha), self.alpha)
        )
        form.addRow(_make_label("&File", self.target), _make_row(self.target, browse))
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(2 * SPACING)
        layout.addStrut(_MIN_WIDTH)
        layout.addLayout(form)
        layout.addWidget(self.status_label)
        layout.addStretch(1)
        layout.addWidget(self._make_button_box())

    def _make_button_box(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        set_icon(box.button(QDialogButtonBox.StandardButton.Close), "close")
        self.folder_button = box.addButton("Open folder", QDialogButtonBox.ButtonRole.ActionRole)
        set_icon(self.folder_button, "folder")
        self.folder_button.clicked.connect(lambda: open_folder(self._written_file.parent))
        self.folder_button.setEnabled(False)  # a button that appears would move the others under the pointer
        self.export_button = box.addButton("Export", QDialogButtonBox.ButtonRole.ActionRole)
        self.export_button.setProperty("role", "primary")
        self.export_button.setDefault(True)
        set_icon(self.export_button, "export", "on_accent")
        self.export_button.clicked.connect(self.export)
        return box

    # -- choices -------------------------------------------------------------------------------

    def open_for(
        self,
        model: Path | None,
        models: Sequence[NamedModel],
        *,
        blend: Path | None = None,
        share: float = DEFAULT_ALPHA,
    ) -> None:
        """Open the dialog for `model`, or a blend of it with a share of `blend`, and list `models` as other choices."""
        for choice in (self.model, self.blend):
            choice.set_models(models)
        if model is not None:
            self.model.show_path(model)
        self.blend.show_path(blend)
        self.alpha.setValue(share)
        self._suggest_file_name()
        self.show()
        self.raise_()
        self.activateWindow()

    def add_models(self, models: Sequence[NamedModel]) -> None:
        """List further models."""
        for choice in (self.model, self.blend):
            choice.add_models(models)

    @property
    def file_format(self) -> str:
        """The chosen format."""
        return list(FORMATS)[self.formats.checkedId()]

    def _choose_format(self, file_format: str) -> None:
        self.formats.button(list(FORMATS).index(file_format)).setChecked(True)
        self._format_note.setText(FORMATS[file_format])
        self.viewer.setChecked(file_format == _VIEWER_FORMAT)
        self._suggest_file_name()

    def _suggest_file_name(self) -> None:
        """Suggest a file name; if the user has typed one, only change its suffix to the format's."""
        text = self.target.text()
        if text and text != self._suggested_name:
            self.target.set_path(str(Path(text).with_suffix(f".{self.file_format}")))
        elif self.model.path is not None:
            blended = self.blend.path is not None
            path = suggest_file_name(self.model.path, self.file_format, half=self.half.isChecked(), blended=blended)
            self._suggested_name = str(path)
            self.target.set_path(self._suggested_name)
        self._update_button()

    def _update_button(self) -> None:
        self.alpha.setEnabled(self.blend.path is not None)
        self.export_button.setEnabled(self.model.path is not None and bool(self.target.text().strip()))
        self._show_status("", "")

    def _browse(self) -> None:
        kinds = f"{self.file_format} (*.{self.file_format})"
        options = QFileDialog.Option.DontConfirmOverwrite  # `export` asks
        name, _ = QFileDialog.getSaveFileName(self, "Export to", self.target.text(), kinds, options=options)
        if name:
            self.target.set_path(str(Path(name).with_suffix(f".{self.file_format}")))
            self._update_button()

    # -- export --------------------------------------------------------------------------------

    def export(self) -> None:
        """Write the file; ask first if it would replace another one."""
        target = Path(self.target.text().strip()).expanduser()
        if os.path.exists(target):
            ask_question(
                self, "Replace the file?", f"{target} already exists.", [("Replace", lambda: self._write(target))]
            )
        else:
            self._write(target)

    def _write(self, target: Path) -> None:
        model, blend, file_format = self.model.path, self.blend.path, self.file_format
        half, viewer, alpha = self.half.isChecked(), self.viewer.isChecked(), self.alpha.value()
        assert model is not None

        def work() -> ExportResult:
            from trainer_core.verbs.export import export_model

            return export_model(
                model,
                target,
                format=file_format,
                half=half,
                viewer_compatible=viewer,
                blend=blend,
                alpha=alpha,
                replace=True,  # the user was asked
            )

        self.export_button.setEnabled(False)
        self._show_status("Exporting …", "muted")
        self._ask_thread(work, self._on_exported, self._on_failed)

    def _on_exported(self, result: ExportResult) -> None:
        self._update_button()
        self._written_file = result.path
        size = result.path.stat().st_size / 1e6
        lines = [
            f"Exported to {result.path} ({size:.1f} MB, {result.spec.describe()}).",
            format_for_reading(result.summary),
            result.notice,
        ]
        is_doubtful = bool(result.notice) or result.summary.startswith(NOT_CHECKED)
        self._show_status("\n".join(filter(None, lines)), "" if is_doubtful else "success")
        self.folder_button.setEnabled(True)

    def _on_failed(self, error: Exception) -> None:
        self._update_button()
        if isinstance(error, UserError):
            self._show_status(with_form_labels(error.message), "error")
        elif isinstance(error, OSError):
            self._show_status(f"The file could not be written: {error_message(error)}.", "error")
        else:
            show_report(bug_report(error), self)

    def _show_status(self, text: str, role: str) -> None:
        self.status_label.setText(text)
        self.status_label.setVisible(bool(text))
        self.status_label.setProperty("role", role)
        self.status_label.style().unpolish(self.status_label)
        self.status_label.style().polish(self.status_label)


def _make_label(text: str, buddy: QWidget) -> QLabel:
    label = TermLabel(text)
    label.setBuddy(buddy)
    return label


def _make_row(*widgets: QWidget, stretch: bool = False) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(SPACING // 2)
    for widget in widgets:
        row.addWidget(widget)
    if stretch:
        row.addStretch(1)
    return row
