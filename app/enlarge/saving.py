"""Saving of what a trial shows, with the text that says what made it: the enlarged photo, the comparison, a part."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from PySide6.QtWidgets import QWidget

from app.enlarge.enlargement import TrialPhoto, UpscaledPhoto
from app.enlarge.named_model import NamedModel, tell_apart
from app.enlarge.photo_list import PhotoList
from app.enlarge.trial import BLEND, MODEL_ROLES, THIS_MODEL, Trial
from app.preview.cut_out import CutOut
from app.preview.pictures import BICUBIC
from app.preview.saving import PictureSaving
from app.system.background import Background
from trainer_core.verbs.output_files import describe_comparison, describe_enlargement
from trainer_core.verbs.picture_files import compose_comparison

_ROLES = (*MODEL_ROLES, BLEND)


class TrialSaving(PictureSaving):
    """Saves the selected photo of a trial; the listed photos are never overwritten."""

    def __init__(
        self,
        trial: Trial,
        photos: PhotoList,
        find_names: Callable[[Path], NamedModel],
        background: Background,
        window: QWidget,
    ) -> None:
        super().__init__(background, window)
        self._trial, self._photos, self._find_names = trial, photos, find_names

    def save_picture(self) -> None:
        """Save the photo, enlarged by the main model."""
        photo, result = self._trial.photo, self._trial.result(self._trial.main_role)
        if photo is not None and result is not None:
            self.save(
                f"{photo.name}_x{result.model.scale}",
                lambda: result.pixels,
                inputs=self._photos.files,
                make_text=lambda: describe_result(photo, result),
                taken=photo.taken,
            )

    def save_comparison(self) -> None:
        """Save plain enlargement and the results of all models in a row, with their names."""
        photo, results = self._trial.photo, {role: self._trial.result(role) for role in _ROLES}
        complete = {role: each for role, each in results.items() if each and each.is_complete}
        names = self._name_results(complete)
        this = results[THIS_MODEL]
        if photo is not None and this is not None:
            scale = this.model.scale
            made_by = [(_describe_model(each), each.model.sha256) for each in complete.values()]
            self.save(
                f"{photo.name}_x{scale}_compare",
                lambda: compose_comparison(
                    photo.pixels, [(names[role], each.pixels) for role, each in complete.items()], scale
                ),
                inputs=self._photos.files,
                make_text=lambda: describe_comparison(photo.name, photo.file, scale, made_by),
                taken=photo.taken,
            )

    def _name_results(self, results: dict[str, UpscaledPhoto]) -> dict[str, str]:
        """Return a name for each result by role: those of the models, and the share of a blend."""
        models = {role: self._find_names(result.model.path) for role, result in results.items() if role != BLEND}
        names = dict(zip(models, tell_apart(list(models.values()))))
        return {role: names.get(role) or f"blend, {result.model.description}" for role, result in results.items()}

    def save_cut_out(self, cut_out: CutOut) -> None:
        """Save an image on the screen, or a part of several."""
        photo, shown = self._trial.photo, [view for view in cut_out.views if view in _ROLES]
        results = {role: result for role in shown if (result := self._trial.result(role)) and result.is_complete}
        is_waiting = BICUBIC in cut_out.views and self._trial.result(self._trial.main_role) is None
        if photo is None or is_waiting or len(results) < len(shown):
            self.message_posted.emit("info", "The photo is not enlarged yet. Save it, or a part of it, afterwards.")
            return
        text = {"Title": photo.name, "Source": photo.file.name}
        for number, (role, result) in enumerate(results.items()):
            text.update({role: _describe_model(result)} if number else describe_result(photo, result))
        text.update(cut_out.text)
        pixels = cut_out.cut()  # now, because its images use the memory of a photo that may be removed
        files = self._photos.files
        self.save(cut_out.file_name, lambda: pixels, inputs=files, make_text=lambda: text, taken=photo.taken)


def describe_result(photo: TrialPhoto, result: UpscaledPhoto) -> dict[str, str]:
    """Return the text of a PNG file with an enlarged photo."""
    model = result.model
    return describe_enlargement(photo.name, photo.file, model.scale, _describe_model(result), model.sha256)


def _describe_model(result: UpscaledPhoto) -> str:
    return f"{result.model.path.stem} ({result.model.description})"
