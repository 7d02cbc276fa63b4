"""A photo, bicubic, and what one or two models make of it: compared as the previews of a run are."""

from __future__ import annotations

from typing import Optional

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.deploy.trial import OTHER, OURS, Bench
from app.preview.compare import SLIDER, CompareView
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import Pictures
from app.theme import SPACE

PHOTO, BICUBIC = "Photo", "Bicubic"


class _View(CompareView):
    EMPTY = "Drop photos here: pictures, watch photos, Palm databases, dumps."
    views = (PHOTO, BICUBIC, OURS, OTHER)
    beside: tuple[str, ...] = (BICUBIC, OURS)
    right = OURS

    def __init__(self) -> None:
        super().__init__()
        self.left = BICUBIC
        self.setAccessibleName("The photo before and after")


class TrialView(QWidget):
    """Shows what a bench has; `refresh` after each change."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench
        self._held: list[np.ndarray] = []  # the images on the screen borrow their memory
        self.view = _View()
        self._against = QComboBox()
        self._against.setAccessibleName("Left of the slider")
        self._against.setToolTip("Left of the slider")
        self._against.addItems([BICUBIC, PHOTO])
        self._against.currentTextChanged.connect(self.view.set_left)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        layout.addLayout(self._tools())
        layout.addWidget(self.view, 1)
        self.view.mode_changed.connect(self._show_mode)
        self._show_mode(self.view.mode)
        self.compare_with_other(False)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE // 2)
        self._modes = ModeButtons(self.view, self.view.views)
        row.addWidget(self._modes)
        row.addStretch(1)
        self._left_word = QLabel("Left")
        self._left_word.setProperty("role", "muted")
        row.addWidget(self._left_word)
        row.addWidget(self._against)
        return row

    def compare_with_other(self, there_is_one: bool) -> None:
        """Put the other model into the views, or take it out."""
        self._modes.offer(self.view.views if there_is_one else (PHOTO, BICUBIC, OURS))
        self.view.beside = (BICUBIC, OURS, OTHER) if there_is_one else (BICUBIC, OURS)
        listed = self._against.findText(OTHER)
        if there_is_one and listed < 0:
            self._against.addItem(OTHER)
            self._against.setCurrentText(OTHER)
        elif not there_is_one:
            if listed >= 0:
                self._against.setCurrentText(BICUBIC)
                self._against.removeItem(listed)
            if self.view.mode == OTHER:
                self.view.set_mode(SLIDER)
        self.view.update()

    def refresh(self) -> None:
        """Show the bench's photo and what the models have made of it so far."""
        self.view.show_pictures(self._pictures())

    def _pictures(self) -> Optional[Pictures]:
        photo = self._bench.photo
        if photo is None:
            self._held = []
            return None
        pixels = dict.fromkeys(self.view.views, photo.pixels)
        for role in (OTHER, OURS):
            result = self._bench.result(role)
            if result is not None:
                pixels.update({role: result.pixels, BICUBIC: result.bicubic})
        self._held = list(pixels.values())
        return Pictures(0, photo.name, {view: _borrowed(each) for view, each in pixels.items()})

    def _show_mode(self, mode: str) -> None:
        for widget in (self._left_word, self._against):
            widget.setVisible(mode == SLIDER)


def _borrowed(pixels: np.ndarray) -> QImage:
    """The pixels as an image, not copied: they must outlive it."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)
