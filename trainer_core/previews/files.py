"""Files of previews: names, PNG text, writing and finding.

A validation frame is `step00000100_1.png`, a pinned photo `step00000100_pinned_NAME.png`. The part after the step is
the key of the image, the same in every preview of a run. The PNG text holds the photo's name and the PSNR.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

import trainer_core
from trainer_core.data.decoding import PhotoError, read_png_texts
from trainer_core.events import PreviewImage
from trainer_core.files import write_bytes
from trainer_core.input_files import list_matching
from trainer_core.pixels import make_strip, mark_result, png_bytes
from trainer_core.text import escape_control_characters

# Keywords of the PNG's text.
_TITLE, _DESCRIPTION, _PSNR, _BICUBIC = "Title", "Description", "PSNR", "Bicubic PSNR"
_WEIGHTS = "Weights SHA-256"
_PINNED = "pinned_"
_NAME = re.compile(r"step(\d{8,})_(\d+|pinned_.+)\.png")


def image_keys(images: Sequence[PreviewImage]) -> tuple[str, ...]:
    """Return the key of each image: validation frames by number, pinned photos by name."""
    return tuple(f"{_PINNED}{image.name}" if image.hr is None else str(n) for n, image in enumerate(images, 1))


def file_keys(files: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of the images of one preview from the names of its files."""
    named = [parse_file_name(Path(file)) for file in files]
    return tuple(found[1] for found in named if found)


def pinned_name(key: str) -> str:
    """Return the name of the pinned photo with this key, or "" for a validation frame."""
    return key[len(_PINNED) :] if key.startswith(_PINNED) else ""


def file_name(step: int, key: str) -> str:
    """Return the file name of an image of a preview."""
    return f"step{step:08d}_{key}.png"


def parse_file_name(path: Path) -> tuple[int, str] | None:
    """Return the step and key in a name made by `file_name`, or None for another name."""
    found = _NAME.fullmatch(path.name)
    return (int(found.group(1)), found.group(2)) if found else None


@dataclass(frozen=True)
class PreviewInfo:
    """Text of a preview file; PSNR in dB, None for pinned photos and files of earlier versions."""

    name: str
    psnr: float | None = None
    bicubic_psnr: float | None = None


def write_preview(image: PreviewImage, path: Path, *, made_by: str, weights: str) -> None:
    """Write the strip of an image durably: LR enlarged to the size of the others, bicubic, SR and, if given, HR.

    Args:
        image: the pictures.
        path: the PNG file to write.
        made_by: says which network made SR, for the text of the file.
        weights: the digest of its weights, as `weights_sha256` of a model has it.
    """
    text = PngInfo()
    text.add_text(_WEIGHTS, weights)
    text.add_text(_DESCRIPTION, f"SR by {made_by}, {trainer_core.PROGRAM}")
    text.add_itxt(_TITLE, escape_control_characters(image.name))
    for keyword, value in ((_PSNR, image.psnr), (_BICUBIC, image.bicubic_psnr)):
        if value is not None:
            text.add_text(keyword, f"{value:.4f}")
    parts = [image.lr, image.bicubic, image.sr] + ([] if image.hr is None else [image.hr])
    write_bytes(path, png_bytes(make_strip(parts), text=mark_result(text)))


def read_preview_info(path: Path) -> PreviewInfo:
    """Read the text that `write_preview` wrote, without decoding pixels; without text, take the name from the path."""
    named = parse_file_name(path)
    name = (pinned_name(named[1]) or f"picture {named[1]}") if named else path.stem
    try:
        text = read_png_texts(path)
    except PhotoError:
        text = {}
    return PreviewInfo(text.get(_TITLE) or name, _parse_number(text.get(_PSNR)), _parse_number(text.get(_BICUBIC)))


def read_provenance(path: Path) -> dict[str, str]:
    """Return the text of a preview file that says what it shows and what made it; {} if it cannot be read."""
    try:
        text = read_png_texts(path)
    except PhotoError:
        return {}
    return {keyword: text[keyword] for keyword in (_TITLE, _DESCRIPTION, _WEIGHTS) if keyword in text}


def _parse_number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def find_previews(folder: Path) -> dict[int, tuple[str, ...]]:
    """Return step -> keys of the images on disk: validation frames by number, then pinned photos by name."""
    found: dict[int, list[str]] = {}
    for path in list_matching(folder, "step*.png"):
        named = parse_file_name(path)
        if named:
            found.setdefault(named[0], []).append(named[1])
    return {step: tuple(sorted(found[step], key=_sort_key)) for step in sorted(found)}


def _sort_key(key: str) -> tuple[bool, int, str]:
    return (False, int(key), "") if key.isdigit() else (True, 0, key)
