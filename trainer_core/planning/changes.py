"""The differences between a resumed run and its checkpoint: which must be accepted first, and which are only reported.

Other photos, another watch or another camera profile make another run of it: the user must accept them. A folder that
gained or lost some photos, and settings that an option changed, are reported.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer_core.errors import UserError
from trainer_core.files import is_same_folder
from trainer_core.planning.hardware import Hardware
from trainer_core.planning.photos import SourcePhotos
from trainer_core.planning.run_record import RunRecord, hash_profile, names_by_split
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.presets import NETWORK_FIELDS
from trainer_core.text import escape_control_characters

_MAX_NAMES = 3  # photos that a sentence names
_SPLITS = {"train": "training", "val": "validation", "test": "test"}
_WATCH_FIELDS = ("monochrome_style", "camera_profile")
_FIXED = tuple(name for name, setting in SETTINGS.items() if setting.fixed_on_resume and name not in _WATCH_FIELDS)


@dataclass(frozen=True)
class Change:
    """One difference from the checkpoint, as a sentence.

    Attributes:
        must_be_accepted: whether the run resumes only after the user accepted it.
        is_possible: whether it can be accepted at all.
        original: the settings, by field name, with which the difference would not be there; empty if there are none.
    """

    text: str
    must_be_accepted: bool = False
    is_possible: bool = True
    original: Mapping[str, Any] = field(default_factory=dict)


class UnacceptedChanges(UserError):
    """A resume with changes that must be accepted first, or cannot be.

    Args:
        checkpoint: the file to resume from.
        changes: those changes.
    """

    def __init__(self, checkpoint: Path, changes: Sequence[Change]) -> None:
        self.changes = tuple(changes)
        self.can_be_accepted = all(change.is_possible for change in changes)
        listed = "\n".join(f"  {change.text}" for change in changes)
        advice = "Use the values of the checkpoint, or add --accept-changes to continue with the new ones."
        if not self.can_be_accepted:
            scale = next(change.original["scale"] for change in changes if not change.is_possible)
            advice = f"A run keeps its scale: use --scale {scale}, or start a new run with --init-weights {checkpoint}."
        super().__init__(f"The run of {checkpoint} was trained with other data:\n{listed}\n{advice}")

    @property
    def original(self) -> dict[str, Any] | None:
        """The settings that undo all changes; None if a change cannot be undone by settings."""
        if not all(change.original for change in self.changes):
            return None
        return {name: value for change in self.changes for name, value in change.original.items()}


def find_changes(
    record: RunRecord,
    config: TrainerConfig,
    *,
    photos: SourcePhotos | None,
    fingerprints: Mapping[str, str],
    camera: str,
    hardware: Hardware,
) -> tuple[Change, ...]:
    """Return the differences from the checkpoint.

    Args:
        record: what the checkpoint says of its run.
        config: the settings to resume with.
        photos: the photos to resume with; None for built-in scenes.
        fingerprints: the fingerprints of `photos`, by name.
        camera: content hash of the camera profile to resume with.
        hardware: device and precision of this session.
    """
    found = [
        *_scale_changes(record, config),
        *_watch_changes(record, config, camera),
        *_source_changes(record, config, photos, fingerprints),
    ]
    settings = [
        f"{name} {record.config[name]} -> {_to_plain(getattr(config, name))}"
        for name in _FIXED
        if name in record.config and record.config[name] != _to_plain(getattr(config, name))
    ]
    if settings:
        found.append(Change(f"Resumed with changed settings: {', '.join(settings)}."))
    found += _optimizer_changes(record, config)
    ignored = [name for name in NETWORK_FIELDS if record.spec.get(name, getattr(config, name)) != getattr(config, name)]
    if ignored:
        values = ", ".join(f"{name} {record.spec[name]} instead of {getattr(config, name)}" for name in ignored)
        found.append(Change(f"The checkpoint sets the size of the network: {values}."))
    return (*found, *_hardware_changes(record, hardware))


def find_renamed(record: RunRecord, fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Return name -> split of the photos that had other names in the checkpoint, by their content.

    Args:
        record: what the checkpoint says of its run.
        fingerprints: the fingerprints of all photos, by name.
    """
    missing = {
        record.fingerprints[name]: split
        for split, names in record.photos.items()
        for name in names
        if name in record.fingerprints and name not in fingerprints
    }
    known = {name for names in record.photos.values() for name in names}
    return {name: missing[digest] for name, digest in fingerprints.items() if name not in known and digest in missing}


def _hardware_changes(record: RunRecord, hardware: Hardware) -> list[Change]:
    is_same_model = not record.device_name or record.device_name == hardware.name  # older versions recorded no name
    is_same = is_same_model and (record.device, record.precision) == (hardware.kind, hardware.precision)
    if not record.precision or is_same:
        return []
    before = f"{record.device} ({record.device_name})" if record.device_name else record.device
    return [
        Change(
            f"The checkpoint was trained in {record.precision} on {before}; this session computes in "
            f"{hardware.precision} on {hardware.kind} ({hardware.name}). The result will differ from that of an "
            "uninterrupted run."
        )
    ]


def _optimizer_changes(record: RunRecord, config: TrainerConfig) -> list[Change]:
    before, rate = record.config.get("optimizer", "adam"), record.config.get("learning_rate")
    if rate is None or before == config.optimizer:  # a deploy sibling has neither settings nor moments
        return []
    text = f"The optimizer is {config.optimizer} instead of {before}, so the inner convolutions begin without moments."
    if rate == config.learning_rate:
        text += f" The learning rate is still {rate:g}, which was chosen for {before}; --lr sets another one."
    return [Change(text)]


def _scale_changes(record: RunRecord, config: TrainerConfig) -> list[Change]:
    scale = record.spec.get("scale", config.scale)
    if scale == config.scale:
        return []
    text = f"Scale: x{scale} in the checkpoint, x{config.scale} now."
    return [Change(text, must_be_accepted=True, is_possible=False, original={"scale": scale})]


def _watch_changes(record: RunRecord, config: TrainerConfig, camera: str) -> list[Change]:
    setting, mono = SETTINGS["monochrome_style"], record.config.get("monochrome_style")
    if isinstance(mono, bool) and mono != config.monochrome_style:
        labels = setting.choice_labels
        text = f"Watch: {labels[mono]} in the checkpoint, {labels[config.monochrome_style]} now."
        original = {"camera_profile": record.config.get("camera_profile"), "monochrome_style": mono}
        return [Change(text, must_be_accepted=True, original=original)]
    before, now = record.config.get("camera_profile"), config.camera_profile
    if "camera_profile" not in record.config:
        return []
    if record.camera:
        is_equal = record.camera == camera
    else:  # an older version recorded the path only
        is_equal = before == now or (before is None and hash_profile(None, mono=config.monochrome_style) == camera)
    if is_equal:
        return []
    if before == now:
        text = f"Camera profile: the content of {now or 'the built-in profile'} has changed."
        return [Change(text, must_be_accepted=True)]
    names = [name or "the built-in profile" for name in (before, now)]
    text = f"Camera profile: {names[0]} in the checkpoint, {names[1]} now, with other content."
    return [Change(text, must_be_accepted=True, original={"camera_profile": before})]


def _source_changes(
    record: RunRecord, config: TrainerConfig, photos: SourcePhotos | None, fingerprints: Mapping[str, str]
) -> list[Change]:
    before, was_demo = record.config.get("source_dir"), record.config.get("demo") is True
    if not isinstance(before, str) or (was_demo and photos is None):
        return []
    if was_demo or photos is None:
        places = ("the built-in scenes", config.source_dir) if was_demo else (before, "the built-in scenes")
        original = {"demo": True} if was_demo else {"demo": False, "source_dir": before}
        text = f"Photos: {places[0]} in the checkpoint, {places[1]} now."
        return [Change(text, must_be_accepted=True, original=original)]
    details = [Change(text) for text in _photo_changes(record, photos, fingerprints)]
    present, total = _count_present(record, photos, fingerprints)
    most_are_missing, is_missing = 2 * present < total, not os.path.isdir(before)
    if is_same_folder(before, config.source_dir):
        text = f"Photos: only {present} of the {total} training photos of the checkpoint are in {config.source_dir}."
        return [Change(text, must_be_accepted=True), *details] if most_are_missing else details
    are_equal = bool(record.fingerprints) and Counter(record.fingerprints.values()) == Counter(fingerprints.values())
    found = "the same photos" if are_equal else f"{present} of the {total} training photos"
    change = Change(
        f"Photos: {before} in the checkpoint, {config.source_dir} now, with {found}.",
        must_be_accepted=most_are_missing or not (are_equal or is_missing),
        original={} if is_missing else {"source_dir": before},
    )
    return [change, *details]


def _count_present(record: RunRecord, photos: SourcePhotos, fingerprints: Mapping[str, str]) -> tuple[int, int]:
    """Return how many of the checkpoint's training photos are in the source folder, by content, and how many it has."""
    names = record.photos.get("train", ())
    known = [record.fingerprints[name] for name in names if name in record.fingerprints]
    if not known:  # an older version recorded the names only
        return len({photo.name for photo in photos.scan.photos}.intersection(names)), len(names)
    return sum((Counter(known) & Counter(fingerprints.values())).values()), len(known)


def _photo_changes(record: RunRecord, photos: SourcePhotos, fingerprints: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each split whose photos have changed since the checkpoint."""
    names = names_by_split(photos.splits)
    for split, recorded in record.photos.items():
        before, now = set(recorded), set(names[split])
        added = {fingerprints[name]: name for name in now - before if name in fingerprints}
        renamed = {
            name: added[digest]
            for name, digest in record.fingerprints.items()
            if name in before - now and digest in added
        }
        changed = {name for name in before & now if _differs(name, record.fingerprints, fingerprints)}
        kinds = {
            "missing": before - now - {*renamed},
            "new": now - before - {*renamed.values()},
            "with other content": changed,
            "renamed": {*renamed},
        }
        parts = [f"{len(found)} {kind} ({_name_some(sorted(found))})" for kind, found in kinds.items() if found]
        if parts:
            yield f"The {_SPLITS[split]} photos have changed since the checkpoint: {', '.join(parts)}."


def _differs(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    return name in before and name in now and before[name] != now[name]


def _name_some(names: Sequence[str]) -> str:
    shown = ", ".join(escape_control_characters(name) for name in names[:_MAX_NAMES])
    return f"{shown}, …" if len(names) > _MAX_NAMES else shown


def _to_plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
