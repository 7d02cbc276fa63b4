"""The workspace: paths of a run's files, the lock for writing, and archiving and restoring of runs.

training_config.json dataset_splits.json trainer.log journal.jsonl
checkpoints/ models/ previews/ preview_photos/ tensorboard/ previous_runs/<time>/
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

import psutil

from trainer_core.data.passed_over import find_file_reason
from trainer_core.errors import UserError
from trainer_core.files import (
    TEMPORARY_SUFFIX,
    describe_error,
    remove_stale_temporaries,
    rename_file,
    sync_folder,
    write_bytes,
    write_json,
)
from trainer_core.input_files import list_matching
from trainer_core.json_files import read_json
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.stored import ADVICE, StoredSettings, parse_stored_settings, settings_to_json
from trainer_core.workspace.lock import WorkspaceLock

# Files of one run, which move to its archive; settings and splits stay, and the archive gets a copy.
_RUN_FILES = ("checkpoints", "models", "tensorboard", "previews", "trainer.log", "journal.jsonl")
COPIED_FILES = ("training_config.json", "dataset_splits.json")
# Files in the folder of a previous run while the run moves there or back; one that stays names an interrupted move.
_ARCHIVING, _RESTORING = ".archiving", ".restoring"
_FOLDERS = ("checkpoints", "models", "tensorboard", "previews", "preview_photos", "previous_runs", "scenes")
_FILES = ("trainer.log", "journal.jsonl", *COPIED_FILES)
_STEP_CHECKPOINT = re.compile(r"scale[248]_step(\d+)\.pth")
DEPLOY_SUFFIX = "_deploy"
LATEST = "latest"
ARCHIVE_TIME_FORMAT = "%Y-%m-%d_%H-%M-%S"


@dataclass(frozen=True)
class Workspace:
    """Paths and operations of one workspace folder. Creating the object touches no file."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """The stored settings."""
        return self.root / "training_config.json"

    @property
    def splits_file(self) -> Path:
        """The recorded split."""
        return self.root / "dataset_splits.json"

    @property
    def log_file(self) -> Path:
        """The log: the lines of the console with their times."""
        return self.root / "trainer.log"

    @property
    def journal_file(self) -> Path:
        """The journal: every event, one JSON object per line."""
        return self.root / "journal.jsonl"

    @property
    def checkpoints_folder(self) -> Path:
        """Folder of the raw checkpoints and their deploy siblings."""
        return self.root / "checkpoints"

    @property
    def models(self) -> Path:
        """Folder of the deployable models."""
        return self.root / "models"

    @property
    def previews(self) -> Path:
        """Folder of the preview strips, PNG."""
        return self.root / "previews"

    @property
    def preview_photos(self) -> Path:
        """Folder of the pinned photos, which belong to no run."""
        return self.root / "preview_photos"

    @property
    def tensorboard(self) -> Path:
        """Folder of the TensorBoard event files."""
        return self.root / "tensorboard"

    @property
    def scenes(self) -> Path:
        """Folder of the built-in scenes of a `--demo` run."""
        return self.root / "scenes"

    @property
    def previous_runs(self) -> Path:
        """Folder of the archived runs."""
        return self.root / "previous_runs"

    def checkpoint_path(self, scale: int, label: str) -> Path:
        """Return the path of a raw checkpoint; `label` is "step80000", "best" or "final"."""
        return self.checkpoints_folder / f"scale{scale}_{label}.pth"

    def model_path(self, scale: int, *, best: bool, name: str = SETTINGS["model_name"].default) -> Path:
        """Return the path of a deployable model; its name holds exactly one scale mark, which the viewer requires."""
        return self.models / f"{name}_x{scale}{'_best' if best else ''}.pth"

    # -- settings ------------------------------------------------------------------------------

    def read_settings(self) -> StoredSettings:
        """Read the stored settings; empty if there are none yet.

        Raises:
            NewerFileError: a newer version of this program wrote the file.
            UserError: the file cannot be read, or its content cannot be used.
        """
        try:
            data = read_json(self.settings_file, advice=ADVICE)
        except FileNotFoundError:
            return StoredSettings()
        return parse_stored_settings(data, str(self.settings_file))

    def write_settings(
        self, config: TrainerConfig, derived: dict[str, Any], warm_start: Any, *, workspace_id: str | None = None
    ) -> str:
        """Write `training_config.json` and return the id of the workspace.

        The id stays what it is. A file without one gets `workspace_id`, or a new one.
        """
        stored = self.read_settings()
        stored = replace(stored, workspace_id=stored.workspace_id or workspace_id or uuid.uuid4().hex)
        write_json(self.settings_file, settings_to_json(config, stored=stored, derived=derived, warm_start=warm_start))
        return stored.workspace_id or ""

    # -- writing -------------------------------------------------------------------------------

    def create(self, unusable: Collection[Path] = ()) -> None:
        """Create the folder and check that it is writable and that nothing else has the name of a part of it.

        Args:
            unusable: parts that may be of the wrong kind, because they are set aside before anything is written.

        Raises:
            UserError: it is a file, the system denies access, or a part is of the wrong kind.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".probe.{os.getpid()}{TEMPORARY_SUFFIX}"
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)  # the process that holds the lock may have removed it
        except OSError as error:
            raise UserError(
                f"Cannot write to the workspace {self.root}: {describe_error(error)}. Choose another folder."
            ) from error
        for name in _FOLDERS:
            self._refuse_other_kind(self.root / name, Path.is_dir, "folder")
        for name in _FILES:
            if self.root / name in unusable:
                continue
            self._refuse_other_kind(self.root / name, Path.is_file, "file")

    def _refuse_other_kind(self, path: Path, is_kind: Callable[[Path], bool], kind: str) -> None:
        if os.path.lexists(path) and not is_kind(path):
            found = "a link to nothing" if path.is_symlink() and not path.exists() else "something else"
            raise UserError(f"{path} must be a {kind}, but is {found}. Rename or delete it, or choose another folder.")

    @contextlib.contextmanager
    def lock(self) -> Iterator[WorkspaceLock]:
        """Lock the workspace for writing; the system releases the lock when the process ends for any reason.

        What a killed process left is put in order first: temporary files are deleted, moves of runs completed.

        Raises:
            UserError: another process holds it, or it cannot be locked.
            OSError: an interrupted move cannot be completed.
        """
        lock = WorkspaceLock(self.root)
        try:
            lock.acquire()
            self._remove_strays()
            lock.notices += self._complete_moves()
            yield lock
        finally:
            lock.release()

    def _remove_strays(self) -> None:
        """Delete what killed processes left under temporary names; the lock must be held."""
        folders = (self.root, self.checkpoints_folder, self.models, self.previews)
        for folder in (*folders, *self.previous_runs.glob("*"), *self.previous_runs.glob("*/*")):
            remove_stale_temporaries(folder)
        for stray in self.root.glob(".probe.*"):  # of earlier versions
            stray.unlink(missing_ok=True)
        for stray in self.preview_photos.glob(f".*{TEMPORARY_SUFFIX}"):  # the window pins photos without the lock
            if not psutil.pid_exists(_process_number(stray)):
                stray.unlink(missing_ok=True)

    # -- runs ----------------------------------------------------------------------------------

    def step_checkpoints(self) -> list[tuple[int, Path]]:
        """Return (step, raw checkpoint) of the current run, oldest first."""
        found = []
        for path in list_matching(self.checkpoints_folder, "scale*_step*.pth"):
            match = _STEP_CHECKPOINT.fullmatch(path.name)
            if match:
                found.append((int(match.group(1)), path))
        return sorted(found)

    def has_run(self) -> bool:
        """Whether the workspace contains files of a run."""
        return any(_has_content(self.root / name) for name in _RUN_FILES)

    def make_archive_folder(self) -> Path:
        """Create and return an empty folder `previous_runs/<time>/`."""
        folder = _unique_folder(self.previous_runs / time.strftime(ARCHIVE_TIME_FORMAT))
        folder.mkdir(parents=True)
        return folder

    def archive_run(self) -> Path | None:
        """Move the current run to `previous_runs/<time>/`; return that folder, or None if there was no run."""
        if not self.has_run():
            return None
        folder = self.make_archive_folder()
        write_bytes(folder / _ARCHIVING, b"")
        for name in COPIED_FILES:
            if (self.root / name).is_file():
                shutil.copyfile(self.root / name, folder / name)
        _move(_RUN_FILES, self.root, folder)
        (folder / _ARCHIVING).unlink()
        return folder

    def previous_runs_with_journal(self) -> list[Path]:
        """Return the folders of archived runs that have a journal, newest first."""
        return [journal.parent for journal in reversed(list_matching(self.previous_runs, "*/journal.jsonl"))]

    def restore_run(self, folder: Path) -> None:
        """Move an archived run back with its settings and its split; archive the current run first."""
        write_bytes(folder / _RESTORING, b"")
        _move((*COPIED_FILES, *_RUN_FILES), folder, self.root)
        (folder / _RESTORING).unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()

    def _complete_moves(self) -> list[str]:
        """Complete the moves of runs that a killed process left, and return a notice for each; the lock must be held.

        A move to an archive that has moved nothing yet is undone, because the run to resume may be the one that moved.
        """
        notices = []
        for folder in sorted({mark.parent for mark in self.previous_runs.glob("*/.*ing")}):
            if any(_has_content(folder / name) and _has_content(self.root / name) for name in _RUN_FILES):
                for mark in (_ARCHIVING, _RESTORING):  # another run has begun since then
                    (folder / mark).unlink(missing_ok=True)
            elif (folder / _RESTORING).exists():
                self.restore_run(folder)
                notices.append(f"An interrupted move was completed: the run in {folder} is back in {self.root}.")
            elif any(_has_content(folder / name) for name in _RUN_FILES):
                _move(_RUN_FILES, self.root, folder)
                (folder / _ARCHIVING).unlink()
                notices.append(f"An interrupted move was completed: the previous run is in {folder}.")
            else:
                for name in (*COPIED_FILES, _ARCHIVING):
                    (folder / name).unlink(missing_ok=True)
                folder.rmdir()
        return notices

    def set_aside(self, file: Path) -> Path:
        """Rename a file that cannot be used to `<name>.unusable<suffix>` and return its new path."""
        names = (f"{file.stem}.unusable{number}{file.suffix}" for number in ("", *range(2, 1000)))
        target = next(path for path in map(file.with_name, names) if not os.path.lexists(path))
        rename_file(file, target)
        return target


def deploy_path(checkpoint: Path) -> Path:
    """Return the path of the deploy sibling of a raw checkpoint."""
    return checkpoint.with_name(f"{checkpoint.stem}{DEPLOY_SUFFIX}.pth")


def _has_content(path: Path) -> bool:
    """Whether it is a file, or a folder with more than what systems leave there, such as `.DS_Store`."""
    return path.is_file() or (path.is_dir() and not all(find_file_reason(entry.name) for entry in path.iterdir()))


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    """Move the files and folders of these names that exist, durably."""
    for name in names:
        if (source / name).exists():
            rename_file(source / name, target / name)
    for folder in (target, source):
        sync_folder(folder)


def _process_number(temporary: Path) -> int:
    """Return the number of the process that made a temporary file; -1 for another name."""
    number = temporary.name.split(".")[-2]
    return int(number) if number.isdecimal() else -1


def _unique_folder(folder: Path) -> Path:
    candidate, number = folder, 2
    while candidate.exists():
        candidate, number = folder.with_name(f"{folder.name}_{number}"), number + 1
    return candidate
