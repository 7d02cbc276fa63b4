"""Starters of small networks, as if they came with the program."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.core.networks import network_of
from trainer_core.model.spec import NetworkSpec
from trainer_core.starters import registry
from trainer_core.starters.card import starter_name
from trainer_core.watches import WATCHES, select_watch
from trainer_core.weights.export import prepare_deployable, prepare_export_state


def use_starters(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> None:
    """Let the program find exactly these starters, such as "wqv1_x4"."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        watch, scale = name.split("_x")
        make_starter(folder, mono=watch == "wqv1", scale=int(scale))
    monkeypatch.setattr(registry, "FOLDER", folder)


def make_starter(folder: Path, *, mono: bool, scale: int, **card: Any) -> Path:
    """Write a starter with a card without figures, and return its weight file; entries of `card` replace its own."""
    folder.mkdir(parents=True, exist_ok=True)
    watch, spec = select_watch(mono=mono), NetworkSpec(scale, 8, 1, 8)
    path = folder / f"{starter_name(watch, scale)}.pth"
    state = prepare_export_state(
        network_of(spec, seed=scale + 10 * list(WATCHES).index(watch.kind)).state_dict(), mono=mono
    )
    prepare_deployable(path, state, spec, {"camera": watch.profile, "step": 7}, half=True).write()
    content = {
        "schema": 1,
        "name": path.stem,
        "watch": watch.profile,
        "scale": scale,
        "network": spec.as_dict(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "mirrors": [],
        "measured": [],
        **card,
    }
    path.with_suffix(".json").write_text(json.dumps(content), encoding="utf-8")
    return path
