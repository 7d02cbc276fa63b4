"""The previews of a run: which picture, how compared, and a slider back through the earlier ones on disk.

First come the validation frames, then the user's own watch photos that are pinned. Only the newest preview and what is
on the screen are held in memory; earlier ones are read from their files, in the background.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.background import Background
from app.elided import ElidedComboBox, ElidedLabel
from app.icons import icon, set_icon
from app.preview.compare import SLIDER, ZOOM_KEYS, CompareView
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import Pictures, make_pictures, read_strip
from app.preview.timeline import Timeline
from app.theme import SPACING, scale_width, theme
from trainer_core.events import PreviewImage, PreviewReady
from trainer_core.previews.files import file_keys, file_name, find_previews, pinned_name, read_preview_info, sample_keys

_MIN_WIDTH, _MAX_WIDTH = 110, 230  # pixels of the list; step and figures stand beside it


class PreviewPanel(QWidget):
    """Hears every event of a run; `load` shows the previews that lie in a folder. Close it to end its reading."""

    unpin_requested = Signal(str)  # the name of a pinned photo

    def __init__(self) -> None:
        super().__init__()
        self.view = CompareView()
        self._background = Background(self)
        self._folder = Path()
        self._keys: dict[int, tuple[str, ...]] = {}  # of each step's preview
        self._newest: tuple[int, dict[str, PreviewImage]] = (-1, {})  # step and samples by key
        self._names: dict[str, str] = {}  # of the validation frames, by key
        self._unpinned: set[str] = set()  # keys that are listed no more
        self._chosen = ""  # key; also while there is no preview
        self._select_pinned = False  # the next photo that was not there before is chosen
        self._shown: tuple[int, str] | None = None
        self._reading = False
        self._lay_out()
        self.view.mode_changed.connect(self._show_mode)
        theme().changed.connect(self._apply_theme)
        self._show_mode(self.view.mode)
        self._refresh()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.timeline = Timeline(lambda: not self._reading)
        self.timeline.step_changed.connect(self._show)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(self._tools())
        layout.addWidget(self.view, 1)
        layout.addLayout(self._choice())
        layout.addWidget(self.timeline)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACING // 2)
        row.addWidget(ModeButtons(self.view, self.view.views))
        self._left_choice = QComboBox()
        self._left_choice.setAccessibleName("Left of the slider")
        self._left_choice.setToolTip("Left of the slider")
        self._left_choice.addItems(["Bicubic", "LR", "HR"])
        self._left_choice.currentTextChanged.connect(self.view.set_left)
        row.addStretch(1)
        row.addWidget(self._left_choice)
        return row

    def _choice(self) -> QHBoxLayout:
        self.picture_box = ElidedComboBox()
        self.picture_box.setAccessibleName("Preview picture")
        self.picture_box.setMinimumWidth(scale_width(_MIN_WIDTH))
        self.picture_box.setMaximumWidth(scale_width(_MAX_WIDTH))
        self.picture_box.currentIndexChanged.connect(self._on_choice_changed)
        self._previous = _make_step_button("previous", "Previous picture", "Page Up")
        self._previous.clicked.connect(lambda: self._select_relative(-1))
        self._next = _make_step_button("next", "Next picture", "Page Down")
        self._next.clicked.connect(lambda: self._select_relative(1))
        self.unpin_button = QPushButton("Unpin …")
        self.unpin_button.setToolTip("Show this watch photo no more")
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
        return row

    # -- content -------------------------------------------------------------------------------

    def on_event(self, event: object) -> None:
        """Show a new preview, unless an earlier one is looked at; one of another process comes without pictures."""
        if not isinstance(event, PreviewReady):
            return
        keys = sample_keys(event.images) or file_keys(event.files)
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
        self._keys[event.step] = keys  # what lies beyond is of a session that was taken up before its end
        if self._shown == (event.step, self._key):
            self._shown = None  # another picture of the same step
        self._refresh()
        self._read_names()
        if self._select_pinned and new:
            self._select_pinned = False
            self.picture_box.setCurrentIndex(self.picture_box.findData(new[0]))
            self.timeline.select_nearest(event.step)

    def load_folder(self, folder: Path) -> None:
        """Show what lies there, the newest first."""
        self.clear()
        self._folder = folder
        self._background.run_job("folder", lambda: find_previews(folder), self._on_previews_found, _escaped)

    def clear(self) -> None:
        """No previews."""
        for reading in ("folder", "names"):
            self._background.cancel(reading)
        self._keys, self._newest, self._names, self._unpinned = {}, (-1, {}), {}, set()
        self._refresh()

    def show_step(self, step: int) -> None:
        """Show the preview nearest to this step."""
        self.timeline.select_nearest(step)

    def select_next_pinned(self) -> None:
        """A photo was pinned just now: choose it when its first preview comes."""
        self._select_pinned = True

    def remove_pinned(self, name: str) -> None:
        """List a pinned photo no more; its pictures on disk stay."""
        self._unpinned.update(key for keys in self._keys.values() for key in keys if pinned_name(key) == name)
        self._refresh()

    def _on_previews_found(self, keys: dict[int, tuple[str, ...]]) -> None:
        self._keys = {**keys, **self._keys}  # a preview may have come meanwhile
        self._refresh()
        self._read_names()

    def _read_names(self) -> None:
        """Which photos the frames are of that came without pictures: their files say it."""
        step = max(self._keys, default=-1)
        unknown = [key for key in self._keys.get(step, ()) if not pinned_name(key) and key not in self._names]
        files = {key: self._folder / file_name(step, key) for key in unknown}

        def names() -> dict[str, str]:
            return {key: read_preview_info(file).name for key, file in files.items()}

        if files:
            self._background.run_job("names", names, self._on_names_read, _escaped)

    def _on_names_read(self, names: dict[str, str]) -> None:
        self._names = {**names, **self._names}
        self._refresh()

    # -- which picture -------------------------------------------------------------------------

    @property
    def caption(self) -> str:
        """The visible text beside the list: step, figures and, where the list does not say it, the picture's name."""
        return self._caption.text()

    @property
    def _key(self) -> str:
        return self.picture_box.currentData() or ""

    def _listed_keys(self) -> list[str]:
        """The newest preview's pictures, and the chosen one while there is any preview of it."""
        keys = list(self._keys[max(self._keys)]) if self._keys else []
        if self._key not in keys and any(self._key in earlier for earlier in self._keys.values()):
            keys.append(self._key)
        return [key for key in keys if key not in self._unpinned]

    def _refresh(self) -> None:
        """The list, then the slider, then the picture; what was chosen stays chosen."""
        wanted = [(pinned_name(key) or self._names.get(key, f"picture {key}"), key) for key in self._listed_keys()]
        if wanted != [
            (self.picture_box.itemText(i), self.picture_box.itemData(i)) for i in range(self.picture_box.count())
        ]:
            self._fill_list(wanted)
        for widget in (self.picture_box, self._previous, self._next):
            widget.setVisible(len(wanted) > 1)
        self._on_choice_changed()

    def _fill_list(self, wanted: list[tuple[str, str]]) -> None:
        place = self.picture_box.currentIndex()
        self.picture_box.blockSignals(True)
        self.picture_box.clear()
        for text, key in wanted:
            self.picture_box.addItem(text, key)
        found = self.picture_box.findData(self._chosen)
        self.picture_box.setCurrentIndex(found if found >= 0 else min(max(place, 0), len(wanted) - 1))
        self.picture_box.blockSignals(False)
        self._apply_theme()

    def _apply_theme(self) -> None:
        for place in range(self.picture_box.count()):
            if pinned_name(self.picture_box.itemData(place)):
                self.picture_box.setItemIcon(place, icon("pin"))

    def _select_relative(self, by: int) -> None:
        if self.picture_box.count():
            self.picture_box.setCurrentIndex((self.picture_box.currentIndex() + by) % self.picture_box.count())

    def _on_choice_changed(self) -> None:
        self._chosen = self._key or self._chosen
        self.picture_box.setToolTip(self.picture_box.currentText())
        self.timeline.show_steps(sorted(step for step, keys in self._keys.items() if self._key in keys))
        self.unpin_button.setVisible(bool(pinned_name(self._key)))
        self._show()
        if not self._reading:
            self._update_caption()

    # -- the picture ---------------------------------------------------------------------------

    def _show(self) -> None:
        step, key = self.timeline.step, self._key
        newest, samples = self._newest
        self._background.cancel("strip")
        self._reading = False
        if step is None:
            self._on_pictures_read(None, None)
        elif (step, key) == self._shown:
            return
        elif step == newest and key in samples:
            self._on_pictures_read((step, key), make_pictures(step, samples[key]))
        else:
            self._read_pictures((step, key))

    def _read_pictures(self, what: tuple[int, str]) -> None:
        def present(pictures: Pictures | None) -> None:
            self._reading = False
            self._on_pictures_read(what, pictures)

        file = self._folder / file_name(*what)
        self._reading = True
        self._background.run_job("strip", lambda: read_strip(file), present, _escaped)

    def _on_pictures_read(self, what: tuple[int, str] | None, pictures: Pictures | None) -> None:
        self._shown = what
        self.view.show_pictures(pictures)
        self._update_caption()

    def _update_caption(self) -> None:
        """With the picture's name where the list is hidden or calls it something else."""
        pictures = self.view.pictures
        if pictures is None:
            self._caption.set_text("This preview is no longer on the disk." if self._shown else "")
        else:
            listed = not self.picture_box.isHidden() and self.picture_box.currentText() == pictures.name
            self._caption.set_text(pictures.caption(with_name=not listed))

    def _show_mode(self, mode: str) -> None:
        self._left_choice.setVisible(mode == SLIDER)

    # -- events --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that the comparing view has no use for."""
        if event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self._select_relative(1 if event.key() == Qt.Key.Key_PageDown else -1)
        elif event.key() in ZOOM_KEYS:
            self.view.keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.timeline.toggle_playing()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Wait for what is being read."""
        self.timeline.stop()
        self._background.close()
        event.accept()


def _make_step_button(name: str, text: str, key: str) -> QToolButton:
    button = QToolButton()
    set_icon(button, name)
    button.setAccessibleName(text)
    button.setToolTip(f"{text} ({key})")
    return button


def _escaped(error: Exception) -> None:
    raise error
