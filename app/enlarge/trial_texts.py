"""Sentences of the window "Enlarge photos" about the photo, the models and the photos that are being saved."""

from __future__ import annotations

from app.enlarge.batch import Batch
from app.enlarge.enlargement import Model
from app.enlarge.trial import MODEL_ROLES, THIS_MODEL, Trial
from trainer_core.sinks.event_text import format_time_left
from trainer_core.starters.registry import find_starters


def describe_model(model: Model) -> str:
    """Return what a model does, in plain words."""
    starter = next((each for each in find_starters() if each.path == model.path), None)
    if starter is not None:
        return f"For photos of the {starter.watch.description}, {model.scale} times larger"
    if model.gray:
        return f"{model.scale} times larger, makes every photo gray"
    return f"{model.scale} times larger, in color"


def describe_blend_obstacle(trial: Trial) -> str:
    """Return what to do so that the models can be blended, "" if they can or are not loaded."""
    this, other = (trial.models.get(role) for role in MODEL_ROLES)
    if this is None or other is None or this.spec == other.spec:
        return ""
    if any(each.path == this.path for each in find_starters()):
        return "To blend, compare with a model of a training that began with this one."
    return "To blend, compare with another model of the same training."


def describe_photo(trial: Trial, *, has_choice: bool) -> str:
    """Return the size of the photo before and after; `has_choice`: a model is chosen, which may not be loaded yet."""
    photo = trial.photo
    if photo is None:
        return ""
    height, width = photo.pixels.shape[:2]
    size = f"{width} × {height}"
    if THIS_MODEL not in trial.models:
        return f"{photo.name} · {size}" if has_choice else "Choose a model to enlarge this photo."
    model, scale = trial.models[THIS_MODEL], trial.models[THIS_MODEL].scale
    working = trial.result(trial.busy) if trial.busy else None
    if working is not None and working.tile_count > 1:
        return f"{trial.busy}: part {working.tiles_done} of {working.tile_count}"
    larger = f"{width * scale} × {height * scale}"
    if model.gray and photo.has_color:
        return f"{photo.name} · {size} → {larger}, in gray"
    if not model.gray and not photo.has_color:
        return f"{photo.name} · {size} → {larger}, stays gray"
    return f"{photo.name} · {size} → {larger}"


def describe_saving(batch: Batch) -> str:
    """Return which photo is being saved, and how long the others will take once that is known."""
    text = f"Saving photo {min(batch.done + 1, batch.count)} of {batch.count} …"
    left = batch.seconds_left
    return text if left is None else f"{text} {format_time_left(left)}"
