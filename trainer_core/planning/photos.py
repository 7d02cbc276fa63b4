"""The photos of a run: the usable photos of the source folder and their split. Nothing here writes files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trainer_core.data.photos import (
    Scan,
    UnusedFile,
    WatchPhotosOnly,
    count_watch_photos,
    describe_watch_photos,
    scan_photos,
)
from trainer_core.data.splits import SPLIT_NAMES, Splits, make_splits
from trainer_core.errors import UserError
from trainer_core.settings.config import TrainerConfig
from trainer_core.text import escape_control_characters

_MAX_NAMES = 5  # of the files that share a reason
_ACCEPT_CAPTURES = (
    "Captures belong in the folder preview_photos of the workspace. To train on them all the same, use "
    "--accept-captures."
)


class SourcePhotos(NamedTuple):
    """Result of one scan of a source folder, and the split of its photos."""

    scan: Scan
    splits: Splits

    @property
    def counts(self) -> dict[str, int]:
        """Number of photos per split, and number of files that cannot be used ("unusable")."""
        splits = {split: len(getattr(self.splits, split)) for split in SPLIT_NAMES}
        return {**splits, "unusable": len(self.scan.rejected)}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on files that a run does not use, and on validation with training photos."""
        texts = []
        if self.scan.rejected:
            count, lines = len(self.scan.rejected), list_by_reason(self.scan.rejected)
            texts.append(f"Files that cannot be used and are skipped ({count}):\n{lines}")
        if find_captures_problem(self.scan):
            texts.append(
                f"Most pictures in {self.scan.root} are photos from the watch, which are not used: a run learns from "
                "ordinary sharp photos and makes watch photos of them itself. Add ordinary photos."
            )
        if self.splits.unused:
            texts.append(f"Photos outside the train, val and test folders are not used ({len(self.splits.unused)}).")
        if self.splits.val_is_test:
            texts.append("All validation photos are missing, so the test photos are used for validation.")
        if self.splits.val_is_train:
            texts.append("There are too few photos to split, so validation uses the training photos. Add photos.")
        return tuple(texts)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences on missing folders of splits, on what is passed over, and on photos from outside the source."""
        texts = list(self.splits.notes)
        if self.scan.passed_over:
            count, lines = len(self.scan.passed_over), list_by_reason(self.scan.passed_over)
            texts.append(f"Files and folders passed over because they do not hold your photos ({count}):\n{lines}")
        if self.scan.linked:
            links = (f"{link.name} leads to {link.reason}" for link in self.scan.linked)
            lines = "\n".join(f"  {escape_control_characters(link)}" for link in links)
            texts.append(
                f"Links whose photos are used from outside the source folder ({len(self.scan.linked)}):\n{lines}"
            )
        return tuple(texts)


def find_captures_problem(scan: Scan) -> str:
    """Return why no run starts from a source folder with more photos from the watch than usable ones, or ""."""
    count = count_watch_photos(scan.rejected)
    if count <= len(scan.photos):
        return ""
    return describe_watch_photos(scan.root, count, len(scan.photos) + len(scan.rejected))


def refuse_captures(photos: SourcePhotos) -> None:
    """Refuse the photos for a new run if most of them are from the watch.

    Raises:
        UserError: they are.
    """
    problem = find_captures_problem(photos.scan)
    if problem:
        raise UserError(problem, hint=_ACCEPT_CAPTURES)


def list_by_reason(entries: Sequence[UnusedFile]) -> str:
    """Return one indented line for each reason, with the names or, if there are many, the first names."""
    by_reason: dict[str, list[str]] = {}
    for entry in entries:
        by_reason.setdefault(entry.reason, []).append(entry.name)
    return "\n".join(
        f"  {escape_control_characters(f'{_list_names(names)}: {reason}')}" for reason, names in by_reason.items()
    )


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMES])
    return shown if len(names) <= _MAX_NAMES else f"{shown} and {len(names) - _MAX_NAMES} more"


def find_photos(
    source: Path,
    *,
    train_split: float,
    val_split: float,
    exclude: Sequence[Path] = (),
    recorded: Mapping[str, Any] | None = None,
    accept_captures: bool = False,
    should_continue: Callable[[], bool] = lambda: True,
) -> SourcePhotos:
    """Find the usable photos under `source` and split them.

    Args:
        train_split: share for training, 0 to 1.
        val_split: share for validation, 0 to 1.
        exclude: folders to leave out, such as a workspace inside the source.
        recorded: the recorded split of a workspace; its photos keep their split, only new photos are assigned.
        accept_captures: whether photos from the watch count like others.
        should_continue: called before each file; the search ends with `ScanCanceled` once it returns False.

    Raises:
        UserError: there is no usable photo, the shares are impossible, or `recorded` is not a recorded split.
        ScanCanceled: see `should_continue`.
    """
    try:
        found = scan_photos(
            source,
            exclude=exclude,
            preferred_names=recorded_photo_names(recorded),
            accept_captures=accept_captures,
            should_continue=should_continue,
        )
    except WatchPhotosOnly as error:
        raise UserError(error.message, hint=_ACCEPT_CAPTURES) from error
    splits = make_splits(found, train_split=train_split, val_split=val_split, recorded=recorded)
    return SourcePhotos(found, splits)


def keep_splits(
    photos: SourcePhotos, renamed: Mapping[str, str], recorded: Mapping[str, Any], config: TrainerConfig
) -> SourcePhotos:
    """Return the photos split again, so that renamed ones keep their split.

    Args:
        renamed: name -> split.
        recorded: the recorded split with the earlier names.
        config: the shares of the splits.
    """
    known = recorded_photo_names(recorded)
    new = {name: split for name, split in renamed.items() if name not in known}
    if not new:
        return photos
    lists = {split: [*recorded.get(split, ()), *(n for n in new if new[n] == split)] for split in SPLIT_NAMES}
    splits = make_splits(
        photos.scan, train_split=config.train_split, val_split=config.val_split, recorded={**recorded, **lists}
    )
    return photos._replace(splits=splits)


def recorded_photo_names(recorded: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the photo names in a recorded split, which are preferred to duplicates with other names."""
    lists = (recorded.get(split) for split in SPLIT_NAMES) if isinstance(recorded, Mapping) else ()
    return frozenset(name for names in lists if isinstance(names, list) for name in names if isinstance(name, str))
