"""The trial's image view: compares a photo, its plain enlargement, and the results of one or two models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app.enlarge.named_model import NamedModel, tell_apart
from app.enlarge.trial import BLEND, MODEL_ROLES, OTHER_MODEL, THIS_MODEL, Trial
from app.preview.compare import SLIDER, CompareView
from app.preview.left_choice import LeftChoice
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import BICUBIC, LR, Pictures, short_name, wrap_pixels
from app.widgets.theme import SPACING

_ARTICLE = re.compile(r"\Athe\s+")  # begins the name of a built-in model in a sentence


class _View(CompareView):
    """View of the photo, its bicubic enlargement and the models' results.

    With Ctrl the mouse drags the enlarged photo out; also without, where it moves neither the slider nor the image.
    """

    drag_requested = Signal()

    EMPTY_TEXT = ""  # while a photo is read
    views = (LR, BICUBIC, THIS_MODEL, OTHER_MODEL, BLEND)
    side_by_side_views: tuple[str, ...] = (BICUBIC, THIS_MODEL)
    right_view = THIS_MODEL
    neighbor_keys = "N and P compare with the next and the previous model"

    def __init__(self) -> None:
        super().__init__()
        self.left = BICUBIC
        self._grabbed: QPointF | None = None  # where the mouse has grabbed the enlarged photo
        self.setAccessibleName("Photo before and after enlarging")
        keys = self.accessibleDescription().rstrip(".")
        self.setAccessibleDescription(f"{keys}, Ctrl and the mouse drag the enlarged photo to another program.")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grab the enlarged photo, or what the mouse moves otherwise."""
        self._grabbed = event.position() if self._is_grabbed_by(event) else None
        if self._grabbed is None:
            super().mousePressEvent(event)

    def _is_grabbed_by(self, event: QMouseEvent) -> bool:
        if self._pictures is None or event.button() != Qt.MouseButton.LeftButton:
            return False
        if event.modifiers() == Qt.KeyboardModifier.NoModifier:
            is_still = self.mode != SLIDER and not self.zoom
            return is_still and self._view_at(event.position().toPoint()) == self.right_view
        return event.modifiers() == Qt.KeyboardModifier.ControlModifier

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin the drag of the enlarged photo as soon as the mouse has moved some pixels."""
        if self._grabbed is None:
            super().mouseMoveEvent(event)
        elif (event.position() - self._grabbed).manhattanLength() >= QApplication.startDragDistance():
            self._grabbed = None
            self.drag_requested.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Release what the mouse has grabbed."""
        self._grabbed = None
        super().mouseReleaseEvent(event)


class TrialView(QWidget):
    """View of a trial, with mode buttons; call `refresh` after each change of the trial."""

    def __init__(self, trial: Trial, find_names: Callable[[Path], NamedModel]) -> None:
        super().__init__()
        self._trial, self._find_names = trial, find_names
        self._shown_arrays: list[np.ndarray] = []  # the images on the screen use their memory
        self.view = _View()
        self._left_choice = LeftChoice(self.view, (BICUBIC, LR))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(self._make_tool_bar())
        layout.addWidget(self.view, 1)
        layout.addWidget(self._left_choice, 0, Qt.AlignmentFlag.AlignRight)
        self._roles: list[str] | None = None  # of the models in the views
        self.refresh()

    def _make_tool_bar(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACING // 2)
        self._modes = ModeButtons(self.view, self.view.views)
        row.addWidget(self._modes)
        row.addStretch(1)
        return row

    def refresh(self) -> None:
        """Show the trial's photo and the models' results so far."""
        roles = [role for role in (*MODEL_ROLES, BLEND) if role in self._trial.models or role == THIS_MODEL]
        if roles != self._roles:
            self._show_views(roles)
        self.view.labels = self._label_views()
        self.view.notes = {role: self._describe_progress(role) for role in roles}
        self.view.show_pictures(self._make_pictures())

    def _show_views(self, roles: list[str]) -> None:
        """Offer the views of the models with these roles; a new one comes to the slider."""
        new = [role for role in roles if role not in (self._roles or [])]
        self._roles = roles
        self._modes.set_views((LR, BICUBIC, *roles))
        self.view.side_by_side_views = (BICUBIC, *roles)
        self.view.right_view = BLEND if BLEND in roles else THIS_MODEL
        left = OTHER_MODEL if OTHER_MODEL in new else None
        self._left_choice.offer((BICUBIC, LR, *(role for role in roles if role != self.view.right_view)), left)
        if self.view.mode in (OTHER_MODEL, BLEND) and self.view.mode not in roles:
            self.view.set_mode(SLIDER)
        self.view.update()

    def _label_views(self) -> dict[str, str]:
        """Return labels that tell two models apart; none for one model."""
        models = self._trial.models
        named = {role: self._find_names(models[role].path) for role in MODEL_ROLES if role in models}
        if len(named) < 2:
            return {}
        names = zip(named, tell_apart(list(named.values())))
        return {role: f"{short_name(role)}: {_ARTICLE.sub('', name)}" for role, name in names}

    def _describe_progress(self, role: str) -> str:
        """Say that the image of a model is not its result yet, but the photo or its plain enlargement."""
        result = self._trial.result(role)
        if self._trial.photo is None or (result is not None and result.is_complete):
            return ""
        if self._trial.loading_path(role) is not None:
            return "loading the model …"
        return "computing …" if self._trial.busy else "not computed"

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
        return Pictures(0, photo.name, {view: wrap_pixels(each) for view, each in pixels.items()}, file=photo.file)
