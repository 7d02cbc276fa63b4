"""Output of the verbs: folders, PNG files, and protection of the input files from overwriting (no torch)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL.PngImagePlugin import PngInfo

import trainer_core
from trainer_core.data.date_taken import format_creation_time, make_exif
from trainer_core.data.decoding import is_result
from trainer_core.errors import UserError
from trainer_core.files import file_identity, write_bytes
from trainer_core.pasted_path import describe_foreign_path
from trainer_core.pixels import mark_result, png_bytes


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents if they are missing.

    Raises:
        UserError: the folder cannot be created.
    """
    foreign = describe_foreign_path(Path(os.path.abspath(folder)))
    if foreign:
        raise UserError(foreign)
    file = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)
    if os.path.lexists(file) and not os.path.isdir(file):
        raise UserError(f"{file} is a file. Choose a folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be created: {error.strerror}. Choose another folder.") from error


def refuse_overwriting(target: Path, inputs: Collection[tuple[int, int] | None], reason: str) -> None:
    """Refuse to write to an input file, also under another name or through a link.

    Args:
        target: file to write.
        inputs: `file_identity` of each input file.
        reason: rest of the message after "TARGET is ".

    Raises:
        UserError: `target` is one of `inputs`.
    """
    identity = file_identity(target)
    if identity is not None and identity in inputs:
        raise UserError(f"{target} is {reason}")


def refuse_replacing_others(target: Path) -> None:
    """Refuse to replace a file that is no result of this program; an earlier result is replaced.

    Raises:
        UserError: `target` is such a file.
    """
    if os.path.lexists(target) and not is_result(target):
        raise UserError(f"{target} already exists and was not made by this program. Choose another folder.")


def refuse_mixing(photos: Iterable[Path], out_dir: Path) -> None:
    """Refuse to write results into one of the folders with the photos, where the next search would find them.

    Raises:
        UserError: `out_dir` is one of them.
    """
    identity = file_identity(out_dir)
    if identity is not None and any(os.path.isdir(path) and file_identity(path) == identity for path in photos):
        example = out_dir / "enlarged"
        raise UserError(f"{out_dir} is the folder with the photos. Choose another one, such as {example}.")


def describe_enlargement(name: str, source: Path, scale: int, model: str, sha256: str) -> dict[str, str]:
    """Return the text of a PNG file with an enlarged photo: what it was made from, and by what.

    Args:
        name: name of the photo.
        source: its file.
        scale: factor.
        model: name and network of the model.
        sha256: that of its weight file, hexadecimal; "" for a blend, which has none.
    """
    by = f"{model}, {trainer_core.PROGRAM}"
    text = {"Title": name, "Source": source.name, "Description": f"Enlarged x{scale} by {by}"}
    return {**text, "Model SHA-256": sha256} if sha256 else text


def describe_comparison(name: str, source: Path, scale: int, models: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the text of a PNG file that shows the results of one or more models beside plain enlargement.

    Args:
        name: name of the photo.
        source: its file.
        scale: factor.
        models: each model and the SHA-256 of its weight file, as in `describe_enlargement`.
    """
    (first, sha256), *others = models
    text = describe_enlargement(name, source, scale, first, sha256)
    if others:
        named = [f"{model}, SHA-256 {sha256}" if sha256 else model for model, sha256 in others]
        text["Compared with"] = "; ".join(named)
    return text


def save_png(
    pixels: np.ndarray,
    target: Path,
    *,
    inputs: Iterable[Path] = (),
    text: Mapping[str, str] = MappingProxyType({}),
    taken: str = "",
) -> Path:
    """Write pixels durably as PNG and return `target`.

    Args:
        pixels: uint8 [H, W] or [H, W, 3].
        target: file to write.
        inputs: photos that must not be overwritten.
        text: text for the file, by keyword of the PNG standard, such as "Title".
        taken: date of the photo, as `read_date_taken` returns it.

    Raises:
        UserError: `target` is one of `inputs`, or cannot be written.
    """
    reason = "one of the photos to upscale. Choose another folder or name."
    refuse_overwriting(target, {file_identity(file) for file in inputs}, reason)
    info = PngInfo()
    creation = {"Creation Time": format_creation_time(taken)} if taken else {}
    for keyword, value in {**text, **creation}.items():
        info.add_text(keyword, value.encode("utf-8", "replace").decode("utf-8"))
    content = png_bytes(pixels, text=mark_result(info), exif=make_exif(taken))
    try:
        write_bytes(target, content)
    except OSError as error:
        raise UserError(
            f"{target} cannot be written: {error.strerror or error}. Make room, or choose another folder."
        ) from error
    return target
