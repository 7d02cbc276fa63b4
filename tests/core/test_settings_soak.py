"""Settings, splits, profiles and journals with random content: each is used or refused in a sentence, never a crash.

The short form tries 300 of each; `--long` tries 20,000.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

import pytest

from trainer_core.camera import CameraProfile
from trainer_core.data.photos import Photo, Scan
from trainer_core.data.splits import make_splits, read_splits, splits_to_json
from trainer_core.errors import UserError
from trainer_core.events import event_from_json
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.merge import resolve_settings
from trainer_core.settings.stored import StoredSettings, settings_to_json
from trainer_core.sinks.journal import read_journal
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.unfinished import find_unfinished_run

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 10**6, 10**30, 10**400, -(10**400), 0.5, -0.0, 1e-320, 1e308),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        " ",
        "auto",
        "latest",
        "x" * 10_000,
        "a\0b",
        "\ud800",
        "../..",
        "∞",
    ),
    *([], [None], [0.9, 0.99], [0.9, "x"], [[[]]], {}, {"a": {"b": [1]}}, [{}], ["train"], {"total": None}),
)
SCRAPS = (b"", b"\xff", b"[", b"}", b'"', b"\\u0000", b"[" * 20_000)


def mutate(value: Any, rng: random.Random) -> Any:
    """Return a copy with one to three keys or items replaced by odd values, removed, added or renamed."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        place, parent = value, value
        while isinstance(place, (dict, list)) and place and rng.random() < 0.8:
            key: Any = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
            parent, last, place = place, key, place[key]
        if parent is place or rng.random() < 0.03:
            value = copy.deepcopy(rng.choice(ODD))
        elif rng.random() < 0.75:
            parent[last] = copy.deepcopy(rng.choice(ODD))
        elif isinstance(parent, dict) and rng.random() < 0.5:
            parent[rng.choice(["", "schema", "version", "x" * 600, "é", "source_dir"])] = parent.pop(last, None)
        else:
            del parent[last]
        if not isinstance(value, (dict, list)):
            break
    return value


def write(value: Any, path: Path, rng: random.Random) -> None:
    """Write `value` as JSON; one in ten files is damaged as text as well."""
    data = bytearray(json.dumps(value).encode("ascii"))
    if rng.random() < 0.1:
        at = rng.randrange(len(data))
        data[at : at + rng.choice([0, 1, 100])] = rng.choice(
            [b"", b"\xff", b"[", b"}", b'"', b"\\u0000", b"[" * 20_000]
        )
    path.write_bytes(data)


def use_settings(path: Path) -> None:
    stored = Workspace(path.parent).read_settings()
    config = resolve_settings({"source_dir": "s", "workspace": "w", **stored.last_source}, stored.values)
    json.dumps(settings_to_json(config, stored=stored, derived=None, warm_start=None))


def use_splits(path: Path) -> None:
    photos = tuple(Photo(Path(name), name, 300, 300) for name in ("a.png", "b.png", "c.png", "d.png"))
    splits = make_splits(Scan(Path("/photos"), photos, ()), train_split=0.8, val_split=0.1, recorded=read_splits(path))
    json.dumps(splits_to_json(splits))


def use_profile(path: Path) -> None:
    json.dumps(CameraProfile.load(path).to_json(), allow_nan=False)


def use_journal(path: Path) -> None:
    for record in read_journal(path):
        event_from_json(record)
    (path.parent / "checkpoints").mkdir(exist_ok=True)
    (path.parent / "checkpoints" / "scale4_step3.pth").touch()
    find_unfinished_run(Workspace(path.parent))


STARTED: Mapping[str, Any] = {
    **{"event": "RunStarted", "run_id": "r", "workspace": "w", "scale": 4, "mono": True, "start_step": 0},
    **{"total_steps": 9, "device": "cpu", "precision": "fp32", "parameters": 1, "photos": {"train": 3}},
}
STEP = {
    **{"event": "StepDone", "step": 3, "total_steps": 9, "losses": {"total": 0.5}, "learning_rate": 1e-4},
    **{"gradient_norm": 1.0, "steps_per_second": 2.0, "elapsed": 3.0, "seconds_left": 4.0, "memory_bytes": 5},
}
VALIDATED = {
    **{"event": "Validated", "step": 3, "split": "val", "psnr": 25.0, "ssim": 0.8, "bicubic_psnr": 24.0},
    **{"bicubic_ssim": 0.7, "is_best": True, "frames": 4, "seconds": 1.0},
}
FINISHED = {"event": "RunFinished", "outcome": "stopped", "step": 3, "remedy": {"batch_size": 1}}

SUBJECTS: dict[str, tuple[Any, Callable[[Path], None]]] = {
    "training_config.json": (
        settings_to_json(
            TrainerConfig(source_dir="s", workspace="w"),
            stored=StoredSettings(workspace_id="w"),
            derived={"device": "cpu"},
            warm_start=None,
        ),
        use_settings,
    ),
    "dataset_splits.json": (
        {"version": 1, "source": "made", "train": ["a.png", "b.png"], "val": ["c.png"], "test": ["d.png"]},
        use_splits,
    ),
    "watch.json": (CameraProfile.builtin("wqv1").to_json(), use_profile),
    "journal.jsonl": ([dict(STARTED), STEP, VALIDATED, FINISHED], use_journal),
}


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", SUBJECTS)
def test_random_content_is_used_or_refused_in_a_sentence(name: str, count: int, tmp_path: Path) -> None:
    good, use = SUBJECTS[name]
    rng, path = random.Random(count), tmp_path / name
    used = refused = 0
    for _ in range(count):
        if name.endswith(".jsonl"):
            path.write_text("".join(json.dumps(mutate(record, rng)) + "\n" for record in good), "utf-8")
        else:
            write(mutate(good, rng), path, rng)
        content = path.read_bytes()
        try:
            use(path)
            used += 1
        except UserError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{name}: {content[:2000]!r}") from error
        assert path.read_bytes() == content
    assert used > count // 50 and (refused > count // 50 or name.endswith(".jsonl"))
