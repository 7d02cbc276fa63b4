"""The model card of a starter, `NAME.json` beside `NAME.pth`: where it comes from and what it reaches (no torch).

`benchmarks/starters.py` trains starters, measures them and writes both files. docs/formats.md lists the keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer_core.errors import UserError
from trainer_core.input_files import read_regular
from trainer_core.json_files import check_version, read_json
from trainer_core.model.spec import NetworkSpec
from trainer_core.watches import WATCHES, Watch

SCHEMA = 1
_ADVICE = "Install the program again."


@dataclass(frozen=True)
class Measurement:
    """PSNR in dB and SSIM of a starter on named frames, beside those of bicubic enlargement.

    Args:
        frames: what the frames are, for readers.
        count: number of frames.
        psnr: mean PSNR of the starter; the other figures likewise.
        scenes_seed: seed of the built-in scenes 0 to `count` - 1 of 512x512 from which the frames are cut; None for
            frames of photos.
    """

    frames: str
    count: int
    psnr: float
    ssim: float
    bicubic_psnr: float
    bicubic_ssim: float
    scenes_seed: int | None = None

    @property
    def gain(self) -> float:
        """PSNR above bicubic enlargement, in dB."""
        return self.psnr - self.bicubic_psnr


@dataclass(frozen=True)
class Starter:
    """A ready model that comes with the program.

    Args:
        path: its weight file.
        watch: the watch whose photos it upscales.
        scale: upscale factor.
        spec: dimensions of its network.
        sha256: SHA-256 of the weight file, hexadecimal.
        mirrors: the mirrored inputs whose average measurably helps: any of `verbs.mirroring.MIRRORS`.
        measured: its figures on several sets of frames.
        card: the whole content of the card.
    """

    path: Path
    watch: Watch
    scale: int
    spec: NetworkSpec
    sha256: str
    mirrors: tuple[str, ...]
    measured: tuple[Measurement, ...]
    card: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Its name, such as "wqv1_x4_starter"; the name of its files without suffix."""
        return self.path.stem

    @property
    def is_intact(self) -> bool:
        """Whether the weight file has the SHA-256 of the card."""
        return hashlib.sha256(read_regular(self.path)).hexdigest() == self.sha256


def starter_name(watch: Watch, scale: int) -> str:
    """Return the name of the starter of a watch and scale; it holds exactly one scale mark, as the viewer requires."""
    return f"{watch.profile}_x{scale}_starter"


def read_card(path: Path) -> Starter:
    """Read the card of a starter.

    Args:
        path: the card; the weight file lies beside it.

    Raises:
        UserError: the card cannot be read, or lacks something.
    """
    card = read_json(path, advice=_ADVICE)
    try:
        check_version(card, "schema", SCHEMA, str(path), advice=_ADVICE)
        watch = next(watch for watch in WATCHES.values() if watch.profile == card["watch"])
        return Starter(
            path.with_suffix(".pth"),
            watch,
            int(card["scale"]),
            NetworkSpec(**card["network"]),
            str(card["sha256"]),
            tuple(card["mirrors"]),
            tuple(Measurement(**figures) for figures in card["measured"]),
            card,
        )
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
        raise UserError(f"The model card {path} is incomplete ({type(error).__name__}: {error}). {_ADVICE}") from error
