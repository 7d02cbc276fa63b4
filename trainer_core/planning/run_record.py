"""The record of a run: what its plan adds to each checkpoint, and what a checkpoint says of its run, without torch.

`make_record` returns primitives for the checkpoint's `plan`, which older versions of this program ignore.
`read_record` reads them from the header of the file; the digest is verified later, when the run loads its weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_core.data.fingerprints import DIGITS, combine_fingerprints
from trainer_core.data.splits import SPLIT_NAMES, Splits
from trainer_core.json_files import parse_json
from trainer_core.settings.config import SETTINGS
from trainer_core.watches import WATCHES, select_watch
from trainer_core.weights.container.reader import WeightsError, open_weights

if TYPE_CHECKING:
    from trainer_core.camera import CameraProfile
    from trainer_core.planning.plan import RunPlan

_MAX_WORD = 64  # characters of a recorded word, such as a precision


@dataclass(frozen=True)
class RunRecord:
    """What a checkpoint says of its run. Everything but `checkpoint` may be missing: older versions recorded less.

    Attributes:
        checkpoint: the file.
        config: the settings, by field name, as JSON values.
        workspace_id: the id of the workspace, "" if unknown.
        spec: dimensions of the network.
        camera: content hash of the camera profile.
        device, device_name, precision: of the session that wrote the file; the device without its number.
        micro_batch: patches that went through the network at a time.
        photos: split -> names of its photos.
        fingerprints: name -> fingerprint (`data.fingerprints`).
    """

    checkpoint: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    workspace_id: str = ""
    spec: Mapping[str, int] = field(default_factory=dict)
    camera: str = ""
    device: str = ""
    device_name: str = ""
    precision: str = ""
    micro_batch: int | None = None
    photos: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def recorded_split(self) -> dict[str, Any] | None:
        """The split as `dataset_splits.json` holds it; None if the checkpoint does not name all of its photos."""
        if not all(split in self.photos for split in SPLIT_NAMES):
            return None
        return {"version": 1, **{split: list(self.photos[split]) for split in SPLIT_NAMES}}


def make_record(plan: RunPlan) -> dict[str, Any]:
    """Return what the checkpoints of a run record of its plan, as primitives; `plan.photos` must be set."""
    names = names_by_split(plan.splits)
    photos: dict[str, Any] = {
        split: [[name, plan.fingerprints.get(name, "")] for name in names[split]] for split in SPLIT_NAMES
    }
    photos["train"] = [digest for _, digest in photos["train"]]  # the checkpoint lists these names already
    return {
        "camera": hash_profile(plan.profile, mono=plan.config.monochrome_style),
        "device": plan.hardware.kind,
        "device_name": plan.hardware.name,
        "precision": plan.hardware.precision,
        "photos": json.dumps(photos),  # one value, because the strict reader limits their number
        "photos_fingerprint": combine_fingerprints(photos["train"]),
    }


def read_record(checkpoint: Path) -> RunRecord | None:
    """Return the record in a checkpoint or, with far less in it, a deploy sibling; None if there is none to read."""
    try:
        tree = open_weights(checkpoint).tree
    except WeightsError:
        return None
    if not isinstance(tree, dict):
        return None
    if isinstance(tree.get("meta"), dict):
        return _record_of_deployable(checkpoint, tree["meta"])
    plan, config = _dictionary(tree.get("plan")), _dictionary(tree.get("config"))
    train = _names(_parse(tree.get("photos")))
    photos, fingerprints = _parse_photos(train, _parse(plan.get("photos")))
    return RunRecord(
        checkpoint,
        config=config,
        workspace_id=_word(tree.get("workspace_id")),
        spec={name: value for name, value in _dictionary(tree.get("spec")).items() if type(value) is int},
        camera=_word(plan.get("camera")),
        device=_word(plan.get("device")),
        device_name=_word(plan.get("device_name")),
        precision=_word(plan.get("precision")),
        micro_batch=plan["micro_batch"] if type(plan.get("micro_batch")) is int else None,
        photos=photos,
        fingerprints=fingerprints,
    )


def hash_profile(profile: CameraProfile | None, *, mono: bool) -> str:
    """Return a hash of what a camera profile does, without name and notes; None is the built-in one of the watch."""
    from trainer_core.camera.profile import CameraProfile

    if profile is None:
        profile = CameraProfile.builtin(select_watch(mono=mono).profile)
    content = {name: value for name, value in profile.to_json().items() if name not in ("name", "notes")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[: 2 * DIGITS]


def names_by_split(splits: Splits) -> dict[str, list[str]]:
    """Return split -> names of the photos that belong to it."""
    return {split: [photo.name for photo in photos] for split, photos in splits.assigned.items()}


def _record_of_deployable(path: Path, meta: Mapping[str, Any]) -> RunRecord | None:
    kinds = {watch.profile: kind for kind, watch in WATCHES.items()}
    kind, spec = kinds.get(_word(meta.get("camera"))), _dictionary(meta.get("spec"))
    config: dict[str, Any] = {} if kind is None else {"monochrome_style": kind == "mono"}
    degradation = meta.get("degradation")
    if degradation in SETTINGS["degradation"].choices:
        config["degradation"] = degradation
    if type(meta.get("scale")) is int:
        config["scale"] = meta["scale"]
    numbers = {name: value for name, value in spec.items() if type(value) is int}
    return RunRecord(path, config={**config, **{k: v for k, v in numbers.items() if k in SETTINGS}}, spec=numbers)


def _parse_photos(train: tuple[str, ...], content: Any) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the names by split and all fingerprints; only the training photos if the rest is missing or odd."""
    photos = {"train": train} if train else {}
    content = _dictionary(content)
    digests = content.get("train")
    pairs = [content.get(split) for split in SPLIT_NAMES if split != "train"]
    if not _are_words(digests) or len(digests) != len(train) or not all(map(_are_pairs, pairs)):
        return photos, {}
    fingerprints = dict(zip(train, digests))
    for split in SPLIT_NAMES:
        if split != "train":
            photos[split] = tuple(name for name, _ in content[split])
            fingerprints.update(content[split])
    return photos, {name: digest for name, digest in fingerprints.items() if digest}


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(_are_words(item) and len(item) == 2 for item in value)


def _parse(value: Any) -> Any:
    try:
        return parse_json(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value) if _are_words(value) else ()


def _dictionary(value: Any) -> dict[str, Any]:
    return {key: item for key, item in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def _word(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= _MAX_WORD else ""
