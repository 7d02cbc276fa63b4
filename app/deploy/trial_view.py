"""The trial's image view: compares a photo, bicubic, and the results of one or two models."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.deploy.trial import OTHER_MODEL, THIS_MODEL, Trial
from app.plain_text import PlainLabel
from app.preview.compare import SLIDER, CompareView
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import Pictures
from app.theme import SPACING

PHOTO, BICUBIC = "Photo", "Bicubic"


class _View(CompareView):
    """View of the photo, its bicubic enlargement and the models' results."""

    EMPTY_TEXT = "Drop photos here: pictures, watch photos, Palm databases or watch dumps."
    views = (PHOTO, BICUBIC, THIS_MODEL, OTHER_MODEL)
    side_by_side_views: tuple[str, ...] = (BICUBIC, THIS_MODEL)
    right_view = THIS_MODEL

    def __init__(self) -> None:
        super().__init__()
        self.left = BICUBIC
        self.setAccessibleName("Photo before and after upscaling")


class TrialView(QWidget):
    """View of a trial, with mode buttons; call `refresh` after each change of the trial."""

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self._trial = trial
        self._shown_arrays: list[np.ndarray] = []  # the images on the screen use their memory
        self.view = _View()
        self._left_choice = QComboBox()
        self._left_choice.setAccessibleName("Image left of the slider")
        self._left_choice.setToolTip("Image left of the slider")
        self._left_choice.addItems([BICUBIC, PHOTO])
        self._left_choice.currentTextChanged.connect(self.view.set_left)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(self._make_tool_bar())
        layout.addWidget(self.view, 1)
        self.view.mode_changed.connect(self._on_mode_changed)
        self._on_mode_changed(self.view.mode)
        self.compare_with_other(False)

    def _make_tool_bar(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACING // 2)
        self._modes = ModeButtons(self.view, self.view.views)
        row.addWidget(self._modes)
        row.addStretch(1)
        self._left_label = PlainLabel("Left")
        self._left_label.setProperty("role", "muted")
        row.addWidget(self._left_label)
        row.addWidget(self._left_choice)
        return row

    def compare_with_other(self, has_other: bool) -> None:
        """Add the other model to the views, or remove it."""
        self._modes.set_views(self.view.views if has_other else (PHOTO, BICUBIC, THIS_MODEL))
        self.view.side_by_side_views = (BICUBIC, THIS_MODEL, OTHER_MODEL) if has_other else (BICUBIC, THIS_MODEL)
        listed = self._left_choice.findText(OTHER_MODEL)
        if has_other and listed < 0:
            self._left_choice.addItem(OTHER_MODEL)
            self._left_choice.setCurrentText(OTHER_MODEL)
        elif not has_other:
            if listed >= 0:
                self._left_choice.setCurrentText(BICUBIC)
                self._left_choice.removeItem(listed)
            if self.view.mode == OTHER_MODEL:
                self.view.set_mode(SLIDER)
        self.view.update()

    def refresh(self) -> None:
        """Show the trial's photo and the models' results so far."""
        self.view.show_pictures(self._make_pictures())

    def _make_pictures(self) -> Pictures | None:
        photo = self._trial.photo
        if photo is None:
            self._shown_arrays = []
            return None
        pixels = dict.fromkeys(self.view.views, photo.pixels)
        for role in (OTHER_MODEL, THIS_MODEL):
            result = self._trial.result(role)
            if result is not None:
                pixels.update({role: result.pixels, BICUBIC: result.bicubic})
        self._shown_arrays = list(pixels.values())
        return Pictures(0, photo.name, {view: _wrap_pixels(each) for view, each in pixels.items()})

    def _on_mode_changed(self, mode: str) -> None:
        for widget in (self._left_label, self._left_choice):
            widget.setVisible(mode == SLIDER)


def _wrap_pixels(pixels: np.ndarray) -> QImage:
    """Wrap pixels, uint8 [H, W, 3], in an image without a copy: they must outlive it."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)
