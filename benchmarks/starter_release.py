"""The release of a trained network as a starter: measured, stored as fp16 where that costs nothing, with its card.

`benchmarks/starters.py` uses `release`. A starter is only replaced by a better one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import trainer_core
from benchmarks.starter_frames import FrameSet
from trainer_core.files import write_json
from trainer_core.starters import registry
from trainer_core.starters.card import SCHEMA, Measurement, starter_name
from trainer_core.verbs.mean_color import match_mean_color
from trainer_core.verbs.mirroring import average_mirrored
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import Watch
from trainer_core.weights.export import prepare_deployable, prepare_export_state
from trainer_core.weights.network import load_network

MAX_FP16_COST = 0.01  # dB
MIN_MIRROR_GAIN = 0.02  # dB that averaging mirrored inputs must gain on every set of frames
_MIRROR_SETS: tuple[tuple[str, ...], ...] = (
    ("horizontal",),
    ("vertical",),
    ("horizontal", "vertical", "both"),
    ("horizontal_parity",),
    ("vertical_parity",),
    ("horizontal_parity", "vertical_parity", "both_parity"),
)


@dataclass(frozen=True)
class TrainedModel:
    """A network that could become a starter.

    Args:
        path: weight file of the network in its own size.
        watch: the watch whose photos it upscales.
        session: the facts of its training for the card: `run`, `steps`, `seconds`, `machine`, …
    """

    path: Path
    watch: Watch
    session: Mapping[str, Any]


class NotBetter(Exception):
    """The present starter is better on the same frames, or bicubic enlargement is."""


def release(trained: TrainedModel, frames: Sequence[FrameSet], *, force: bool = False) -> Path:
    """Write a starter and its card; the last set of frames decides whether it is better than the present one.

    Raises:
        NotBetter: it is not, and `force` is false.
    """
    network, source = load_network(trained.path)
    name = starter_name(trained.watch, source.spec.scale)
    path = registry.FOLDER / f"{name}.pth"
    old_card = _read_json(path.with_suffix(".json"))
    state = prepare_export_state(network.state_dict(), mono=False)
    meta = {"camera": trained.watch.profile, "trainer": _VERSION, "license": "Apache-2.0"}
    candidate = trained.path.with_name(f".{name}_candidate.pth")
    try:
        measured = {}
        for half in (False, True):
            prepare_deployable(candidate, state, source.spec, meta, half=half).write()
            measured[half] = measure(candidate, frames)
        half = all(full.psnr - short.psnr < MAX_FP16_COST for full, short in zip(measured[False], measured[True]))
        found = measured[half]
        print(*format_table(name, found), sep="\n", flush=True)
        if not force:
            _refuse_worse(found, path, frames)
        prepare_deployable(candidate, state, source.spec, meta, half=half).write()
        mirrors = choose_mirrors(candidate, frames)
    finally:
        candidate.unlink(missing_ok=True)
    sessions = _add_session(old_card, trained.session)
    total = {key: round(sum(session[key] for session in sessions)) for key in ("steps", "seconds")}
    prepare_deployable(path, state, source.spec, {**meta, "step": total["steps"]}, half=half).write()
    content = path.read_bytes()
    card = {
        "schema": SCHEMA,
        "name": name,
        "watch": trained.watch.profile,
        "scale": source.spec.scale,
        "network": source.spec.as_dict(),
        "precision": "fp16" if half else "fp32",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "license": "Apache-2.0",
        "trained_on": _list_material(sessions),
        **total,
        "sessions": sessions,
        "measured": [dataclasses.asdict(figures) for figures in found],
        "mirrors": list(mirrors),
    }
    write_json(path.with_suffix(".json"), card)
    return path


_VERSION = f"wqv-upscale-trainer {trainer_core.__version__}"


def measure(model: Path, frames: Sequence[FrameSet]) -> list[Measurement]:
    """Measure a weight file as `enlarge` uses it, with the mean color of the photo kept."""
    upscaler = Upscaler(model, device="cpu")
    return [entry.measure(lambda photo: _keep_color(upscaler, upscaler(photo), photo)) for entry in frames]


def choose_mirrors(model: Path, frames: Sequence[FrameSet]) -> tuple[str, ...]:
    """Return the mirrored inputs whose average gains most on the worst set of frames, if it gains enough."""
    upscaler = Upscaler(model, device="cpu")
    plain = measure(model, frames)
    gains = {}
    for mirrors in _MIRROR_SETS:

        def enlarge(photo: np.ndarray, mirrors: tuple[str, ...] = mirrors) -> np.ndarray:
            return _keep_color(upscaler, average_mirrored(upscaler, photo, mirrors), photo)

        gains[mirrors] = float("inf")
        for entry, before in zip(frames, plain):
            gain = entry.measure(enlarge).psnr - before.psnr
            print(f"mirrored {' + '.join(mirrors)}: {gain:+.3f} dB on {entry.description}", flush=True)
            gains[mirrors] = min(gains[mirrors], gain)
            if gain < MIN_MIRROR_GAIN:
                break
    best = max(gains, key=lambda mirrors: gains[mirrors])
    return best if gains[best] >= MIN_MIRROR_GAIN else ()


def format_table(name: str, measured: Sequence[Measurement]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {name} on | PSNR | bicubic | gain | SSIM | bicubic |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for m in measured:
        yield (
            f"| {m.frames} | {m.psnr:.2f} dB | {m.bicubic_psnr:.2f} dB | {m.gain:+.2f} dB | {m.ssim:.3f} | "
            f"{m.bicubic_ssim:.3f} |"
        )


def _keep_color(upscaler: Upscaler, result: np.ndarray, photo: np.ndarray) -> np.ndarray:
    return result if upscaler.gray else match_mean_color(result, photo)


def _refuse_worse(found: Sequence[Measurement], path: Path, frames: Sequence[FrameSet]) -> None:
    if path.exists():
        (present,) = measure(path, frames[-1:])
        if present.psnr >= found[-1].psnr:
            raise NotBetter(
                f"The present {path.name} reaches {present.psnr:.3f} dB on {present.frames}, this one "
                f"{found[-1].psnr:.3f} dB. Train longer, or use --force."
            )
    if found[-1].gain <= 0:
        raise NotBetter(f"Bicubic enlargement is better on {found[-1].frames}. Train longer, or use --force.")


def _add_session(card: Mapping[str, Any], session: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the sessions of a card with a new one, which replaces earlier states of the same run.

    A session that did not start from the present starter leaves none of the earlier ones.
    """
    earlier = [dict(entry) for entry in card.get("sessions", [])]
    runs = [entry["run"] for entry in earlier]
    if session["run"] in runs:
        earlier = earlier[: runs.index(session["run"])]
    elif (session["started_from"] or {}).get("sha256") != card.get("sha256"):
        earlier = []
    return [*earlier, dict(session)]


def _list_material(sessions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the sessions and the models that they started from were trained on."""
    texts = (
        text for entry in sessions for text in [*(entry["started_from"] or entry)["trained_on"], *entry["trained_on"]]
    )
    return list(dict.fromkeys(texts))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
