"""Blind comparison of two models on the user's photos, in the browser: which image is better?"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from trainer_core.blind.comparison import DEFAULT_PAIRS, MAX_PAIRS
from trainer_core.blind.page import BlindPage
from trainer_core.blind.record import read_compared_model
from trainer_core.blind.session import BlindSession
from trainer_core.errors import UserError
from trainer_core.files import file_identity
from trainer_core.input_files import explain_missing
from trainer_core.starters.registry import find_model
from trainer_core.thread_choice import TorchThreads
from trainer_core.verbs.photo_choice import Refused, choose_pictures
from trainer_core.verbs.picture_files import find_pictures
from trainer_core.verbs.upscale import Upscaler

BlindProgress = Callable[[int, int], None]


def prepare_comparison(
    models: tuple[Path | str, Path | str],
    photos: Sequence[Path | str],
    *,
    pairs: int = DEFAULT_PAIRS,
    out: Path | str | None = None,
    device: str = "auto",
    seed: int | None = None,
    progress: BlindProgress | None = None,
) -> tuple[BlindSession, Refused]:
    """Upscale photos with two models, and return the session and the files that cannot be used, with the reason.

    Args:
        models: weight files, or names of built-in models such as "wqv1_x4".
        photos: files, and folders with their subfolders.
        pairs: largest number of pairs; photos are then chosen at random.
        out: new file for the answers; None for a new one beside the first model, or in the current folder if that is a
            built-in one.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
        seed: seed of the order of pairs and sides; None for a new one each time.
        progress: called with the number of photos that are upscaled, and of all.

    Raises:
        UserError: a model cannot be used, `out` exists or its folder is missing, or there is no picture.
    """
    if not 1 <= pairs <= MAX_PAIRS:
        raise UserError(f"--pairs must be from 1 to {MAX_PAIRS}, not {pairs}.")
    paths = [find_model(model) for model in models]
    if file_identity(paths[0]) is not None and file_identity(paths[0]) == file_identity(paths[1]):
        raise UserError(f"Both models are the file {paths[0]}. Choose two different ones.")
    files = list(find_pictures([Path(photo) for photo in photos]))
    if out is not None:
        _check_output(Path(out))
    upscalers = [Upscaler(path, device=device) for path in paths]
    refused: Refused = []
    seed = secrets.randbits(31) if seed is None else seed
    chosen = choose_pictures(files, pairs, refused, seed=seed)
    session = BlindSession(
        (read_compared_model(paths[0]), read_compared_model(paths[1])),
        [(photo.name, photo.pixels) for photo in chosen],
        pairs=pairs,
        seed=seed,
        out=None if out is None else Path(out),
    )
    reported = 0
    with TorchThreads(can_change=upscalers[0].hardware.kind == "cpu") as threads:
        for upscaler in upscalers:
            upscaler.threads = threads
        for _ in session.iterate_upscaling(upscalers):
            if progress is not None and len(session.images) > reported:
                reported = len(session.images)
                progress(reported, len(session.comparison.pairs))
    unusable = [upscaler.unusable_notice for upscaler in upscalers if upscaler.is_unusable]
    if unusable:
        raise UserError(unusable[0])
    return session, refused


def ask_in_browser(session: BlindSession, show_page: Callable[[str], None], on_answer: Callable[[], None]) -> None:
    """Serve the page with the pairs until all are answered.

    Args:
        session: all its photos are upscaled.
        show_page: called with the address of the page.
        on_answer: called after each answer.
    """
    with BlindPage(session, on_answer) as page:
        show_page(page.address)
        page.wait()


def _check_output(out: Path) -> None:
    if not os.path.isdir(out.parent):
        raise UserError(f"{explain_missing(out.parent, 'folder')} Create it or choose another one.")
    if os.path.lexists(out):
        raise UserError(f"{out} already exists. Choose another name for the answers.")
