"""Recognize files and folders that hold no photos of the user: thumbnails, deleted files, results of this program.

`find_file_reason` and `find_folder_reason` decide by the name alone, `find_results` by the names in a folder.
The folder that the user chose is never passed over itself, except as the results of a run (`find_run_results`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from trainer_core.data.split_folders import find_reduced_files, find_reduced_folders

_APPLE_DOUBLE = "a macOS note about another file (AppleDouble)"
_THUMBNAILS = "thumbnails"
_DELETED = "deleted files"
_SYSTEM = "files of the operating system"
_SNAPSHOTS = "snapshots of earlier versions"
_CACHE = "cached copies of another program"
_LIBRARY_COPIES = "reduced or edited copies in a photo library"
_RUN_RESULTS = "results of a run"
_WORKSPACE = "a workspace with results of runs"
_REDUCED = "reduced copies (LR) of photos"
_COPY = "a reduced copy (LR) of another photo, or made from one"
_SIMULATED = "synthetic watch photos of simulate"

_FOLDERS = {
    **dict.fromkeys(
        (
            "@eadir",  # Synology
            "@__thumb",  # QNAP
            "thumbs",
            "thumbnails",
            "_thumbs",
            "thmbnl",  # Sony cameras
            "ipod photo cache",
            "_vti_cnf",  # FrontPage
        ),
        _THUMBNAILS,
    ),
    **dict.fromkeys(
        (
            "#recycle",  # Synology, Samba
            "@recycle",  # QNAP
            "$recycle.bin",
            "recycler",
            "recycled",
            "recycle bin",
            "network trash folder",  # netatalk
            "files_trashbin",  # Nextcloud
        ),
        _DELETED,
    ),
    **dict.fromkeys(
        (
            "lost+found",
            "system volume information",
            "@tmp",  # Synology
            "temporary items",  # netatalk
            "thevolumesettingsfolder",
            "config.msi",
            "lost.dir",  # Android
            "found.000",
        ),
        _SYSTEM,
    ),
    **dict.fromkeys(
        (
            "#snapshot",  # Synology
            "@recently-snapshot",  # QNAP
            "~snapshot",  # NetApp
            "files_versions",  # Nextcloud
        ),
        _SNAPSHOTS,
    ),
    **dict.fromkeys(("__macosx", "appledouble"), _APPLE_DOUBLE),
    **dict.fromkeys(("captureone", "cache", "node_modules", "site-packages", "__pycache__"), _CACHE),
    **dict.fromkeys(("preview_photos", "previous_runs"), _RUN_RESULTS),
    "previews": "previews, not the originals",  # of a run, of Aperture and Lightroom
}
_FOLDER_SUFFIXES = {".lrdata": _CACHE, ".lrcat-data": _CACHE}  # Lightroom
_FOLDER_PREFIXES = {"appdata_oc": _CACHE}  # Nextcloud
_LIBRARY_SUFFIXES = (".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary")
_LIBRARY_NAMES = ("iphoto library", "photo booth library")
_LIBRARY_ORIGINALS = ("originals", "masters", "pictures")
_FILES = {"thumbs.db": _THUMBNAILS, "ehthumbs.db": _THUMBNAILS, "ehthumbs_vista.db": _THUMBNAILS}
_THUMBNAIL_FILE = re.compile(r"syno(photo|file)_thumb_|albumart(_\{|small\.)", re.IGNORECASE)

_RUN_FILES = ("training_config.json", "dataset_splits.json", "journal.jsonl", "trainer.log")
_RUN_FOLDERS = ("checkpoints", "models", "previews", "preview_photos", "scenes", "previous_runs", "tensorboard")
_SIMULATION_FOLDERS = ("lr", "target")


def find_file_reason(name: str) -> str:
    """Return why a file is passed over by its name, or ""."""
    if name.startswith("._"):
        return _APPLE_DOUBLE
    if name.startswith("."):
        return "hidden"
    return _FILES.get(name.lower()) or (_THUMBNAILS if _THUMBNAIL_FILE.match(name) else "")


def find_folder_reason(name: str, parent: str = "") -> str:
    """Return why a folder is passed over by its name, or "".

    Args:
        name: the folder's name.
        parent: the name of the folder that contains it, in which a photo library is recognized.
    """
    lower = name.lower()
    if lower in _FOLDERS:
        return _FOLDERS[lower]
    if lower.startswith("."):
        return _DELETED if lower.startswith(".trash") else _THUMBNAILS if lower == ".thumbnails" else "hidden"
    if lower not in _LIBRARY_ORIGINALS and parent.lower().endswith((*_LIBRARY_SUFFIXES, *_LIBRARY_NAMES)):
        return _LIBRARY_COPIES
    endings = (reason for suffix, reason in _FOLDER_SUFFIXES.items() if lower.endswith(suffix))
    beginnings = (reason for prefix, reason in _FOLDER_PREFIXES.items() if lower.startswith(prefix))
    return next((reason for reasons in (endings, beginnings) for reason in reasons), "")


def find_results(folder: Path, folders: Collection[str], names: Collection[str]) -> dict[str, str]:
    """Return what is or holds results of a program directly in `folder`, by name, with the reason.

    These are results of a run, synthetic watch photos, and the reduced copies of a data set: folders, and of a data set
    also files.

    Args:
        folder: a folder that may be a workspace or the output of simulate.
        folders: the names of the folders in it.
        names: the names of everything in it.
    """
    if is_workspace(names):
        return {name: _RUN_RESULTS for name in names if name.lower() in _RUN_FOLDERS}
    if all(name in names for name in _SIMULATION_FOLDERS):
        lr, target = ({path.stem for path in _iterate_pngs(folder / name)} for name in _SIMULATION_FOLDERS)
        if target and target <= lr:
            return dict.fromkeys(_SIMULATION_FOLDERS, _SIMULATED)
    reduced = [*find_reduced_folders(folders), *(name for name in folders if name == "lr")]
    copies = find_reduced_files(name for name in names if name not in folders)
    return {**dict.fromkeys(reduced, _REDUCED), **dict.fromkeys(copies, _COPY)}


def find_workspace_reason(names: Collection[str]) -> str:
    """Return why a folder below the chosen one is passed over because of the names in it, or ""."""
    return _WORKSPACE if is_workspace(names) else ""


def is_workspace(names: Collection[str]) -> bool:
    """Whether the names in a folder are those of a workspace, even if some of its files are lost."""
    files = sum(name in names for name in _RUN_FILES)
    folders = sum(name in names for name in _RUN_FOLDERS)
    has_own_name = any(name in names for name in ("training_config.json", "preview_photos", "previous_runs"))
    return has_own_name or (files > 0 and files + folders > 1) or folders > 2


def find_run_results(folder: Path) -> Path | None:
    """Return the folder of a workspace's results that is or contains `folder`, or None.

    Built-in scenes do not count: they may be trained on.
    """
    for below in (folder, *folder.parents):
        name = below.name.lower()
        if name in _RUN_FOLDERS and name != "scenes" and is_workspace(_list_names(below.parent)):
            return below
    return None


def _list_names(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()


def _iterate_pngs(folder: Path) -> Iterator[Path]:
    return (folder / name for name in _list_names(folder) if name.endswith(".png"))
