"""The previews of a run: which picture, how compared, and a slider back through the earlier ones on disk.

First come the validation frames, then the user's own watch photos that are pinned. Only the newest preview and what is
on the screen are held in memory; earlier ones are read from their files, in the background.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.elided import ElidedComboBox, ElidedLabel
from app.icons import dress, icon
from app.preview.compare import SLIDER, ZOOM_KEYS, CompareView
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import Pictures, from_sample, from_strip
from app.preview.timeline import Timeline
from app.theme import SPACE, scaled, theme
from trainer_core.events import PreviewReady, Sample
from trainer_core.previews.files import facts_of, file_name, keys_of, keys_of_files, pinned_name, previews_in

_LEAST_WIDTH, _LARGEST_WIDTH = 110, 230  # pixels of the list; step and figures stand beside it


class PreviewPanel(QWidget):
    """Hears every event of a run; `load` shows the previews that lie in a folder. Close it to end its reading."""

    unpin = Signal(str)  # the name of a pinned photo

    def __init__(self) -> None:
        super().__init__()
        self.view = CompareView()
        self._background = Background(self)
        self._folder = Path()
        self._keys: dict[int, tuple[str, ...]] = {}  # of each step's preview
        self._newest: tuple[int, dict[str, Sample]] = (-1, {})  # step and samples by key
        self._names: dict[str, str] = {}  # of the validation frames, by key
        self._unpinned: set[str] = set()  # keys that are listed no more
        self._chosen = ""  # key; also while there is no preview
        self._awaits_pinned = False  # the next photo that was not there before is chosen
        self._shown: Optional[tuple[int, str]] = None
        self._reading = False
        self._lay_out()
        self.view.mode_changed.connect(self._show_mode)
        theme().changed.connect(self._tint)
        self._show_mode(self.view.mode)
        self._refresh()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.timeline = Timeline(lambda: not self._reading)
        self.timeline.moved.connect(self._show)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        layout.addLayout(self._tools())
        layout.addWidget(self.view, 1)
        layout.addLayout(self._choice())
        layout.addWidget(self.timeline)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE // 2)
        row.addWidget(ModeButtons(self.view, self.view.views))
        self._against = QComboBox()
        self._against.setAccessibleName("Left of the slider")
        self._against.setToolTip("Left of the slider")
        self._against.addItems(["Bicubic", "LR", "HR"])
        self._against.currentTextChanged.connect(self.view.set_left)
        row.addStretch(1)
        row.addWidget(self._against)
        return row

    def _choice(self) -> QHBoxLayout:
        self.which = ElidedComboBox()
        self.which.setAccessibleName("Preview picture")
        self.which.setMinimumWidth(scaled(_LEAST_WIDTH))
        self.which.setMaximumWidth(scaled(_LARGEST_WIDTH))
        self.which.currentIndexChanged.connect(self._follow_choice)
        self._previous = _turner("previous", "Previous picture", "Page Up")
        self._previous.clicked.connect(lambda: self._turn(-1))
        self._next = _turner("next", "Next picture", "Page Down")
        self._next.clicked.connect(lambda: self._turn(1))
        self.unpin_button = QPushButton("Unpin …")
        self.unpin_button.setToolTip("Show this watch photo no more")
        dress(self.unpin_button, "pin")
        self.unpin_button.clicked.connect(lambda: self.unpin.emit(pinned_name(self._key)))
        self._caption = ElidedLabel()
        self._caption.setProperty("role", "muted")
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.setSpacing(SPACE // 2)
        for widget in (self._previous, self.which, self._next, self.unpin_button):
            row.addWidget(widget)
        row.addWidget(self._caption, 1)
        return row

    # -- content -------------------------------------------------------------------------------

    def hear(self, event: object) -> None:
        """Show a new preview, unless an earlier one is looked at; one of another process comes without pictures."""
        if not isinstance(event, PreviewReady):
            return
        keys = keys_of(event.samples) or keys_of_files(event.files)
        if not keys:
            return
        self._newest = (event.step, dict(zip(keys, event.samples)))
        self._names.update((key, sample.name) for key, sample in self._newest[1].items() if not pinned_name(key))
        listed = self._listed()
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
        if self._awaits_pinned and new:
            self._awaits_pinned = False
            self.which.setCurrentIndex(self.which.findData(new[0]))
            self.timeline.go_to(event.step)

    def load(self, folder: Path) -> None:
        """Show what lies there, the newest first."""
        self.clear()
        self._folder = folder
        self._background.run("folder", lambda: previews_in(folder), self._found, _escaped)

    def clear(self) -> None:
        """No previews."""
        for reading in ("folder", "names"):
            self._background.forget(reading)
        self._keys, self._newest, self._names, self._unpinned = {}, (-1, {}), {}, set()
        self._refresh()

    def show_step(self, step: int) -> None:
        """Show the preview nearest to this step."""
        self.timeline.go_to(step)

    def await_pinned(self) -> None:
        """A photo was pinned just now: choose it when its first preview comes."""
        self._awaits_pinned = True

    def forget_pinned(self, name: str) -> None:
        """List a pinned photo no more; its pictures on disk stay."""
        self._unpinned.update(key for keys in self._keys.values() for key in keys if pinned_name(key) == name)
        self._refresh()

    def _found(self, keys: dict[int, tuple[str, ...]]) -> None:
        self._keys = {**keys, **self._keys}  # a preview may have come meanwhile
        self._refresh()
        self._read_names()

    def _read_names(self) -> None:
        """Which photos the frames are of that came without pictures: their files say it."""
        step = max(self._keys, default=-1)
        unknown = [key for key in self._keys.get(step, ()) if not pinned_name(key) and key not in self._names]
        files = {key: self._folder / file_name(step, key) for key in unknown}

        def names() -> dict[str, str]:
            return {key: facts_of(file).name for key, file in files.items()}

        if files:
            self._background.run("names", names, self._take_names, _escaped)

    def _take_names(self, names: dict[str, str]) -> None:
        self._names = {**names, **self._names}
        self._refresh()

    # -- which picture -------------------------------------------------------------------------

    @property
    def caption(self) -> str:
        """The visible text beside the list: step, figures and, where the list does not say it, the picture's name."""
        return self._caption.text()

    @property
    def _key(self) -> str:
        return self.which.currentData() or ""

    def _listed(self) -> list[str]:
        """The newest preview's pictures, and the chosen one while there is any preview of it."""
        keys = list(self._keys[max(self._keys)]) if self._keys else []
        if self._key not in keys and any(self._key in earlier for earlier in self._keys.values()):
            keys.append(self._key)
        return [key for key in keys if key not in self._unpinned]

    def _refresh(self) -> None:
        """The list, then the slider, then the picture; what was chosen stays chosen."""
        wanted = [(pinned_name(key) or self._names.get(key, f"picture {key}"), key) for key in self._listed()]
        if wanted != [(self.which.itemText(i), self.which.itemData(i)) for i in range(self.which.count())]:
            self._fill(wanted)
        for widget in (self.which, self._previous, self._next):
            widget.setVisible(len(wanted) > 1)
        self._follow_choice()

    def _fill(self, wanted: list[tuple[str, str]]) -> None:
        place = self.which.currentIndex()
        self.which.blockSignals(True)
        self.which.clear()
        for text, key in wanted:
            self.which.addItem(text, key)
        found = self.which.findData(self._chosen)
        self.which.setCurrentIndex(found if found >= 0 else min(max(place, 0), len(wanted) - 1))
        self.which.blockSignals(False)
        self._tint()

    def _tint(self) -> None:
        for place in range(self.which.count()):
            if pinned_name(self.which.itemData(place)):
                self.which.setItemIcon(place, icon("pin"))

    def _turn(self, by: int) -> None:
        if self.which.count():
            self.which.setCurrentIndex((self.which.currentIndex() + by) % self.which.count())

    def _follow_choice(self) -> None:
        self._chosen = self._key or self._chosen
        self.which.setToolTip(self.which.currentText())
        self.timeline.show_steps(sorted(step for step, keys in self._keys.items() if self._key in keys))
        self.unpin_button.setVisible(bool(pinned_name(self._key)))
        self._show()
        if not self._reading:
            self._say_caption()

    # -- the picture ---------------------------------------------------------------------------

    def _show(self) -> None:
        step, key = self.timeline.step, self._key
        newest, samples = self._newest
        self._background.forget("strip")
        self._reading = False
        if step is None:
            self._present(None, None)
        elif (step, key) == self._shown:
            return
        elif step == newest and key in samples:
            self._present((step, key), from_sample(step, samples[key]))
        else:
            self._read((step, key))

    def _read(self, what: tuple[int, str]) -> None:
        def present(pictures: Optional[Pictures]) -> None:
            self._reading = False
            self._present(what, pictures)

        file = self._folder / file_name(*what)
        self._reading = True
        self._background.run("strip", lambda: from_strip(file), present, _escaped)

    def _present(self, what: Optional[tuple[int, str]], pictures: Optional[Pictures]) -> None:
        self._shown = what
        self.view.show_pictures(pictures)
        self._say_caption()

    def _say_caption(self) -> None:
        """With the picture's name where the list is hidden or calls it something else."""
        pictures = self.view.pictures
        if pictures is None:
            self._caption.say("This preview is no longer on the disk." if self._shown else "")
        else:
            listed = not self.which.isHidden() and self.which.currentText() == pictures.name
            self._caption.say(pictures.caption(named=not listed))

    def _show_mode(self, mode: str) -> None:
        self._against.setVisible(mode == SLIDER)

    # -- events --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that the comparing view has no use for."""
        if event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self._turn(1 if event.key() == Qt.Key.Key_PageDown else -1)
        elif event.key() in ZOOM_KEYS:
            self.view.keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.timeline.play_or_wait()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Wait for what is being read."""
        self.timeline.stop()
        self._background.close()
        event.accept()


def _turner(name: str, text: str, key: str) -> QToolButton:
    button = QToolButton()
    dress(button, name)
    button.setAccessibleName(text)
    button.setToolTip(f"{text} ({key})")
    return button


def _escaped(error: Exception) -> None:
    raise error
