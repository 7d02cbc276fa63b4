"""The photos of a run: those of the source folder that can be used, and their split. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trainer_core.data.photos import Scan, scan_photos
from trainer_core.data.splits import SPLIT_NAMES, Splits, make_splits


class SourcePhotos(NamedTuple):
    """What one scan of a source folder found, and the split of its photos."""

    scan: Scan
    splits: Splits

    @property
    def counts(self) -> dict[str, int]:
        """Number of photos per split, and of files that cannot be used ("unusable")."""
        splits = {side: len(getattr(self.splits, side)) for side in SPLIT_NAMES}
        return {**splits, "unusable": len(self.scan.rejected)}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on files that a run does not use, and on a validation that repeats training photos."""
        texts = []
        if self.scan.rejected:
            lines = "\n".join(f"  {r.name}: {r.reason}" for r in self.scan.rejected)
            texts.append(f"{len(self.scan.rejected)} files cannot be used and are skipped:\n{lines}")
        if self.splits.unused:
            texts.append(f"{len(self.splits.unused)} photos outside train, val and test are not used.")
        if self.splits.val_is_train:
            texts.append("Too few photos to keep any aside: validation uses the training photos.")
        return tuple(texts)


def find_photos(
    source: Path,
    *,
    train_split: float,
    val_split: float,
    exclude: Sequence[Path] = (),
    recorded: Mapping[str, Any] | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> SourcePhotos:
    """Find the usable photos under `source` and split them.

    Args:
        train_split: share for training, 0 to 1.
        val_split: share for validation, 0 to 1.
        exclude: folders to leave out, such as a workspace inside the source.
        recorded: the recorded split of a workspace; its photos keep their place, only new ones are assigned.
        wanted: asked before every file; once it is false, the search is given up.

    Raises:
        UserError: there is no usable photo, the shares are impossible, or `recorded` is not a recorded split.
        ScanGivenUp: see `wanted`.
    """
    found = scan_photos(source, exclude=exclude, preferred_names=recorded_photo_names(recorded), should_continue=wanted)
    splits = make_splits(found, train_split=train_split, val_split=val_split, recorded=recorded)
    return SourcePhotos(found, splits)


def recorded_photo_names(recorded: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the photo names in a recorded split; they win over duplicates with other names."""
    lists = (recorded.get(side) for side in SPLIT_NAMES) if isinstance(recorded, Mapping) else ()
    return frozenset(name for names in lists if isinstance(names, list) for name in names if isinstance(name, str))
