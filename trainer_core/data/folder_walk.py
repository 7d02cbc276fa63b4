"""Walk through a folder of the user's: `FolderWalk` yields every file that is not passed over and notes what is.

A name is the path relative to the folder with forward slashes. A folder with several links is entered once. A link to
a folder outside is followed and noted; a link to a folder around the chosen one is not.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainer_core.data.passed_over import (
    find_file_reason,
    find_folder_reason,
    find_results,
    find_run_results,
    find_workspace_reason,
)
from trainer_core.errors import UserError
from trainer_core.files import file_identity

_MAX_DEPTH = 64


@dataclass(frozen=True)
class UnusedFile:
    """One file or folder that is not used, and the reason; the name of a folder ends in "/"."""

    name: str
    reason: str


@dataclass(frozen=True)
class _Folder:
    path: Path
    name: str  # "" for the chosen folder, otherwise with "/" at the end
    depth: int
    outside: str = ""  # where a link out of the chosen folder leads


@dataclass
class FolderWalk:
    """The files below `root`, once `iterate_files` has been consumed with what was not entered.

    Attributes:
        root: the chosen folder.
        exclude: folders to leave out without a word.
        unreadable: folders that cannot be read.
        passed_over: files and folders that hold no photos of the user.
        linked: links to folders outside of `root`, whose files are used; the reason is the folder.
    """

    root: Path
    exclude: Collection[Path] = ()
    unreadable: list[UnusedFile] = field(default_factory=list)
    passed_over: list[UnusedFile] = field(default_factory=list)
    linked: list[UnusedFile] = field(default_factory=list)

    def iterate_files(self) -> Iterator[tuple[str, Path]]:
        """Yield every file as (name, path), of each folder in the order of the names' bytes.

        Raises:
            UserError: `root` cannot be read.
        """
        seen = {file_identity(path) for path in self.exclude}
        pending = [_Folder(self.root, "", 0)]
        while pending:
            folder = pending.pop()
            identity = file_identity(folder.path)
            if folder.depth > _MAX_DEPTH or (identity is not None and identity in seen):
                continue
            seen.add(identity)
            entries = self._list_entries(folder)
            names = [entry.name for entry in entries]
            reason = find_workspace_reason(names) if folder.name else ""
            if reason:
                self.passed_over.append(UnusedFile(folder.name, reason))
                continue
            if folder.outside:
                self.linked.append(UnusedFile(folder.name, folder.outside))
            folders = {entry.name for entry in entries if _is_folder(entry)}
            results = find_results(folder.path, folders, names)
            links: list[_Folder] = []
            for entry in entries:
                reason = results.get(entry.name, "")
                if entry.name not in folders:
                    if self._is_used(folder.name + entry.name, reason or find_file_reason(entry.name)):
                        yield folder.name + entry.name, folder.path / entry.name
                    continue
                below = _Folder(folder.path / entry.name, f"{folder.name}{entry.name}/", folder.depth + 1)
                reason = reason or find_folder_reason(entry.name, folder.path.name)
                if entry.is_symlink() and not reason:
                    target = Path(os.path.realpath(below.path))
                    below, reason = replace(below, outside=self._place_outside(target)), self._check_link(target)
                if file_identity(below.path) not in seen and self._is_used(below.name, reason):
                    (links if entry.is_symlink() else pending).append(below)
            pending[:0] = links  # entered last, so that names come from the folder itself, not from a link to it

    def _list_entries(self, folder: _Folder) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder.path) as entries:
                return sorted(entries, key=lambda entry: name_bytes(entry.name))
        except OSError as error:
            if not folder.name:
                raise UserError(
                    f"The source folder {self.root} cannot be read: {error.strerror}. Choose another folder."
                ) from error
            reason = f"the folder cannot be read: {error.strerror}"
            self.unreadable.append(UnusedFile(folder.name.rstrip("/"), reason))
            return []

    def _is_used(self, name: str, reason: str) -> bool:
        if reason:
            self.passed_over.append(UnusedFile(name, reason))
        return not reason

    def _place_outside(self, target: Path) -> str:
        root = Path(os.path.realpath(self.root))
        return "" if root in (target, *target.parents) else str(target)

    def _check_link(self, target: Path) -> str:
        """Return why a link to a folder is passed over, or ""."""
        if target in Path(os.path.realpath(self.root)).parents:
            return "a link to a folder that contains this one"
        if self._place_outside(target) and find_run_results(target) is not None:
            return "a link to results of a run"
        return find_folder_reason(target.name, target.parent.name)


def name_bytes(name: str) -> bytes:
    """Return the bytes by which a name is sorted and hashed; the same on every system."""
    return name.encode("utf-8", "surrogatepass")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
