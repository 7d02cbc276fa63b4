"""The dialog that asks for the folder of all enlarged photos, which may be a new one."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app.preview.saving import FOLDER as PICTURE_FOLDER
from app.system.settings_store import open_settings_store
from app.widgets.buttons import make_button
from app.widgets.dialogs import Dialog
from app.widgets.elided import ElidedLabel
from app.widgets.file_filters import PICTURES, start_folder, store_folder
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel
from app.widgets.theme import SPACING
from trainer_core.pasted_path import clean_path

_FOLDER = "enlarged_folder"
_NEW_FOLDER = "enlarged"
_WIDTH = 520  # pixels
_TEXTS = (  # for one photo, for more
    "Enlarge 1 photo and save it as PNG in this folder:",
    "Enlarge {count} photos and save them as PNG in this folder:",
)


class SaveAllDialog(Dialog):
    """Dialog for `count` photos; it proposes the folder of the last time, else a new one among the user's pictures.

    Args:
        count: number of photos.
        turned_gray: how many of them have color that the model removes.
        parent: window of the dialog.
    """

    folder_chosen = Signal(Path)

    def __init__(self, count: int, turned_gray: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save all")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        last = str(open_settings_store().value(_FOLDER, ""))
        proposal = Path(last) if os.path.isdir(last) else start_folder(PICTURE_FOLDER, PICTURES) / _NEW_FOLDER
        self._base = proposal.parent
        self.line = QLineEdit(str(proposal))
        self.line.setAccessibleName("Folder for the enlarged photos")
        self.note = ElidedLabel()
        self.note.setProperty("role", "muted")
        one, many = _TEXTS
        self._text = PlainLabel(one if count == 1 else many.format(count=count))
        self.warning = PlainLabel(_describe_gray(count, turned_gray))
        self.warning.setWordWrap(True)
        self.warning.setVisible(turned_gray > 0)
        self.save_button = make_button("Save all", "save", self._choose)
        self.save_button.setProperty("role", "primary")
        self.save_button.setDefault(True)
        set_icon(self.save_button, "save", "on_accent")
        self.cancel_button = make_button("Cancel", "close", self.reject)
        self.line.textChanged.connect(lambda text: self._describe())
        self._lay_out()
        self._describe()
        self.line.selectAll()

    def _lay_out(self) -> None:
        browse = QToolButton()
        set_icon(browse, "folder")
        browse.setAccessibleName("Browse for the folder")
        browse.setToolTip("Choose a folder.")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.setSpacing(SPACING // 2)
        row.addWidget(self.line, 1)
        row.addWidget(browse)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(*[2 * SPACING] * 4)
        layout.setSpacing(SPACING)
        layout.addStrut(_WIDTH)
        layout.addWidget(self._text)
        layout.addLayout(row)
        layout.addWidget(self.note)
        layout.addWidget(self.warning)
        layout.addStretch(1)
        layout.addLayout(buttons)

    @property
    def folder(self) -> Path:
        """The folder that the text means; a mere name is a folder beside the proposed ones."""
        return self._base / clean_path(self.line.text().strip())

    def _describe(self) -> None:
        folder = self.folder
        is_file = os.path.isfile(folder)
        if is_file:
            text = "This is a file. Choose a folder."
        elif os.path.isdir(folder):
            text = "Files already here are kept; a new one of the same name gets a number (_2)."
        else:
            text = f"New folder: {folder}"
        self.note.set_text(text)
        self.save_button.setEnabled(bool(self.line.text().strip()) and not is_file)

    def _browse(self) -> None:
        start = next(
            (str(each) for each in (self.folder, *self.folder.parents) if os.path.isdir(each)), str(self._base)
        )
        chosen = QFileDialog.getExistingDirectory(self, "Choose a folder for the enlarged photos", start)
        if chosen:
            self.line.setText(chosen)

    def _choose(self) -> None:
        folder = self.folder
        store_folder(_FOLDER, folder / "any")
        self.accept()
        self.folder_chosen.emit(folder)


def _describe_gray(count: int, turned_gray: int) -> str:
    """Return the warning about photos that lose their color."""
    if count == 1:
        return "The photo is in color; this model makes it gray."
    if turned_gray == count:
        return f"All {count} photos are in color; this model makes them gray."
    if turned_gray == 1:
        return f"1 of the {count} photos is in color; this model makes it gray."
    return f"{turned_gray} of the {count} photos are in color; this model makes them gray."
