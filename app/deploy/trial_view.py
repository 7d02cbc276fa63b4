"""The trial's image view: compares a photo, bicubic, and the results of one or two models."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.deploy.trial import BLEND, MODEL_ROLES, OTHER_MODEL, THIS_MODEL, Trial
from app.plain_text import PlainLabel
from app.preview.compare import SLIDER, CompareView
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import Pictures, wrap_pixels
from app.theme import SPACING

PHOTO, BICUBIC = "Photo", "Bicubic"


class _View(CompareView):
    """View of the photo, its bicubic enlargement and the models' results."""

    EMPTY_TEXT = "Drop photos here: pictures, watch photos, Palm databases or watch dumps."
    views = (PHOTO, BICUBIC, THIS_MODEL, OTHER_MODEL, BLEND)
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
        self._roles: list[str] | None = None  # of the models in the views
        self.refresh()

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

    def refresh(self) -> None:
        """Show the trial's photo and the models' results so far."""
        roles = [role for role in (*MODEL_ROLES, BLEND) if role in self._trial.models or role == THIS_MODEL]
        if roles != self._roles:
            self._show_views(roles)
        self.view.show_pictures(self._make_pictures())

    def _show_views(self, roles: list[str]) -> None:
        """Offer the views of the models with these roles; a new one comes to the slider."""
        new = [role for role in roles if role not in (self._roles or [])]
        self._roles = roles
        self._modes.set_views((PHOTO, BICUBIC, *roles))
        self.view.side_by_side_views = (BICUBIC, *roles)
        self.view.right_view = BLEND if BLEND in roles else THIS_MODEL
        left = self._left_choice.currentText()
        self._left_choice.clear()
        self._left_choice.addItems([BICUBIC, PHOTO, *(role for role in roles if role != self.view.right_view)])
        self._left_choice.setCurrentText(OTHER_MODEL if OTHER_MODEL in new else left)
        if self._left_choice.currentText() != left:
            self.view.set_left(self._left_choice.currentText())
        if self.view.mode in (OTHER_MODEL, BLEND) and self.view.mode not in roles:
            self.view.set_mode(SLIDER)
        self.view.update()

    def _make_pictures(self) -> Pictures | None:
        photo = self._trial.photo
        if photo is None:
            self._shown_arrays = []
            return None
        pixels = dict.fromkeys(self.view.views, photo.pixels)
        for role in (BLEND, OTHER_MODEL, THIS_MODEL):
            result = self._trial.result(role)
            if result is not None:
                pixels.update({role: result.pixels, BICUBIC: result.bicubic})
        self._shown_arrays = list(pixels.values())
        return Pictures(0, photo.name, {view: wrap_pixels(each) for view, each in pixels.items()})

    def _on_mode_changed(self, mode: str) -> None:
        for widget in (self._left_label, self._left_choice):
            widget.setVisible(mode == SLIDER)
