"""Preview files: `step00000100_1.png` for a validation frame, `step00000100_pinned_NAME.png` for one of the user's own
watch photos. The part after the step is the picture's key, the same in every preview of a run. The PNG's text says
which photo it is and the PSNR.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from trainer_core.data.decoding import PhotoError, read_png_texts
from trainer_core.events import PreviewImage
from trainer_core.files import write_bytes
from trainer_core.pixels import make_strip, png_bytes

_TITLE, _PSNR, _BICUBIC = "Title", "PSNR", "Bicubic PSNR"  # keywords of the PNG's text
_PINNED = "pinned_"
_NAME = re.compile(r"step(\d{8,})_(\d+|pinned_.+)\.png")


def sample_keys(samples: Sequence[PreviewImage]) -> tuple[str, ...]:
    """Each sample's key: validation frames by number, pinned photos by name."""
    return tuple(f"{_PINNED}{sample.name}" if sample.hr is None else str(n) for n, sample in enumerate(samples, 1))


def file_keys(files: Sequence[str]) -> tuple[str, ...]:
    """The same from the names of the files of one preview."""
    named = [parse_file_name(Path(file)) for file in files]
    return tuple(found[1] for found in named if found)


def pinned_name(key: str) -> str:
    """The pinned photo that a key stands for, or "" for a validation frame."""
    return key[len(_PINNED) :] if key.startswith(_PINNED) else ""


def file_name(step: int, key: str) -> str:
    """Where a picture of a preview is written, within `previews/`."""
    return f"step{step:08d}_{key}.png"


def parse_file_name(path: Path) -> tuple[int, str] | None:
    """What `file_name` was made of, or None for another file."""
    found = _NAME.fullmatch(path.name)
    return (int(found.group(1)), found.group(2)) if found else None


@dataclass(frozen=True)
class PreviewInfo:
    """What a preview file says of itself; PSNR in dB, None for pinned photos and files of earlier versions."""

    name: str
    psnr: float | None = None
    bicubic_psnr: float | None = None


def write_preview(sample: PreviewImage, path: Path) -> None:
    """Write the strip of a sample durably: LR at the size of the others, bicubic, SR and, if there is one, HR."""
    text = PngInfo()
    text.add_itxt(_TITLE, sample.name)
    for keyword, value in ((_PSNR, sample.psnr), (_BICUBIC, sample.bicubic_psnr)):
        if value is not None:
            text.add_text(keyword, f"{value:.4f}")
    images = [image for image in (sample.lr, sample.bicubic, sample.sr, sample.hr) if image is not None]
    write_bytes(path, png_bytes(make_strip(images), text=text))


def read_preview_info(path: Path) -> PreviewInfo:
    """What `write` noted, read without decoding the picture; of other files what their names say."""
    named = parse_file_name(path)
    name = (pinned_name(named[1]) or f"picture {named[1]}") if named else path.stem
    try:
        text = read_png_texts(path)
    except PhotoError:
        text = {}
    return PreviewInfo(text.get(_TITLE) or name, _parse_number(text.get(_PSNR)), _parse_number(text.get(_BICUBIC)))


def _parse_number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def find_previews(folder: Path) -> dict[int, tuple[str, ...]]:
    """Step -> keys of the pictures on disk: validation frames by number, then pinned photos by name."""
    found: dict[int, list[str]] = {}
    for path in folder.glob("step*.png") if folder.is_dir() else ():
        named = parse_file_name(path)
        if named:
            found.setdefault(named[0], []).append(named[1])
    return {step: tuple(sorted(found[step], key=_sort_key)) for step in sorted(found)}


def _sort_key(key: str) -> tuple[bool, int, str]:
    return (False, int(key), "") if key.isdigit() else (True, 0, key)
