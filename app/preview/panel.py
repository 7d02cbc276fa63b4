"""The preview tab: a list of images, a view that compares them, and a slider over the earlier previews on disk.

The list holds the user's pinned photos, then the validation frames. Only the newest preview and the image on the
screen are in memory; earlier previews are read from their files in the background.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.help.sections import WATCHING, set_section
from app.preview.compare import CompareView
from app.preview.cut_out import CutOut
from app.preview.left_choice import LeftChoice
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import BICUBIC, HR, LR, SR, Pictures, make_pictures, read_strip
from app.preview.saving import PictureSaving
from app.preview.timeline import Timeline
from app.preview.zoom_view import ZOOM_KEYS
from app.system.background import Background
from app.widgets.elided import ElidedComboBox, ElidedLabel
from app.widgets.icons import icon, set_icon
from app.widgets.plain_text import plain_tooltip, visible
from app.widgets.theme import SPACING, scale_width, theme
from trainer_core import PROGRAM
from trainer_core.errors import UserError
from trainer_core.events import PreviewImage, PreviewReady
from trainer_core.previews.files import (
    file_keys,
    file_name,
    find_previews,
    image_keys,
    pinned_name,
    read_preview_info,
    read_provenance,
)

_CAPTURES_TEXT = "During training, your watch photos and other photos enlarged by the network appear here."
_LEFT_VIEWS = (BICUBIC, LR, HR)  # of the slider
_MIN_WIDTH, _MAX_WIDTH = 110, 230  # pixels of the list, which leaves room for the caption beside it


class PreviewPanel(QWidget):
    """Previews of a run, from its events (`on_event`) or from a folder (`load_folder`); closing it ends all reading."""

    captures_requested = Signal()  # to choose photos of the watch in a file dialog
    unpin_requested = Signal(str)  # the name of a pinned photo
    message_posted = Signal(str, str)  # level, text

    def __init__(self) -> None:
        super().__init__()
        self.view = CompareView()
        self._background = Background(self)
        self._saving = PictureSaving(self._background, self.view)
        self._saving.message_posted.connect(self.message_posted)
        self._saving.failed.connect(self._report_failure)
        self.view.cut_out_chosen.connect(self._save_cut_out)
        self.view.neighbor_requested.connect(lambda offset: self.timeline.select_neighbor(offset))
        set_section(self, WATCHING)
        self._folder = Path()
        self._keys: dict[int, tuple[str, ...]] = {}  # image keys of each step's preview
        self._newest: tuple[int, dict[str, PreviewImage]] = (-1, {})  # step, and images by key
        self._names: dict[str, str] = {}  # of the validation frames, by key
        self._unpinned: set[str] = set()  # keys that are hidden from the list
        self._chosen = ""  # key of the image that the user selected; stays when the previews are cleared
        self._select_pinned = False  # whether to select the next new pinned photo
        self._shown: tuple[int, str] | None = None  # step and key of the image on the screen
        self._reading = False
        self._lay_out()
        theme().changed.connect(self._apply_theme)
        self._refresh()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.timeline = Timeline(lambda: not self._reading)
        self.timeline.step_changed.connect(self._show)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(self._make_tool_bar())
        layout.addWidget(self.view, 1)
        layout.addLayout(self._make_image_row())
        layout.addWidget(self.timeline)

    def _make_tool_bar(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACING // 2)
        row.addWidget(ModeButtons(self.view, self.view.views))
        row.addStretch(1)
        return row

    def _make_image_row(self) -> QHBoxLayout:
        self.picture_box = ElidedComboBox()
        self.picture_box.setAccessibleName("Preview image")
        self.picture_box.setMinimumWidth(scale_width(_MIN_WIDTH))
        self.picture_box.setMaximumWidth(scale_width(_MAX_WIDTH))
        self.picture_box.currentIndexChanged.connect(self._on_chosen)
        self._previous = _make_tool_button("previous", "Previous image", "Page Up")
        self._previous.clicked.connect(lambda: self._select_relative(-1))
        self._next = _make_tool_button("next", "Next image", "Page Down")
        self._next.clicked.connect(lambda: self._select_relative(1))
        self.unpin_button = QPushButton("Unpin …")
        self.unpin_button.setToolTip("Stop showing this photo in previews.")
        set_icon(self.unpin_button, "pin")
        self.unpin_button.clicked.connect(lambda: self.unpin_requested.emit(pinned_name(self._key)))
        self._caption = ElidedLabel()
        self._caption.setProperty("role", "muted")
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.setSpacing(SPACING // 2)
        for widget in (self._previous, self.picture_box, self._next, self.unpin_button):
            row.addWidget(widget)
        row.addWidget(self._caption, 1)
        self.left_choice = LeftChoice(self.view, _LEFT_VIEWS)
        row.addWidget(self.left_choice)
        self.add_button = _make_tool_button("add", "Add watch photos to the previews", "File menu")
        self.add_button.clicked.connect(lambda: self.captures_requested.emit())
        row.addWidget(self.add_button)
        return row

    # -- content -------------------------------------------------------------------------------

    def on_event(self, event: object) -> None:
        """Show a new preview, unless the user has selected an earlier one.

        A `PreviewReady` of another process names its files but has no images; they are read from the files.
        """
        if not isinstance(event, PreviewReady):
            return
        keys = image_keys(event.images) or file_keys(event.files)
        if not keys:
            return
        self._newest = (event.step, dict(zip(keys, event.images)))
        self._names.update((key, sample.name) for key, sample in self._newest[1].items() if not pinned_name(key))
        listed = self._listed_keys()
        self._unpinned.difference_update(keys)
        new = [key for key in keys if pinned_name(key) and key not in listed]
        if event.files:
            self._folder = Path(event.files[0]).parent
        self._keys = {step: earlier for step, earlier in self._keys.items() if step < event.step}
        self._keys[event.step] = keys  # later steps belong to a session that this one superseded
        if self._shown == (event.step, self._key):
            self._shown = None  # the same step has a new image
        self._refresh()
        self._read_names()
        if self._select_pinned and new:
            self._select_pinned = False
            self.picture_box.setCurrentIndex(self.picture_box.findData(new[0]))
            self.timeline.select_nearest(event.step)

    def load_folder(self, folder: Path) -> None:
        """Show the previews in a folder, starting with the newest."""
        self.clear()
        self._folder = folder
        self._background.run_job("folder", lambda: find_previews(folder), self._on_previews_found, _raise_error)

    def set_has_captures(self, has_captures: bool) -> None:
        """Say while there is no preview what will be here: the user's watch photos, or how to add some."""
        self.view.set_empty_text(_CAPTURES_TEXT if has_captures else self.view.EMPTY_TEXT)

    def clear(self) -> None:
        """Remove all previews from the panel; their files stay."""
        for job in ("folder", "names"):
            self._background.cancel(job)
        self._keys, self._newest, self._names, self._unpinned = {}, (-1, {}), {}, set()
        self._refresh()

    def show_step(self, step: int) -> None:
        """Show the preview nearest to this step."""
        self.timeline.select_nearest(step)

    def select_next_pinned(self) -> None:
        """Select the photo that was just pinned as soon as its first preview arrives."""
        self._select_pinned = True

    def remove_pinned(self, name: str) -> None:
        """Remove a pinned photo from the list; its previews on disk stay."""
        self._unpinned.update(key for keys in self._keys.values() for key in keys if pinned_name(key) == name)
        self._refresh()

    def _on_previews_found(self, keys: dict[int, tuple[str, ...]]) -> None:
        self._keys = {**keys, **self._keys}  # an event may have added a preview during the search
        self._refresh()
        self._read_names()

    def _read_names(self) -> None:
        """Read the photo names of previews that arrived without images from their PNG text."""
        step = max(self._keys, default=-1)
        unknown = [key for key in self._keys.get(step, ()) if not pinned_name(key) and key not in self._names]
        files = {key: self._folder / file_name(step, key) for key in unknown}

        def read_names() -> dict[str, str]:
            return {key: read_preview_info(file).name for key, file in files.items()}

        if files:
            self._background.run_job("names", read_names, self._on_names_read, _raise_error)

    def _on_names_read(self, names: dict[str, str]) -> None:
        self._names = {**names, **self._names}
        self._refresh()

    # -- list of images ------------------------------------------------------------------------

    @property
    def caption(self) -> str:
        """The visible text beside the list: step, PSNR and, if the list does not show it, the image's name."""
        return self._caption.text()

    @property
    def _key(self) -> str:
        return self.picture_box.currentData() or ""

    def _listed_keys(self) -> list[str]:
        """Return the newest preview's keys, and the selected key as long as any preview has it; pinned photos first."""
        keys = list(self._keys[max(self._keys)]) if self._keys else []
        if self._key not in keys and any(self._key in earlier for earlier in self._keys.values()):
            keys.append(self._key)
        return sorted((key for key in keys if key not in self._unpinned), key=lambda key: not pinned_name(key))

    def _refresh(self) -> None:
        """Update the list, then the timeline, then the image; the image that the user selected stays selected."""
        names = {key: pinned_name(key) or self._names.get(key, f"image {key}") for key in self._listed_keys()}
        items = list(zip(_number_equal_names([visible(name) for name in names.values()]), names))
        if items != [
            (self.picture_box.itemText(i), self.picture_box.itemData(i)) for i in range(self.picture_box.count())
        ]:
            self._fill_list(items)
        for widget in (self.picture_box, self._previous, self._next):
            widget.setVisible(len(items) > 1)
        self._on_choice_changed()

    def _fill_list(self, items: list[tuple[str, str]]) -> None:
        row = self.picture_box.currentIndex() if self._chosen else 0
        self.picture_box.blockSignals(True)
        self.picture_box.clear()
        for text, key in items:
            self.picture_box.addItem(text, key)
        found = self.picture_box.findData(self._chosen)
        self.picture_box.setCurrentIndex(found if found >= 0 else min(max(row, 0), len(items) - 1))
        self.picture_box.blockSignals(False)
        self._apply_theme()

    def _apply_theme(self) -> None:
        for row in range(self.picture_box.count()):
            if pinned_name(self.picture_box.itemData(row)):
                self.picture_box.setItemIcon(row, icon("pin"))

    def _select_relative(self, offset: int) -> None:
        if self.picture_box.count():
            self.picture_box.setCurrentIndex((self.picture_box.currentIndex() + offset) % self.picture_box.count())

    def _on_chosen(self) -> None:
        """Keep what the user selected in the list."""
        self._chosen = self._key
        self._on_choice_changed()

    def _on_choice_changed(self) -> None:
        self.picture_box.setToolTip(plain_tooltip(self.picture_box.currentText()))
        self.timeline.show_steps(sorted(step for step, keys in self._keys.items() if self._key in keys))
        self.unpin_button.setVisible(bool(pinned_name(self._key)))
        self._show()
        if not self._reading:
            self._update_caption()

    # -- image ---------------------------------------------------------------------------------

    def _show(self) -> None:
        step, key = self.timeline.step, self._key
        newest, images = self._newest
        self._background.cancel("strip")
        self._reading = False
        if step is None:
            self._on_pictures_read(None, None)
        elif (step, key) == self._shown:
            return
        elif step == newest and key in images:
            self._on_pictures_read((step, key), make_pictures(step, images[key], self._folder / file_name(step, key)))
        else:
            self._read_pictures((step, key))

    def _read_pictures(self, selected: tuple[int, str]) -> None:
        def show(pictures: Pictures | None) -> None:
            self._reading = False
            self._on_pictures_read(selected, pictures)

        file = self._folder / file_name(*selected)
        self._reading = True
        self._background.run_job("strip", lambda: read_strip(file), show, _raise_error)

    def _on_pictures_read(self, selected: tuple[int, str] | None, pictures: Pictures | None) -> None:
        self._shown = selected
        self.view.labels = {} if pictures is None else {SR: f"{SR}: step {pictures.step}"}
        self.view.show_pictures(pictures)
        shown = _LEFT_VIEWS if pictures is None else pictures.images
        self.left_choice.offer([view for view in _LEFT_VIEWS if view in shown])
        self._update_caption()

    def _update_caption(self) -> None:
        """Show step and PSNR, and the image's name if the list does not show it."""
        pictures = self.view.pictures
        if pictures is None:
            self._caption.set_text("The files of this preview no longer exist." if self._shown else "")
        else:
            with_name = self.picture_box.isHidden()
            texts = (pictures.caption(with_name=with_name, is_short=is_short) for is_short in (False, True))
            self._caption.set_text(*texts, pictures.shortest_caption)

    # -- saving --------------------------------------------------------------------------------

    def _save_cut_out(self, cut_out: CutOut) -> None:
        """Save an image on the screen or a part, with the text of its preview file."""
        pictures = cut_out.pictures
        made_by = f"SR by the network at step {pictures.step}, {PROGRAM}"  # where the file is gone

        def make_text() -> dict[str, str]:
            named = {"Title": pictures.name, "Description": made_by}
            by_file = read_provenance(pictures.file) if pictures.file is not None else {}
            return {**named, **by_file, **cut_out.text}

        self._saving.save(cut_out.file_name, cut_out.cut, inputs=(), make_text=make_text)

    def _report_failure(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self.message_posted.emit("error", error.message)

    # -- keys and closing ----------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Page through the images, zoom the view and play the timeline by keys that reach the panel."""
        if event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self._select_relative(1 if event.key() == Qt.Key.Key_PageDown else -1)
        elif event.key() in ZOOM_KEYS:
            self.view.keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.timeline.toggle_playing()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the film and wait for the background reading."""
        self.timeline.stop()
        self._background.close()
        event.accept()


def _number_equal_names(names: list[str]) -> list[str]:
    """Add a number to names that come several times: two frames of a validation may be parts of one photo."""
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if names.count(name) == 1 else f"{name} ({seen[name]})")
    return numbered


def _make_tool_button(name: str, text: str, way: str) -> QToolButton:
    button = QToolButton()
    set_icon(button, name)
    button.setAccessibleName(text)
    button.setToolTip(plain_tooltip(f"{text} ({way})"))
    return button


def _raise_error(error: Exception) -> None:
    raise error
