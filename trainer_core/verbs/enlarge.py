"""Enlarging of photos without a training: each photo by the built-in model that suits it, with its colors preserved.

`enlarge` differs from `upscale`, to which the user names a model: the photo decides between the models for the mono and
the color watch (`photo_models`), its mean color stays, and the PNG file names the model.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.files import file_identity, unique_name
from trainer_core.thread_choice import TorchThreads
from trainer_core.verbs.output_files import (
    describe_enlargement,
    make_folder,
    refuse_mixing,
    refuse_overwriting,
    refuse_replacing_others,
    save_png,
)
from trainer_core.verbs.photo_models import PhotoModels
from trainer_core.verbs.picture_files import find_pictures, read_pictures

_MAX_NAMES_SHOWN = 3

EnlargeProgress = Callable[[int, int, str, int, int], None]


@dataclass
class EnlargeResult:
    """The outcome of `enlarge`.

    Args:
        written: files written.
        models: number of files that each model made, by its name.
        refused: files that cannot be used, with the reason.
        notices: sentences for the user.
    """

    written: list[Path] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def format_summary(self) -> str:
        """Return a summary in one line."""
        by_model = ", ".join(f"{count} by {name}" for name, count in self.models.items())
        return f"Photos enlarged: {by_model or 0}."


def enlarge(
    photos: Sequence[Path | str],
    out_dir: Path | str,
    *,
    scale: int | None = None,
    model: Path | str | None = None,
    best: bool = False,
    device: str = "auto",
    progress: EnlargeProgress | None = None,
) -> EnlargeResult:
    """Enlarge photos, folders of photos and watch files, and write `out_dir/NAME.png` for each picture.

    Args:
        photos: files, and folders with their subfolders, but for `out_dir`.
        out_dir: folder for the results, created if missing.
        scale: 2, 4 or 8; None for 4 or, with `model`, for its scale.
        model: an RRDB weight file for all photos, in place of the built-in models.
        best: average what a built-in model makes of mirrored photos as well, where its card says that this helps.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
        progress: called with the number of the file, the number of files, the name of the picture, the number of its
            finished tiles and of all its tiles.

    Raises:
        UserError: there is no picture, there are no built-in models, or `model`, `device` or `out_dir` cannot be used.
    """
    out_dir = Path(out_dir)
    paths = [Path(photo) for photo in photos]
    refuse_mixing(paths, out_dir)
    files = list(find_pictures(paths, results=out_dir))
    models = PhotoModels(scale=scale, model=model, best=best, device=device)
    done = EnlargeResult()
    names: set[str] = set()
    others: list[str] = []
    inputs = {file_identity(file) for file in files}
    is_new = not os.path.lexists(out_dir)
    make_folder(out_dir)
    with TorchThreads(can_change=models.hardware.kind == "cpu") as models.threads:
        for number, file in enumerate(files, 1):
            try:
                with explain_out_of_memory("read the picture"):
                    pictures = read_pictures(file)
                for picture in pictures:
                    target = out_dir / f"{unique_name(picture.name, names)}.png"
                    refuse_overwriting(target, inputs, "one of the photos to enlarge. Choose another folder.")
                    refuse_replacing_others(target)
                    report = partial(progress, number, len(files), picture.name) if progress else None
                    chosen = models.choose(picture.watch)
                    pixels = chosen.enlarge(picture.pixels, report)
                    sha256 = chosen.upscaler.sha256
                    text = describe_enlargement(picture.name, file, chosen.scale, chosen.description, sha256)
                    done.written.append(save_png(pixels, target, text=text, taken=picture.taken))
                    done.models[chosen.upscaler.name] += 1
                    others += [] if picture.is_capture else [picture.name]
            except UserError as error:
                done.refused.append((file, str(error) if str(file) in str(error) else f"{file}: {error}"))
    if is_new and not done.written:
        with suppress(OSError):
            out_dir.rmdir()
    done.notices = [*models.find_notices(), *_describe_others(others)]
    return done


def _describe_others(names: list[str]) -> Iterator[str]:
    """Yield a sentence on the pictures that are no captures."""
    if names:
        shown = ", ".join(names[:_MAX_NAMES_SHOWN]) + (", …" if len(names) > _MAX_NAMES_SHOWN else "")
        is_one = len(names) == 1
        subject, end = (
            ("does", "result may be no better than the original")
            if is_one
            else ("do", "results may be no better than the originals")
        )
        yield f"{shown} {subject} not come unchanged from a watch, which the models are made for, so the {end}."
